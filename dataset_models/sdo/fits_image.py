"""One full-disk AIA image from a FITS file, in DN/s, or the reason why it is none."""

import dataclasses
import functools
import io
import math
import pathlib
import re
import warnings

import numpy as np
from astropy.io import fits
from astropy.time import Time
from astropy.utils.exceptions import AstropyUserWarning

from dataset_models.sdo import pointing
from dataset_models.sdo.decompression import stored_numbers
from dataset_models.sdo.header_cards import BadImageError, Cards
from dataset_models.sdo.pixels import Pixels

FIELD = 2457.6  # arcsec on a side: 4096 pixels of 0.6 arcsec, as level 1.5 is resampled
FIELD_TOLERANCE = 0.005
# The camera counts to 16383, but is not linear up to there: the JSOC's NSATPIX counts pixels above
# 15000 DN, and so do we. The synoptic images are means of 16 pixels, of which all must be bright:
# in flares they show 6 of 10 of those that have a saturated pixel in them.
SATURATED = 15000  # DN, before the division by the exposure
NAME = re.compile(r"_(\d{4})\.fits$")  # the wavelength that a file's name states
STAMP = re.compile(
    r"(\d{4})[-.](\d\d)[-.](\d\d)[T_ ](\d\d:\d\d:\d\d(?:\.\d+)?)(Z|_UTC|_TAI)?", re.ASCII
)
# What a WCS and a sunpy map of the image need, and what tells where it came from.
CARDS = (
    *("NAXIS1", "NAXIS2", "CTYPE1", "CTYPE2", "CUNIT1", "CUNIT2", "CRVAL1", "CRVAL2"),
    *("CDELT1", "CDELT2", "CRPIX1", "CRPIX2", "CROTA2", "PC1_1", "PC1_2", "PC2_1", "PC2_2"),
    *("TELESCOP", "INSTRUME", "WAVELNTH", "WAVEUNIT", "DATE-OBS", "T_OBS", "EXPTIME", "LVL_NUM"),
    *("DSUN_OBS", "DSUN_REF", "RSUN_OBS", "RSUN_REF", "R_SUN", "CRLN_OBS", "CRLT_OBS", "CAR_ROT"),
    *("HGLN_OBS", "HGLT_OBS", "HAEX_OBS", "HAEY_OBS", "HAEZ_OBS", "ORIGIN", "MPO_REC"),
)


@dataclasses.dataclass(frozen=True)
class Image:
    """One image of the whole Sun, or of a part of it.

    Attributes:
        pixels: `Pixels` (height, width) of DN/s per original 0.6 arcsec pixel, rows from south to
            north.
        channel: wavelength, Angstrom.
        t_obs: middle of the exposure, UTC.
        exposure: s.
        quality: the QUALITY word, unsigned.
        wcs: FITS header cards of its coordinates and its observer.
        rsun_obs: apparent radius of the Sun, arcsec.
        aec: AECTYPE, how the exposure was chosen; None where the header does not say.
        synthetic: no telescope made it.
        data: float32 array, the values of `pixels`; missing ones are NaN.
        saturated: number of pixels above `SATURATED`, which show less than there was.
    """

    pixels: Pixels
    channel: int
    t_obs: np.datetime64
    exposure: float
    quality: int
    wcs: dict
    rsun_obs: float
    aec: int | None
    synthetic: bool

    @functools.cached_property
    def data(self) -> np.ndarray:
        return self.pixels.values()

    @functools.cached_property
    def saturated(self) -> int:
        return self.pixels.count_above(SATURATED / self.exposure)


def read_image(
    path: str | pathlib.Path,
    channel: int | None = None,
    shape: tuple[int, int] | None = None,
    whole_disk: bool = True,
) -> Image:
    """Reads a full-disk image as the JSOC keeps it, RICE-compressed or plain.

    The Sun must be where `pointing` wants it: at the centre, north up, as large as its distance
    makes it.

    Header cards with the value `nan` count as missing. The data must be those of DATASUM, where the
    file has it; CHECKSUM is not looked at, since it is wrong on the synoptic archive's good files.

    Args:
        path: FITS file.
        channel: wavelength that it must have, Angstrom; the one in its name by default.
        shape: (height, width) that it must have; any square by default.
        whole_disk: False takes a part of the Sun as well, of any shape and scale.

    Raises:
        FileNotFoundError: there is no such file.
        BadImageError: it holds no such image; `reason` says why.
    """
    path = pathlib.Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        if not (path.exists() or path.is_symlink()):
            raise
        raise BadImageError(path, f"cannot be read: {error.strerror}") from error
    if content[:512].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise BadImageError(path, "an HTML page, not a FITS file; the server sent an error instead")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Invalid 'BLANK'", fits.verify.VerifyWarning)
            warnings.filterwarnings("error", "File may have been truncated", AstropyUserWarning)
            return _image(path, content, channel, shape, whole_disk)
    except BadImageError:
        raise
    except Exception as error:  # whatever broken bytes do to a decoder
        raise BadImageError(path, _broken(error)) from error


