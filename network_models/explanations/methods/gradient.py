"""The gradient of the forecast at every pixel."""

import numpy as np

from network_models.explanations.gradients import gradients
from network_models.explanations.inspection import spatial_inputs
from network_models.explanations.methods.attribution import Attribution


def gradient(model, sample, *, output=0):
    """The slope of the forecast at every pixel of every channel.

    Args:
        model: keras.Model that takes physical units.
        sample: dict of name to array, a batch of one.
        output: which number is explained, as in `gradients.output_number`.

    Returns:
        `Attribution` of kind "slope".

    Source:
        Simonyan, Vedaldi & Zisserman 2014, arXiv:1312.6034.
    """
    names = spatial_inputs(sample)
    found = gradients(model, sample, output, inputs=names)
    values = {
        name: np.where(np.isfinite(sample[name][0]), found.inputs[name][0], np.nan)
        for name in names
    }
    return Attribution("gradient", values, float(found.forecasts[0]), "slope")
