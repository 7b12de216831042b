"""Forecasts of networks that differ in their seed, alone and together, and how good they are.

Scores are rows of (split, forecast): each seed, the ensemble, and the references beside them.
"""

import dataclasses
import types

import numpy as np
import pandas as pd

from network_models import heads, run_forecasts, threshold_scores
from network_models.run_forecasts import ABOUT, SPLITS, columns
from tools import distributions, flux_skill, run_records

ENSEMBLE = "ensemble"
TASK = (*run_forecasts.TASK, "head", "thresholds", "levels")


@dataclasses.dataclass(frozen=True)
class Forecasts:
    """What networks of one task forecast that differ in their seed.

    Args:
        table: DataFrame, n rows, of the first run: the samples, and what references say of them.
        parts: dict of name to forecasts, shape (member, n, column): of each seed, and of all.
        settings: of the first run.
    """

    table: pd.DataFrame
    parts: dict
    settings: dict

    @property
    def head(self) -> str:
        """What the columns are: one of `distributions.HEADS`."""
        return self.settings.get("head", "flux")


@dataclasses.dataclass(frozen=True)
class FlareClass:
    """Whether a flare class came, and how probable networks said that was.

    Args:
        name: such as "M1.0".
        threshold: log10 of its flux.
        came: 1 and 0, NaN where unknown, shape (n,).
        said: dict of network to probabilities, shape (n,).
    """

    name: str
    threshold: float
    came: np.ndarray
    said: dict


def read(runs):
    """The `Forecasts` of finished runs.

    Args:
        runs: paths of run folders.

    Raises:
        ValueError: if there are fewer than two, or they are of different tasks.
    """
    if len(runs) < 2:
        raise ValueError(
            f"An ensemble needs several networks. Expected two runs or more. Received: {len(runs)}."
            " Train them with --seeds=1,2,3."
        )
    tables = run_forecasts.read(runs, TASK)
    same = {"columns of forecasts": lambda run: columns(run_records.predictions(run))}
    run_records.check_same(runs, same)
    members = np.stack([table[columns(table)].to_numpy() for table in tables])
    names = [f"seed {run_records.settings(run)['seed']}" for run in runs]
    if len({*names}) < len(names):
        raise ValueError(
            f"An ensemble is of different networks. Expected each seed once. Received: "
            f"{', '.join(names)}. Leave out the run that is there twice, or that has the same seed."
        )
    parts = {name: members[[i]] for i, name in enumerate(names)} | {ENSEMBLE: members}
    return Forecasts(tables[0], parts, run_records.settings(runs[0]))


def flux_rows(forecasts):
    """Dict of (split, forecast) to scores of the flux itself, of networks and references.

    Args:
        forecasts: `Forecasts`.
    """
    head, table, rows = forecasts.head, forecasts.table, {}
    for split in SPLITS:
        for name, members in forecasts.parts.items():
            rows[split, name] = _flux_scores(forecasts, members, split)
        if head != "class":
            for name, said in _references(table, head).items():
                rows[split, name] = _errors(head, table, said, split)
    return rows


def _flux_scores(forecasts, members, split):
    """Scores of the flux itself; classes have none."""
    head, table = forecasts.head, forecasts.table
    if head == "class":
        return {}
    if head == "flux":
        return _errors(head, table, members.mean(axis=0)[:, 0], split)
    chosen = (table["split"] == split).to_numpy()
    target, weight = (table[name].to_numpy()[chosen] for name in ("target", "weight"))
    some = members[:, chosen]
    if head == "quantiles":
        whole, levels = distributions.together(head, some), forecasts.settings["levels"]
        return {"crps": flux_skill.crps_quantiles(target, whole, levels, weight)}
    normal = (some[..., 0].T, some[..., 1].T)
    return {"crps": distributions.crps_mixture(target, *normal, weight)}


def _errors(head, table, said, split):
    """Errors of numbers; for a distribution the CRPS of a certain number, which is the MAE."""
    chosen = (table["split"] == split).to_numpy()
    target, weight = (table[name].to_numpy()[chosen] for name in ("target", "weight"))
    found = flux_skill.errors(target, said[chosen], weight)
    if head != "flux":
        return {"crps": found["mae"]}
    return {name: found[name] for name in ("rmse", "mae", "bias", "correlation")}


def _references(table, head):
    """Forecasts of the target that need no network, shape (n,) each; bool columns are subsets.

    For a distribution not the means of climatology, which are no match for it.
    """
    others = [name for name in table if name not in (*ABOUT, *columns(table))]
    return {
        name: table[name].to_numpy("float64")
        for name in others
        if table[name].dtype != bool and (head == "flux" or not name.startswith("climatology"))
    }


def flare_classes(forecasts):
    """A `FlareClass` for each threshold of the runs.

    Args:
        forecasts: `Forecasts` of log10 of a flux.
    """
    settings, target = forecasts.settings, forecasts.table["target"]
    thresholds = heads.log_thresholds(types.SimpleNamespace(**settings))
    said = {
        name: _probabilities(members, thresholds, settings)
        for name, members in forecasts.parts.items()
    }
    return [
        FlareClass(
            name=name,
            threshold=threshold,
            came=distributions.reached(target, threshold),
            said={network: values[:, column] for network, values in said.items()},
        )
        for column, (name, threshold) in enumerate(
            zip(settings["thresholds"], thresholds, strict=True)
        )
    ]


def class_rows(one, table, dataset, kind):
    """Dict of (split, forecast) to scores of a flare class, of networks and references.

    Args:
        one: `FlareClass`.
        table: of `Forecasts`.
        dataset: `Dataset` of these samples, which knows the references.
        kind: one of `calibration.KINDS`, of the networks' probabilities.
    """
    came, weight = (by_split(values, table) for values in (one.came, table["weight"]))
    networks = {name: by_split(said, table) for name, said in one.said.items()}
    rate, references = _class_references(dataset, one.threshold)
    rows = {}
    for forecast, said in (networks | references).items():
        calibrated = kind if forecast in networks else "none"
        found = threshold_scores.of_class(came, said, rate, calibrated, weight)
        for split, numbers in found.items():
            rows[split, forecast] = {f"{one.name} {score}": n for score, n in numbers.items()}
    return rows


def _probabilities(members, thresholds, settings):
    """To reach each threshold, the mean of the members, shape (n, threshold)."""
    head, levels = settings["head"], settings["levels"]
    return np.mean([distributions.exceedance(head, m, thresholds, levels) for m in members], axis=0)


def _class_references(dataset, threshold):
    """The frequency in training, and dict of reference to dict of split to probabilities."""
    rate = run_forecasts.training_rate(dataset, threshold)
    found = {threshold_scores.CLIMATOLOGY: {s: np.full(dataset.size(s), rate) for s in SPLITS}}
    for split in SPLITS:
        unknown = np.full(dataset.size(split), np.nan)
        for name, said in dataset.class_baselines(split, threshold).items():
            found.setdefault(name, dict.fromkeys(SPLITS, unknown))[split] = said
    return rate, found


def by_split(values, table):
    """Dict of split to those of `values`, shape (n,), whose rows of `table` belong to it."""
    values, splits = np.asarray(values), table["split"].to_numpy()
    return {split: values[splits == split] for split in SPLITS}
