"""Scores of probability forecasts beside those of the references, on the same samples.

Thresholds come from validation and are frozen before the test samples are looked at. A run is
judged with its references on the same resampled blocks, so that differences are paired.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from tools import probability_skill as probability
from tools.intervals import FEWEST_GROUPS, Interval, bootstrap
from tools.skill import contingency

BLOCK = np.timedelta64(27, "D")  # one solar rotation
EPOCH = np.datetime64("2010-05-01")
ONE_OUTCOME = "only one outcome"


@dataclasses.dataclass(frozen=True)
class Verified:
    """The samples of one or more test periods, with thresholds that validation chose.

    Args:
        table: DataFrame: time, target (0 and 1, NaN unknown), and a column of probabilities for
            each forecast.
        alarms: DataFrame of bool, a column for each forecast: probability >= its threshold.
        thresholds: of each period, dict of forecast to the threshold.
    """

    table: pd.DataFrame
    alarms: pd.DataFrame
    thresholds: tuple

    @property
    def blocks(self):
        """Number of the 27-day block of each sample."""
        return block_numbers(self.table["time"])

    def subset(self, chosen: np.ndarray) -> "Verified":
        """The samples where `chosen` (bool, shape (n,)) holds; thresholds stay."""
        return Verified(
            self.table[chosen].reset_index(drop=True),
            self.alarms[chosen].reset_index(drop=True),
            self.thresholds,
        )


def freeze(validation: pd.DataFrame, names: tuple[str, ...], score: str = "tss") -> dict:
    """The threshold of each forecast with the best `score` on validation.

    A forecast that says only yes and no, such as persistence, is taken at its word: 0.5.

    Args:
        validation: DataFrame with target and the columns `names`, all of the validation split.
        names: of the forecasts.
        score: one of `skill.SCORES`.

    Raises:
        ValueError: if the table holds other splits, or one outcome alone.
    """
    others = set(validation.get("split", pd.Series("validation")).unique()) - {"validation"}
    if others:
        raise ValueError(
            f"Thresholds are chosen on validation. Received samples of {sorted(others)}. A "
            "threshold that has seen the test split flatters every score: leave these samples out."
        )
    target = validation["target"].to_numpy()
    return {
        name: 0.5
        if validation[name].isin((0.0, 1.0)).all()
        else probability.best_threshold(target, validation[name], score)
        for name in names
    }


def verify(parts: list[tuple[pd.DataFrame, pd.DataFrame]], names: tuple[str, ...]) -> Verified:
    """Puts test periods together, each with the thresholds of its own validation period.

    Args:
        parts: (validation, test) of each period, tables with time, split, target and `names`.
        names: of the forecasts.

    Raises:
        ValueError: as `freeze`, or if a forecast has no column.
    """
    check_columns([table for part in parts for table in part], names)
    thresholds = tuple(freeze(validation, names) for validation, _ in parts)
    alarms = [
        pd.DataFrame({name: test[name] >= frozen[name] for name in names})
        for (_, test), frozen in zip(parts, thresholds, strict=True)
    ]
    table = pd.concat([test for _, test in parts], ignore_index=True)
    return Verified(table, pd.concat(alarms, ignore_index=True), thresholds)


def scores(
    verified: Verified, names: tuple[str, ...], reference: str | float, **options
) -> pd.DataFrame:
    """A row of scores for each forecast, with 95 % intervals from whole 27-day blocks.

    Args:
        verified: the samples.
        names: of the forecasts.
        reference: of the Brier skill score: name of a column, or one probability.
        **options: of `intervals.bootstrap`.

    Returns:
        DataFrame indexed by forecast: samples, events; `Interval` of tss, hss, bss; brier and its
        part reliability (0: events come as often as forecast); roc_area, pod, far, bias and the
        count of false_alarms. NaN where a score is undefined.
    """
    target, rows = verified.table["target"].to_numpy("float64"), {}
    for name in names:
        alarm = verified.alarms[name].to_numpy()
        said = verified.table[name].to_numpy("float64")
        of_reference = forecast_of(verified.table, reference)
        table = contingency(target, alarm)
        functions = {
            "tss": lambda i, alarm=alarm: contingency(target[i], alarm[i]).tss,
            "hss": lambda i, alarm=alarm: contingency(target[i], alarm[i]).hss,
            "bss": lambda i, said=said, other=of_reference: probability.brier_skill(
                target[i], said[i], other[i]
            ),
        }
        rows[name] = {"samples": int(table.total), "events": int(table.events)}
        rows[name] |= {key: interval(f, verified.blocks, options) for key, f in functions.items()}
        rows[name] |= _brier(target, said)
        rows[name] |= {"roc_area": probability.roc_area(target, said), "bias": table.bias}
        rows[name] |= {"pod": table.pod, "far": table.far}
        rows[name] |= {"false_alarms": int(table.false_alarms)}
    return pd.DataFrame(rows).T


def _brier(target, said):
    if not np.isfinite(target).any():
        return {"brier": math.nan, "reliability": math.nan}
    parts = probability.brier_decomposition(target, said)
    return {"brier": probability.brier(target, said), "reliability": parts.reliability}


def differences(verified: Verified, first: str, second: str, **options) -> dict[str, Interval]:
    """How much better `first` is than `second`, paired: both see the same blocks each time.

    Args:
        verified: the samples.
        first: name of a forecast.
        second: name of a forecast.
        **options: of `intervals.bootstrap`.

    Returns:
        Dict of `Interval`: tss and hss (differences), bss (skill of `first` with `second` as the
        reference: above 0 it is better).
    """
    target, alarms = verified.table["target"].to_numpy("float64"), verified.alarms
    said = {name: verified.table[name].to_numpy("float64") for name in (first, second)}

    def difference(score):
        a, b = alarms[first].to_numpy(), alarms[second].to_numpy()
        return lambda i: (
            getattr(contingency(target[i], a[i]), score)
            - getattr(contingency(target[i], b[i]), score)
        )

    functions = {"tss": difference("tss"), "hss": difference("hss")}
    functions["bss"] = lambda i: probability.brier_skill(target[i], said[first][i], said[second][i])
    return {key: interval(f, verified.blocks, options) for key, f in functions.items()}


def block_numbers(times: pd.Series) -> np.ndarray:
    """Number of the 27-day block that each time (datetime64, UTC) lies in."""
    return (times.to_numpy() - EPOCH) // BLOCK


def check_columns(tables: list[pd.DataFrame], names: tuple[str, ...]) -> None:
    """Refuses tables without time, target or one of the forecasts `names`."""
    for table in tables:
        lacking = [name for name in ("time", "target", *names) if name not in table]
        if lacking:
            raise ValueError(
                f"The forecasts {lacking} are not in the table. Expected columns for time, target "
                f"and {names}. Received: {list(table.columns)}. Runs of another task have other "
                "references; leave them out, or score them on their own."
            )


def forecast_of(table: pd.DataFrame, reference: str | float) -> np.ndarray:
    """What a reference says for each sample: a column of `table`, or one number throughout."""
    if isinstance(reference, str):
        return table[reference].to_numpy("float64")
    return np.full(len(table), float(reference))


def interval(function: Callable, blocks: np.ndarray, options: dict) -> Interval:
    """The bootstrap interval of a score; of too few blocks the number stands alone.

    Args:
        function: as `intervals.bootstrap` takes it.
        blocks: of each sample, shape (n,).
        options: of `intervals.bootstrap`.
    """
    count = len(np.unique(blocks))
    if count < FEWEST_GROUPS:
        value = float(function(np.arange(len(blocks)))) if len(blocks) else math.nan
        return Interval(value, math.nan, math.nan, 0.95, count, 0.0)
    return bootstrap(function, blocks, **options)
