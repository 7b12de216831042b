"""Compares finished runs of one task with the references and with each other, on the test split.

    python tools/runs/compare.py RUN                          # a network and its references
    python tools/runs/compare.py RUN OTHER --class M1.0       # probabilities to reach a class
    python tools/runs/compare.py RUN OTHER --groups regions

Thresholds of alarms come from validation and are frozen. The 95 % intervals are of whole groups of
samples that are drawn together: 27-day blocks, days, NOAA's active regions, or HARPs (of an image,
the largest one; samples without one are drawn by their block). Differences are paired: both
forecasts see the same groups each time. Runs of different tasks or samples are refused.

With --class the scores are of the probability to reach that flare class, whatever the networks'
heads. Without it probabilities are scored as they are, and fluxes as numbers: of a distribution its
mean or the quantile nearest the middle.

The references are those of the first run that are known for every sample. Skill is relative to the
climatology of training, for parts of the samples relative to their own mean. Writes comparison.csv
and comparison.json into performance/comparison/ of the first run, or into --output.
"""

import argparse
import dataclasses
import pathlib
import sys

import numpy as np
import pandas as pd

from network_models import run_forecasts
from network_models.run_forecasts import ABOUT, CLIMATOLOGY, SPLITS
from tools import flux_verification, run_records, strict_json, tools, verification
from tools.forecast_tables import block_numbers, mean_target
from tools.intervals import FEWEST_GROUPS, RESAMPLES, expanded

ALL = "all samples"
PERIOD = "climatology of the period"  # which no forecaster could know
GROUPS = ("blocks", "days", "regions", "harps")


def main(arguments: list[str] | None = None) -> int:
    """Reads the runs, prints and writes their comparison; returns the exit status."""
    options = _parser().parse_args(arguments)
    folder = options.output or options.runs[0] / "performance" / "comparison"
    try:
        report(options, folder)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def report(options: argparse.Namespace, folder: pathlib.Path) -> pd.DataFrame:
    """Scores of networks and references, and their differences, printed and written.

    Args:
        options: of the command line.
        folder: where to.

    Returns:
        DataFrame indexed by "samples of" and "forecast", of the scores.

    Raises:
        ValueError: if the runs are of different tasks or samples, or what is asked for is not
            there.
    """
    names = _names(options.runs)
    table, references = _forecasts(options, names)
    judge = verification if table["target"].dropna().isin((0.0, 1.0)).all() else flux_verification
    validation, test = (table[table["split"] == split] for split in SPLITS)
    whole = judge.verify([(validation, test)], (*names, *references))
    subsets = [name for name in whole.table if whole.table[name].dtype == bool]
    samples = {ALL: whole}
    samples |= {name: whole.subset(whole.table[name].to_numpy()) for name in subsets}
    drawn, scores, differences = {"resamples": options.resamples}, {}, {}
    for where, some in samples.items():
        reference = CLIMATOLOGY if where == ALL else mean_target(some.table)
        found = judge.scores(some, (*names, *references), reference, **drawn)
        scores[where] = found.assign(skill_over=CLIMATOLOGY if where == ALL else "their own mean")
        differences[where] = {
            f"{one} against {other}": judge.differences(some, one, other, **drawn)
            for one, other in _pairs(names, references)
        }
    scores = pd.concat(scores, names=["samples of", "forecast"])
    for thresholds in whole.thresholds:  # of one period, or of no forecast of yes and no
        scores["threshold"] = scores.index.get_level_values("forecast").map(thresholds)
    _write(scores, differences, options, folder)
    _print(scores, differences[ALL], whole, options, folder)
    return scores


def _names(runs):
    """What the networks are called: by as much of the run's path as tells them apart."""
    if len(runs) == 1:
        return ["network"]
    parts = [run.resolve().parts for run in runs]
    if len(set(parts)) < len(parts):
        raise ValueError(
            f"A run is named twice. Expected each once. Received: {', '.join(map(str, runs))}."
        )
    depth = 1
    while len({one[-depth:] for one in parts}) < len(parts):
        depth += 1
    return ["/".join(one[-depth:]) for one in parts]


