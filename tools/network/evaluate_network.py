"""Scores a trained network: forecasts, scores beside climatology and persistence, plots.

    python tools/network/evaluate_network.py
    python tools/network/evaluate_network.py RUN --split test
    python tools/network/evaluate_network.py RUN --split all --set lag_minutes=720

Without arguments: the newest finished run, on the splits that it was not trained on. It writes
scores.json, predictions.csv and plots into performance/evaluations/ of the run, in a folder for
each choice of model, splits and settings; the run's own files stay as they are.

--probe-year adds year_probe.csv: how well the year can be told from what enters the last layer, and
from the means of the channels alone, beside chance; with and without the correction of AIA's
degradation where the network's config has that field. It takes all splits unless --split is given,
and needs samples of two years.
"""

import dataclasses
import json

import numpy as np

from dataset_models.dataset import DatasetNotFoundError
from network_models import evaluation, score_tables, tool_command_line, trained
from network_models.explanations import year_probe
from tools import tools

TABLE = "V10"  # of degradation, where the network was trained without one


def main(arguments=None):
    """Scores the network that the command line names; returns the exit status."""
    return tool_command_line.ended(_evaluate, _parser().parse_args(arguments))


def _parser():
    parser = tool_command_line.parser(__doc__)
    tool_command_line.add_fields(parser)
    tool_command_line.add_splits(parser, default=(), meaning="those not trained on")
    parser.add_argument(
        "--probe-year", action="store_true", help="ask whether the network reads the date"
    )
    return parser


def _evaluate(options):
    run = trained.open_run(options.model, options.fields, options.runs)
    splits = run.splits(options.split)
    folder = _folder(run, splits, options)
    probed = run.splits(options.split or ["all"])
    if options.probe_year:
        year_probe.check_times(_times(run, probed))
    evaluation.write_results(
        folder,
        run.scored_model(),
        run.dataset,
        run.config,
        splits,
        run.evaluators,
        run.caveats(splits),
    )
    record = {**tools.provenance(), "model": str(run.file), "set": run.fields, "splits": splits}
    tools.write_text(folder / "evaluation.json", json.dumps(record, indent=1))
    print(f"Model: {run.file}\n{score_tables.text(folder)}")
    if options.probe_year:
        _probe_year(run, probed, folder)
    print(f"Results: {folder}")


def _probe_year(run, splits, folder):
    """Writes and prints how well the year can be told from the network's embedding."""
    opened = _ways(run)
    table = year_probe.probe(
        run.model(),
        {name: _batches(one, splits) for name, one in opened.items()},
        {name: _times(one, splits) for name, one in opened.items()},
    )
    tools.write_text(folder / "year_probe.csv", table.to_csv())
    years, samples = int(table["years"].iloc[0]), int(table["samples"].iloc[0])
    print(f"Does it read the date? {samples} samples of {years} years ({', '.join(splits)}):")
    print(table.drop(columns=["samples", "blocks", "years"]).to_string(float_format="%.3f"))


def _ways(run):
    """The run with and without the correction of degradation, as far as it has that setting."""
    if not hasattr(run.config, "degradation"):
        return {"as trained": run}
    table = run.config.degradation or TABLE
    found = {}
    for name, setting in (("uncorrected", ""), (f"corrected, {table}", table)):
        config = dataclasses.replace(run.config, degradation=setting)
        found[name] = dataclasses.replace(run, config=config)
        try:
            found[name].dataset  # noqa: B018, opens it
        except DatasetNotFoundError as error:
            print(f"Not probed {name}: {error}")
            del found[name]
    return found


def _batches(run, splits):
    return (batch for split in splits for batch in run.decoded_batches(split))


def _times(run, splits):
    table = run.dataset.split_table()
    return np.concatenate([table.loc[table["split"] == split, "time"] for split in splits])


def _folder(run, splits, options):
    if not options.output:
        name = tool_command_line.folder_name(run.file, splits, run.fields)
        return run.folder / "performance" / "evaluations" / name
    if (options.output / "history.csv").exists():
        raise ValueError(
            f"{options.output} holds the scores that a run wrote itself. Expected another folder, "
            "so that they stay. Leave --output out, or name a new folder."
        )
    return options.output


if __name__ == "__main__":
    raise SystemExit(main())
