"""The folder of one run: what is recorded in it, and whether it can be gone on with."""

import contextlib
import dataclasses
import datetime
import difflib
import fcntl
import hashlib
import json
import pathlib

import keras

from network_models import model_summary
from tools import strict_json, tools

PARTS = ("epochs", "performance", "maps", "features", "embeddings", "tensorboard")
CODE = ("config.py", "network.py")
ROOMS = ("network_models", "dataset_models", "tools")


class RunFolder:
    """`trained_models/TRAINING_START_TIME/`: one training, from its settings to its scores.

    Args:
        path: the folder, which exists.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path).resolve()
        for part in PARTS:
            (self.path / part).mkdir(exist_ok=True)
            setattr(self, part, self.path / part)

    @property
    def state_file(self):
        """Where the state of training lies that --resume starts from."""
        return self.epochs / "state.npz"

    @property
    def best_model(self):
        """Where the model with the best monitored number lies.

        Raises:
            FileNotFoundError: if it is not there.
        """
        file = self.epochs / "best.keras"
        if not file.exists():
            raise FileNotFoundError(
                f"There is no {file}. Expected the best model of a run whose training is done. "
                "Copy one of the epoch_*.keras beside it to that name, or start a new run."
            )
        return file

    @contextlib.contextmanager
    def locked(self):
        """Keeps other processes out of the run while the block lasts; tidies up after killed ones.

        Raises:
            BlockingIOError: if another process is working on the run.
        """
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BlockingIOError(
                    f"Another process is working on {self.path}. Expected one at a time. Wait for "
                    "it, or name another run with --resume=RUN."
                ) from error
            for left_over in self.path.rglob(".*.part.*"):
                left_over.unlink()
            yield self

    @property
    def provenance(self):
        """Dict of what the run was made with and which stages are done."""
        return json.loads((self.path / "provenance.json").read_text())

    @property
    def settings(self):
        """Dict of the run's config."""
        return json.loads((self.path / "config.json").read_text())

    def record(self, experiment, config, dataset, model):
        """Writes everything that is known before the first step."""
        for name in CODE:
            tools.write_text(self.path / name, (experiment / name).read_text())
        self.write_settings(config)
        tools.write_text(self.path / "split.csv", dataset.split_table().to_csv(index=False))
        drawn = model_summary.draw(model, self.path / "architecture.png")
        summary = model_summary.text(model, dataset) + ("" if drawn else model_summary.NO_DRAWING)
        tools.write_text(self.path / "summary.txt", summary)
        record = {
            **tools.provenance(),
            "experiment": str(experiment),
            "started": _now(),
            "backend": keras.backend.backend(),
            "devices": [str(device) for device in keras.distribution.list_devices()],
            "seed": config.seed,
            "dataset": dataset.fingerprint(),
            "caveats": list(dataset.caveats()),
            "code": code_hashes(),
            "stages": {},
        }
        strict_json.write(self.path / "provenance.json", record)

    def write_settings(self, config):
        """Writes config.json."""
        strict_json.write(self.path / "config.json", _plain(config))

    def done(self, stage):
        """Whether `stage` ended."""
        return stage in self.provenance["stages"]

    def finish(self, stage, seconds):
        """Records that `stage` ended, and how long its last stretch took."""
        record = self.provenance
        record["stages"][stage] = {"ended": _now(), "seconds": round(seconds, 2)}
        strict_json.write(self.path / "provenance.json", record)

    def reopen(self):
        """Forgets which stages are done, so that they are done again."""
        strict_json.write(self.path / "provenance.json", {**self.provenance, "stages": {}})

    def check_unchanged(self, experiment, config, dataset):
        """Refuses, with the difference, to go on with other code, settings or samples."""
        record = self.provenance
        if record["experiment"] != str(experiment):
            raise ValueError(
                f"{self.path} is a run of another experiment. Expected one of {experiment}. "
                f"Received a run of {record['experiment']}. Resume it there, or start a new run."
            )
        found = differences(self.path, experiment, config) + _code_difference(record["code"])
        if record["dataset"] != dataset.fingerprint():
            found.append("the dataset: other samples, or another split (see split.csv)")
        if found:
            raise ValueError(
                f"{self.path} can't be resumed: what ran then differs from what would run now. "
                "Expected the same code, data and settings (epochs apart). Different:\n"
                + "\n".join(found)
                + "\nUndo the changes, or start a new run with --weights to use its best weights."
            )


def create(parent):
    """Returns a new `RunFolder` named by the time; a second in the same second gets -2.

    Raises:
        OSError: if it cannot be made there.
    """
    name = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    for suffix in ["", *(f"-{i}" for i in range(2, 100))]:
        path = pathlib.Path(parent) / (name + suffix)
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise OSError(
                f"No run folder can be made in {parent}: {error.strerror}. Expected a folder that "
                "can be written to, or a path where one can be made. Name it with --output=FOLDER."
            ) from error
        return RunFolder(path)
    raise FileExistsError(f"{parent} holds 99 runs of {name}. Expected fewer: wait a second.")


def newest(parent, *, finished):
    """The newest run below `parent` that is finished, or that is not."""
    runs = sorted(pathlib.Path(parent).glob("*/provenance.json"), reverse=True)
    for file in runs:
        if ("explanations" in json.loads(file.read_text())["stages"]) == finished:
            return RunFolder(file.parent)
    kind = "finished" if finished else "unfinished"
    raise FileNotFoundError(
        f"There is no {kind} run in {parent}. Expected at least one among the {len(runs)} runs "
        "there. Start one by running network.py, or name one with --resume=RUN."
    )


def differences(run, experiment, config, apart=("epochs",)):
    """How a run's own code and settings differ from what would run now, a line each.

    Args:
        run: path of a run folder.
        experiment: path of an experiment's folder.
        config: what it would run with.
        apart: names of fields that may differ.
    """
    recorded = json.loads((run / "config.json").read_text())
    return _text_difference(run, experiment) + _settings_difference(recorded, config, apart)


def code_hashes():
    """Dict of file to SHA-256 of the house's code, the experiments' own left out."""
    files = [file for room in ROOMS for file in sorted((tools.REPOSITORY / room).rglob("*.py"))]
    return {
        str(file.relative_to(tools.REPOSITORY)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.name not in CODE and "trained_models" not in file.parts
    }


def _text_difference(run, experiment):
    lines = []
    for name in CODE:
        then, now = (run / name).read_text(), (experiment / name).read_text()
        lines += difflib.unified_diff(
            then.splitlines(), now.splitlines(), f"{name} (then)", f"{name} (now)", lineterm=""
        )
    return lines


def _code_difference(then):
    now = code_hashes()
    return [f"{name}: changed" for name in sorted(then | now) if then.get(name) != now.get(name)]


def _settings_difference(then, config, apart):
    now = _plain(config)
    return [
        f"--{name}: {then.get(name)!r} then, {now.get(name)!r} now"
        for name in sorted(then | now)
        if name not in apart and then.get(name) != now.get(name)
    ]


def _plain(config):
    """Dict of the fields of a config, as config.json gives them back."""
    return json.loads(json.dumps(dataclasses.asdict(config), default=str))


def _now():
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
