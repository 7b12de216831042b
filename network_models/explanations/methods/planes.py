"""Coarse planes laid over an image."""

import numpy as np
from scipy import ndimage


def laid_over(planes, image):
    """Coarse planes stretched bilinearly over an image, whose edges are theirs.

    Args:
        planes: float array, shape (frame, row, column); one frame for a single image, any number
            for a series.
        image: float array, shape ([time,] height, width, channel).

    Returns:
        float array, shape ([time,] height, width, 1); NaN where all channels of the image are.
    """
    shape = (1, *image.shape[:-1]) if image.ndim == 3 else image.shape[:-1]
    factors = [wanted / given for wanted, given in zip(shape, planes.shape, strict=True)]
    stretched = ndimage.zoom(planes, factors, order=1, mode="nearest", grid_mode=True)
    values = stretched.reshape(*image.shape[:-1], 1)
    return np.where(np.isfinite(image).any(axis=-1, keepdims=True), values, np.nan)
