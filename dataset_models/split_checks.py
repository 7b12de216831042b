"""What `splits.make` refuses: settings that do not fit, samples it cannot deal, empty splits.

Arguments are those of `splits.make`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing
import pandas as pd


def check_settings(
    fractions: Sequence[float],
    span_minutes: float,
    horizon_minutes: float,
    block_days: float,
    embargo_days: float,
) -> None:
    """Refuses fractions that are no three parts of one, and lengths of time that are none.

    Raises:
        ValueError: naming the setting.
    """
    if len(fractions) != 3 or min(fractions) < 0 or not np.isclose(sum(fractions), 1):
        raise ValueError(
            "Fractions do not fit. Expected three numbers from 0 to 1, of training, validation "
            f"and test, with the sum 1. Received: fractions={fractions!r}. The default is "
            "(0.7, 0.15, 0.15)."
        )
    _check_length("span_minutes", span_minutes)
    _check_length("horizon_minutes", horizon_minutes)
    _check_length("embargo_days", embargo_days)
    _check_length("block_days", block_days, least=1e-3)


def _check_length(name, length, least=0):
    if not least <= length < np.inf:
        raise ValueError(
            f"{name} does not fit. Expected a number of at least {least:g}. Received: "
            f"{name}={length!r}. The defaults of block_days and embargo_days are 27, one "
            "rotation of the Sun; an image and a label of one moment have length 0."
        )


def checked_groups(
    groups: numpy.typing.ArrayLike | None, times: numpy.typing.ArrayLike
) -> np.ndarray:
    """The name of each sample's group, str array, shape (n,); "" for none.

    Raises:
        ValueError: unless there is one for each of `times`.
    """
    if groups is None or len(groups) != len(times):
        raise ValueError(
            "A split by groups needs the group of each sample. Expected groups of shape "
            f"({len(times)},), as times. Received: "
            f"{'none' if groups is None else f'shape ({len(groups)},)'}. Pass the column "
            "active_region of the index, or take kind='blocks'."
        )
    groups = np.asarray(groups)
    unknown = pd.isna(groups) | np.isin(groups, [0] if groups.dtype.kind in "iuf" else [""])
    if groups.dtype.kind == "f":  # whole numbers beside NaN: the name of 11158.0 is 11158
        groups = np.where(unknown, 0, groups).astype(np.int64)
    return np.where(unknown, "", groups.astype(str))


def checked_times(times: numpy.typing.ArrayLike, groups: np.ndarray | None) -> np.ndarray:
    """The time of each sample, datetime64[us] array, shape (n,).

    Args:
        times: as given to `splits.make`.
        groups: of `checked_groups`, whose samples may share a time; None if each has its own.

    Raises:
        ValueError: if there is no sample, one has no time, or one is there twice.
        TypeError: if they are not datetime64.
    """
    times = np.asarray(times)
    _check_type(times)
    times = times.astype("datetime64[us]")
    _check_known(times)
    _check_once(times, groups)
    return times


def _check_type(times):
    if not times.size:
        raise ValueError(
            "There are no samples to split. Expected the times of at least three. Received: none. "
            "Add data, or loosen what leaves samples out of the dataset."
        )
    if times.dtype.kind != "M" or times.ndim != 1:
        raise TypeError(
            f"Times are datetime64 in UTC without a zone, shape (n,). Received: {times.dtype}, "
            f"shape {times.shape}. Convert them with pandas.to_datetime(times).to_numpy()."
        )


def _check_known(times):
    unknown = np.isnat(times)
    if unknown.any():
        raise ValueError(
            f"Sample {unknown.argmax()} has no time (NaT). Expected a time for each of "
            f"{len(times)} samples. Leave out the {unknown.sum()} without one."
        )


def _check_once(times, groups):
    """Refuses a time that is there twice, or twice in one group; what has no group may be."""
    sample = {"time": times} if groups is None else {"time": times, "group": groups}
    twice = pd.DataFrame(sample).duplicated().to_numpy()
    if groups is not None:
        twice = twice & (groups != "")
    if twice.any():
        group = "" if groups is None else f" of group {groups[twice][0]}"
        raise ValueError(
            f"The time {times[twice][0]}{group} is there twice. Expected each sample once. "
            f"Received: {twice.sum()} duplicates in {len(times)} samples. Keep one row of each."
        )


def check_filled(
    wanted: Iterable[str],
    dealt: np.ndarray,
    names: np.ndarray,
    embargo_minutes: float,
    way_out: str,
) -> None:
    """Refuses a split that is left empty.

    Args:
        wanted: names of the splits that are asked for.
        dealt: str array, shape (n,): the split of each sample before the embargo.
        names: str array, shape (n,): and after it.
        embargo_minutes: as in `splits.Split`.
        way_out: what the user may do, a sentence.

    Raises:
        ValueError: with the number of samples in each.
    """
    empty = [split for split in wanted if not (names == split).any()]
    if not empty:
        return
    counts = ", ".join(
        f"{s}: {(dealt == s).sum()} dealt, {(names == s).sum()} left" for s in wanted
    )
    raise ValueError(
        f"The {empty[0]} split is empty. Expected at least one sample in each of {list(wanted)}. "
        f"Received: {len(names)} samples ({counts}; the embargo takes those within "
        f"{embargo_minutes / 24 / 60:.4g} days). {way_out}"
    )
