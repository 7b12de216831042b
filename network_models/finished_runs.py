"""Finds a trained network by whatever a user may call it."""

import difflib
import json
import pathlib

from network_models import loading, run_folder
from tools import configuration, run_records, tools

EXPERIMENTS = tools.REPOSITORY / "network_models"
FIRST_RUN = "python network_models/synthetic/version0/network.py"


def find_model(named="", runs=None):
    """The .keras file that a user means.

    Args:
        named: a run folder (its best model), a .keras file, an experiment's folder (its newest
            finished run), the name of a run, or "" for the newest finished run of all.
        runs: folder below which runs are looked for; network_models/ unless given.

    Raises:
        FileNotFoundError: if there is none.
    """
    path, runs = pathlib.Path(named).expanduser(), pathlib.Path(runs or EXPERIMENTS).expanduser()
    if not named:
        return _newest(runs)
    if path.is_file():
        return path.resolve()
    if (path / "provenance.json").exists():
        return _best(path.resolve())
    if path.is_dir():
        return _newest(path)
    return _best(_called(named, runs))


def run_of(file):
    """The run folder whose epochs/ holds `file`, or None."""
    folder = pathlib.Path(file).resolve().parents[1]
    return folder if (folder / "config.json").exists() else None


def made_before(folder, experiment, arguments, apart=()):
    """The finished runs directly below `folder`, which need not be made again.

    Args:
        folder: path.
        experiment: path of the experiment's folder.
        arguments: list of --field=value that a new run would get.
        apart: names of fields that may differ.

    Returns:
        Dict of seed to the path of its newest run.

    Raises:
        ValueError: if a run there was made with other settings, or by other code of its own.
    """
    config = configuration.override(loading.load_config(experiment).config, arguments)
    found = {}
    for run in run_records.finished(folder):
        if lines := run_folder.differences(run, experiment, config, apart):
            raise ValueError(
                f"{run} was made with other settings or another network. Expected runs of what is "
                "asked for now. Different:\n" + "\n".join(lines) + "\nTake another --output, or "
                "remove that run."
            )
        found[run_records.settings(run)["seed"]] = run
    return found


def nearest(word, known):
    """Offers the known word that is most like `word`, as a sentence; "" where none is."""
    close = difflib.get_close_matches(str(word), [str(one) for one in known], n=1)
    return f" Did you mean {close[0]}?" if close else ""


def _folders(below):
    """The run folders below a folder, oldest first: they are called by when they started."""
    found = [file.parent.resolve() for file in below.rglob("provenance.json")]
    return sorted(found, key=lambda folder: folder.name)


def _newest(below):
    folders = _folders(below)
    finished = [folder for folder in folders if _is_finished(folder)]
    if not finished:
        raise FileNotFoundError(
            f"There is no finished run below {below}. Expected at least one; {len(folders)} are "
            f"unfinished. Train a network first ({FIRST_RUN}), or name a run or a .keras file."
        )
    return _best(finished[-1])


def _is_finished(folder):
    stages = json.loads((folder / "provenance.json").read_text()).get("stages", {})
    return "explanations" in stages and (folder / "epochs" / "best.keras").exists()


def _called(name, below):
    folders = _folders(below)
    fitting = [folder for folder in folders if folder.name == name]
    if len(fitting) > 1:
        paths = ", ".join(map(str, fitting))
        raise FileNotFoundError(
            f"Several runs are called {name!r}. Expected one. Received: {paths}. Give its path."
        )
    if not fitting:
        raise FileNotFoundError(
            f"There is no run or model {name!r}. Expected a run folder, a .keras file, the folder "
            f"of an experiment, or the name of a run below {below}."
            f"{nearest(name, [folder.name for folder in folders])}"
        )
    return fitting[0]


def _best(folder):
    file = folder / "epochs" / "best.keras"
    if not file.exists():
        raise FileNotFoundError(
            f"The run {folder} has no model yet. Expected {file}. Wait until its first epoch has "
            "ended, or name another run."
        )
    return file
