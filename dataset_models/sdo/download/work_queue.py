"""The files that one run still has to fetch, shared with other runs through the manifest."""

import collections
import threading
import time

from dataset_models.sdo.download.manifest import Row
from dataset_models.sdo.download.shared import Shared


class WorkQueue:
    """Gives each file to one thread; a file that failed gets a second turn at the end.

    Args:
        shared: of the run.
        paths: of all files that were asked for.

    Attributes:
        closed: number of files that need no more work.
        fetched: number of files that came in this run.
    """

    def __init__(self, shared: Shared, paths: list[str]):
        self._shared, self._lock = shared, threading.Lock()
        self._second_turn = set()
        self.fetched = 0
        self._open = collections.deque(path for path in paths if self._needs_work(path))
        self.closed = len(paths) - len(self._open)

    def __len__(self):
        return len(self._open)

    def take(self) -> Row | None:
        """Claims a file; None when there is no more work, or the run is to stop."""
        shared, held = self._shared, 0
        while not shared.stop.is_set():
            with self._lock:
                if not self._open:
                    return None
                path, waiting = self._open.popleft(), len(self._open)
            row = shared.manifest.claim(path, shared.run, shared.patience.claim)
            if row:
                return row
            if shared.manifest.row(path).status in ("verified", "absent"):
                self._close()  # by another run
                continue
            with self._lock:
                self._open.append(path)  # another run is fetching it, or died over it
            held += 1
            if held > waiting:
                shared.gained, held = time.monotonic(), 0  # the other run may gain
                shared.stop.wait(shared.patience.claim / 20)
        return None

    def settle(self, row: Row, status: str | None) -> None:
        """Notes how a file from `take` ended; None puts it back."""
        with self._lock:
            again = status == "failed" and row.path not in self._second_turn
            if again:
                self._second_turn.add(row.path)
            if again or status is None:
                self._open.append(row.path)
            else:
                self.closed += 1
            self.fetched += status == "verified"

    def _close(self):
        with self._lock:
            self.closed += 1

    def _needs_work(self, path):
        manifest, row = self._shared.manifest, self._shared.manifest.row(path)
        if row.status == "absent":
            return self._shared.ask_again or not row.lacking >= set(self._shared.archives)
        if row.status != "verified":
            return True
        final = self._shared.folder / path
        if final.exists() and final.stat().st_size == row.bytes:
            return False
        if final.exists():
            manifest.record(path, status="damaged", error="its length has changed since it came")
        else:
            manifest.record(path, status="wanted", error="it is gone")
        return True
