"""The largest active region on the disk at a time: its NOAA number, its HARP number, its longitude.

An image of the whole disk shows many regions; the largest stands for all. NOAA's daily Solar Region
Summaries (download_srs.py) know it by the area of its spots, the table of hand-tailored features
(download_sharp.py) by the area of its strong field.

A HARP number is always one of the definitive series. Near-real-time HARPs are numbered on their
own, so that the same number is another region there: where only they are known, they tell NOAA
number and place, and the HARP number is missing.
"""

import pathlib

import numpy as np
import pandas as pd
from astropy import units

from dataset_models.sdo import region_summary
from dataset_models.sdo.full_disk_features import newest_records
from dataset_models.sdo.side_channels import read_features

SUMMARIES = "srs"  # folder in the data folder
OLDEST_SUMMARY = pd.Timedelta("48h")
OLDEST_HARP = pd.Timedelta("24h")
KEYWORDS = ["HARPNUM", "NOAA_AR", "LAT_FWT", "LON_FWT"]  # of SHARP, in the table of features
COLUMNS = {
    "time": "datetime64[ns]",  # UTC, from which on this is known
    "valid": "datetime64[ns]",  # UTC, at which the region stands there
    "active_region": "float64",  # NOAA number in full: 12192 rather than 2192
    "harp": "float64",  # of the definitive series
    "latitude": "float64",  # degrees, heliographic
    "longitude": "float64",  # degrees from the central meridian, west positive
}
Problems = list[tuple[str, str]]  # (file, reason)


def of_summaries(folder: str | pathlib.Path) -> tuple[pd.DataFrame, Problems]:
    """The largest active region of each Solar Region Summary, by the area of its spots.

    Args:
        folder: holds NOAA's daily summaries, yyyymmddSRS.txt, at any depth; it may be missing.

    Returns:
        A DataFrame in the order of time with `COLUMNS`, NaN where the Sun had no spots; and
        (file, reason) of each summary that could not be read.
    """
    rows, problems = [], []
    paths = [path for path in pathlib.Path(folder).rglob("*SRS.txt") if path.is_file()]
    for path in sorted(paths):
        try:
            rows.append(_of_summary(path))
        except (ValueError, OSError) as error:
            reason = f"not a Solar Region Summary that can be read: {error}"
            problems.append((str(path), reason))
    return _table(rows), problems


def of_features(path: str | pathlib.Path) -> tuple[pd.DataFrame, Problems]:
    """The largest active region that the table of hand-tailored features names for each time.

    Args:
        path: as `side_channels.read_features` takes it, with the columns `KEYWORDS`; it may be
            missing, or lack them. HARPNUM is a definitive number, or empty (see `of_series`).

    Returns:
        As `of_summaries`.
    """
    if not pathlib.Path(path).is_file():
        return _table([]), []
    try:
        held = read_features(path, KEYWORDS)
    except ValueError as error:
        return _table([]), [(str(path), " ".join(str(error).split()))]
    names = ["harp", "active_region", "latitude", "longitude"]
    held = held[["time", *KEYWORDS]].rename(columns=dict(zip(KEYWORDS, names, strict=True)))
    held["active_region"] = held["active_region"].replace(0, np.nan)  # NOAA gave it no number
    held["valid"] = held["time"]
    return _table(held.dropna(subset=["harp", "longitude"], how="all")), []


def of_series(
    definitive: pd.DataFrame, near_real_time: pd.DataFrame, times: np.ndarray
) -> pd.DataFrame:
    """The largest definitive region at each time; where there is none, a near-real-time one.

    Args:
        definitive: rows of `sharp_keywords.query` or `sharp_segments.read_segments`.
        near_real_time: likewise.
        times: datetime64 array, shape (n,), UTC.

    Returns:
        As `of_records`; HARPNUM is NaN where the region is a near-real-time one.
    """
    found = of_records(definitive, times)
    stand_in = of_records(near_real_time, times).assign(HARPNUM=np.nan)
    return found.where(found["HARPNUM"].notna(), stand_in)


