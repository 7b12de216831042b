"""Where the Sun lies in an image: its WCS at another image size, and distances from disk centre."""

import numpy as np


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
