"""How good a trained network is: forecasts, scores beside the baselines, and plots."""

import dataclasses
import pathlib

import keras
import numpy as np
import pandas as pd

from network_models import performance_plots, score_tables, scoring
from tools import strict_json, tools

LARGEST_OUTPUT = 32  # numbers an output may have to get columns in predictions.csv


def evaluate(run, model, dataset, config, evaluators=()):
    """Writes performance/: scores.json, predictions.csv, plots.

    Args:
        run: `RunFolder`.
        model: trained model, its dataset's decoder in front.
        dataset: `Dataset`.
        config: the run's config.
        evaluators: functions (model, dataset, config) -> dict of name to number.
    """
    splits = dataset.splits[1:]
    write_results(run.performance, model, dataset, config, splits, evaluators)
    performance_plots.curves(run.performance, _marks(dataset, splits))


def write_results(folder, model, dataset, config, splits, evaluators=(), caveats=()):
    """Writes scores.json, subsets.csv, predictions.csv and plots of some splits.

    The numbers of an output get columns of predictions.csv; more than `LARGEST_OUTPUT` of them
    (images) get none, nor do several outputs: these are for an evaluator to write.

    Args:
        folder: where to; made if need be.
        model: compiled model, its dataset's decoder in front.
        dataset: `Dataset`.
        config: the run's config.
        splits: names of splits.
        evaluators: as of `evaluate`; of names that begin with a split ("test M1.0 brier") those of
            `splits` are kept.
        caveats: sentences that must stand beside the scores, after those of the dataset.

    Returns:
        Dict that scores.json holds; there null stands for NaN, a score that is undefined.
    """
    folder, unit = pathlib.Path(folder), dataset.units.get("target", "")
    scored = {split: _scored(model, dataset, split, config) for split in splits}
    scores = {"caveats": [*dataset.caveats(), *caveats], "unit": unit}
    scores |= {split: of.scores for split, of in scored.items()}
    scores["skill"] = {split: of.skill for split, of in scored.items()}
    for evaluator in evaluators:
        results = _of_splits(evaluator(model, dataset, config), dataset, splits).items()
        scores.setdefault("evaluators", {}).update(
            {name: float(number) for name, number in results}
        )
    predictions = _joined([of.forecasts for of in scored.values() if of.forecasts is not None])
    if len(predictions):
        tools.write_text(folder / "predictions.csv", predictions.to_csv(index=False))
        performance_plots.forecasts(predictions, unit, _marks(dataset, splits), folder)
    subsets = {split: of.subsets for split, of in scored.items() if len(of.subsets)}
    if subsets:
        table = pd.concat(subsets, names=["split", ""]).reset_index("split")
        tools.write_text(folder / "subsets.csv", table.to_csv(index=False))
    strict_json.write(folder / "scores.json", scores)
    return scores


def report(run):
    """The scores of a finished run as lines of text, and where its results lie."""
    return f"{score_tables.text(run.performance)}\nResults: {run.path}"


def batches(dataset, split, config):
    """The batches that the network is trained, or watched in training, with."""
    return dataset.batches(split, config.batch_size, config.seed, workers=config.workers)


def in_order(dataset, split, config):
    """The batches that scores are computed from: all samples in order, training's as well."""
    data = batches(dataset, split, config)
    data.training = False  # neither permuted nor cut to whole batches
    return data


def _numbered(name, values):
    if values.shape[1] == 1:
        return {name: values[:, 0]}
    return {f"{name} {i}": column for i, column in enumerate(values.T)}


def _of_splits(results, dataset, splits):
    """Numbers of evaluators without those called by a split that was not asked for."""
    others = set(dataset.splits) - set(splits)
    return {name: number for name, number in results.items() if name.split(" ")[0] not in others}


def _marks(dataset, splits):
    return dataset.describe(splits[0], 0).get("marks", ())


@dataclasses.dataclass(frozen=True)
class _Scored:
    """What became of one split: dicts of numbers, and tables where the forecasts are numbers."""

    scores: dict
    skill: dict
    forecasts: pd.DataFrame | None = None
    subsets: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)


def _scored(model, dataset, split, config):
    data = in_order(dataset, split, config)
    network = model.evaluate(data, return_dict=True, verbose=0)
    scores = {"samples": dataset.size(split)}
    scores |= {scoring.NETWORK: {name: float(value) for name, value in network.items()}}
    if len(data[0]) == 1:  # no target to compare a forecast with
        return _Scored(scores, {})
    baselines, targets = dataset.baselines(split), scoring.Targets(data)
    forecast = _predicted(model, data)
    # A mean that is scored as if it were certain is no match for probabilities or quantiles.
    alike = not scoring.judges_distributions(model)
    compared = baselines if alike else {}
    results = {name: scoring.metrics(model, targets, one) for name, one in compared.items()}
    skill = scoring.skills(model, targets, scores[scoring.NETWORK], results)
    if forecast is None:
        return _Scored(scores | results, skill)
    table = _forecasts(dataset, split, forecast, baselines)
    every = {scoring.NETWORK: forecast, **compared}
    parts = scoring.of_subsets(model, targets, every, dataset.subsets(split), with_mean=alike)
    return _Scored(scores | results, skill, table, parts)


def _predicted(model, data):
    """The network's forecasts, float64, shape (n, ...); None for images and several outputs."""
    outputs = keras.tree.flatten(model.predict(data, verbose=0))
    if len(outputs) > 1 or outputs[0][0].size > LARGEST_OUTPUT:
        return None
    return outputs[0].astype("float64")


def _forecasts(dataset, split, forecast, baselines):
    """DataFrame of id, time, split, target, forecast, weight, baselines and (bool) the subsets.

    The numbers of an output of several get a column each.
    """
    table = dataset.split_table()
    columns = table.loc[table["split"] == split, ["id", "time", "split"]].to_dict("list")
    numbers = {"target": dataset.targets(split), "forecast": forecast}
    numbers |= {"weight": dataset.sample_weights(split), **baselines}
    for name, values in numbers.items():
        columns |= _numbered(name, np.reshape(values, (len(forecast), -1)))
    return pd.DataFrame(columns | dataset.subsets(split))


def _joined(tables):
    """Forecasts of all splits; a subset that a split does not know holds none of its samples."""
    if not tables:
        return pd.DataFrame()
    joined = pd.concat(tables)
    subsets = {name for table in tables for name in table if table[name].dtype == bool}
    return joined.assign(**{name: joined[name].eq(True) for name in joined if name in subsets})