def _forecasts(options, names):
    """A table with a column for each network and reference, and the names of the references."""
    tables, chosen = run_forecasts.read(options.runs), options.flare_class
    first = tables[0].drop(columns=run_forecasts.columns(tables[0]))
    table = run_forecasts.outcomes(options.runs[0], first, chosen) if chosen else first
    references = [
        name
        for name in table
        if name not in (*ABOUT, PERIOD) and table[name].dtype != bool and table[name].notna().all()
    ]
    for name, one, run in zip(names, tables, options.runs, strict=True):
        settings = run_records.settings(run)
        table[name] = (
            run_forecasts.probabilities(one, settings, chosen)
            if chosen
            else run_forecasts.numbers(one, settings)
        )
    return table.assign(group=_groups(options, table)), references


def _groups(options, table):
    """The group that each sample is drawn with, shape (n,)."""
    blocks = block_numbers(table["time"])
    if options.groups == "blocks":
        return blocks
    if options.groups == "days":
        return table["time"].dt.floor("D").to_numpy()
    dataset, found = run_forecasts.dataset(options.runs[0], table), np.zeros(len(table), int)
    known = {split: dataset.groups(split) for split in SPLITS}
    for split, groups in known.items():
        if options.groups not in groups:
            raise ValueError(
                f"Nobody knows the {options.groups} of the samples of {split}. Expected --groups "
                f"to be one of {('blocks', 'days', *groups)}. Take one of these, or structure the "
                "data again with lists of regions."
            )
        found[table["split"] == split] = groups[options.groups]
    return np.where(found == 0, np.char.add("block ", blocks.astype(str)), found.astype(str))


def _pairs(names, references):
    """Each other run and the first one, each network and each reference."""
    pairs = [(name, names[0]) for name in names[1:]]
    return pairs + [(name, reference) for name in names for reference in references]


def _write(scores, differences, options, folder):
    caveats = run_records.caveats(options.runs)
    record = {
        "runs": list(map(str, options.runs)),
        "class": options.flare_class,
        "groups": options.groups,
        "caveats": caveats,
        "differences": {
            where: {
                pair: {score: dataclasses.asdict(one) for score, one in found.items()}
                for pair, found in pairs.items()
            }
            for where, pairs in differences.items()
        },
        **tools.provenance(),
    }
    table = expanded(scores).assign(caveats=" ".join(caveats))
    tools.write_text(folder / "comparison.csv", table.to_csv())
    strict_json.write(folder / "comparison.json", record)


def _print(scores, differences, whole, options, folder):
    for caveat in run_records.caveats(options.runs):
        print(f"Caveat: {caveat}")
    shown = scores.drop(columns="years_without_threshold", errors="ignore")
    with pd.option_context("display.width", 250, "display.max_columns", 20):
        print(shown.to_string(float_format="{:.3f}".format, na_rep="undefined"))
    for pair, found in differences.items():
        print(f"{pair}: " + ", ".join(f"{score} {one}" for score, one in found.items()))
    count = whole.table["group"].nunique()
    print(f"Intervals: 95 %, from {count} {options.groups}", end="")
    print(f"; none of fewer than {FEWEST_GROUPS}, so take --groups days" * (count < FEWEST_GROUPS))
    print(f"Results: {folder}")


def _parser():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=pathlib.Path, help="folders of finished runs")
    parser.add_argument("--class", dest="flare_class", help="flare class to reach, such as M1.0")
    parser.add_argument("--groups", choices=GROUPS, default="blocks", help="drawn together")
    parser.add_argument("--resamples", type=int, default=RESAMPLES, help="of the bootstrap")
    parser.add_argument("--output", type=pathlib.Path)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
