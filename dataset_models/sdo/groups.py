"""Groups that a split may keep together: the phase of the solar cycle, and the active region."""

import pathlib
import warnings

import numpy as np
import pandas as pd

# Extremes of the 13-month smoothed sunspot number, version 2.0 (SILSO, Royal Observatory of
# Belgium, https://www.sidc.be/SILSO/cyclesminmax and its monthly news).
EXTREMES = (
    ("2008-12-15", "minimum"),  # 2.2
    ("2014-04-15", "maximum"),  # 116.4
    ("2019-12-15", "minimum"),  # 1.8
    ("2024-10-15", "maximum"),  # 160.9
)
NEAR = np.timedelta64(365, "D")  # as long before and after an extreme is its phase
KNOWN_UNTIL = np.datetime64("2027-12-15")  # no cycle since 1755 was shorter than nine years
SUMMARIES = "srs"  # folder in the data folder
OLDEST_SUMMARY = np.timedelta64(48, "h")


def cycle_phase(times: np.ndarray) -> np.ndarray:
    """The phase of the solar cycle: "minimum", "rising", "maximum" or "declining".

    A year before to a year after an extreme of the smoothed sunspot number is that extreme's
    phase; what lies between is rising or declining.

    Args:
        times: datetime64 array, any shape, UTC.

    Returns:
        str array of the same shape; "" before December 2007 and from December 2027 on, where the
        next minimum is not known yet.
    """
    times = np.asarray(times, "datetime64[ns]")
    phases = np.full(times.shape, "", "U9")
    for day, kind in EXTREMES:
        day = np.datetime64(day)
        phases[times >= day - NEAR] = kind
        phases[times > day + NEAR] = "rising" if kind == "minimum" else "declining"
    phases[times >= KNOWN_UNTIL] = ""
    return phases


def largest_regions(folder: str | pathlib.Path) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The largest active region of each Solar Region Summary.

    Args:
        folder: holds NOAA's daily summaries, yyyymmddSRS.txt, at any depth; it may be missing.

    Returns:
        A DataFrame in the order of time, "time" (datetime64, UTC, when the summary was issued) and
        "active_region" (NOAA number in full, 12192 rather than 2192; 0 where the Sun had no spots),
        and (file, reason) of each summary that could not be read.
    """
    rows, problems = [], []
    for path in sorted(pathlib.Path(folder).rglob("*SRS.txt")):
        try:
            rows.append(_largest(path))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, OSError) as error:
            reason = f"not a Solar Region Summary that can be read: {' '.join(str(error).split())}"
            problems.append((str(path), reason))
    table = pd.DataFrame(rows, columns=["time", "active_region"])
    table = table.astype({"time": "datetime64[ns]", "active_region": "int64"})
    return table.sort_values("time", kind="stable", ignore_index=True), problems


def active_region(times: np.ndarray, regions: pd.DataFrame) -> np.ndarray:
    """The largest active region of the newest summary not later than each time.

    An image of the whole disk shows many regions; the largest stands for all.

    Args:
        times: datetime64 array, shape (n,), UTC.
        regions: of `largest_regions`.

    Returns:
        int64 array, shape (n,), NOAA numbers; 0 where no summary of the last 48 h is there, or the
        Sun had no spots.
    """
    times = np.asarray(times, "datetime64[ns]")
    issued = regions["time"].to_numpy("datetime64[ns]")
    newest = np.searchsorted(issued, times, side="right") - 1
    found = np.zeros(len(times), np.int64)
    known = newest >= 0
    known[known] = times[known] - issued[newest[known]] <= OLDEST_SUMMARY
    found[known] = regions["active_region"].to_numpy()[newest[known]]
    return found


def _largest(path):
    from sunpy.io.special import read_srs  # takes a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of astropy, about columns that are empty
        table = read_srs(path)
    spots = table[table["ID"] == "I"]  # section I: regions with sunspots
    if len(spots) == 0:
        return table.meta["issued"], 0
    areas = np.ma.filled(spots["Area"].value, 0)  # millionths of the hemisphere
    return table.meta["issued"], int(spots["Number"][int(np.argmax(areas))])
