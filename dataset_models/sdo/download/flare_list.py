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
import contextlib
import logging
import pathlib
import re
import socket
import time

import numpy as np
import pandas as pd
from tqdm import tqdm

from tools import tables
from tools.tools import write_text, written_whole

HEK = "https://www.lmsal.com/hek/her?"
NAMES = {  # of the HEK -> of tools.events
    "event_starttime": "start",
    "event_peaktime": "peak",
    "event_endtime": "end",
    "fl_goescls": "goes_class",
    "ar_noaanum": "noaa_active_region",
}
FIRST_PHYSICAL = pd.Timestamp("2020-01-01")  # see above
SETTLED = pd.Timedelta("7D")  # after a month, until its list is taken as final
ATTEMPTS = 4  # at a month
PAUSE = 5.0  # s, after the first failure; it doubles
TIMEOUT = 120.0  # s without a byte
_CLASS = re.compile(r"[ABCMX]\d+(\.\d+)?")
_FETCHED = re.compile(r"# fetched: (\S+)")
_LOG = logging.getLogger(__name__)


def fetch_flares(
    folder: str | pathlib.Path,
    start: np.datetime64,
    end: np.datetime64,
    now: pd.Timestamp | None = None,
    url: str = HEK,
    pause: float = PAUSE,
) -> pathlib.Path:
    """Fetches the months from `start` to `end` that are not here yet, and joins them to one list.

    Each month is kept as `hek/YYYY-MM.csv`. It is final if it was fetched at least a week after its
    end and holds a flare; until then it is asked for again. The joined list is `hek_flares.csv`,
    which `tools.events.read_events` reads.

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
        ValueError: a kept month cannot be read, or no month holds a flare.
    """
    folder = pathlib.Path(folder)
    now = pd.Timestamp.now("UTC").tz_localize(None) if now is None else now
    paths = []
    months = pd.period_range(start, end, freq="M")
    for month in tqdm(months, desc="Flare list", unit="month", disable=None):
        path = folder / "hek" / f"{month}.csv"
        if not _is_final(path, month):
            table = _fetch_month(month, url, pause)
            if table.empty:
                text = "%s: the HEK holds no flare; no time of it counts as quiet."
                _LOG.warning(text, month)
            _write_month(path, table, now)
        paths.append(path)
    return _join(paths, folder / "hek_flares.csv")


def apart(events: pd.DataFrame) -> pd.DataFrame:
    """The list with its span cut at months without any flare: nobody knows that those were quiet.

    Args:
        events: from `tools.events.read_events`, of a list from `fetch_flares`.

    Returns:
        The same flares; list_start and list_end are those of a run of months that hold flares.
    """
    months = (12 * events["start"].dt.year + events["start"].dt.month).sort_values()
    run = (months.diff() > 1).cumsum().reindex(events.index)
    ends = events["end"].fillna(events["peak"]).fillna(events["start"])
    return events.assign(
        list_start=events.groupby(run)["start"].transform("min"),
        list_end=ends.groupby(run).transform("max"),
    )


def search_month(year: int, month: int, url: str = HEK) -> pd.DataFrame:
    """Asks the HEK for SWPC's flares that start in one month.

    Returns:
        Columns start, peak, end (datetime64, UTC; peak and end may be NaT), goes_class,
        noaa_active_region (0 unknown) and scale, in order of start. Entries without a GOES class
        are left out, and a log message counts them.

    Raises:
        OSError: no answer, or none that is a list of flares.
    """
    from sunpy.net import attrs, hek  # seconds to import

    first = pd.Timestamp(year, month, 1)
    last = pd.Timestamp(year, month, calendar.monthrange(year, month)[1], 23, 59, 59)
    query = attrs.Time(first, last), attrs.hek.FL, attrs.hek.FRM.Name == "SWPC"
    with _time_limit(TIMEOUT):
        found = hek.HEKClient(url).search(*query).raw
    if not len(found):
        return pd.DataFrame(columns=[*NAMES.values(), "scale"])
    lacking = [name for name in NAMES if name not in found.colnames]
    if lacking:
        raise OSError(f"an answer without {', '.join(lacking)}")
    table = found[list(NAMES)].to_pandas().rename(columns=NAMES)
    return _cleaned(table, first, last)


def _cleaned(table, first, last):
    for name in ("start", "peak", "end"):
        table[name] = pd.to_datetime(table[name].replace("", None), format="ISO8601")
    table["goes_class"] = table["goes_class"].fillna("").astype(str).str.strip()
    region = pd.to_numeric(table["noaa_active_region"], errors="coerce")
    table["noaa_active_region"] = region.fillna(0).astype(int)
    table["scale"] = np.where(table["start"] < FIRST_PHYSICAL, "operational", "physical")
    table = table[table["start"].between(first, last)]  # the HEK gives all that touch the month
    known = table["goes_class"].str.fullmatch(_CLASS)
    if not known.all():
        text = "%s: %d of %d flares of the HEK have no GOES class: they are left out."
        _LOG.warning(text, f"{first:%Y-%m}", (~known).sum(), len(table))
    return table[known].drop_duplicates().sort_values(["start", "goes_class"], ignore_index=True)


def _fetch_month(month, url, pause):
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return search_month(month.year, month.month, url)
        # URLError and time-outs are OSErrors; sunpy raises the others at answers of another form.
        except (OSError, LookupError, TypeError, ValueError) as error:
            if attempt == ATTEMPTS:
                raise ConnectionError(_unanswered(month, url, error)) from error
            time.sleep(pause * 2 ** (attempt - 1))


def _unanswered(month, url, error):
    return (
        f"The flare list of {month} could not be fetched from {url} in {ATTEMPTS} attempts. "
        f"Expected SWPC's flares of that month. Received: {error!r}. The months fetched before "
        "are kept: run the same command again later, or name another flare list with --flares."
    )


@contextlib.contextmanager
def _time_limit(seconds):
    # sunpy's client sets none, so that a silent server would hold it for ever.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _write_month(path, table, now):
    said = f"# SWPC's flares, from the HEK\n# fetched: {now:%Y-%m-%dT%H:%M:%S}\n"
    write_text(path, said + table.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S"))


def _is_final(path, month):
    if not path.is_file():
        return False
    fetched = _FETCHED.search(path.read_text(encoding="utf-8"))
    late = bool(fetched) and pd.Timestamp(fetched[1]) >= month.end_time + SETTLED
    return late and not _read_month(path).empty  # an empty month may be one that the HEK lacks


def _join(paths, target):
    months = [_read_month(path) for path in paths]
    held = [month for month in months if not month.empty]
    if not held:
        raise ValueError(
            f"The flare list is empty: the HEK has no flare of SWPC in {paths[0].stem} to "
            f"{paths[-1].stem}. Expected at least one. Name another list with --flares."
        )
    with written_whole(target) as temporary:
        pd.concat(held, ignore_index=True).to_csv(temporary, index=False)
    return target


def _read_month(path):
    heading = tables.read_heading(path)
    expected = (*NAMES.values(), "scale")
    if heading.columns != expected:
        raise ValueError(
            f"{path}, line {heading.comments + 1}: no month of the flare list. Expected the header "
            f"{','.join(expected)}. Received: {','.join(heading.columns)[:120]}. Delete the file; "
            "it is fetched again."
        )
    return pd.read_csv(path, comment="#", dtype=str)
