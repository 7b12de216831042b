"""One file: asked for until it is there and verified, or the archives have no more to give."""

import collections
import hashlib
import os
import pathlib
import random

import numpy as np

from dataset_models.sdo.download import archive
from dataset_models.sdo.download.checks import RefusedFileError, check
from dataset_models.sdo.download.manifest import Row
from dataset_models.sdo.download.patience import host_of
from dataset_models.sdo.download.shared import Shared
from dataset_models.sdo.download.transfer import (
    AbsentError,
    BusyError,
    Connection,
    CutShortError,
    Part,
    TransferError,
)

SAME_WRONG = 3  # times that an archive gives the same wrong file, until it is not asked any more


class ClaimLostError(Exception):
    """Another run took the file over, because this one gave no sign of life for too long."""


def retrieve(shared: Shared, row: Row, connection: Connection, rng: random.Random) -> str | None:
    """Fetches a file that this run has claimed, and writes its end into the manifest.

    Args:
        shared: of the run.
        row: from `Manifest.claim`.
        connection: of this thread.
        rng: for the jitter of the waits.

    Returns:
        The status it ended with; None where it did not end: stopped, or taken over.

    Raises:
        OSError: the disk is full, or cannot be written.
    """
    try:
        file = _File(shared, row)
        if file.is_there():
            return "verified"
        return file.fetch(connection, rng)
    except ClaimLostError:
        return None


