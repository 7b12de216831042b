"""A sample store and its index, growing together."""

import os
import pathlib
import shutil
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from dataset_models.sdo import index, store
from dataset_models.sdo.groups import cycle_phase
from tools.tools import written_whole

REJECTED = ["id", "file", "reason"]  # the columns of rejected.csv
SAVE_EVERY = 600  # s between two writings of the index, which takes seconds when it is long


class Collection:
    """The samples of one store: what is there already, what is added, what is refused and why.

    One store has one unit and one shape, and is filled by one run at a time. Samples are written
    at once and whole; the index is written now and then, at the end, and when the work is
    interrupted. What a sudden stop left out of it is found in the store at the next start, and the
    unfinished files that it left are removed.

    Example:
        with Collection("data/aia", unit="DN / s") as collection:
            collection.add("20140101_0000", {171: plane}, {"t_obs": {171: "2014-01-01T00:00:12"}})

    Args:
        folder: holds `store/`, `index.feather`, `index.csv` and `rejected.csv`.
        unit: "DN / s" or "browse".

    Raises:
        ValueError: the store is of another unit.
    """

    def __init__(self, folder: str | pathlib.Path, unit: str):
        self.folder, self.unit = pathlib.Path(folder), unit
        self.rejections = []
        self.written = 0
        self._saved = time.monotonic()
        self._remove_unfinished()
        self.rows = self._found()
        units = {row["unit"] for row in self.rows.values()} - {unit}
        if units:
            raise ValueError(
                f"The store in {self.folder} holds samples of another unit. Expected {unit!r}. "
                f"Received: {sorted(units)}. Use another folder: --output FOLDER."
            )

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            self.save()
        except OSError:
            if error is None:  # else a full disk was reported already, and the old index is whole
                raise

    @property
    def shape(self) -> tuple[int, int] | None:
        """(height, width) of every sample; None while there is none."""
        row = next(iter(self.rows.values()), None)
        return row and (row["shape"], row["shape"])

    def channels(self, identifier: str) -> tuple[int, ...]:
        """Wavelengths that the store holds of one sample; none where it is not there."""
        row = self.rows.get(identifier)
        return tuple(map(int, row["channels"].split())) if row else ()

    def quality(self, identifier: str) -> int:
        """QUALITY of one sample, all channels joined by a bitwise or; 0 where it is not there."""
        row = self.rows.get(identifier)
        return int(row["quality"]) if row else 0

    def add(
        self,
        identifier: str,
        planes: dict[int, np.ndarray],
        metadata: dict,
        encoding: str = "root float16",
    ) -> None:
        """Writes one sample, or lists it as rejected where the store cannot hold its values.

        Args:
            identifier: YYYYmmdd_HHMM.
            planes: wavelength in Angstrom -> array (height, width) in the store's unit.
            metadata: as `store.write_sample` takes it; the unit is the store's.
            encoding: one of `store.ENCODINGS`.

        Raises:
            OSError: the disk is full, or the file cannot be written for another reason.
        """
        try:
            write_sample(self.folder, identifier, planes, metadata | {"unit": self.unit}, encoding)
        except ValueError as error:
            self.reject(identifier, "", str(error))
            return
        self.include(identifier)

    def amend(self, identifier: str, about: Callable[[dict], dict]) -> None:
        """Writes a stored sample anew, with more or other metadata, or lists it as rejected.

        The file keeps the time that it was written at: images are as old as they were, and raw
        files that came since are still newer.

        Args:
            identifier: YYYYmmdd_HHMM.
            about: takes the sample's metadata, gives those that are to be added or replaced; none
                leaves the sample as it is.

        Raises:
            OSError: as `add`.
        """
        try:
            path = self.folder / store.sample_file(identifier)
            written, sample = path.stat().st_mtime_ns, store.read_sample(path)
            added = about(sample.metadata)
            planes = dict(zip(sample.channels, sample.planes, strict=True))
            kept = {"metadata": sample.metadata | added, "encoding": sample.metadata["encoding"]}
            if added:
                write_sample(self.folder, identifier, planes, **kept, encoded=True)
                os.utime(path, ns=(written, written))
                self.include(identifier)
        except ValueError as error:
            self.reject(identifier, "", str(error))

    def include(self, identifier: str) -> None:
        """Takes a sample that was just written into the index."""
        path = self.folder / store.sample_file(identifier)
        self.rows[identifier] = self._row(identifier, path, self.rows.get(identifier))
        self.written += 1
        if time.monotonic() - self._saved > SAVE_EVERY:
            self.save()

    def reject(self, identifier: str, file: str, reason: str) -> None:
        """Lists a sample as rejected, and leaves it out of the index."""
        self.rows.pop(identifier, None)
        self.note(identifier, file, reason)

    def note(self, identifier: str, file: str, reason: str) -> None:
        """Lists a file as rejected; the sample it belongs to may do without it."""
        self.rejections.append((identifier, file, reason))

    def save(self) -> None:
        """Writes the index and the list of what was rejected."""
        if self.rows or (self.folder / "index.feather").exists():
            table = pd.DataFrame(list(self.rows.values()), columns=list(index.COLUMNS))
            table["period"] = cycle_phase(table["time"])
            index.write_index(self.folder, table)
        with written_whole(self.folder / "rejected.csv") as temporary:
            pd.DataFrame(self.rejections, columns=REJECTED).to_csv(temporary, index=False)
        self._saved = time.monotonic()

    def _found(self):
        """Rows of the samples in the store, from the index where it is not older than they are."""
        known, written = {}, 0.0
        if (self.folder / "index.feather").exists():
            try:
                table = index.read_index(self.folder)
            except ValueError as error:  # damaged: made anew from the store
                self.note("", "index.feather", str(error))
                table = pd.DataFrame(columns=list(index.COLUMNS))
            known = {row["id"]: row for row in table.to_dict("records")}
            written = (self.folder / "index.feather").stat().st_mtime
        rows = {}
        for path in sorted((self.folder / "store").rglob("AIA*.fthr")):
            identifier = path.stem.removeprefix("AIA")
            row = known.get(identifier)
            uncounted = row is not None and np.isnan(row["saturated"])  # or the index is too old
            if row is None or uncounted or path.stat().st_mtime > written:
                row = self._row(identifier, path, row)
            if row is not None:
                rows[identifier] = row
        return rows

    def _row(self, identifier, path, known):
        """The row that a stored sample makes; how it was chosen stays as it is known."""
        try:
            channels, metadata = store.read_metadata(path)
        except ValueError as error:
            self.note(identifier, str(path.relative_to(self.folder)), str(error))
            return None
        file = path.relative_to(self.folder).as_posix()
        row = index.row(identifier, file, channels, metadata)
        return row | {name: known[name] for name in index.CHOSEN if known}

    def _remove_unfinished(self):
        """Removes what `written_whole` was writing when a run was killed."""
        for path in (self.folder / "store").rglob(".AIA*.part.fthr"):
            path.unlink()
        for name in ("index", "rejected"):
            for path in self.folder.glob(f".{name}.*.part.*"):
                path.unlink()


def write_sample(
    folder: pathlib.Path,
    identifier: str,
    planes: dict[int, np.ndarray],
    metadata: dict,
    encoding: str = "root float16",
    encoded: bool = False,
) -> None:
    """Writes one sample into the store in `folder`; arguments as of `store.write_sample`.

    Raises:
        OSError: the disk is full, or the file cannot be written for another reason.
        ValueError: the store cannot hold its values.
    """
    path = folder / store.sample_file(identifier)
    try:
        store.write_sample(path, planes, metadata, encoding, encoded)
    except OSError as error:
        raise OSError(error.errno, _unwritten(folder, path, error)) from error


def _unwritten(folder, path, error):
    there = next(parent for parent in (path.parent, *path.parents) if parent.exists())
    free = shutil.disk_usage(there).free / 2**20
    return (
        f"Could not write {path}: {error}. Expected room for it. Received: {free:.0f} MiB free "
        f"in {folder}. Free some space, or use --output FOLDER; what was written before "
        "is kept, and the same command goes on from there."
    )
