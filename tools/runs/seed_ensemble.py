"""Scores the networks of several seeds as one: a deep ensemble.

    cd network_models/xray_flux_forecast/starting_point
    python network.py --head=class --seeds=1,2,3
    python ../../../tools/runs/seed_ensemble.py trained_models/2026*

Probabilities to reach a flare class are averaged over the seeds; so are fluxes and quantiles. Of
normal distributions the CRPS is that of their mixture. Alarm thresholds and the calibration come
from validation and are frozen for test. Skill is relative to the frequency in validation.

Writes scores.csv (each seed, and the ensemble), predictions.csv and, for flare classes,
reliability.png into the folder `ensemble` beside the first run, or into --output.

Source:
    Lakshminarayanan, Pritzel & Blundell 2017 (arXiv:1612.01474).
"""

import argparse
import pathlib
import sys
import types

import numpy as np
import pandas as pd

from network_models import heads, reliability, threshold_scores
from network_models.explanations import figures
from tools import calibration, distributions, flux_skill, run_records, tools

ENSEMBLE = "ensemble"
SPLITS = ("validation", "test")
TASK = ("head", "thresholds", "threshold_scale", "levels", "lag_minutes", "catch_minutes")


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
        ValueError: if there are fewer than two runs, or they are of different tasks.
    """
    tables, settings = _read(runs)
    head = settings.get("head", "flux")
    members = np.stack([table[_columns(table)].to_numpy() for table in tables])
    names = [f"seed {run_records.settings(run)['seed']}" for run in runs]
    parts = {name: members[[i]] for i, name in enumerate(names)} | {ENSEMBLE: members}
    about, rows = tables[0][["id", "time", "split", "target"]], {}
    for name, some in parts.items():
        rows |= {
            (split, name): _flux_scores(head, about, some, split, settings) for split in SPLITS
        }
    saved = about.copy()
    saved[_columns(tables[0])] = distributions.together(head, members)
    if _is_log_flux(runs[0], settings):
        curves = _add_classes(rows, about, parts, kind, settings, saved)
        figures.save(
            _reliability(curves, kind, run_records.marks(runs)), folder / "reliability.png"
        )
    scores = pd.DataFrame.from_dict(rows, orient="index")
    scores.index = pd.MultiIndex.from_tuples(scores.index, names=["split", "forecast"])
    scores = scores.sort_index(level="split", sort_remaining=False, ascending=False)
    tools.write_text(folder / "scores.csv", scores.to_csv())
    tools.write_text(folder / "predictions.csv", saved.to_csv(index=False))
    print(scores.T.to_string(float_format="{:.4g}".format, na_rep="undefined"))
    print(f"Results: {folder}")
    return scores


def _read(runs):
    """The forecasts of all runs, which must be of one task, and the settings they share."""
    if len(runs) < 2:
        raise ValueError(
            f"An ensemble needs several networks. Expected two runs or more. Received: {len(runs)}."
            " Train them with --seeds=1,2,3."
        )
    for run in runs:
        if not run_records.is_finished(run):
            raise ValueError(
                f"{run} is no finished run. Expected folders of trained_models/ with forecasts. "
                "Finish it with network.py --resume, or leave it out."
            )
    run_records.check_same(
        runs,
        {
            "units": lambda run: run_records.scores(run)["unit"],
            **{
                f"fields {field}": lambda run, f=field: run_records.settings(run).get(f)
                for field in TASK
            },
        },
    )
    tables = [run_records.predictions(run) for run in runs]
    for run, table in zip(runs, tables, strict=True):
        same = table[["id", "target"]].equals(tables[0][["id", "target"]])
        if not same or _columns(table) != _columns(tables[0]):
            raise ValueError(
                f"{run} forecasts other samples or another target than {runs[0]}. Expected runs "
                "that differ in their seed alone. Leave one out."
            )
    return tables, run_records.settings(runs[0])


def _columns(table):
    return [name for name in table if name.split(" ")[0] == "forecast"]


def _is_log_flux(run, settings):
    return "head" in settings and run_records.scores(run)["unit"] == heads.LOG_FLUX


def _flux_scores(head, about, members, split, settings):
    """Scores of the flux itself; classes have none."""
    chosen = (about["split"] == split).to_numpy()
    target, some = about["target"].to_numpy()[chosen], members[:, chosen]
    if head == "quantiles":
        whole = distributions.together(head, some)
        return {"crps": flux_skill.crps_quantiles(target, whole, settings["levels"])}
    if head == "gaussian":
        return {"crps": distributions.crps_mixture(target, some[..., 0].T, some[..., 1].T)}
    if head == "class":
        return {}
    found = flux_skill.errors(target, some.mean(axis=0)[:, 0])
    return {name: found[name] for name in ("rmse", "mae", "bias", "correlation")}


def _add_classes(rows, about, parts, kind, settings, saved):
    """Fills `rows` and `saved` with what the forecasts say about flare classes.

    Returns:
        Dict of class to (observed, probabilities of the ensemble), each a dict by split.
    """
    thresholds = heads.log_thresholds(types.SimpleNamespace(**settings))
    curves = {}
    for column, name in enumerate(settings["thresholds"]):
        target = about["target"].to_numpy()
        came = np.where(
            np.isnan(target), np.nan, target >= thresholds[column] - distributions.ROUNDING
        )
        for forecast, members in parts.items():
            said = np.mean(
                [
                    distributions.exceedance(settings["head"], one, thresholds, settings["levels"])
                    for one in members
                ],
                axis=0,
            )[:, column]
            observed, given = (_by_split(values, about) for values in (came, said))
            rate = float(np.nanmean(observed["validation"]))
            for split, found in threshold_scores.of_class(observed, given, rate, kind).items():
                rows[split, forecast] |= {
                    f"{name} {score}": value for score, value in found.items()
                }
        saved[f"probability {name}"] = said  # the last of the parts is the ensemble
        curves[name] = (observed, given)
    return curves


def _by_split(values, about):
    return {split: values[(about["split"] == split).to_numpy()] for split in SPLITS}


def _reliability(curves, kind, marks):
    """A diagram for each class: the ensemble's probabilities on test, also calibrated."""
    parts = {}
    for name, (observed, given) in curves.items():
        calibrated = _calibrated(observed, given, kind)
        shown = {"as it is": given["test"], f"calibrated ({kind})": calibrated}
        shown = {label: said for label, said in shown.items() if said is not None}
        parts[reliability.counted(f"≥ {name}", observed["test"])] = (observed["test"], shown)
    return reliability.draw(parts, marks)


def _calibrated(observed, given, kind):
    came = observed["validation"]
    if kind == "none" or len(np.unique(came[np.isfinite(came)])) < 2:
        return None
    return calibration.fit(kind, came, given["validation"])(given["test"])


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
