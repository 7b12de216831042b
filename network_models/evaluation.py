"""How good a trained network is: forecasts, scores beside the baselines, and plots."""

import json
import math
import pathlib
import textwrap

import keras
import numpy as np
import pandas as pd

from network_models import performance_plots
from tools import tools

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
    """Writes the forecasts and scores of some splits: scores.json, predictions.csv, plots.

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
        Dict that scores.json holds.
    """
    folder, unit = pathlib.Path(folder), dataset.units.get("target", "")
    scores = {"caveats": [*dataset.caveats(), *caveats], "unit": unit}
    scores |= {split: _scores(model, dataset, split, config) for split in splits}
    for evaluator in evaluators:
        results = _of_splits(evaluator(model, dataset, config), dataset, splits).items()
        scores.setdefault("evaluators", {}).update(
            {name: float(number) for name, number in results}
        )
    tables = [forecasts(model, dataset, split, config) for split in splits]
    tables = [table for table in tables if table is not None]
    if tables:
        predictions = pd.concat(tables)
        tools.write_text(folder / "predictions.csv", predictions.to_csv(index=False))
        performance_plots.forecasts(predictions, unit, _marks(dataset, splits), folder)
    tools.write_text(folder / "scores.json", json.dumps(scores, indent=1))
    return scores


def report(run):
    """The scores of a finished run as lines of text, and where its results lie."""
    scores = json.loads((run.performance / "scores.json").read_text())
    return f"{score_text(scores)}\nResults: {run.path}"


def score_text(scores):
    """What scores.json holds, as lines of text: a table for each split."""
    lines = [f"Caveat: {caveat}" for caveat in scores["caveats"]]
    for name, results in scores.items():
        if name == "evaluators":
            lines += [name, *(f"  {score}: {number:.4g}" for score, number in results.items())]
        elif name not in ("caveats", "unit"):
            results = dict(results)
            lines.append(f"{name} ({results.pop('samples')} samples) [{scores['unit']}]")
            lines.append(_table_text(results))
    return "\n".join(lines)


def batches(dataset, split, config):
    """The batches that the network is trained, or watched in training, with."""
    return dataset.batches(split, config.batch_size, config.seed, workers=config.workers)


def in_order(dataset, split, config):
    """The batches that scores are computed from: all samples in order, training's as well."""
    data = batches(dataset, split, config)
    data.training = False  # neither permuted nor cut to whole batches
    return data


def forecasts(model, dataset, split, config):
    """DataFrame of id, time, split, target, forecast and the baselines; None without a target.

    The numbers of an output get numbered columns; more than `LARGEST_OUTPUT` of them (images) get
    none, nor do several outputs: these are for an evaluator to write.
    """
    data = in_order(dataset, split, config)
    if len(data[0]) == 1:
        return None
    outputs = keras.tree.flatten(model.predict(data, verbose=0))
    if len(outputs) > 1 or outputs[0][0].size > LARGEST_OUTPUT:
        return None
    forecast = outputs[0].astype("float64")
    size = dataset.size(split)
    target = np.stack([dataset.target(split, i) for i in range(size)])
    table = dataset.split_table()
    columns = table.loc[table["split"] == split, ["id", "time", "split"]].to_dict("list")
    for name, values in {
        "target": target,
        "forecast": forecast,
        **dataset.baselines(split),
    }.items():
        columns |= _numbered(name, np.reshape(values, (size, -1)))
    return pd.DataFrame(columns)


def _table_text(results):
    """Numbers of the network and of each baseline, a row each; empty where there is none."""
    texts = {
        name: {
            key: "undefined" if math.isnan(value) else f"{value:.4g}" for key, value in one.items()
        }
        for name, one in results.items()
    }
    table = pd.DataFrame.from_dict(texts, orient="index")
    return textwrap.indent(table.to_string(na_rep=""), "  ")


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


def _scores(model, dataset, split, config):
    data = in_order(dataset, split, config)
    network = model.evaluate(data, return_dict=True, verbose=0)
    scores = {"network": {name: float(value) for name, value in network.items()}}
    if len(data[0]) > 1:
        for name, forecast in dataset.baselines(split).items():
            scores[name] = _baseline_scores(model, data, np.asarray(forecast, "float32"))
    return {"samples": dataset.size(split), **scores}


def _baseline_scores(model, data, forecast):
    """The compiled metrics of a baseline, computed as the network's are: batch by batch."""
    model.reset_metrics()
    for i in range(data.num_batches):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data[i])
        part = forecast[i * data.batch_size :][: data.batch_size]
        results = model.compute_metrics(x, y, part, sample_weight=weight)
    return {name: float(value) for name, value in results.items() if name != "loss"}
