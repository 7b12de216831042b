"""Scores of probability forecasts beside those of the references, on the same samples.

Thresholds come from validation and are frozen before the test samples are looked at. A run is
judged with its references on the same resampled groups, so that differences are paired.
"""

import dataclasses
import math

import numpy as np
import pandas as pd

from tools import probability_skill as probability
from tools.forecast_tables import (
    check_columns,
    check_whole,
    forecast_of,
    groups_of,
    interval,
    weights_of,
)
from tools.intervals import Interval
from tools.skill import contingency


@dataclasses.dataclass(frozen=True)
class Verified:
    """The samples of one or more test periods, with thresholds that validation chose.

    Args:
        table: DataFrame: time, target (0 and 1, NaN unknown), and a column of probabilities for
            each forecast; where there are, weight and group, as `forecast_tables` takes them.
        alarms: DataFrame, a column for each forecast: 1 where its probability >= its threshold,
            else 0; NaN where validation could choose none.
        thresholds: of each period, dict of forecast to the threshold.
    """

    table: pd.DataFrame
    alarms: pd.DataFrame
    thresholds: tuple

    def subset(self, chosen: np.ndarray) -> "Verified":
        """The samples where `chosen` (bool, shape (n,)) holds; thresholds stay."""
        return Verified(
            self.table[chosen].reset_index(drop=True),
            self.alarms[chosen].reset_index(drop=True),
            self.thresholds,
        )

    def years_without_threshold(self, name: str) -> list[int]:
        """Years of the samples for which there is no threshold; scores of alarms leave them out."""
        lacking = self.alarms[name].isna().to_numpy()
        return sorted(self.table.loc[lacking, "time"].dt.year.unique().tolist())


def freeze(validation: pd.DataFrame, names: tuple[str, ...], score: str = "tss") -> dict:
    """The threshold of each forecast with the best `score` on validation.

    A forecast that says only yes and no, such as persistence, is taken at its word: 0.5. Where
    validation has one outcome alone the others get NaN: no threshold.

    Args:
        validation: DataFrame with target and the columns `names`, all of the validation split.
        names: of the forecasts.
        score: one of `skill.SCORES`.

    Raises:
        ValueError: if the table holds other splits.
    """
    others = set(validation.get("split", pd.Series("validation")).unique()) - {"validation"}
    if others:
        raise ValueError(
            f"Thresholds are chosen on validation. Received samples of {sorted(others)}. A "
            "threshold that has seen the test split flatters every score: leave these samples out."
        )
    target, weight = validation["target"].to_numpy("float64"), weights_of(validation)
    return {
        name: probability.frozen_threshold(target, validation[name], weight, score)
        for name in names
    }


def verify(parts: list[tuple[pd.DataFrame, pd.DataFrame]], names: tuple[str, ...]) -> Verified:
    """Puts test periods together, each with the thresholds of its own validation period.

    Args:
        parts: (validation, test) of each period, tables with time, split, target and `names`.
        names: of the forecasts.

    Raises:
        ValueError: as `freeze`, or if a forecast has no column, or is NaN for a known outcome.
    """
    check_columns([table for part in parts for table in part], names)
    check_whole([test for _, test in parts], names)
    thresholds = tuple(freeze(validation, names) for validation, _ in parts)
    alarms = [
        pd.DataFrame({name: _alarms(test[name], frozen[name]) for name in names})
        for (_, test), frozen in zip(parts, thresholds, strict=True)
    ]
    table = pd.concat([test for _, test in parts], ignore_index=True)
    return Verified(table, pd.concat(alarms, ignore_index=True), thresholds)


def _alarms(said, threshold):
    given = (said >= threshold).astype("float64")
    return given if np.isfinite(threshold) else given * math.nan


def scores(
    verified: Verified, names: tuple[str, ...], reference: str | float, **options
) -> pd.DataFrame:
    """A row of scores for each forecast, with 95 % intervals from whole groups of samples.

    Args:
        verified: the samples.
        names: of the forecasts.
        reference: of the Brier skill score: name of a column, or one probability.
        **options: of `intervals.bootstrap`.

    Returns:
        DataFrame indexed by forecast: samples, events; `Interval` of tss, hss, bss; brier and its
        part reliability (0: events come as often as forecast); roc_area, pod, far, bias and the
        false_alarms (sum of their weights); years_without_threshold, which tss, hss and all that
        alarms tell leave out. NaN where a score is undefined.
    """
    other = forecast_of(verified.table, reference)
    return pd.DataFrame({name: _row(verified, name, other, options) for name in names}).T


def _row(verified, name, other, options):
    target, weight = _target(verified), weights_of(verified.table)
    said, groups = verified.table[name].to_numpy("float64"), groups_of(verified.table)
    counts = np.isfinite(target) & (weight > 0)
    of, years = _tables(verified, [name])[0], verified.years_without_threshold(name)
    functions = {
        "tss": lambda i: of(i).tss,
        "hss": lambda i: of(i).hss,
        "bss": lambda i: probability.brier_skill(target[i], said[i], other[i], weight[i]),
    }
    table = of(slice(None))
    return {
        "samples": int(counts.sum()),
        "events": int(target[counts].sum()),
        **{key: interval(function, groups, options) for key, function in functions.items()},
        **_brier(target, said, weight),
        "roc_area": probability.roc_area(target, said, weight),
        **{key: getattr(table, key) for key in ("bias", "pod", "far")},
        "false_alarms": _whole(table.false_alarms) if table.total else math.nan,
        "years_without_threshold": " ".join(map(str, years)),
    }


def _whole(number):
    return int(number) if number.is_integer() else number


def _brier(target, said, weight):
    if not np.isfinite(target).any():
        return {"brier": math.nan, "reliability": math.nan}
    parts = probability.brier_decomposition(target, said, weight)
    return {
        "brier": probability.brier(target, said, weight),
        "reliability": parts.reliability,
    }


def differences(verified: Verified, first: str, second: str, **options) -> dict[str, Interval]:
    """How much better `first` is than `second`, paired: both see the same groups each time.

    Args:
        verified: the samples.
        first: name of a forecast.
        second: name of a forecast.
        **options: of `intervals.bootstrap`.

    Returns:
        Dict of `Interval`: tss and hss (differences), bss (skill of `first` with `second` as the
        reference: above 0 it is better).
    """
    target, weight = _target(verified), weights_of(verified.table)
    one, other = _tables(verified, [first, second])
    a, b = (verified.table[name].to_numpy("float64") for name in (first, second))
    functions = {
        "tss": lambda i: one(i).tss - other(i).tss,
        "hss": lambda i: one(i).hss - other(i).hss,
        "bss": lambda i: probability.brier_skill(target[i], a[i], b[i], weight[i]),
    }
    groups = groups_of(verified.table)
    return {key: interval(function, groups, options) for key, function in functions.items()}


def _target(verified):
    return verified.table["target"].to_numpy("float64")


def _tables(verified, names):
    """For each forecast a function of positions to its table, of samples where all may warn."""
    warns = verified.alarms[names].notna().all(axis=1).to_numpy()
    target, weight = _target(verified), np.where(warns, weights_of(verified.table), 0)
    alarms = [np.nan_to_num(verified.alarms[name].to_numpy("float64")) for name in names]
    return [lambda i, alarm=alarm: contingency(target[i], alarm[i], weight[i]) for alarm in alarms]
