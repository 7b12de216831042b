"""SWPC's daily event reports, the text files YYYYMMDDevents.txt: their X-ray flares."""

import pathlib
import re
from collections.abc import Sequence

import pandas as pd

from tools.primary_satellite import satellite_name

FORM = "event reports of SWPC (a line ':Product: YYYYMMDDevents.txt')"
HALF_A_DAY = pd.Timedelta("12h")
_DATE = re.compile(r":Date:\s*(\d{4}) (\d{2}) (\d{2})\s*")
_CLOCK = r"([ABU]?\d{4}|////)"  # B: before, A: after, U: uncertain
_FLARE = re.compile(
    rf"\s*(\d+)\s*\+?\s+{_CLOCK}\s+{_CLOCK}\s+{_CLOCK}\s+(\S+)\s+(\S)\s+XRA\s+1-8A\s+"
    r"(\S+)\s+(\S+)(?:\s+(\d+))?\s*"
)


def is_event_report(path: pathlib.Path) -> bool:
    """Whether a file begins as SWPC's event reports do."""
    with path.open("rb") as file:
        return file.read(9) == b":Product:"


def nearest_to(time: pd.Series, start: pd.Series) -> pd.Series:
    """The clock times of `time`, each on the day that brings it nearest to `start`.

    A peak at 00:10 of a flare that began at 23:50 is of the next day. One at 07:23 of a flare that
    began at 07:24 is a slip, and stays before the start, where a reader sees that it is wrong: no
    flare of SWPC's list of 2010 to 2021 lasts longer than 7.25 hours. Twelve hours are before.

    Args:
        time: datetime64, with the start's date; NaT stays. A Timestamp will do, too.
        start: likewise, without NaT.
    """
    return start + ((time - start + HALF_A_DAY) % (2 * HALF_A_DAY) - HALF_A_DAY)


def read_event_reports(paths: Sequence[pathlib.Path]) -> pd.DataFrame:
    """Reads the X-ray flares (XRA) of reports; one file may hold several days.

    Other kinds of event are left out. A time that a report calls uncertain, or before or after
    what it says, is taken as it stands. The clock times of a flare that began before midnight may
    be of the next day (`nearest_to`).
    Days that follow each other make one stretch, over which the reports are complete: a day among
    them without a flare is a quiet one.

    Returns:
        In the order of the files: start, peak, end (datetime64[us], NaT where ////), goes_class
        (str, unchecked), satellite (str), noaa_active_region (int, the last four digits, 0 where
        none), path and line of the file, list_start and list_end (of the stretch).

    Raises:
        ValueError: if a report is no text, a flare stands before any date, or its line cannot be
            read (with its line), or no report holds a flare.
    """
    rows, days = [], []
    for path in paths:
        rows_of_file, days_of_file = _read_report(path)
        rows, days = rows + rows_of_file, days + days_of_file
    if not rows:
        raise ValueError(
            f"{', '.join(map(str, paths))[:120]}: no X-ray flare. Expected at least one line of "
            "type XRA. Add the reports of more days: between them a day without is a quiet one."
        )
    table = pd.DataFrame(rows)
    times = {name: table[name].astype("datetime64[us]") for name in ("start", "peak", "end")}
    return table.assign(**times, **_stretches(table["day"], days)).drop(columns="day")


def _read_report(path):
    day, rows, days = None, [], []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        date = _DATE.fullmatch(line)
        if date:
            day = _day(date, path, number)
            days.append(day)
        elif " XRA " in line and not line.startswith("#"):
            rows.append({**_flare(line, day, path, number), "day": day, "path": path})
            rows[-1]["line"] = number
    return rows, days


def _text(path):
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line}: this event report is damaged. Expected plain text (ASCII). "
            f"Received the byte {error.object[error.start : error.start + 1]!r}. Fetch it anew."
        ) from None


def _stretches(day, days):
    known = pd.Series(sorted(set(days)))
    number = (known.diff() != pd.Timedelta("1D")).cumsum()
    first = known.groupby(number).transform("min").set_axis(known)
    last = known.groupby(number).transform("max").set_axis(known) + pd.Timedelta("1D")
    spans = {"list_start": day.map(first), "list_end": day.map(last)}
    return {name: span.astype("datetime64[us]") for name, span in spans.items()}


def _day(date, path, number):
    try:
        return pd.Timestamp(*map(int, date.groups()))
    except ValueError:
        raise ValueError(
            f"{path}, line {number}: no such day. Expected a line such as ':Date: 2015 03 01'. "
            f"Received: {date[0].strip()!r}. Fetch the report anew."
        ) from None


def _flare(line, day, path, number):
    match = _FLARE.fullmatch(line)
    if match is None or day is None or match[2] == "////":
        raise ValueError(
            f"{path}, line {number}: this is no X-ray flare of an event report. Expected, under a "
            "line ':Date: 2015 03 01', one such as '4080       0158   0210      0232  G15  5   XRA "
            f" 1-8A      C1.0    1.9E-03   2290'. Received: {line.strip()!r}. Mend or remove it."
        )
    _, start, peak, end, satellite, _, goes_class, _, region = match.groups()
    start = _moment(day, start, path, number)
    return {
        "start": start,
        "peak": nearest_to(_moment(day, peak, path, number), start),
        "end": nearest_to(_moment(day, end, path, number), start),
        "goes_class": goes_class,
        "satellite": _satellite(satellite, path, number),
        "noaa_active_region": int(region or 0),
    }


def _satellite(name, path, number):
    try:
        return satellite_name(name)
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: {error}") from None


def _moment(day, clock, path, number):
    if clock == "////":
        return pd.NaT
    hour, minute = int(clock[-4:-2]), int(clock[-2:])
    if hour > 23 or minute > 59:
        raise ValueError(
            f"{path}, line {number}: no such time. Expected a time such as 0158. Received: "
            f"{clock!r}. Mend or remove that line."
        )
    return day + pd.Timedelta(hours=hour, minutes=minute)
