"""The 25 hand-tailored features of the whole disk, from those of its active regions."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from dataset_models.sdo.lorentz_force import normalised_force
from dataset_models.sdo.side_channels import HAND_TAILORED

KEYWORDS = tuple(HAND_TAILORED[:18])  # of SHARP
FORCES = tuple(HAND_TAILORED[18:])  # of the Lorentz force
RATIOS = ("EPSX", "EPSY", "EPSZ")
# ABSNJZH and SAVNCPP are net values of one region each, and enter with their magnitude: a net over
# the disk would let regions cancel that share no field.
SUMS = (
    *("USFLUX", "TOTUSJZ", "TOTUSJH", "ABSNJZH", "SAVNCPP", "TOTPOT", "AREA_ACR"),
    *("TOTBSQ", "TOTFX", "TOTFY", "TOTFZ"),
)
MEANS = tuple(name for name in KEYWORDS if name not in (*SUMS, "R_VALUE"))
# A disk without a region: no flux, and nothing to take a mean of.
SPOTLESS = {name: 0.0 if name in (*SUMS, "R_VALUE") else math.nan for name in HAND_TAILORED}
LIMB = 70.0  # degrees from the central meridian, beyond which magnetograms are unreliable
OLDEST_HOURS = 2.0


def full_disk(
    records: pd.DataFrame,
    times: np.ndarray,
    names: tuple[str, ...] = KEYWORDS,
    oldest_hours: float = OLDEST_HOURS,
) -> pd.DataFrame:
    """Features of the whole disk from the newest record of each region.

    Totals are summed over the regions, means weighted by the number of pixels behind them, R_VALUE
    is the logarithm of the summed flux, and EPSX, EPSY and EPSZ follow from the totals. ABSNJZH and
    SAVNCPP are sums of each region's own magnitude. Where a region lacks a feature, so does the
    disk. Where all regions lie near the limb, totals are zero and means are unknown.

    Args:
        records: rows of `sharp_keywords.query` or `sharp_segments.read_segments`: "time"
            (datetime64, UTC, T_REC), "region" (HARP number), "longitude" (degrees from the central
            meridian, the west positive), "pixels" (CMASK), and `names`.
        times: datetime64 array, shape (n,), UTC.
        names: features to compute, among HAND_TAILORED.
        oldest_hours: age up to which a region's record counts, hours; none later than the time.

    Returns:
        DataFrame with n rows and the columns `names`; NaN where there is no record in time.
    """
    rows = [_disk(newest, names) for newest in newest_records(records, times, oldest_hours)]
    return pd.DataFrame(rows, columns=list(names), dtype="float64")


def newest_records(
    records: pd.DataFrame, times: np.ndarray, oldest_hours: float = OLDEST_HOURS
) -> Iterator[pd.DataFrame]:
    """The newest record of each region, for each time; the arguments are those of `full_disk`."""
    records = records.sort_values("time", kind="stable")
    known = records["time"].to_numpy("datetime64[ns]")
    times = np.asarray(times, "datetime64[ns]")
    oldest = times - pd.Timedelta(hours=oldest_hours).to_timedelta64()
    first, last = np.searchsorted(known, oldest), np.searchsorted(known, times, side="right")
    for a, b in zip(first, last, strict=True):
        yield records.iloc[a:b].drop_duplicates("region", keep="last")


def _disk(newest, names):
    """The features of one time, name -> value."""
    if newest.empty:
        return {}
    visible = newest[newest["longitude"].abs() <= LIMB]
    found = {name: _total(visible, name) for name in names if name in SUMS}
    found |= {name: _mean(visible, name) for name in names if name in MEANS}
    if "R_VALUE" in names:
        found["R_VALUE"] = _flux_near_inversion_lines(visible)
    if set(names) >= {*RATIOS, "TOTBSQ", "TOTFX", "TOTFY", "TOTFZ"}:
        found |= normalised_force(found)
    return found


def _total(regions, name):
    values = regions[name].where(regions["pixels"] != 0, 0.0)  # no pixel, nothing to add
    return values.sum(skipna=False)


def _mean(regions, name):
    """Weighted by the number of pixels that SHARP took the mean of; all are of one area."""
    regions = regions[regions["pixels"] != 0]
    weight = regions["pixels"].sum(skipna=False)
    return (regions[name] * regions["pixels"]).sum(skipna=False) / weight if weight else math.nan


def _flux_near_inversion_lines(regions):
    """R_VALUE of all: log10 of the sum; SHARP writes 0 where a region has none."""
    values = regions["R_VALUE"]
    total = (10.0**values).where(values != 0, 0.0).sum(skipna=False)
    return math.log10(total) if total else 0.0
