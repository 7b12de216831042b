"""The gradient of the forecast, averaged over noisy copies of the image."""

import numpy as np

from network_models.explanations.methods.attribution import Attribution
from network_models.explanations.methods.whitened_images import WhitenedImages
from network_models.explanations.output_numbers import output_number

COPIES = 32
NOISE = 0.1  # of the deviation of the training split's pixels, which whitening makes 1


def smooth_gradient(model, sample, *, output=0, seed=0, copies=COPIES, noise=NOISE):
    """The slope of the forecast at every pixel, averaged over noisy copies of the images.

    The gradient of a network with kinks jumps from pixel to pixel; the average of gradients nearby
    does not. Noise is added after whitening, where it is the same relative change in all channels;
    where nothing is whitened, in proportion to the deviation of each channel of the image.

    Args:
        model: keras.Model that takes physical units.
        sample: dict of name to array, a batch of one.
        output: which number is explained, as in `output_numbers.output_number`.
        seed: int, of the noise.
        copies: int, how many are averaged.
        noise: standard deviation of the noise.

    Returns:
        `Attribution` of kind "slope".

    Source:
        Smilkov et al. 2017, arXiv:1706.03825.
    """
    images, generator = WhitenedImages(model, sample, output), np.random.default_rng(seed)
    levels = {name: noise * images.deviations(name) for name in images.names}
    sums = [
        {name: np.zeros(image.shape) for name, image in images.values.items()} for _ in range(2)
    ]
    for start in range(0, copies, images.batch_size):
        count = min(images.batch_size, copies - start)
        noisy = {
            name: image + levels[name] * generator.standard_normal((count, *image.shape), "float32")
            for name, image in images.values.items()
        }
        for total, slopes in zip(sums, images.slopes(noisy), strict=True):
            for name in total:
                total[name] += slopes[name].sum(axis=0, dtype="float64")
    values, whitened = (
        {name: np.where(images.missing[name], np.nan, one / copies) for name, one in total.items()}
        for total in sums
    )
    forecast = float(output_number(model, sample, output)[0])
    return Attribution("smooth_gradient", values, forecast, "slope", whitened=whitened)
