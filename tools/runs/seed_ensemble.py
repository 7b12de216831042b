"""Scores the networks of several seeds as one: a deep ensemble.

    cd network_models/xray_flux_forecast/starting_point
    python network.py --head=class --seeds=1,2,3
    python ../../../tools/runs/seed_ensemble.py trained_models/2026*

Probabilities to reach a flare class are averaged over the seeds; so are fluxes and quantiles. Of
normal distributions the CRPS is that of their mixture. Alarm thresholds and the calibration come
from validation and are frozen for test. Skill is relative to the frequency in training, so the
dataset of the first run must still be there; its references stand beside the networks. Samples
count as in the runs: by the inverse of the probability of their choice.

Writes scores.csv (each seed, the ensemble, the references), predictions.csv, ensemble.json (the
runs, and what must stand beside their scores) and, for flare classes, reliability.png into the
folder `ensemble` beside the first run, or into --output.

Source:
    Lakshminarayanan, Pritzel & Blundell 2017 (arXiv:1612.01474).
"""

import argparse
import pathlib
import sys
import types

import numpy as np
import pandas as pd

from network_models import heads, reliability, run_forecasts, threshold_scores
from network_models.explanations import figures
from network_models.run_forecasts import ABOUT, SPLITS, columns
from tools import (
    calibration,
    class_scores,
    distributions,
    flux_skill,
    run_records,
    strict_json,
    tools,
)
from tools.class_scores import Outcomes

ENSEMBLE = "ensemble"
TASK = (*run_forecasts.TASK, "head", "thresholds", "levels")


def main(arguments: list[str] | None = None) -> int:
    """Reads the runs, prints and writes their scores and the ensemble's; returns the status."""
    options = _parser().parse_args(arguments)
    folder = options.output or options.runs[0].parent / ENSEMBLE
    try:
        report(options.runs, options.calibration, folder)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def report(runs: list[pathlib.Path], kind: str, folder: pathlib.Path) -> pd.DataFrame:
    """Scores of each run and of all together, printed and written.

    Args:
        runs: finished runs of one experiment that differ in their seed.
        kind: one of `calibration.KINDS`, of the probabilities.
        folder: where to.

    Returns:
        DataFrame indexed by split and forecast, a column for each score; NaN is undefined.

    Raises:
        ValueError: if there are fewer than two runs, they are of different tasks, or the dataset is
            another one by now.
        DatasetNotFoundError: if the dataset is needed, for flare classes, and is not there.
    """
    tables, settings = _read(runs)
    head = settings.get("head", "flux")
    members = np.stack([table[columns(table)].to_numpy() for table in tables])
    names = [f"seed {run_records.settings(run)['seed']}" for run in runs]
    parts = {name: members[[i]] for i, name in enumerate(names)} | {ENSEMBLE: members}
    about, saved = tables[0][list(ABOUT)], tables[0][list(ABOUT)].copy()
    rows = _flux_rows(head, tables[0], parts, settings)
    saved[columns(tables[0])] = distributions.together(head, members)
    if _is_log_flux(runs[0], settings):
        dataset = run_forecasts.dataset(runs[0], about)
        curves = _add_classes(rows, about, parts, kind, settings, saved, dataset)
        figures.save(
            _reliability(curves, kind, run_records.marks(runs)), folder / "reliability.png"
        )
    scores = pd.DataFrame.from_dict(rows, orient="index")
    scores.index = pd.MultiIndex.from_tuples(scores.index, names=["split", "forecast"])
    scores = scores.sort_index(level="split", sort_remaining=False, ascending=False)
    tools.write_text(folder / "scores.csv", scores.to_csv())
    tools.write_text(folder / "predictions.csv", saved.to_csv(index=False))
    caveats = run_records.caveats(runs)
    record = {"caveats": caveats, "runs": [str(run) for run in runs], "calibration": kind}
    strict_json.write(folder / "ensemble.json", record)
    lines = [f"Caveat: {caveat}" for caveat in caveats]
    lines += [scores.T.to_string(float_format="{:.4g}".format, na_rep="undefined")]
    print(*lines, f"Results: {folder}", sep="\n")
    return scores


