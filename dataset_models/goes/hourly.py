"""Hourly means of GOES X-ray fluxes, on a grid of whole hours."""

import pathlib

import numpy as np
import pandas as pd
import scipy.io

from tools import tables
from tools.flux import OPERATIONAL_SCALE, check_scale

SHORT_SCALE = 0.85  # operational flux over physical flux, 0.5-4 A; the long channel's is in tools
FLOOR = 1e-9  # W m-2, operational: the short channel shows no smaller flux, so it is no measurement
HALF_BIN = np.timedelta64(30, "m")
COLUMNS = ["time", "flux", "short_flux"]
IDL_NAMES = ("time60out", "low60out", "high60out")


def read_hourly(path: str | pathlib.Path, scale: str = "operational") -> pd.DataFrame:
    """Log fluxes of each whole hour: of the bin that ended in the hour before it.

    Stamps are the centres of the bins. A bin that ends half a minute after the hour counts for the
    next one, so that nothing is known before it was measured.

    Args:
        path: an IDL save file with time60out, low60out (1-8 A) and high60out (0.5-4 A), or a CSV
            file with the columns time,flux,short_flux; W m-2.
        scale: "operational" or "physical", of the fluxes in the file.

    Returns:
        DataFrame indexed by every whole hour, UTC: log_flux (1-8 A) and log_short_flux (0.5-4 A),
        log10 of W m-2 on the physical scale; NaN where unknown (no bin, 0, negative, -99999; at the
        floor of the short channel). coming_log_flux is that of the bin whose centre lies in the
        hour that begins then: what is to be forecast, and nothing to forecast by.

    Raises:
        ValueError: if it is no such file, its times are unsorted or doubled, or the scale unknown.
        FileNotFoundError: if the file is not there.
    """
    path = pathlib.Path(path)
    check_scale(scale, path)
    table = _read_idl(path) if path.suffix in (".dat", ".sav") else _read_csv(path)
    _check_times(table["time"], path)
    factors = (OPERATIONAL_SCALE, SHORT_SCALE) if scale == "operational" else (1.0, 1.0)
    hours = (table["time"] + HALF_BIN).dt.ceil("h")
    short = table["short_flux"].where(table["short_flux"] > FLOOR * (1 + 1e-6))
    series = pd.DataFrame(
        {
            "log_flux": _log(table["flux"] / factors[0]).to_numpy(),
            "log_short_flux": _log(short / factors[1]).to_numpy(),
        },
        index=pd.DatetimeIndex(hours, name="hour"),
    )
    # Where the grid of the bins starts anew after a gap, two bins may end within one hour.
    coming = series["log_flux"].set_axis(table["time"].dt.floor("h")).groupby(level=0).last()
    series = series.groupby(level=0).last().asfreq("h")
    return series.assign(coming_log_flux=coming.reindex(series.index))


def _read_idl(path):
    with path.open("rb") as file:
        saved = scipy.io.readsav(path) if file.read(2) == b"SR" else {}
    lacking = [name for name in IDL_NAMES if name not in saved]
    if lacking:
        raise ValueError(
            f"{path} is not a GOES hourly series. Expected an IDL save file with {IDL_NAMES}, or a "
            f"CSV file with {','.join(COLUMNS)}. Received a file without {lacking}."
        )
    texts = [text.decode() for text in saved["time60out"]]
    # The file's names are those of the photons' energy: "low" is the long wavelength.
    long, short = (saved[name].astype("float64") for name in IDL_NAMES[1:])
    times = pd.to_datetime(texts, format="%d-%b-%y %H:%M:%S.%f")
    return pd.DataFrame({"time": times, "flux": long, "short_flux": short})


def _read_csv(path):
    heading = tables.read_heading(path)
    if not set(COLUMNS) <= set(heading.columns):
        raise ValueError(
            f"{path} is not a GOES hourly series. Expected the columns {','.join(COLUMNS)}. "
            f"Received: {','.join(heading.columns)[:120]}."
        )
    rows = tables.read_rows(heading)
    long, short = (tables.numbers(rows[name], heading) for name in COLUMNS[1:])
    times = tables.times(rows["time"], heading)
    return pd.DataFrame({"time": times, "flux": long, "short_flux": short})


def _check_times(times, path):
    back = times.diff() <= pd.Timedelta(0)
    if back.any():
        row = int(back.to_numpy().argmax())
        raise ValueError(
            f"{path}: the times are unsorted or doubled. Expected each bin once, in order. "
            f"Received: {times[row - 1]}, then {times[row]} (bins {row} and {row + 1}). Sort the "
            "series, and keep one row of each bin."
        )


def _log(flux):
    return np.log10(flux.where(flux > 0))
