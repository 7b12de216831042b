"""When a flare list was blind: read, written, and found by what another list holds."""

import pathlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tools import tables
from tools.tools import write_text

SMALLEST = 1e-6 / 0.7 * (1 - 1e-6)  # W m-2, physical: the old scale's C1.0, which all lists hold
SAME_FLARE = pd.Timedelta("10min")  # between the peaks that two lists give one flare
MISSING = 10  # flares in a row. Lists lack single ones here and there; see `find_outages`
ROTATION = np.timedelta64(27, "D")  # of the Sun, as seen from the Earth
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
            f"{path} is not a list of outages. Expected a CSV file with the columns start,end. "
            f"Received the header: {','.join(heading.columns)[:120]}."
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
    """
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
    """Stretches without a C-class flare that the list's own rate makes hard to believe.

    The rate is that of the rotation before the stretch or of the one after it, whichever is less:
    active regions come and go, so flares cluster, and Poisson's law would doubt dozens of quiet
    weeks. SWPC's own list of 2010 to 2021 holds no stretch in which more than 44 flares would be
    expected; the list of the HEK has one of 140, its outage from 18 April to 23 May 2014.

    Args:
        events: flares, as `tools.events.read_events` gives them; of C1.0 on the operational scale
            and above, smaller ones are left out.
        expected: flares from which on a stretch is not believed.

    Returns:
        Start, end and the number of flares expected, of each, in order.
    """
    peaks = _peaks(events[events["flux"] >= SMALLEST])
    starts, ends, number = peaks[:-1], peaks[1:], np.arange(1, len(peaks))
    before = number - np.searchsorted(peaks, starts - ROTATION)
    after = np.searchsorted(peaks, ends + ROTATION, side="right") - number
    flares = np.minimum(before, after) * ((ends - starts) / ROTATION)
    found = flares > expected
    return list(zip(starts[found], ends[found], flares[found].tolist(), strict=True))


def _peaks(events):
    when = events["peak"].fillna(events["start"])
    return np.sort(when.to_numpy().astype("datetime64[us]"))


def _edge(events, column, furthest):
    times = events[column] if column in events else events["start"]
    return furthest(times).to_datetime64().astype("datetime64[us]")
