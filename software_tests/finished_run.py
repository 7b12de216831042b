"""A run folder as the runner leaves it, as far as the scripts of tools/runs read it."""

import dataclasses
import json

from network_models import loading
from tools import configuration, tools


def record(run, experiment, arguments=()):
    """Writes what a finished run of `experiment` says about itself; returns its settings.

    Args:
        run: path of the run folder.
        experiment: path of the experiment's folder.
        arguments: list of --field=value that it was started with.
    """
    config = configuration.override(loading.load_config(experiment).config, arguments)
    settings = dataclasses.asdict(config)
    for name in ("config.py", "network.py"):
        tools.write_text(run / name, (experiment / name).read_text())
    tools.write_text(run / "config.json", json.dumps(settings, default=str))
    record = {"seed": config.seed, "stages": {"training": {}, "evaluation": {}}}
    tools.write_text(run / "provenance.json", json.dumps(record))
    return settings
