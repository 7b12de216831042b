"""The gradient of the forecast at every pixel."""

import numpy as np

from network_models.explanations.methods.attribution import Attribution
from network_models.explanations.methods.whitened_images import WhitenedImages
from network_models.explanations.output_numbers import output_number


def gradient(model, sample, *, output=0):
    """The slope of the forecast at every pixel of every channel.

    Args:
        model: keras.Model that takes physical units.
        sample: dict of name to array, a batch of one.
        output: which number is explained, as in `output_numbers.output_number`.

    Returns:
        `Attribution` of kind "slope".

    Source:
        Simonyan, Vedaldi & Zisserman 2014, arXiv:1312.6034.
    """
    images = WhitenedImages(model, sample, output)
    found = images.slopes({name: image[np.newaxis] for name, image in images.values.items()})
    values, whitened = (
        {name: np.where(images.missing[name], np.nan, slopes[name][0]) for name in images.names}
        for slopes in found
    )
    forecast = float(output_number(model, sample, output)[0])
    return Attribution("gradient", values, forecast, "slope", whitened=whitened)
