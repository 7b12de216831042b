"""Images to compare with, from a file of a user's."""

import pathlib
import zipfile

import numpy as np

from network_models.explanations import inspection

NUMBERS = "biuf"  # kinds of NumPy's types that an image may have


def read_baseline(file, x):
    """Reads the images that a forecast is compared with.

    Args:
        file: path of a .npy file (of the first image), or of a .npz file of named arrays.
        x: dict of name to array, shape (sample, ...), of the samples to explain.

    Returns:
        Dict of name to array, as `methods.explain` takes it.

    Raises:
        ValueError: if the file cannot be read, holds anything but real numbers, or lacks pixels
            that a sample has.
    """
    try:
        with pathlib.Path(file).open("rb") as opened:
            arrays = np.load(opened, allow_pickle=False)
            arrays = arrays if isinstance(arrays, np.ndarray) else dict(arrays)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{file} holds no baseline: {error} Expected an array in a .npy file, or named ones in "
            "a .npz file, as np.save and np.savez write them."
        ) from error
    if isinstance(arrays, np.ndarray):
        arrays = {inspection.spatial_inputs(x)[0]: arrays}
    for name, array in arrays.items():
        _check_numbers(file, name, array)
        _check_known(file, name, array, x)
    return arrays


def _check_numbers(file, name, array):
    if array.dtype.kind not in NUMBERS:
        raise ValueError(
            f"{file} holds no baseline: {name!r} is of type {array.dtype}. Expected real numbers, "
            "in the unit of the images."
        )


def _check_known(file, name, array, x):
    """Refuses NaN where a sample has a number; another shape or name is refused later."""
    if name not in x or array.size != x[name][0].size:
        return
    images = inspection.as_numpy(x[name])
    lacking = ~np.isfinite(array.reshape(images.shape[1:])) & np.isfinite(images).any(axis=0)
    if lacking.any():
        raise ValueError(
            f"The baseline {name!r} of {file} lacks {lacking.sum()} numbers that the images have. "
            "Expected a finite number there, in the unit of the images. Received: NaN or infinity. "
            "Fill them: with the median of many images, say."
        )
