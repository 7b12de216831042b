"""Trains an experiment for several test years and seeds, and scores them as one forecast.

    python tools/runs/rolling_origin.py network_models/xray_flux_forecast/light_curve

Each test year has its own training (all that lies two years back and more) and validation (the year
before); thresholds come from validation. A validation year with one outcome alone sets none: its
test year has no TSS and HSS. Runs that are finished already are not repeated. The experiment's
trained_models/rolling_origin/ gets a run folder for each year and seed, scores.csv,
reliability.png, and protocol.json: what is to be done, written before anything is trained or
forecast, and in the end the thresholds and the paired differences.
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys

import pandas as pd

from network_models import finished_runs, reliability
from network_models.explanations import figures
from tools import flux_verification, run_records, tools, verification
from tools.forecast_tables import mean_target
from tools.intervals import expanded
from tools.runs.field_parser import FieldParser
from tools.runs.protocol import declare

ENSEMBLE = "network, mean of seeds"
CLIMATOLOGIES = ("climatology 365 d", "climatology")  # the first that the runs have: skill 0
REFERENCES = ("logistic", "linear", "persistence")  # those that the runs have
QUIET = "no flare in the last 24 h"


def main(arguments: list[str] | None = None) -> int:
    """Runs what is missing, then scores; returns the exit status."""
    options, fields = _parser().parse_known_args(arguments)
    options.fields = fields  # of the experiment's config, which checks them
    folder = options.output or options.experiment / "trained_models" / "rolling_origin"
    try:
        protocol = declare(options, folder)
        for year in options.years:
            _train(options, year, folder / str(year))
        parts = {year: _gather(folder / str(year), options.seeds) for year in options.years}
        report(parts, options, folder, protocol)
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def report(
    parts: dict, options: argparse.Namespace, folder: pathlib.Path, protocol: dict
) -> pd.DataFrame:
    """Scores all years together, each alone, and the subsets that the runs name; writes them.

    Args:
        parts: dict of year to (validation, test), tables of `_gather`.
        options: of the command line.
        folder: where to.
        protocol: of `declare`.
    """
    tests = [test for _, test in parts.values()]
    table = pd.concat(tests)
    judge = verification if _are_probabilities(table["target"]) else flux_verification
    references = _references(table)
    seeds = [f"network, seed {seed}" for seed in options.seeds]
    whole = judge.verify([parts[year] for year in options.years], (*seeds, ENSEMBLE, *references))
    subsets = _subsets(whole, tests)
    scores = _scores(judge, whole, subsets, options.years, seeds, references)
    paired = _differences(judge, whole, subsets, references)
    _write(scores, paired, whole, options, folder, protocol)
    return scores


def _references(table):
    """Names of the forecasts without a network that the runs have; the last one has skill 0."""
    climatology = next((name for name in CLIMATOLOGIES if name in table), CLIMATOLOGIES[0])
    return [*(name for name in REFERENCES if name in table), climatology]


def _scores(judge, whole, subsets, years, seeds, references):
    """Scores of all years together, of each alone, and of each subset, one below the other."""
    climatology, shown = references[-1], (ENSEMBLE, *references)
    tables = {"all years": judge.scores(whole, (ENSEMBLE, *seeds, *references), climatology)}
    for year in years:
        # A year without events has no TSS; it counts for the Brier score and false alarms alone.
        one = whole.subset((whole.table["time"].dt.year == year).to_numpy())
        tables[str(year)] = judge.scores(one, shown, climatology)
    for name, some in subsets.items():
        # What they have in common is known: skill is relative to their own mean.
        tables[name] = judge.scores(some, shown, mean_target(some.table))
    return pd.concat(tables, names=["samples of", "forecast"])


def _differences(judge, whole, subsets, references):
    """Dict of what is compared, in words, to the network's scores less each reference's."""
    compared = {"all years": whole, **{name: subsets[name] for name in subsets if name == QUIET}}
    return {
        f"{ENSEMBLE} against {name} ({where})": judge.differences(some, ENSEMBLE, name)
        for where, some in compared.items()
        for name in references
    }


def _subsets(whole, tables):
    """Dict of name to samples, of each subset that the years' tables know; no single years."""
    known = [name for table in tables for name in table if table[name].dtype == bool]
    names = [name for name in dict.fromkeys(known) if not name.isdigit()]
    return {name: whole.subset(whole.table[name].eq(True).to_numpy()) for name in names}


def _are_probabilities(target):
    return target.dropna().isin((0.0, 1.0)).all()


def _train(options, year, folder):
    """Trains the seeds of one test year that have no finished run yet."""
    arguments = [f"--test_year={year}", *options.fields]
    done = finished_runs.made_before(folder, options.experiment, arguments, apart=("seed",))
    missing = [seed for seed in options.seeds if seed not in done]
    if not missing:
        return
    command = [sys.executable, str(options.experiment / "network.py"), f"--output={folder}"]
    command += ["--seeds=" + ",".join(map(str, missing)), *arguments]
    subprocess.run(command, check=True)


