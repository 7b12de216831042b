"""Files of the AIA archive -> the sample store and its index.

    python dataset_models/sdo/structure_data.py

takes every file below `aia/raw` in the data folder, puts what is good into `aia/store` and
`aia/index.feather`, and lists the rest, each with its reason, in `aia/rejected.csv`. It goes on
where it stopped when it is run again. How each time was chosen, and with what probability, comes
from `chosen.csv` beside the raw files, which download_aia.py writes; a time that is not in it is of
a regular cadence. `--help` shows how to choose channels, quality and folders, and how to import a
series of images that are not FITS files.
"""

import argparse
import collections
import dataclasses
import pathlib
import re
import sys

import numpy as np
from tqdm import tqdm

from dataset_models.sdo import quality
from dataset_models.sdo.collection import Collection
from dataset_models.sdo.download.chosen import choices
from dataset_models.sdo.fits_image import BadImageError, read_image
from dataset_models.sdo.image_series import structure_series
from tools.tools import data_folder

CHANNELS = (94, 131, 171, 193, 211, 304, 335, 1600, 1700, 4500)  # Angstrom
USUAL_CHANNELS = CHANNELS[:8]  # those of the synoptic archive at a cadence of two minutes
NAME = re.compile(r"AIA(\d{8})_(\d{4})(?:\d\d)?_(\d{4})\.fits")
SLOT_TOLERANCE = np.timedelta64(6, "m")  # between a file's name and its T_OBS


@dataclasses.dataclass(frozen=True)
class Rules:
    """Which samples the store takes.

    Attributes:
        raw: folder of the archive.
        channels: wavelengths that a sample needs, Angstrom.
        mode: one of `quality.MODES`.
        allow_missing_channels: take samples that lack some of them.
    """

    raw: pathlib.Path
    channels: tuple[int, ...]
    mode: str
    allow_missing_channels: bool


def structure_archive(
    raw: str | pathlib.Path,
    output: str | pathlib.Path,
    channels: tuple[int, ...] | None = None,
    mode: str = "definitive",
    allow_missing_channels: bool = False,
) -> Collection:
    """Puts the good samples of an archive into the store; a bad file is listed and passed over.

    Args:
        raw: folder that holds AIAyyyymmdd_HHMM_WWWW.fits, at any depth.
        output: folder of the store, the index and rejected.csv.
        channels: wavelengths that each sample needs, Angstrom; by default those of
            `USUAL_CHANNELS` that the archive holds at all.
        mode: whose QUALITY bits reject an image: "definitive", "near_real_time" or "any".
        allow_missing_channels: keep a sample that lacks a channel, or has a bad one, without it.

    Returns:
        The `Collection` as it was saved: its `rows`, `rejections` and number `written`.

    Raises:
        DatasetNotFoundError: there are no FITS files in `raw`.
        ValueError: no such mode, the store is of another unit, or chosen.csv cannot be read.
        OSError: the disk is full; the index holds what was written before.
    """
    quality.rejected_bits(0, mode)  # refuses an unknown mode before any work
    raw = pathlib.Path(raw)
    files, chosen = _fits_files(raw), choices(raw.parent)
    with Collection(output, unit="DN / s") as collection:
        slots = _slots(files, raw, collection)
        held = {channel for slot in slots.values() for channel in slot}
        usual = tuple(channel for channel in USUAL_CHANNELS if channel in held)
        wanted = tuple(sorted(set(channels or usual or held)))
        rules = Rules(raw, wanted, mode, allow_missing_channels)
        for identifier, slot in tqdm(slots.items(), unit="sample", disable=None):
            if not _is_there(collection, identifier, slot, rules):
                _structure_sample(collection, identifier, slot, rules)
            if identifier in collection.rows:
                collection.rows[identifier] |= chosen.get(identifier, {})
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
    """Identifier -> channel -> path, in order of time; what is no such file is listed."""
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
    return dict(sorted(slots.items()))


def _is_there(collection, identifier, slot, rules):
    """Whether the store already holds all that this slot can give, and the rules allow it."""
    if identifier not in collection.rows:
        return False
    needed = set(rules.channels)
    if rules.allow_missing_channels:
        needed &= set(slot)
    word = collection.rows[identifier]["quality"]
    there = needed <= set(collection.channels(identifier))
    return there and not quality.rejected_bits(word, rules.mode)


