"""Magnetic features of active regions -> `side_channel/HMI_features.csv` in the data folder.

    python dataset_models/sdo/download/download_sharp.py --start 2014-01-01 --end 2014-02-01

asks the JSOC for the SHARP keywords and the Lorentz forces of all regions, and writes 25 features
of the whole disk for each hour: those of `side_channels.HAND_TAILORED`, from records not later than
that hour. Without dates it covers the samples of the index. Near-real-time regions are preferred,
definitive ones stand in for times before September 2012, and the column SERIES says which. The
Lorentz forces are those of definitive regions always (FORCES_SERIES). Where HMI saw the disk and it
had no region, totals are 0 and means are empty; that is known 180 days later, and all is empty
before. It takes regions before and after, 10 days apart at most, so which hours without regions are
known tells of regions to come: a model that is given a mask of what is missing may learn that.
`--segments FOLDER` takes SHARP-CEA files on disk instead, and needs no network.

Beside the features stands the largest region of that hour (HARPNUM, NOAA_AR, LAT_FWT, LON_FWT),
which structure_data.py takes into the index. It is a definitive one, for its number lasts: as a
group for splits it may know the region's later life. Where there is none yet, a near-real-time one
stands in, whose HARPNUM stays empty: that series has numbers of its own.

Hours are asked for in every run, since definitive regions and their forces come weeks later, until
they were asked for 180 days or more after their time; `--ask-again` asks for all. Days of which a
series has no record at all are asked for again, too, which may be a fault of the server, until it
has none a week or more after it first had none; the table says which, and since when. Rows that
are not of the JSOC stay. The exit status is 0 where the table has features of any of the hours.
"""

import argparse
import pathlib
import sys

import numpy as np
import pandas as pd
from tqdm import tqdm

from dataset_models.sdo import sharp_keywords
from dataset_models.sdo.download.features_table import (
    add_features,
    features_of_days,
    features_of_segments,
    lacking,
    refuse_rows_of_jsoc,
    settled_times,
)
from dataset_models.sdo.index import read_index
from dataset_models.sdo.side_channels import HMI_FEATURES, read_features
from tools import monthly
from tools.command_line_times import utc_time
from tools.tools import data_folder

DAYS = 10  # of one query
FIRST = pd.Timestamp("2010-05-01")  # of SHARP


def _download(options, path):
    """Asks for what the table lacks, some days at a time; the table is whole in between."""
    settled = settled_times(path)  # refuses another table
    wanted = _wanted_times(options)
    times = wanted if options.ask_again else np.setdiff1d(wanted, settled)
    client = sharp_keywords.jsoc(options.server)
    days = times.astype("datetime64[D]").astype(int) // DAYS
    for day in tqdm(np.unique(days), unit=f"{DAYS} days", disable=None):
        now = monthly.utc_now()
        rows = features_of_days(client, times[days == day], options.cadence, now)
        if len(rows):
            add_features(path, rows)
    _report(lacking(path, wanted), wanted, path)


def _report(lacks, wanted, path):
    """Says what the hours that were asked for lack; refuses where they lack all."""
    if lacks["features"] == len(wanted):
        raise ValueError(
            f"No features came, and {path} has none of that time. Expected records of regions at "
            f"some time from {wanted[0]} to {wanted[-1]} (UTC). Received none: HMI did not "
            "observe, or the JSOC does not have them yet. Name other times with --start and --end."
        )
    for name, count in lacks.items():
        if count:
            print(f"{count} of {len(wanted)} times have no {name}.")


def _take_segments(options, path):
    rows = features_of_segments(options.segments, options.cadence)
    refuse_rows_of_jsoc(path, rows["T_REC"].to_numpy())
    add_features(path, rows)


def _wanted_times(options):
    start, end = options.start, options.end
    if start is None or end is None:
        first, last = _span_of_index()
        start, end = first if start is None else start, last if end is None else end
    if not start < end:
        raise ValueError(
            f"There is no time to fetch. Expected --start before --end. Received: {start}, {end}."
        )
    step = np.timedelta64(options.cadence, "m")
    return np.arange(np.datetime64(start, "ns"), np.datetime64(end, "ns"), step)


def _span_of_index():
    """Full hours around all samples."""
    try:
        held = read_index(data_folder() / "aia")["time"]
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"Without --start and --end the times are those of the index. {error}\n"
            "Or name --start and --end (UTC)."
        ) from error
    return held.min().floor("h"), held.max().floor("h") + pd.Timedelta("1h")


def _check_output(path, is_named):
    """Refuses what cannot become the table, before anything is asked for."""
    if path.is_dir():
        raise ValueError(
            f"{path} is a folder. Expected a CSV file, the table of features. Name one with "
            f"--output, such as {path / 'HMI_features.csv'}."
        )
    if is_named and not path.parent.is_dir():
        raise ValueError(
            f"There is no folder {path.parent}. Expected a file in a folder that is there. "
            f"Received: --output {path}. Make the folder first, or correct --output."
        )


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; 0 where the table holds features of these times afterwards, else 1."""
    options = _options(arguments)
    path = options.output or data_folder() / HMI_FEATURES
    try:
        _check_output(path, options.output is not None)
        if options.segments:
            _take_segments(options, path)
        else:
            _download(options, path)
        held = len(read_features(path))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{held} times in {path}.")
    return 0 if held else 1


def _cadence(text):
    minutes = int(text) if text.isdecimal() else 0
    if minutes < 12 or minutes % 12:
        raise argparse.ArgumentTypeError(f"expected a multiple of 12 minutes, received {text}")
    return minutes


def _time(text):
    time = pd.Timestamp(utc_time(text))
    if not FIRST <= time <= monthly.utc_now():
        span = f"expected a time from {FIRST:%Y-%m-%d}, when SHARP begins, to the present"
        raise argparse.ArgumentTypeError(f"{span}, received {text!r}")
    return time


def _options(arguments):
    parser = _parser()
    options = parser.parse_args(arguments)
    of_jsoc = ("start", "end", "ask_again", "server")
    named = [f"--{name.replace('_', '-')}" for name in of_jsoc if getattr(options, name)]
    if options.segments and named:
        parser.error(f"--segments takes all of its files, and asks nobody: leave out {named}")
    return options


def _parser():
    parser = argparse.ArgumentParser(description="SHARP keywords -> hand-tailored features.")
    add = parser.add_argument
    add("--start", type=_time, help="UTC (default: the first sample of the index)")
    add("--end", type=_time, help="UTC, not included (default: the last sample)")
    add("--cadence", type=_cadence, default=60, metavar="MINUTES", help="of the rows: 12, 24, ...")
    add("--ask-again", action="store_true", help="also for hours that the table holds")
    add("--segments", type=pathlib.Path, help="folder of SHARP-CEA files, instead of the JSOC")
    add("--output", type=pathlib.Path, help=f"CSV (default: {HMI_FEATURES} of the data folder)")
    add("--server", help="address of another jsoc_info, such as http://host/cgi-bin/ajax/")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
