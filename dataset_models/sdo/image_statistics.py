"""Numbers that whiten AIA images and what stands beside them, of one split."""

import keras
import numpy as np

from dataset_models.sdo.layers import NOISE_SCALE
from dataset_models.sdo.moments import Moments
from dataset_models.sdo.stored_images import StoredImages

RADIUS = 1.2  # solar radii: the disk and the bright corona, without the empty corners
LARGEST_SAMPLE = 512  # images; at 256 pixels on a side that is 20 million pixels of each channel


def whitening(images: StoredImages, rows: np.ndarray) -> dict:
    """Mean and standard deviation of whitened pixels inside `RADIUS`, at the network's size.

    Of more than `LARGEST_SAMPLE` rows, that many are taken, evenly spread over the rows given: the
    same rows give the same numbers.

    Args:
        images: in DN/s.
        rows: int array, the samples to look at.

    Returns:
        Dict of arrays, shape (channel,): "scale" (DN/s, `NOISE_SCALE`), "asinh_mean" and
        "asinh_std" of asinh(x / scale), "log_mean" and "log_std" of ln(max(x, 1 DN/s)).

    Raises:
        ValueError: if a channel has no pixel at all.
    """
    scale = np.array([NOISE_SCALE[channel] for channel in images.channels])
    asinh, log = Moments(len(scale)), Moments(len(scale))
    decoder = images.decoder({})
    for row in _spread(rows):
        inside = images.distance(images.rows[row, -1]) < RADIUS
        x = {name: array[None] for name, array in images.arrays(row).items()}
        decoded = keras.ops.convert_to_numpy(decoder(x)["images"])[0]
        pixels = decoded[..., inside, :].reshape(-1, len(scale)).astype("float64")
        asinh.add(np.arcsinh(pixels / scale))
        log.add(np.log(np.maximum(pixels, 1)))
    _check(images.channels, asinh.count)
    return {
        "scale": scale,
        "asinh_mean": asinh.mean,
        "asinh_std": asinh.std,
        "log_mean": log.mean,
        "log_std": log.std,
    }


def _spread(rows):
    count = min(len(rows), LARGEST_SAMPLE)
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(int)]


def _check(channels, count):
    empty = [channel for channel, n in zip(channels, count, strict=True) if not n]
    if empty:
        raise ValueError(
            f"The channels {empty} have no pixel in this split. Expected images of each of "
            f"{channels} (Angstrom). Leave them out of channels, or add data."
        )
