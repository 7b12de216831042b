"""The numbers of an image as they lie in a FITS file, RICE-compressed or not."""

import io

import numpy as np
from astropy.io import fits

from dataset_models.sdo.header_cards import Cards

try:  # an inner function of astropy, which may move: then all is read by its public ones
    from astropy.io.fits.hdu.compressed._compression import decompress_rice_1_c
except ImportError:
    decompress_rice_1_c = None

DESCRIPTOR = 8  # bytes of a table's row that says how long a tile is, and where it begins
BLOCKS = (16, 32)  # numbers that are compressed together
# In broken bytes the function reads on to one that is not zero and to the end of that block before
# it finds that it left the tile. Behind the last tile it meets these, and no forbidden memory.
GUARD = b"\xff" * 4 * (max(BLOCKS) + 1)


def stored_numbers(content: bytes, units: fits.HDUList, number: int, cards: Cards) -> np.ndarray:
    """Reads the image of one unit, not scaled by BSCALE and BZERO.

    Rows of whole numbers, each RICE-compressed, as in the JSOC's files, are read in a third of
    astropy's time: its function decompresses them, but not its loop in Python, which takes longer
    than that. What is left is read by astropy.

    Args:
        content: what is in the file.
        units: of the file, as they lie in it (`disable_image_compression`).
        number: place of the image's unit among them.
        cards: of that unit.

    Returns:
        Array of two axes, of the type that the file has.

    Raises:
        Exception: astropy's, of several kinds, where the bytes cannot be decompressed.
    """
    if cards.tiled and decompress_rice_1_c and _in_rice_rows(cards):
        return _rice_rows(content, units[number].fileinfo()["datLoc"], cards)
    # Unscaled, since astropy scales to float64.
    with fits.open(io.BytesIO(content), do_not_scale_image_data=True) as again:
        return again[number].data


def _in_rice_rows(cards):
    """Whether the tiles are rows of whole numbers, and nothing but those is in the table."""
    bits = cards.number("BITPIX")
    expected = {
        "ZCMPTYPE": "RICE_1",
        "ZNAME1": "BLOCKSIZE",
        "ZNAME2": "BYTEPIX",
        "ZVAL2": bits // 8,
        "ZTILE1": cards.number("NAXIS1"),
        "ZTILE2": 1,
        "TTYPE1": "COMPRESSED_DATA",
    }
    return (
        bits in (16, 32)
        and cards.get("ZVAL1") in BLOCKS
        and all(cards.get(name) == value for name, value in expected.items())
        and cards.header["NAXIS1"] == DESCRIPTOR
        and cards.header["NAXIS2"] == cards.number("NAXIS2")
    )


def _rice_rows(content, start, cards):
    """The image in a table that begins at byte `start`; FITS standard 4.0, 7.3.5 and 10.4.1."""
    height, width, bits = (cards.number(name) for name in ("NAXIS2", "NAXIS1", "BITPIX"))
    tiles = np.frombuffer(content, ">i4", 2 * height, start).reshape(height, 2).tolist()
    heap_start = start + (cards.get("THEAP") or height * DESCRIPTOR)
    heap = np.frombuffer(content + GUARD, np.uint8)[heap_start : len(content)]
    settings = cards.number("ZVAL1"), bits // 8, width
    image = np.empty((height, width), f"i{bits // 8}")
    bytes_of_image, row = memoryview(image).cast("B"), image.strides[0]
    for number, (length, place) in enumerate(tiles):
        found = decompress_rice_1_c(heap[place : place + length], *settings)
        bytes_of_image[number * row : (number + 1) * row] = found
    return image
