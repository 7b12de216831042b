"""Gradients of a model's output with respect to its input: the one module that names a backend."""

import dataclasses

import keras
import numpy as np

from network_models.explanations import inspection

# Gradients of a mean over an image underflow in float16; a power of two lifts them there exactly.
LOSS_SCALE = 1024.0
IMAGE_RANK = 4  # (batch, height, width, channel): outputs of this rank and above are images


@dataclasses.dataclass(frozen=True)
class Gradients:
    """Gradients of one output number, sample by sample.

    Args:
        forecasts: float array, shape (batch,), the number itself.
        inputs: dict of name to float array, shaped as the input.
        calls: list of `Call`, in the order in which the layers were called.
    """

    forecasts: np.ndarray
    inputs: dict
    calls: list


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a layer: what came out, and the gradient with respect to that.

    Args:
        layer: keras.layers.Layer.
        output: float array, shape (batch, ...).
        gradient: float array, shaped as `output`, in units of the forecast per unit of it.
    """

    layer: keras.layers.Layer
    output: np.ndarray
    gradient: np.ndarray


def output_number(model, x, output=0):
    """The one number of a model's output that is explained, for each sample.

    Args:
        model: keras.Model.
        x: dict of name to array, shape (batch, ...), in physical units.
        output: int, index into the (first) output of a sample, flattened; where that is an image,
            (..., height, width, channel), index of a channel, and its mean over all pixels is
            explained. Or a function from the model's outputs to a tensor of shape (batch,).

    Returns:
        float array, shape (batch,), in the unit of the target.

    Raises:
        IndexError: if the output has no such number.
        ValueError: if a function gives anything but one number for each sample.
    """
    numbers = _chosen(model(inspection.arranged(model, x), training=False), output)
    return inspection.as_numpy(numbers)


def input_gradient(model, x, output=0):
    """The gradient of one output number with respect to every floating point input.

    The model runs as it does in a forecast: without dropout and augmentation. Where it replaces a
    missing (NaN) pixel, the gradient there is 0; where it does not, forecast and gradient are NaN.

    Args:
        model: keras.Model, of any kind.
        x: dict of name to array, shape (batch, ...), in physical units.
        output: which number, as in `output_number`.

    Returns:
        Dict of name to float array, shaped as in `x`, in units of the target per unit of the
        array. Inputs of whole numbers have no gradient and are left out.

    Raises:
        NotImplementedError: on a backend that this module has no gradient for.
        IndexError: if the output has no such number.

    Source:
        Simonyan, Vedaldi & Zisserman 2014, arXiv:1312.6034.
    """
    floats = [name for name, array in x.items() if inspection.is_float(array)]
    return gradients(model, x, output, inputs=floats).inputs


def gradients(model, x, output=0, inputs=(), layers=(), change=None):
    """The gradients of one output number with respect to inputs and to what layers put out.

    Args:
        model: keras.Model, of any kind.
        x: dict of name to array, shape (batch, ...), in physical units.
        output: which number, as in `output_number`.
        inputs: names of floating point arrays in `x`.
        layers: list of keras.layers.Layer in the model, at any depth; each puts out one tensor.
        change: function of the number of a call of these layers (from 0, in order) and its output;
            gives what goes on instead, with respect to which the gradient is then taken.

    Returns:
        `Gradients`; 0 where the number does not depend on an input or a call.

    Raises:
        NotImplementedError: on a backend that this module has no gradient for.
        IndexError: if the output has no such number.
    """
    return _backend(BACKENDS)(model, x, output, list(inputs), list(layers), change)


def inputs_reaching(model, x, names, layers):
    """Which inputs each call of some layers depends on.

    Args:
        model: keras.Model, of any kind.
        x: dict of name to array, shape (batch, ...).
        names: of floating point arrays in `x`.
        layers: list of keras.layers.Layer in the model.

    Returns:
        List of sets of names, one for each call, in order.

    Raises:
        NotImplementedError: on a backend that this module has no gradient for.
    """
    return _backend(REACHES)(model, x, list(names), list(layers))


def _tensorflow(model, x, output, inputs, layers, change):
    import tensorflow as tf

    # Keras refuses a mixture of tensors and arrays.
    x = {name: tf.convert_to_tensor(array) for name, array in x.items()}
    values, watched = [], {name: x[name] for name in inputs}

    def watching(number, value):
        # A tensor of its own: the gradient is not that of what other layers make of the same.
        values.append(tf.identity(value if change is None else change(number, value)))
        tape.watch(values[-1])
        return values[-1]

    with (
        tf.GradientTape(watch_accessed_variables=False) as tape,
        inspection.recorded(layers) as calls,
        inspection.replaced(layers, watching),
    ):
        tape.watch(watched)
        numbers = _chosen(model(inspection.arranged(model, x), training=False), output)
        # Samples do not touch each other here, so the gradient of the sum is that of each.
        total = LOSS_SCALE * keras.ops.sum(keras.ops.cast(numbers, "float32"))
    zero = tf.UnconnectedGradients.ZERO
    found, at_calls = tape.gradient(total, (watched, values), unconnected_gradients=zero)
    return Gradients(
        inspection.as_numpy(numbers),
        {name: _unscaled(gradient) for name, gradient in found.items()},
        [
            Call(call[0], inspection.as_numpy(value), _unscaled(gradient))
            for call, value, gradient in zip(calls, values, at_calls, strict=True)
        ],
    )


def _tensorflow_reach(model, x, names, layers):
    import tensorflow as tf

    x = {name: tf.convert_to_tensor(array) for name, array in x.items()}
    watched = {name: x[name] for name in names}
    with (
        tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape,
        inspection.recorded(layers) as calls,
    ):
        tape.watch(watched)
        model(inspection.arranged(model, x), training=False)
    found = [tape.gradient(value, watched) for _, _, value in calls]
    return [{name for name in names if reach[name] is not None} for reach in found]


BACKENDS = {"tensorflow": _tensorflow}  # a function each; others can stand beside
REACHES = {"tensorflow": _tensorflow_reach}


def _backend(functions):
    backend = keras.config.backend()
    if backend not in functions:
        raise NotImplementedError(
            f"Gradients with respect to inputs are not written for this backend. Expected one of "
            f"{sorted(functions)}. Received: {backend!r}. Set the environment variable "
            "KERAS_BACKEND=tensorflow, or config field explained_samples=0 to go without maps."
        )
    return functions[backend]


def _unscaled(gradient):
    return inspection.as_numpy(gradient).astype("float32") / LOSS_SCALE


def _chosen(outputs, output):
    if callable(output):
        return _one_each(output(outputs), keras.tree.flatten(outputs)[0].shape[0])
    first = keras.tree.flatten(outputs)[0]
    if len(first.shape) >= IMAGE_RANK:
        flat = keras.ops.mean(
            keras.ops.cast(first, "float32"), axis=tuple(range(1, len(first.shape) - 1))
        )
        counted = "through the channels of an output"
    else:
        flat, counted = keras.ops.reshape(first, (first.shape[0], -1)), "through an output"
    if not 0 <= output < flat.shape[1]:
        raise IndexError(
            f"The model has no output number {output}. Expected 0 to {flat.shape[1] - 1}, counted "
            f"{counted} of shape {tuple(first.shape[1:])}. Received: output={output}."
        )
    return flat[:, output]


def _one_each(numbers, samples):
    if tuple(numbers.shape) != (samples,):
        raise ValueError(
            "The function that chooses what is explained gives no number for each sample. Expected "
            f"a tensor of shape {(samples,)}. Received: shape {tuple(numbers.shape)}. Let `output` "
            "average or index all axes but the first."
        )
    return numbers
