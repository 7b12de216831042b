"""What finished runs forecast, side by side: as numbers, or as probabilities of a flare class."""

import types

import numpy as np
import pandas as pd

from network_models import heads, trained
from tools import distributions, run_records
from tools.class_scores import Outcomes
from tools.forecast_tables import weights_of

TASK = ("dependent_variable", "lag_minutes", "catch_minutes", "threshold", "threshold_scale")
ABOUT = ("id", "time", "split", "target", "weight")  # columns that are no forecasts
SPLITS = ("validation", "test")
CLIMATOLOGY = "climatology"


def read(runs, fields=TASK):
    """The forecasts of finished runs that are of one task and of the same samples.

    Args:
        runs: paths of run folders.
        fields: names of settings that must be the same in all.

    Returns:
        List of DataFrame, as `run_records.predictions` gives them, with a weight of each sample.

    Raises:
        ValueError: naming the run, and what differs.
    """
    for run in runs:
        if not run_records.is_finished(run):
            raise ValueError(
                f"{run} is no finished run. Expected folders of trained_models/ with forecasts. "
                "Finish it with network.py --resume, or leave it out."
            )
    alike = {
        f"fields {field}": lambda run, field=field: run_records.settings(run).get(field)
        for field in fields
    }
    run_records.check_same(runs, {"units": unit, **alike})
    tables = [run_records.predictions(run) for run in runs]
    tables = [table.assign(weight=weights_of(table)) for table in tables]
    for run, table in zip(runs, tables, strict=True):
        if differing := _differing(tables[0], table):
            raise ValueError(
                f"{run} is of other samples than {runs[0]}: {differing}. Expected the same ids and "
                "targets in both. Train both on the same data and splits, or leave one out."
            )
    return tables


def numbers(table, settings):
    """The forecasts themselves; of a distribution its mean or its quantile nearest the middle.

    Args:
        table: of `read`; of several columns that are no distribution the first is taken.
        settings: of the run.

    Returns:
        Array, shape (n,).

    Raises:
        ValueError: if the network forecasts classes.
    """
    head, column = settings.get("head", "flux"), 0
    if head == "class":
        raise ValueError(
            "A network with the head class forecasts no flux. Expected --class with one of its "
            f"thresholds: {settings['thresholds']}."
        )
    if head == "quantiles":
        column = int(np.abs(np.array(settings["levels"]) - 0.5).argmin())
    return table[columns(table)[column]].to_numpy()


def probabilities(table, settings, name):
    """Probabilities to reach a flare class, shape (n,), whatever the network's head.

    Args:
        table: of `read`.
        settings: of the run.
        name: the flare class, such as "M1.0".

    Raises:
        ValueError: if the network has the head class, and no column for this one.
    """
    head, forecast = settings.get("head", "flux"), table[columns(table)].to_numpy()
    if head != "class":
        threshold = log_threshold(name, settings)
        levels = settings.get("levels", ())
        return distributions.exceedance(head, forecast, [threshold], levels)[:, 0]
    if name not in settings["thresholds"]:
        raise ValueError(
            f"A network with the head class says nothing of {name}. Expected one of "
            f"{settings['thresholds']}. Take one of these for --class."
        )
    return forecast[:, settings["thresholds"].index(name)]


def outcomes(run, table, name):
    """Samples with 0 and 1 as their target, and what the references say, a column each.

    Args:
        run: path of a run folder, whose dataset knows the references.
        table: of `read`.
        name: the flare class.

    Returns:
        DataFrame: ABOUT, the subsets, "climatology" (how often the class was reached in training),
        and `Dataset.class_baselines`.

    Raises:
        ValueError: if the run forecasts no log10 of a flux, or its dataset has other samples now.
    """
    if unit(run) != heads.LOG_FLUX:
        raise ValueError(
            f"--class needs forecasts in {heads.LOG_FLUX}. Received: forecasts in {unit(run)!r}. "
            "Leave --class out: probabilities of a flare are scored as they are."
        )
    threshold = log_threshold(name, run_records.settings(run))
    data = dataset(run, table)
    rate = training_rate(data, threshold)
    kept = [column for column in table if column in ABOUT or table[column].dtype == bool]
    parts = []
    for split in SPLITS:
        part = table.loc[table["split"] == split, kept]
        said = {CLIMATOLOGY: rate} | data.class_baselines(split, threshold)
        came = distributions.reached(part["target"], threshold)
        parts.append(part.assign(target=came, **said))
    return pd.concat(parts)


def training_rate(data, threshold):
    """How often a flare class was reached in training, by weight, of the samples that are known.

    Args:
        data: `Dataset` whose target is log10 of a flux.
        threshold: log10 of the class's flux, as `log_threshold` gives it.
    """
    came = distributions.reached(data.targets("train"), threshold).reshape(-1)
    weight = np.reshape(data.sample_weights("train"), -1)
    return Outcomes(came, weight).counts()["frequency"]


def dataset(run, table):
    """The dataset of a run, which must hold the samples that the run forecast.

    Args:
        run: path of a run folder.
        table: of `read`.

    Raises:
        DatasetNotFoundError: if its files are not there.
        ValueError: if it has other samples now.
    """
    found = trained.open_run(str(run)).dataset
    dealt = found.split_table()
    for split in SPLITS:
        ids = dealt.loc[dealt["split"] == split, "id"].astype(str)
        if list(ids) != list(table.loc[table["split"] == split, "id"]):
            raise ValueError(
                f"The data folder now gives other samples of {split} than {run} forecast. Expected "
                "those of its predictions.csv. Set FLARENET_DATA to the folder that it was trained "
                "on, or train it anew."
            )
    return found


def columns(table):
    """Names of the columns that hold the network's forecast."""
    return [name for name in table if name.split(" ")[0] == "forecast"]


def log_threshold(name, settings):
    """log10 of the physical flux of a flare class, on the scale that the run's classes have."""
    scale = settings.get("threshold_scale", "operational")
    return heads.log_thresholds(types.SimpleNamespace(thresholds=(name,), threshold_scale=scale))[0]


def unit(run):
    """What a run's forecasts are in."""
    return run_records.scores(run)["unit"]


def _differing(first, table):
    """What differs in the samples of two tables, in words; "" where nothing does."""
    if len(table) != len(first):
        return f"{len(table)} in place of {len(first)}"
    for name in ABOUT:
        if name not in table or not first[name].equals(table[name]):
            return f"the column {name!r} differs or is not there"
    return ""
