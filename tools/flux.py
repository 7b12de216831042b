"""GOES X-ray flux, 1-8 Angstrom, from files of several kinds, in W m-2 on the physical scale."""

import pathlib
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from tools import tables

SCALES = ("operational", "physical")
# Operational flux over physical flux, long channel (1-8 A) of GOES 8-15; the short one's is 0.85.
# NOAA, GOES 1-15 XRS science-quality data readme, section on scaling; sunpy issue 5316.
OPERATIONAL_SCALE = 0.7
FIRST_UNSCALED_SATELLITE = 16  # GOES-R: operational and physical are the same
COLUMNS = ["time", "flux", "satellite", "scale", "cadence"]
WAY_OUT = 'Say scale="operational" or scale="physical" (--scale on the command line).'


def to_physical(flux: np.ndarray, scale: str | np.ndarray) -> np.ndarray:
    """Long-channel flux on the physical scale, W m-2.

    Args:
        flux: W m-2, any shape.
        scale: "operational" or "physical", one word or one for each flux.
    """
    return np.asarray(flux) / np.where(np.asarray(scale) == "operational", OPERATIONAL_SCALE, 1.0)


def check_scale(scale: str | None, where: object = "scale") -> str | None:
    """Returns `scale` if it is None or one of `SCALES`.

    Raises:
        ValueError: for any other word.
    """
    if scale is not None and scale not in SCALES:
        raise ValueError(
            f"{where}: no scale {scale!r}. Expected one of {SCALES}. Fluxes of GOES 8-15 as they "
            "were published at the time are operational; reprocessed and GOES-R ones physical."
        )
    return scale


def satellite_name(text: object) -> str:
    """One spelling of a satellite: "G15", "goes15" and "15" are "GOES-15"; none is empty."""
    if pd.isna(text):
        return ""
    number = re.fullmatch(r"(?:g|goes)?[ _-]?0*(\d{1,2})", str(text).strip(), re.IGNORECASE)
    return f"GOES-{number.group(1)}" if number else str(text).strip()


def known_scales(said: pd.Series, satellites: pd.Series, fallback: str | None, path: object):
    """Scale of each row: what the file says, else physical from GOES-16 on, else `fallback`.

    Args:
        said: str or missing, shape (n,).
        satellites: names by `satellite_name`, shape (n,).
        fallback: one of `SCALES`, or None.
        path: the file, for the message.

    Returns:
        Series of str, shape (n,).

    Raises:
        ValueError: if a scale stays unknown, or a word is none of `SCALES`.
    """
    for word in said.dropna().unique():
        check_scale(word, path)
    unscaled = {name for name in satellites.unique() if _number(name) >= FIRST_UNSCALED_SATELLITE}
    scales = said.where(said.notna() | ~satellites.isin(unscaled), "physical")
    scales = scales if fallback is None else scales.fillna(fallback)
    if scales.isna().any():
        raise ValueError(
            f"{path} does not say the scale of its fluxes. Expected a line '# scale: physical', a "
            f"column 'scale', or satellites from GOES-{FIRST_UNSCALED_SATELLITE} on. {WAY_OUT}"
        )
    return scales


def read_flux(
    paths: str | pathlib.Path | Iterable[str | pathlib.Path], scale: str | None = None
) -> pd.DataFrame:
    """Reads long-channel GOES flux series, CSV (`time,flux`), FITS or netCDF, into one table.

    What is missing (empty, NaN, 0, negative, -99999, -9999, flagged as bad) is NaN.
    Duplicates: of rows of one satellite and time, the valid one stays, then that of the file named
    first. Where satellites overlap, the one named first holds, and another's row stays only where
    the first has nothing valid within one cadence.

    Args:
        paths: one file or several; name the primary satellite first.
        scale: "operational" or "physical", for the files that do not say theirs. GOES 8-15 in the
            old FITS form are operational, netCDF files physical.

    Returns:
        Sorted by time: time (datetime64[us], UTC), flux (float64, physical W m-2), satellite (str,
        may be empty), scale (str, that of the flux as given here: "physical"), cadence
        (timedelta64[us], median step of the row's file).

    Raises:
        ValueError: if a file is no flux series, has a time that cannot be read, or a scale that
            nobody says.
        FileNotFoundError: if a file is not there.
    """
    check_scale(scale)
    single = isinstance(paths, str | pathlib.Path)
    files = [_read_file(pathlib.Path(path), scale) for path in ([paths] if single else paths)]
    if not files:
        raise ValueError("No flux file was named. Expected at least one. Received: paths=[].")
    return _without_overlap(pd.concat(files, ignore_index=True))[COLUMNS]


def _read_file(path, scale):
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith((b"SIMPLE", b"\x89HDF")):
        from tools.xrs import read_xrs  # sunpy's readers take seconds to import

        table = read_xrs(path)
    else:
        table = _read_csv(path)
    table["satellite"] = table["satellite"].map(
        {name: satellite_name(name) for name in table["satellite"].unique()}
    )
    scales = known_scales(table["scale"], table["satellite"], scale, path)
    flux = table["flux"].where((table["flux"] > 0) & np.isfinite(table["flux"]))
    table = table.assign(flux=to_physical(flux, scales), scale="physical")
    table = table.sort_values("time", kind="stable", ignore_index=True)
    step = table["time"].drop_duplicates().diff().median()
    cadence = pd.Timedelta(0) if pd.isna(step) else step  # one time alone has none
    return table.assign(cadence=np.timedelta64(cadence.value // 1000, "us"))


def _read_csv(path):
    heading = tables.read_heading(path)
    if not {"time", "flux"} <= set(heading.columns):
        raise ValueError(
            f"{path} is not a flux series. Expected a CSV file with the columns time,flux, a FITS "
            f"or a netCDF file of GOES XRS. Received the header: {','.join(heading.columns)[:120]}."
            " A list of flares goes to --events."
        )
    words = {"time": str, "satellite": str, "scale": str}
    rows = tables.read_rows(heading, dtype=words)
    return pd.DataFrame(
        {
            "time": tables.times(rows["time"], heading),
            "flux": tables.numbers(rows["flux"], heading),
            "satellite": rows.get("satellite", ""),
            "scale": tables.scales(rows, heading),
        }
    )


def _without_overlap(table):
    # The valid row of each satellite and time first; the order of files settles the rest.
    ordered = table.assign(missing=table["flux"].isna()).sort_values(
        ["time", "missing"], kind="stable"
    )
    satellites = table["satellite"].unique()
    kept = None
    for name in satellites:
        rows = ordered[ordered["satellite"] == name].drop_duplicates("time")
        if kept is None:
            kept = rows
            continue
        kept = pd.concat([kept, rows[~_observed(rows, kept)]])
        kept = kept.sort_values(["time", "missing"], kind="stable").drop_duplicates("time")
    return kept.reset_index(drop=True)


def _observed(rows, kept):
    # Whether `kept` holds a valid row within one cadence (the longer of the two) of each of `rows`.
    valid = kept.loc[~kept["missing"], ["time", "cadence"]].rename(columns={"cadence": "other"})
    valid = valid.assign(nearest=valid["time"])
    near = pd.merge_asof(rows[["time", "cadence"]], valid, on="time", direction="nearest")
    reach = near[["cadence", "other"]].max(axis=1)
    return ((near["time"] - near["nearest"]).abs() <= reach).to_numpy()


def _number(satellite):
    digits = re.fullmatch(r"GOES-(\d+)", satellite)
    return int(digits.group(1)) if digits else 0
