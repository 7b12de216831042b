"""The record of a download: one row for each file that was ever wanted.

It lies beside the files, in SQLite, and several programs on one machine may use it at once. What
it says about a file is true at any instant, also after a kill: the file itself comes first.
"""

import contextlib
import dataclasses
import time
import uuid
from collections.abc import Iterable, Iterator

import numpy as np

from dataset_models.sdo.download import archive
from dataset_models.sdo.download.database import Database

NAME = "manifest.sqlite"  # in the folder of the files
VERSION = 1
# Images are made about seven days after the observation: until twice that, one may still come.
SETTLED = np.timedelta64(14, "D")
# wanted: not there yet; part: some of it is there; verified: there and good; absent: no archive
# has it; refused: what came was wrong; failed: nothing came; damaged: was good, and changed since.
STATUSES = ("wanted", "part", "verified", "absent", "refused", "failed", "damaged")
NOT_THERE = ("absent", "refused", "failed", "damaged")  # and nobody is fetching it now
_TABLES = """
create table files (
    path text primary key,        -- below the folder, and below an archive's address
    slot text not null,           -- UTC, as in the name
    channel integer not null,     -- Angstrom
    status text not null default 'wanted',
    url text,                     -- that served it, or the archives that do not have it
    bytes integer,                -- of the whole file, also while a part is there
    sha256 text,
    validator text,               -- ETag or Last-Modified of the part, for If-Range
    part text,                    -- name of the part file
    attempts integer not null default 0,
    error text,                   -- the last one, kept when the file came after all
    changed real not null,        -- s since 1970
    run text                      -- that is fetching it
) without rowid;
create index files_status on files (status);
create table runs (
    id text primary key,
    started real not null,        -- s since 1970
    seen real not null,           -- last sign of life
    ended integer not null default 0,
    files integer not null default 0,
    bytes integer not null default 0
);
"""


@dataclasses.dataclass(frozen=True)
class Row:
    """What the manifest says of one file; columns as they stand in the table."""

    path: str
    slot: str
    channel: int
    status: str
    url: str | None
    bytes: int | None
    sha256: str | None
    validator: str | None
    part: str | None
    attempts: int
    error: str | None
    changed: float
    run: str | None

    @property
    def lacking(self) -> frozenset[str]:
        """Archives that did not have the image when it should long have been there."""
        asked = np.datetime64(int(self.changed), "s")
        if self.status != "absent" or asked - np.datetime64(self.slot) <= SETTLED:
            return frozenset()
        return frozenset((self.url or "").split())


@dataclasses.dataclass(frozen=True)
class Rate:
    """How fast earlier downloads were: bytes and files per second."""

    bytes_per_second: float
    files_per_second: float


