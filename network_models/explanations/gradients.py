"""Gradients of a model's output with respect to its input: the one module that names a backend."""

import keras

from network_models.explanations import inspection

# Gradients of a mean over an image underflow in float16; a power of two lifts them there exactly.
LOSS_SCALE = 1024.0


def output_number(model, x, output=0):
    """The one number of a model's output that is explained, for each sample.

    Args:
        model: keras.Model.
        x: dict of name to array, shape (batch, ...), in physical units.
        output: int, index into the flattened (first) output of a sample; or a function from the
            model's outputs to a tensor of shape (batch,), for models whose output is an image.

    Returns:
        float array, shape (batch,), in the unit of the target.

    Raises:
        IndexError: if the output has no such number.
    """
    return inspection.as_numpy(
        _chosen(model(inspection.arranged(model, x), training=False), output)
    )


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
    backend = keras.config.backend()
    if backend not in BACKENDS:
        raise NotImplementedError(
            f"Gradients with respect to inputs are not written for this backend. Expected one of "
            f"{sorted(BACKENDS)}. Received: {backend!r}. Set the environment variable "
            "KERAS_BACKEND=tensorflow, or config field explained_samples=0 to go without maps."
        )
    floats = [name for name, array in x.items() if inspection.is_float(array)]
    gradients = BACKENDS[backend](model, x, floats, output)
    return {
        name: inspection.as_numpy(gradient) / LOSS_SCALE for name, gradient in gradients.items()
    }


def _tensorflow(model, x, floats, output):
    import tensorflow as tf

    # Keras refuses a mixture of tensors and arrays.
    x = {name: tf.convert_to_tensor(array) for name, array in x.items()}
    floats = {name: x[name] for name in floats}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(floats)
        outputs = model(inspection.arranged(model, {**x, **floats}), training=False)
        # Samples do not touch each other here, so the gradient of the sum is that of each.
        total = LOSS_SCALE * keras.ops.sum(keras.ops.cast(_chosen(outputs, output), "float32"))
    return tape.gradient(total, floats, unconnected_gradients=tf.UnconnectedGradients.ZERO)


BACKENDS = {"tensorflow": _tensorflow}  # a function each; others can stand beside


def _chosen(outputs, output):
    if callable(output):
        return output(outputs)
    first = keras.tree.flatten(outputs)[0]
    flat = keras.ops.reshape(first, (first.shape[0], -1))
    if not 0 <= output < flat.shape[1]:
        raise IndexError(
            f"The model has no output number {output}. Expected 0 to {flat.shape[1] - 1}, counted "
            f"through an output of shape {tuple(first.shape[1:])}. Received: output={output}."
        )
    return flat[:, output]
