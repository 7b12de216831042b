"""Parts of the times of a flare forecast that are scored on their own."""

import numpy as np
import pandas as pd

from tools.flux import OPERATIONAL_SCALE
from tools.windows import Intervals, microseconds

DAY = np.timedelta64(24, "h")
LIMB_DEGREES = 60  # from the central meridian


def strong(flares: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """The flares of at least `threshold` (W m-2, operational) that have a peak, in its order."""
    # Classes were published with rounding: M1.0 is 1e-5 in both directions.
    found = flares[flares["flux"] * OPERATIONAL_SCALE >= threshold * (1 - 1e-6)]
    return found.dropna(subset="peak").sort_values("peak", kind="stable")


def listed(flares: pd.DataFrame) -> Intervals:
    """The times that some flare list covers (`events.read_events`), microseconds since 1970."""
    spans = flares[["list_start", "list_end"]].drop_duplicates()
    return Intervals(zip(*(microseconds(spans[name]) for name in spans), strict=True))


def covered(spans: Intervals, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Whether a list covers all of each window: no flare in it means that there was none.

    Args:
        spans: of `listed`.
        start: datetime64 array, shape (n,), UTC.
        stop: datetime64 array, shape (n,), UTC.

    Returns:
        Bool array, shape (n,).
    """
    start, stop = microseconds(start), microseconds(stop)
    return spans.length_before(stop) - spans.length_before(start) == stop - start


def of_times(times: np.ndarray, flares: pd.DataFrame, threshold: float) -> dict[str, np.ndarray]:
    """Which times belong to which part.

    Args:
        times: datetime64 array, shape (n,), UTC, ascending.
        flares: of `events.read_events`.
        threshold: W m-2, operational, of the flares that are forecast.

    Returns:
        Dict of name to bool array, shape (n,). A day with flares on the disk and near the limb
        counts as one of the disk. Where the list knows no longitudes, there are no such parts; what
        it does not cover is in none.
    """
    events = strong(flares, threshold)
    peaks = events["peak"].to_numpy("datetime64[ns]")
    times = times.astype("datetime64[ns]")
    before, now, after = (np.searchsorted(peaks, times + k * DAY) for k in (-1, 0, 1))
    ends = flares["end"].fillna(flares["peak"]).fillna(flares["start"])
    spans = zip(microseconds(flares["start"]), microseconds(ends), strict=True)
    going = Intervals(spans).contains(microseconds(times))
    known, quiet = listed(flares), before == now
    found = {
        "no flare in the last 24 h": quiet & covered(known, times - DAY, times),
        "flare in progress": going,
        "no flare in progress": ~going & known.contains(microseconds(times)),
    }
    return found | _by_longitude(events, now, after)


def _by_longitude(events, now, after):
    distance = np.abs(events["longitude"].to_numpy("float64"))
    if np.isnan(distance).all():
        return {}
    limb = _any(distance > LIMB_DEGREES, now, after)
    disk = _any(distance <= LIMB_DEGREES, now, after)
    return {
        "flares on the disk, and days without": disk | (now == after),
        f"flares beyond {LIMB_DEGREES} degrees, and days without": (limb & ~disk) | (now == after),
    }


def _any(holds, first, last):
    """Whether `holds` is true anywhere from `first` to before `last`."""
    sums = np.concatenate([[0], np.cumsum(holds)])
    return sums[last] > sums[first]
