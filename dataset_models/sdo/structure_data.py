"""Files of the AIA archive -> the sample store and its index.

    python dataset_models/sdo/structure_data.py

takes every file below `aia/raw` in the data folder, puts what is good into `aia/store` and
`aia/index.feather`, and lists the rest, each with its reason, in `aia/rejected.csv`. It goes on
where it stopped when it is run again; `--jobs N` shares the work among N processes.

How each time was chosen, and with what probability, comes from `chosen.csv` beside the raw files,
which download_aia.py writes; a time that is not in it is of a regular cadence. The largest active
region of each time and its longitude come from NOAA's daily Solar Region Summaries,
`srs/yyyymmddSRS.txt` in the data folder, and its HARP number from the table of download_sharp.py,
where they are there. `--help` shows how to choose channels, quality and folders, and how to import
a series of images that are not FITS files.
"""

import argparse
import collections
import functools
import pathlib
import sys

import pandas as pd
from tqdm import tqdm

from dataset_models.sdo import ageing, index, largest_region, quality, response_table, workers
from dataset_models.sdo.archive_samples import NAME, Rules, Slot, is_stored, make_samples
from dataset_models.sdo.collection import Collection
from dataset_models.sdo.image_series import structure_series
from dataset_models.sdo.side_channels import HMI_FEATURES
from tools.tools import data_folder

CHANNELS = (94, 131, 171, 193, 211, 304, 335, 1600, 1700, 4500)  # Angstrom
TOGETHER = 4  # samples that one process makes before it tells of them
USUAL_CHANNELS = CHANNELS[:8]  # those of the synoptic archive at a cadence of two minutes


def structure_archive(
    raw: str | pathlib.Path,
    output: str | pathlib.Path,
    channels: tuple[int, ...] | None = None,
    mode: str = "definitive",
    allow_missing_channels: bool = False,
    jobs: int = 1,
    summaries: str | pathlib.Path | None = None,
    features: str | pathlib.Path | None = None,
    degradation: str | pathlib.Path | None = None,
) -> Collection:
    """Puts the good samples of an archive into the store; a bad file is listed and passed over.

    A sample that is in the store already is left alone, unless one of its raw files is newer.

    Args:
        raw: folder that holds AIAyyyymmdd_HHMM_WWWW.fits, at any depth.
        output: folder of the store, the index and rejected.csv.
        channels: wavelengths that each sample needs, Angstrom; by default those of
            `USUAL_CHANNELS` that the archive holds at all.
        mode: whose QUALITY bits reject an image: "definitive", "near_real_time" or "any".
        allow_missing_channels: keep a sample that lacks a channel, or has a bad one, without it.
        jobs: number of processes; what they write does not depend on it.
        summaries: folder of NOAA's daily Solar Region Summaries, from which the index learns the
            active region; `srs` in the data folder by default. It may be missing.
        features: table of download_sharp.py, from which it learns the HARP number; likewise.
        degradation: table that tells how much light each channel still counts, as
            `response_table.read_table` takes it; it is recorded, and images stay as they are. By
            default the newest, if it lies in the data folder; "" for none.

    Returns:
        The `Collection` as it was saved: its `rows`, `rejections` and number `written`.

    Raises:
        DatasetNotFoundError: there are no FITS files in `raw`, or no such table.
        ValueError: no such mode, no jobs, the store is of another unit, or chosen.csv or the table
            cannot be read.
        OSError: the disk is full; the index holds what was written before.
    """
    from dataset_models.sdo.download.chosen import choices  # brings scipy: a second of each job

    quality.rejected_bits(0, mode)  # refuses an unknown mode before any work
    raw = pathlib.Path(raw)
    files, chosen = _fits_files(raw), choices(raw.parent)
    table = response_table.table_at_hand(degradation, data_folder())
    with Collection(output, unit="DN / s") as collection:
        slots = _slots(files, raw, collection)
        wanted = _wanted(slots, channels)
        rules = Rules(raw, collection.folder, wanted, mode, allow_missing_channels, table)
        pending = [slot for slot in slots if not is_stored(slot, rules)]
        outcomes = _outcomes(pending, rules, collection.shape, jobs)
        for outcome in tqdm(outcomes, total=len(pending), unit="sample", disable=None):
            _collect(collection, outcome)
        ageing.record(collection, table)
        summaries = summaries or data_folder() / largest_region.SUMMARIES
        _group(collection, chosen, summaries, features or data_folder() / HMI_FEATURES)
    return collection


def _fits_files(raw):
    files = sorted(path for path in raw.rglob("*.fits") if not path.name.startswith("."))
    if not files:
        from dataset_models.dataset import DatasetNotFoundError  # brings Keras: seconds

        commands = [
            "python dataset_models/synthetic/embedded_sample.py  # synthetic files, to try it out",
            "python dataset_models/sdo/structure_data.py --raw FOLDER  # if they lie elsewhere",
        ]
        raise DatasetNotFoundError("The archive of AIA files (*.fits)", raw, commands)
    return files


def _slots(files, raw, collection):
    """The `Slot` of each time, in order; what is no such file is listed."""
    slots = {}
    for path in files:
        name = NAME.fullmatch(path.name)
        if not name:
            reason = "its name is not AIAyyyymmdd_HHMM_WWWW.fits"
            collection.note("", str(path.relative_to(raw)), reason)
            continue
        identifier, channel = f"{name[1]}_{name[2]}", int(name[3])
        first = slots.setdefault(identifier, {}).setdefault(channel, path)
        if first is not path:
            reason = f"duplicate time: {first.relative_to(raw)} has that slot and channel"
            collection.note(identifier, str(path.relative_to(raw)), reason)
    return [
        Slot(identifier, files, collection.channels(identifier), collection.quality(identifier))
        for identifier, files in sorted(slots.items())
    ]


