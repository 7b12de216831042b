"""How sure a score is: a bootstrap of whole blocks, days or regions.

Samples of one solar rotation share their active regions, so they are drawn together: an interval
from single samples would be far too narrow.

Source:
    Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 8 and 13.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import numpy.typing
import pandas as pd

RESAMPLES = 1000
FEWEST_GROUPS = 5  # an interval from fewer says more than they know


@dataclasses.dataclass(frozen=True)
class Interval:
    """A number and where it would lie with other blocks of the same Sun.

    Args:
        value: of the samples as they are; NaN where it is undefined.
        low: lower end of the interval.
        high: upper end.
        level: fraction of the resamples between them.
        groups: how many groups were drawn from.
        undefined: fraction of the resamples in which the number is undefined; they are left out.
    """

    value: float
    low: float
    high: float
    level: float
    groups: int
    undefined: float

    def __str__(self):
        if math.isnan(self.value):
            return "undefined"
        bounds = "" if math.isnan(self.low) else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.value:.3f}{bounds}"


def bootstrap(
    score: Callable[[np.ndarray], float],
    groups: numpy.typing.ArrayLike,
    *,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = 1,
) -> Interval:
    """The percentile interval of a score under resampling of whole groups.

    A paired difference of two runs is the score `lambda i: score(a[i]) - score(b[i])`: both see
    the same samples each time.

    Args:
        score: function of the positions of samples, int array, to a number; NaN is undefined.
        groups: of each sample, shape (n,): 27-day block, day, active region.
        resamples: int, how many.
        level: fraction that the interval holds.
        seed: int; the same one gives the same interval.

    Raises:
        ValueError: if there are no samples, or too few groups to draw from.
    """
    members, chance = _members(groups), np.random.default_rng(seed)
    drawn = chance.integers(len(members), size=(resamples, len(members)))
    found = np.array([score(np.concatenate([members[i] for i in row])) for row in drawn], float)
    value = float(score(np.arange(np.size(groups))))
    defined = found[np.isfinite(found)]
    undefined = 1 - len(defined) / resamples
    return Interval(value, *_ends(defined, level), level, len(members), undefined)


def _members(groups):
    """Positions of the samples of each group; refuses groups that are too few."""
    names, number = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < FEWEST_GROUPS:
        raise ValueError(
            f"There are {len(names)} groups to draw from. Expected at least {FEWEST_GROUPS}, or "
            "the interval means nothing. Take shorter blocks, or more data."
        )
    order = np.argsort(number, kind="stable")
    return np.split(order, np.cumsum(np.bincount(number))[:-1])


def _ends(values, level):
    """The two numbers between which the fraction `level` of values lies; NaN where none is."""
    if not len(values):
        return math.nan, math.nan
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def expanded(table: pd.DataFrame) -> pd.DataFrame:
    """A table in which each `Interval` is four numbers: tss, tss_low, tss_high, tss_undefined.

    Args:
        table: DataFrame, some columns of which hold intervals.
    """
    columns = {}
    for name, cells in table.items():
        columns[name] = cells
        if len(cells) and all(isinstance(cell, Interval) for cell in cells):
            columns[name] = [cell.value for cell in cells]
            for part in ("low", "high", "undefined"):
                columns[f"{name}_{part}"] = [getattr(cell, part) for cell in cells]
    return pd.DataFrame(columns, index=table.index)
