"""Networks that are one chain of layers, to look into."""

import keras
import numpy as np
from keras import layers

from network_models.explanations import convolution, features, filter_views
from network_models.explanations.methods.whitened_images import WhitenedImages
from network_models.explanations.trunk import Trunk


def noise(*shape):
    """Normal noise, float32; the same for the same shape."""
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def model_of(chain, shape):
    """A network of one image, the layers of `chain`, and a dense layer."""
    keras.utils.set_random_seed(1)
    entry = x = keras.Input(shape, name="images")
    for layer in chain:
        x = layer(x)
    return keras.Model({"images": entry}, layers.Dense(1)(layers.Flatten()(x)))


def trunk_of(chain, shape, layer=None):
    """The network up to a layer (the last of the chain if None), and a sample of noise."""
    sample = {"images": noise(1, *shape)}
    return Trunk(WhitenedImages(model_of(chain, shape), sample), layer or chain[-1]), sample


def strongest_views(model, x, about):
    """The views of all convolutions of a network, and the table of where these respond most."""
    views = filter_views.views(model, convolution.convolutions(model, x), x)
    return views, features.strongest_activations(views, x, about)
