"""What lists and series that are fetched month by month share: patience, and when to ask again.

A month is kept in a file of its own, so that what came before a failure is not asked for again.
"""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pandas as pd

ATTEMPTS = 4  # at a month
PAUSE = 5.0  # s, after the first failure; it doubles
TIMEOUT = 120.0  # s without a byte
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
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with time_limit(TIMEOUT):
                return ask()
        except failures as error:
            if attempt == ATTEMPTS:
                raise ConnectionError(unanswered(error)) from error
            time.sleep(pause * 2 ** (attempt - 1))


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
    """Whether what was fetched at that time (of `stamp`; None: nobody knows) is final.

    Archives go on mending a month for some time: until `after` its end.
    """
    return bool(fetched) and pd.Timestamp(fetched) >= month.end_time + after
