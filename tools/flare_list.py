"""The flare list of NOAA's Space Weather Prediction Center (SWPC), fetched once and kept.

It comes from the Heliophysics Events Knowledgebase (HEK) through sunpy's client, a month at a time:
long ranges hang (sunpy issue 2434). SWPC's entries are asked for, and not those of "SSW Latest
Events", which hold no flare of C1 or above from 18 April to 23 May 2014 while SWPC's hold many.

Their classes are SWPC's: on the operational scale (0.7 of the physical flux) until GOES-15, on the
physical one from GOES-16 on. The HEK does not name the satellite, so the scale is told by the day
on which GOES-16 became primary (`tools.primary_satellite.published_scale`), which lies between
SWPC's last C-class flare seen by GOES-15, 2019-05-15, and its first by GOES-16, 2020-05-29.
"""

import calendar
import functools
import logging
import pathlib
import re

import numpy as np
import pandas as pd
from tqdm import tqdm

from tools import monthly, tables
from tools.events import LONGEST_FLARE, SPAN
from tools.primary_satellite import published_scale
from tools.tools import write_text, written_whole

HEK = "https://www.lmsal.com/hek/her?"
FILE = "hek_flares.csv"  # in `flares` of the data folder
NAMES = {  # of the HEK -> of tools.events
    "event_starttime": "start",
    "event_peaktime": "peak",
    "event_endtime": "end",
    "fl_goescls": "goes_class",
    "ar_noaanum": "noaa_active_region",
    "hgs_x": "hgx",
    "hgs_y": "hgy",
}
COLUMNS = (*NAMES.values(), "scale")
TIMES = ("start", "peak", "end")
SETTLED = pd.Timedelta("7D")  # after a month, until its list is taken as final
FAILURES = (OSError, LookupError, TypeError, ValueError)  # of sunpy, at answers of another form
_NAMED = "with --flares (download_aia.py) or --events (v4_find_ys.py)"
_MONTH = "[0-9]" * 4 + "-" + "[0-9]" * 2 + ".csv"
_CLASS = re.compile(r"[ABCMX]\d+(\.\d+)?")
_FETCHED = re.compile(r"# fetched: (\S+)")
_LOG = logging.getLogger(__name__)


def fetch_flares(
    folder: str | pathlib.Path,
    start: np.datetime64,
    end: np.datetime64,
    now: pd.Timestamp | None = None,
    url: str = HEK,
    pause: float = monthly.PAUSE,
) -> pathlib.Path:
    """Fetches the months from `start` to `end` that are not here yet, and joins all that are here.

    Each month is kept as `hek/YYYY-MM.csv`. It is final if it was fetched at least a week after its
    end and holds a flare; until then it is asked for again, as is one that is of another form (a
    log message tells). The joined list is `hek_flares.csv`, which `tools.events.read_events` reads.
    It holds the months of earlier calls, too, and those that came before a failure; one that is
    damaged or of another form is left out, and a log message tells.
    The list says beside each flare what time it covers: nobody knows whether months without any
    flare of a known class were quiet, and they are left out of that, as is the rest of a month that
    was fetched before its end and has not been asked for again.

    Args:
        folder: `flares` in the data folder.
        start: first time, UTC; its whole month is fetched.
        end: last time, UTC; likewise.
        now: UTC; the clock's, unless given.
        url: of the HEK.
        pause: seconds after the first failure; doubled with each.

    Returns:
        Path of the joined list.

    Raises:
        ConnectionError: the HEK did not answer; the months fetched before are kept and joined.
        ValueError: a `hek_flares.csv` of another make is there, or no month here holds a flare.
    """
    folder, target = pathlib.Path(folder), pathlib.Path(folder) / FILE
    _refuse_another(target)
    now = monthly.utc_now() if now is None else now
    months = pd.period_range(start, end, freq="M")
    try:
        for month in tqdm(months, desc="Flare list", unit="month", disable=None):
            _keep_month(folder / "hek" / f"{month}.csv", month, now, url, pause)
    except ConnectionError:
        _join(folder / "hek", target)
        raise
    if not _join(folder / "hek", target):
        raise ValueError(
            f"The flare list is empty: the HEK has no flare of SWPC in {months[0]} to "
            f"{months[-1]}. Expected at least one. Name another list {_NAMED}."
        )
    return target


