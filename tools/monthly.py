"""What lists and series that are fetched month by month share: patience, and when to ask again.

A month is kept in a file of its own, so that what came before a failure is not asked for again.
"""

import contextlib
import errno
import socket
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pandas as pd

ATTEMPTS = 4  # at a month
PAUSE = 5.0  # s, after the first failure; it doubles
TIMEOUT = 120.0  # s without a byte
LOCAL = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}  # no server's fault
Answer = TypeVar("Answer")


def fetch_month(
    ask: Callable[[], Answer],
    unanswered: Callable[[Exception], str],
    pause: float = PAUSE,
    failures: tuple[type[Exception], ...] = (OSError,),
) -> Answer:
    """What a server answers about a month; it is asked again where it fails.

    Args:
        ask: asks the server once.
        unanswered: what to tell the user of the last failure.
        pause: seconds after the first failure; doubled with each.
        failures: what `ask` raises where an answer may still come. URLError and time-outs are
            OSErrors.

    Raises:
        ConnectionError: all `ATTEMPTS` failed.
        OSError: this machine refused, as a full disk does; it is not asked again.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with time_limit(TIMEOUT):
                return ask()
        except failures as error:
            if is_local(error):
                raise
            if attempt == ATTEMPTS:
                raise ConnectionError(unanswered(error)) from error
            time.sleep(pause * 2 ** (attempt - 1))


def is_local(error: Exception) -> bool:
    """Whether this machine refused, by a full disk say: no other attempt at a server helps."""
    return getattr(error, "errno", None) in LOCAL


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Ends what a silent server would hold for ever: sunpy's clients set no limit of their own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def utc_now() -> pd.Timestamp:
    """The clock's time in UTC, without a zone."""
    return pd.Timestamp.now("UTC").tz_localize(None)


def stamp(time: pd.Timestamp) -> str:
    """A time as files say when they were fetched: 2014-03-20T06:00:00."""
    return f"{time:%Y-%m-%dT%H:%M:%S}"


def is_settled(fetched: str | None, month: pd.Period, after: pd.Timedelta) -> bool:
    """Whether what was fetched at that time (of `stamp`; None, or no time: nobody knows) is final.

    Archives go on mending a month for some time: until `after` its end.
    """
    when = pd.to_datetime(fetched or None, format="%Y-%m-%dT%H:%M:%S", errors="coerce")
    return bool(when is not None and when >= month.end_time + after)
