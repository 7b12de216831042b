"""Lists the weights of a trained network, layer by layer, and draws their histograms.

    python tools/network/examine_weights.py
    python tools/network/examine_weights.py RUN
    python tools/network/examine_weights.py anywhere/model.keras --output weights

Without arguments: the newest finished run. It prints a table, and writes it as weights.csv, with
weights.png beside it, into performance/weights/ of the run (of a .keras file outside a run: into
weights/ beside it). Remarks stand where numbers are not finite and where units have died.
"""

import pandas as pd

from network_models import loading, tool_command_line, weights
from network_models.explanations import figures
from network_models.finished_runs import find_model, run_of
from tools import tools

PRINTED = ["layer", "weight", "shape", "count", "mean", "std", "min", "max", "norm", "near_zero"]


def main(arguments=None):
    """Examines the network that the command line names; returns the exit status."""
    parser = tool_command_line.parser(__doc__)
    return tool_command_line.ended(_examine, parser.parse_args(arguments))


def _examine(options):
    file = find_model(options.model, options.runs)
    folder = options.output or _folder(file)
    model = loading.load(file)
    table = weights.weight_table(model)
    tools.write_text(folder / "weights.csv", table.to_csv(index=False))
    title = f"{model.name}: weights of {file.parent.parent.name}/{file.name}"
    figures.save(weights.weight_sheet(model, title), folder / "weights.png")
    print(f"Model: {file}\n{_text(table)}\nResults: {folder}")


def _folder(file):
    run = run_of(file)
    part = tool_command_line.folder_name(file, ["weights"])
    return run / "performance" / "weights" / file.stem if run else file.parent / part


def _text(table):
    with pd.option_context("display.width", None, "display.max_colwidth", 60):
        remarks = table["remark"].any()
        shown = table[[*PRINTED, "remark"] if remarks else PRINTED]
        text = shown.to_string(index=False, float_format="{:.3g}".format)
    learnt = table.loc[table["trainable"], "count"].sum()
    finding = "See the remarks." if remarks else "All are finite, and no unit is dead."
    return f"{text}\n{table['count'].sum():,} numbers, {learnt:,} of them learn. {finding}"


if __name__ == "__main__":
    raise SystemExit(main())
