"""Measures how much a score gains when training may see the weeks that are forecast.

    python tools/runs/leakage.py network_models/xray_flux_forecast/light_curve --epochs=10

Options that are not its own, such as --epochs, are fields of the experiment's config.

Time is cut into folds. In the stretch that is tested, half of the samples of each month, drawn by
chance, are scored. Two networks are trained for each fold and score the same samples:

    leaky    learns from the other half of the same months too
    purged   learns from nothing within 27 days of the windows of the tested stretch

Both learn from as many samples, validate on the same ones and start from the same weights: the
leaky arm gives up as many of the purged arm's samples as it gains. The inflation is the skill of
the leaky arm less that of the purged one, both relative to the purged arm's climatology, with a
95 % interval from a bootstrap of whole 27-day blocks.

The experiment's trained_models/leakage/ gets a run folder for each arm, forecasts.csv, scores.json
and leakage.png. Runs that are finished already are not repeated.
"""

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd

from dataset_models import folds
from network_models import experiment, finished_runs, loading
from network_models.explanations import figures
from tools import run_records, strict_json, tools
from tools.forecast_tables import groups_of, weights_of
from tools.intervals import bootstrap
from tools.runs.field_parser import FieldParser

ARMS = ("leaky", "purged")
COLOURS = {"leaky": "#ee6677", "purged": "#4477aa"}
UNSCORED = "the half of its month that is not scored"


def main(arguments: list[str] | None = None) -> int:
    """Trains what is missing, prints and writes the inflation; returns the exit status."""
    options, options_of_experiment = _parser().parse_known_args(arguments)
    options.fields = options_of_experiment
    folder = options.output or options.experiment / "trained_models" / "leakage"
    try:
        module = loading.load_module(_network(options.experiment))
        found = [_fold(module, options, fold, folder) for fold in range(1, options.folds + 1)]
        tables, purged = zip(*found, strict=True)
        report(pd.concat(tables, ignore_index=True), purged, options, folder)
    except (ValueError, TypeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def arms(dataset, fold: int, count: int, embargo_days: float, seed: int) -> dict:
    """The two datasets of a fold, dict of arm to `Dataset`.

    Args:
        dataset: with a table of its samples.
        fold: int, from 1: the stretch whose months are scored.
        count: int, how many stretches there are.
        embargo_days: of the purged arm, beyond what windows reach.
        seed: int, of the halves.
    """
    whole = folds.folded(dataset, count, fold, embargo_days)
    chance = np.random.default_rng([seed, fold])
    rows, split = folds.candidates(dataset), whole.split
    tested, train = split.indices("test"), split.indices("train")
    other = _other_half(pd.Series(split.times[tested]), tested, chance)
    gained = chance.permutation(other)[: len(train)]
    kept = chance.permutation(train)[: len(train) - len(gained)]
    purged = _renamed(split, {UNSCORED: other})
    leaky = _renamed(split, {UNSCORED: other, "given up for a leaked one": train})
    leaky.names[gained], leaky.names[kept] = "train", "train"
    leaky.reasons[gained], leaky.reasons[kept] = "", ""
    leaky = dataclasses.replace(leaky, leaks=True)
    return {
        "leaky": folds.redealt(dataset, rows, leaky),
        "purged": folds.redealt(dataset, rows, purged),
    }


def inflation(table: pd.DataFrame) -> dict:
    """Skill of both arms and their difference, each an `Interval`.

    Args:
        table: time, target, climatology and a column for each arm, and weight where samples count
            unequally; targets and forecasts in any unit, NaN targets left out by the caller.
    """
    blocks, weight = groups_of(table), weights_of(table)
    target = table["target"].to_numpy("float64")
    names = (*ARMS, "climatology")
    error = {name: weight * (table[name].to_numpy() - target) ** 2 for name in names}

    def skill(arm, i):
        reference = error["climatology"][i].sum()
        return 1 - error[arm][i].sum() / reference if reference > 0 else np.nan

    found = {arm: bootstrap(lambda i, arm=arm: skill(arm, i), blocks) for arm in ARMS}
    found["inflation"] = bootstrap(lambda i: skill("leaky", i) - skill("purged", i), blocks)
    return found


def report(
    table: pd.DataFrame,
    runs: Sequence[pathlib.Path],
    options: argparse.Namespace,
    folder: pathlib.Path,
) -> dict:
    """Prints and writes the inflation.

    Args:
        table: of all folds: id, time, fold, target, weight, climatology, leaky, purged, learnt.
        runs: those of the purged arm, whose caveats hold for both (that one leaks is meant).
        options: of the command line.
        folder: where to.
    """
    found = inflation(table)
    caveats, marks = run_records.caveats(runs), run_records.marks(runs)
    record = _record(table, found, caveats, options)
    tools.write_text(folder / "forecasts.csv", table.to_csv(index=False))
    strict_json.write(folder / "scores.json", record)
    figures.save(_figure(found, len(table), marks), folder / "leakage.png")
    _print(table, found, caveats, options.folds)
    print(f"Results: {folder}")
    return found


def _record(table, found, caveats, options):
    return {
        "caveats": caveats,
        "experiment": str(options.experiment),
        "fields": options.fields,
        "samples": len(table),
        "training_samples": _training_samples(table),
        "embargo_days": options.embargo_days,
        "skill": {name: dataclasses.asdict(one) for name, one in found.items()},
        **tools.provenance(),
    }


def _print(table, found, caveats, count):
    for caveat in caveats:
        print(f"Caveat: {caveat}")
    print(
        f"{len(table)} samples in {found['leaky'].groups} blocks of 27 days, {count} folds; both "
        f"arms learnt from {', '.join(map(str, _training_samples(table)))} samples."
    )
    for name, one in found.items():
        print(f"{name:9} {one}" + (" skill over climatology" if name in ARMS else ""))


def _training_samples(table):
    """How many samples the arms of each fold learnt from."""
    return table.groupby("fold")["learnt"].first().tolist()


def _network(folder):
    file = folder / "network.py"
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no {file}. Expected the folder of an experiment, such as "
            "network_models/xray_flux_forecast/light_curve."
        )
    return file


