"""GOES X-ray flux, 1-8 Angstrom, from files of several kinds, in W m-2 on the physical scale."""

import logging
import pathlib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from tools.flux_cadence import FAST, check_cadences, check_kinds, steps_of
from tools.flux_files import read_file
from tools.primary_satellite import (
    FIRST_UNSCALED_SATELLITE,
    primary_satellite,
    satellite_number,
)
from tools.windows import microseconds

SCALES = ("operational", "physical")
# Operational flux over physical flux, long channel (1-8 A) of GOES 8-15; the short one's is 0.85.
# NOAA, GOES 1-15 XRS science-quality data readme, section on scaling; sunpy issue 5316.
OPERATIONAL_SCALE = 0.7
COLUMNS = ["time", "flux", "satellite", "quality", "scale", "cadence"]
MINUTE = pd.Timedelta("1min")
# W m-2, physical. No flare came near: that of 2003-11-04, which saturated the detectors at X17, is
# put at X45 (Thomson et al. 2005, doi:10.1029/2005JA011008), 6.4e-3 W m-2.
LARGEST = 0.1
WAY_OUT = 'Say scale="operational" or scale="physical" (--scale on the command line).'
_LOG = logging.getLogger(__name__)


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


def known_scales(said: pd.Series, satellites: pd.Series, fallback: str | None, path: object):
    """Scale of each row: what the file says, else physical from GOES-16 on, else `fallback`.

    Args:
        said: str or missing, shape (n,).
        satellites: names by `primary_satellite.satellite_name`, shape (n,).
        fallback: one of `SCALES`, or None.
        path: the file, for the message.

    Returns:
        Series of str, shape (n,).

    Raises:
        ValueError: if a scale stays unknown, or a word is none of `SCALES`.
    """
    for word in said.dropna().unique():
        check_scale(word, path)
    unscaled = [n for n in satellites.unique() if satellite_number(n) >= FIRST_UNSCALED_SATELLITE]
    scales = said.where(said.notna() | ~satellites.isin(unscaled), "physical")
    scales = scales if fallback is None else scales.fillna(fallback)
    if scales.isna().any():
        raise ValueError(
            f"{path} does not say the scale of its fluxes. Expected a line '# scale: physical', a "
            f"column 'scale', or satellites from GOES-{FIRST_UNSCALED_SATELLITE} on. {WAY_OUT}"
        )
    return scales


def read_flux(
    paths: str | pathlib.Path | Iterable[str | pathlib.Path],
    scale: str | None = None,
    minute_means: bool = False,
) -> pd.DataFrame:
    """Reads long-channel GOES flux series into one table; the kinds: `flux_files.read_file`.

    What is missing (empty, NaN, 0, negative, -99999, -9999, flagged as bad) is NaN, and so is what
    lies above `LARGEST` (a log message counts it); a row that is not there is a gap.
    Of satellites that overlap, the one that was primary at the time holds (`primary_satellite`),
    then the one named first; another's row stays only where those have nothing valid nearer than
    one cadence. Of rows of one satellite and time, the valid one stays, then that of the file named
    first.

    Args:
        paths: one file or several.
        scale: "operational" or "physical", for the files that do not say theirs. GOES 8-15 in the
            old FITS form are operational, netCDF files physical.
        minute_means: whether single readings (1 to 3 s) become means of a minute. Without it,
            readings and means together are refused: a reading's peak is higher than a mean's. In
            one file they are refused always, where `flux_cadence.check_kinds` finds them: nobody
            says which row is which.

    Returns:
        Sorted by time: time (datetime64[us], UTC), flux (float64, physical W m-2), satellite (str,
        may be empty), quality (int64, the flags by which the file calls the row bad; 0: none),
        scale (str, that of the flux as given here: "physical"), cadence (timedelta64[us], median
        step of the row's file).

    Raises:
        ValueError: if a file is no flux series, its times are unsorted or doubled, nobody says its
            scale, or the files, or the rows of one, are of different cadences.
        FileNotFoundError: if a file is not there.
    """
    check_scale(scale)
    single = isinstance(paths, str | pathlib.Path)
    paths = [pathlib.Path(path) for path in ([paths] if single else paths)]
    if not paths:
        raise ValueError("No flux file was named. Expected at least one. Received: paths=[].")
    return joined(read_each(paths, scale, minute_means))


def read_each(
    paths: Iterable[pathlib.Path], scale: str | None = None, minute_means: bool = False
) -> dict[pathlib.Path, pd.DataFrame]:
    """Reads flux series as `read_flux` does, each into a table of its own, by its path."""
    files = {path: _physical(read_file(path), path, scale) for path in paths}
    if minute_means:
        return {p: means_of_minutes(file) if _is_fast(file) else file for p, file in files.items()}
    return files


