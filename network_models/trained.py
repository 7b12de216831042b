"""Opens a finished run again: its network, its settings, and the dataset they describe."""

import dataclasses
import functools
import json
import pathlib

import numpy as np
import pandas as pd

from network_models import decoding, evaluation, experiment, loading
from network_models.finished_runs import find_model, nearest, run_of
from tools import configuration


@dataclasses.dataclass(frozen=True)
class Trained:
    """A run's network and what it was trained with.

    Attributes:
        file: the .keras file.
        folder: the run folder.
        config: the run's config, with the fields that were set anew.
        names: dict, what the run's own network.py defines: build_dataset, its losses ...
        fields: which fields were set anew, as "name=value".
    """

    file: pathlib.Path
    folder: pathlib.Path
    config: experiment.Config
    names: dict
    fields: tuple = ()

    @functools.cached_property
    def dataset(self):
        """The `Dataset` of `config`; opened when it is first asked for.

        Raises:
            DatasetNotFoundError: if its files are not there.
        """
        return self.names["build_dataset"](self.config).arranged(self.config)

    @property
    def evaluators(self):
        """The evaluators that the run's network.py calls `EVALUATORS`; () where there are none."""
        return tuple(self.names.get("EVALUATORS", ()))

    def model(self):
        """The network, in physical units."""
        return loading.load(self.file, names=self._callables())

    def scored_model(self):
        """The network as it is scored: with its loss and metrics, and the decoder before it.

        Raises:
            ValueError: if the dataset's inputs are not those of the network.
        """
        model = loading.load(self.file, compiled=True, names=self._callables())
        check_inputs(model, self.dataset)
        model.jit_compile = self.config.jit_compile
        first = evaluation.in_order(self.dataset, self.dataset.splits[-1], self.config)[0]
        decoding.prepare(model, self.dataset, first)
        return model

    def splits(self, named=()):
        """The splits that `named` means: those not trained on if empty, every one for ("all",).

        Raises:
            ValueError: if there is no such split.
        """
        known = tuple(self.dataset.splits)
        if tuple(named) == ("all",):
            return known
        for split in named:
            if split not in known:
                raise ValueError(
                    f"There is no split {split!r}. Expected some of {known}, or all."
                    f"{nearest(split, known)}"
                )
        return tuple(named) or known[1:]

    def decoded_batches(self, split):
        """Yields the batches of a whole split in order, in physical units."""
        data = evaluation.in_order(self.dataset, split, self.config)
        decoder = self.dataset.decoder()
        return (decoding.decoded(data[i], decoder) for i in range(data.num_batches))

    def descriptions(self, split):
        """What the dataset knows about each sample of a split."""
        return [self.dataset.describe(split, i) for i in range(self.dataset.size(split))]

    @property
    def provenance(self):
        """Dict of what the run was made with; its "caveats" hold for all that it says."""
        return json.loads((self.folder / "provenance.json").read_text())

    @property
    def target_unit(self):
        """Unit of the forecast as the run recorded it; "" where it has no scores yet."""
        file = self.folder / "performance" / "scores.json"
        return json.loads(file.read_text())["unit"] if file.exists() else ""

    def input_unit(self, name):
        """Unit of an input as the run recorded it in summary.txt; "" where it says nothing."""
        file = self.folder / "summary.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        found = [line for line in lines if line.startswith(f"  {name}: (")]
        return found[0].rpartition("), ")[2] if found else ""

    def caveats(self, splits):
        """Sentences on what the network may have seen of `splits`, to stand beside their scores."""
        recorded = pd.read_csv(self.folder / "split.csv", dtype={"id": str}, parse_dates=["time"])
        learnt = recorded[recorded["split"] == self.dataset.splits[0]]
        changed = self.provenance["dataset"] != self.dataset.fingerprint()
        table = self.dataset.split_table()
        tables = {split: table[table["split"] == split] for split in splits}
        sentences = [_caveat(split, rows, learnt, changed) for split, rows in tables.items()]
        return tuple(sentence for sentence in sentences if sentence)

    def _callables(self):
        return {name: thing for name, thing in self.names.items() if callable(thing)}


def open_run(named="", fields=(), runs=None):
    """Opens a run with its own copies of config.py and network.py.

    Args:
        named: as of `find_model`.
        fields: "name=value" texts that set fields of the config anew; the network stays as it is.
        runs: as of `find_model`.

    Returns:
        `Trained`.

    Raises:
        FileNotFoundError: if there is no such run.
        ValueError: if the file belongs to no run, or a field is unknown or does not fit.
    """
    file = find_model(named, runs)
    folder = run_of(file)
    if folder is None:
        raise ValueError(
            f"{file} lies in no run, so nothing says which dataset it is for. Expected a model in "
            "the epochs/ of a run folder, beside the config.json that it was trained with. Name a "
            "run. (examine_weights.py takes any .keras file.)"
        )
    return Trained(
        file=file,
        folder=folder,
        config=read_config(folder, fields),
        names=vars(loading.load_module(folder / "network.py")),
        fields=tuple(fields),
    )


def read_config(folder, fields=()):
    """The recorded config of a run folder, with `fields` ("name=value") set anew.

    Raises:
        ValueError: if a field is unknown or does not fit.
    """
    settings = json.loads((pathlib.Path(folder) / "config.json").read_text())
    kind = type(loading.load_config(folder).config)
    recorded = loading.config_from(settings, kind)
    try:
        config = configuration.override(recorded, [f"--{field}" for field in fields])
    except ValueError as error:
        raise ValueError(
            f"{error} Here it is --set FIELD=VALUE, and {folder / 'config.py'} lists the fields."
        ) from None
    return experiment.check_values(config)


def check_inputs(model, dataset):
    """Refuses a dataset whose inputs are not those that a network was built for.

    Raises:
        ValueError: telling both shapes.
    """
    try:
        inputs = model.input
    except (AttributeError, ValueError):  # subclassed: it takes whatever it is called with
        return
    if not isinstance(inputs, dict):
        return
    wanted = {name: tuple(tensor.shape[1:]) for name, tensor in inputs.items()}
    given = {name: tuple(dataset.input_shape.get(name, ())) for name in wanted}
    if not all(_fits(given[name], shape) for name, shape in wanted.items()):
        raise ValueError(
            f"The network does not take what this dataset gives. Expected {wanted}. Received: "
            f"{given}. Leave out what changes the shape of a sample from --set."
        )


def _fits(given, wanted):
    sides = zip(given, wanted, strict=False)
    return len(given) == len(wanted) and all(w in (None, g) for g, w in sides)


def _caveat(split, rows, learnt, changed):
    """What stands beside the scores of a split, "" where the run recorded it as it is.

    Args:
        split: its name.
        rows: DataFrame, its part of the split table.
        learnt: DataFrame, the recorded samples that were trained on.
        changed: whether the dataset is another than was recorded.
    """
    seen = int(rows["id"].astype(str).isin(learnt["id"]).sum())
    if seen:
        return f"TRAINED ON: the network learnt from {seen} of the {len(rows)} samples of {split}."
    if not changed:
        return ""
    hours = _distance(rows["time"], learnt["time"]) / np.timedelta64(1, "h")
    return (
        f"OTHER DATA: these samples or settings are not those of the run; {split} comes within "
        f"{hours:.1f} h of samples that were trained on."
    )


def _distance(times, others):
    """The shortest time between one of `times` and one of `others`, timedelta64."""
    others = np.sort(others.to_numpy("datetime64[s]"))
    times = times.to_numpy("datetime64[s]")
    after = np.searchsorted(others, times)
    before = others[np.clip(after - 1, 0, None)]
    after = others[np.clip(after, None, len(others) - 1)]
    return np.minimum(np.abs(times - before), np.abs(times - after)).min()
