"""The GOES X-ray flux in averages of a minute, fetched once a month and kept.

By way of sunpy's client. NCEI's science data are asked for first: those of the primary satellite of
each day, then of any other. For days up to March 2020 that have none, the old FITS files of NASA's
Solar Data Analysis Center follow, which hold readings on the operational scale: they are put on the
physical scale, and averaged over minutes.
"""

import asyncio
import contextlib
import logging
import pathlib
import re
import socket
import tempfile
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather
from tqdm import tqdm

from tools.flux import read_flux
from tools.flux_files import COLUMNS
from tools.primary_satellite import primary_satellite, satellite_number
from tools.tools import written_whole

SETTLED = pd.Timedelta("30D")  # after a month, until its flux is taken as final
OTHERS = (13, 14, 15, 16, 17, 18)  # whose science data sunpy's client knows, from 2010 on
LAST_FITS = pd.Period("2020-03")
ATTEMPTS = 3  # at a month
PAUSE = 5.0  # s, after the first failure; it doubles
TIMEOUT = 120.0  # s without a byte
_DAY = re.compile(r"(\d{8})(?:_v[\d-]+)?\.(?:nc|fits)$")
_LOG = logging.getLogger(__name__)


def fetch_flux(
    folder: str | pathlib.Path,
    months: Iterable[pd.Period],
    now: pd.Timestamp | None = None,
    pause: float = PAUSE,
) -> list[pathlib.Path]:
    """Fetches the months that are not here yet.

    Each month is kept as `xrs/YYYY-MM.feather` in `folder`, whose columns `tools.flux.read_flux`
    reads: time, flux (physical W m-2), satellite, quality, scale. It is final if it was fetched at
    least thirty days after its end; until then it is asked for again, and used as it is where the
    archives do not answer (a log message tells).

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
    now = pd.Timestamp.now("UTC").tz_localize(None) if now is None else now
    paths = []
    for month in tqdm(sorted(months), desc="GOES flux", unit="month", disable=None):
        path = folder / "xrs" / f"{month}.feather"
        if not _is_final(path, month):
            _renew(path, month, now, pause)
        if path.is_file():
            paths.append(path)
    return paths


def _renew(path, month, now, pause):
    try:
        table = _fetch_month(month, path.parents[1], pause)
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


def _fetch_month(month, folder, pause):
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with _time_limit(TIMEOUT):
                return _download(month, folder)
        except OSError as error:  # URLError and time-outs are OSErrors
            if attempt == ATTEMPTS:
                raise ConnectionError(_unanswered(month, folder, error)) from error
            time.sleep(pause * 2 ** (attempt - 1))


def _unanswered(month, folder, error):
    return (
        f"The GOES X-ray flux of {month} could not be fetched in {ATTEMPTS} attempts. Expected "
        f"an answer of {', '.join(archive_hosts())}. Received: {error}. The months fetched before "
        "are kept: run the same command again later; or put flux files of your own (FITS, netCDF, "
        f"or CSV with the columns time,flux) into {folder}."
    )


def _download(month, folder):
    from sunpy.net.dataretriever import XRSClient

    client = XRSClient()
    found = _found(client, month)
    if not found:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as place:
        files = _transfer(client, found, pathlib.Path(place))
        flux = read_flux(files, minute_means=True)
    return flux[flux["time"].between(month.start_time, month.end_time)]


def _transfer(client, found, place):
    from sunpy.util.parfive_helpers import Downloader

    downloader = Downloader(progress=False)
    for response in found:
        client.fetch(response, path=place / "{file}", downloader=downloader, wait=False)
    results = asyncio.run(downloader.run_download())  # `download` leaves its event loop open
    if results.errors:
        raise OSError(f"{results.errors[0].url}: {results.errors[0].exception!r}")
    return sorted(pathlib.Path(file) for file in results)


def _found(client, month):
    # A response for each question, with the newest version of each day's file.
    days = pd.date_range(month.start_time, month.end_time, freq="D")
    lacking, found = set(days.strftime("%Y%m%d")), []
    for question, wanted in _questions(month):
        wanted = lacking if wanted is None else wanted
        if not wanted:
            continue
        response = client.search(*question)
        newest = _newest([row["url"] for row in response], wanted)
        if newest:
            found.append(response[sorted(newest.values())])
            lacking -= set(newest)
    return found


def _questions(month):
    # What is asked, in order, and for which days; None: those that are lacking still.
    from sunpy.net import attrs as a

    span = (a.Time(month.start_time, month.end_time.floor("s")), a.Instrument("XRS"))
    science = (*span, a.Resolution("avg1m"))
    hours = pd.date_range(month.start_time, month.end_time, freq="h")
    by_hour = pd.Series(primary_satellite(hours), index=hours.strftime("%Y%m%d"))
    primary = [satellite_number(name) for name in by_hour.unique()]
    for number in filter(None, primary):
        wanted = set(by_hour.index[by_hour == f"GOES-{number}"])
        yield (*science, a.goes.SatelliteNumber(number)), wanted
    for number in OTHERS:
        if number not in primary:
            yield (*science, a.goes.SatelliteNumber(number)), None
    if month <= LAST_FITS:
        for number in (*filter(None, primary), *(n for n in OTHERS if n not in primary)):
            yield (*span, a.Provider("SDAC"), a.goes.SatelliteNumber(number)), None


def _newest(urls, wanted):
    # Row of the newest version of each wanted day; later versions sort behind earlier ones.
    days = {}
    for row in sorted(range(len(urls)), key=lambda row: urls[row]):
        day = _DAY.search(urls[row])
        if day and day[1] in wanted:
            days[day[1]] = row
    return days


def _write_month(path, table, now):
    content = pa.Table.from_pandas(table[COLUMNS], preserve_index=False)
    content = content.replace_schema_metadata(
        {**(content.schema.metadata or {}), b"fetched": f"{now:%Y-%m-%dT%H:%M:%S}".encode()}
    )
    with written_whole(path) as temporary:
        feather.write_feather(content, temporary)


def _is_final(path, month):
    if not path.is_file():
        return False
    fetched = (feather.read_table(path, columns=["time"]).schema.metadata or {}).get(b"fetched")
    return bool(fetched) and np.datetime64(fetched.decode()) >= month.end_time + SETTLED


@contextlib.contextmanager
def _time_limit(seconds):
    # sunpy's search sets none, so that a silent server would hold it for ever.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
