"""Layers that turn planes of the sample store into images in physical units, on the device.

They compute in float32 whatever the precision of the network, and keep missing pixels as NaN.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="flarenet")
class RootDecode(keras.layers.Layer):
    """Undoes the store's encoding sign(x) sqrt(|x|), which keeps negative pixels and flares.

    Input shape:
        Any, the root of DN/s.

    Output shape:
        The same, DN/s, float32; NaN stays NaN.
    """

    def __init__(self, *, dtype="float32", **options):
        super().__init__(dtype=dtype, autocast=False, **options)

    def call(self, inputs):
        root = ops.cast(inputs, self.compute_dtype)
        return root * ops.abs(root)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)


@keras.saving.register_keras_serializable(package="flarenet")
class AreaAverage(keras.layers.Layer):
    """Exact mean over square blocks of pixels; of those that are present where some are missing.

    Args:
        size: pixels on a side of the output; it divides the input's.
        dtype: precision of the mean.
        **options: of `keras.layers.Layer`.

    Input shape:
        (batch, ..., channel, height, width): planes as they are stored.

    Output shape:
        (batch, ..., channel, size, size), in the same unit; NaN where a whole block is missing.
    """

    def __init__(self, size, *, dtype="float32", **options):
        super().__init__(dtype=dtype, autocast=False, **options)
        self.size = size

    def build(self, input_shape):
        check_image_size(self.size, input_shape[-2:])

    def call(self, inputs):
        x = ops.cast(inputs, self.compute_dtype)
        if inputs.shape[-1] == self.size:
            return x
        mean = self._block_sums(x) / (inputs.shape[-1] // self.size) ** 2
        # Few images lack pixels; a block that does shows it, and only then is it worth the time.
        incomplete = ops.any(ops.isnan(mean))
        return ops.cond(incomplete, lambda: self._mean_of_present(x), lambda: mean)

    def _mean_of_present(self, x):
        present = ops.logical_not(ops.isnan(x))
        total = self._block_sums(ops.where(present, x, ops.zeros_like(x)))
        count = self._block_sums(ops.cast(present, self.compute_dtype))
        mean = total / ops.maximum(count, 1.0)
        return ops.where(count > 0, mean, ops.full_like(mean, float("nan")))

    def _block_sums(self, x):
        step = x.shape[-1] // self.size
        blocks = (-1, *x.shape[1:-2], self.size, step, self.size, step)
        return ops.sum(
            ops.sum(ops.reshape(x, blocks), axis=-1), axis=-2
        )  # twice as fast as at once

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-2], self.size, self.size)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable(package="flarenet")
class Magnify(keras.layers.Layer):
    """Scales images about their centre, so that the Sun can be as large in all of them.

    Pixels are interpolated linearly and keep their unit: DN/s of a pixel are of a solid angle, and
    what the Sun sends through it does not change with distance.

    Args:
        dtype: precision of the images.
        **options: of `keras.layers.Layer`.

    Input shape:
        Planes (batch, ..., height, width), and how many times as wide the Sun becomes in each
        (batch, ...).

    Output shape:
        As the planes, in their unit; NaN beside a missing pixel, and more than a pixel beyond the
        edge. Nearer to it the pixel at the edge stands, so that a Sun that is a thousandth larger
        than wanted, as in each January, costs no pixels.
    """

    def __init__(self, *, dtype="float32", **options):
        super().__init__(dtype=dtype, autocast=False, **options)

    def call(self, planes, factor):
        height, width = planes.shape[-2:]
        step = 1 / ops.reshape(ops.cast(factor, self.compute_dtype), (-1,))
        none = ops.zeros_like(step)
        # Where each pixel comes from: x' = step x + (1 - step) centre, and y' so.
        right, down = ((1 - step) * (side - 1) / 2 for side in (width, height))
        transform = ops.stack([step, none, right, none, step, down, none, none], axis=-1)
        scaled = ops.image.affine_transform(
            ops.reshape(ops.cast(planes, self.compute_dtype), (-1, height, width, 1)),
            transform,
            interpolation="bilinear",
            fill_mode="nearest",
            data_format="channels_last",
        )[..., 0]
        rows, columns = self._seen(height, step), self._seen(width, step)
        seen = ops.logical_and(rows[:, :, None], columns[:, None, :])
        scaled = ops.where(seen, scaled, ops.full_like(scaled, float("nan")))
        return ops.reshape(scaled, (-1, *planes.shape[1:]))

    def _seen(self, side, step):
        """Which rows, or columns, come from at most a pixel beyond the edge: (image, side)."""
        middle = (side - 1) / 2
        distance = ops.abs(ops.arange(side, dtype=self.compute_dtype) - middle)
        return step[:, None] * distance <= middle + 1

    def compute_output_spec(self, planes, factor):
        return keras.KerasTensor(planes.shape, dtype=self.compute_dtype)


@keras.saving.register_keras_serializable(package="flarenet")
class DegradationCorrection(keras.layers.Layer):
    """Divides images by the throughput of each channel, so that years compare.

    Args:
        dtype: precision of the quotient.
        **options: of `keras.layers.Layer`.

    Input shape:
        Images (batch, ..., height, width, channel), and throughput relative to launch
        (batch, ..., channel), dimensionless.

    Output shape:
        As the images, in their unit; NaN where the throughput is missing or not above 0.
    """

    def __init__(self, *, dtype="float32", **options):
        super().__init__(dtype=dtype, autocast=False, **options)

    def call(self, images, throughput):
        factor = ops.cast(throughput, self.compute_dtype)[..., None, None, :]
        valid = factor > 0
        quotient = ops.cast(images, self.compute_dtype) / ops.where(valid, factor, 1.0)
        return ops.where(valid, quotient, ops.full_like(quotient, float("nan")))

    def compute_output_spec(self, images, throughput):
        return keras.KerasTensor(images.shape, dtype=self.compute_dtype)


def check_image_size(size: int, grid: tuple[int, int]):
    """Refuses an image size that is no exact average of a square grid.

    Args:
        size: pixels on a side that are wanted.
        grid: (height, width) of the stored images, pixels.

    Raises:
        ValueError: naming the sizes that are.
    """
    height, width = grid
    if height != width or size < 1 or height % size:
        allowed = [n for n in range(1, height + 1) if height % n == 0]
        raise ValueError(
            f"Images of {height} x {width} pixels cannot be averaged exactly to {size} x {size}. "
            f"Expected a square grid and an image_size among {allowed}. Received: "
            f"image_size={size}."
        )
