"""Finds the brightness of an encoded image: everything that a resumed run could get wrong.

Dropout, augmentation, batch normalisation, a learning-rate schedule, a dataset with a decoder and
with chance in its samples.
"""

import keras
import numpy as np
from keras import layers

from dataset_models.dataset import Dataset
from network_models import experiment


class Roots(Dataset):
    """Images stored as square roots; the target is the mean of the image."""

    units = {"images": "DN / s", "target": "DN / s"}
    input_shape = {"images": (8, 8, 2)}

    def __init__(self, samples):
        self.sizes = {"train": samples, "validation": 20, "test": 12}

    def size(self, split):
        return self.sizes[split]

    def sample(self, split, index, rng):
        image = self.image(split, index) + 0.1 * rng.random((8, 8, 2))
        return {"images": np.sqrt(image).astype("float16")}, self.target(split, index)

    def image(self, split, index):
        rng = np.random.default_rng([self.splits.index(split), int(index)])
        return rng.random((8, 8, 2)) * rng.uniform(0.5, 4)

    def target(self, split, index):
        return np.float32([self.image(split, index).mean()])

    def decoder(self):
        roots = keras.Input((8, 8, 2), name="images", dtype="float16")
        squares = layers.Lambda(lambda root: keras.ops.square(keras.ops.cast(root, "float32")))
        return keras.Model({"images": roots}, {"images": squares(roots)})

    def describe(self, split, index):
        day = np.timedelta64(self.splits.index(split) * 1000 + int(index), "D")
        return {
            "id": f"{split}_{index}",
            "time": np.datetime64("2014-01-01") + day,
            "channels": ("171", "193"),
            "unit": "DN / s",
            "wcs": None,
            "labels": {"target": float(self.target(split, index)[0])},
            "marks": ("SYNTHETIC",),
        }


def build_dataset(config):
    """Returns the images that `config` asks for."""
    return Roots(config.samples)


def build_model(config, dataset):
    """Returns a compiled model: (8, 8, 2) DN/s -> (1,) DN/s."""
    inputs = dataset.inputs()
    x = layers.RandomFlip()(inputs["images"])
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(x)
    x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(config.dropout)(x)
    model = keras.Model(inputs, layers.Dense(1, name="brightness")(x))
    rate = config.learning_rate
    if config.cosine:
        rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, 100)
    model.compile(keras.optimizers.Adam(rate), loss="mse", metrics=["mae"])
    return model


if __name__ == "__main__":
    experiment.run(__file__, build_dataset=build_dataset, build_model=build_model)
