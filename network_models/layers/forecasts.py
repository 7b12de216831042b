"""Last layers of networks that forecast a distribution: what they give is one by construction.

Each starts, from zeros, as the distribution of the training targets, which is climatology. They
compute in float32 (give them dtype="float32" in a network of mixed precision).
"""

import math
import statistics

import keras
import numpy as np
from keras import ops

from network_models.losses import checked_levels

SMALLEST_DEVIATION = 1e-2  # of the targets' own: a surer network would only be overfitting


@keras.saving.register_keras_serializable(package="flarenet")
class ExceedanceProbabilities(keras.layers.Layer):
    """Probabilities to reach rising thresholds, none larger than the one before.

    Each input becomes, by a sigmoid, the probability to reach its threshold once the one below is
    reached; these are multiplied up.

    Input shape:
        (batch, threshold), any numbers.

    Output shape:
        The same, probabilities.

    Example:
        >>> ExceedanceProbabilities()(keras.ops.zeros((1, 3)))  # 0.5, 0.25, 0.125
    """

    forecast_unit = "probability"  # what maps of its output are in

    def call(self, inputs):
        return ops.cumprod(ops.sigmoid(inputs), axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="flarenet")
class RisingQuantiles(keras.layers.Layer):
    """Quantiles that never cross: the first input moves all of them, the others stretch the gaps.

    Args:
        levels: rising numbers between 0 and 1, one for each input.
        mean: of the training targets.
        std: of the training targets, above 0.
        **options: of `keras.layers.Layer`.

    Input shape:
        (batch, level), any numbers; zeros give the quantiles of a normal distribution.

    Output shape:
        The same, in the unit of the targets.
    """

    forecast_unit = "target"

    def __init__(self, levels, mean=0.0, std=1.0, **options):
        super().__init__(**options)
        self.levels, self.mean, self.std = checked_levels(levels), float(mean), float(std)

    def call(self, inputs):
        normal = [statistics.NormalDist().inv_cdf(level) for level in self.levels]
        gaps = ops.convert_to_tensor(np.diff(normal), dtype=inputs.dtype)
        first = inputs[:, :1] + normal[0]
        gaps = gaps * ops.softplus(inputs[:, 1:]) / math.log(2)
        return self.mean + self.std * ops.cumsum(ops.concatenate([first, gaps], axis=-1), axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        own = {"levels": self.levels, "mean": self.mean, "std": self.std}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="flarenet")
class MeanAndDeviation(keras.layers.Layer):
    """Mean and standard deviation of a normal distribution.

    Args:
        mean: of the training targets.
        std: of the training targets, above 0.
        **options: of `keras.layers.Layer`.

    Input shape:
        (batch, 2), any numbers; zeros give `mean` and `std`.

    Output shape:
        (batch, 2): mean, and deviation above 0, in the unit of the targets.
    """

    forecast_unit = "target"

    def __init__(self, mean=0.0, std=1.0, **options):
        super().__init__(**options)
        self.mean, self.std = float(mean), float(std)

    def call(self, inputs):
        mean = self.mean + self.std * inputs[:, :1]
        deviation = ops.softplus(inputs[:, 1:]) / math.log(2) * (1 - SMALLEST_DEVIATION)
        return ops.concatenate([mean, self.std * (deviation + SMALLEST_DEVIATION)], axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "std": self.std}
