"""What the filters of a network respond to: one sheet for each of its convolutions."""

import pathlib

import numpy as np
import pandas as pd

from network_models.explanations import (
    activation_maximisation,
    convolution,
    feature_figures,
    figures,
    filter_views,
    inspection,
)
from tools import tools

PLACES = 4  # samples listed and shown for each filter
FILTERS = 16  # of each layer that are shown; the table holds them all
LAYERS = 8  # that are shown, evenly spread from the first to the last
COLUMNS = ("layer", "filter", "id", "sample", "output", "frame", "row", "column", "activation")
WRITTEN = ("layer", "filter", "rank", "id", "frame", "row", "column", "channel", "activation")


def write_features(
    model,
    x,
    about,
    folder,
    layers=None,
    filters=FILTERS,
    steps=activation_maximisation.STEPS,
    seed=0,
):
    """Writes what excites the filters of each convolution: pictures, and a table of places.

    <layer>.png shows for each filter the image that it would respond to most, the patches of the
    samples that it responds to most, and their deconvolution. activations.csv says where these
    patches are. filters.png shows the kernels of the first convolution. A model without a
    convolution gets a line of text.

    Args:
        model: keras.Model that takes physical units.
        x: dict of name to array, (batch, [time,] height, width, channel) for images.
        about: list of dicts, as from `Dataset.describe`, one for each sample.
        folder: where to; made if need be.
        layers: names of the convolutions to show; by default at most `LAYERS` of them.
        filters: int, how many of each layer are shown, from the first.
        steps: int, of the ascent to the image that a filter would respond to most.
        seed: int, of the ascent; equal seeds give equal pictures.

    Returns:
        List of the paths written.

    Raises:
        ValueError: if `about` does not fit `x`, if the model has no convolution of a name in
            `layers`, or if `filters` is below 1.
    """
    inspection.check_described(x, about)
    _check_filters(filters)
    folder, every = pathlib.Path(folder), convolution.convolutions(model, x)
    if not every and not layers:
        return [_write_no_features(model, folder)]
    shown = convolution.chosen(every, layers) if layers else convolution.spread(every, LAYERS)
    views = filter_views.views(model, shown, x)
    table = strongest_activations(views, x, about)
    paths, channels, marks = [], {}, inspection.all_marks(about)
    for view in views:
        blocks = filter_views.blocks(view, table, x, about, filters, steps, seed)
        channels |= {(view.name, block.number): block.channel for block in blocks}
        sheet = feature_figures.layer_sheet(view.name, view.filters, blocks, marks)
        paths.append(figures.save(sheet, folder / f"{view.name}.png"))
    written = _write_table(table, channels, folder)
    return [written, *paths, *_write_kernels(every, views[0], about, folder)]


def strongest_activations(views, x, about, places=PLACES):
    """Where each filter responds most: the best place of each sample, the best samples first.

    Args:
        views: list of `filter_views.View`, one for each layer.
        x: dict of name to array, shape (batch, ...).
        about: list of dicts, as from `Dataset.describe`.
        places: int, samples listed for each filter.

    Returns:
        DataFrame, a row for each layer, filter and rank: names and numbers of these (filters from
        0, ranks from 1), id and sample (index in `x`), output (frame, row and column in what the
        layer puts out), frame (index of time, empty for single images), row and column (pixel of
        the image, from 0 at its lower left, at the centre of what the filter sees), activation
        (output of the layer). A filter with one output everywhere has no place: frame, row and
        column are empty.
    """
    table = pd.DataFrame(_activations(views, x, about), columns=COLUMNS)
    table["layer"] = pd.Categorical(table["layer"], [view.name for view in views])
    table = table.astype(dict.fromkeys(("frame", "row", "column"), "Int64"))
    order = ["layer", "filter", "activation"]
    table = table.sort_values(order, ascending=[True, True, False], kind="stable")
    rank = table.groupby(["layer", "filter"], observed=True).cumcount() + 1
    table.insert(2, "rank", rank)
    return table[rank <= places].astype({"layer": "str"}).reset_index(drop=True)


def _activations(views, x, about):
    """A row of `COLUMNS` for each sample, layer and filter."""
    model, layers = views[0].trunk.model, [view.trunk.layer for view in views]
    for i, description in enumerate(about):
        found = convolution.outputs(model, layers, x, i)
        for view, output in zip(views, found, strict=True):
            for number, (*place, activation) in enumerate(_peaks(view, output)):
                yield view.name, number, description["id"], i, *place, activation


def _peaks(view, output):
    """Of each filter in one sample: place in the layer, in the image, and its largest output."""
    for response in np.moveaxis(output, -1, 0):
        response = np.nan_to_num(response, nan=-np.inf, posinf=np.inf)
        place = tuple(int(i) for i in np.unravel_index(response.argmax(), response.shape))
        frame, row, column = view.field.centre(place)
        if response.max() == response.min():
            frame = row = column = pd.NA
        yield place, frame if view.has_time else pd.NA, row, column, float(response.max())


def _write_table(table, channels, folder):
    """Writes where filters respond most; `channels` says in which, for (layer, filter) shown."""
    shown = [channels.get(key) for key in zip(table["layer"], table["filter"], strict=True)]
    text = table.assign(channel=shown)[list(WRITTEN)].to_csv(index=False)
    tools.write_text(folder / "activations.csv", text)
    return folder / "activations.csv"


def _write_kernels(every, view, about, folder):
    """The kernels of the first convolution, if it has kernels; returns the paths written."""
    name, first = next(iter(every.items()))
    if not isinstance(first, convolution.WITH_KERNELS):
        return []
    kernels, image = convolution.kernels(first), view.field.image
    names = inspection.channel_names(about[0], view.x[image].shape[-1], image)
    if kernels.shape[-1] != len(names):  # it sees other planes than the channels of the image
        names = tuple(f"input {i}" for i in range(kernels.shape[-1]))
    marks = inspection.all_marks(about)
    sheet = feature_figures.filter_sheet(name, kernels, names, marks)
    return [figures.save(sheet, folder / "filters.png")]


def _write_no_features(model, folder):
    names = [type(layer).__name__ for layer in inspection.layers_of(model)]
    text = f"No features: the model has no convolution of images. Its layers are {names}.\n"
    tools.write_text(folder / "no_features.txt", text)
    return folder / "no_features.txt"


def _check_filters(filters):
    if filters < 1:
        raise ValueError(
            f"A sheet shows at least one filter. Expected filters of 1 or more. Received: "
            f"filters={filters!r}. To write no features, leave the call out."
        )
