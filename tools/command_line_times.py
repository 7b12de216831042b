"""Times on the command lines of scripts."""

import argparse
import datetime

import numpy as np


def utc_time(text: str) -> np.datetime64:
    """A time of an option: ISO 8601, in whole minutes, UTC; a type for argparse.

    Returns:
        datetime64 in minutes.

    Raises:
        argparse.ArgumentTypeError: it is no such time, or of another zone.
    """
    try:
        time = datetime.datetime.fromisoformat(text)
        if time.utcoffset() or time.second or time.microsecond:
            raise ValueError
    except ValueError:
        wanted = "expected a time (UTC, whole minutes) such as 2014-01-01 or 2014-01-01T18:52"
        raise argparse.ArgumentTypeError(f"{wanted}, received {text!r}") from None
    return np.datetime64(time.replace(tzinfo=None), "m")
