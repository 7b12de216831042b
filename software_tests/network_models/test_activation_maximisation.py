"""Images that filters would respond to most."""

import keras
import numpy as np
import pytest
from keras import layers

from network_models.explanations import receptive_field
from network_models.explanations.activation_maximisation import START, maximised
from software_tests.layer_chains import noise, trunk_of


def images_of(chain, shape, filters=(0, 1), whitening=None, layer=None, **options):
    """Maximised images of a layer in a chain of layers; by default of the last one."""
    trunk, _ = trunk_of(([whitening] if whitening else []) + chain, shape, layer)
    white = {name: value[np.newaxis] for name, value in trunk.images.values.items()}
    field = receptive_field.measured_field(trunk, white)
    return trunk, maximised(trunk, white, field, filters, **options)


def correlation(one, other):
    return np.corrcoef(np.ravel(one), np.ravel(other))[0, 1]


@pytest.mark.parametrize("activation", [None, "relu"])
def test_a_linear_filter_answers_most_to_its_own_kernel(activation):
    """Of all z with a mean square of 1, the largest w . z is that of z = w / rms(w)."""
    layer = layers.Conv2D(2, 5, activation=activation)
    _, found = images_of([layer], (24, 24, 3))
    kernels = np.moveaxis(np.asarray(layer.kernel), -1, 0)
    assert found.images.shape == (2, 1, 5, 5, 3)
    for image, kernel, output in zip(found.images, kernels, found.outputs, strict=True):
        assert correlation(image[0], kernel) > 0.99
        assert np.square(image).mean() == pytest.approx(1.0, abs=1e-3)
        # w . w / rms(w) = 75 rms(w)
        best = 75 * np.sqrt(np.square(kernel).mean())
        assert output == pytest.approx(best, rel=0.01)


def test_ascent_runs_in_whitened_brightness():
    """Whitening of very different channels changes nothing: the ascent begins after it."""
    whitening = layers.Normalization(mean=[5.0, 5000.0, -3.0], variance=[1e-4, 1e8, 1.0])
    layer = layers.Conv2D(2, 5)
    _, found = images_of([layer], (24, 24, 3), whitening=whitening)
    kernels = np.moveaxis(np.asarray(layer.kernel), -1, 0)
    for image, kernel in zip(found.images, kernels, strict=True):
        assert correlation(image[0], kernel) > 0.99


def deep_chain():
    chain = [layers.Conv2D(4, 3, padding="same", activation="relu"), layers.MaxPooling2D(4)]
    return [*chain, layers.Conv2D(3, 3, padding="same", activation="relu")]


def test_a_deeper_filter_answers_more_than_to_any_noise_of_that_contrast():
    trunk, found = images_of(deep_chain(), (64, 64, 2), filters=(0, 1, 2))
    assert found.images.shape == (3, 1, 14, 14, 2)  # 3, + 3 of the pool, + 2 * 4
    assert found.moved.all()
    assert (np.square(found.images).mean(axis=(1, 2, 3, 4)) < 1.001).all()
    chance = np.asarray(trunk({"images": noise(50, 64, 64, 2)}))
    assert (found.outputs > 2 * chance.max(axis=(0, 1, 2, 3))).all()


def test_equal_seeds_give_equal_images_whatever_stands_beside():
    _, one = images_of(deep_chain(), (32, 32, 2), filters=(0, 1), steps=5)
    _, same = images_of(deep_chain(), (32, 32, 2), filters=(0, 1), steps=5)
    _, alone = images_of(deep_chain(), (32, 32, 2), filters=(1,), steps=5)
    _, other = images_of(deep_chain(), (32, 32, 2), filters=(0, 1), steps=5, seed=1)
    assert one.images.tobytes() == same.images.tobytes()
    np.testing.assert_allclose(alone.images[0], one.images[1], atol=1e-5)
    assert np.abs(other.images - one.images).max() > 0.1


@keras.saving.register_keras_serializable(package="test")
class PlaceDependent(keras.layers.Layer):
    """Adds a number of its own to each pixel: it takes images of one size only."""

    def build(self, input_shape):
        self.numbers = self.add_weight(shape=input_shape[1:], initializer="random_normal")

    def call(self, inputs):
        return inputs + self.numbers


def test_a_layer_that_insists_on_its_size_sees_the_whole_image():
    layer = layers.Conv2D(2, 3)
    _, found = images_of([PlaceDependent(), layer], (16, 12, 1))
    kernels = np.moveaxis(np.asarray(layer.kernel), -1, 0)
    assert found.images.shape == (2, 1, 3, 3, 1)
    for image, kernel in zip(found.images, kernels, strict=True):
        assert correlation(image[0], kernel) > 0.99


def test_a_filter_that_nothing_moves_says_so():
    _, found = images_of([layers.Conv2D(2, 3, kernel_initializer="zeros")], (8, 8, 1), steps=3)
    assert not found.moved.any()


def test_units_that_are_silent_at_first_are_woken():
    """Bias -0.2 in front of a relu: the faint noise of the start passes nothing back."""
    silent = keras.initializers.Constant(-0.2)
    chain = [
        layers.Conv2D(8, 3, activation="relu", bias_initializer=silent),
        layers.Conv2D(2, 3),
    ]
    _, found = images_of(chain, (16, 16, 2))
    assert START < 0.05
    assert found.moved.all()
    assert (found.outputs > 0.5).all()


def test_series_and_layers_under_time_distribution():
    _, found = images_of([layers.Conv3D(2, (2, 3, 3))], (3, 12, 12, 2), steps=3)
    assert found.images.shape == (2, 3, 3, 3, 2)
    layer = layers.Conv2D(2, 3)
    _, found = images_of([layers.TimeDistributed(layer)], (3, 12, 12, 2), layer=layer)
    kernels = np.moveaxis(np.asarray(layer.kernel), -1, 0)
    for image, kernel in zip(found.images, kernels, strict=True):
        assert correlation(image[1], kernel) > 0.99  # of three frames the middle one
        assert np.abs(image[[0, 2]]).max() < 0.1


def test_half_precision_ends_near_the_kernel_as_well():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = layers.Conv2D(2, 3, activation="relu")
        _, found = images_of([layer], (12, 12, 2))
    finally:
        keras.config.set_dtype_policy("float32")
    for image, kernel in zip(
        found.images, np.moveaxis(np.asarray(layer.kernel), -1, 0), strict=True
    ):
        assert correlation(image[0], kernel) > 0.98
