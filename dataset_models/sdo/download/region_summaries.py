"""NOAA's daily Solar Region Summaries: where the archive has them, and which of them lie here.

NCEI holds a text file of one or two kB for each day from 1996 on. SWPC's warehouse packs the same
files by year (.tar.gz) and gives them by FTP alone; unpacked anywhere below `srs` in the data
folder, they count as there.

Source:
    The address is that of sunpy.net.dataretriever.SRSClient; sunpy issue 5162 names both archives.
"""

import logging
import pathlib
import re

import pandas as pd

from dataset_models.sdo import region_summary

ARCHIVE = (
    "https://www.ngdc.noaa.gov/stp/space-weather/swpc-products/daily_reports/"
    "solar_region_summaries/"
)
FIRST_DAY = pd.Timestamp("1996-01-01")  # before it summaries are free text
_NAME = re.compile(r"(\d{8})SRS\.txt")
_LOG = logging.getLogger(__name__)


def name_of(day: pd.Timestamp) -> str:
    """The name of a day's file: 20140101SRS.txt."""
    return f"{day:%Y%m%d}SRS.txt"


def address(archive: str, day: pd.Timestamp) -> str:
    """The URL of a day's file, in an archive of this layout."""
    return f"{archive.rstrip('/')}/{day:%Y/%m}/{name_of(day)}"


def held_days(folder: pathlib.Path) -> set[pd.Timestamp]:
    """The days whose summary lies in a folder, at any depth.

    One that is damaged does not count; a log message tells of it.
    """
    held = set()
    for path in sorted(folder.rglob("*SRS.txt")):
        named = _NAME.fullmatch(path.name)
        day = pd.to_datetime(named and named[1], format="%Y%m%d", errors="coerce")
        if not named or pd.isna(day) or not path.is_file():
            continue
        reason = wrong_summary(path.read_bytes(), day)
        if reason is None:
            held.add(day)
        else:
            _LOG.warning("%s is asked for again: %s.", path, reason)
    return held


def wrong_summary(content: bytes, day: pd.Timestamp) -> str | None:
    """Why a text is not the Solar Region Summary of a day; None where it is.

    A page of HTML, another day's summary, and one that was cut short are told by the line that says
    when it was issued, and by its three sections. Odd lines between them are let pass: some of
    NOAA's summaries have such, and will keep them.
    """
    text = content.decode("utf-8", errors="replace").replace("\r", "")
    try:
        issued = region_summary.issued(text)
        region_summary.sections(text)
    except ValueError as error:
        return str(error)
    return None if issued.date() == day.date() else f"it was issued on {issued:%Y-%m-%d}"
