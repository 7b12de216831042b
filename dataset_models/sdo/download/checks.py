"""Whether a file is the image that was asked for, whole and unchanged."""

import hashlib
import io
import pathlib
import threading
import warnings

import numpy as np
from astropy.io import fits

from dataset_models.sdo.download.archive import SHAPE
from dataset_models.sdo.fits_image import parse_time

FIRST_BYTES = b"SIMPLE  ="  # of every FITS file
FITS_BLOCK = 2880  # bytes that headers and data are padded to
# Between the time in a file's name and its T_OBS: 1 to 12 s in the archive's files at hand. The
# next file is of 2 minutes later, or of 3 near real time: its image must not pass for this one,
# also where it was taken 12 s off. structure_data.py is more generous with files that it finds.
TIME_TOLERANCE = np.timedelta64(90, "s")
_ONE_AT_A_TIME = threading.Lock()  # which warnings count is a matter of the whole process


class RefusedFileError(ValueError):
    """A file, or an answer, that is not the image that was asked for.

    Args:
        name: of the file, or the URL.
        reason: what is wrong with it.
    """

    def __init__(self, name, reason):
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason


def check(
    path: str | pathlib.Path,
    slot: np.datetime64,
    channel: int,
    shape: tuple[int, int] | None = SHAPE,
    length: int | None = None,
) -> str:
    """Checks one file of the archive: length, FITS structure, header, and DATASUM.

    CHECKSUM, which would guard the header as well, is not looked at: it is wrong in the archive's
    own files. Of the header, only the cards that are looked at here are thus protected; the others
    are right if it is from one answer, as `transfer.Part` has it. Where DATASUM is missing, every
    pixel is decoded instead.

    Args:
        path: the file.
        slot: time that its name states, UTC.
        channel: wavelength it must have, Angstrom.
        shape: (height, width) it must have; None takes any square.
        length: bytes it must have, as the server said; None takes any.

    Returns:
        Its SHA-256, hexadecimal.

    Raises:
        RefusedFileError: it is not that image; `reason` says why.
        OSError: it cannot be read.
    """
    path = pathlib.Path(path)
    content = path.read_bytes()
    reason = wrong_beginning(content) or _wrong_length(content, length)
    try:
        reason = reason or _wrong_image(content, np.datetime64(slot), channel, shape)
    except Exception as error:  # whatever broken bytes do to a decoder
        reason = f"not a FITS file that can be read: {' '.join(str(error).split())}"
        raise RefusedFileError(path.name, reason) from error
    if reason:
        raise RefusedFileError(path.name, reason)
    return hashlib.sha256(content).hexdigest()


def wrong_beginning(content: bytes) -> str:
    """Why the first bytes of an answer are not those of a FITS file; empty where they are."""
    if content.startswith(FIRST_BYTES):
        return ""
    if content[:64].lstrip().startswith(b"<"):
        return "a page (HTML or the like), not a FITS file: the server sent an error instead"
    return f"not a FITS file: it begins with {content[:16]!r}, expected {FIRST_BYTES!r}"


def has_headers(content: bytes) -> bool:
    """Whether the first bytes of a file hold its headers, up to that of the image, whole."""
    stream = io.BytesIO(content[: len(content) // FITS_BLOCK * FITS_BLOCK])
    try:
        while not fits.Header.fromfile(stream)["NAXIS"]:
            pass
    except (EOFError, OSError, KeyError, fits.VerifyError):  # no more; no END; no NAXIS; broken
        return False
    return True


def _wrong_length(content, length):
    if length in (None, len(content)):
        return ""
    return f"wrong length: {len(content)} bytes, expected {length}"


def _wrong_image(content, slot, channel, shape):
    # In memory, and compressed images as the tables they are: DATASUM is that of the table.
    stream = io.BytesIO(content)
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cards with the value nan, and of short files: see next
        with fits.open(stream, disable_image_compression=True) as units:
            last = units[len(units) - 1].fileinfo()
            length = last["datLoc"] + last["datSpan"]
            if length != len(content):
                wrong = "cut short" if length > len(content) else "bytes after its end"
                return f"{wrong}: {len(content)} bytes, its headers tell of {length}"
            unit = next((unit for unit in units if unit.header["NAXIS"]), None)
            if unit is None:
                return "no image in it; expected one in HDU 0 or 1"
            return _wrong_header(unit.header, slot, channel, shape) or _wrong_data(unit, content)


def _wrong_header(header, slot, channel, shape):
    instrument = str(header.get("INSTRUME", "AIA"))
    if not instrument.startswith("AIA"):
        return f"not of AIA: INSTRUME is {instrument!r}"
    if header["WAVELNTH"] != channel:
        return f"wrong wavelength: WAVELNTH is {header['WAVELNTH']}, expected {channel} Angstrom"
    observed = parse_time(header["T_OBS"])
    if abs(observed - slot) > TIME_TOLERANCE:
        return f"wrong time: T_OBS is {observed}, expected {slot} within {TIME_TOLERANCE}"
    prefix = "Z" if header.get("ZIMAGE") else ""
    found = tuple(header[f"{prefix}NAXIS{axis}"] for axis in range(header[f"{prefix}NAXIS"], 0, -1))
    if len(found) != 2 or found != (shape or found[::-1]):
        wanted = " x ".join(map(str, shape)) if shape else "a square"
        return f"wrong shape: {' x '.join(map(str, found))} pixels, expected {wanted}"
    return ""


def _wrong_data(unit, content):
    verdict = unit.verify_datasum()  # 1 right, 0 wrong, 2 where the header has none
    if verdict == 0:
        return "damaged: DATASUM does not match the data"
    if verdict == 2:
        with fits.open(io.BytesIO(content)) as units:
            for each in units:
                each.data  # noqa: B018  decodes it; broken data raise
    return ""
