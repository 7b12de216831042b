"""Fetching files of the archive so that none is lost, damaged or fetched twice.

Any number of programs may fetch into one folder at once, and each may be killed at any time: a
file appears under its name only when it is verified, and what was begun is continued.
"""

import concurrent.futures
import contextlib
import pathlib
import random
import sys
import time
from collections.abc import Iterable

import numpy as np
from tqdm import tqdm

from dataset_models.sdo.download import manifest as manifests
from dataset_models.sdo.download.archive import ARCHIVES, SHAPE, refuse_wrong_addresses
from dataset_models.sdo.download.manifest import Manifest
from dataset_models.sdo.download.patience import Patience, host_of
from dataset_models.sdo.download.retrieval import retrieve
from dataset_models.sdo.download.shared import Shared
from dataset_models.sdo.download.summary import Summary, summarise
from dataset_models.sdo.download.transfer import Connection
from dataset_models.sdo.download.work_queue import WorkQueue

JOBS = 4  # connections, by default
TICK_SECONDS = 0.2  # between looks at the clock and the progress bar


class UnreachableError(ConnectionError):
    """No archive could be reached, or none gave anything for too long."""


def fetch(
    wanted: Iterable[tuple[np.datetime64, int]],
    folder: str | pathlib.Path,
    archives: Iterable[str] = ARCHIVES,
    jobs: int = JOBS,
    *,
    shape: tuple[int, int] | None = SHAPE,
    patience: Patience | None = None,
    ask_again: bool = False,
    seed: int | None = None,
    progress: bool = True,
) -> Summary:
    """Fetches files into a folder; its manifest lies there as `manifest.sqlite`.

    Files that are there are not fetched again. One that no archive had is not asked for again
    either, unless the answer is of less than 14 days after the observation. Where another archive
    is given now, or one did not answer before, it alone is asked.

    Args:
        wanted: pairs of slot (datetime64, UTC) and channel (Angstrom).
        folder: gets them, laid out as in the archive.
        archives: addresses of the same layout, asked in this order.
        jobs: connections at most.
        shape: (height, width) of every image, pixels; None takes any square.
        patience: waits, timeouts and attempts.
        ask_again: also for files that no archive had.
        seed: of the jitter of the waits.
        progress: whether to show a bar, on a terminal.

    Returns:
        What became of them.

    Raises:
        ValueError: no archive or a wrong address, no jobs, an unknown channel, or a manifest of
            another version.
        UnreachableError: no archive answers; the message names the hosts.
        OSError: the disk is full, or the folder cannot be written.
    """
    archives = tuple(archives)
    refuse_wrong_addresses(archives)
    _refuse_no_jobs(jobs)
    begun, folder = time.monotonic(), pathlib.Path(folder)
    with _disk_errors(folder), Manifest(folder / manifests.NAME) as manifest:
        paths = manifest.add(wanted)
        run = manifest.begin_run()
        shared = Shared(folder, manifest, run, archives, shape, patience or Patience())
        shared.ask_again = ask_again
        crew = _Crew(shared, WorkQueue(shared, paths), seed)
        crew.run(jobs, len(paths), progress)
        rows = (manifest.row(path) for path in paths)
        summary = summarise(rows, crew.queue.fetched, crew.moved, time.monotonic() - begun)
    if summary.failed and not shared.answered:
        raise _unreachable(shared)
    return summary


def _refuse_no_jobs(jobs):
    if jobs < 1:
        raise ValueError(
            "Nothing can be fetched without a connection. Expected jobs of at least 1. Received: "
            f"jobs={jobs!r}. Leave it out to get {JOBS}."
        )


class _Crew:
    """The threads of one run."""

    def __init__(self, shared, queue, seed):
        self.shared, self.queue, self.seed = shared, queue, seed
        self.connections = []

    @property
    def moved(self):
        return sum(connection.moved for connection in self.connections)

    def run(self, jobs, files, progress):
        """Empties the queue under a bar, and tells the manifest that the run has ended."""
        shared, queue = self.shared, self.queue
        try:
            with _bar(files, queue.closed, progress) as bar:
                self._work_off(jobs, bar)
        finally:
            with contextlib.suppress(OSError):  # a full disk; the claims end by themselves
                shared.manifest.end_run(shared.run, queue.fetched, self.moved)

    def _work_off(self, jobs, bar):
        """Empties the queue; ends the threads whatever happens."""
        jobs = max(1, min(jobs, len(self.queue)))
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            futures = [pool.submit(self._work, number) for number in range(jobs)]
            try:
                self._watch(futures, bar)
            except KeyboardInterrupt:
                tqdm.write("Stopping ...", file=sys.stderr)
                raise
            finally:
                self.shared.stop.set()
                for connection in self.connections:
                    connection.hang_up()

    def _watch(self, futures, bar):
        """Keeps bar and claims up to date until all threads are done; raises their errors."""
        shared, said = self.shared, 0.0
        while True:
            done, left = concurrent.futures.wait(
                futures, TICK_SECONDS, return_when=concurrent.futures.FIRST_EXCEPTION
            )
            for future in done:
                future.result()
            self._show(bar)
            if not left:
                return
            if shared.out_of_reach():
                raise _unreachable(shared)
            if time.monotonic() - said > shared.patience.claim / 4:
                shared.manifest.keep_alive(shared.run, self.queue.fetched, self.moved)
                said = time.monotonic()

    def _work(self, number):
        shared, queue = self.shared, self.queue
        rng = random.Random(None if self.seed is None else f"{self.seed} {number}")
        connection = Connection(shared.patience, shared.stop)
        self.connections.append(connection)
        with contextlib.closing(connection):
            while row := queue.take():
                queue.settle(row, retrieve(shared, row, connection, rng))

    def _show(self, bar):
        megabytes = self.moved / 1e6
        rate = megabytes / max(bar.format_dict["elapsed"], TICK_SECONDS)
        bar.set_postfix_str(f"{megabytes:.1f} MB, {rate:.2f} MB/s", refresh=False)
        bar.update(self.queue.closed - bar.n)


def _unreachable(shared):
    hosts = ", ".join(dict.fromkeys(host_of(archive) for archive in shared.archives))
    if shared.answered:
        what = f"gave anything for {shared.patience.outage / 3600:.1f} hours"
    else:
        what = "answered, or only with errors"
    return UnreachableError(
        f"No archive {what}. Expected one of these hosts to answer: {hosts}. Check the network, "
        "or name another archive, and run again: what came is kept, and fetching goes on from it."
    )


@contextlib.contextmanager
def _disk_errors(folder):
    """Errors of the disk in the words of this project."""
    try:
        yield
    except ConnectionError:
        raise
    except OSError as error:
        if error.errno is None:  # the manifest's, in words already
            raise
        raise OSError(
            f"{folder} cannot be written: {error.strerror}. Expected a folder with free space "
            "that this user may write to. Nothing is lost: verified files stay, and parts will "
            "be continued. Make room, or name another folder, and run again."
        ) from error


def _bar(total, there, progress):
    disable = None if progress else True  # None: shown on a terminal only
    return tqdm(total=total, initial=there, desc="Fetching", unit="file", disable=disable)
