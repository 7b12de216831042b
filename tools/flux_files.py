"""One file of GOES X-ray flux, of whatever kind, as a table on the file's own scale."""

import gzip
import mmap
import pathlib
import shutil
import tempfile

import numpy as np
import pandas as pd

from tools import tables
from tools.primary_satellite import KNOWN, satellite_name

LONG_CHANNEL = "0.1-0.8nm"  # 1-8 A, as SWPC's files write it
COLUMNS = ["time", "flux", "satellite", "quality", "scale"]


def read_file(path: pathlib.Path) -> pd.DataFrame:
    """Reads the long channel of one flux file: CSV, Feather, FITS or netCDF, also gzipped.

    Args:
        path: a CSV file with the columns time,flux (satellite, quality, scale where present), one
            of SWPC's with time_tag,satellite,flux,energy, a Feather file that
            `tools.goes_archive` wrote, or FITS or netCDF of GOES XRS.

    Returns:
        As in the file: time (datetime64[us], UTC), flux (float64, W m-2, NaN where the file calls
        it bad), satellite (str), quality (int64, the flags by which it is bad; 0: none), scale
        (str, missing where the file does not say it).

    Raises:
        ValueError: if it is no flux series, an empty one, or one with times unsorted or doubled.
        FileNotFoundError: if the file is not there.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"\x1f\x8b"):
        return _read_gzip(path)
    if start.startswith((b"SIMPLE", b"\x89HDF")):
        from tools.xrs import read_xrs  # sunpy's readers take seconds to import

        table = read_xrs(path)
    else:
        table = _read_feather(path) if start.startswith(b"ARROW1") else _read_csv(path)
    if table.empty:
        raise ValueError(
            f"{path} holds no flux of the long channel. Expected a row at least; of SWPC's files "
            f"one with energy {LONG_CHANNEL}. Fetch it anew, or leave it out."
        )
    names = table["satellite"].fillna("").astype(str)
    table["satellite"] = names.map({name: satellite_name(name) for name in names.unique()})
    _check_times(table, path)
    return table[COLUMNS]


def _read_gzip(path):
    with tempfile.TemporaryDirectory() as folder:
        unpacked = pathlib.Path(folder) / path.name.removesuffix(".gz")
        try:
            with gzip.open(path) as packed, unpacked.open("wb") as file:
                shutil.copyfileobj(packed, file)
        except (EOFError, OSError) as error:  # BadGzipFile is an OSError
            raise ValueError(
                f"{path} cannot be unpacked. Expected a whole gzip file. Received: {error}. "
                "Fetch it anew."
            ) from error
        try:
            return read_file(unpacked)
        except ValueError as error:
            raise ValueError(str(error).replace(str(unpacked), str(path))) from error


def _read_feather(path):
    try:
        table = pd.read_feather(path)
    except (ValueError, OSError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise ValueError(
            f"{path} is damaged. Expected a whole Feather file. Received: {error}. Delete it; what "
            "was fetched is fetched again."
        ) from error
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ValueError(
            f"{path} is not a flux series. Expected the columns {','.join(COLUMNS)}. Received: "
            f"{','.join(map(str, table.columns))[:120]}. Delete it; what was fetched is fetched "
            "again."
        )
    return table


def _read_csv(path):
    heading = tables.read_heading(path)
    _refuse_bytes(path)
    columns = set(heading.columns)
    swpc = {"time_tag", "flux", "energy"} <= columns
    if not swpc and not {"time", "flux"} <= columns:
        raise ValueError(
            f"{path} is not a flux series. Expected a CSV file with the columns time,flux, a FITS "
            f"or a netCDF file of GOES XRS. Received the header: {','.join(heading.columns)[:120]}."
            " A list of flares goes to --events."
        )
    time = "time_tag" if swpc else "time"
    words = dict.fromkeys((time, "satellite", "scale", "energy"), str)
    try:
        rows = tables.read_rows(heading, dtype=words)
    except UnicodeDecodeError as error:
        raise ValueError(_no_text(path, f"bytes that are not UTF-8 ({error.reason})")) from None
    if swpc:
        rows = rows[rows["energy"] == LONG_CHANNEL]
    if "satellite" in rows:
        _refuse_satellites(rows["satellite"], heading)
    return _flagged(rows, heading, time)


def _refuse_bytes(path):
    # Files whose writing was cut short may end in NULs, which pandas reads as text.
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = content.find(b"\0")
        if place >= 0:
            line = content[:place].count(b"\n") + 1
            raise ValueError(_no_text(path, f"a NUL byte in line {line}"))


def _no_text(path, received):
    return (
        f"{path} is not a text table. Expected a CSV file with the columns time,flux, in UTF-8. "
        f"Received: {received}. Fetch or write the file anew."
    )


def _refuse_satellites(names, heading):
    unknown = []
    for name in names.unique():
        try:
            satellite_name(name)
        except ValueError:
            unknown.append(name)
    tables.refuse_rows(names.isin(unknown), names, heading, KNOWN)


def _flagged(rows, heading, time):
    quality = tables.numbers(rows["quality"], heading).fillna(0) if "quality" in rows else 0
    table = pd.DataFrame(
        {
            "time": tables.times(rows[time], heading),
            "flux": tables.numbers(rows["flux"], heading),
            "satellite": rows.get("satellite", ""),
            "scale": tables.scales(rows, heading),
        }
    ).assign(quality=quality)
    table["quality"] = table["quality"].astype(np.int64)
    return table.assign(flux=table["flux"].where(table["quality"] == 0))


def _check_times(table, path):
    if table["time"].is_monotonic_increasing and table["time"].is_unique:
        return
    for name, times in table.groupby("satellite", sort=False, dropna=False)["time"]:
        back = times.diff() <= pd.Timedelta(0)
        if back.any():
            row = int(back.to_numpy().argmax())
            raise ValueError(
                f"{path}: the times are unsorted or doubled. Expected each time of a satellite "
                f"once, in order. Received: {times.iloc[row - 1]}, then {times.iloc[row]} "
                f"({name or 'no satellite named'}, rows {row} and {row + 1}). Sort the series, "
                "keep one row of each time, and find out how it came about."
            )
