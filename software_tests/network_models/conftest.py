"""A finished run; and networks that have learned the level of Suns with known active regions."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from dataset_models.sdo.layers import AsinhWhiten
from dataset_models.synthetic.synthetic import Synthetic
from software_tests import small_runs

SIZE, NOISE_CHANNELS, SUNS = 32, 2, 300


@dataclasses.dataclass(frozen=True)
class KnownSuns:
    """Images whose signal is known.

    Args:
        training: float32 array, shape (sample, 32, 32, 4): two signal channels, two of noise.
        levels: float32 array, shape (sample, 1), of mean 0 and deviation 1.
        images: the same of another period, none without a region.
        masks: bool array, shaped as `images`: where the signal is.
        truth: their levels.
    """

    training: np.ndarray
    levels: np.ndarray
    images: np.ndarray
    masks: np.ndarray
    truth: np.ndarray

    @property
    def baseline(self):
        """The quiet Sun: the median of the training images, pixel by pixel."""
        return {"images": np.median(self.training, axis=0)}


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run of the small experiment; nobody writes into it."""
    (path,) = small_runs.run(tmp_path_factory.mktemp("runs"), "--epochs=3")
    return path


@pytest.fixture(scope="session")
def known_suns():
    data = Synthetic(
        image_size=SIZE,
        train_size=4000,
        validation_size=400,
        signal_channels=2,
        noise_channels=NOISE_CHANNELS,
        additive_noise_variance=1e-4,
        active_regions=True,
    )
    training, levels = _drawn(data, "train", range(0, 4000, 4000 // SUNS))
    shown = range(0, 400, 50)
    masks = np.stack([data.signal_mask("validation", i) for i in shown])
    images, truth = _drawn(data, "validation", shown)
    mean, deviation, active = levels.mean(), levels.std(), masks.any((1, 2, 3))
    levels, truth = (levels - mean) / deviation, (truth - mean) / deviation
    return KnownSuns(training, levels, images[active], masks[active], truth[active])


@pytest.fixture(scope="session")
def convolutional(made_once, known_suns):
    """A trained network of two convolutions."""

    def train(folder):
        _convolutional(known_suns).save(folder / "network.keras")

    return keras.saving.load_model(made_once("convolutional", train) / "network.keras")


def _convolutional(known_suns):
    keras.utils.set_random_seed(1)
    entry = keras.Input(known_suns.images.shape[1:], name="images")
    x = _convolved(_whitening(known_suns)(entry), 8, name="first_convolution")
    x = layers.GlobalAveragePooling2D()(_convolved(layers.MaxPooling2D(2)(x), 16))
    return _trained(keras.Model({"images": entry}, layers.Dense(1)(x)), known_suns, 400, 1e-2, 1.0)


@pytest.fixture(scope="session")
def transformer(known_suns):
    """A trained network whose class token looks at the planes of two convolutions."""
    keras.utils.set_random_seed(1)
    entry = keras.Input(known_suns.images.shape[1:], name="images")
    x = _whitening(known_suns)(entry)
    for _ in range(2):
        x = layers.MaxPooling2D(2)(_convolved(x, 16))
    tokens = ClassToken()(layers.Reshape((-1, 16))(x))
    seen = layers.LayerNormalization()(tokens)
    tokens = tokens + layers.MultiHeadAttention(2, 8)(seen, seen)
    seen = layers.Dense(32, activation="relu")(layers.LayerNormalization()(tokens))
    tokens = tokens + layers.Dense(16)(seen)
    level = layers.Dense(1)(layers.LayerNormalization()(tokens)[:, 0])
    return _trained(keras.Model({"images": entry}, level), known_suns, 500, 5e-3, 0.3)


@keras.saving.register_keras_serializable(package="known_suns")
class ClassToken(layers.Layer):
    """Puts a trained token before all others, and says each where it is."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="random_normal")
        self.places = self.add_weight(
            shape=(1, shape[1] + 1, shape[-1]), initializer="random_normal"
        )

    def call(self, tokens):
        first = keras.ops.repeat(self.token, keras.ops.shape(tokens)[0], axis=0)
        return keras.ops.concatenate([first, tokens], axis=1) + self.places


def _whitening(suns):
    brightness = np.arcsinh(suns.training / 0.3)
    mean, std = (getattr(brightness, one)(axis=(0, 1, 2)).tolist() for one in ("mean", "std"))
    return AsinhWhiten(scale=0.3, mean=mean, std=std)


def _convolved(x, filters, name=None):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))


def _drawn(data, split, indices):
    samples = [data.sample(split, i, None) for i in indices]
    return np.stack([x["images"] for x, _ in samples]), np.stack([y for _, y in samples])


def _stream(suns, count):
    """Suns turned over, with fresh noise: what says nothing can only be unlearned."""
    chance = np.random.default_rng(1)
    chosen = chance.integers(0, len(suns.training), count)
    images = suns.training[chosen]
    for axis in (1, 2):
        turned = chance.random(count) < 0.5
        images[turned] = np.flip(images[turned], axis)
    noise = images[..., -NOISE_CHANNELS:]
    noise[...] = chance.standard_normal(noise.shape, "float32")
    return images, suns.levels[chosen]


def _trained(model, suns, steps, learning_rate, decay):
    """The model after `steps` of 32 samples; weights that nothing needs decay."""
    images, levels = _stream(suns, 32 * steps)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=decay, clipnorm=1.0)
    model.compile(optimizer, loss="mse", steps_per_execution=20)
    model.fit({"images": images}, levels, batch_size=32, shuffle=False, verbose=0)
    error = model.evaluate({"images": suns.images}, suns.truth, verbose=0)
    assert error < 0.6  # of a variance of 1: it has learned the level
    return model
