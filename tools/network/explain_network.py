"""Shows what a trained network looks at in chosen samples, or in FITS files of one time.

    python tools/network/explain_network.py
    python tools/network/explain_network.py RUN --time 2014-01-01T00:00 --methods occlusion
    python tools/network/explain_network.py RUN --id 20140101_0000 --what maps,neighbours
    python tools/network/explain_network.py RUN --fits FOLDER --channels 171,193

Without arguments: the newest finished run, and samples spread over the first split that it was not
trained on. Maps, features, embeddings and neighbours are those of the run folder, made anew for
these samples, in a folder inside explanations/ of the run.
"""

import pathlib

import numpy as np

from dataset_models.dataset import DatasetNotFoundError
from dataset_models.sdo.fits_set import read_fits_set
from network_models import (
    chosen_samples,
    explanation,
    nearest_samples,
    tool_command_line,
    trained,
)
from network_models.explanations import embeddings, features, gradients, inspection, maps
from network_models.explanations.methods import METHODS
from network_models.finished_runs import nearest
from tools.tools import data_folder

FITS_UNIT = "DN / s"
PARTS = ("maps", "features", "embeddings", "neighbours")


def main(arguments=None):
    """Explains the samples that the command line names; returns the exit status."""
    return tool_command_line.ended(_explain, _parser().parse_args(arguments))


def _parser():
    parser, words = tool_command_line.parser(__doc__), tool_command_line.words
    tool_command_line.add_fields(parser)
    add = parser.add_argument
    several = {"type": words, "action": "extend", "default": []}
    add("--time", **several, metavar="TIMES", help="UTC, with commas between: 2014-01-01T00:00")
    add("--id", **several, metavar="IDS", help="ids of samples, as in split.csv")
    add("--split", metavar="NAME", help="split over which samples are spread")
    add("--count", type=int, metavar="N", help="how many; default: explained_samples of the run")
    add("--fits", nargs="+", type=pathlib.Path, metavar="PATH", help="FITS files or a folder")
    add(
        "--what",
        type=words,
        default=["maps", "features"],
        metavar="PARTS",
        help=f"of {', '.join(PARTS)}; default: maps,features",
    )
    add("--methods", type=words, metavar="NAMES", help=f"of maps: {', '.join(METHODS)}")
    add("--channels", type=words, metavar="NAMES", help="channels to draw; default: all")
    add("--layers", type=words, metavar="NAMES", help="layers of features; default: all")
    add("--neighbours", type=int, default=7, metavar="N", help="how many; default: 7")
    add("--baseline", type=pathlib.Path, metavar="FILE", help="images to compare with: .npy, .npz")
    return parser


def _explain(options):
    run = trained.open_run(options.model, options.fields, options.runs)
    _check(options)
    model = run.model()
    if options.fits:
        x, about, splits = _fits_sample(run, options)
    else:
        x, about, splits = _samples(run, model, options)
    _check_channels(options.channels, about)
    caveats = [f"Caveat: {caveat}" for caveat in run.provenance["caveats"]]
    print(f"Model: {run.file}", *caveats, *_forecasts(model, x, about, splits), sep="\n")
    name = tool_command_line.folder_name(run.file, _name(about), run.fields)
    folder = options.output or run.folder / "explanations" / name
    if "maps" in options.what:
        _write_maps(run, model, x, about, folder / "maps", options)
    if "features" in options.what:
        features.write_features(model, x, about, folder / "features", layers=options.layers)
    if "embeddings" in options.what:
        _write_embeddings(model, x, about, splits, folder / "embeddings", _units(run, options))
    if "neighbours" in options.what:
        nearest_samples.write_neighbours(
            run, model, x, about, folder / "neighbours", options.neighbours
        )
    print(f"Results: {folder}")


def _check(options):
    for word in options.what:
        _check_known(word, PARTS, "--what")
    for method in options.methods or ():
        _check_known(method, METHODS, "--methods")
    if options.fits and (options.time or options.id or options.split):
        raise ValueError(
            "--fits names the images to explain. Expected no --time, --id or --split beside it, "
            "which choose samples of the run's dataset. Leave one of them out."
        )


