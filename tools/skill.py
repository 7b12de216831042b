"""Scores of forecasts that say yes or no: the contingency table and what follows from it.

Those of probabilities lie in `probability_skill.py`, those of fluxes in `flux_skill.py`, and the
intervals of all of them in `intervals.py`. A score that the sample does not define is NaN, never 0.

Source:
    Jolliffe & Stephenson 2012, Forecast Verification, chapter 3; for flares Bloomfield et al. 2012
    (arXiv:1202.5995) and Barnes et al. 2016 (arXiv:1608.06319).
"""

import dataclasses
import math

import numpy as np
import numpy.typing

Array = numpy.typing.ArrayLike


@dataclasses.dataclass(frozen=True)
class Contingency:
    """How often an event was forecast, and how often it came.

    Args:
        hits: sum of the weights of events that were forecast.
        false_alarms: of forecasts without an event.
        misses: of events that were not forecast.
        correct_negatives: of the rest.

    Example:
        >>> Contingency(hits=8, false_alarms=12, misses=2, correct_negatives=78).tss
        0.6666666666666667
    """

    hits: float
    false_alarms: float
    misses: float
    correct_negatives: float

    @property
    def total(self) -> float:
        """Sum of all weights."""
        return self.hits + self.false_alarms + self.misses + self.correct_negatives

    @property
    def events(self) -> float:
        """Sum of the weights of all events."""
        return self.hits + self.misses

    @property
    def non_events(self) -> float:
        """Sum of the weights of all others."""
        return self.false_alarms + self.correct_negatives

    @property
    def alarms(self) -> float:
        """Sum of the weights of all forecasts of an event."""
        return self.hits + self.false_alarms

    @property
    def pod(self) -> float:
        """Probability of detection: the fraction of events that were forecast."""
        return ratio(self.hits, self.events)

    @property
    def far(self) -> float:
        """False alarm ratio: the fraction of alarms without an event."""
        return ratio(self.false_alarms, self.alarms)

    @property
    def pofd(self) -> float:
        """Probability of false detection: the fraction of quiet samples with an alarm."""
        return ratio(self.false_alarms, self.non_events)

    @property
    def csi(self) -> float:
        """Critical success index: hits among all that were forecast or came."""
        return ratio(self.hits, self.hits + self.false_alarms + self.misses)

    @property
    def bias(self) -> float:
        """Alarms for each event; 1 for as many as there are."""
        return ratio(self.alarms, self.events)

    @property
    def accuracy(self) -> float:
        """Fraction that was right; of rare events it says nothing."""
        return ratio(self.hits + self.correct_negatives, self.total)

    @property
    def tss(self) -> float:
        """True skill statistic (Hanssen & Kuipers 1965, Peirce 1884): POD less POFD."""
        return self.pod - self.pofd

    @property
    def hss(self) -> float:
        """Heidke skill score: how far the accuracy stands above that of chance."""
        if not (self.events and self.non_events):
            return math.nan  # it would be 0 whatever is forecast
        chance = self.alarms * self.events + (self.total - self.alarms) * self.non_events
        chance /= self.total
        return ratio(self.hits + self.correct_negatives - chance, self.total - chance)

    @property
    def gilbert(self) -> float:
        """Gilbert skill score: the critical success index beyond the hits of chance."""
        if not (self.events and self.non_events):
            return math.nan  # as the Heidke skill score
        chance = self.alarms * self.events / self.total
        return ratio(self.hits - chance, self.alarms + self.misses - chance)

    def scores(self) -> dict[str, float]:
        """All of them by name; NaN where the sample does not define one."""
        return {name: float(getattr(self, name)) for name in SCORES}


SCORES = ("pod", "far", "pofd", "csi", "bias", "accuracy", "tss", "hss", "gilbert")


def contingency(observed: Array, forecast: Array, weight: Array | None = None) -> Contingency:
    """The contingency table of forecasts that say yes or no.

    Args:
        observed: bool or 0 and 1, shape (n,); NaN is unknown and counts for nothing.
        forecast: bool or 0 and 1, shape (n,).
        weight: of each sample, shape (n,), not negative; 1 unless given.

    Raises:
        ValueError: if shapes differ, a forecast of a known event is missing, a value is neither 0
            nor 1, or a weight is negative.
    """
    observed, forecast, weight = known(observed, forecast, weight)
    for name, values in (("observed", observed), ("forecast", forecast)):
        if not np.isin(values, (0.0, 1.0)).all():
            raise ValueError(
                f"{name} does not say yes or no. Expected 0 and 1 (or NaN where unknown). Received "
                f"values such as {values[~np.isin(values, (0.0, 1.0))][0]:g}. Compare "
                "probabilities with a threshold first, one that was chosen on validation."
            )
    yes, alarm = observed == 1, forecast == 1
    cells = (yes & alarm, ~yes & alarm, yes & ~alarm, ~yes & ~alarm)
    return Contingency(*(float(weight[cell].sum()) for cell in cells))


def undefined(table: Contingency) -> str:
    """Why some scores of a table are NaN, in one sentence; empty if none is."""
    if not table.total:
        return "No sample has a known outcome: no score is defined."
    if not table.events:
        return "No event came: POD, bias, TSS, HSS and Gilbert are undefined."
    if not table.non_events:
        return "An event came every time: POFD, TSS, HSS and Gilbert are undefined."
    return "" if table.alarms else "No alarm was given: FAR is undefined."


def known(observed: Array, forecast: Array, weight: Array | None = None) -> tuple:
    """Outcomes, forecasts and weights of the samples whose outcome is known, as float64 arrays.

    Args:
        observed: shape (n,); NaN is unknown.
        forecast: shape (n, ...).
        weight: shape (n,), not negative; samples of weight 0 are left out too.

    Raises:
        ValueError: if shapes differ, a forecast is missing, or a weight is negative or NaN.
    """
    observed, forecast = np.asarray(observed, "float64"), np.asarray(forecast, "float64")
    weight = np.ones(len(observed)) if weight is None else np.asarray(weight, "float64")
    if observed.ndim != 1 or len(forecast) != len(observed) or weight.shape != observed.shape:
        raise ValueError(
            "Outcomes, forecasts and weights differ in number. Expected shapes (n,), (n, ...) and "
            f"(n,). Received: {observed.shape}, {forecast.shape}, {weight.shape}."
        )
    if not (weight >= 0).all():
        raise ValueError(
            f"A weight is {weight[~(weight >= 0)][0]:g}. Expected weights of at least 0. Give what "
            "is missing weight 0."
        )
    counts = np.isfinite(observed) & (weight > 0)
    observed, forecast, weight = observed[counts], forecast[counts], weight[counts]
    missing = np.isnan(forecast).any(axis=tuple(range(1, forecast.ndim)))
    if missing.any():
        raise ValueError(
            f"{missing.sum()} of {len(missing)} forecasts are NaN where the outcome is known. "
            "Expected a forecast for each, or the score would be of chosen samples. Look for NaN "
            "in the inputs, or give these samples weight 0 and say how many they are."
        )
    return observed, forecast, weight


def weighted_mean(values: Array, weight: Array) -> float:
    """Mean of values, each with its weight, shapes (n,); NaN where no weight is above 0."""
    weight = np.asarray(weight, "float64")
    return float(np.average(values, weights=weight)) if weight.sum() > 0 else math.nan


def ratio(part: float, whole: float) -> float:
    """`part` / `whole`, NaN where there is no whole."""
    return part / whole if whole else math.nan
