"""When a flare list was blind: read, written, found by another list or by its own silence."""

import pathlib
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from tools import tables
from tools.flare_repeats import SAME_FLARE
from tools.tools import write_text
from tools.windows import Intervals, microseconds

SMALLEST = 1e-6 / 0.7 * (1 - 1e-6)  # W m-2, physical: the old scale's C1.0, which all lists hold
MISSING = 10  # flares in a row. Lists lack single ones here and there; see `find_outages`
ROTATION = np.timedelta64(27, "D")  # of the Sun, as seen from the Earth
FEWEST = 10  # flares in a rotation that make a rate: a single active region brings as many
EXPECTED = 50  # flares; see `improbable_quiet`


def read_outages(path: str | pathlib.Path) -> list[tuple[np.datetime64, np.datetime64]]:
    """Reads when a flare list was blind: a CSV file with the columns start,end (UTC).

    A header without rows means that it never was.

    Raises:
        ValueError: if the columns are missing, or a row ends before it starts.
    """
    heading = tables.read_heading(path)
    if not {"start", "end"} <= set(heading.columns):
        raise ValueError(
            f"{path} is not a list of outages. Expected a CSV file whose first line is start,end. "
            f"Received: {','.join(heading.columns)[:120]}. Name the two columns so."
        )
    if pd.read_csv(path, skiprows=heading.comments, encoding=tables.ENCODING).empty:
        return []
    rows = tables.read_rows(heading)
    start, end = (tables.times(rows[name], heading) for name in ("start", "end"))
    tables.refuse_rows(end < start, rows["end"], heading, "an end that is not before the start")
    return list(zip(start.to_numpy(), end.to_numpy(), strict=True))


def write_outages(path: str | pathlib.Path, outages: Sequence[tuple]) -> None:
    """Writes outages whole, as `read_outages` reads them."""
    rows = [f"{start},{end}\n" for start, end in outages]
    write_text(path, "start,end\n" + "".join(rows))


def spans(events: pd.DataFrame) -> np.ndarray:
    """First and last times of the stretches that a list covers: datetime64, shape (n, 2)."""
    return events[["list_start", "list_end"]].drop_duplicates().to_numpy()


def as_intervals(pairs: Iterable[tuple[np.datetime64, np.datetime64]]) -> Intervals:
    """The union of stretches of time, in microseconds since 1970."""
    return Intervals((int(microseconds(start)), int(microseconds(end))) for start, end in pairs)


def find_outages(
    events: pd.DataFrame, others: pd.DataFrame, missing: int = MISSING
) -> list[tuple[np.datetime64, np.datetime64]]:
    """Stretches without a C-class flare in one list, where another has many.

    A stretch runs from one flare of `events` to the next (or from the beginning or to the end of
    the list, as far as `others` reaches). It is an outage if `others` has at least `missing` flares
    in it. A list that lacks one flare in seven by chance lacks ten in a row once in 3e8.

    Args:
        events: flares, as `tools.events.read_events` gives them; of C1.0 on the operational scale
            and above, smaller ones are left out.
        others: likewise, of other makers.
        missing: how many flares tell of an outage.

    Returns:
        Pairs of datetime64, in order.

    Raises:
        ValueError: if a list is empty.
    """
    if events.empty or others.empty:
        raise ValueError(
            "An empty flare list tells of no outage. Expected two lists of at least one flare. "
            f"Received: {len(events)} and {len(others)} flares. Leave the empty list out."
        )
    own, foreign = (_peaks(table[table["flux"] >= SMALLEST]) for table in (events, others))
    first = max(_edge(events, "list_start", min), _edge(others, "list_start", min))
    last = min(_edge(events, "list_end", max), _edge(others, "list_end", max))
    edges = np.concatenate([[first], own[(own > first) & (own < last)], [last]])
    # A flare that both lists hold is none that is missing, whatever its minute.
    nearest = np.searchsorted(own, foreign)
    padded = np.concatenate([[np.datetime64("NaT")], own, [np.datetime64("NaT")]])
    apart = np.fmin(np.abs(foreign - padded[nearest]), np.abs(padded[nearest + 1] - foreign))
    lacking = foreign[~(apart <= np.timedelta64(SAME_FLARE))]
    before = np.searchsorted(lacking, edges)
    return [
        (start, end)
        for start, end, count in zip(edges[:-1], edges[1:], np.diff(before), strict=True)
        if count >= missing
    ]


def improbable_quiet(
    events: pd.DataFrame, expected: float = EXPECTED
) -> list[tuple[np.datetime64, np.datetime64, float]]:
    """Stretches without a flare of any class that the list's own rate makes hard to believe.

    A stretch runs from one flare of the list to the next. (Where smaller flares are listed and none
    of class C, the Sun was quiet and the list was not blind.) The rate is that of the flares of
    C1.0 and above in the rotation before the stretch or in the one after it, whichever is less:
    active regions come and go, so flares cluster, and Poisson's law would doubt dozens of quiet
    weeks. Fewer than ten flares in a rotation make no rate, lest the one region of solar minimum
    casts doubt on the quiet months beside it. Time that the list does not cover (`list_start`,
    `list_end`) does not count.
    SWPC's own list of 2010 to 2021, of C flares alone, holds no stretch in which more than 43
    flares would be expected. The list of the HEK of 2010 to 2022 holds two, of 137 and 60 flares,
    its outages from 18 April to 23 May and from 27 September to 8 October 2014; but for these none
    of more than 21, since it holds smaller flares, too.

    Args:
        events: flares, as `tools.events.read_events` gives them.
        expected: flares from which on a stretch is not believed.

    Returns:
        Start, end and the number of flares expected, of each, in order.
    """
    peaks, large = _peaks(events), _peaks(events[events["flux"] >= SMALLEST])
    starts, ends = peaks[:-1], peaks[1:]
    before = _number(large, starts - ROTATION, starts)
    after = _number(large, ends, ends + ROTATION)
    rate = np.minimum(before, after)
    flares = rate * (_covered(events, starts, ends) / ROTATION)
    found = (rate >= FEWEST) & (flares > expected)
    return list(zip(starts[found], ends[found], flares[found].tolist(), strict=True))


def _number(times, starts, ends):
    """How many of `times` lie from each start to each end, both included."""
    return np.searchsorted(times, ends, side="right") - np.searchsorted(times, starts)


def _covered(events, starts, ends):
    """How much of the time between each start and end the list covers: timedelta64."""
    if "list_start" not in events:
        return ends - starts
    covered = as_intervals(spans(events))
    inside = covered.length_before(microseconds(ends)) - covered.length_before(microseconds(starts))
    return inside.astype("timedelta64[us]")


def _peaks(events):
    when = events["peak"].fillna(events["start"])
    return np.sort(when.to_numpy().astype("datetime64[us]"))


def _edge(events, column, furthest):
    times = events[column] if column in events else events["start"]
    return furthest(times).to_datetime64().astype("datetime64[us]")
