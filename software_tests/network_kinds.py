"""One small network of every kind that maps must be able to explain."""

import keras
from keras import layers

from dataset_models.sdo.layers import AsinhWhiten, TimesAsChannels
from software_tests.map_samples import images


def flat():
    entry = keras.Input((8, 8, 2), name="images")
    x = layers.Conv2D(4, 3, activation="relu")(AsinhWhiten(scale=0.5)(entry))
    return keras.Model({"images": entry}, layers.Dense(1)(layers.GlobalAveragePooling2D()(x)))


def frame_by_frame():
    entry = keras.Input((3, 8, 8, 2), name="images")
    x = layers.TimeDistributed(layers.Conv2D(4, 3))(AsinhWhiten(scale=0.5)(entry))
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
    return keras.Model({"images": entry}, layers.Dense(1)(layers.LSTM(3)(x)))


def a_model_for_each_frame():
    entry = keras.Input((3, 8, 8, 2), name="images")
    inner = keras.Sequential([layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()])
    x = layers.TimeDistributed(inner)(AsinhWhiten(scale=0.5)(entry))
    return keras.Model({"images": entry}, layers.Dense(1)(layers.Flatten()(x)))


def over_time():
    entry = keras.Input((4, 8, 8, 2), name="images")
    x = layers.Conv3D(4, 3, strides=(2, 1, 1), padding="same")(AsinhWhiten(scale=0.5)(entry))
    return keras.Model({"images": entry}, layers.Dense(1)(layers.GlobalAveragePooling3D()(x)))


def times_as_channels():
    entry = keras.Input((3, 8, 8, 2), name="images")
    x = layers.Conv2D(4, 3)(TimesAsChannels()(AsinhWhiten(scale=0.5)(entry)))
    return keras.Model({"images": entry}, layers.Dense(1)(layers.GlobalAveragePooling2D()(x)))


def transformer():
    entry = keras.Input((8, 8, 2), name="images")
    x = layers.Reshape((16, 6))(layers.Conv2D(6, 2, strides=2)(AsinhWhiten(scale=0.5)(entry)))
    x = x + layers.MultiHeadAttention(2, 3)(x, x)
    x = x + layers.GroupQueryAttention(3, 2, 1)(x, x)
    return keras.Model({"images": entry}, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))


def image_to_image():
    entry = keras.Input((8, 8, 2), name="images")
    x = layers.Conv2D(4, 3, padding="same", activation="tanh")(AsinhWhiten(scale=0.5)(entry))
    x = layers.Conv2D(2, 3, padding="same")(x)
    return keras.Model({"images": entry}, layers.Rescaling(2.0)(x))


def nested():
    entry = keras.Input((8, 8, 2), name="images")
    inner = keras.Sequential([AsinhWhiten(scale=0.5), layers.Conv2D(4, 3, activation="relu")])
    x = layers.GlobalAveragePooling2D()(inner(entry))
    return keras.Model({"images": entry}, layers.Dense(1)(x))


class Subclassed(keras.Model):
    """A subclassed model, with a convolution inside a layer of its own."""

    def __init__(self):
        super().__init__()
        self.whitening, self.block, self.dense = AsinhWhiten(scale=0.5), Block(), layers.Dense(1)

    def call(self, inputs, training=False):
        return self.dense(self.block(self.whitening(inputs["images"])))


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.convolution, self.pool = layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()

    def call(self, x):
        return self.pool(self.convolution(x))


def subclassed():
    model = Subclassed()
    model({"images": images(1, 8, 8, 2)})
    return model


def half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return flat()
    finally:
        keras.config.set_dtype_policy("float32")


KINDS = (flat, frame_by_frame, a_model_for_each_frame, over_time, times_as_channels)
KINDS += (transformer, image_to_image, nested, subclassed, half_precision)
