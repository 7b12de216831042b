"""What a run's scores say, as tables that a person reads."""

import math
import pathlib
import textwrap

import pandas as pd

from tools import strict_json
from tools.intervals import FEWEST_GROUPS

BOUNDS = ("_low", "_high")
MOST_UNDEFINED = 0.05  # of the draws may leave a score undefined that is given an interval
BESIDE = ("caveats", "unit", "skill", "evaluators")  # in scores.json beside the splits


def text(folder):
    """The scores that lie in a folder, performance/ of a run say: a table for each split.

    Args:
        folder: holds scores.json, and subsets.csv where there are subsets.
    """
    folder = pathlib.Path(folder)
    parts = [of_scores(strict_json.read_numbers(folder / "scores.json"))]
    if (folder / "subsets.csv").is_file():
        parts.append(of_subsets(pd.read_csv(folder / "subsets.csv", dtype={"subset": str})))
    return "\n".join(parts)


def of_scores(scores):
    """Lines of what scores.json holds; undefined scores say so.

    Of the evaluators' numbers, of which there are many, those of the last split stand for all, and
    those of its parts, which a name tells in brackets, are left to the file.
    """
    lines = [f"Caveat: {caveat}" for caveat in scores["caveats"]]
    for split, results in scores.items():
        if split in BESIDE:
            continue
        rows = {name: dict(one) for name, one in results.items() if name != "samples"}
        for name, one in scores.get("skill", {}).get(split, {}).items():
            metric, number = next(iter(one.items()), ("", math.nan))
            rows[name][f"skill over it ({metric})"] = number
        lines += [f"{split} ({results['samples']} samples) [{scores['unit']}]", _table(rows)]
    splits = [name for name in scores if name not in BESIDE]
    shown = by_last_word(_of_last(scores.get("evaluators", {}), splits))
    if shown:
        lines += ["evaluators (other splits and parts: scores.json)", _table(shown)]
        lines += _about_intervals(shown)
    return "\n".join(lines)


def by_last_word(numbers):
    """Rows and columns of numbers with names such as "test M1.0 network tss".

    Args:
        numbers: dict of name to number.

    Returns:
        Dict of row ("test M1.0 network") to dict of column ("tss") to number.
    """
    rows = {}
    for name, number in numbers.items():
        row, _, column = name.rpartition(" ")
        rows.setdefault(row, {})[column] = number
    return rows


def of_subsets(table):
    """Lines about the first metric of the network and the baselines on each subset.

    Args:
        table: DataFrame of subsets.csv.
    """
    metric = next(name for name in table if name not in ("split", "subset", "samples", "forecast"))
    lines = []
    for split, part in table.groupby("split", sort=False):
        rows = {}
        for subset, forecast, number in part[["subset", "forecast", metric]].itertuples(
            index=False
        ):
            rows.setdefault(subset, {})[forecast] = number
        counts = dict(zip(part["subset"], part["samples"], strict=True))
        rows = {f"{name} ({counts[name]} samples)": one for name, one in rows.items()}
        lines += [f"{split}, parts of it: {metric}", _table(rows)]
    return "\n".join(lines)


def _of_last(numbers, splits):
    """Numbers of the last split, or of none, and of no part of it."""
    of_last = (name for name in numbers if name.split(" ")[0] not in splits[:-1])
    return {name: numbers[name] for name in of_last if "(" not in name}


def _table(rows):
    """Numbers in rows and columns; empty where there is none."""
    texts = {name: _cells(one) for name, one in rows.items()}
    table = pd.DataFrame.from_dict(texts, orient="index")
    return textwrap.indent(table.to_string(na_rep=""), "  ")


def _cells(numbers):
    """Dict of column to text: a number, and behind it from `tss_low` to `tss_high`, say."""
    cells = {}
    for name, value in numbers.items():
        if not name.endswith(BOUNDS):
            low, high = (numbers.get(f"{name}{bound}", math.nan) for bound in BOUNDS)
            between = "" if math.isnan(low) else f" [{low:.3g}, {high:.3g}]"
            cells[name] = _number(value) + between
    return cells


def _about_intervals(rows):
    """A line on where the intervals come from, or on why there are none; [] where none was made."""
    counts = [int(numbers["blocks"]) for numbers in rows.values() if "blocks" in numbers]
    if not counts:
        return []
    if min(counts) < FEWEST_GROUPS:
        return [
            f"No intervals: the samples lie in {min(counts)} blocks of 27 days, and from fewer than"
            f" {FEWEST_GROUPS} an interval means nothing."
        ]
    return [
        f"In brackets: 95 % intervals, from {min(counts)} blocks of 27 days drawn together; none of"
        f" a score that is undefined in over {MOST_UNDEFINED:.0%} of the draws."
    ]


def _number(value):
    return "undefined" if math.isnan(value) else f"{value:.4g}"
