"""Tables of forecasts, a row a sample: what their columns mean, and what they must not lack."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from tools.intervals import FEWEST_GROUPS, Interval, bootstrap
from tools.skill import weighted_mean

BLOCK = np.timedelta64(27, "D")  # one solar rotation
EPOCH = np.datetime64("2010-05-01")


def weights_of(table: pd.DataFrame) -> np.ndarray:
    """How much each sample counts, shape (n,): the column weight, 1 where it says nothing."""
    if "weight" not in table:
        return np.ones(len(table))
    return table["weight"].fillna(1.0).to_numpy("float64")


def groups_of(table: pd.DataFrame) -> np.ndarray:
    """The group that each sample is drawn with: the column group, else its 27-day block."""
    return table["group"].to_numpy() if "group" in table else block_numbers(table["time"])


def mean_target(table: pd.DataFrame) -> float:
    """Mean of the targets that are known, by weight; NaN where none is."""
    target, weight = table["target"].to_numpy("float64"), weights_of(table)
    known = np.isfinite(target)
    return weighted_mean(target[known], weight[known])


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


def check_whole(tables: list[pd.DataFrame], names: tuple[str, ...]) -> None:
    """Refuses tables in which a forecast is NaN although the outcome is known, and counts."""
    for table in tables:
        counts = table["target"].notna().to_numpy() & (weights_of(table) > 0)
        missing = table.loc[counts, list(names)].isna().sum()
        if missing.any():
            name = missing.idxmax()
            raise ValueError(
                f"{missing[name]} forecasts are NaN where the outcome is known, in the column "
                f"{name!r}. Expected a forecast for each: NaN is neither an alarm nor none. Look "
                "for NaN in the inputs, or give these samples weight 0 and say how many they are."
            )


def forecast_of(table: pd.DataFrame, reference: str | float) -> np.ndarray:
    """What a reference says for each sample: a column of `table`, or one number throughout."""
    if isinstance(reference, str):
        check_columns([table], (reference,))
        return table[reference].to_numpy("float64")
    return np.full(len(table), float(reference))


def interval(function: Callable, groups: np.ndarray, options: dict) -> Interval:
    """The bootstrap interval of a score; of too few groups the number stands alone.

    Args:
        function: as `intervals.bootstrap` takes it.
        groups: of each sample, shape (n,).
        options: of `intervals.bootstrap`.
    """
    count = len(np.unique(groups))
    if count < FEWEST_GROUPS:
        value = float(function(np.arange(len(groups)))) if len(groups) else math.nan
        return Interval(value, math.nan, math.nan, 0.95, count, 0.0)
    return bootstrap(function, groups, **options)
