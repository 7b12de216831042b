"""Rows that tell of one flare: of one list, where one is left, and of two, where they match."""

import numpy as np
import pandas as pd

from tools.windows import microseconds

SAME_FLARE = pd.Timedelta("10min")  # between the peaks that are given to one flare
CLASS_RATIO = 1.15  # a larger one is no matter of rounding: C1.0 may stand for C1.05
MINUTE = 60_000_000  # microseconds


def without_repeats(events: pd.DataFrame) -> pd.DataFrame:
    """Leaves one row of each flare of a list.

    Two rows are one flare if they peak in the same minute (a satellite sees the flux of the whole
    Sun), or within ten minutes of each other and either each inside the other's span or with starts
    in the same minute. Flares do follow each other within ten minutes, and their spans may touch or
    overlap a little; but the second then starts later and peaks after the end of the first. The
    peak is the end of a flare whose end is missing. A row whose peak is missing is compared by its
    start, with other such rows only.
    The larger flare stays; of equal ones the earlier, then the one that comes first. Where it has
    no longitude, it takes that of the first of its repeats that has one; the stretch of time that
    its list covers reaches over those of its repeats' lists.

    Args:
        events: columns start, peak, end (datetime64, UTC), flux (W m-2) and longitude (degrees), as
            `tools.events.read_events` gives them.

    Returns:
        Those rows, sorted by peak (start, where the peak is missing), and one column more: rows,
        how many rows told of the flare.
    """
    when = events["peak"].fillna(events["start"])
    ordered = events.iloc[when.argsort(kind="stable")].reset_index(drop=True)
    flare = _row_that_stays(ordered)
    rows = np.bincount(flare, minlength=len(ordered))
    longitude = ordered["longitude"].groupby(flare).first()
    unique = ordered.assign(longitude=ordered["longitude"].fillna(longitude), rows=rows)
    for name, edge in (("list_start", "min"), ("list_end", "max")):
        if name in ordered:  # stretches that share a flare are one
            unique[name] = ordered[name].groupby(flare).agg(edge)
    return unique[rows > 0].reset_index(drop=True)


def _row_that_stays(ordered):
    """For each row the place of the one that stays: the largest flares take their repeats first."""
    known = ordered["peak"].notna().to_numpy()
    when = ordered["peak"].fillna(ordered["start"])
    start, peak, end = map(microseconds, (ordered["start"], when, ordered["end"].fillna(when)))
    reach = SAME_FLARE // pd.Timedelta("1us")
    first, stop = np.searchsorted(peak, peak - reach), np.searchsorted(peak, peak + reach, "right")
    stays = np.where(stop - first > 1, -1, np.arange(len(ordered)))  # alone in 20 minutes: itself
    for row in ordered["flux"].sort_values(ascending=False, kind="stable").index:
        if stays[row] >= 0:
            continue
        near = np.arange(first[row], stop[row])
        inside = (start[row] <= peak[near]) & (peak[near] <= end[row])
        around = (start[near] <= peak[row]) & (peak[row] <= end[near])
        same = (inside & around) | (peak[near] // MINUTE == peak[row] // MINUTE)
        same |= start[near] // MINUTE == start[row] // MINUTE
        stays[near[same & (known[near] == known[row]) & (stays[near] < 0)]] = row
    return stays


def matches(first: pd.DataFrame, second: pd.DataFrame) -> np.ndarray:
    """Pairs of rows of two lists that are the same flare.

    Each is the other's nearest in time of peak (start, where the peak is missing), and they are
    within ten minutes. Two of different class (`CLASS_RATIO`), of which one ends before or as the
    other starts, are two flares. An end at the peak tells nothing: the HEK writes it for a missing
    one, beside M flares, too.

    Returns:
        int64, shape (n, 2): places in `first` and in `second`.
    """
    there, back = _nearest(first, second), _nearest(second, first)
    places = np.arange(len(first))
    found = there >= 0
    mutual = found.copy()
    mutual[found] = back[there[found]] == places[found]
    pairs = np.stack([places[mutual], there[mutual]], axis=1)
    return pairs[~_one_after_another(first.iloc[pairs[:, 0]], second.iloc[pairs[:, 1]])]


def class_ratio(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of two fluxes of each pair, the larger over the smaller; NaN where one is unknown."""
    return np.maximum(first / second, second / first)


def _one_after_another(first, second):
    # A comparison with a time or a flux that is missing is false.
    differ = class_ratio(first["flux"].to_numpy(), second["flux"].to_numpy()) > CLASS_RATIO
    return differ & (_is_over_before(first, second) | _is_over_before(second, first))


def _is_over_before(first, second):
    start, peak, end = (first[name].to_numpy() for name in ("start", "peak", "end"))
    return (end > np.where(np.isnat(peak), start, peak)) & (end <= second["start"].to_numpy())


def _nearest(first, second):
    when = [t["peak"].fillna(t["start"]).astype("datetime64[us]") for t in (first, second)]
    if not len(second):
        return np.full(len(first), -1)
    left, right = (
        pd.DataFrame({"time": times.to_numpy(), "place": np.arange(len(times))}) for times in when
    )
    near = pd.merge_asof(
        left.sort_values("time", kind="stable"),
        right.sort_values("time", kind="stable").rename(columns={"place": "other"}),
        on="time",
        direction="nearest",
        tolerance=SAME_FLARE,
    )
    found = np.full(len(first), -1)
    found[near["place"]] = near["other"].fillna(-1)
    return found
