"""Losses of forecasts that say how sure they are; the target is log10 of a flux in W m-2.

A target that is NaN (unknown) costs nothing and passes no gradient back.

Source:
    Gneiting & Raftery 2007 (J. Amer. Stat. Assoc. 102, 359): each is smallest for the true
    distribution, so a network gains nothing by sounding surer than it is.
"""

import itertools
import math

import keras
import numpy as np
from keras import ops

ROUNDING = 1e-6  # dex: float32 may put an M1.0 this far below M1.0
SMALLEST_PROBABILITY = 1e-7  # whose logarithm is taken


def filled(target):
    """Targets with 0 for NaN, shape (batch, 1), and 1.0 where they are known, shape (batch,)."""
    target = ops.reshape(ops.cast(target, "float32"), (-1, 1))
    known = ops.logical_not(ops.isnan(target))
    # Filled first: a NaN that is only masked at the end still has a NaN gradient.
    target = ops.where(known, target, ops.zeros_like(target))
    return target, ops.cast(known[:, 0], "float32")


def reached(log_flux, log_thresholds):
    """1.0 where a flux reaches a threshold, else 0.0.

    Args:
        log_flux: tensor, shape (batch, 1).
        log_thresholds: numbers, in the same unit.

    Returns:
        float32 tensor, shape (batch, threshold).
    """
    thresholds = ops.convert_to_tensor(np.asarray(log_thresholds, "float32") - ROUNDING)
    return ops.cast(log_flux >= thresholds, "float32")


def pinball(target, quantiles, levels):
    """Mean quantile loss of each sample, shape (batch,).

    Args:
        target: tensor, shape (batch, 1).
        quantiles: tensor, shape (batch, level).
        levels: numbers between 0 and 1.
    """
    levels = ops.convert_to_tensor(np.asarray(levels, "float32"))
    above = target - ops.cast(quantiles, "float32")
    return ops.mean(ops.maximum(levels * above, (levels - 1.0) * above), axis=-1)


@keras.saving.register_keras_serializable(package="flarenet")
class QuantileLoss(keras.losses.Loss):
    """Quantile (pinball) loss, the mean over the levels; its double tends to the CRPS.

    Args:
        levels: rising numbers between 0 and 1, one for each column of the forecast.
        name: str.
        **options: of `keras.losses.Loss`.

    Raises:
        ValueError: if the levels do not fit.

    Example:
        >>> QuantileLoss(levels=(0.1, 0.5, 0.9))(target, quantiles)  # (n, 1), (n, 3)
    """

    def __init__(self, levels, name="quantile_loss", **options):
        super().__init__(name=name, **options)
        self.levels = checked_levels(levels)

    def call(self, y_true, y_pred):
        target, known = filled(y_true)
        return known * pinball(target, y_pred, self.levels)

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}


@keras.saving.register_keras_serializable(package="flarenet")
class GaussianLogLikelihood(keras.losses.Loss):
    """Minus the log likelihood of the target under a normal distribution.

    The forecast has two columns: mean and standard deviation, which is above 0, in the unit of the
    target.

    Args:
        name: str.
        **options: of `keras.losses.Loss`.
    """

    def __init__(self, name="gaussian_log_likelihood", **options):
        super().__init__(name=name, **options)

    def call(self, y_true, y_pred):
        target, known = filled(y_true)
        forecast = ops.cast(y_pred, "float32")
        mean, deviation = forecast[:, 0], forecast[:, 1]
        z = (target[:, 0] - mean) / deviation
        return known * (0.5 * z**2 + ops.log(deviation) + 0.5 * math.log(2 * math.pi))


@keras.saving.register_keras_serializable(package="flarenet")
class ClassCrossentropy(keras.losses.Loss):
    """Binary crossentropy of the probabilities to reach thresholds, the mean over these.

    The target stays log10 of the flux; the loss asks whether it reached each threshold.

    Args:
        log_thresholds: rising numbers in the unit of the target, one for each column.
        name: str.
        **options: of `keras.losses.Loss`.
    """

    def __init__(self, log_thresholds, name="class_crossentropy", **options):
        super().__init__(name=name, **options)
        self.log_thresholds = [float(threshold) for threshold in log_thresholds]

    def call(self, y_true, y_pred):
        target, known = filled(y_true)
        came = reached(target, self.log_thresholds)
        probability = ops.cast(y_pred, "float32")
        probability = ops.clip(probability, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        given = came * ops.log(probability) + (1 - came) * ops.log(1 - probability)
        return -known * ops.mean(given, axis=-1)

    def get_config(self):
        return {**super().get_config(), "log_thresholds": self.log_thresholds}


def checked_levels(levels):
    """Levels of quantiles as a list of floats.

    Raises:
        ValueError: unless they rise from above 0 to below 1, and there are at least two.
    """
    levels = [float(level) for level in levels]
    rising = all(low < high for low, high in itertools.pairwise(levels))
    if len(levels) < 2 or not rising or levels[0] <= 0 or levels[-1] >= 1:
        raise ValueError(
            "These are no levels of quantiles. Expected at least two numbers that rise between 0 "
            f"and 1, such as 0.1, 0.5, 0.9. Received: levels={levels}."
        )
    return levels
