"""What a download will take: files, bytes, hours."""

import dataclasses
import pathlib
import shutil
from collections.abc import Iterable

import numpy as np

from dataset_models.sdo.download import archive
from dataset_models.sdo.download import manifest as manifests
from dataset_models.sdo.download.archive import ARCHIVES
from dataset_models.sdo.download.manifest import Manifest

USUAL_BYTES = 1.0e6  # a file; those of six channels of 2014-01-01T00:00 have 0.76 to 1.29 MB


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is left to download.

    Attributes:
        files: that are wanted.
        left: of them, those that are not there yet, and may be.
        bytes: of those, by the mean length of the files of each channel that are there, else by
            `USUAL_BYTES`.
        measured: whether all of that is by files that are there.
        rate: bytes per second of earlier downloads into this folder, or None.
        free: bytes on the disk.
        absent: of the files, those that no archive has; they are not asked for again.
    """

    files: int
    left: int
    bytes: float
    measured: bool
    rate: float | None
    free: int
    absent: int = 0

    def __str__(self):
        guess = "" if self.measured else f", taking {USUAL_BYTES / 1e6:g} MB a file"
        there = self.files - self.left - self.absent
        absent = f"{self.absent} are absent from the archive. " if self.absent else ""
        lines = [
            f"{self.files} files, {there} of them there already. {absent}To download: "
            f"{self.left} files, about {self.bytes / 1e9:.3g} GB{guess}; {self.free / 1e9:.3g} GB "
            "are free on the disk."
        ]
        if self.rate:
            hours = self.bytes / self.rate / 3600
            lines.append(
                f"About {hours:.2g} hours at {self.rate / 1e6:.2g} MB/s, the rate of earlier "
                "downloads into this folder."
            )
        else:
            hours = self.bytes / 1e6 / 3600
            lines.append(
                "No rate was measured yet: nothing was downloaded into this folder so far. At "
                f"1 MB/s it would be {hours:.2g} hours; --limit 10 downloads a little and measures."
            )
        if self.bytes > self.free:
            lines.append(
                "That is more than the disk has room for: name another one with FLARENET_DATA, or "
                "ask for less with --limit, --channels or --start and --end."
            )
        return "\n".join(lines)


def make_plan(
    wanted: Iterable[tuple[np.datetime64, int]],
    folder: str | pathlib.Path,
    archives: Iterable[str] = ARCHIVES,
    ask_again: bool = False,
) -> Plan:
    """The plan of a download; nothing is written.

    Args:
        wanted: pairs of slot (UTC) and channel (Angstrom).
        folder: of the files and their manifest; need not be there.
        archives: addresses that will be asked.
        ask_again: also for files that none of them had.

    Raises:
        ValueError: the manifest is of another version.
    """
    folder = pathlib.Path(folder)
    there, absent, lengths, rate = set(), set(), {}, None
    if (folder / manifests.NAME).is_file():
        with Manifest(folder / manifests.NAME) as manifest:
            there = {row.path for row in manifest.rows("verified")}
            lengths, rate = manifest.mean_bytes(), manifest.rate()
            if not ask_again:
                rows, asked = manifest.rows("absent"), set(archives)
                absent = {row.path for row in rows if row.lacking >= asked}
    channel_of = {archive.path(slot, channel): channel for slot, channel in wanted}
    left = [channel for path, channel in channel_of.items() if path not in there | absent]
    return Plan(
        files=len(channel_of),
        left=len(left),
        bytes=sum(lengths.get(channel, USUAL_BYTES) for channel in left),
        measured=set(left) <= set(lengths),
        rate=rate and rate.bytes_per_second,
        free=_free(folder),
        absent=len(absent.intersection(channel_of)),
    )


def _free(folder):
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(there).free
