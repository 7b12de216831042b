"""Downloads images of SDO/AIA from the synoptic archive, and says how their times were chosen.

    python dataset_models/sdo/download/download_aia.py --dry-run
    python dataset_models/sdo/download/download_aia.py
    python dataset_models/sdo/download/download_aia.py --start 2017-09-01 --end 2017-10-01 --cadence 60
    python dataset_models/sdo/download/download_aia.py --verify

Without arguments: flare cases, an image 12 hours before the peak of each flare of C1.0 or above
(by the class that was published), and for each of them a quiet time within 27 days: without such a
flare from 12 hours before to 24 hours after it, so that quiet does not mean solar minimum. All lie
on a grid of 12 minutes. --start and --end narrow that down; with --cadence they ask for a regular
series instead, which validation and test need. The flare list is fetched and kept in flares/,
unless --flares names one.

The files go to aia/raw in the data folder, with a record of each in aia/raw/manifest.sqlite; how
each time was chosen, and with what probability, to aia/chosen.csv, which structure_data.py reads.
A file that is there is not fetched again: the same command goes on where it was stopped. The exit
status is 0 if all that was asked for is there. aia/not_downloaded.csv lists every file that was
ever asked for and did not come.
"""  # noqa: E501  a command to copy stays on one line

import csv
import pathlib
import sys

import numpy as np

from dataset_models.sdo.download import choosing, manifest, options
from dataset_models.sdo.download.archive import ARCHIVES
from dataset_models.sdo.download.chosen import write_chosen
from dataset_models.sdo.download.fetch import fetch
from dataset_models.sdo.download.manifest import Manifest
from dataset_models.sdo.download.plan import make_plan
from dataset_models.sdo.download.upkeep import repair, verify
from dataset_models.synthetic.embedded_sample import is_synthetic
from tools.events import read_events
from tools.flare_list import fetch_flares
from tools.tools import data_folder, written_whole

# sunpy's AIASynopsisClient is not used. It finds files by reading the page of every hour's folder
# that a range touches: for scattered times, or an image an hour, as many pages as times, to learn
# names that time and channel already tell. (The pages also tell what is absent; so does a 404.)
# And what it downloads is neither resumed nor checked.

NOT_THERE = "not_downloaded.csv"
SAID = {
    choosing.FLARE: "flare cases",
    choosing.QUIET: "matched quiet times",
    choosing.REGULAR: "at a regular cadence",
}


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; 0 where all that was asked for is there, else 1."""
    asked = options.parser(__doc__).parse_args(arguments)
    folder = data_folder()
    aia = folder / "aia" / "nrt" if asked.nrt else folder / "aia"  # quick-look images stay apart
    try:
        _refuse_synthetic(folder)
        options.complete(asked)
        if asked.verify or asked.repair:
            return _maintain(asked, aia)
        return _download(asked, aia, _choice(asked, folder))
    except (OSError, ValueError) as error:
        print(_explained(error, folder), file=sys.stderr)
    except KeyboardInterrupt:
        print("Stopped. What came is kept: the same command goes on from there.", file=sys.stderr)
    return 1


def _explained(error, folder):
    if getattr(error, "errno", None) is None or isinstance(error, FileNotFoundError):
        return error  # in words already
    return (
        f"{error}. Expected the data folder {folder} to have free space, and this user to be "
        "allowed to write there. What came is kept: make room and run again, or set FLARENET_DATA "
        "to another folder."
    )


def _refuse_synthetic(folder):
    if is_synthetic(folder):
        raise ValueError(
            f"{folder} holds the embedded sample, which is synthetic: observed images do not go "
            "among those. Expected another data folder. Set FLARENET_DATA to one."
        )


def _maintain(asked, aia):
    if asked.repair:
        summary = repair(aia / "raw", _archives(asked), asked.jobs)
        print(summary)
        return 0 if summary.complete else 1
    findings = verify(aia / "raw")
    print(findings)
    return 0 if findings.sound else 1


def _archives(asked):
    branch = "/nrt/" if asked.nrt else "/"
    return tuple(f"{url.rstrip('/')}{branch}" for url in (*asked.archive, *ARCHIVES))


def _choice(asked, folder):
    if asked.cadence:
        return choosing.regular_series(asked.start, asked.end, asked.cadence, asked.limit)
    return choosing.case_control(
        _events(asked, folder),
        asked.start,
        asked.end,
        asked.offset_minutes,
        asked.limit,
        asked.seed,
        asked.quiet_hours,
    )


def _events(asked, folder):
    if asked.flares:
        return _read_flares(asked.flares, asked.scale)
    before, after = (np.timedelta64(round(60 * hours), "m") for hours in asked.quiet_hours)
    ahead = max(after, np.timedelta64(asked.offset_minutes + choosing.GRID_MINUTES, "m"))
    last = min(asked.end + ahead, options.now())
    return read_events(fetch_flares(folder / "flares", asked.start - before, last))


def _read_flares(paths, scale):
    try:
        return read_events(paths, scale)
    except OSError as error:
        raise ValueError(
            f"The flare list {error.filename} cannot be read: {error.strerror}. Expected a file "
            "that is there, and that this user may read. Name one with --flares."
        ) from error


def _download(asked, aia, table):
    slots = table["slot"].to_numpy("datetime64[m]")
    wanted = [(slot, channel) for slot in slots for channel in asked.channels]
    print(_described(table, asked.channels))
    raw, archives = aia / "raw", _archives(asked)
    print(make_plan(wanted, raw, archives, asked.ask_again), flush=True)
    if asked.dry_run:
        return 0
    with Manifest(raw / manifest.NAME):  # what cannot be fetched is not entered as chosen
        write_chosen(aia, table)
    summary = fetch(wanted, raw, archives, asked.jobs, ask_again=asked.ask_again)
    _list_problems(aia / NOT_THERE, raw / manifest.NAME)
    print(summary)
    print(_next_step(asked, aia, summary))
    return 0 if summary.complete else 1


def _described(table, channels):
    counts = table["sampling"].value_counts()
    times = ", ".join(f"{counts[name]} {SAID[name]}" for name in sorted(counts.index))
    first, last = (f"{edge:%Y-%m-%dT%H:%M}" for edge in (table["slot"].min(), table["slot"].max()))
    text = f"Times from {first} to {last}: {times}. Channels: {', '.join(map(str, channels))}."
    lacking = counts.get(choosing.FLARE, 0) - counts.get(choosing.QUIET, 0)
    if lacking > 0:
        text += (
            f"\n{lacking} fewer quiet times than flare cases: several cases drew the same one, or "
            "none is left within 27 days of a case."
        )
    return text


def _list_problems(path: pathlib.Path, of: pathlib.Path):
    """Lists what the manifest `of` knows not to have come: also what other runs asked for."""
    with (
        Manifest(of) as known,
        known.not_there() as problems,
        written_whole(path) as temporary,
        temporary.open("w", newline="") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(["path", "status", "error"])
        rows.writerows((one.path, one.status, one.error) for one in problems)


def _next_step(asked, aia, summary):
    lines = [] if summary.complete else [f"{aia / NOT_THERE} lists all files that are not there."]
    script = "python dataset_models/sdo/structure_data.py"
    if asked.nrt:
        script += f" --raw {aia / 'raw'} --output {aia} --mode near_real_time"
    return "\n".join([*lines, f"Next: {script}"])


if __name__ == "__main__":
    raise SystemExit(main())
