"""Shows what a trained network looks at in chosen samples, or in FITS files of one time.

    python tools/network/explain_network.py
    python tools/network/explain_network.py RUN --time 2014-01-01T00:00 --methods occlusion
    python tools/network/explain_network.py RUN --id 20140101_0000 --what maps,neighbours
    python tools/network/explain_network.py RUN --fits FOLDER --channels 171,193
    python tools/network/explain_network.py RUN --output-number X1.0

Without arguments: the newest finished run, and samples spread over the first split that it was not
trained on. Maps, features, embeddings and neighbours are those of the run folder, made anew for
these samples, in a folder inside explanations/ of the run. Of a network that gives several numbers,
a probability for each flare class say, --output-number names the one that is forecast and mapped.
"""

import hashlib
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
from network_models.explanations import (
    convolution,
    embeddings,
    features,
    forecast_units,
    inspection,
    maps,
    output_numbers,
)
from network_models.explanations.baseline_file import read_baseline
from network_models.explanations.methods import METHODS
from network_models.finished_runs import nearest
from tools.tools import data_folder

FITS_UNIT = "DN / s"
PARTS = ("maps", "features", "embeddings", "neighbours")
NAMED = 3  # samples that the name of a folder names
FIRST = "0"  # number of the output
TRAINED_ON_SYNTHETIC = "NETWORK OF SYNTHETIC DATA"  # marks what it says of real images


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
    add("--split", metavar="NAME", help="split over which samples are spread, or all")
    add("--count", type=int, metavar="N", help="how many; default: explained_samples of the run")
    add("--fits", nargs="+", type=pathlib.Path, metavar="PATH", help="FITS files or a folder")
    add(
        "--what",
        type=words,
        default=["maps", "features"],
        metavar="PARTS",
        help=f"of {', '.join(PARTS)}; default: maps,features",
    )
    add(
        "--output-number",
        default=FIRST,
        metavar="WHICH",
        help="number or name of the output that is explained, X1.0 say; default: the first, 0",
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
    _check_images(options, x, about)
    _check_layers(options, model, x)
    explained = _explained_number(run, model, x, options)
    caveats = [f"Caveat: {caveat}" for caveat in run.provenance["caveats"]]
    print(f"Model: {run.file}", *caveats, sep="\n")
    print(*_forecasts(model, x, about, splits, explained), sep="\n")
    name = tool_command_line.folder_name(run.file, _name(about, options), run.fields)
    folder = options.output or run.folder / "explanations" / name
    if "maps" in options.what:
        _write_maps(run, model, x, about, folder / "maps", options, explained)
    if "features" in options.what:
        features.write_features(model, x, about, folder / "features", layers=options.layers)
    if "embeddings" in options.what:
        _write_embeddings(model, x, about, splits, folder / "embeddings", _units(run, options))
    if "neighbours" in options.what:
        source = "fits" if options.fits else ", ".join(run.fields)
        nearest_samples.write_neighbours(
            run, model, x, about, folder / "neighbours", options.neighbours, source
        )
    print(f"Results: {folder}")


def _check(options):
    for name in ("what", "methods", "channels", "layers"):
        if getattr(options, name) == []:
            raise ValueError(f"--{name} names nothing. Expected some names, or no --{name} at all.")
    for name in ("count", "neighbours"):
        if (number := getattr(options, name)) is not None and number < 1:
            raise ValueError(f"--{name} must be 1 or more. Received: --{name}={number}.")
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


def _check_images(options, x, about):
    """Refuses channels that the images lack, and what a network without images has no use for."""
    channels, known = options.channels, about[0].get("channels", ())
    if (channels or options.baseline) and not inspection.spatial_inputs(x):
        raise ValueError(
            f"The network takes no images. Expected no --channels and no --baseline, which are for "
            f"images. Received: a network that takes {list(x)}. Leave them out."
        )
    for channel in channels or ():
        if channel not in known:
            raise ValueError(
                f"The network knows no channel {channel!r}. Expected some of {list(known)}. "
                f"Received: --channels={','.join(channels)}.{nearest(channel, known)}"
            )


def _check_layers(options, model, x):
    if not options.layers:
        return
    if "features" in options.what:
        convolution.chosen(convolution.convolutions(model, x), options.layers)
    for layer in options.layers:
        known = [one.name for one in inspection.all_layers(model)]
        _check_known(layer, [*known, *convolution.convolutions(model, x)], "--layers")


def _samples(run, model, options):
    """Decoded samples of the dataset, what is known of them, and the split of each."""
    trained.check_inputs(model, run.dataset)
    if options.time or options.id:
        places = chosen_samples.find(run.dataset, options.time, options.id)
    else:
        splits = run.splits([options.split]) if options.split else run.splits()[:1]
        every = [(split, i) for split in splits for i in range(run.dataset.size(split))]
        count = min(options.count or run.config.explained_samples or 1, len(every))
        places = [every[i] for i in np.unique(np.linspace(0, len(every) - 1, count).astype(int))]
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
    if any("SYNTHETIC" in caveat for caveat in run.provenance["caveats"]):
        about = about | {"marks": (*about["marks"], TRAINED_ON_SYNTHETIC)}
    return x, [about], ["fits"]


def _explained_number(run, model, x, options):
    """Which number of the network's output is explained, and its name; "" where it is the only."""
    known = output_numbers.names(model, x, output_numbers.column_names(run.config))
    number = output_numbers.find(options.output_number, known)
    return number, known[number] if len(known) > 1 else ""


def _forecasts(model, x, about, splits, explained):
    """A line for each sample: what it is and what the network says."""
    lines, (described, _) = [], forecast_units.compared(model, x, about)
    number, name = explained
    of = f" of {name}" if name else ""
    for i, (one, split) in enumerate(zip(described, splits, strict=True)):
        forecast = output_numbers.output_number(model, inspection.one_sample(x, i), number)[0]
        target = np.ravel(one.get("labels", {}).get("target", np.nan))
        came = f", target {target[0]:.4g}" if target.size == 1 and np.isfinite(target[0]) else ""
        lines.append(f"{one['id']} ({split}): forecast{of} {forecast:.4g}{came}")
    return lines


def _name(about, options):
    """Every sample where they are few; of many the first, their number, and a digest of all."""
    ids = [str(one["id"]) for one in about]
    if len(ids) > NAMED:
        digest = hashlib.sha256(",".join(ids).encode()).hexdigest()[:8]
        ids = [ids[0], f"and-{len(ids) - 1}-more", digest]
    output = [] if options.output_number == FIRST else ["output", options.output_number]
    return [*(["fits"] if options.fits else []), *ids, *output]


def _write_maps(run, model, x, about, folder, options, explained):
    number, name = explained
    compared = _comparison(run, model, x, options.baseline, number)
    written = maps.write_maps(
        model,
        x,
        about,
        folder,
        units=_units(run, options),
        output=number,
        output_name=name,
        model_file=str(run.file),
        methods=tuple(options.methods or run.config.map_methods or maps.USUAL_METHODS),
        layer=options.layers[0] if options.layers else None,
        skip_unsuitable=not options.methods,
        channels=options.channels,
        **compared,
    )
    if folder / "skipped.txt" in written:
        print((folder / "skipped.txt").read_text().rstrip())


def _units(run, options):
    """Units of the inputs and the target; a FITS set needs no dataset, and has its own."""
    return {"target": run.target_unit} if options.fits else run.dataset.units


def _comparison(run, model, x, file, number):
    """The baseline and scale of `maps.write_maps`: of training samples, where they are there."""
    if not inspection.spatial_inputs(x):
        return {}
    try:
        found = explanation.comparison(model, run.dataset, number)
    except DatasetNotFoundError:
        print("The data of the run are not here: maps compare with the mean training image.")
        found = {}
    return found | ({"baseline": read_baseline(file, x)} if file else {})


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
