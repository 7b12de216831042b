"""Magnetic features of active regions -> `side_channel/HMI_features.csv` in the data folder.

    python dataset_models/sdo/download/download_sharp.py --start 2014-01-01 --end 2014-02-01

asks the JSOC for the SHARP keywords and the Lorentz forces of all regions, and writes 25 features
of the whole disk for each hour: those of `side_channels.HAND_TAILORED`, from records not later than
that hour. Without dates it covers the samples of the index. Near-real-time regions are preferred,
definitive ones stand in for times before September 2012, and the column SERIES says which.
`--segments FOLDER` takes SHARP-CEA files on disk instead, and needs no network.

Beside the features stands the largest region of that hour (HARPNUM, NOAA_AR, LAT_FWT, LON_FWT),
which structure_data.py takes into the index. It is a definitive one, for its number lasts: as a
group for splits it may know the region's later life. Where there is none yet, a near-real-time one
stands in, whose HARPNUM stays empty: that series has numbers of its own. Hours that the table holds
with a HARPNUM are not asked for again; others are, for definitive regions and their forces come
weeks later.
"""

import argparse
import pathlib
import sys

import numpy as np
import pandas as pd
from tqdm import tqdm

from dataset_models.sdo import largest_region, sharp_keywords
from dataset_models.sdo.full_disk_features import FORCES, KEYWORDS, OLDEST_HOURS, full_disk
from dataset_models.sdo.index import read_index
from dataset_models.sdo.sharp_segments import read_segments
from dataset_models.sdo.side_channels import HAND_TAILORED, HMI_FEATURES, read_features
from tools.tools import data_folder, written_whole

DAYS = 10  # of one query
HEADING = """\
# Hand-tailored magnetic features of the whole disk, made by download_sharp.py.
# T_REC: UTC; every region's newest record up to {hours:g} h older, none later, was taken.
# TOTFX, TOTFY, TOTFZ: dyn. Lorentz terms of the JSOC come from definitive boxes (cgem.Lorentz).
# HARPNUM, NOAA_AR, LAT_FWT, LON_FWT: of the largest region; degrees, at T_REC.
# HARPNUM: of the definitive series; empty where the region is a near-real-time one.
"""


def features_of_days(client, times: np.ndarray, cadence_minutes: int) -> pd.DataFrame:
    """The 25 features of the whole disk at some times of a few days, from the JSOC.

    Args:
        client: `drms.Client`.
        times: datetime64 array, shape (n,), UTC, ascending.
        cadence_minutes: of the records that are asked for.

    Returns:
        DataFrame with a row for each time that has records: "T_REC" (datetime64, UTC),
        `HAND_TAILORED`, "SERIES", from which the keywords are, and `largest_region.KEYWORDS`.

    Raises:
        ConnectionError, ValueError: as `sharp_keywords.query`.
    """
    span = times[0] - pd.Timedelta(hours=OLDEST_HOURS).to_timedelta64(), times[-1]
    current = sharp_keywords.query(
        client, sharp_keywords.NEAR_REAL_TIME, *span, cadence_minutes=cadence_minutes
    )
    later = sharp_keywords.query(
        client, sharp_keywords.DEFINITIVE, *span, cadence_minutes=cadence_minutes
    )
    forces = sharp_keywords.query_forces(client, later, *span, cadence_minutes=cadence_minutes)
    features, stand_in = full_disk(current, times), full_disk(later, times)
    lacks = features.isna().all(axis=1)
    features[lacks] = stand_in[lacks]
    features[list(FORCES)] = full_disk(forces, times, FORCES)
    series = np.where(lacks, sharp_keywords.DEFINITIVE, sharp_keywords.NEAR_REAL_TIME)
    return _rows(times, features, series, largest_region.of_series(later, current, times))


