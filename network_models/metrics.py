"""Scores of forecasts while a network trains: those of `tools/*_skill.py`, batch by batch.

Each takes a forecast of one column as certain: log10 of a flux. Compile them as `weighted_metrics`;
a target that is NaN (unknown) counts for nothing, and a score that its samples do not define is
NaN, never 0.
"""

import math

import keras
from keras import ops

from network_models.losses import checked_levels, filled, pinball, reached


class _MeanScore(keras.metrics.Mean):
    """Weighted mean of a score of each sample, which subclasses give: `score(target, forecast)`.

    Attributes:
        of_distributions: whether it judges probabilities: a mean that is taken as certain is then
            no fair reference.
    """

    of_distributions = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        target, weight = filled(y_true)
        if sample_weight is not None:
            weight = weight * ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
        values = self.score(target, ops.cast(y_pred, "float32"))
        return super().update_state(values, sample_weight=weight)

    def result(self):
        # Keras' own mean of nothing is 0: here 0 would be perfect.
        count = ops.maximum(self.count, 1e-30)
        return ops.where(self.count > 0, self.total / count, math.nan)


@keras.saving.register_keras_serializable(package="flarenet")
class QuantileCRPS(_MeanScore):
    """Continuous ranked probability score of quantiles: twice their mean quantile loss.

    Of one column, a certain forecast, it is the mean absolute error.

    Args:
        levels: as of `losses.QuantileLoss`.
        name: str.
        **options: of `keras.metrics.Metric`.

    Source:
        The same number as `tools.flux_skill.crps_quantiles`.
    """

    def __init__(self, levels, name="crps", **options):
        super().__init__(name=name, **options)
        self.levels = checked_levels(levels)

    def score(self, target, forecast):
        if forecast.shape[-1] == 1:
            return ops.abs(target - forecast)[:, 0]
        return 2 * pinball(target, forecast, self.levels)

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}


@keras.saving.register_keras_serializable(package="flarenet")
class GaussianCRPS(_MeanScore):
    """Continuous ranked probability score of normal distributions: columns mean and deviation.

    Of one column, a certain forecast, it is the mean absolute error.

    Args:
        name: str.
        **options: of `keras.metrics.Metric`.

    Source:
        The same number as `tools.flux_skill.crps_gaussian`.
    """

    def __init__(self, name="crps", **options):
        super().__init__(name=name, **options)

    def score(self, target, forecast):
        error = target[:, 0] - forecast[:, 0]
        if forecast.shape[-1] == 1:
            return ops.abs(error)
        deviation = forecast[:, 1]
        z = error / deviation
        below = ops.erf(z / math.sqrt(2))  # 2 Phi(z) - 1
        density = ops.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        return deviation * (z * below + 2 * density - 1 / math.sqrt(math.pi))


@keras.saving.register_keras_serializable(package="flarenet")
class CentralError(_MeanScore):
    """Mean absolute error of one column: of a mean, or of the quantile in the middle.

    Args:
        column: int, of the forecast; a forecast of one column is taken as it is.
        name: str.
        **options: of `keras.metrics.Metric`.
    """

    of_distributions = False

    def __init__(self, column=0, name="mae", **options):
        super().__init__(name=name, **options)
        self.column = column

    def score(self, target, forecast):
        column = 0 if forecast.shape[-1] == 1 else self.column
        return ops.abs(target[:, 0] - forecast[:, column])

    def get_config(self):
        return {**super().get_config(), "column": self.column}


@keras.saving.register_keras_serializable(package="flarenet")
class Brier(_MeanScore):
    """Brier score of the probability to reach a threshold.

    Args:
        log_threshold: in the unit of the target.
        column: int, of the forecast that holds the probability.
        name: str.
        **options: of `keras.metrics.Metric`.

    Source:
        The same number as `tools.probability_skill.brier`.
    """

    def __init__(self, log_threshold, column=0, name="brier", **options):
        super().__init__(name=name, **options)
        self.log_threshold, self.column = float(log_threshold), column

    def score(self, target, forecast):
        probability = probability_to_reach(forecast, self.log_threshold, self.column)
        return (probability - reached(target, [self.log_threshold])[:, 0]) ** 2

    def get_config(self):
        own = {"log_threshold": self.log_threshold, "column": self.column}
        return {**super().get_config(), **own}


class _TableScore(keras.metrics.Metric):
    """A score of the contingency table of alarms; subclasses give `of_table`.

    A split without an event makes it NaN, which ends training: compile it where every split has
    both outcomes.
    """

    def __init__(self, log_threshold, alarm=0.5, column=0, name=None, **options):
        super().__init__(name=name, **options)
        self.log_threshold, self.alarm, self.column = float(log_threshold), float(alarm), column
        self.table = self.add_variable((4,), initializer="zeros", name="table")

    def update_state(self, y_true, y_pred, sample_weight=None):
        target, weight = filled(y_true)
        if sample_weight is not None:
            weight = weight * ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
        forecast = ops.cast(y_pred, "float32")
        probability = probability_to_reach(forecast, self.log_threshold, self.column)
        alarm = ops.cast(probability >= self.alarm, "float32")
        came = reached(target, [self.log_threshold])[:, 0]
        cells = (alarm * came, alarm * (1 - came), (1 - alarm) * came, (1 - alarm) * (1 - came))
        self.table.assign_add(ops.stack([ops.sum(weight * cell) for cell in cells]))

    def result(self):
        return self.of_table(*ops.unstack(ops.convert_to_tensor(self.table), 4))

    def get_config(self):
        own = {"log_threshold": self.log_threshold, "alarm": self.alarm, "column": self.column}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="flarenet")
class TrueSkill(_TableScore):
    """True skill statistic of alarms: probability >= `alarm`; of one column, flux >= threshold.

    Args:
        log_threshold: in the unit of the target.
        alarm: probability from which on an alarm is given, fixed before training: the base rate of
            training, say. One that validation chooses is for `tools.verification`.
        column: int, of the forecast that holds the probability.
        name: str.
        **options: of `keras.metrics.Metric`.

    Source:
        The same number as `tools.skill.Contingency.tss`.
    """

    def of_table(self, hits, false_alarms, misses, correct_negatives):
        pod = _ratio(hits, hits + misses)
        return pod - _ratio(false_alarms, false_alarms + correct_negatives)


@keras.saving.register_keras_serializable(package="flarenet")
class HeidkeSkill(_TableScore):
    """Heidke skill score of alarms, in everything else like `TrueSkill`.

    Source:
        The same number as `tools.skill.Contingency.hss`.
    """

    def of_table(self, hits, false_alarms, misses, correct_negatives):
        above = 2 * (hits * correct_negatives - false_alarms * misses)
        events, alarms = hits + misses, hits + false_alarms
        others, silent = false_alarms + correct_negatives, misses + correct_negatives
        return _ratio(above, events * silent + alarms * others)


def probability_to_reach(forecast, log_threshold, column):
    """Probability to reach a threshold, shape (batch,).

    Args:
        forecast: float32 tensor, shape (batch, threshold), of probabilities; or (batch, 1) of
            log10 of fluxes in W m-2. These are negative, which no probability is.
        log_threshold: in the unit of the flux.
        column: int, that of the threshold.
    """
    if forecast.shape[-1] > 1:
        return forecast[:, column]
    certain = reached(forecast, [log_threshold])[:, 0]
    return ops.where(forecast[:, 0] < 0, certain, forecast[:, 0])


def _ratio(part, whole):
    return ops.where(whole > 0, part / ops.maximum(whole, 1e-30), math.nan)