class Manifest(Database):
    """The manifest of one folder; use it in a `with` statement.

    Args:
        path: the SQLite file; made when it is not there.

    Raises:
        ValueError: it is of another version, or no manifest.
        OSError: it cannot be written.
    """

    tables, version = _TABLES, VERSION

    def add(self, wanted: Iterable[tuple[np.datetime64, int]]) -> list[str]:
        """Enters files that are not there yet.

        Args:
            wanted: pairs of slot (UTC) and channel (Angstrom).

        Returns:
            Their paths, each once, in the order given.
        """
        rows = {archive.path(slot, channel): (slot, channel) for slot, channel in wanted}
        with self.transaction():
            self.execute_many(
                "insert or ignore into files (path, slot, channel, changed) values (?, ?, ?, ?)",
                [
                    (path, str(np.datetime64(slot, "m")), int(channel), time.time())
                    for path, (slot, channel) in rows.items()
                ],
            )
        return list(rows)

    def row(self, path: str) -> Row | None:
        """What is known of one file."""
        found = self.execute("select * from files where path = ?", path)
        return Row(*found[0]) if found else None

    def rows(self, status: str | None = None) -> list[Row]:
        """What is known of all files, or of those of one status, in order of path."""
        found = self.execute(
            "select * from files where ?1 is null or status = ?1 order by path", status
        )
        return [Row(*row) for row in found]

    @contextlib.contextmanager
    def not_there(self) -> Iterator[list[Row]]:
        """All files that were asked for and did not come, by whichever run, in order of path.

        While the block runs nobody else writes to the manifest: of lists that two runs write of it,
        the later one holds what both of them know.
        """
        with self.transaction():
            rows = (row for status in NOT_THERE for row in self.rows(status))
            yield sorted(rows, key=lambda row: row.path)

    def once_there(self) -> list[str]:
        """Paths of all files that were there at some time, in order."""
        found = self.execute(
            "select path from files where sha256 is not null or status = 'damaged' order by path"
        )
        return [path for (path,) in found]

    def summary(self) -> dict[str, int]:
        """Number of files of each status."""
        found = dict(map(tuple, self.execute("select status, count(*) from files group by 1")))
        return {status: found.get(status, 0) for status in STATUSES}

    def mean_bytes(self) -> dict[int, float]:
        """Mean length of a verified file of each channel, bytes."""
        found = self.execute(
            "select channel, avg(bytes) from files where status = 'verified' group by 1"
        )
        return dict(map(tuple, found))

    def rate(self) -> Rate | None:
        """The rate of the last ten runs that moved anything; None where there was none yet."""
        ((seconds, files, moved),) = self.execute(
            "select sum(seen - started), sum(files), sum(bytes) from (select * from runs "
            "where bytes > 0 and seen > started order by started desc limit 10)"
        )
        return Rate(moved / seconds, files / seconds) if seconds else None

    def begin_run(self) -> str:
        """Enters a run of the program, and gives its name."""
        name, now = uuid.uuid4().hex[:12], time.time()
        self.execute("insert into runs (id, started, seen) values (?, ?, ?)", name, now, now)
        return name

    def keep_alive(self, run: str, files: int = 0, moved: int = 0) -> None:
        """A run's sign of life, with what it fetched so far: its claims stay its own."""
        self.execute(
            "update runs set seen = ?, files = ?, bytes = ? where id = ?",
            *(time.time(), files, moved, run),
        )

    def end_run(self, run: str, files: int = 0, moved: int = 0) -> None:
        """Ends a run, with what it fetched: what it had claimed is free for others."""
        with self.transaction():
            self.keep_alive(run, files, moved)
            self.execute("update runs set ended = 1 where id = ?", run)
            self.execute("update files set run = null where run = ?", run)

    def claim(self, path: str, run: str, seconds: float) -> Row | None:
        """Takes a file for a run, unless it is verified or another living run has it.

        Args:
            path: of the file.
            run: from `begin_run`.
            seconds: without a sign of life, after which another run counts as dead.

        Returns:
            The row as it was before, but for `run`; None where the file is not to be had.
        """
        found = self.execute(
            "update files set run = ?1 where path = ?2 and status != 'verified' and (run is null "
            "or not exists (select 1 from runs where id = files.run and not ended and seen > ?3)) "
            "returning *",
            *(run, path, time.time() - seconds),
        )
        return Row(*found[0]) if found else None

    def record(self, path: str, run: str | None = None, **columns) -> bool:
        """Writes what became of a file; any status but "part" ends the claim on it.

        Args:
            path: of the file.
            run: that claimed it: nothing is written if it does not have the claim any more. None
                writes anyway.
            **columns: of the table, such as status="verified".

        Returns:
            Whether it was written.
        """
        columns = columns | {"changed": time.time()}
        if columns.get("status", "part") != "part":
            columns["run"] = None
        changes = ", ".join(f"{name} = :{name}" for name in columns)
        whose = "" if run is None else " and run = :owner"
        found = self.execute(
            f"update files set {changes} where path = :file{whose} returning 1",
            **columns | {"file": path, "owner": run},
        )
        return bool(found)
