"""How good a trained network is: forecasts, scores beside the baselines, and plots."""

import json

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
    splits, unit = dataset.splits[1:], dataset.units.get("target", "")
    scores = {"caveats": list(dataset.caveats()), "unit": unit}
    scores |= {split: _scores(model, dataset, split, config) for split in splits}
    for evaluator in evaluators:
        results = evaluator(model, dataset, config).items()
        scores.setdefault("evaluators", {}).update(
            {name: float(number) for name, number in results}
        )
    marks = dataset.describe(splits[0], 0).get("marks", ())
    tables = [forecasts(model, dataset, split, config) for split in splits]
    tables = [table for table in tables if table is not None]
    if tables:
        predictions = pd.concat(tables)
        tools.write_text(run.performance / "predictions.csv", predictions.to_csv(index=False))
        performance_plots.forecasts(predictions, unit, marks, run.performance)
    performance_plots.curves(run.performance, marks)
    tools.write_text(run.performance / "scores.json", json.dumps(scores, indent=1))


def report(run):
    """The scores of a finished run as lines of text, and where its results lie."""
    scores = json.loads((run.performance / "scores.json").read_text())
    lines = [f"Caveat: {caveat}" for caveat in scores.pop("caveats")]
    unit = scores.pop("unit")
    for split, results in scores.items():
        lines.append(
            f"{split} ({results.pop('samples')} samples) [{unit}]"
            if "samples" in results
            else split
        )
        for name, numbers in results.items():
            if isinstance(numbers, dict):
                numbers = ", ".join(f"{key} {number:.4g}" for key, number in numbers.items())
            lines.append(f"  {name}: {numbers}")
    return "\n".join([*lines, f"Results: {run.path}"])


def batches(dataset, split, config):
    """The batches that scores are computed from."""
    return dataset.batches(split, config.batch_size, config.seed, workers=config.workers)


def forecasts(model, dataset, split, config):
    """DataFrame of id, time, split, target, forecast and the baselines; None without a target.

    The numbers of an output get numbered columns; more than `LARGEST_OUTPUT` of them (images) get
    none, nor do several outputs: these are for an evaluator to write.
    """
    data = batches(dataset, split, config)
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


def _numbered(name, values):
    if values.shape[1] == 1:
        return {name: values[:, 0]}
    return {f"{name} {i}": column for i, column in enumerate(values.T)}


def _scores(model, dataset, split, config):
    data = batches(dataset, split, config)
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
