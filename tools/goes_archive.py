"""The GOES X-ray flux in averages of a minute, fetched once a month and kept.

By way of sunpy's client. NCEI's science data are asked for first: those of the primary satellite of
each day, and those of another one for days on which the primary lacks more than ten minutes (the
Earth eclipses the Sun for up to 72 minutes a day, around each equinox). For days up to March 2020
that have none, the old FITS files of NASA's Solar Data Analysis Center follow, which hold readings
on the operational scale: they are put on the physical scale, and averaged over minutes.
"""

import asyncio
import logging
import pathlib
import re
import tempfile
from collections.abc import Iterable
from urllib.parse import urlsplit

import pandas as pd
import pyarrow as pa
from pyarrow import feather
from tqdm import tqdm

from tools import monthly
from tools.flux import read_flux
from tools.flux_files import COLUMNS, read_file
from tools.primary_satellite import primary_satellite, satellite_number
from tools.tools import written_whole

SETTLED = pd.Timedelta("30D")  # after a month, until its flux is taken as final
OTHERS = (13, 14, 15, 16, 17, 18, 19)  # satellites whose science data NCEI holds, from 2010 on
LAST_FITS = pd.Period("2020-03")
RULE = b"2"  # of what is fetched; months of another rule (1: eclipses unfilled) are fetched again
GAPS = 10  # minutes of a day that the primary satellite may lack before another one is asked for
_DAY = re.compile(r"(\d{8})(?:_v([\d-]+))?\.(?:nc|fits)$")
_LOG = logging.getLogger(__name__)


def fetch_flux(
    folder: str | pathlib.Path,
    months: Iterable[pd.Period],
    now: pd.Timestamp | None = None,
    pause: float = monthly.PAUSE,
) -> list[pathlib.Path]:
    """Fetches the months that are not here yet.

    Each month is kept as `xrs/YYYY-MM.feather` in `folder`, whose columns `tools.flux.read_flux`
    reads: time, flux (physical W m-2), satellite, quality, scale. It is final if it was fetched by
    today's `RULE` at least thirty days after its end; until then it is asked for again, and used as
    it is where the archives do not answer (a log message tells). A damaged one is removed.

    Args:
        folder: `goes` in the data folder.
        months: each a `pandas.Period` of a month.
        now: UTC; the clock's, unless given.
        pause: seconds after the first failure; doubled with each.

    Returns:
        The files of the months that hold any flux, in order.

    Raises:
        ConnectionError: the archives did not answer, and the month is not here; the months fetched
            before are kept.
        ValueError: a file that was fetched is no flux series.
    """
    folder = pathlib.Path(folder)
    now = monthly.utc_now() if now is None else now
    paths = []
    for month in tqdm(sorted(months), desc="GOES flux", unit="month", disable=None):
        path = month_file(folder, month)
        _remove_damaged(path)
        if not _is_final(path, month):
            _renew(path, month, now, pause)
        if path.is_file():
            paths.append(path)
    return paths


def month_file(folder: pathlib.Path, month: pd.Period) -> pathlib.Path:
    """Where a month is kept, in `goes` of the data folder."""
    return folder / "xrs" / f"{month}.feather"


def _renew(path, month, now, pause):
    folder = path.parents[1]
    try:
        table = monthly.fetch_month(
            lambda: _download(month, folder), lambda e: _unanswered(month, folder, e), pause
        )
    except ConnectionError as error:
        if not path.is_file():
            raise
        _LOG.warning("%s: what was fetched before is used, since %s", month, error)
        return
    if table is None:
        _LOG.warning("%s: the archives hold no X-ray flux of this month.", month)
    else:
        _write_month(path, table, now)


def archive_hosts() -> tuple[str, ...]:
    """Names of the servers that are asked."""
    from sunpy.net.dataretriever import XRSClient  # seconds to import

    patterns = (XRSClient.pattern_new, XRSClient.pattern_r, XRSClient.pattern_old)
    return tuple(urlsplit(pattern).hostname for pattern in patterns)


def _unanswered(month, folder, error):
    return (
        f"The GOES X-ray flux of {month} could not be fetched in {monthly.ATTEMPTS} attempts. "
        f"Expected an answer of {', '.join(archive_hosts())}. Received: {error}. The months "
        "fetched before are kept: run the same command again later; or put flux files of your own "
        f"(FITS, netCDF, or CSV with the columns time,flux) into {folder}."
    )


def _download(month, folder):
    from sunpy.net.dataretriever import XRSClient

    client = XRSClient()
    days = pd.date_range(month.start_time, month.end_time, freq="D")
    absent = set(days.strftime("%Y%m%d"))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as place:
        place = pathlib.Path(place)
        files = _fetched(client, _of_primary(month), absent, place)
        files += _of_gaps(client, month, files, absent, place)
        absent -= {_DAY.search(file.name)[1] for file in files}
        files += _fetched(client, _of_old_archive(month), absent, place)
        flux = read_flux(files, minute_means=True) if files else None
    return None if flux is None else flux[flux["time"].between(month.start_time, month.end_time)]