def _wanted(slots, channels):
    """The channels that each sample needs."""
    held = {channel for slot in slots for channel in slot.files}
    usual = tuple(channel for channel in USUAL_CHANNELS if channel in held)
    return tuple(sorted(set(channels or usual or held)))


def _outcomes(slots, rules, shape, jobs):
    """What becomes of each slot, in order; the first good sample gives all others their shape."""
    start = 0
    while shape is None and start < len(slots):
        (outcome,) = make_samples(rules, None, slots[start : start + 1])
        shape, start = outcome.shape, start + 1
        yield outcome
    parts = [slots[i : i + TOGETHER] for i in range(start, len(slots), TOGETHER)]
    for outcomes in workers.results(functools.partial(make_samples, rules, shape), parts, jobs):
        yield from outcomes


def _collect(collection, outcome):
    for file, reason in outcome.problems:
        collection.note(outcome.identifier, file, reason)
    if outcome.shape:
        collection.include(outcome.identifier)
    else:
        collection.rows.pop(outcome.identifier, None)


def _group(collection, chosen, summaries, features):
    """Writes into the rows how they were chosen, and what is known of their largest region."""
    rows = collection.rows
    spots, problems = largest_region.of_summaries(summaries)
    harps, more_problems = largest_region.of_features(features)
    for path, reason in problems + more_problems:
        collection.note("", path, reason)
    found = largest_region.at([row["time"] for row in rows.values()], spots, harps)
    # What an earlier run wrote stays only where no table tells of regions any more.
    forgotten = {} if spots.empty and harps.empty else index.NO_REGION
    for row, region in zip(rows.values(), found.to_dict("records"), strict=True):
        known = {name: value for name, value in region.items() if pd.notna(value)}
        row |= forgotten | known
    for identifier in rows.keys() & chosen.keys():
        rows[identifier] |= chosen[identifier]


def report(collection: Collection) -> str:
    """What became of an archive, in a few lines."""
    rows, rejections = collection.rows.values(), collection.rejections
    held = collections.Counter(row["channels"] for row in rows)
    synthetic = sum(row["synthetic"] for row in rows)
    saturated = sum(row["saturated"] > 0 for row in rows)
    uncounted = sum(pd.isna(row["saturated"]) for row in rows)
    quick_look = sum(quality.is_quick_look(row["quality"]) for row in rows)
    reasons = collections.Counter(reason for _, _, reason in rejections)
    lines = [
        f"{len(rows)} samples in {collection.folder}, {collection.written} of them written now.",
        *(f"    {count} with channels {names} Angstrom" for names, count in held.most_common(5)),
        *([f"    {synthetic} are SYNTHETIC"] if synthetic else []),
        *([f"    {saturated} with saturated pixels, counted in the index"] if saturated else []),
        *([f"    {uncounted} whose saturated pixels nobody counted"] if uncounted else []),
        *_unaged(rows),
        *([f"    {quick_look} made near real time, by QUALITY"] if quick_look else []),
        f"{len(rejections)} rejections, listed in {collection.folder / 'rejected.csv'}.",
        *(f"    {count} x {reason}" for reason, count in reasons.most_common(5)),
    ]
    return "\n".join(lines)


def _unaged(rows):
    """Lines about the samples whose ageing is unknown, where there are any."""
    told = [row for row in rows if row["degradation_version"]]
    lacking = sum(len(row["degradation"].split()) < len(row["channels"].split()) for row in told)
    lines = [f"    {lacking} with channels whose ageing the table does not know"] if lacking else []
    count = sum(not (row["degradation_version"] or row["synthetic"]) for row in rows)
    if not count or all(row["unit"] == "browse" for row in rows):
        return lines
    newest = response_table.NEWEST, data_folder()
    fetch = f"; this fetches a table, then run again: {response_table.command(*newest)}"
    unwanted = response_table.is_at_hand(*newest)
    return [*lines, f"    {count} whose ageing nobody told{'' if unwanted else fetch}"]


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; 0 where the store holds at least one sample, else 1."""
    options = _parser().parse_args(arguments)
    folder = data_folder() / "aia"
    output = options.output or folder
    try:
        if options.arrays:
            collection = structure_series(
                options.arrays, output, options.unit, options.channel, options.degradation
            )
        else:
            collection = structure_archive(
                options.raw or folder / "raw",
                output,
                options.channels,
                options.mode,
                options.allow_missing_channels,
                options.jobs,
                degradation=options.degradation,
            )
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(report(collection))
    return 0 if collection.rows else 1


def _parser():
    parser = argparse.ArgumentParser(description="Files of the AIA archive -> store and index.")
    add = parser.add_argument
    add("--raw", type=pathlib.Path, help="folder of FITS files (default: aia/raw of the data)")
    add("--output", type=pathlib.Path, help="folder of store and index (default: aia of the data)")
    add("--channels", type=int, nargs="+", choices=CHANNELS, help="wavelengths a sample needs")
    add("--mode", choices=quality.MODES, default="definitive", help="QUALITY bits that reject")
    add("--allow-missing-channels", action="store_true", help="take incomplete samples too")
    add(
        "--degradation", metavar="TABLE", help='whose factors are recorded (V10 if there); "": none'
    )
    add("--jobs", type=int, default=1, metavar="N", help="processes that share the work")
    add("--arrays", type=pathlib.Path, help=".npz with images, time and maybe exptime")
    add("--unit", help='unit of --arrays: "browse" or "DN / s"')
    add("--channel", type=int, choices=CHANNELS, help="wavelength of --arrays")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
