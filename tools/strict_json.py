"""JSON files that every reader opens: undefined numbers are null, which the standard knows.

Source:
    RFC 8259, section 6: NaN, Infinity and the like are not permitted among numbers.
"""

import json
import math
import pathlib

from tools import tools


def write(path: str | pathlib.Path, record: dict) -> None:
    """Writes a file whole; numbers that are NaN or infinite, which JSON does not have, are null.

    Args:
        path: of the file.
        record: dict of what JSON can write, nested as deep as need be.
    """
    text = json.dumps(_with_null(record), indent=1, allow_nan=False)
    tools.write_text(path, text)


def read_numbers(path: str | pathlib.Path) -> dict:
    """What `write` wrote of a record in which null stands for a number: it is NaN again.

    Files of old, which hold NaN itself, open as well.

    Args:
        path: of the file.
    """
    return _with_nan(json.loads(pathlib.Path(path).read_text(encoding="utf-8")))


def _with_null(value):
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _within(value, _with_null)


def _with_nan(value):
    return math.nan if value is None else _within(value, _with_nan)


def _within(value, function):
    """A dict or list with `function` applied to what it holds; anything else as it is."""
    if isinstance(value, dict):
        return {name: function(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [function(item) for item in value]
    return value
