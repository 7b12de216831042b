"""Where the Sun lies in an image: its WCS at another image size, and distances from disk centre."""

import numpy as np

SOLAR_RADII = (900.0, 1200.0)  # arcsec, to scale images to: AIA's span 2457.6


def rescaled(cards: dict, size: int) -> dict:
    """The WCS of an image after an exact average over blocks of pixels.

    The centre of FITS pixel 1 lies at 1, its edge at 0.5: a block of n pixels from the edge makes
    CRPIX' = (CRPIX - 0.5) / n + 0.5, and pixels n times as wide.

    Args:
        cards: FITS header cards of the stored image, NAXIS1 and NAXIS2 among them.
        size: pixels on a side after averaging.

    Returns:
        A new dict of cards.
    """
    step = cards["NAXIS1"] / size
    changed = {"NAXIS1": size, "NAXIS2": size}
    for axis in "12":
        changed[f"CRPIX{axis}"] = (cards[f"CRPIX{axis}"] - 0.5) / step + 0.5
        changed[f"CDELT{axis}"] = cards[f"CDELT{axis}"] * step
    if "R_SUN" in cards:  # the radius in pixels
        changed["R_SUN"] = cards["R_SUN"] / step
    return {**cards, **changed}


def magnified(cards: dict, factor: float) -> dict:
    """The WCS of an image that was scaled about its centre.

    Args:
        cards: FITS header cards of the image before, NAXIS1 and NAXIS2 among them.
        factor: how many times as wide everything in it is now.

    Returns:
        A new dict of cards: pixels of another scale, so that every place keeps its coordinates, and
        RSUN_OBS stays what the observer saw.
    """
    changed = {}
    for axis in "12":
        centre = (cards[f"NAXIS{axis}"] + 1) / 2
        changed[f"CRPIX{axis}"] = centre + (cards[f"CRPIX{axis}"] - centre) * factor
        changed[f"CDELT{axis}"] = cards[f"CDELT{axis}"] / factor
    if "R_SUN" in cards:  # the radius in pixels
        changed["R_SUN"] = cards["R_SUN"] * factor
    return {**cards, **changed}


def check_solar_radius(arcsec: float) -> None:
    """Refuses an apparent radius that images cannot be scaled to; 0 stands for none.

    Raises:
        ValueError: it is not 0, and no Sun of it fills the images without being cut off.
    """
    smallest, largest = SOLAR_RADII
    if arcsec and not smallest <= arcsec <= largest:
        raise ValueError(
            f"The Sun cannot be scaled to this apparent radius. Expected {smallest} to {largest} "
            f"arcsec, or 0 to leave images as observed. Received: solar_radius_arcsec={arcsec!r}. "
            "976 is the largest that AIA sees in a year."
        )


def distance(cards: dict, size: int, rsun_obs: float) -> np.ndarray:
    """Distance of each pixel from disk centre, in apparent solar radii.

    Args:
        cards: FITS header cards of an image of `size` pixels on a side, arcsec.
        size: pixels on a side.
        rsun_obs: apparent radius of the Sun, arcsec.

    Returns:
        float64 array, shape (size, size), row 0 in the south.
    """
    pixels = np.arange(1, size + 1)
    x, y = (
        cards.get(f"CRVAL{axis}", 0.0) + (pixels - cards[f"CRPIX{axis}"]) * cards[f"CDELT{axis}"]
        for axis in "12"
    )  # a rotation about disk centre changes no distance
    return np.hypot(x[None, :], y[:, None]) / rsun_obs
