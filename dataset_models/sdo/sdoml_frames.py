"""What every frame of SDOML has in common: channels, units, geometry, times, and broken pixels.

Sources, beside Galvez et al. 2019 (ApJS 242, 7, doi:10.3847/1538-4365/ab1005): the scripts that
made the files, in the repositories SDOML/SDOML (version 1) and SDOML/SDOMLv2 (version 2).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from astropy.time import Time

WAVELENGTHS = (94, 131, 171, 193, 211, 304, 335, 1600, 1700)  # AIA, Angstrom
FIELDS = ("Bx", "By", "Bz")  # HMI, G: westward, northward, towards the observer
CHANNELS = (*WAVELENGTHS, *FIELDS)
CADENCE_MINUTES = 6  # of AIA; HMI has a frame each 12 min
TOLERANCE = np.timedelta64(120, "s")  # from a frame to its slot; AIA: 1 to 12 s on 2014-01-01
SOLAR_RADIUS = 976.0  # arcsec: every Sun was scaled to it, about the centre of the image
FIELD_OF_VIEW = 2457.6  # arcsec on a side, of that Sun: 4.8 in each of 512 pixels
# A pixel of the synoptic archive is the mean of 4 x 4 original ones. Version 1 has the sum of
# 2 x 2 of those (aia_fits_to_np.py), version 2 the mean (aia_fits_to_zarr.py); HMI means in both.
VERSION_1_SUMMED = 4
# The makers divide by an interpolated mask plus 1e-8, which makes invalid pixels up to 1e8 times
# too large. AIA: above a saturated pixel (16383 DN) of 0.1 s in a channel that has lost 98 % of its
# throughput, 8.2e6 DN/s. HMI: the strongest fields of sunspots are near 6000 G.
LARGEST = dict.fromkeys(WAVELENGTHS, 1e7) | dict.fromkeys(FIELDS, 1e4)
BLANK_FIELD = 0.0  # where HMI saw no disk; on the disk no field is exactly 0


def physical(plane: np.ndarray, channel: int | str, summed: int = 1) -> np.ndarray:
    """A frame as it lies in the files -> float32 in physical units, NaN where it is missing.

    Args:
        plane: shape (height, width), of any float type.
        channel: one of `CHANNELS`.
        summed: number of pixels that AIA's values are the sum of.

    Returns:
        DN/s per original 0.6 arcsec pixel, corrected for exposure and degradation by the makers
        (AIA; they set negative pixels to 0), or G (HMI). What is infinite, or beyond `LARGEST`, is
        missing, and so is HMI's sky, which the files fill with `BLANK_FIELD`.
    """
    values = np.asarray(plane).astype("float32")  # some files of version 1 hold float16
    if channel in FIELDS:
        missing = values == BLANK_FIELD
    else:
        values /= np.float32(summed)
        missing = np.zeros(values.shape, bool)
    missing |= ~(np.abs(values) <= LARGEST[channel])
    values[missing] = np.nan
    return values


def problem(plane: np.ndarray) -> str:
    """Why a frame in physical units is no image, such as "every pixel is 0"; "" where it is one."""
    if plane.ndim != 2 or plane.shape[0] != plane.shape[1]:
        return f"the shape is {plane.shape}, not a square"
    low, high = np.fmin.reduce(plane, axis=None), np.fmax.reduce(plane, axis=None)
    if np.isnan(low):
        return "no pixel is valid"
    return f"every pixel is {low:g}" if low == high else ""


def utc_times(texts: Sequence) -> np.ndarray:
    """Times of header cards, as AIA and as HMI write them.

    Args:
        texts: 2010-08-28T00:00:08.57Z (UTC) or 2010.05.01_00:12:04_TAI; anything else is no time.

    Returns:
        datetime64[ns] array, shape (n,), UTC, NaT where there is no time.
    """
    words = pd.Series(list(texts), dtype=object).astype("str").str.strip()
    plain = words.str.removesuffix("_TAI").str.replace(
        r"^(\d{4})\.(\d\d)\.(\d\d)_", r"\1-\2-\3T", regex=True
    )
    times = pd.to_datetime(plain, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    times = times.to_numpy("datetime64[ns]").copy()
    is_tai = words.str.endswith("_TAI").to_numpy(bool) & ~np.isnat(times)
    if is_tai.any():
        times[is_tai] = Time(times[is_tai], scale="tai").utc.datetime64
    return times


def join(frames: pd.DataFrame, channels: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """Which frame of each channel belongs to each slot of six minutes.

    A slot takes the nearest frame of a channel within `TOLERANCE`, the first listed of two that
    are equally near; a channel without one is missing there, and no other frame steps in.

    Args:
        frames: DataFrame with "channel" and "time" (UTC), in any order.
        channels: which, in the order that is wanted.

    Returns:
        Slots with a frame of any channel, datetime64[ns] array, shape (n,), ascending; and
        positions in `frames`, int array, shape (n, channel), -1 where missing.
    """
    step = np.timedelta64(CADENCE_MINUTES * 60_000_000_000, "ns")
    times = frames["time"].to_numpy("datetime64[ns]")
    slots = (times.astype("int64") + step.astype("int64") // 2) // step.astype("int64") * step
    slots = slots.astype("datetime64[ns]")
    table = pd.DataFrame(
        {
            "slot": slots,
            "column": pd.Index(channels, dtype=object).get_indexer(frames["channel"]),
            "distance": np.abs(times - slots),
            "row": np.arange(len(frames)),
        }
    )
    table = table[(table["column"] >= 0) & (table["distance"] <= TOLERANCE)]
    table = table.sort_values("distance", kind="stable").drop_duplicates(["slot", "column"])
    found, row = np.unique(table["slot"].to_numpy("datetime64[ns]"), return_inverse=True)
    rows = np.full((len(found), len(channels)), -1)
    rows[row, table["column"]] = table["row"]
    return found, rows
