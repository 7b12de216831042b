"""NOAA's daily Solar Region Summaries -> `srs/yyyymmddSRS.txt` in the data folder.

    python dataset_models/sdo/download/download_srs.py --start 2010-05-13 --end 2014-01-02
    python dataset_models/sdo/download/download_srs.py

The second fetches what the samples of the index need: the days from two days before the first one
on. structure_data.py then writes number and longitude of the largest region into the index.

A summary is issued at about 00:30 UTC, and shows the regions as they stood when that day began. One
that is there is not fetched again: the same command goes on where it was stopped. Days that did not
come are in `srs/not_downloaded.csv`; those that the archive lacks are asked for again until 90 days
have passed. The exit status is 0 if each day is there or absent from the archive.
"""

import argparse
import pathlib
import sys

import pandas as pd

from dataset_models.sdo.download.archive import refuse_wrong_addresses
from dataset_models.sdo.download.fetch_summaries import NOT_DOWNLOADED, fetch_summaries
from dataset_models.sdo.download.region_summaries import ARCHIVE, FIRST_DAY
from dataset_models.sdo.index import read_index
from dataset_models.sdo.largest_region import OLDEST_SUMMARY, SUMMARIES
from tools import monthly
from tools.tools import data_folder

SHOWN = 10  # days that did not come, in print; the file has all


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; 0 where each day is there or absent from the archive, else 1."""
    options = _parser().parse_args(arguments)
    folder = options.output or data_folder() / SUMMARIES
    try:
        refuse_wrong_addresses((options.server,))
        days = _wanted_days(options.start, options.end)
        table = fetch_summaries(folder, days, options.server, ask_again=options.ask_again)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What came is kept: the same command goes on from there.", file=sys.stderr)
        return 1
    print(report(table, folder))
    there = table["status"].isin(["here", "came"]).any()
    return 0 if there and not (table["status"] == "failed").any() else 1


def report(table: pd.DataFrame, folder: pathlib.Path) -> str:
    """What became of the days that were asked for.

    Args:
        table: of `fetch_summaries`.
        folder: of the summaries.
    """
    count = table["status"].value_counts()
    here, came, absent, failed = (
        count.get(name, 0) for name in ("here", "came", "absent", "failed")
    )
    lines = [
        f"{here + came} of {len(table)} days are in {folder}: {came} came now, {here} were there "
        "before."
    ]
    problems = table[table["status"].isin(["absent", "failed"])]
    if len(problems):
        lines.append(
            f"Not there: {absent} absent from the archive, {failed} failed; "
            f"{folder / NOT_DOWNLOADED} lists all."
        )
    shown = problems.head(SHOWN).itertuples()
    lines += [f"    {row.day:%Y-%m-%d}: {row.status}, {row.reason}" for row in shown]
    return "\n".join(lines)


def _wanted_days(start, end):
    """Each day from the start to the end, both included."""
    if start is None or end is None:
        held = read_index(data_folder() / "aia")["time"]
        start = (held.min() - OLDEST_SUMMARY).floor("D") if start is None else start
        end = held.max().floor("D") if end is None else end
    today = monthly.utc_now().floor("D")
    if not FIRST_DAY <= start <= end <= today:
        raise ValueError(
            f"There are no summaries of that range. Expected a start from {FIRST_DAY:%Y-%m-%d} on, "
            f"and an end not before it, up to today, {today:%Y-%m-%d}. Received: "
            f"{start:%Y-%m-%d} to {end:%Y-%m-%d}. Correct --start and --end (UTC)."
        )
    return pd.date_range(start, end, freq="D")


def _day(text):
    try:
        return pd.to_datetime(text, format="%Y-%m-%d")
    except ValueError:
        wanted = "expected a day (UTC) such as 2014-01-01"
        raise argparse.ArgumentTypeError(f"{wanted}, received {text!r}") from None


def _parser():
    summary, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--start", type=_day, metavar="DAY", help="UTC (default: two before the first sample's)")
    add("--end", type=_day, metavar="DAY", help="UTC, included (default: the last sample's)")
    add("--ask-again", action="store_true", help="also for days that are absent for good")
    add("--output", type=pathlib.Path, metavar="FOLDER", help="(default: srs of the data folder)")
    add("--server", default=ARCHIVE, metavar="URL", help="another archive of the same layout")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