def of_records(records: pd.DataFrame, times: np.ndarray) -> pd.DataFrame:
    """The region with the largest area of strong field (AREA_ACR) at each time.

    Args:
        records: rows of `sharp_keywords.query` or `sharp_segments.read_segments`, of one series.
        times: datetime64 array, shape (n,), UTC.

    Returns:
        DataFrame with n rows and the columns `KEYWORDS`, the longitude as of that time and HARPNUM
        as the series numbers; NaN where no region has a record of the two hours before.
    """
    rows = [_of_disk(newest) for newest in newest_records(records, times)]
    found = pd.DataFrame(rows, columns=["time", *KEYWORDS])
    age = np.asarray(times, "datetime64[ns]") - pd.to_datetime(found.pop("time")).to_numpy()
    found["LON_FWT"] = rotated(found["LON_FWT"], found["LAT_FWT"], age)
    return found


def at(times: np.ndarray, summaries: pd.DataFrame, harps: pd.DataFrame) -> pd.DataFrame:
    """What is known of the largest region at each time, from what was published or observed before.

    Number and longitude are those of the newest summary of the last 48 h; where there is none, or
    it knows no spots, those of the newest HARP of the last 24 h. The HARP number is the newest
    definitive one of those 24 h; the largest HARP need not be the region with the largest spots.

    Args:
        times: datetime64 array, shape (n,), UTC, in any order.
        summaries: of `of_summaries`.
        harps: of `of_features`.

    Returns:
        DataFrame with n rows: "active_region" and "harp" (Int64) and "longitude" (degrees from the
        central meridian at that time, west positive; beyond 90 the region has left the disk since);
        missing where unknown.
    """
    spots = _newest(times, summaries, OLDEST_SUMMARY)
    field = _newest(times, harps, OLDEST_HARP)
    numbered = _newest(times, harps.dropna(subset="harp"), OLDEST_HARP)
    chosen = spots.where(spots["active_region"].notna(), field)
    found = chosen[["active_region"]].assign(harp=numbered["harp"]).astype("Int64")
    return found.assign(longitude=chosen["longitude"].to_numpy("float64"))


def rotated(longitude: np.ndarray, latitude: np.ndarray, duration: np.ndarray) -> np.ndarray:
    """Longitude from the central meridian after some time, as the Sun turns under the Earth.

    Args:
        longitude: degrees, west positive, shape (n,).
        latitude: degrees, shape (n,).
        duration: timedelta64, shape (n,).

    Returns:
        float64 array, degrees, shape (n,); it may pass 90.

    Source:
        Howard, Harvey & Forgach 1990 (doi:10.1007/BF00156795), by sunpy.sun.models.
    """
    from sunpy.sun.models import differential_rotation  # takes a second

    seconds = np.asarray(duration, "timedelta64[ns]") / np.timedelta64(1, "s")
    turned = differential_rotation(
        seconds * units.s, np.asarray(latitude, float) * units.deg, frame_time="synodic"
    )
    return np.asarray(longitude, float) + turned.to_value(units.deg)


def _of_summary(path):
    text = path.read_text(encoding="utf-8", errors="replace")
    issued, spots = region_summary.issued(text), region_summary.spots(text)
    midnight = pd.Timestamp(issued).floor("D")  # "Locations Valid at 30/2400Z"
    row = {"time": issued, "valid": midnight}
    if not spots:
        return row
    largest = max(spots, key=lambda region: region.area)
    place = {"latitude": largest.latitude, "longitude": largest.longitude}
    return row | {"active_region": largest.number} | place


def _of_disk(newest):
    """The largest of the newest records of all regions; nothing where no area is known."""
    areas = newest["AREA_ACR"].dropna()
    if areas.empty:
        return {}
    largest = newest.loc[areas.idxmax()]
    names = ("region", "active_region", "latitude", "longitude")
    return {"time": largest["time"]} | {
        keyword: largest[name] for keyword, name in zip(KEYWORDS, names, strict=True)
    }


def _newest(times, table, oldest):
    """The newest row not later than each time, with the longitude as of that time."""
    asked = pd.DataFrame({"time": np.asarray(times, "datetime64[ns]")})
    asked = asked.sort_values("time", kind="stable").reset_index(names="place")
    found = pd.merge_asof(asked, table, on="time", tolerance=oldest)
    age = found["time"] - found["valid"]
    found["longitude"] = rotated(found["longitude"], found["latitude"], age)
    return found.set_index("place").sort_index()


def _table(rows):
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    return table.sort_values("time", kind="stable", ignore_index=True)
