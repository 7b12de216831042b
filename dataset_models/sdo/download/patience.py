"""How long to wait for a server, and how long to leave it alone."""

import dataclasses
import random
import threading
import time
from urllib.parse import urlsplit

from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry


@dataclasses.dataclass(frozen=True, kw_only=True)
class Patience:
    """Times (s) and counts of a download; the defaults suit a public archive.

    Attributes:
        connect_timeout: until a connection stands.
        read_timeout: without any byte: the answer has stalled.
        longest_answer: one answer may take, trickling; then it is broken off and resumed.
        attempts: at one file, in one run.
        base_delay: the first wait after a failure is up to this; it doubles with each.
        longest_delay: no such wait is longer.
        failures_before_rest: in a row, after which a host is left alone for a while.
        first_rest: the first such while; it doubles with each.
        longest_rest: no such while is longer.
        first_contact: without an answer from anyone, at the start of a run: there is no network.
        outage: without anything gained, later in a run: it ends, to be started again.
        claim: after which a file that another run was fetching counts as abandoned, when that
            run gives no sign of life.
    """

    connect_timeout: float = 20.0
    read_timeout: float = 60.0
    longest_answer: float = 900.0
    attempts: int = 8
    base_delay: float = 1.0
    longest_delay: float = 60.0
    failures_before_rest: int = 8
    first_rest: float = 15.0
    longest_rest: float = 300.0
    first_contact: float = 60.0
    outage: float = 6 * 3600.0
    claim: float = 60.0

    def delay(self, failures: int, rng: random.Random) -> float:
        """How long to wait (s) after that many failures in a row: exponential, full jitter.

        Source:
            M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
        """
        return rng.uniform(0, min(self.longest_delay, self.base_delay * 2 ** (failures - 1)))

    def rest(self, rests: int) -> float:
        """How long (s) a host is left alone, when that many rests before did not help."""
        return min(self.longest_rest, self.first_rest * 2.0**rests)


def retry_after(text: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, or None where it asks for nothing sensible.

    Args:
        text: a number of seconds or an HTTP date, as RFC 9110, section 10.2.3, allows.
    """
    try:
        return None if text is None else Retry().parse_retry_after(text)
    except (InvalidHeader, OverflowError, ValueError):
        return None


def host_of(archive: str) -> str:
    """The host of an address, with its port where one is given."""
    return urlsplit(archive).netloc


class Hosts:
    """What all threads of a run know about the servers: who rests, and until when.

    Args:
        patience: a `Patience`.
        clock: gives the time in s; it must not go backwards.
    """

    def __init__(self, patience: Patience, clock=time.monotonic):
        self.patience, self.clock = patience, clock
        self._lock = threading.Lock()
        self._free_at, self._failures, self._rests = {}, {}, {}

    def wait(self, archive: str) -> float:
        """Seconds until this archive may be asked again; 0 where it may be asked now."""
        with self._lock:
            return max(0.0, self._free_at.get(host_of(archive), 0.0) - self.clock())

    def succeeded(self, archive: str) -> None:
        """Notes that the archive answers as it should."""
        with self._lock:
            self._failures.pop(host_of(archive), None)
            self._rests.pop(host_of(archive), None)

    def failed(self, archive: str, pause: float | None = None) -> None:
        """Notes a failure; after several in a row the host rests, and again after one more.

        Args:
            archive: its address.
            pause: the seconds that the server itself asked for.
        """
        host, now = host_of(archive), self.clock()
        with self._lock:
            resting = self._free_at.get(host, 0.0) > now  # then the news is old: asked before that
            self._failures[host] = self._failures.get(host, 0) + (not resting)
            if self._failures[host] >= self.patience.failures_before_rest and not resting:
                rests = self._rests.get(host, 0)
                pause = max(pause or 0.0, self.patience.rest(rests))
                self._failures[host] -= 1
                self._rests[host] = rests + 1
            if pause:
                until = now + min(pause, self.patience.outage)
                self._free_at[host] = max(self._free_at.get(host, 0.0), until)
