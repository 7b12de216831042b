"""Errors that tell a user what to do, apart from those that somebody must look into."""

import contextlib
import pathlib
import traceback

from tools import tools

ROOMS = tuple(tools.REPOSITORY / room for room in ("network_models", "dataset_models", "tools"))


@contextlib.contextmanager
def without_traceback():
    """Ends the process with status 1, and the message alone on stderr, where the house refuses.

    Any other error keeps its traceback: a bug, or a layer that does not fit, is found by it.
    """
    try:
        yield
    except Exception as error:
        if not is_refusal(error):
            raise
        raise SystemExit(str(error)) from None


def is_refusal(error):
    """Whether a `raise` of the house's own code, and no library or accident, made an error.

    Args:
        error: an exception that was caught.
    """
    place = traceback.extract_tb(error.__traceback__)[-1]
    inside = any(pathlib.Path(place.filename).is_relative_to(room) for room in ROOMS)
    return inside and place.line.startswith("raise ")
