"""Grad-CAM: where the last convolution found what raises the forecast."""

import difflib

import keras
import numpy as np

from network_models.explanations import inspection
from network_models.explanations.gradients import gradients, inputs_reaching
from network_models.explanations.methods.attribution import Attribution, UnsuitableMethodError
from network_models.explanations.methods.baselines import with_baseline
from network_models.explanations.methods.planes import laid_over

CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)


def grad_cam(model, sample, *, output=0, baseline=None, layer=None):
    """Where the last convolution that an image passes found what matters to the forecast.

    The planes of its output, weighted by their mean gradients, are added, and laid over the image
    bilinearly. Frames of a series are weighted each on its own. A map is as coarse as the
    convolution's output, and knows no channels. On synthetic Suns it found the known regions with a
    ROC area of 0.87, and 0.90 in the finer planes of the first convolution; gradients had 0.96.

    As published, what adds up to less than 0 is left out: it speaks against a class. A regression
    has no such zero, and what a region adds may come as less of something else. With a baseline,
    the map therefore shows by how much, up or down, the planes differ from those of the baseline.

    Args:
        model: keras.Model that takes physical units.
        sample: dict of name to array, a batch of one.
        output: which number is explained, as in `output_numbers.output_number`.
        baseline: as in `baselines.whitened_baseline`, where it stands which to choose; None: as
            published.
        layer: str, name of the layer to look at; None for the last convolution of each image.

    Returns:
        `Attribution` of kind "relevance", last axis 1; images that reach no convolution are left
        out.

    Raises:
        UnsuitableMethodError: if the model has no convolution of images.
        ValueError: for a layer that the model does not have, or that gives no planes.

    Source:
        Selvaraju et al. 2017, arXiv:1610.02391.
    """
    layers, names = _layers(model, layer), inspection.spatial_inputs(sample)
    found = gradients(model, sample, output, layers=layers)
    outputs = [call.output for call in found.calls]
    if baseline is not None:
        compared = _outputs(model, with_baseline(sample, baseline), layers)
        outputs = [output - there for output, there in zip(outputs, compared, strict=True)]
    reaching = [set(names)] * len(outputs)
    if len(names) > 1:
        reaching = inputs_reaching(model, sample, names, layers)
    values = {}
    for name in names:
        numbers = _last_calls(found.calls, [name in inputs for inputs in reaching])
        if numbers:
            planes = [_plane(outputs[i], found.calls[i].gradient) for i in numbers]
            planes = np.concatenate(planes)
            planes = np.maximum(planes, 0.0) if baseline is None else np.abs(planes)
            values[name] = laid_over(planes, sample[name][0])
    if not values:
        _refuse(model, layer)
    return Attribution("grad_cam", values, float(found.forecasts[0]), "relevance")


def _layers(model, name):
    """The layers whose planes may be looked at."""
    layers = inspection.all_layers(model)
    if name is None:
        return [layer for layer in layers if isinstance(layer, CONVOLUTIONS)]
    named = [layer for layer in layers if layer.name == name]
    if not named:
        names = [layer.name for layer in layers]
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
        raise ValueError(
            f"The model has no layer {name!r}. Expected one of {names}. Received: layer={name!r}. "
            f"Did you mean {near[0] if near else None!r}?"
        )
    return named


def _outputs(model, sample, layers):
    """What each call of the layers puts out."""
    with inspection.recorded(layers) as calls:
        model(inspection.arranged(model, sample), training=False)
    return [inspection.as_numpy(output) for _, _, output in calls]


def _last_calls(calls, sees):
    """Numbers of the calls of the last layer that puts out planes and sees an image."""
    numbers = [i for i, call in enumerate(calls) if sees[i] and call.output.ndim >= 4]
    return [i for i in numbers if calls[i].layer is calls[numbers[-1]].layer]


def _plane(output, gradient):
    """Planes weighted by their mean gradients and added, shape (frame, row, column)."""
    output, gradient = (array.reshape(-1, *array.shape[-3:]) for array in (output, gradient))
    weights = gradient.mean(axis=(1, 2), keepdims=True, dtype="float64")
    return (weights * output).sum(axis=-1)


def _refuse(model, layer):
    if layer is not None:
        raise ValueError(
            f"The layer {layer!r} gives no planes that depend on an image. Expected one with an "
            f"output of shape (batch, [time,] height, width, channel). Received: layer={layer!r}. "
            "Name a convolution, a pooling or an activation between them."
        )
    raise UnsuitableMethodError(
        "Grad-CAM cannot explain a model without a convolution of images. Expected a layer such as "
        f"Conv2D or Conv3D. Received: layers {inspection.kinds(model)}. The methods gradient, "
        "smooth_gradient, integrated_gradients and occlusion explain any model."
    )
