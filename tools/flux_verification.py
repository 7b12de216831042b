"""Scores of flux forecasts beside those of the references, on the same samples.

The twin of `tools.verification`, for forecasts that are numbers: the same functions, other scores.
"""

import dataclasses

import numpy as np
import pandas as pd

from tools import flux_skill
from tools.intervals import Interval
from tools.verification import block_numbers, check_columns, forecast_of, interval

ERRORS = ("mae", "bias", "correlation")


@dataclasses.dataclass(frozen=True)
class Verified:
    """The samples of one or more test periods.

    Args:
        table: DataFrame: time, target (log10 of a flux, say; NaN unknown), and a column in the
            same unit for each forecast.
    """

    table: pd.DataFrame
    thresholds = ()

    @property
    def blocks(self) -> np.ndarray:
        """Number of the 27-day block of each sample."""
        return block_numbers(self.table["time"])

    def subset(self, chosen: np.ndarray) -> "Verified":
        """The samples where `chosen` (bool, shape (n,)) holds."""
        return Verified(self.table[chosen].reset_index(drop=True))


def verify(parts: list[tuple[pd.DataFrame, pd.DataFrame]], names: tuple[str, ...]) -> Verified:
    """Puts test periods together; validation chooses nothing here.

    Args:
        parts: (validation, test) of each period, tables with time, target and `names`.
        names: of the forecasts.

    Raises:
        ValueError: if a forecast has no column.
    """
    check_columns([test for _, test in parts], names)
    return Verified(pd.concat([test for _, test in parts], ignore_index=True))


def scores(
    verified: Verified, names: tuple[str, ...], reference: str | float, **options
) -> pd.DataFrame:
    """A row of scores for each forecast, with 95 % intervals from whole 27-day blocks.

    Args:
        verified: the samples.
        names: of the forecasts.
        reference: of the skill: name of a column, or one number.
        **options: of `intervals.bootstrap`.

    Returns:
        DataFrame indexed by forecast: samples; `Interval` of rmse and of skill (1 - mean squared
        error / that of the reference); mae, bias and correlation. NaN where a score is undefined.
    """
    target, rows = verified.table["target"].to_numpy("float64"), {}
    other = forecast_of(verified.table, reference)
    for name in names:
        said = verified.table[name].to_numpy("float64")
        found = flux_skill.errors(target, said)
        functions = {
            "rmse": lambda i, said=said: flux_skill.errors(target[i], said[i])["rmse"],
            "skill": lambda i, said=said: skill(target[i], said[i], other[i]),
        }
        rows[name] = {"samples": found["samples"]}
        rows[name] |= {key: interval(f, verified.blocks, options) for key, f in functions.items()}
        rows[name] |= {key: found[key] for key in ERRORS}
    return pd.DataFrame(rows).T


def differences(verified: Verified, first: str, second: str, **options) -> dict[str, Interval]:
    """How much better `first` is than `second`, paired: both see the same blocks each time.

    Args:
        verified: the samples.
        first: name of a forecast.
        second: name of a forecast.
        **options: of `intervals.bootstrap`.

    Returns:
        Dict of `Interval`: rmse (difference: below 0 the first is better) and skill (of `first`
        with `second` as the reference: above 0 it is better).
    """
    target = verified.table["target"].to_numpy("float64")
    a, b = (verified.table[name].to_numpy("float64") for name in (first, second))

    def difference(i):
        rmse = [flux_skill.errors(target[i], said[i])["rmse"] for said in (a, b)]
        return rmse[0] - rmse[1]

    functions = {"rmse": difference, "skill": lambda i: skill(target[i], a[i], b[i])}
    return {key: interval(f, verified.blocks, options) for key, f in functions.items()}


def skill(observed: np.ndarray, forecast: np.ndarray, reference: np.ndarray) -> float:
    """1 - mean squared error / that of the reference, on samples that all three know; or NaN.

    Args:
        observed: shape (n,); NaN is unknown.
        forecast: shape (n,).
        reference: shape (n,).
    """
    known = np.isfinite(observed)
    ours, theirs = (np.sum((one[known] - observed[known]) ** 2) for one in (forecast, reference))
    return float(1 - ours / theirs) if theirs > 0 else np.nan