def _check_known(word, known, option):
    if word not in known:
        raise ValueError(
            f"{option} does not know {word!r}. Expected some of {list(known)}."
            f"{nearest(word, known)}"
        )


def _check_channels(channels, about):
    known = about[0].get("channels", ())
    for channel in channels or ():
        if channel not in known:
            raise ValueError(
                f"The network knows no channel {channel!r}. Expected some of {list(known)}. "
                f"Received: --channels={','.join(channels)}.{nearest(channel, known)}"
            )


def _samples(run, model, options):
    """Decoded samples of the dataset, what is known of them, and the split of each."""
    trained.check_inputs(model, run.dataset)
    if options.time or options.id:
        places = chosen_samples.find(run.dataset, options.time, options.id)
    else:
        (split,) = run.splits([options.split] if options.split else [])[:1]
        count = options.count or run.config.explained_samples or 1
        places = [(split, i) for i in explanation.spread(run.dataset, split, count)]
    return *chosen_samples.gather(run.dataset, places), [split for split, _ in places]


def _fits_sample(run, options):
    unit = run.input_unit("images")
    if unit not in ("", FITS_UNIT):
        raise ValueError(
            f"The network was trained on images in {unit!r}. Expected {FITS_UNIT!r}, which FITS "
            "files give. Use a network that was trained on them, or choose samples of its dataset."
        )
    x, about, notes = read_fits_set(options.fits, run.config, data_folder())
    print(*notes, sep="\n", end="\n" if notes else "")
    return x, [about], ["fits"]


def _forecasts(model, x, about, splits):
    """A line for each sample: what it is and what the network says."""
    lines = []
    for i, (one, split) in enumerate(zip(about, splits, strict=True)):
        forecast = gradients.output_number(model, inspection.one_sample(x, i))[0]
        target = np.ravel(one.get("labels", {}).get("target", np.nan))
        came = f", target {target[0]:.4g}" if target.size == 1 and np.isfinite(target[0]) else ""
        lines.append(f"{one['id']} ({split}): forecast {forecast:.4g}{came}")
    return lines


def _name(about):
    """The first sample, and how many there are."""
    return [str(about[0]["id"]), *([f"and-{len(about) - 1}-more"] if len(about) > 1 else [])]


def _write_maps(run, model, x, about, folder, options):
    compared = _comparison(run, model, x, options.baseline)
    maps.write_maps(
        model,
        x,
        about,
        folder,
        units=_units(run, options),
        model_file=str(run.file),
        methods=tuple(options.methods or run.config.map_methods or maps.USUAL_METHODS),
        layer=options.layers[0] if options.layers else None,
        skip_unsuitable=not options.methods,
        channels=options.channels,
        **compared,
    )


def _units(run, options):
    """Units of the inputs and the target; a FITS set needs no dataset, and has its own."""
    return {"target": run.target_unit} if options.fits else run.dataset.units


def _comparison(run, model, x, file):
    """The baseline and scale of `maps.write_maps`: of training samples, where they are there."""
    if not inspection.spatial_inputs(x):
        return {}
    try:
        found = explanation.comparison(model, run.dataset)
    except DatasetNotFoundError:
        print("The data of the run are not here: maps compare with the mean training image.")
        found = {}
    return found | ({"baseline": _baseline(file, x)} if file else {})


def _baseline(file, x):
    """Dict of name to array from a .npy or .npz file."""
    try:
        arrays = np.load(file, allow_pickle=False)
    except ValueError as error:
        raise ValueError(
            f"{file} holds no baseline: {error} Expected an array in a .npy file, or named ones in "
            "a .npz file, as np.save and np.savez write them."
        ) from error
    names = inspection.spatial_inputs(x)
    return {names[0]: arrays} if isinstance(arrays, np.ndarray) else dict(arrays)


def _write_embeddings(model, x, about, splits, folder, units):
    chosen = {split: [i for i, one in enumerate(splits) if one == split] for split in splits}
    embeddings.write_embeddings(
        model,
        {split: [({name: array[i] for name, array in x.items()},)] for split, i in chosen.items()},
        {split: [about[number] for number in numbers] for split, numbers in chosen.items()},
        folder,
        units=units,
    )


if __name__ == "__main__":
    raise SystemExit(main())
