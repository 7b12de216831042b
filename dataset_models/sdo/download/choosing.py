"""Which times to download: flaring cases with matched quiet ones, or a regular series.

Every table of this module has a row per time, in order of time, with the columns of `COLUMNS`. The
choice is a function of its arguments alone. Each flaring case draws its lots from the seed and its
own time, so that a longer flare list, or more cases, leaves the earlier choices as they are (but
for quiet times near the list's end, where there is then more to choose from).
"""

import numpy as np
import pandas as pd
from scipy import stats

from tools.flux import OPERATIONAL_SCALE
from tools.windows import Intervals

COLUMNS = {
    "slot": "datetime64[s]",  # UTC, the time in the archive's file names
    "sampling": "str",  # "regular cadence", "flare case" or "matched quiet"
    "probability": "float64",  # with which that sampling chose this time
    "flare": "str",  # of a flare case: time of the peak and class
    "matched_with": "str",  # of a matched quiet: the slots of the flare cases that drew it
}
REGULAR, FLARE, QUIET = "regular cadence", "flare case", "matched quiet"
GRID_MINUTES = 12  # FlareNet's cadence, of flare cases and quiet times
CADENCE_MINUTES = 2  # of the synoptic archive: even minutes
NRT_CADENCE_MINUTES = 3  # of its near-real-time branch
MATCH_DAYS = 27  # a solar rotation, between a quiet time and the flare case that drew it
QUIET_HOURS = (12, 24)  # before and after a quiet time, without a flare
C1 = 1e-6  # W m-2, on the scale of the published class
_ROUNDING = 1e-3  # classes have two digits: B9.9 lies 1 % below C1.0


def case_control(
    events: pd.DataFrame,
    start: np.datetime64,
    end: np.datetime64,
    offset_minutes: int = 720,
    limit: int | None = None,
    seed: int = 1,
    quiet_hours: tuple[float, float] = QUIET_HOURS,
) -> pd.DataFrame:
    """Flare cases and, for each of them, a quiet time within 27 days of it.

    A flare case is the 12-minute slot that holds the time `offset_minutes` before the peak of a
    flare of class C1.0 or above; its image is thus never later than that time. Flares of one slot
    are one case, named by the largest. With `limit`, that many cases are drawn by lot, all with the
    same probability.

    Each case draws one of the quiet slots (`quiet_slots`) within 27 days of its own slot, all with
    the same probability and apart from what other cases draw. A slot that several draw appears once
    and names them all; a case that has no quiet slot draws none. So there are at most as many quiet
    times as flare cases, and fewer where the Sun left few.

    The column probability holds, exactly:
        flare case: cases taken / cases there are; 1 without `limit`.
        matched quiet: that the lot takes cases of which at least one draws this slot. Without
            `limit` it is 1 - product of (1 - 1 / n) over the cases within 27 days of it, where n
            is the number of quiet slots within 27 days of that case; with it, 1 - the mean of
            that product over all choices of cases that the lot could have taken.

    Args:
        events: flares, as `tools.events.read_events` gives them.
        start: first time, UTC.
        end: last time, UTC.
        offset_minutes: from the image to the flare's peak.
        limit: largest number of flare cases, or None for all.
        seed: of the lots, 0 or above.
        quiet_hours: as `quiet_slots` takes them.

    Raises:
        ValueError: if no flare of C1.0 or above lies in that time.
    """
    cases = flare_cases(events, start, end, offset_minutes)
    lots = _lots(cases["slot"], seed)
    taken = np.sort(np.argsort(lots[:, 0], kind="stable")[:limit])
    quiet = quiet_slots(events, start, end, quiet_hours)
    quiet = quiet[~np.isin(quiet, cases["slot"])]
    chosen = cases.iloc[taken].assign(probability=len(taken) / len(cases))
    matched = _matched(cases["slot"].to_numpy(), taken, quiet, lots[:, 1])
    return _table(pd.concat([chosen, matched]))


def regular_series(
    start: np.datetime64, end: np.datetime64, cadence_minutes: int, limit: int | None = None
) -> pd.DataFrame:
    """The times from `start` to `end`, both included, every `cadence_minutes`.

    Args:
        start: first time, UTC.
        end: last time, UTC, if the cadence meets it.
        cadence_minutes: between times.
        limit: only the first so many, or None for all.
    """
    step = np.timedelta64(cadence_minutes, "m")
    slots = np.arange(start, end + np.timedelta64(1, "m"), step)[:limit]
    return _table(pd.DataFrame({"slot": slots, "sampling": REGULAR, "probability": 1.0}))