def parse_time(text: str) -> np.datetime64:
    """Time of a JSOC header card, such as 2014-01-01T00:00:01.07Z or 2014.01.01_00:00:36_TAI.

    Args:
        text: the card's value; UTC unless it ends in _TAI.

    Returns:
        datetime64 in ms, UTC.

    Raises:
        ValueError: no time.
    """
    text = str(text).strip()
    found = STAMP.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no time. Expected one such as 2014-01-01T00:00:01.07Z.")
    year, month, day, clock, scale = found.groups()
    stamp = f"{year}-{month}-{day}T{clock}"
    if scale == "_TAI":
        stamp = Time(stamp, scale="tai").utc.isot
    return np.datetime64(stamp, "ms")


def _image(path, content, channel, shape, whole_disk):
    # From memory, since broken files would stay open.
    with fits.open(io.BytesIO(content), disable_image_compression=True) as units:
        headers = ((number, Cards(path, unit.header)) for number, unit in enumerate(units))
        found = next(((i, cards) for i, cards in headers if _holds_image(units[i], cards)), None)
        if found is None:
            raise BadImageError(path, "no image in it; expected one in HDU 0 or 1")
        number, cards = found
        wavelength = _wavelength(path, cards, channel)
        _check_shape(path, cards, shape)
        _check_coordinates(path, cards, whole_disk)
        exposure = _exposure(path, cards)
        if units[number].verify_datasum() == 0:
            raise BadImageError(path, "damaged: DATASUM does not match the data")
        return Image(
            pixels=_pixels(path, stored_numbers(content, units, number, cards), cards, exposure),
            channel=wavelength,
            t_obs=_time(path, cards),
            exposure=exposure,
            quality=int(cards.number("QUALITY")) & 0xFFFFFFFF,
            wcs={name: value for name in CARDS if (value := cards.get(name)) is not None},
            rsun_obs=cards.number("RSUN_OBS"),
            aec=cards.get("AECTYPE"),
            synthetic=cards.get("SYNTHETIC") is True,
        )


def _holds_image(unit, cards):
    return (unit.is_image or cards.tiled) and cards.number("NAXIS") > 0


def _wavelength(path, cards, channel):
    instrument = cards.get("INSTRUME")
    if instrument is not None and not str(instrument).startswith("AIA"):
        raise BadImageError(path, f"not of AIA: INSTRUME is {instrument!r}")
    named = NAME.search(path.name)
    expected = channel or (int(named[1]) if named else None)
    wavelength = int(cards.number("WAVELNTH"))
    if expected not in (None, wavelength):
        reason = f"wrong wavelength: WAVELNTH is {wavelength} Angstrom, expected {expected}"
        raise BadImageError(path, reason)
    return wavelength


def _check_shape(path, cards, shape):
    width, height = (cards.number(name) for name in ("NAXIS1", "NAXIS2"))
    if cards.number("NAXIS") != 2 or (shape and tuple(shape) != (height, width)):
        wanted = f"{shape[0]} x {shape[1]}" if shape else "two axes"
        raise BadImageError(path, f"wrong shape: {height} x {width} pixels, expected {wanted}")


def _check_coordinates(path, cards, whole_disk):
    for name in ("CRPIX1", "CRPIX2"):
        if not math.isfinite(cards.number(name)):  # or missing: nothing says where the Sun is
            raise BadImageError(path, f"{name} is {cards.get(name)}; expected a finite number")
    if whole_disk:
        _check_field(path, cards)
    if reason := pointing.problem(cards, whole_disk):
        raise BadImageError(path, reason)


def _check_field(path, cards):
    width, height = (cards.number(name) for name in ("NAXIS1", "NAXIS2"))
    for pixels, name in ((width, "CDELT1"), (height, "CDELT2")):
        field = pixels * cards.number(name)
        if not math.isclose(field, FIELD, rel_tol=FIELD_TOLERANCE):
            reason = (
                f"not the whole disk: {height} x {width} pixels span {field:.1f} arcsec by {name}, "
                f"expected {FIELD} within {FIELD_TOLERANCE:.1%}"
            )
            raise BadImageError(path, reason)


def _exposure(path, cards):
    exposure = float(cards.number("EXPTIME"))
    if not (exposure > 0 and math.isfinite(exposure)):
        raise BadImageError(path, f"EXPTIME is {exposure} s; expected more than zero")
    return exposure


def _time(path, cards):
    text = cards.get("T_OBS")  # not DATE-OBS: the exposure's start, in another year at worst
    if text is None:
        raise BadImageError(path, "T_OBS is missing; expected the time of the image")
    try:
        return parse_time(text)
    except ValueError as error:
        raise BadImageError(path, f"T_OBS: {error}") from error


def _pixels(path, stored, cards, exposure):
    scale, zero = (cards.get(name) for name in ("BSCALE", "BZERO"))
    blank = cards.get("BLANK")
    blank = cards.get("ZBLANK") if blank is None else blank  # of compressed images
    blank = blank if stored.dtype.kind in "iu" else None  # on floats it says nothing
    scale = (1 if scale is None else scale) / exposure
    pixels = Pixels(stored, scale, (zero or 0) / exposure, blank)
    low, high = pixels.extremes()
    if np.isnan(low):
        raise BadImageError(path, "every pixel is NaN")
    if np.isinf(low) or np.isinf(high):
        raise BadImageError(path, "a pixel is infinite; expected numbers, or NaN where missing")
    if low == high:
        raise BadImageError(path, f"every pixel is {low} DN/s")
    return pixels


def _broken(error):
    if isinstance(error, AstropyUserWarning):
        return f"cut short: {' '.join(str(error).split())}"
    return f"not a FITS file that can be read: {' '.join(str(error).split())}"
