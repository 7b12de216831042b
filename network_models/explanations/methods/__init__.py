"""The methods behind the maps: what each says of one sample of any Keras model."""

import difflib
import inspect

from network_models.explanations.inspection import spatial_inputs
from network_models.explanations.methods.attention_rollout import attention_rollout
from network_models.explanations.methods.attribution import Attribution, UnsuitableMethodError
from network_models.explanations.methods.grad_cam import grad_cam
from network_models.explanations.methods.gradient import gradient
from network_models.explanations.methods.integrated_gradients import integrated_gradients
from network_models.explanations.methods.occlusion import occlusion
from network_models.explanations.methods.smooth_gradient import smooth_gradient

__all__ = ["METHODS", "Attribution", "UnsuitableMethodError", "explain"]

METHODS = {
    "gradient": gradient,
    "smooth_gradient": smooth_gradient,
    "integrated_gradients": integrated_gradients,
    "grad_cam": grad_cam,
    "attention_rollout": attention_rollout,
    "occlusion": occlusion,
}


def explain(method, model, sample, *, output=0, baseline=None, scale=None, seed=0, layer=None):
    """What a method says of one sample; options that it has no use for are passed over.

    Args:
        method: str, a name in `METHODS`.
        model: keras.Model that takes physical units.
        sample: dict of name to array, a batch of one.
        output: which number of the output is explained, as in `output_numbers.output_number`.
        baseline: dict of name to array in physical units, shaped as in the sample with or without
            the axis of the batch: what the images are compared with. None: 0 after whitening, the
            mean of the training split in every channel.
        scale: standard deviation of the forecasts over many samples; says when integrated
            gradients are exact enough.
        seed: int, of the noise of smooth gradients.
        layer: str, name of the layer that Grad-CAM looks at; None for the last convolution.

    Returns:
        `Attribution`.

    Raises:
        ValueError: for an unknown method, a baseline that does not fit, an unknown layer.
        UnsuitableMethodError: a ValueError, if the method cannot explain this model.
        IndexError: if the output has no such number.
    """
    if method not in METHODS:
        near = difflib.get_close_matches(str(method), METHODS, n=1, cutoff=0.0)[0]
        raise ValueError(
            f"There is no method {method!r}. Expected one of {list(METHODS)}. Received: "
            f"method={method!r}. Did you mean {near!r}?"
        )
    _check(model, sample)
    options = {
        "output": output,
        "baseline": baseline,
        "scale": scale,
        "seed": seed,
        "layer": layer,
    }
    wanted = inspect.signature(METHODS[method]).parameters
    return METHODS[method](model, sample, **{k: v for k, v in options.items() if k in wanted})


def _check(model, sample):
    sizes = {name: len(array) for name, array in sample.items()}
    if set(sizes.values()) != {1}:
        raise ValueError(
            "One sample is explained at a time. Expected arrays of shape (1, ...). Received: "
            f"{sizes} samples. Take one: `inspection.one_sample(x, index)`."
        )
    if not spatial_inputs(sample):
        shapes = {name: tuple(array.shape[1:]) for name, array in sample.items()}
        raise UnsuitableMethodError(
            "Nothing can be mapped: the model takes no images. Expected an array of shape ([time,] "
            f"height, width, channel). Received: {shapes} in model {model.name!r}. Features and "
            "embeddings explain models without images."
        )