def is_joined(path: pathlib.Path) -> bool:
    """Whether a file is a list that `fetch_flares` joined, by its header; False without a file."""
    try:
        return tables.read_heading(path).columns == (*COLUMNS, *SPAN)
    except (OSError, ValueError):
        return False


def search_month(year: int, month: int, url: str = HEK) -> pd.DataFrame:
    """Asks the HEK for SWPC's flares that start in one month.

    Returns:
        `COLUMNS`, in order of start: start, peak, end (datetime64, UTC; peak and end may be NaT),
        goes_class, noaa_active_region (0 unknown), hgx and hgy (heliographic longitude from the
        central meridian and latitude, degrees; both 0 or NaN where unknown) and scale. Entries
        without a GOES class are left out, and a log message counts them.

    Raises:
        OSError: no answer, or none that is a list of flares.
    """
    from sunpy.net import attrs, hek  # seconds to import

    first = pd.Timestamp(year, month, 1)
    last = pd.Timestamp(year, month, calendar.monthrange(year, month)[1], 23, 59, 59)
    query = attrs.Time(first, last), attrs.hek.FL, attrs.hek.FRM.Name == "SWPC"
    found = hek.HEKClient(url).search(*query).raw
    if not len(found):
        return pd.DataFrame(columns=COLUMNS)
    lacking = [name for name in NAMES if name not in found.colnames]
    if lacking:
        raise OSError(f"an answer without {', '.join(lacking)}")
    table = found[list(NAMES)].to_pandas().rename(columns=NAMES)
    return _cleaned(table, first, last)


def _cleaned(table, first, last):
    for name in TIMES:
        table[name] = pd.to_datetime(table[name].replace("", None), format="ISO8601")
    table["goes_class"] = table["goes_class"].fillna("").astype(str).str.strip()
    for name in ("noaa_active_region", "hgx", "hgy"):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    region = table["noaa_active_region"].fillna(0)
    table["noaa_active_region"] = region.clip(lower=0).astype(int)  # no number is negative
    table["scale"] = published_scale(table["start"])
    table = table[table["start"].between(first, last)]  # the HEK gives all that touch the month
    known = table["goes_class"].str.fullmatch(_CLASS)
    if not known.all():
        text = "%s: %d of %d flares of the HEK have no GOES class: they are left out."
        _LOG.warning(text, f"{first:%Y-%m}", (~known).sum(), len(table))
    return table[known].drop_duplicates().sort_values(["start", "goes_class"], ignore_index=True)


def _refuse_another(path):
    if path.exists() and not is_joined(path):
        raise ValueError(
            f"{path} is another list than the fetched one, which would replace it. Expected no "
            f"such file, or one with the columns {','.join((*COLUMNS, *SPAN))}. Received another "
            "header. Move it to another folder, or delete it if an earlier version fetched it; or "
            f"name it {_NAMED}."
        )


def _keep_month(path, month, now, url, pause):
    if _is_final(path, month):
        return
    ask = functools.partial(search_month, month.year, month.month, url)
    unanswered = functools.partial(_unanswered, month, url)
    table = monthly.fetch_month(ask, unanswered, pause, FAILURES)
    if table.empty:
        _LOG.warning("%s: the HEK holds no flare; no time of it counts as quiet.", month)
    _write_month(path, table, now)


def _unanswered(month, url, error):
    return (
        f"The flare list of {month} could not be fetched from {url} in {monthly.ATTEMPTS} "
        f"attempts. Expected SWPC's flares of that month. Received: {error!r}. The months fetched "
        "before are kept and joined: run the same command again later, or name another flare list "
        f"{_NAMED}."
    )


