"""From the files of one slot of the AIA archive to one sample of the store."""

import concurrent.futures
import dataclasses
import pathlib
import re
from collections.abc import Sequence

import numpy as np

from dataset_models.sdo import ageing, pointing, quality, store
from dataset_models.sdo.collection import write_sample
from dataset_models.sdo.fits_image import read_image
from dataset_models.sdo.header_cards import BadImageError
from dataset_models.sdo.response_table import DegradationTable

NAME = re.compile(r"AIA(\d{8})_(\d{4})(?:\d\d)?_(\d{4})\.fits")
ENCODING = "root float16"
SLOT_TOLERANCE = np.timedelta64(6, "m")  # between a file's name and its T_OBS


@dataclasses.dataclass(frozen=True)
class Rules:
    """Which samples the store takes, and where it lies.

    Attributes:
        raw: folder of the archive.
        folder: of the store and the index.
        channels: wavelengths that a sample needs, Angstrom.
        mode: one of `quality.MODES`.
        allow_missing_channels: take samples that lack some of them.
        degradation: tells how much light each channel still counts, which is recorded beside the
            images; None records nothing.
    """

    raw: pathlib.Path
    folder: pathlib.Path
    channels: tuple[int, ...]
    mode: str
    allow_missing_channels: bool
    degradation: DegradationTable | None = None


@dataclasses.dataclass(frozen=True)
class Slot:
    """The files of one time.

    Attributes:
        identifier: YYYYmmdd_HHMM.
        files: wavelength in Angstrom -> path.
        held: wavelengths that the index had of it before.
        word: QUALITY that the index had of it before, all channels joined by a bitwise or.
    """

    identifier: str
    files: dict[int, pathlib.Path]
    held: tuple[int, ...] = ()
    word: int = 0


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one slot.

    Attributes:
        identifier: YYYYmmdd_HHMM.
        shape: (height, width) of the sample that was written; None where none was.
        problems: (file, reason) of what was not taken; the file is "" for the slot as a whole.
    """

    identifier: str
    shape: tuple[int, int] | None
    problems: tuple[tuple[str, str], ...]


def make_samples(
    rules: Rules, shape: tuple[int, int] | None, slots: Sequence[Slot]
) -> list[Outcome]:
    """Writes the samples of some slots into the store, or says why there are none.

    While one is written, which means waiting for the disk, the next is read.

    Args:
        rules: `Rules`.
        shape: (height, width) of the store's samples; None where it holds none yet.
        slots: the times to take, in order.

    Returns:
        What became of each.

    Raises:
        OSError: the disk is full, or the file cannot be written for another reason.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as writer:
        begun = [writer.submit(_write, rules, slot, *_read(shape, slot, rules)) for slot in slots]
    return [outcome.result() for outcome in begun]


def is_stored(slot: Slot, rules: Rules) -> bool:
    """Whether the store already holds all that this slot can give, and the rules allow it.

    It counts as not stored where a raw file was changed after the sample was written, or where
    its own headers speak against it: older versions took images that were not registered.

    Args:
        slot: `Slot`; `held` is empty where the index has no such sample.
        rules: `Rules`.
    """
    needed = set(rules.channels)
    if rules.allow_missing_channels:
        needed &= set(slot.files)
    if (
        not slot.held
        or not needed <= set(slot.held)
        or quality.rejected_bits(slot.word, rules.mode)
    ):
        return False
    sample = rules.folder / store.sample_file(slot.identifier)
    written = sample.stat().st_mtime_ns
    files = (slot.files[channel] for channel in needed & set(slot.files))
    if any(path.stat().st_mtime_ns > written for path in files if path.exists()):
        return False
    try:
        headers = store.read_metadata(sample)[1]["wcs"].values()
    except ValueError:  # broken
        return False
    return all(map(_registered, headers))


class _StoredCards(dict):
    """The header cards of a stored image, as `pointing` asks for them."""

    def number(self, name):
        return self[name]


def _registered(cards):
    try:
        return not pointing.problem(_StoredCards(cards))
    except (KeyError, TypeError):  # no number where one is asked for: the file is read again
        return False


def _lacking(slot, rules):
    """The reason where too many channels have no file, else an empty string."""
    lacking = [str(channel) for channel in rules.channels if channel not in slot.files]
    most = len(rules.channels) - 1 if rules.allow_missing_channels else 0
    if len(lacking) <= most:
        return ""
    held = " ".join(map(str, slot.held))
    left = f"; leaves the index, where it had {held}" if held else ""
    kept = len(lacking) < len(rules.channels)
    hint = " (--allow-missing-channels keeps such samples)" if kept else ""
    return f"no file of channel {' '.join(lacking)}{left}{hint}"


def _read(shape, slot, rules):
    """The planes of a slot's good images, channel -> facts, and (file, reason) of the others."""
    reason = _lacking(slot, rules)
    if reason:
        return None, {}, [("", reason)]
    planes, facts, problems = None, {}, []
    for channel in rules.channels:
        if channel not in slot.files:
            continue
        path = slot.files[channel]
        image, reason = _image(path, channel, shape, slot, rules)
        if image:
            shape = image.pixels.stored.shape
            if planes is None:  # one array: the system is slow to hand out many of 2 MB
                planes = np.empty((len(rules.channels), *shape), store.ENCODINGS[ENCODING])
            reason = _encode(image, planes[len(facts)])
        if reason:
            problems.append((str(path.relative_to(rules.raw)), reason))
        else:
            facts[channel] = _facts(image)
    return planes, facts, problems


def _image(path, channel, shape, slot, rules):
    """The image in a file and an empty string, or None and the reason."""
    try:
        image = read_image(path, channel, shape)
    except BadImageError as error:
        return None, error.reason
    reason = _unfit(image, slot.identifier, rules)
    return (None, reason) if reason else (image, "")


def _encode(image, plane):
    """Fills `plane` with the image as it is stored, or says why it cannot be."""
    try:
        image.pixels.each(lambda values: store.encode(values, ENCODING), plane)
    except ValueError as error:  # a value that the encoding cannot hold
        return str(error)
    return ""


def _write(rules, slot, planes, facts, problems):
    """The `Outcome` of a slot whose images were read."""
    if not facts or (problems and not rules.allow_missing_channels):
        return Outcome(slot.identifier, None, tuple(problems))
    planes = dict(zip(facts, planes, strict=False))  # those of lacking channels are empty
    try:
        metadata = _metadata(facts, rules.degradation)
        write_sample(rules.folder, slot.identifier, planes, metadata, ENCODING, encoded=True)
    except ValueError as error:  # metadata that cannot be written
        return Outcome(slot.identifier, None, (*problems, ("", str(error))))
    return Outcome(slot.identifier, next(iter(planes.values())).shape, tuple(problems))


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


def _facts(image):
    return {
        "t_obs": str(image.t_obs),
        "exposures": image.exposure,
        "quality": image.quality,
        "aec": image.aec,
        "wcs": image.wcs,
        "rsun_obs": image.rsun_obs,
        "saturated": image.saturated,
        "synthetic": image.synthetic,
    }


def _metadata(facts, table):
    """Metadata of a sample, from channel -> `_facts`."""
    names = next(iter(facts.values()))
    found = {name: {channel: about[name] for channel, about in facts.items()} for name in names}
    found["rsun_obs"] = next(iter(found["rsun_obs"].values()))
    found["synthetic"] = any(found["synthetic"].values())
    told = {} if table is None else ageing.told(table, found)
    return found | {"unit": "DN / s"} | told