def _structure_sample(collection, identifier, slot, rules):
    lacking = [str(channel) for channel in rules.channels if channel not in slot]
    most = len(rules.channels) - 1 if rules.allow_missing_channels else 0
    if len(lacking) > most:
        held = " ".join(map(str, collection.channels(identifier)))
        left = f"; leaves the index, where it had {held}" if held else ""
        kept = len(lacking) < len(rules.channels)
        hint = " (--allow-missing-channels keeps such samples)" if kept else ""
        reason = f"no file of channel {' '.join(lacking)}{left}{hint}"
        collection.reject(identifier, "", reason)
        return
    images, problems = _read(collection.shape, identifier, slot, rules)
    for path, reason in problems:
        collection.note(identifier, str(path.relative_to(rules.raw)), reason)
    if not images or (problems and not rules.allow_missing_channels):
        collection.rows.pop(identifier, None)
        return
    planes = {channel: image.data for channel, image in images.items()}
    collection.add(identifier, planes, _metadata(images))


def _read(shape, identifier, slot, rules):
    """The good images of a slot, channel -> Image, and (path, reason) of the others."""
    images, problems = {}, []
    for channel in rules.channels:
        if channel not in slot:
            continue
        try:
            image = read_image(slot[channel], channel, shape)
        except BadImageError as error:
            problems.append((slot[channel], error.reason))
            continue
        reason = _unfit(image, identifier, rules)
        if reason:
            problems.append((slot[channel], reason))
        else:
            images[channel], shape = image, image.data.shape
    return images, problems


def _unfit(image, identifier, rules):
    bits = quality.rejected_bits(image.quality, rules.mode)
    if bits:
        return f"QUALITY: {', '.join(bits)}"
    day, clock = identifier.split("_")
    try:
        slot = np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:]}")
    except ValueError:
        return "its name holds no time"
    if abs(image.t_obs - slot) > SLOT_TOLERANCE:
        return f"T_OBS {image.t_obs} is not of the slot in its name"
    return ""


def _metadata(images):
    first = next(iter(images.values()))
    return {
        "t_obs": {channel: str(image.t_obs) for channel, image in images.items()},
        "exposures": {channel: image.exposure for channel, image in images.items()},
        "quality": {channel: image.quality for channel, image in images.items()},
        "aec": {channel: image.aec for channel, image in images.items()},
        "wcs": {channel: image.wcs for channel, image in images.items()},
        "rsun_obs": first.rsun_obs,
        "synthetic": any(image.synthetic for image in images.values()),
    }


def report(collection: Collection) -> str:
    """What became of an archive, in a few lines."""
    rows, rejections = collection.rows.values(), collection.rejections
    held = collections.Counter(row["channels"] for row in rows)
    synthetic = sum(row["synthetic"] for row in rows)
    quick_look = sum(quality.is_quick_look(row["quality"]) for row in rows)
    reasons = collections.Counter(reason for _, _, reason in rejections)
    lines = [
        f"{len(rows)} samples in {collection.folder}, {collection.written} of them written now.",
        *(f"    {count} with channels {names} Angstrom" for names, count in held.most_common(5)),
        *([f"    {synthetic} are SYNTHETIC"] if synthetic else []),
        *([f"    {quick_look} made near real time, by QUALITY"] if quick_look else []),
        f"{len(rejections)} rejections, listed in {collection.folder / 'rejected.csv'}.",
        *(f"    {count} x {reason}" for reason, count in reasons.most_common(5)),
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; 0 where the store holds at least one sample, else 1."""
    options = _parser().parse_args(arguments)
    folder = data_folder() / "aia"
    output = options.output or folder
    try:
        if options.arrays:
            collection = structure_series(options.arrays, output, options.unit, options.channel)
        else:
            collection = structure_archive(
                options.raw or folder / "raw",
                output,
                options.channels,
                options.mode,
                options.allow_missing_channels,
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
    add("--arrays", type=pathlib.Path, help=".npz with images, time and maybe exptime")
    add("--unit", help='unit of --arrays: "browse" or "DN / s"')
    add("--channel", type=int, choices=CHANNELS, help="wavelength of --arrays")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