class _File:
    """The attempts at one file."""

    def __init__(self, shared, row):
        self.shared, self.row, self.slot = shared, row, np.datetime64(row.slot)
        self.final = shared.folder / row.path
        self.part = Part(self.final.with_name(f".{self.final.name}.{shared.run}.part"))
        known = () if shared.ask_again else row.lacking
        self.lacking = [base for base in shared.archives if base in known]  # do not have it
        self.left = [base for base in shared.archives if base not in known]  # to be asked, in order
        self.silent = set()  # archives that gave no sensible answer
        self.wrong = collections.Counter()  # archive and wrong content that it gave
        self.asked = self.failures = 0
        self.status, self.error = "failed", row.error

    def is_there(self):
        """Whether the file lies there, though the manifest does not say so: enters it then."""
        if not self.final.exists():
            return False
        try:
            digest = check(self.final, self.slot, self.row.channel, self.shared.shape)
        except RefusedFileError:
            return False  # is replaced when a good one has come
        if self.row.sha256 not in (None, digest):
            return False  # it has changed since it came
        self.end("verified", sha256=digest, bytes=self.final.stat().st_size)
        return True

    def fetch(self, connection, rng):
        """Asks one archive after the other; the status it ended with, or None."""
        self.take_over()
        stop, patience = self.shared.stop, self.shared.patience
        while self.left and self.failures < patience.attempts and not self.is_doubtful():
            base = self.next_archive()
            if base is None:
                return None
            failures = self.failures
            if self.attempt(base, connection):
                return "verified"
            if self.failures > failures:
                stop.wait(patience.delay(self.failures, rng))
        return None if stop.is_set() else self.give_up()

    def take_over(self):
        """Copies what an earlier run left into a part file of this run's own.

        It is not renamed: a run that was only asleep would go on writing into it.
        """
        old = self.final.with_name(self.row.part) if self.row.part else self.part.path
        if self.row.validator and old != self.part.path and old.exists():
            self.part.path.write_bytes(old.read_bytes())
            self.record(part=self.part.path.name)
            old.unlink()
        self.part.url, self.part.validator = self.row.url, self.row.validator

    def next_archive(self):
        """The first archive that need not be waited for, or else the soonest; None on a stop."""
        hosts, stop = self.shared.hosts, self.shared.stop
        while not stop.is_set():
            base = min(self.left, key=hosts.wait)
            pause = hosts.wait(base)
            if not pause:
                return base
            stop.wait(pause)
        return None

    def is_doubtful(self):
        """Whether one archive lacks it and no other answers: it is not worth hours of waiting."""
        if not self.lacking or self.is_somewhere():
            return False
        return all(base in self.silent or self.shared.hosts.wait(base) for base in self.left)

    def is_somewhere(self):
        """Whether an archive gave some of it, be it wrong."""
        return bool(self.wrong or self.part.size)

    def attempt(self, base, connection):
        """One question and its answer; whether the file is there now."""
        url, shared = archive.address(base, self.row.path), self.shared
        self.asked += 1
        try:
            length = connection.fetch(url, self.part, self.begun)
            digest = check(self.part.path, self.slot, self.row.channel, shared.shape, length)
        except (TransferError, RefusedFileError) as error:
            if not shared.stop.is_set():
                self.learn(base, error)
            return False
        shared.hosts.succeeded(base)
        self.publish(url, digest)
        shared.gain()
        return True

    def begun(self, part, length):
        """Writes into the manifest what the part is of, so that a later run can go on with it."""
        self.shared.answered = True
        known = {"url": part.url, "validator": part.validator, "bytes": length}
        self.record(status="part", part=part.path.name, **known)

    def learn(self, base, error):
        """Draws the lesson from a failure."""
        hosts = self.shared.hosts
        if isinstance(error, AbsentError):
            hosts.succeeded(base)
            self.shared.gain()
            self.left.remove(base)
            self.lacking.append(base)
            return
        self.failures += 1
        self.error = f"{host_of(base)}: {error}"
        self.status = "refused" if isinstance(error, RefusedFileError) else "failed"
        if isinstance(error, CutShortError) and error.gained:
            self.shared.gain()
            return  # the same archive can give the rest
        self.left.append(self.left.pop(self.left.index(base)))
        if isinstance(error, RefusedFileError) and error.name == self.part.path.name:
            self.shared.gain()  # the archive works, its file is wrong
            self.give_up_part(base)
        else:
            pause = error.pause if isinstance(error, BusyError) else None
            self.shared.answered |= pause is not None  # it is there, and says when to come again
            self.silent.add(base)
            hosts.failed(base, pause)

    def give_up_part(self, base):
        """Deletes a part that turned out wrong; an archive that keeps giving it has no other."""
        content = (base, hashlib.sha256(self.part.path.read_bytes()).digest())
        self.wrong[content] += 1
        if self.wrong[content] == SAME_WRONG:
            self.left.remove(base)
        self.part.discard()

    def publish(self, url, digest):
        """The file appears under its name, whole, and only if it is still this run's."""
        _sync(self.part.path)
        with self.shared.manifest.transaction():
            self.end("verified", sha256=digest, bytes=self.part.size, url=url)
            self.part.path.replace(self.final)
        _sync(self.final.parent)

    def give_up(self):
        """Writes the last word on a file that did not come."""
        if self.lacking and not (self.failures and self.is_somewhere()):
            self.error = "no archive has it"
            if self.left:
                self.error = f"absent at {_hosts(self.lacking)}; {_hosts(self.left)} did not answer"
            self.end("absent", url=" ".join(self.lacking))
            return "failed" if self.left else "absent"  # one that failed gets a second turn
        there = {} if self.part.size else {"part": None, "validator": None}
        self.record(status=self.status, **there)
        return self.status

    def end(self, status, **columns):
        """Records a status that leaves no part."""
        self.record(status=status, part=None, validator=None, **columns)

    def record(self, **columns):
        """Writes into the manifest, unless the file is not this run's any more."""
        columns |= {"error": self.error, "attempts": self.row.attempts + self.asked}
        if not self.shared.manifest.record(self.row.path, self.shared.run, **columns):
            raise ClaimLostError(self.row.path)


def _hosts(archives):
    return ", ".join(map(host_of, archives))


def _sync(path: pathlib.Path):
    """Has what was written reach the disk; folders too, where the system can."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