def flare_cases(
    events: pd.DataFrame, start: np.datetime64, end: np.datetime64, offset_minutes: int = 720
) -> pd.DataFrame:
    """All flare cases from `start` to `end`, as `case_control` says, each with probability 1.

    Raises:
        ValueError: if there is none.
    """
    flux = published_flux(events)
    flares = events.assign(flux=flux)[is_c1(flux) & events["peak"].notna()]
    early = flares["peak"] - pd.Timedelta(minutes=offset_minutes)
    flares = flares.assign(slot=early.dt.floor(f"{GRID_MINUTES}min"))
    flares = flares[flares["slot"].between(start, end)]
    if flares.empty:
        raise ValueError(
            f"No flare of C1.0 or above asks for an image from {start} to {end}, {offset_minutes} "
            f"minutes before its peak. Expected at least one. Received {len(events)} flares with "
            f"peaks from {events['peak'].min()} to {events['peak'].max()}. Name another flare list "
            "(--flares), other times, or a regular series (--cadence)."
        )
    largest = flares.sort_values(["flux", "peak"], ascending=[False, True], kind="stable")
    largest = largest.drop_duplicates("slot").sort_values("slot")
    named = largest["peak"].dt.strftime("%Y-%m-%dT%H:%M ") + largest["goes_class"]
    return _table(
        pd.DataFrame(
            {
                "slot": largest["slot"],
                "sampling": FLARE,
                "probability": 1.0,
                "flare": named.str.strip(),
            }
        )
    )


def quiet_slots(
    events: pd.DataFrame,
    start: np.datetime64,
    end: np.datetime64,
    quiet_hours: tuple[float, float] = QUIET_HOURS,
) -> np.ndarray:
    """The 12-minute slots from `start` to `end` around which the list shows no flare of C1 or more.

    No such flare may be under way (from its start to its end; its peak, where the end is unknown)
    at any time from `quiet_hours[0]` hours before the slot to `quiet_hours[1]` hours after it, both
    included. A flare of unknown class counts as one. The list must cover all of that time: from its
    first start to its last end, and what lies between two lists is not covered.

    Args:
        events: flares, as `tools.events.read_events` gives them.
        start: first time, UTC.
        end: last time, UTC.
        quiet_hours: before and after the slot.

    Returns:
        datetime64[m] array, ascending.
    """
    before, after = (round(60 * hours) for hours in quiet_hours)
    grid = np.timedelta64(GRID_MINUTES, "m")
    first = _minutes(start) + (-_minutes(start)) % GRID_MINUTES  # the grid begins at midnight
    slots = np.arange(first.astype("datetime64[m]"), end + np.timedelta64(1, "m"), grid)
    at = _minutes(slots)
    flux = published_flux(events)
    loud = events[is_c1(flux) | flux.isna()]
    ends = loud["end"].fillna(loud["peak"]).fillna(loud["start"])
    pairs = zip(_minutes(loud["start"]) - after, _minutes(ends) + before, strict=True)
    spans = events[["list_start", "list_end"]].drop_duplicates()
    listed = Intervals(zip(*(_minutes(spans[name]) for name in spans), strict=True))
    covered = listed.length_before(at + after) - listed.length_before(at - before)
    return slots[~Intervals(pairs).contains(at) & (covered == before + after)]


def published_flux(events: pd.DataFrame) -> pd.Series:
    """Peak flux of each flare on the scale of its published class, W m-2: C1.0 is 1e-6."""
    operational = events["class_scale"] == "operational"
    return events["flux"] * np.where(operational, OPERATIONAL_SCALE, 1.0)


def is_c1(published: pd.Series) -> pd.Series:
    """Whether a published flux, W m-2, is that of class C1.0 or above."""
    return published >= C1 * (1 - _ROUNDING)


def _lots(slots, seed):
    """Two numbers from 0 to 1 for each slot: its place in the queue, and which quiet one it has."""
    return np.array([np.random.default_rng([seed, at]).random(2) for at in _minutes(slots)])


def _matched(cases, taken, quiet, lots):
    """The quiet slots that the cases `taken` draw, with the probability of each."""
    window = np.timedelta64(MATCH_DAYS, "D")
    first = np.searchsorted(quiet, cases - window)
    last = np.searchsorted(quiet, cases + window, side="right")
    place = first + (lots * (last - first)).astype(int)
    some = taken[last[taken] > first[taken]]  # those with at least one quiet slot
    names = pd.Series(pd.DatetimeIndex(cases[some]).strftime("%Y%m%d_%H%M"))
    drawn = names.groupby(place[some]).agg(" ".join)
    number = last - first
    probability = [
        1 - _missed(1 - 1 / number[(first <= one) & (one < last)], len(taken), len(cases))
        for one in drawn.index.to_numpy()
    ]
    return pd.DataFrame(
        {
            "slot": quiet[drawn.index.to_numpy(int)],
            "sampling": QUIET,
            "probability": probability,
            "flare": "",
            "matched_with": drawn.to_numpy(),
        }
    )


def _missed(factors, taken, cases):
    """The mean of the product of the factors of `taken` of `cases` cases, over all such choices.

    Cases without a factor here have 1: how many of the others are taken is hypergeometric.
    """
    if taken == cases:
        return np.prod(factors)
    means = np.ones(1)  # [j]: over all choices of j of the factors so far
    for count, factor in enumerate(factors, start=1):
        share = np.arange(count + 1) / count  # of those choices that hold the newest factor
        means = share * factor * np.append(0, means) + (1 - share) * np.append(means, 0)
    chances = stats.hypergeom.pmf(np.arange(len(means)), cases, len(factors), taken)
    return chances @ means


def _minutes(times):
    return np.asarray(times, "datetime64[m]").astype(np.int64)


def _table(rows):
    absent = {name: "" for name in ("flare", "matched_with") if name not in rows}
    rows = rows.assign(**absent)[list(COLUMNS)]
    return rows.astype(COLUMNS).sort_values("slot", ignore_index=True)
