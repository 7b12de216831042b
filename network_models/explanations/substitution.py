"""A network with other functions in place of some of its own, for as long as a `with` lasts."""

import contextlib

import keras
from keras import ops

from network_models.explanations import inspection

RECTIFIERS = (keras.activations.relu, keras.activations.relu6)
RECTIFIER_LAYERS = (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU)
LARGEST_POOLINGS = (keras.layers.MaxPooling2D, keras.layers.MaxPooling3D)


@contextlib.contextmanager
def linear(model):
    """Without non-linearities: activations pass what they receive, pooling takes the mean.

    What an output depends on is then the same for every image, and no dead unit hides it.
    """
    layers = inspection.all_layers(model)
    rectifiers = [layer for layer in layers if isinstance(layer, RECTIFIER_LAYERS)]
    poolings = [layer for layer in layers if isinstance(layer, LARGEST_POOLINGS)]
    with (
        activations(layers, lambda activation: keras.activations.linear),
        inspection.called_through(rectifiers, lambda layer, call: _first_argument),
        inspection.called_through(poolings, lambda layer, call: _mean_pooling(layer)),
    ):
        yield


@contextlib.contextmanager
def rectified_backwards(model):
    """Every relu rectifies the signal that comes back through it, whatever it let pass forwards.

    Gradients are then the deconvolution of Zeiler & Fergus 2014, arXiv:1311.2901, whose other
    halves, transposed convolutions and pooling that remembers its largest, are those of gradients
    anyway. Activations other than relu and relu6 keep their gradient.
    """
    layers = inspection.all_layers(model)
    rectifiers = [layer for layer in layers if type(layer) is keras.layers.ReLU]
    with (
        activations(layers, lambda one: _rectified_backwards(one) if one in RECTIFIERS else one),
        inspection.called_through(rectifiers, lambda layer, call: _rectified_backwards(call)),
    ):
        yield


@contextlib.contextmanager
def activations(layers, change):
    """Other activation functions in the layers that have one.

    Args:
        layers: list of keras.layers.Layer.
        change: function of an activation function; gives the one that takes its place.
    """
    former = [(layer, layer.activation) for layer in layers if _has_activation(layer)]
    for layer, activation in former:
        layer.activation = change(activation)
    try:
        yield
    finally:
        for layer, activation in former:
            layer.activation = activation


@contextlib.contextmanager
def times_as_samples(model):
    """TimeDistributed layers hand all times to their layer at once, as if they were samples.

    Keras traces that layer instead, and then nobody can look at what passes through it.
    """
    layers = [
        layer
        for layer in inspection.all_layers(model)
        if isinstance(layer, keras.layers.TimeDistributed)
    ]
    with inspection.called_through(layers, lambda layer, call: _times_as_samples(layer)):
        yield


@contextlib.contextmanager
def any_size(model):
    """Models do not insist on the size of the images that they were built for."""
    models = [one for one in inspection.all_layers(model) if isinstance(one, keras.Model)]
    former = [(one, one.input_spec) for one in (model, *models)]
    for one, _ in former:
        one.input_spec = None
    try:
        yield
    finally:
        for one, spec in former:
            one.input_spec = spec


def _has_activation(layer):
    return callable(getattr(layer, "activation", None)) and not isinstance(layer, keras.Model)


def _first_argument(inputs, *arguments, **options):
    return inputs


def _mean_pooling(layer):
    def call(inputs):
        return ops.average_pool(
            inputs, layer.pool_size, layer.strides, layer.padding, layer.data_format
        )

    return call


def _rectified_backwards(function):
    @ops.custom_gradient
    def rectified(x):
        def gradient(*arguments, upstream=None):
            return ops.relu(arguments[0] if upstream is None else upstream)

        return function(x), gradient

    return rectified


def _times_as_samples(layer):
    def call(inputs, *arguments, training=None, **options):
        batch, times, *rest = inputs.shape
        outputs = layer.layer(ops.reshape(inputs, (batch * times, *rest)), training=training)
        return keras.tree.map_structure(
            lambda output: ops.reshape(output, (batch, times, *output.shape[1:])), outputs
        )

    return call
