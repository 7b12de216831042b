"""Changes of an image of the Sun that leave the forecast as it is, made while training."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="flarenet")
class SolarAugmentation(keras.layers.Layer):
    """Mirrors, small shifts and small rotations of the whole image, only while training.

    One transformation is drawn for each sample, and all its channels and times share it. What
    comes from beyond the field is `fill_value`. A pixel that draws on a missing one is missing.

    Which law of the Sun a mirror breaks: mirrored east to west, active regions tilt the other way
    (against Joy's law, by the 5 to 10 degrees that regions tilt) and the Sun turns the other way;
    EUV images carry no polarity, so Hale's law does not show. Mirrored north to south, unsigned
    images keep the tilt, but signed ones (magnetograms) break Hale's law: it is made only when it
    is asked for by name.

    Args:
        east_west_mirror: whether half of the samples are mirrored east to west.
        north_south_mirror: whether half of the samples are mirrored north to south.
        shift: largest shift along each axis, as a fraction of the image's side.
        rotation: largest rotation either way, degrees.
        fill_value: what lies beyond the field, in the unit of the images.
        seed: int or None, where the chance comes from.
        dtype: precision of the output.
        **options: of `keras.layers.Layer`.

    Input shape:
        (batch, height, width, channel) or (batch, time, height, width, channel).

    Output shape:
        The same.

    Example:
        >>> SolarAugmentation(rotation=0.0, seed=1)(images, training=True)
    """

    def __init__(
        self,
        *,
        east_west_mirror=True,
        north_south_mirror=False,
        shift=0.02,
        rotation=3.0,
        fill_value=0.0,
        seed=None,
        dtype="float32",
        **options,
    ):
        super().__init__(dtype=dtype, autocast=False, **options)
        _check(shift, rotation)
        self.east_west_mirror, self.north_south_mirror = east_west_mirror, north_south_mirror
        self.shift, self.rotation, self.fill_value = shift, rotation, fill_value
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_jit = not (shift or rotation)  # XLA knows no projective transformation

    def call(self, inputs, training=False):
        images = ops.cast(inputs, self.compute_dtype)
        if not training:
            return images
        if len(images.shape) == 4:
            return self._changed(images)
        return self._channels_to_times(self._changed(self._times_to_channels(images)), images)

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def _changed(self, images):
        if self.east_west_mirror:
            images = self._mirrored(images, axis=2)
        if self.north_south_mirror:
            images = self._mirrored(images, axis=1)
        return self._moved(images) if self.shift or self.rotation else images

    def _mirrored(self, images, axis):
        chance = keras.random.uniform((ops.shape(images)[0], 1, 1, 1), seed=self.seed_generator)
        return ops.where(chance < 0.5, ops.flip(images, axis=axis), images)

    def _moved(self, images):
        batch, (height, width) = ops.shape(images)[0], images.shape[1:3]
        angle, right, down = self._draws(batch, height, width)
        cosine, sine = ops.cos(angle), ops.sin(angle)
        x, y = (width - 1) / 2, (height - 1) / 2  # the image turns about its centre
        zero = ops.zeros_like(angle)
        # Each output pixel (column, row) is read at (a column + b row + c, d column + e row + f).
        rows = (
            (cosine, -sine, x - cosine * x + sine * y + right),
            (sine, cosine, y - sine * x - cosine * y + down),
            (zero, zero),
        )
        transform = ops.stack([number for row in rows for number in row], axis=-1)
        return ops.image.affine_transform(
            images, transform, fill_value=self.fill_value, data_format="channels_last"
        )

    def _draws(self, batch, height, width):
        """Angle (radians) and shifts (pixels) of each sample, each of shape (batch,)."""
        limits = np.deg2rad(self.rotation), self.shift * width, self.shift * height
        return [
            keras.random.uniform((batch,), -limit, limit, seed=self.seed_generator)
            for limit in limits
        ]

    def _times_to_channels(self, images):
        _, times, height, width, channels = images.shape
        images = ops.transpose(images, (0, 2, 3, 1, 4))
        return ops.reshape(images, (-1, height, width, times * channels))

    def _channels_to_times(self, images, like):
        _, times, height, width, channels = like.shape
        images = ops.reshape(images, (-1, height, width, times, channels))
        return ops.transpose(images, (0, 3, 1, 2, 4))

    def get_config(self):
        names = "east_west_mirror", "north_south_mirror", "shift", "rotation", "fill_value", "seed"
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _check(shift, rotation):
    if not 0 <= shift < 0.5 or not 0 <= rotation <= 180:
        raise ValueError(
            "SolarAugmentation cannot move an image so. Expected shift, a fraction of its side, "
            "from 0 to below 0.5, and rotation from 0 to 180 degrees. Received: "
            f"shift={shift!r}, rotation={rotation!r}."
        )
