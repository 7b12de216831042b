"""Keywords of active regions from the JSOC: SHARP, and the Lorentz forces of CGEM.

A definitive SHARP's box is drawn when the region's whole life is known, and so knows its future; a
near-real-time one (nrt) is drawn on the day. The nrt series begins in September 2012. Both have
their own HARP numbers. CGEM's forces belong to the definitive boxes.

Source:
    Bobra et al. 2014 (doi:10.1007/s11207-014-0529-3); JSOC series information.
"""

import urllib.error

import numpy as np
import pandas as pd
from astropy.time import Time

from dataset_models.sdo.full_disk_features import FORCES, KEYWORDS, RATIOS

NEAR_REAL_TIME = "hmi.sharp_cea_720s_nrt"
NEAR_REAL_TIME_FROM = np.datetime64("2012-10-01", "ns")  # its first whole month
DEFINITIVE = "hmi.sharp_cea_720s"
LORENTZ = "cgem.Lorentz"
FULL_DISK = "hmi.M_720s"  # magnetograms, in which regions are looked for
WORST_QUALITY = 0x10000  # from here on QUALITY says that the observables are not to be trusted
FORCE_UNIT = 1e20  # dyn: CGEM's TOTFX, TOTFY and TOTFZ are multiples of it
NAMES = {  # of SHARP -> here
    "LON_FWT": "longitude",
    "LAT_FWT": "latitude",
    "CMASK": "pixels",
    "NOAA_AR": "active_region",
}
COLUMNS = ("time", "region", *NAMES.values())


def jsoc(address: str | None = None):
    """A `drms.Client` of the JSOC, or of the server at `address` (http://host/cgi-bin/ajax/)."""
    import drms

    if address is None:
        return drms.Client()
    return drms.Client(
        drms.ServerConfig(name="given", cgi_baseurl=address, cgi_jsoc_info="jsoc_info")
    )