def features_of_segments(folder: str | pathlib.Path, cadence_minutes: int) -> pd.DataFrame:
    """The 25 features of the whole disk from SHARP-CEA files on disk.

    Args:
        folder: as `read_segments` takes it. It must hold every region of the disk.
        cadence_minutes: of the rows; they begin with the first record.

    Returns:
        As `features_of_days`; SERIES is "segments".

    Raises:
        FileNotFoundError, ValueError: as `read_segments`.
    """
    records = read_segments(folder)
    step = np.timedelta64(cadence_minutes, "m")
    first, last = records["time"].min().ceil("min"), records["time"].max().ceil("min")
    times = np.arange(first, last + step, step, dtype="datetime64[ns]")
    features = full_disk(records, times, (*KEYWORDS, *FORCES))
    definitive = records["series"] == sharp_keywords.DEFINITIVE
    regions = largest_region.of_series(records[definitive], records[~definitive], times)
    return _rows(times, features, "segments", regions)


def add_features(path: str | pathlib.Path, rows: pd.DataFrame) -> None:
    """Adds rows to the table of features, whole; a row replaces an older one of its time.

    Raises:
        ValueError: what is there is no such table.
    """
    path = pathlib.Path(path)
    if path.is_file():
        read_features(path)  # refuses another table
        before = pd.read_csv(path, comment="#", parse_dates=["T_REC"])
        rows = pd.concat([before, rows], ignore_index=True) if len(before) else rows
    rows = rows.drop_duplicates("T_REC", keep="last").sort_values("T_REC", ignore_index=True)
    text = rows.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S")
    with written_whole(path) as temporary:
        temporary.write_text(HEADING.format(hours=OLDEST_HOURS) + text, encoding="utf-8")


def _rows(times, features, series, regions):
    rows = features[HAND_TAILORED].assign(SERIES=series)
    rows = rows.join(regions)
    rows.insert(0, "T_REC", times)
    return rows[features.notna().any(axis=1)]


def _download(options, path):
    """Asks for what the table lacks, some days at a time; the table is whole in between."""
    times = _wanted_times(options)
    times = np.setdiff1d(times, _held(path))
    client = sharp_keywords.jsoc(options.server)
    days = times.astype("datetime64[D]").astype(int) // DAYS
    for day in tqdm(np.unique(days), unit=f"{DAYS} days", disable=None):
        rows = features_of_days(client, times[days == day], options.cadence)
        if len(rows):
            add_features(path, rows)


def _held(path):
    """Times of the table that need not be asked for."""
    if not path.is_file():
        return []
    table = read_features(path, largest_region.KEYWORDS)
    return table["time"].to_numpy("datetime64[ns]")[table["HARPNUM"].notna()]


def _wanted_times(options):
    start, end = options.start, options.end
    if start is None or end is None:
        held = read_index(data_folder() / "aia")["time"]
        start, end = start or held.min().floor("h"), end or held.max().ceil("h")
    if not pd.Timestamp(start) < pd.Timestamp(end):
        raise ValueError(
            f"There is no time to fetch. Expected --start before --end. Received: {start}, {end}."
        )
    step = np.timedelta64(options.cadence, "m")
    return np.arange(np.datetime64(start, "ns"), np.datetime64(end, "ns"), step)


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; 0 where the table holds features afterwards, else 1."""
    options = _parser().parse_args(arguments)
    path = options.output or data_folder() / HMI_FEATURES
    try:
        if options.segments:
            add_features(path, features_of_segments(options.segments, options.cadence))
        else:
            _download(options, path)
        held = len(read_features(path))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{held} times in {path}.")
    return 0 if held else 1


def _cadence(text):
    minutes = int(text)
    if minutes < 12 or minutes % 12:
        raise argparse.ArgumentTypeError(f"expected a multiple of 12 minutes, received {text}")
    return minutes


def _parser():
    parser = argparse.ArgumentParser(description="SHARP keywords -> hand-tailored features.")
    add = parser.add_argument
    add("--start", type=pd.Timestamp, help="UTC (default: the first sample of the index)")
    add("--end", type=pd.Timestamp, help="UTC, not included (default: the last sample)")
    add("--cadence", type=_cadence, default=60, metavar="MINUTES", help="of the rows: 12, 24, ...")
    add("--segments", type=pathlib.Path, help="folder of SHARP-CEA files, instead of the JSOC")
    add("--output", type=pathlib.Path, help=f"CSV (default: {HMI_FEATURES} of the data folder)")
    add("--server", help="address of another jsoc_info, such as http://host/cgi-bin/ajax/")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
