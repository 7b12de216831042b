"""Scores of flux forecasts beside those of the references, on the same samples.

The twin of `tools.verification`, for forecasts that are numbers: the same functions, other scores.
"""

import dataclasses

import numpy as np
import pandas as pd

from tools import flux_skill
from tools.forecast_tables import (
    check_columns,
    check_whole,
    forecast_of,
    groups_of,
    interval,
    weights_of,
)
from tools.intervals import Interval

ERRORS = ("mae", "bias", "correlation")


@dataclasses.dataclass(frozen=True)
class Verified:
    """The samples of one or more test periods.

    Args:
        table: DataFrame: time, target (log10 of a flux, say; NaN unknown), and a column in the
            same unit for each forecast; where there are, weight and group, as
            `forecast_tables` takes them.
    """

    table: pd.DataFrame
    thresholds = ()

    def subset(self, chosen: np.ndarray) -> "Verified":
        """The samples where `chosen` (bool, shape (n,)) holds."""
        return Verified(self.table[chosen].reset_index(drop=True))


def verify(parts: list[tuple[pd.DataFrame, pd.DataFrame]], names: tuple[str, ...]) -> Verified:
    """Puts test periods together; validation chooses nothing here.

    Args:
        parts: (validation, test) of each period, tables with time, target and `names`.
        names: of the forecasts.

    Raises:
        ValueError: if a forecast has no column, or is NaN for a known target.
    """
    tests = [test for _, test in parts]
    check_columns(tests, names)
    check_whole(tests, names)
    return Verified(pd.concat(tests, ignore_index=True))


def scores(
    verified: Verified, names: tuple[str, ...], reference: str | float, **options
) -> pd.DataFrame:
    """A row of scores for each forecast, with 95 % intervals from whole groups of samples.

    Args:
        verified: the samples.
        names: of the forecasts.
        reference: of the skill: name of a column, or one number.
        **options: of `intervals.bootstrap`.

    Returns:
        DataFrame indexed by forecast: samples; `Interval` of rmse and of skill (1 - mean squared
        error / that of the reference); mae, bias and correlation. NaN where a score is undefined.
    """
    other = forecast_of(verified.table, reference)
    return pd.DataFrame({name: _row(verified, name, other, options) for name in names}).T


def _row(verified, name, other, options):
    target, said, weight, groups = _columns(verified, name)
    found = flux_skill.errors(target, said, weight)
    functions = {
        "rmse": lambda i: flux_skill.errors(target[i], said[i], weight[i])["rmse"],
        "skill": lambda i: skill(target[i], said[i], other[i], weight[i]),
    }
    return {
        "samples": found["samples"],
        **{key: interval(function, groups, options) for key, function in functions.items()},
        **{key: found[key] for key in ERRORS},
    }


def differences(verified: Verified, first: str, second: str, **options) -> dict[str, Interval]:
    """How much better `first` is than `second`, paired: both see the same groups each time.

    Args:
        verified: the samples.
        first: name of a forecast.
        second: name of a forecast.
        **options: of `intervals.bootstrap`.

    Returns:
        Dict of `Interval`: rmse (difference: below 0 the first is better) and skill (of `first`
        with `second` as the reference: above 0 it is better).
    """
    target, a, weight, groups = _columns(verified, first)
    b = _columns(verified, second)[1]

    def difference(i):
        rmse = [flux_skill.errors(target[i], said[i], weight[i])["rmse"] for said in (a, b)]
        return rmse[0] - rmse[1]

    functions = {"rmse": difference, "skill": lambda i: skill(target[i], a[i], b[i], weight[i])}
    return {key: interval(function, groups, options) for key, function in functions.items()}


def skill(
    observed: np.ndarray,
    forecast: np.ndarray,
    reference: np.ndarray,
    weight: np.ndarray | None = None,
) -> float:
    """1 - mean squared error / that of the reference, on samples whose outcome is known.

    NaN where the reference is perfect, or one of the two is NaN for a known outcome.

    Args:
        observed: shape (n,); NaN is unknown.
        forecast: shape (n,).
        reference: shape (n,).
        weight: of each sample, shape (n,); 1 unless given.
    """
    weight = np.ones(len(observed)) if weight is None else weight
    counts = np.isfinite(observed) & (weight > 0)
    ours, theirs = (
        np.sum(weight[counts] * (one[counts] - observed[counts]) ** 2)
        for one in (forecast, reference)
    )
    return float(1 - ours / theirs) if theirs > 0 else np.nan


def _columns(verified, name):
    """Targets, what a forecast said, weights and groups, each of shape (n,)."""
    table = verified.table
    values = (table[column].to_numpy("float64") for column in ("target", name))
    return *values, weights_of(table), groups_of(table)
