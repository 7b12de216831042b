"""GOES XRS files in FITS and netCDF, by way of sunpy's reader."""

import pathlib
import warnings

import h5netcdf
import numpy as np
import pandas as pd
from sunpy.timeseries import TimeSeries
from sunpy.util.exceptions import SunpyUserWarning


def read_xrs(path: pathlib.Path) -> pd.DataFrame:
    """Reads the long channel of one GOES XRS file; rows flagged as bad are NaN.

    Returns:
        Rows of time (datetime64[us], UTC), flux (float64, W m-2, on the file's own scale),
        satellite (str), quality (int64, the flags that call the row bad; 0: none), scale
        (str: netCDF is physical, FITS of a known satellite operational, else missing).

    Raises:
        ValueError: if sunpy finds no XRS series in the file, or the series is empty.
    """
    series = _time_series(path)
    data = series.to_dataframe()
    if data.empty:
        raise ValueError(f"{path} holds no rows. Expected a GOES XRS series. Fetch it anew.")
    fits_scale = "operational" if series.observatory else None
    physical = "xrsb_quality" in data  # sunpy gives the flags of the netCDF files alone
    flux = data["xrsb"].astype(np.float64)
    flags = data["xrsb_quality"].astype(np.int64) & _bad_bits(path) if physical else 0
    quality = np.broadcast_to(np.asarray(flags, np.int64), len(data))
    return pd.DataFrame(
        {
            "time": data.index.astype("datetime64[us]"),
            "flux": flux.where(quality == 0).to_numpy(),
            "satellite": series.observatory or "",
            "quality": quality,
            "scale": "physical" if physical else fits_scale,
        }
    )


def _time_series(path):
    with warnings.catch_warnings():
        # sunpy's reader sorts in a way that pandas deprecates, and warns of metadata it lacks.
        warnings.filterwarnings("ignore", message="The inplace keyword")
        warnings.simplefilter("ignore", SunpyUserWarning)
        try:
            return TimeSeries(str(path), source="XRS")
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError) as error:
            raise ValueError(
                f"{path} is not a flux series. Expected FITS or netCDF of GOES XRS, as NOAA gives "
                f"it. sunpy's reader says: {error}. Fetch it anew, or leave it out."
            ) from error


def _bad_bits(path):
    # The mask that the file itself gives for "good_data": in the 1-minute averages, for one, the
    # upper bits tell only how electrons were corrected for.
    with h5netcdf.File(path, "r") as file:
        names = [name for name in ("b_flags", "xrsb_flags", "xrsb_flag") if name in file.variables]
        attributes = file.variables[names[0]].attrs
        meanings = _text(attributes.get("flag_meanings", "")).split()
        masks = np.atleast_1d(attributes.get("flag_masks", []))
    if "good_data" in meanings and len(masks) == len(meanings):
        return int(masks[meanings.index("good_data")])
    return -1  # every bit


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)
