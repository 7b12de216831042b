"""Other splits of the same samples: folds of a cross-validation, arms of a comparison.

For every dataset that keeps its samples in a table, as `AIA`, `SDOML` and `LightCurve` do.
"""

import copy

import numpy as np
import pandas as pd

from dataset_models import splits

EMBARGO_DAYS = 27.0  # where the dataset's own split leaks and has none: one solar rotation


def folded(dataset, folds: int, fold: int, embargo_days: float | None = None):
    """One fold of a purged cross-validation, as a copy of the dataset.

    Time is cut into `folds` stretches of as many samples each. One is tested, the next one (after
    the last, the first) validates, and the others train, but for what lies within the embargo of
    these two, on both sides.

    Args:
        dataset: `Dataset` with a table of its samples.
        folds: at least 3.
        fold: from 1: which stretch is tested.
        embargo_days: as in `splits.make`; that of the dataset's own split unless given.

    Raises:
        ValueError: for a number out of range, or if a split is left empty.
        TypeError: if the dataset draws its samples split by split.
    """
    rows, own = candidates(dataset), dataset.split
    if embargo_days is None:
        minutes = own.embargo_minutes - own.span_minutes - own.horizon_minutes
        embargo_days = EMBARGO_DAYS if own.leaks else max(minutes, 0) / 24 / 60
    made = splits.make(
        "folds",
        dataset.split_table()["time"].to_numpy()[rows],
        span_minutes=own.span_minutes,
        horizon_minutes=own.horizon_minutes,
        embargo_days=embargo_days,
        folds=folds,
        fold=fold,
    )
    return redealt(dataset, rows, made)


def redealt(dataset, rows: np.ndarray, split: splits.Split):
    """A copy of the dataset with other splits; statistics and baselines follow them.

    Args:
        dataset: `Dataset` with a table of its samples.
        rows: int array, shape (n,), of the split table: what is dealt.
        split: of these rows.

    Raises:
        TypeError: if the dataset draws its samples split by split.
    """
    _check(dataset)
    other, table = copy.copy(dataset), dataset._table.copy()
    table["split"] = ""
    table.loc[rows, "split"], table.loc[rows, "reason"] = split.names, split.reasons
    other._table, other.split, other.leaks, other._statistics = table, split, split.leaks, {}
    other._rows = {name: rows[split.indices(name)] for name in dataset.splits}
    return other


def candidates(dataset) -> np.ndarray:
    """Rows of the split table that are in a split, or that the embargo alone kept out of all.

    Raises:
        TypeError: if the dataset draws its samples split by split.
    """
    _check(dataset)
    table = dataset.split_table()
    return np.flatnonzero((table["split"] != "") | table["reason"].map(splits.is_embargo))


def _check(dataset):
    if not isinstance(getattr(dataset, "_table", None), pd.DataFrame):
        raise TypeError(
            f"{type(dataset).__name__} cannot be dealt anew. Expected a dataset that keeps its "
            "samples in a table, `_table`, and their rows in `_rows`, as AIA and LightCurve do. "
            "One that draws each split by itself has no folds: leave --folds out."
        )
