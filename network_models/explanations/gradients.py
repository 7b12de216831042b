"""Gradients of a model's output with respect to its input: the one module that names a backend."""

import dataclasses

import keras
import numpy as np

from network_models.explanations import inspection
from network_models.explanations.output_numbers import chosen

# Gradients of a mean over an image underflow in float16; a power of two lifts them there exactly.
LOSS_SCALE = 1024.0


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


def input_gradient(model, x, output=0):
    """The gradient of one output number with respect to every floating point input.

    The model runs as it does in a forecast: without dropout and augmentation. Where it replaces a
    missing (NaN) pixel, the gradient there is 0; where it does not, forecast and gradient are NaN.

    Args:
        model: keras.Model, of any kind.
        x: dict of name to array, shape (batch, ...), in physical units.
        output: which number, as in `output_numbers.output_number`.

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
        output: which number, as in `output_numbers.output_number`.
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


def last_calls(model, x, layers):
    """Which calls of some layers are the last before an output: nothing of them lies behind.

    Of a chain it is the last call; where branches meet behind these layers, the last one of each.

    Args:
        model: keras.Model, of any kind.
        x: dict of name to array, shape (batch, ...); one sample is enough.
        layers: list of keras.layers.Layer in the model, none inside another.

    Returns:
        Set of the numbers of the calls, from 0, in the order of all calls of these layers; that of
        the last one where no output can be differentiated.

    Raises:
        NotImplementedError: on a backend that this module has no gradient for.
    """
    return _backend(LAST)(model, x, list(layers))


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
        numbers = chosen(model(inspection.arranged(model, x), training=False), output)
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


def _tensorflow_last(model, x, layers):
    import tensorflow as tf

    values = []

    def cut_off(layer, call):
        def cut_call(*arguments, **options):
            arguments, options = keras.tree.map_structure(stopped, (arguments, options))
            values.append(keras.tree.map_structure(tf.identity, call(*arguments, **options)))
            tape.watch(values[-1])
            return values[-1]

        return cut_call

    def stopped(value):
        return tf.stop_gradient(value) if tf.is_tensor(value) else value

    with (
        tf.GradientTape(watch_accessed_variables=False) as tape,
        inspection.called_through(layers, cut_off),
    ):
        outputs = keras.tree.flatten(model(inspection.arranged(model, x), training=False))
        outputs = [one for one in outputs if inspection.is_float(one)]
    found = [keras.tree.flatten(one) for one in tape.gradient(outputs, values)]
    reached = {i for i, parts in enumerate(found) if any(one is not None for one in parts)}
    return reached or {len(values) - 1}


BACKENDS = {"tensorflow": _tensorflow}  # a function each; others can stand beside
REACHES = {"tensorflow": _tensorflow_reach}
LAST = {"tensorflow": _tensorflow_last}


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