def _read(runs):
    """The forecasts of all runs, which must be of one task, and the settings they share."""
    if len(runs) < 2:
        raise ValueError(
            f"An ensemble needs several networks. Expected two runs or more. Received: {len(runs)}."
            " Train them with --seeds=1,2,3."
        )
    tables = run_forecasts.read(runs, TASK)
    forecasts = {"columns of forecasts": lambda run: columns(run_records.predictions(run))}
    run_records.check_same(runs, forecasts)
    return tables, run_records.settings(runs[0])


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


def _is_log_flux(run, settings):
    return "head" in settings and run_forecasts.unit(run) == heads.LOG_FLUX


def _flux_rows(head, table, parts, settings):
    """Dict of (split, forecast) to scores of the flux itself, of networks and references."""
    rows = {}
    for split in SPLITS:
        for name, members in parts.items():
            rows[split, name] = _flux_scores(head, table, members, split, settings)
        if head != "class":
            for name, said in _references(table, head).items():
                rows[split, name] = _errors(head, table, said, split)
    return rows


def _flux_scores(head, about, members, split, settings):
    """Scores of the flux itself; classes have none."""
    if head == "class":
        return {}
    if head == "flux":
        return _errors(head, about, members.mean(axis=0)[:, 0], split)
    chosen = (about["split"] == split).to_numpy()
    target, weight = (about[name].to_numpy()[chosen] for name in ("target", "weight"))
    some = members[:, chosen]
    if head == "quantiles":
        whole = distributions.together(head, some)
        return {"crps": flux_skill.crps_quantiles(target, whole, settings["levels"], weight)}
    normal = (some[..., 0].T, some[..., 1].T)
    return {"crps": distributions.crps_mixture(target, *normal, weight)}


def _errors(head, about, said, split):
    """Errors of numbers; for a distribution the CRPS of a certain number, which is the MAE."""
    chosen = (about["split"] == split).to_numpy()
    target, weight = (about[name].to_numpy()[chosen] for name in ("target", "weight"))
    found = flux_skill.errors(target, said[chosen], weight)
    if head != "flux":
        return {"crps": found["mae"]}
    return {name: found[name] for name in ("rmse", "mae", "bias", "correlation")}


def _add_classes(rows, about, parts, kind, settings, saved, dataset):
    """Fills `rows` and `saved` with what the forecasts say about flare classes.

    Returns:
        Dict of class to (observed, probabilities of the ensemble, weights), each a dict by split.
    """
    thresholds = heads.log_thresholds(types.SimpleNamespace(**settings))
    said = {name: _probabilities(members, thresholds, settings) for name, members in parts.items()}
    weight, curves = _by_split(about["weight"].to_numpy(), about), {}
    for column, (name, threshold) in enumerate(
        zip(settings["thresholds"], thresholds, strict=True)
    ):
        observed = _by_split(distributions.reached(about["target"], threshold), about)
        networks = {one: _by_split(values[:, column], about) for one, values in said.items()}
        rate, references = _class_references(dataset, threshold)
        for forecast, given in (networks | references).items():
            kind_of = kind if forecast in networks else "none"
            found = threshold_scores.of_class(observed, given, rate, kind_of, weight)
            for split, numbers in found.items():
                row = rows.setdefault((split, forecast), {})
                row |= {f"{name} {score}": value for score, value in numbers.items()}
        saved[f"probability {name}"] = said[ENSEMBLE][:, column]
        curves[name] = (observed, networks[ENSEMBLE], weight)
    return curves


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


def _by_split(values, about):
    return {split: values[(about["split"] == split).to_numpy()] for split in SPLITS}


def _reliability(curves, kind, marks):
    """A diagram for each class: the ensemble's probabilities on test, also calibrated."""
    parts = {}
    for name, (observed, given, weight) in curves.items():
        calibrated = _calibrated(observed, given, weight, kind)
        shown = {"as it is": given["test"], f"calibrated ({kind})": calibrated}
        shown = {label: said for label, said in shown.items() if said is not None}
        title = reliability.counted(f"≥ {name}", observed["test"])
        parts[title] = (observed["test"], shown, weight["test"])
    return reliability.draw(parts, marks)


def _calibrated(observed, given, weight, kind):
    validation = Outcomes(observed["validation"], weight["validation"])
    choice = class_scores.choose(validation, given["validation"], kind)
    if kind == "none" or choice.calibrate is None:
        return None
    return choice.calibrate(given["test"])


def _parser():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=pathlib.Path, help="run folders, one for each seed")
    parser.add_argument("--calibration", choices=calibration.KINDS, default="temperature")
    parser.add_argument("--output", type=pathlib.Path)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