def _gather(folder, seeds):
    """The validation and test forecasts of one year: a column for each seed, and their mean."""
    runs = {run_records.settings(run)["seed"]: run for run in run_records.finished(folder)}
    tables = {f"network, seed {seed}": run_records.predictions(runs[seed]) for seed in seeds}
    joined = next(iter(tables.values())).drop(columns="forecast")
    for name, table in tables.items():
        if not joined[["id", "target"]].equals(table[["id", "target"]]):
            raise ValueError(
                f"The runs below {folder} forecast other samples or another target. Expected the "
                "same for all seeds. Remove the runs of other settings, or take another --output."
            )
        joined[name] = table["forecast"]
    joined[ENSEMBLE] = joined[list(tables)].mean(axis=1)
    return tuple(joined[joined["split"] == split] for split in ("validation", "test"))


def _write(scores, paired, whole, options, folder, protocol):
    runs = [run for year in options.years for run in run_records.finished(folder / str(year))]
    caveats = run_records.caveats(runs)
    table = expanded(scores).assign(caveats=" ".join(caveats))
    tools.write_text(folder / "scores.csv", table.to_csv())
    protocol |= {
        "caveats": caveats,
        "thresholds": dict(zip(map(str, options.years), whole.thresholds, strict=False)),
        "paired": {
            name: {score: dataclasses.asdict(one) for score, one in found.items()}
            for name, found in paired.items()
        },
        **tools.provenance(),
    }
    tools.write_text(folder / "protocol.json", json.dumps(protocol, indent=1))
    _save_figure(whole.table, runs, folder)
    _print(scores, paired, caveats, folder)


def _save_figure(table, runs, folder):
    marks = run_records.marks(runs)
    if _are_probabilities(table["target"]):
        figures.save(_reliability_figure(table, marks), folder / "reliability.png")
    else:
        unit = run_records.scores(runs[0])["unit"]
        figures.save(_forecast_figure(table, unit, marks), folder / "forecasts.png")


def _print(scores, paired, caveats, folder):
    for caveat in caveats:
        print(f"Caveat: {caveat}")
    shown = scores.drop(columns="years_without_threshold", errors="ignore")
    with pd.option_context("display.width", 250, "display.max_columns", 20):
        print(shown.to_string(float_format="{:.3f}".format, na_rep="undefined"))
    for name, one in paired.items():
        print(f"{name}: " + ", ".join(f"{key} {interval}" for key, interval in one.items()))
    for years, names in _without_threshold(scores.loc["all years"]):
        print(
            f"No threshold in {years} (one outcome alone came in the year before) of "
            f"{'; '.join(names)}: TSS, HSS and all that alarms tell are undefined there, and all "
            "years together leave it out; the Brier scores do not."
        )
    print(f"Results: {folder}")


def _without_threshold(scores):
    """Pairs of years and the forecasts for which validation could choose no threshold in these."""
    if "years_without_threshold" not in scores:
        return []
    return [
        (years, list(part.index))
        for years, part in scores.groupby("years_without_threshold", sort=False)
        if years
    ]


def _reliability_figure(table, marks):
    """All years together and each alone: the mean of the seeds beside the logistic regression."""
    names = [name for name in (ENSEMBLE, "logistic") if name in table]
    years = table["time"].dt.year
    tables = {"all years": table, **{str(year): table[years == year] for year in years.unique()}}
    return reliability.draw(
        {
            reliability.counted(title, some["target"]): (some["target"], dict(some[names].items()))
            for title, some in tables.items()
        },
        marks,
    )


def _forecast_figure(table, unit, marks):
    """What was forecast over what came, for the network and the regression, a point a sample."""
    names = [name for name in (ENSEMBLE, "linear") if name in table]
    figure = figures.new_figure(5.5 * len(names), 5.5)
    low, high = table[["target", *names]].min().min(), table[["target", *names]].max().max()
    unit = figures.unit_title(unit)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        axes.plot([low, high], [low, high], color="grey", linewidth=1)
        axes.plot(table["target"], table[name], ".", markersize=3, alpha=0.4)
        axes.set(aspect="equal", xlabel=f"what came [{unit}]", ylabel=f"forecast [{unit}]")
        axes.set_title(f"{name}, {len(table)} samples", fontsize=figures.LABEL)
    figures.add_marks(figure, marks)
    return figure


def _parser():
    parser = FieldParser(__doc__)
    parser.add_argument(
        "experiment",
        nargs="?",
        type=pathlib.Path,
        default=tools.REPOSITORY / "network_models" / "xray_flux_forecast" / "light_curve",
        help="folder of an experiment with the field test_year",
    )
    parser.add_argument("--years", type=_numbers, default=[2013, 2014, 2015, 2016, 2017])
    parser.add_argument("--seeds", type=_numbers, default=[1, 2, 3, 4, 5])
    parser.add_argument("--output", type=pathlib.Path)
    return parser


def _numbers(text):
    numbers = [int(number) for number in text.split(",")]
    if len({*numbers}) < len(numbers):
        raise argparse.ArgumentTypeError(f"{text} names one twice; expected each once")
    return numbers


if __name__ == "__main__":
    raise SystemExit(main())