def _write_month(path, table, now):
    said = f"# SWPC's flares, from the HEK\n# fetched: {monthly.stamp(now)}\n"
    write_text(path, said + table.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S"))


def _is_final(path, month):
    if not path.is_file():
        return False
    try:
        flares, fetched = _read_month(path)
    except ValueError as error:
        _LOG.warning("%s is fetched again. %s", path, error)
        return False
    settled = monthly.is_settled(fetched, month, SETTLED)
    return settled and not flares.empty  # an empty month may be one that the HEK lacks


def _join(folder, target):
    """Writes the months that hold a flare as one list; False, and nothing written, without any."""
    held = _held_months(folder)
    if held:
        joined = pd.concat(_with_spans(held), ignore_index=True)
        with written_whole(target) as temporary:
            joined.to_csv(temporary, index=False, date_format="%Y-%m-%dT%H:%M:%S")
    return bool(held)


def _held_months(folder):
    """Of each month that holds a flare: itself, its flares, and when they were fetched; sorted."""
    held = []
    for path in sorted(folder.glob(_MONTH)):
        try:
            month, (flares, fetched) = pd.Period(path.stem, "M"), _read_month(path)
        except (OSError, ValueError) as error:
            _LOG.warning("%s is left out of the flare list. %s", path, error)
            continue
        if not flares.empty:
            held.append((month, flares, fetched))
    return held


def _with_spans(held):
    """Flares of each month, and of each the first and the last time of its run of months."""
    numbers = pd.Series([month.ordinal for month, _, _ in held])
    whole = [monthly.is_settled(fetched, month, pd.Timedelta(0)) for month, _, fetched in held]
    run = ((numbers.diff() > 1) | ~pd.Series(whole).shift(fill_value=True)).cumsum()
    edges = pd.DataFrame([_edges(flares) for _, flares, _ in held])
    first, last = edges[0].groupby(run).transform("min"), edges[1].groupby(run).transform("max")
    return [
        flares.assign(list_start=start, list_end=end)
        for (_, flares, _), start, end in zip(held, first, last, strict=True)
    ]


def _edges(flares):
    last = flares["end"].fillna(flares["peak"]).fillna(flares["start"])
    wrong = last - flares["start"] > LONGEST_FLARE  # a wrong date is no end of the list
    return flares["start"].min(), last.mask(wrong, flares["start"]).max()


def _read_month(path):
    """Flares of a month's file (none, unless one has a known class), and when they were fetched."""
    try:
        fetched = _FETCHED.search(path.read_text(encoding="utf-8"))
        columns = tables.read_heading(path).columns
        flares = pd.read_csv(path, comment="#", dtype=str)
    except ValueError as error:  # also of bytes that are no text, and of rows that are no table
        raise ValueError(f"It is damaged. {error}") from error
    if columns != COLUMNS:
        raise ValueError(
            f"It is no month of the flare list. Expected the columns {','.join(COLUMNS)}. "
            f"Received: {','.join(columns)[:120]}."
        )
    return _classified(flares), fetched and fetched[1]


def _classified(flares):
    flares = flares[flares["goes_class"].notna()]
    times = {name: pd.to_datetime(flares[name], format="ISO8601") for name in TIMES}
    flares = flares.assign(**times)
    whole = flares["goes_class"].str.fullmatch(_CLASS)
    whole &= flares["start"].notna() & flares["scale"].notna()
    if not whole.all():
        raise ValueError(
            "It is damaged. Expected a start, a class such as M1.5 and a scale in each row. "
            f"Received: {','.join(flares[~whole].iloc[0].map(str))}."
        )
    known = pd.to_numeric(flares["goes_class"].str[1:]) > 0  # lists hold an A0.0 here and there
    return flares if known.any() else flares.iloc[:0]
