"""`sources.json` beside the label files: what each of them was made of.

It holds a list of runs, the latest last, and of each the files that it wrote. A file that a later
run replaced is listed with that run alone. A file whose SHA-256 is another one was changed, or made
by a run that did not end.
"""

import hashlib
import json
import logging
import pathlib
from collections.abc import Sequence

from tools import strict_json

FILE = "sources.json"
_LOG = logging.getLogger(__name__)


def file_record(path: str | pathlib.Path, folder: pathlib.Path) -> dict:
    """Name and SHA-256 of a file.

    Args:
        path: the file.
        folder: the data folder; the names of files in it are relative to it, with slashes. Of
            files that lie elsewhere the name alone is told.
    """
    path, folder = pathlib.Path(path).resolve(), folder.resolve()
    inside = path.is_relative_to(folder)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.relative_to(folder).as_posix() if inside else path.name, "sha256": digest}


def write_record(folder: pathlib.Path, run: dict, rows: dict[str, int]) -> None:
    """Adds a run to `sources.json`, which is written whole, its keys sorted, without clock times.

    Args:
        folder: of the label files.
        run: what the files were made of, as JSON can write it.
        rows: number of rows of each file that the run wrote, by its name.
    """
    labels = [{**file_record(folder / name, folder), "rows": rows[name]} for name in sorted(rows)]
    earlier = _earlier(folder / FILE, {path.name for path in folder.iterdir()} - rows.keys())
    runs = [one for one in earlier if one["labels"]] + [{**run, "labels": labels}]
    strict_json.write(folder / FILE, {"runs": [_sorted(one) for one in runs]})


def time_pairs(pairs: Sequence[tuple]) -> list[list[str]]:
    """Pairs of datetime64 as text, to the second."""
    return [[str(edge.astype("datetime64[s]")) for edge in pair] for pair in pairs]


def _earlier(path, kept):
    # The runs that the file tells of, each with those of its label files that are among `kept`.
    if not path.is_file():
        return []
    try:
        return [
            {**run, "labels": [one for one in run["labels"] if one["name"] in kept]}
            for run in json.loads(path.read_bytes())["runs"]
        ]
    except (ValueError, LookupError, TypeError) as error:
        text = "%s is damaged, and written anew: what earlier labels were made of is lost. %r"
        _LOG.warning(text, path, error)
        return []


def _sorted(value):
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value