def _of_gaps(client, month, files, absent, place):
    # Files of other satellites, one after the other, until no day lacks more than it may: the next
    # one may have been blind at the same time.
    found, lacking = [], absent | _with_gaps(files)
    for question in _of_others(month):
        more = _fetched(client, [question], set(lacking), place)
        if more:
            found += more
            absent = absent - {_DAY.search(file.name)[1] for file in more}
            lacking = absent | _with_gaps([*files, *found])
    return found


def _fetched(client, questions, days, place):
    # Files that answer the questions; days that are found are taken out of `days`.
    found = []
    for question, wanted in questions:
        wanted = days if wanted is None else wanted
        response = client.search(*question) if wanted else []
        newest = _newest([row["url"] for row in response], wanted)
        if newest:
            found.append(response[sorted(newest.values())])
            days -= set(newest)
    return _transfer(client, found, place) if found else []


def _transfer(client, found, place):
    from sunpy.util.parfive_helpers import Downloader

    downloader = Downloader(progress=False)
    for response in found:
        client.fetch(response, path=place / "{file}", downloader=downloader, wait=False)
    results = asyncio.run(downloader.run_download())  # `download` leaves its event loop open
    if results.errors:
        failed = results.errors[0]
        if monthly.is_local(failed.exception):
            raise failed.exception
        raise OSError(f"{failed.url}: {failed.exception!r}")
    return sorted(pathlib.Path(file) for file in results)


def _with_gaps(files):
    # Days of these files that lack more minutes than they may.
    if not files:
        return set()
    flux = read_flux(files)
    valid = flux["flux"].notna().groupby(flux["time"].dt.strftime("%Y%m%d")).sum()
    return set(valid.index[valid < 1440 - GAPS])


# What is asked, in order, and for which days; None: those that are lacking still.


def _of_primary(month):
    hours = pd.date_range(month.start_time, month.end_time, freq="h")
    by_hour = pd.Series(primary_satellite(hours), index=hours.strftime("%Y%m%d"))
    for number in _primary(month):
        yield _science(month, number), set(by_hour.index[by_hour == f"GOES-{number}"])


def _of_others(month):
    for number in OTHERS:
        if number not in _primary(month):
            yield _science(month, number), None


def _of_old_archive(month):
    from sunpy.net import attrs as a

    if month <= LAST_FITS:
        primary = _primary(month)
        for number in (*primary, *(other for other in OTHERS if other not in primary)):
            yield (*_span(month), a.Provider("SDAC"), a.goes.SatelliteNumber(number)), None


def _primary(month):
    # Numbers of the satellites that were primary in that month, in order.
    hours = pd.date_range(month.start_time, month.end_time, freq="h")
    names = pd.unique(primary_satellite(hours))
    return [number for number in map(satellite_number, names) if number]


def _science(month, number):
    from sunpy.net import attrs as a

    return (*_span(month), a.Resolution("avg1m"), a.goes.SatelliteNumber(number))


def _span(month):
    from sunpy.net import attrs as a

    return a.Time(month.start_time, month.end_time.floor("s")), a.Instrument("XRS")


def _newest(urls, wanted):
    # Row of the newest version of each wanted day: of v2-2-0 and v2-10-0, the latter.
    days = {}
    for row in sorted(range(len(urls)), key=lambda row: _version(urls[row])):
        day = _DAY.search(urls[row])
        if day and day[1] in wanted:
            days[day[1]] = row
    return days


def _version(url):
    day = _DAY.search(url)
    return [int(number) for number in re.findall(r"\d+", day[2] or "")] if day else []


def _write_month(path, table, now):
    content = pa.Table.from_pandas(table[COLUMNS], preserve_index=False)
    content = content.replace_schema_metadata(
        {
            **(content.schema.metadata or {}),
            b"fetched": monthly.stamp(now).encode(),
            b"rule": RULE,
        }
    )
    with written_whole(path) as temporary:
        feather.write_feather(content, temporary)


def _remove_damaged(path):
    if not path.is_file():
        return
    try:
        read_file(path)
    except ValueError as error:
        _LOG.warning("%s It is fetched again.", error)
        path.unlink()


def _is_final(path, month):
    if not path.is_file():
        return False
    said = feather.read_table(path, columns=["time"]).schema.metadata or {}
    fetched = said.get(b"fetched", b"").decode(errors="replace")
    return said.get(b"rule") == RULE and monthly.is_settled(fetched, month, SETTLED)