def joined(files: dict[pathlib.Path, pd.DataFrame]) -> pd.DataFrame:
    """One table, as `read_flux` gives it, of one or more that `read_each` gave."""
    check_cadences(files)
    return _without_overlap(pd.concat(files.values(), ignore_index=True))[COLUMNS]


def superseded(rows: pd.DataFrame, table: pd.DataFrame) -> dict[str, int]:
    """How many known fluxes do not count in a table that they were joined to, by satellite.

    Args:
        rows: as `joined` gives it.
        table: what `joined` made of the same files and others.

    Returns:
        Satellite ("unnamed" where nobody named it) -> number of rows; only of those that lost any.
    """
    known = rows.loc[rows["flux"].notna()].groupby("satellite")["time"]
    lost = {
        name or "unnamed": int((~times.isin(table.loc[table["satellite"] == name, "time"])).sum())
        for name, times in known
    }
    return {name: number for name, number in lost.items() if number}


def means_of_minutes(flux: pd.DataFrame) -> pd.DataFrame:
    """Means of the readings of each minute, stamped with its start as NOAA's averages are.

    Args:
        flux: columns as `read_flux` returns them, one cadence.

    Returns:
        The same columns, a row for each minute that has rows. A mean is NaN unless at least half
        of the readings that a minute should hold are valid.
    """
    minute = flux["time"].dt.floor("min")
    groups = flux.assign(time=minute).groupby(["satellite", "time"], sort=False, as_index=False)
    means = groups.agg(mean=("flux", "mean"), valid=("flux", "count"), quality=("quality", "max"))
    enough = means["valid"] >= 0.5 * (MINUTE / flux["cadence"].iloc[0])
    means["flux"] = means["mean"].where(enough)
    return means.assign(
        quality=means["quality"].where(~enough, 0),
        scale="physical",
        cadence=np.timedelta64(60_000_000, "us"),
    )[COLUMNS]


def _physical(table, path, scale):
    scales = known_scales(table["scale"], table["satellite"], scale, path)
    flux = pd.Series(to_physical(table["flux"], scales), table.index)
    above = flux > LARGEST
    if above.any():
        text = "%s: %d of %d fluxes are above %g W m-2. No flare is: they are missing."
        _LOG.warning(text, path, above.sum(), len(flux), LARGEST)
    table = table.assign(flux=flux.where((flux > 0) & ~above), scale="physical")
    check_kinds(table, path)
    if not table["time"].is_monotonic_increasing:  # of several satellites, one after the other
        table = table.sort_values("time", kind="stable", ignore_index=True)
    steps = np.concatenate([np.empty(0), *steps_of(table)])
    cadence = int(np.median(steps)) if len(steps) else 0  # one time alone has none
    return table.assign(cadence=np.timedelta64(cadence, "us"))


def _is_fast(file):
    return len(file) and pd.Timedelta(0) < file["cadence"].iloc[0] < FAST


def _without_overlap(table):
    steps = np.diff(microseconds(table["time"]))
    longest = table["cadence"].max() // pd.Timedelta("1us")
    nearest = max(longest, 1) if table["satellite"].nunique() > 1 else 1
    if (steps >= nearest).all():
        return table  # sorted already, and nothing overlaps
    # The valid row of each satellite and time first; the order of files settles the rest.
    ordered = table.assign(missing=table["flux"].isna()).sort_values(
        ["time", "missing"], kind="stable"
    )
    primary = ordered["satellite"].to_numpy() == primary_satellite(ordered["time"])
    kept = ordered[primary].drop_duplicates("time")
    for name in table["satellite"].unique():
        rows = ordered[~primary & (ordered["satellite"] == name)].drop_duplicates("time")
        if kept.empty:
            kept = rows
        elif len(rows):
            kept = pd.concat([kept, rows[~_observed(rows, kept)]])
            kept = kept.sort_values(["time", "missing"], kind="stable").drop_duplicates("time")
    return kept.reset_index(drop=True)


def _observed(rows, kept):
    # Whether `kept` holds a valid row nearer than one cadence (the longer of the two) to each row.
    valid = kept.loc[~kept["missing"], ["time", "cadence"]].rename(columns={"cadence": "other"})
    valid = valid.assign(nearest=valid["time"])
    near = pd.merge_asof(rows[["time", "cadence"]], valid, on="time", direction="nearest")
    reach = near[["cadence", "other"]].max(axis=1)
    return ((near["time"] - near["nearest"]).abs() < reach).to_numpy()
