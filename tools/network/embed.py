"""Embeds whole splits: what enters a network's last layer, for each sample, as Feather.

    python tools/network/embed.py
    python tools/network/embed.py RUN --split test
    tensorboard --logdir FOLDER

Without arguments: the newest finished run, all splits. It writes embeddings.feather (a row for each
sample: id, time, split, target, forecast, activations), the files of TensorBoard's projector, and
plots coloured by class and by year, into a folder inside embeddings/ of the run.
"""

from network_models import tool_command_line, trained
from network_models.explanations import embeddings


def main(arguments=None):
    """Embeds the splits that the command line names; returns the exit status."""
    return tool_command_line.ended(_embed, _parser().parse_args(arguments))


def _parser():
    parser = tool_command_line.parser(__doc__)
    tool_command_line.add_fields(parser)
    tool_command_line.add_splits(parser, default=("all",), meaning="all")
    return parser


def _embed(options):
    run = trained.open_run(options.model, options.fields, options.runs)
    splits, model = run.splits(options.split), run.model()
    trained.check_inputs(model, run.dataset)
    name = tool_command_line.folder_name(run.file, splits, run.fields)
    folder = options.output or run.folder / "embeddings" / name
    table = embeddings.write_embeddings(
        model,
        {split: run.decoded_batches(split) for split in splits},
        {split: run.descriptions(split) for split in splits},
        folder,
        units=run.dataset.units,
    )
    counts = ", ".join(
        f"{count} of {split}" for split, count in table["split"].value_counts().items()
    )
    units = embeddings.activations(table).shape[1]
    print(f"Model: {run.file}\n{len(table)} samples ({counts}), {units} numbers each")
    print(f"Results: {folder}\nIn the browser: tensorboard --logdir {folder}")


if __name__ == "__main__":
    raise SystemExit(main())
