"""What an evaluation of several years is to do, written before anything is trained or forecast."""

import argparse
import datetime
import hashlib
import json
import pathlib

from tools import run_records, tools


def declare(options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Writes protocol.json before the first forecast of a test year; returns what it holds.

    The time of an earlier protocol that says the same stays.

    Args:
        options: of the command line.
        folder: where to.

    Raises:
        FileNotFoundError: if there is no such experiment.
        ValueError: if the earlier protocol is damaged.
    """
    file = folder / "protocol.json"
    plan = {
        "experiment": str(options.experiment),
        "years": options.years,
        "seeds": options.seeds,
        "fields": options.fields,
        "sha256": {name: _hash(options.experiment / name) for name in ("network.py", "config.py")},
    }
    before = _earlier(file) if file.is_file() else {}
    if all(before.get(name) == value for name, value in plan.items()):
        return {name: before[name] for name in (*plan, "declared", "finished_before")}
    plan["declared"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    finished = (run_records.finished(folder / str(year)) for year in options.years)
    plan["finished_before"] = [str(run.relative_to(folder)) for runs in finished for run in runs]
    tools.write_text(file, json.dumps(plan | tools.provenance(), indent=1))
    return plan


def _earlier(file):
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(
            f"{file} is damaged. Expected the protocol of an earlier call, as JSON. Received: "
            f"{error}. Take another --output, or delete it if no run there counts."
        ) from error


def _hash(file):
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no {file}. Expected the folder of an experiment with the field test_year, "
            "such as network_models/xray_flux_forecast/light_curve."
        )
    return hashlib.sha256(file.read_bytes()).hexdigest()
