"""What finished runs wrote about themselves, read without opening their networks."""

import json
import pathlib
from collections.abc import Callable, Iterable

import pandas as pd

from tools import strict_json


def finished(folder: str | pathlib.Path) -> list[pathlib.Path]:
    """The run folders directly below `folder` whose forecasts are written, oldest first."""
    files = sorted(pathlib.Path(folder).glob("*/provenance.json"))
    return [file.parent for file in files if is_finished(file.parent)]


def is_finished(run: str | pathlib.Path) -> bool:
    """Whether a folder is a run whose forecasts are written."""
    file = pathlib.Path(run) / "provenance.json"
    return file.is_file() and "evaluation" in json.loads(file.read_text())["stages"]


def settings(run: str | pathlib.Path) -> dict:
    """The config of a run."""
    return json.loads((pathlib.Path(run) / "config.json").read_text())


def scores(run: str | pathlib.Path) -> dict:
    """What its scores.json holds; NaN where a score is undefined."""
    return strict_json.read_numbers(pathlib.Path(run) / "performance" / "scores.json")


def predictions(run: str | pathlib.Path) -> pd.DataFrame:
    """Its forecasts: id, time, split, target, forecast, and the references.

    Raises:
        ValueError: if its forecasts are no numbers in a table, images say.
    """
    file = pathlib.Path(run) / "performance" / "predictions.csv"
    if not file.is_file():
        raise ValueError(
            f"There is no {file}. Expected a finished run that forecasts numbers. Runs that "
            "forecast images are scored by evaluators of their own."
        )
    return pd.read_csv(file, dtype={"id": str}, parse_dates=["time"])


def caveats(runs: Iterable[str | pathlib.Path]) -> list[str]:
    """The sentences that must stand beside every score of these runs, each once."""
    found = [caveat for run in runs for caveat in scores(run).get("caveats", ())]
    return list(dict.fromkeys(found))


def marks(runs: Iterable[str | pathlib.Path]) -> tuple[str, ...]:
    """Words that pictures of these runs must carry: "SYNTHETIC" if any of their data was drawn."""
    drawn = any(caveat.startswith("SYNTHETIC") for caveat in caveats(runs))
    return ("SYNTHETIC",) if drawn else ()


def check_same(runs: list[pathlib.Path], what: dict[str, Callable]) -> None:
    """Refuses runs of different tasks.

    Args:
        runs: paths of run folders.
        what: dict of words to a function of a run's path; each must give the same for all.

    Raises:
        ValueError: naming what differs, and two runs.
    """
    for words, function in what.items():
        found = [function(run) for run in runs]
        for run, other in zip(runs[1:], found[1:], strict=True):
            if other != found[0]:
                raise ValueError(
                    f"These runs are of different tasks: their {words} differ. Expected "
                    f"{found[0]!r}, as in {runs[0]}. Received: {other!r} in {run}. Leave one out; "
                    "scores of different tasks do not compare."
                )