def _fold(module, options, fold, folder):
    """Forecasts of both arms for the scored half of one stretch, and the run of the purged one."""
    runs, tables = {}, {}
    for arm in ARMS:
        runs[arm] = _run_of(module, options, fold, arm, folder)
        tables[arm] = _scored(runs[arm])  # before the next one is trained
    leaky, purged = tables["leaky"], tables["purged"]
    if not leaky["id"].equals(purged["id"]) or not leaky["target"].equals(purged["target"]):
        raise ValueError(
            f"The arms below {folder} score other samples or another target. Expected the same in "
            "both. Remove the runs of other settings, or take another --output."
        )
    table = purged[["id", "time", "target", "climatology"]].assign(weight=weights_of(purged))
    learnt = int((pd.read_csv(runs["purged"] / "split.csv")["split"] == "train").sum())
    table = table.assign(
        fold=fold, leaky=leaky["forecast"], purged=purged["forecast"], learnt=learnt
    )
    return table, runs["purged"]


def _run_of(module, options, fold, arm, folder):
    """The finished run of an arm, which is trained if need be."""
    # What is no field of the experiment's config is told by the folder's name.
    name = f"fold_{fold}_of_{options.folds}_embargo_{options.embargo_days:g}"
    place, arguments = folder / name / arm, ["--explained_samples=0", *options.fields]
    done = finished_runs.made_before(place, options.experiment, arguments)
    return list(done.values())[-1] if done else _train(module, options, fold, arm, place)


def _train(module, options, fold, arm, folder):
    def build_dataset(config):
        dataset = module.build_dataset(config)
        return arms(dataset, fold, options.folds, options.embargo_days, config.seed)[arm]

    print(f"Fold {fold} of {options.folds}, {arm}")
    (run,) = experiment.run(
        module.__file__,
        build_dataset=build_dataset,
        build_model=module.build_model,
        arguments=[f"--output={folder}", "--explained_samples=0", *options.fields],
    )
    return run


def _scored(run):
    table = run_records.predictions(run)
    lacking = {"target", "forecast", "climatology"} - set(table)
    if lacking:
        raise ValueError(
            f"{run} forecasts no single number: predictions.csv lacks {sorted(lacking)}. Expected "
            "one column each of target, forecast and climatology. With heads, take --head=flux."
        )
    table = table[(table["split"] == "test") & table["target"].notna()]
    return table.reset_index(drop=True)


def _other_half(times, positions, chance):
    """Half of the positions of each month, drawn by chance: those that are not scored."""
    months = times.dt.to_period("M")
    drawn = [chance.permutation(part.index)[: len(part) // 2] for _, part in times.groupby(months)]
    return positions[np.sort(np.concatenate(drawn))]


def _renamed(split, lost):
    """A copy of a split without the positions in `lost`, a dict of reason to positions."""
    names, reasons = split.names.copy(), split.reasons.astype(object)
    for reason, positions in lost.items():
        names[positions], reasons[positions] = "", reason
    return dataclasses.replace(split, names=names, reasons=reasons)


def _figure(found, samples, marks):
    figure = figures.new_figure(6.5, 3.2)
    axes = figure.subplots()
    for row, arm in enumerate(ARMS):
        _draw_skill(axes, row, found[arm], COLOURS[arm])
    axes.set_yticks([0, 1], ["learnt from the\nsame months", "27 days away"])
    axes.tick_params(labelsize=figures.SMALL)
    axes.set_ylim(1.6, -0.6)
    axes.axvline(0, color="0.6", linewidth=1, zorder=0)
    axes.set_xlabel("skill over climatology (95 %, 27-day blocks)", fontsize=figures.SMALL)
    difference = found["inflation"]
    axes.set_title(
        f"A leak adds {difference.value:.2f} [{difference.low:.2f}, {difference.high:.2f}] "
        f"({samples} samples)",
        fontsize=figures.LABEL,
    )
    figures.add_marks(figure, marks)
    return figure


def _draw_skill(axes, row, skill, colour):
    """One arm's skill and its interval, with its number above it."""
    axes.plot([skill.low, skill.high], [row, row], color=colour, linewidth=3)
    axes.plot(skill.value, row, "o", color=colour, markersize=9)
    axes.annotate(
        f"{skill.value:.2f}", (skill.value, row), xytext=(0, 9), textcoords="offset points",
        ha="center", fontsize=figures.LABEL,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip


def _parser():
    parser = FieldParser(__doc__)
    parser.add_argument("experiment", type=pathlib.Path, help="folder of an experiment")
    parser.add_argument("--folds", type=int, default=4, help="stretches of time, at least 3")
    parser.add_argument("--embargo_days", type=float, default=27.0)
    parser.add_argument("--output", type=pathlib.Path)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
