"""What the first convolution of a network responds to: its filters, and the places on the Sun."""

import pathlib

import numpy as np
import pandas as pd

from network_models.explanations import convolution, feature_figures, figures, inspection
from tools import tools

PLACES = 4  # samples listed and shown for each filter
CONTEXT = 33  # pixels on a side of a patch, at least: a filter of 3 x 3 alone shows nothing
COLUMNS = ("filter", "id", "frame", "row", "column", "channel", "activation")


def write_features(model, x, about, folder):
    """Writes the filters of the first convolution, and where each responds most.

    filters.png shows the kernels, activations.png the patches of the images that excite them, and
    activations.csv says where these are. A model without a convolution gets a line of text.

    Args:
        model: keras.Model that takes physical units.
        x: dict of name to array, (batch, [time,] height, width, channel) for images.
        about: list of dicts, as from `Dataset.describe`, one for each sample.
        folder: where to; made if need be.

    Returns:
        List of the paths written.

    Raises:
        ValueError: if `about` does not fit `x`.
    """
    inspection.check_described(x, about)
    folder = pathlib.Path(folder)
    first = convolution.first_convolution(model, x, about)
    if first is None:
        names = [type(layer).__name__ for layer in inspection.layers_of(model)]
        text = f"No features: the model has no convolution of images. Its layers are {names}.\n"
        tools.write_text(folder / "no_features.txt", text)
        return [folder / "no_features.txt"]
    table, marks = strongest_activations(first, x, about), inspection.all_marks(about)
    tools.write_text(folder / "activations.csv", table.to_csv(index=False))
    filters = feature_figures.filter_sheet(first.layer.name, first.kernels, first.inputs, marks)
    patches = feature_figures.patch_sheet(first, _blocks(first, table, x, about), marks)
    return [
        folder / "activations.csv",
        figures.save(filters, folder / "filters.png"),
        figures.save(patches, folder / "activations.png"),
    ]


def strongest_activations(first, x, about, places=PLACES):
    """Where each filter responds most: the best place of each sample, the best samples first.

    Args:
        first: `Convolution`.
        x: dict of name to array, shape (batch, ...).
        about: list of dicts, as from `Dataset.describe`.
        places: int, samples listed for each filter.

    Returns:
        DataFrame, a row for each filter and rank: filter and rank (from 0 and from 1), id, frame
        (index of time, empty for single images), row and column (pixel of the image, from 0 at its
        lower left, at the centre of what the filter sees), channel (the one that the filter weighs
        most), activation (output of the layer). A filter with one output everywhere has no place:
        frame, row and column are empty.
    """
    rows = [
        (number, description["id"], *place, first.channels[first.heaviest[number]], activation)
        for i, description in enumerate(about)
        for number, (place, activation) in enumerate(_peaks(first, x, i))
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table = table.astype(dict.fromkeys(("frame", "row", "column"), "Int64"))
    table = table.sort_values(["filter", "activation"], ascending=[True, False], kind="stable")
    table.insert(1, "rank", table.groupby("filter").cumcount() + 1)
    return table[table["rank"] <= places].reset_index(drop=True)


def patch(image, row, column, half):
    """The square of 2 `half` + 1 pixels on a side around a pixel; NaN where it leaves the image.

    Args:
        image: float array, shape (height, width).
        row: int, pixel from 0.
        column: int, pixel from 0.
        half: int, pixels on each side of the middle one.
    """
    padded = np.pad(np.asarray(image, dtype="float64"), half, constant_values=np.nan)
    return padded[row : row + 2 * half + 1, column : column + 2 * half + 1]


def _peaks(first, x, index):
    """The (frame, row, column) of each filter's largest output in one sample, and that output."""
    for response in np.moveaxis(first.outputs(x, index), -1, 0):
        response = np.nan_to_num(response, nan=-np.inf, posinf=np.inf)
        largest = float(response.max())
        place = first.place(np.unravel_index(response.argmax(), response.shape))
        if largest == response.min():
            place = [pd.NA] * 3
        elif len(first.shape) == 3:
            place[0] = pd.NA
        yield place, largest


def _blocks(first, table, x, about):
    """A `Block` of patches for each filter that the sheet shows."""
    images = inspection.as_numpy(x[first.image])
    images = images.reshape(len(images), -1, *first.shape[-3:])  # an axis of time for all
    numbers = {description["id"]: i for i, description in enumerate(about)}
    half = max(CONTEXT, 2 * int(max(field.width for field in first.fields[-2:]))) // 2
    scales, blocks, unit = {}, [], about[0].get("unit") or ""
    for number, rows in table[table["filter"] < feature_figures.LARGEST].groupby("filter"):
        channel = int(first.heaviest[number])
        if channel not in scales:
            scales[channel] = figures.image_scale(images[..., channel], unit)
        places = rows.dropna(subset="row").fillna({"frame": 0}).itertuples()
        patches = [
            patch(
                images[numbers[place.id], place.frame, ..., channel], place.row, place.column, half
            )
            for place in places
        ]
        name = first.channels[channel]
        blocks.append(feature_figures.Block(number, name, patches, scales[channel]))
    return blocks
