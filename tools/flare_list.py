"""The flare list of NOAA's Space Weather Prediction Center (SWPC), fetched once and kept.

It comes from the Heliophysics Events Knowledgebase (HEK) through sunpy's client, a month at a time:
long ranges hang (sunpy issue 2434). SWPC's entries are asked for, and not those of "SSW Latest
Events", which hold no flare of C1 or above from 18 April to 23 May 2014 while SWPC's hold many.

Their classes are SWPC's: on the operational scale (0.7 of the physical flux) until GOES-15, on the
physical one from GOES-16 on. The HEK does not name the satellite, so the scale is told by the year:
the change came between SWPC's last C-class flare seen by GOES-15, 2019-05-15, and its first by
GOES-16, 2020-05-29; only flares below C1 lie between.
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
from tools.events import LONGEST_FLARE
from tools.tools import write_text, written_whole

HEK = "https://www.lmsal.com/hek/her?"
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
FIRST_PHYSICAL = pd.Timestamp("2020-01-01")  # see above
SETTLED = pd.Timedelta("7D")  # after a month, until its list is taken as final
FAILURES = (OSError, LookupError, TypeError, ValueError)  # of sunpy, at answers of another form
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
    """Fetches the months from `start` to `end` that are not here yet, and joins them to one list.

    Each month is kept as `hek/YYYY-MM.csv`. It is final if it was fetched at least a week after its
    end and holds a flare; until then it is asked for again, as is one that is of another form (a
    log message tells). The joined list is `hek_flares.csv`,
    which `tools.events.read_events` reads. It says beside each flare what time the list covers:
    nobody knows whether months without any flare were quiet, and they are left out of that.

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
        ConnectionError: the HEK did not answer; the months fetched before are kept.
        ValueError: no month holds a flare.
    """
    folder = pathlib.Path(folder)
    now = monthly.utc_now() if now is None else now
    paths = []
    months = pd.period_range(start, end, freq="M")
    for month in tqdm(months, desc="Flare list", unit="month", disable=None):
        path = folder / "hek" / f"{month}.csv"
        if not _is_final(path, month):
            ask = functools.partial(search_month, month.year, month.month, url)
            unanswered = functools.partial(_unanswered, month, url)
            table = monthly.fetch_month(ask, unanswered, pause, FAILURES)
            if table.empty:
                text = "%s: the HEK holds no flare; no time of it counts as quiet."
                _LOG.warning(text, month)
            _write_month(path, table, now)
        paths.append(path)
    return _join(paths, folder / "hek_flares.csv")


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
    for name in ("start", "peak", "end"):
        table[name] = pd.to_datetime(table[name].replace("", None), format="ISO8601")
    table["goes_class"] = table["goes_class"].fillna("").astype(str).str.strip()
    for name in ("noaa_active_region", "hgx", "hgy"):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    table["noaa_active_region"] = table["noaa_active_region"].fillna(0).astype(int)
    table["scale"] = np.where(table["start"] < FIRST_PHYSICAL, "operational", "physical")
    table = table[table["start"].between(first, last)]  # the HEK gives all that touch the month
    known = table["goes_class"].str.fullmatch(_CLASS)
    if not known.all():
        text = "%s: %d of %d flares of the HEK have no GOES class: they are left out."
        _LOG.warning(text, f"{first:%Y-%m}", (~known).sum(), len(table))
    return table[known].drop_duplicates().sort_values(["start", "goes_class"], ignore_index=True)


def _unanswered(month, url, error):
    return (
        f"The flare list of {month} could not be fetched from {url} in {monthly.ATTEMPTS} "
        f"attempts. Expected SWPC's flares of that month. Received: {error!r}. The months fetched "
        "before are kept: run the same command again later, or name another flare list with "
        "--flares."
    )


def _write_month(path, table, now):
    said = f"# SWPC's flares, from the HEK\n# fetched: {monthly.stamp(now)}\n"
    write_text(path, said + table.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S"))


def _is_final(path, month):
    if not path.is_file():
        return False
    try:
        fetched = _FETCHED.search(path.read_text(encoding="utf-8"))
        columns, held = tables.read_heading(path).columns, _read_month(path)
    except ValueError as error:  # also of bytes that are no text, and of rows that are no table
        _LOG.warning("%s is damaged; it is fetched again. %s", path, error)
        return False
    if columns != COLUMNS:
        text = "%s: no month of the flare list, whose columns are %s; it is fetched again."
        _LOG.warning(text, path, ",".join(COLUMNS))
        return False
    settled = monthly.is_settled(fetched and fetched[1], month, SETTLED)
    return settled and not held.empty  # an empty month may be one that the HEK lacks


def _join(paths, target):
    months = [_read_month(path) for path in paths]
    held = [month for month in months if not month.empty]
    if not held:
        raise ValueError(
            f"The flare list is empty: the HEK has no flare of SWPC in {paths[0].stem} to "
            f"{paths[-1].stem}. Expected at least one. Name another list with --flares."
        )
    joined = _with_spans(pd.concat(held, ignore_index=True))
    with written_whole(target) as temporary:
        joined.to_csv(temporary, index=False, date_format="%Y-%m-%dT%H:%M:%S")
    return target


def _with_spans(flares):
    """The flares, and of each the first and the last time of its run of months that hold flares."""
    start, peak, end = (pd.to_datetime(flares[name]) for name in ("start", "peak", "end"))
    last = end.fillna(peak).fillna(start)
    last = last.where(last - start <= LONGEST_FLARE, start)  # a wrong date is no end of the list
    run = ((12 * start.dt.year + start.dt.month).diff() > 1).cumsum()
    return flares.assign(
        list_start=start.groupby(run).transform("min"), list_end=last.groupby(run).transform("max")
    )


def _read_month(path):
    return pd.read_csv(path, comment="#", dtype=str)
