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

import pandas as pd

from network_models import ensemble_scores, heads, reliability, run_forecasts
from network_models.ensemble_scores import ENSEMBLE, by_split
from network_models.explanations import figures
from network_models.run_forecasts import ABOUT, columns
from tools import calibration, class_scores, distributions, run_records, strict_json, tools
from tools.class_scores import Outcomes


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
    forecasts = ensemble_scores.read(runs)
    table, rows = forecasts.table, ensemble_scores.flux_rows(forecasts)
    saved = table[list(ABOUT)].copy()
    saved[columns(table)] = distributions.together(forecasts.head, forecasts.parts[ENSEMBLE])
    if _is_log_flux(runs[0], forecasts.settings):
        dataset = run_forecasts.dataset(runs[0], table)
        classes = ensemble_scores.flare_classes(forecasts)
        for one in classes:
            saved[f"probability {one.name}"] = one.said[ENSEMBLE]
            for place, numbers in ensemble_scores.class_rows(one, table, dataset, kind).items():
                rows.setdefault(place, {}).update(numbers)
        figure = _reliability(classes, table, kind, run_records.marks(runs))
        figures.save(figure, folder / "reliability.png")
    scores = _as_table(rows)
    _write(scores, saved, runs, kind, folder)
    return scores


def _as_table(rows):
    """Scores with a row for each (split, forecast), validation before test."""
    scores = pd.DataFrame.from_dict(rows, orient="index")
    scores.index = pd.MultiIndex.from_tuples(scores.index, names=["split", "forecast"])
    return scores.sort_index(level="split", sort_remaining=False, ascending=False)


def _write(scores, saved, runs, kind, folder):
    """Writes the tables and what must stand beside them; prints the scores."""
    tools.write_text(folder / "scores.csv", scores.to_csv())
    tools.write_text(folder / "predictions.csv", saved.to_csv(index=False))
    caveats = run_records.caveats(runs)
    record = {"caveats": caveats, "runs": [str(run) for run in runs], "calibration": kind}
    strict_json.write(folder / "ensemble.json", record)
    lines = [f"Caveat: {caveat}" for caveat in caveats]
    lines += [scores.T.to_string(float_format="{:.4g}".format, na_rep="undefined")]
    print(*lines, f"Results: {folder}", sep="\n")


def _is_log_flux(run, settings):
    return "head" in settings and run_forecasts.unit(run) == heads.LOG_FLUX


def _reliability(classes, table, kind, marks):
    """A diagram for each class: the ensemble's probabilities on test, also calibrated."""
    parts = {}
    for one in classes:
        came, said, weight = (
            by_split(values, table) for values in (one.came, one.said[ENSEMBLE], table["weight"])
        )
        calibrated = _calibrated(came, said, weight, kind)
        shown = {"as it is": said["test"], f"calibrated ({kind})": calibrated}
        shown = {label: curve for label, curve in shown.items() if curve is not None}
        title = reliability.counted(f"≥ {one.name}", came["test"])
        parts[title] = (came["test"], shown, weight["test"])
    return reliability.draw(parts, marks)


def _calibrated(came, said, weight, kind):
    validation = Outcomes(came["validation"], weight["validation"])
    choice = class_scores.choose(validation, said["validation"], kind)
    if kind == "none" or choice.calibrate is None:
        return None
    return choice.calibrate(said["test"])


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
