"""Layers that whiten AIA images and side inputs: the first of a network.

They compute in float32 whatever the precision of the network, since DN/s in flares exceed float16
and bfloat16 keeps less than three digits; whitened values go on in the network's precision. Missing
is NaN until it is whitened, then 0, the mean, and passes no gradient back.
"""

import keras
import numpy as np
from keras import ops

# 3 sigma of the noise of one synoptic pixel, DN/s: 3 x 0.30 DN over the usual exposure.
# Measured beyond 1.6 solar radii in the synoptic files of 2014-01-01T00:00, from differences of
# neighbours: sigma = 0.103 (94), 0.101 (131), 0.149 (171), 0.152 (193), 0.105 (211) and 0.100
# (335) DN/s at exposures of 2.9 s (171 and 193: 2.0 s), that is 0.29 to 0.31 DN. It is the read
# noise of 1.14 to 1.20 DN (Boerner et al. 2012, doi:10.1007/s11207-011-9804-8) averaged over
# 4 x 4 pixels. 304 and 1600 had no file to measure; they follow from that and 2.9 s.
NOISE_SCALE = {
    94: 0.31,
    131: 0.30,
    171: 0.45,
    193: 0.45,
    211: 0.32,
    304: 0.31,
    335: 0.30,
    1600: 0.31,
    1700: 0.31,
    # HMI, of SDOML's pixels of 4.8 arcsec, G. Bz: sigma = 5.6 within half a solar radius on
    # 2013-01-31. Bx and By had no file to measure; across the line of sight HMI's noise is some
    # ten times that along it (Hoeksema et al. 2014, doi:10.1007/s11207-014-0516-8).
    "Bx": 170.0,
    "By": 170.0,
    "Bz": 17.0,
}

# FlareNet's published statistics of log10(DN/s) of the eight default channels, clipped at 1 DN/s.
_LOG10_MEAN = (0.04378, 0.3213, 1.611, 1.817, 1.306, 0.5766, 0.1092, 0.8212)
_LOG10_STD = (0.1622, 0.386, 0.748, 0.74238, 0.71, 0.5592, 0.2605, 0.7978)
LOG_MEAN = tuple(float(m * np.log(10)) for m in _LOG10_MEAN)
LOG_STD = tuple(float(s * np.log(10)) for s in _LOG10_STD)


class _Whitening(keras.layers.Layer):
    """(transformed - mean) / std over the last axis, missing as 0.

    Subclasses give `transform(x)`: values before they are centred and scaled, float32.

    Args:
        numbers: dict of "mean", "std" (above 0) and what the transformation needs; each a number,
            or one for each channel.
        **options: of `keras.layers.Layer`.
    """

    positive = ("std",)
    whitens = True  # pixel by pixel: explanations of a network follow its images from here

    def __init__(self, numbers, **options):
        super().__init__(autocast=False, **options)
        self._numbers = {key: _numbers(self, key, value) for key, value in numbers.items()}
        self._check_lengths()
        self.supports_masking = True

    def _check_lengths(self):
        for key in self.positive:
            if not (self._numbers[key] > 0).all():
                raise ValueError(
                    f"{type(self).__name__} divides by {key}. Expected numbers above 0. Received: "
                    f"{key}={self._numbers[key].tolist()}. A constant channel has std=1."
                )

    def _number(self, key):
        return ops.convert_to_tensor(self._numbers[key], "float32")

    def build(self, input_shape):
        for key, value in self._numbers.items():
            if value.ndim and len(value) != input_shape[-1]:
                raise ValueError(
                    f"{type(self).__name__} has {len(value)} values of {key} for images of "
                    f"{input_shape[-1]} channels. Expected one number, or one for each channel. "
                    f"Received: shape {tuple(input_shape)}. Statistics of the same channels as the "
                    "images' fit: dataset.whitening() gives the right layer."
                )

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        missing = ops.isnan(x)
        # Filled before the transformation too, or the gradient of the missing would be NaN.
        x = self.transform(ops.where(missing, ops.zeros_like(x), x))
        x = (x - self._number("mean")) / self._number("std")
        return ops.cast(ops.where(missing, ops.zeros_like(x), x), self.compute_dtype)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), **{k: v.tolist() for k, v in self._numbers.items()}}


