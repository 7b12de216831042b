"""The numbers of an image as they lie in a FITS file, RICE-compressed or not."""

import io
import pathlib
import re

import fitsio
import numpy as np
from astropy.io import fits

from dataset_models.sdo.header_cards import Cards

# CFITSIO takes these in a file's name for commands of its own (a part of the image, say).
_COMMANDS = re.compile(r"[\[({]|^\w+:")


def stored_numbers(
    path: str | pathlib.Path, content: bytes, number: int, cards: Cards
) -> np.ndarray:
    """Reads the image of one unit, not scaled by BSCALE and BZERO.

    Whole numbers in tiles are read by CFITSIO, in half the time: astropy decompresses with the same
    code, but goes through the tiles, which are single rows in the JSOC's files, in Python. What is
    left is read by astropy.

    Args:
        path: the file.
        content: what is in it.
        number: place of the image's unit in it.
        cards: of that unit.

    Returns:
        Array of two axes, of the type that the file has.

    Raises:
        OSError: the bytes cannot be decompressed.
    """
    if not cards.tiled or cards.number("BITPIX") < 0 or _COMMANDS.search(str(path)):
        # Unscaled, since astropy scales to float64.
        with fits.open(io.BytesIO(content), do_not_scale_image_data=True) as units:
            return units[number].data
    with fitsio.FITS(str(path)) as file:
        image = file[number]
        image.ignore_scaling = True
        return image.read()
