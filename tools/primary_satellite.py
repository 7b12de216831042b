"""Which GOES satellite was primary for X-rays, and which satellites there are.

NOAA's Space Weather Prediction Center (SWPC) names one satellite primary at any time: its flux is
published, and its flares make the list. Others run beside it, with another calibration and other
gaps, so a series takes them only where the primary one has nothing.
"""

import re

import numpy as np
import pandas as pd

NEWEST_SATELLITE = 19
KNOWN = f"GOES-1 to GOES-{NEWEST_SATELLITE} (or G15, goes15, 15), SDO, or nothing"
FIRST_UNSCALED_SATELLITE = 16  # GOES-R: operational and physical are the same
# SWPC's table of primary and secondary satellites (its X-ray rows; state of 2024-09-06, as kept in
# the repository ktindiana/fetchsep). SWPC's flare list names the same ones, but for single flares.
# The last row is later than that table: GOES-19 took the place of GOES-16 on that day (whose last
# science data are of 2025-04-06), and GOES-18 became primary for X-rays. Its hour is an assumption.
# GOES-19 is not in the table: it is primary for protons and the magnetic field, but secondary for
# X-rays. SWPC's feed of the primary X-ray flux (services.swpc.noaa.gov/json/goes/primary) names
# GOES-18 in July 2025 and, as quoted in public repositories, from June to September 2026.
PRIMARY = (  # from this time on, UTC
    ("2009-12-01T00:00", 14),
    ("2010-10-28T00:00", 15),
    ("2012-10-23T16:00", 14),
    ("2012-11-19T16:31", 15),
    ("2015-05-21T18:00", 14),
    ("2015-06-09T16:25", 15),
    ("2016-05-03T13:00", 13),
    ("2016-05-12T17:30", 14),
    ("2016-06-09T17:30", 15),
    ("2017-08-08T20:52", 13),
    ("2017-08-23T21:20", 15),
    ("2019-12-09T17:30", 16),
    ("2025-04-07T15:00", 18),
)
_SINCE = np.array([since for since, _ in PRIMARY], "datetime64[us]")
_NAMES = np.array(["", *(f"GOES-{number}" for _, number in PRIMARY)], dtype=object)
_FORM = re.compile(r"(?:g|goes)?[ _-]?0*(\d{1,2})", re.IGNORECASE)


def primary_satellite(times: np.ndarray | pd.Series) -> np.ndarray:
    """The primary satellite at each of `times` (datetime64, UTC), such as "GOES-15".

    Returns:
        Array of str, shape (n,); empty before December 2009, where the table begins.
    """
    times = np.asarray(times).astype("datetime64[us]")
    return _NAMES[np.searchsorted(_SINCE, times, side="right")]


def satellite_name(text: object) -> str:
    """One spelling of a satellite: "G15", "goes15" and "15" are "GOES-15"; none is empty.

    SDO is one, too: SWPC's list names it beside some flares.

    Raises:
        ValueError: if there is no such satellite.
    """
    if pd.isna(text) or not str(text).strip():
        return ""
    name = str(text).strip()
    number = _FORM.fullmatch(name)
    if number and 1 <= int(number[1]) <= NEWEST_SATELLITE:
        return f"GOES-{int(number[1])}"
    if name.upper() == "SDO":
        return "SDO"
    raise ValueError(
        f"{name!r} is no satellite known here. Expected {KNOWN}. Mend the column satellite, or "
        "leave it empty."
    )


def satellite_number(name: str) -> int:
    """Number of a GOES satellite by its name, 0 for any other."""
    return int(name[5:]) if name.startswith("GOES-") else 0


def published_scale(times: np.ndarray | pd.Series) -> np.ndarray:
    """The scale of what SWPC published at `times`: "physical" while GOES-16 or later was primary.

    Returns:
        Array of str, shape (n,), "operational" or "physical".
    """
    first = next(since for since, number in PRIMARY if number >= FIRST_UNSCALED_SATELLITE)
    physical = np.asarray(times).astype("datetime64[us]") >= np.datetime64(first)
    return np.where(physical, "physical", "operational").astype(object)