@keras.saving.register_keras_serializable(package="flarenet")
class AsinhWhiten(_Whitening):
    """asinh(x / scale), less its mean, over its standard deviation.

    Linear through zero, where noise and negative pixels lie, and a logarithm above; so nothing is
    clipped, and a flare pixel a million times brighter than the dark sky comes out some ten times
    larger.

    Args:
        scale: DN/s where linear becomes logarithmic, a number or one for each channel; about 3
            sigma of the noise (`NOISE_SCALE`).
        mean: of asinh(x / scale), a number or one for each channel.
        std: of asinh(x / scale), a number above 0 or one for each channel.
        **options: of `keras.layers.Layer`.

    Input shape:
        (batch, ..., channel), DN/s, NaN where missing.

    Output shape:
        The same, dimensionless; 0 (the mean) where missing.

    Example:
        >>> AsinhWhiten(scale=(0.45, 0.31), mean=(6.0, 2.0), std=(1.0, 1.2))(images)
    """

    positive = ("std", "scale")

    def __init__(self, *, scale, mean=0.0, std=1.0, **options):
        super().__init__({"mean": mean, "std": std, "scale": scale}, **options)

    def transform(self, x):
        return ops.arcsinh(x / self._number("scale"))


@keras.saving.register_keras_serializable(package="flarenet")
class LogWhiten(_Whitening):
    """FlareNet's whitening: ln(max(x, 1 DN/s)), less its mean, over its standard deviation.

    What is fainter than 1 DN/s, most of a quiet Sun at 94 and 335 A, is all the same to it.

    Args:
        mean: of ln(max(x, 1)), a number or one for each channel. By default FlareNet's published
            means of the eight default channels, which it gave in base 10, times ln 10.
        std: the same for the standard deviation, above 0.
        **options: of `keras.layers.Layer`.

    Input shape:
        (batch, ..., channel), DN/s, NaN where missing.

    Output shape:
        The same, dimensionless; 0 (the mean) where missing.
    """

    def __init__(self, *, mean=LOG_MEAN, std=LOG_STD, **options):
        super().__init__({"mean": mean, "std": std}, **options)

    def transform(self, x):
        return ops.log(ops.maximum(x, 1.0))


@keras.saving.register_keras_serializable(package="flarenet")
class StandardScale(_Whitening):
    """x less its mean, over its standard deviation: for side inputs.

    Args:
        mean: number, or one for each feature, in the unit of x.
        std: the same, above 0.
        **options: of `keras.layers.Layer`.

    Input shape:
        (batch, ..., feature), NaN where missing.

    Output shape:
        The same, dimensionless; 0 (the mean) where missing.
    """

    def __init__(self, *, mean, std, **options):
        super().__init__({"mean": mean, "std": std}, **options)

    def transform(self, x):
        return x


@keras.saving.register_keras_serializable(package="flarenet")
class TimesAsChannels(keras.layers.Layer):
    """Lays the images of several times side by side as channels, for a network without a time axis.

    Input shape:
        (batch, time, height, width, channel), or (batch, height, width, channel), which stays.

    Output shape:
        (batch, height, width, time * channel): all channels of the first time come first.
    """

    def call(self, inputs):
        if len(inputs.shape) == 4:
            return inputs
        return ops.reshape(ops.transpose(inputs, (0, 2, 3, 1, 4)), self._shape(inputs.shape))

    def compute_output_shape(self, input_shape):
        return (
            input_shape
            if len(input_shape) == 4
            else (input_shape[0], *self._shape(input_shape)[1:])
        )

    def _shape(self, shape):
        _, times, height, width, channels = shape
        return -1, height, width, times * channels


def _numbers(layer, key, value):
    array = np.asarray(value, "float64")
    if array.ndim > 1 or not np.isfinite(array).all():
        raise ValueError(
            f"{type(layer).__name__} cannot use {key}. Expected a finite number, or a row of them, "
            f"one for each channel. Received: {key}={value!r}. NaN statistics come from a split "
            "without data."
        )
    return array
