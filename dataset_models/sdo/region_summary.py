"""The text of a Solar Region Summary of NOAA: when it was issued, and its regions with sunspots.

sunpy's read_srs makes tables with units of all that stands there, 17 ms of work: minutes for the
thousands of days of an archive, of each of which one region is wanted. A test compares the two.

Source:
    README of the summaries, NOAA Space Weather Prediction Center, 2008; sunpy.io.special.read_srs.
"""

import datetime
import re
from typing import NamedTuple

import numpy as np

from tools.active_regions import full_region_number

SECTIONS = {"I": "regions with sunspots", "IA": "plages", "II": "regions due to return"}
_ISSUED = re.compile(r"^:Issued:\s*(\d{4}\s+\w{3}\s+\d{1,2}\s+\d{4}\s+UTC)", re.I | re.M)
_SPOTS = re.compile(r"(\d+)\s+([NS]\d\d)([EW]\d\d)\s+\d+\s+(\d+)\b")  # ..., Carrington, area


class Region(NamedTuple):
    """An active region with sunspots.

    Attributes:
        number: NOAA's, in full: 12192 rather than 2192.
        latitude: degrees, heliographic.
        longitude: degrees from the central meridian, west positive.
        area: of its spots, millionths of the hemisphere.
    """

    number: int
    latitude: int
    longitude: int
    area: int


def issued(text: str) -> datetime.datetime:
    """When a summary was issued, UTC, without a zone.

    Raises:
        ValueError: it does not say so, as another text does not.
    """
    found = _ISSUED.search(text)
    if found is None:
        beginning = " ".join(text[:60].split())
        raise ValueError(
            f"no line is such as ':Issued: 2014 Jan 01 0030 UTC'; it begins {beginning!r}"
        )
    return datetime.datetime.strptime(found[1], "%Y %b %d %H%M UTC")


def sections(text: str) -> dict[str, list[str]]:
    """The lines of each of the `SECTIONS`, below the names of its columns.

    Raises:
        ValueError: one is missing, or was cut off before its lines.
    """
    return {number: _section(text, number) for number in SECTIONS}


def spots(text: str) -> list[Region]:
    """The regions with sunspots, in the order of the text; none where the Sun had none.

    Raises:
        ValueError: it is no summary, or not whole, or the line of a region is of another form.
    """
    time = issued(text)
    lines = [line for line in sections(text)["I"] if line[:1].isdigit()]  # others: None, or notes
    regions = [_region(line) for line in lines]
    times = np.full(len(regions), time, "datetime64[us]")
    numbers = full_region_number([region.number for region in regions], times, least=0)
    return [
        region._replace(number=int(number)) for region, number in zip(regions, numbers, strict=True)
    ]


def _section(text, number):
    found = re.search(rf"^{number}\..*\n.*\bLo\b.*(\n(?!I).*)*", text, re.I | re.M)
    if found is None:
        raise ValueError(f"section {number}, {SECTIONS[number]}, is missing or cut short")
    return found[0].splitlines()[2:]


def _region(line):
    found = _SPOTS.match(line)
    if found is None:
        raise ValueError(f"there is no place and area of a region in the line {line!r}")
    number, latitude, longitude, area = found.groups()
    place = _degrees(latitude, "N"), _degrees(longitude, "W")
    return Region(int(number), *place, int(area))


def _degrees(text, positive):
    return int(text[1:]) if text[0] == positive else -int(text[1:])
