"""Purged cross-validation of an experiment: scores of each fold, their mean and deviation.

    python tools/runs/cross_validate.py network_models/xray_flux_forecast/starting_point --folds 5

Options that are not its own, such as --epochs, are fields of the experiment's config.

Time is cut into as many stretches as there are folds. Each is tested once, by a network that
learnt from nothing within the embargo on both sides of it; the stretch after it validates. The
experiment's trained_models/cross_validation/ gets a run folder for each fold, folds.csv,
scores.csv and protocol.json. Runs that are finished already are not repeated.
"""

import json
import pathlib
import sys

import pandas as pd

from network_models import experiment, finished_runs, loading
from tools import run_records, tools
from tools.runs.field_parser import FieldParser


def main(arguments: list[str] | None = None) -> int:
    """Trains the folds that are missing, prints and writes their scores; returns the status."""
    options, options.fields = _parse(arguments)
    folder = options.output or options.experiment / "trained_models" / "cross_validation"
    try:
        if options.folds < 3:
            raise ValueError(
                "A cross-validation needs stretches to train, validate and test on. Expected "
                f"--folds of at least 3. Received: {options.folds}. The usual number is 5."
            )
        runs = [_run(options, fold, folder) for fold in range(1, options.folds + 1)]
        report(runs, folder)
    except (ValueError, TypeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def report(runs: list[pathlib.Path], folder: pathlib.Path) -> pd.DataFrame:
    """Mean and standard deviation of the test scores over the folds, printed and written.

    Args:
        runs: the finished run of each fold.
        folder: where to.

    Returns:
        DataFrame indexed by forecast and score: mean, deviation (of one fold, n - 1), lowest,
        highest, and in how many folds the score is defined.

    Raises:
        ValueError: if the runs are of different tasks.
    """
    run_records.check_same(
        runs,
        {
            "numbers of folds": lambda run: run_records.settings(run)["folds"],
            "units": lambda run: run_records.scores(run)["unit"],
            "settings": _settings,
        },
    )
    folds = pd.concat([_scores(run) for run in runs], ignore_index=True)
    grouped = folds.groupby(["forecast", "score"], sort=False)["value"]
    found = grouped.agg(mean="mean", deviation="std", lowest="min", highest="max", defined="count")
    caveats = run_records.caveats(runs)
    tools.write_text(folder / "folds.csv", folds.to_csv(index=False))
    tools.write_text(folder / "scores.csv", found.assign(caveats=" ".join(caveats)).to_csv())
    protocol = {"caveats": caveats, "runs": list(map(str, runs)), "settings": _settings(runs[0])}
    tools.write_text(folder / "protocol.json", json.dumps(protocol | tools.provenance(), indent=1))
    for caveat in caveats:
        print(f"Caveat: {caveat}")
    print(f"Test scores over {len(runs)} folds; NaN: undefined in every fold, or in all but one")
    print(found.to_string(float_format="{:.4g}".format))
    print(f"Results: {folder}")
    return found


def _settings(run):
    return {name: value for name, value in run_records.settings(run).items() if name != "fold"}


def _run(options, fold, folder):
    """The finished run of one fold, trained if there is none."""
    place = folder / f"fold_{fold}"
    file = options.experiment / "network.py"
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no {file}. Expected the folder of an experiment, such as "
            "network_models/xray_flux_forecast/starting_point."
        )
    arguments = [f"--folds={options.folds}", f"--fold={fold}", "--explained_samples=0"]
    arguments += options.fields
    if done := finished_runs.made_before(place, options.experiment, arguments):
        return list(done.values())[-1]
    module = loading.load_module(file)
    print(f"Fold {fold} of {options.folds}")
    (run,) = experiment.run(
        file,
        build_dataset=module.build_dataset,
        build_model=module.build_model,
        evaluators=getattr(module, "EVALUATORS", ()),
        arguments=[f"--output={place}", *arguments],
    )
    return run


def _is_score(name):
    """Whether a number of an evaluator is a score of test, and not the bound of an interval."""
    return name.startswith("test ") and not name.endswith(("_low", "_high", " blocks"))


def _scores(run):
    """DataFrame of fold, forecast, score and value: those of the test split."""
    written, fold = run_records.scores(run), run_records.settings(run)["fold"]
    results = {name: one for name, one in written["test"].items() if isinstance(one, dict)}
    evaluated = written.get("evaluators", {}).items()
    results["evaluators"] = {name: one for name, one in evaluated if _is_score(name)}
    rows = [
        {"fold": fold, "forecast": forecast, "score": score, "value": value}
        for forecast, numbers in results.items()
        for score, value in numbers.items()
    ]
    return pd.DataFrame(rows)


def _parse(arguments):
    parser = FieldParser(__doc__)
    parser.add_argument("experiment", type=pathlib.Path, help="folder of an experiment")
    parser.add_argument("--folds", type=int, default=5, help="at least 3")
    parser.add_argument("--output", type=pathlib.Path)
    return parser.parse_known_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