def query(
    client, series: str, start, end, cadence_minutes: int = 60
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records of all regions in a time range whose QUALITY is good and whose place is known.

    Args:
        client: `drms.Client`.
        series: `NEAR_REAL_TIME` or `DEFINITIVE`.
        start: datetime64, UTC; the whole TAI day of it is asked for.
        end: datetime64, UTC; likewise.
        cadence_minutes: a multiple of 12, the cadence of the series.

    Returns:
        DataFrame in the order of time: "time" (datetime64, UTC, T_REC), "region" (HARP number),
        "longitude" and "latitude" (LON_FWT and LAT_FWT, degrees), "pixels" (CMASK),
        "active_region" (NOAA_AR, 0 where NOAA gave no number), and the 18 SHARP keywords; NaN where
        missing. And "time" and "region" of all records, good or not.

    Raises:
        ConnectionError: the server cannot be reached.
        ValueError: it refuses the query, or answers with something else.
    """
    names = (*NAMES, *KEYWORDS)
    answer = _asked(client, series, start, end, cadence_minutes, names)
    found = _numbers(answer, names).rename(columns=NAMES).dropna(subset=["longitude"])
    seen = pd.DataFrame({"time": utc(answer["T_REC"]), "region": answer["HARPNUM"]})
    return found[[*COLUMNS, *KEYWORDS]], seen


def query_forces(client, regions: pd.DataFrame, start, end, cadence_minutes: int = 60):
    """Lorentz forces of the regions of the definitive series.

    Args:
        client: `drms.Client`.
        regions: what `query` gave of `DEFINITIVE`; the forces get their place from there.
        start: datetime64, UTC.
        end: datetime64, UTC.
        cadence_minutes: as for `query`.

    Returns:
        `regions` with the seven forces instead of the keywords, dyn and G2; NaN where CGEM has no
        record of a region.

    Raises:
        ConnectionError, ValueError: as `query`.
    """
    names = tuple(name for name in FORCES if name not in RATIOS)
    found = _numbers(_asked(client, LORENTZ, start, end, cadence_minutes, names), names)
    forces = [name for name in names if name != "TOTBSQ"]
    found[forces] *= FORCE_UNIT
    place = regions[list(COLUMNS)]
    return place.merge(found, how="left", on=["time", "region"], validate="one_to_one")


def query_full_disk(client, start, end, cadence_minutes: int = 60) -> np.ndarray:
    """Times of the magnetograms of the full disk whose QUALITY is good.

    Args:
        client: `drms.Client`.
        start: datetime64, UTC; the whole TAI day of it is asked for.
        end: datetime64, UTC; likewise.
        cadence_minutes: as for `query`.

    Returns:
        datetime64 array in ns, shape (n,), UTC, T_REC, ascending.

    Raises:
        ConnectionError, ValueError: as `query`.
    """
    span = _span(start, end, cadence_minutes)
    table = _answer(client, f"{FULL_DISK}[{span}]", ["T_REC", "QUALITY"])
    return np.unique(utc(table["T_REC"][table["QUALITY"].map(is_good).astype(bool)]))


def is_good(quality: object) -> bool:
    """Whether a QUALITY lets one trust the observables; False where it is no number.

    Args:
        quality: int, or text such as 0x00000400; bit 31, of a record without data, may make it
            negative.
    """
    try:
        return 0 <= int(str(quality), 0) < WORST_QUALITY
    except ValueError:  # MISSING, or nothing
        return False


def _asked(client, series, start, end, cadence_minutes, names):
    """The JSOC's table of records of regions."""
    records = f"{series}[][{_span(start, end, cadence_minutes)}]"
    return _answer(client, records, ["HARPNUM", "T_REC", "QUALITY", *names])


def _answer(client, records, keys):
    """The JSOC's table of texts, a column for each of `keys`."""
    try:
        table = client.query(records, key=keys, convert_numeric=False)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise ConnectionError(
            f"The JSOC could not be reached for {records}: {error}. Expected an answer from "
            "jsoc.stanford.edu. Run the same command again where there is a network; what was "
            "fetched before is kept."
        ) from error
    except Exception as error:  # of drms, or of an answer that is no JSON
        raise ValueError(
            f"The JSOC gave no records of {records}. Expected a table of keywords. "
            f"Received: {' '.join(str(error).split())}. See http://jsoc.stanford.edu for the state "
            "of its services."
        ) from error
    return table.reindex(columns=keys)


def _span(start, end, cadence_minutes):
    return f"{_tai_day(start)}-{_tai_day(end, 1)}@{cadence_minutes}m"


def _tai_day(time, later=0):
    day = Time(np.datetime64(time, "ns"), scale="utc").tai.datetime64.astype("datetime64[D]")
    return f"{str(day + later).replace('-', '.')}_00:00:00_TAI"


def _numbers(table, names):
    """Good records: "time", "region" and `names`; what is MISSING, or not finite, is NaN."""
    good = table["QUALITY"].map(is_good).astype(bool)
    table = table[good].drop_duplicates(["HARPNUM", "T_REC"], keep="last")
    numbers = table[list(names)].apply(pd.to_numeric, errors="coerce").astype("float64")
    numbers = numbers.where(np.isfinite(numbers))
    numbers.insert(0, "time", utc(table["T_REC"]))
    numbers.insert(1, "region", table["HARPNUM"].astype("int64"))
    return numbers.sort_values(["time", "region"], ignore_index=True)


def utc(stamps) -> np.ndarray:
    """datetime64 in ns, UTC, of texts such as 2014.01.01_00:00:00_TAI."""
    plain = pd.Series(stamps, dtype="str").str.removesuffix("_TAI").str.replace("_", "T")
    times = plain.str.replace(".", "-", n=2).to_numpy("datetime64[ns]")
    if not len(times):
        return times
    return Time(times, scale="tai").utc.datetime64.astype("datetime64[ns]")
