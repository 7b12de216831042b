"""Sheets of a convolution: its kernels, and the patches of the Sun that excite each filter."""

import dataclasses
import math

import numpy as np
from matplotlib.patches import Rectangle

from network_models.explanations import figures

LARGEST = 64  # filters on a sheet; the table holds them all
BAND = 16  # filters side by side
BLOCKS = 4  # filters side by side where each brings its patches


@dataclasses.dataclass(frozen=True)
class Block:
    """The patches that excite one filter.

    Args:
        number: int, the filter.
        channel: name of the channel that they are cut from.
        patches: list of float arrays, shape (side, side), strongest first; NaN is no image.
        scale: brightness scale of the channel, as from `figures.image_scale`.
    """

    number: int
    channel: str
    patches: list
    scale: object


def filter_sheet(name, kernels, channels, marks=()):
    """Kernels of a convolution: filters from left to right, channels from top to bottom.

    Args:
        name: str, of the convolution.
        kernels: array, shape (filter, [time,] height, width, channel).
        channels: their names.
        marks: words that the picture must carry.
    """
    kernels = kernels if kernels.ndim == 5 else kernels[:, np.newaxis]
    shown = kernels[:LARGEST]
    bands = [shown[start : start + BAND] for start in range(0, len(shown), BAND)]
    rows = kernels.shape[1] * kernels.shape[-1]
    height = max(0.42 * rows + 0.8, 1.8) * len(bands) + 0.8
    figure = figures.new_figure(0.45 * min(len(shown), BAND) + 4.5, height)
    largest = float(np.abs(kernels).max()) or 1.0
    for number, axes in enumerate(figure.subplots(len(bands), 1, squeeze=False)[:, 0]):
        drawn = _draw_kernels(axes, bands[number], largest)
        _name_kernels(axes, bands[number].shape, number * BAND, channels)
    bar = figure.colorbar(drawn, ax=figure.axes, aspect=30, pad=0.02)
    bar.set_label("weight", fontsize=figures.LABEL)
    bar.ax.tick_params(labelsize=figures.SMALL)
    _add_title(figure, f"filters of {name}", len(kernels), marks)
    return figure


def patch_sheet(first, blocks, marks=()):
    """The patches that excite each filter most, in the channel that it weighs most.

    A box is drawn around what the filter sees.

    Args:
        first: `Convolution`.
        blocks: list of `Block`, for its first filters.
        marks: words that the picture must carry.
    """
    columns = min(BLOCKS, len(blocks))
    rows, places = math.ceil(len(blocks) / columns), max(len(block.patches) for block in blocks)
    width = max(1.1 * max(places, 1) * columns + 0.4, 7.5)
    figure = figures.new_figure(width, 1.6 * rows + 0.9)
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for axes in panels:
        axes.set_axis_off()
    widths = [field.width for field in first.fields[-2:]]
    for axes, block in zip(figure.axes, blocks, strict=False):
        title = f"{block.number} · {figures.channel_title(block.channel)}"
        axes.set_title(title, fontsize=figures.SMALL)
        _draw_block(axes, block, widths)
    text = f"what excites the filters of {first.layer.name}"
    _add_title(figure, text, len(first.kernels), marks)
    return figure


def _draw_kernels(axes, kernels, largest):
    """One band of kernels: a column for each filter, a row for each channel and time."""
    by_row = np.moveaxis(kernels, (4, 1), (0, 1))  # (channel, time, filter, height, width)
    tiles = np.flip(by_row.reshape(-1, *kernels.shape[2:4]), axis=1)  # the Sun's north is up
    return axes.imshow(
        np.ma.masked_invalid(figures.mosaic(tiles, len(kernels))),
        cmap=figures.scalar_table(figures.DIVERGING),
        vmin=-largest,
        vmax=largest,
        interpolation="nearest",
    )


def _name_kernels(axes, shape, first, channels):
    count, frames, height, width, _ = shape
    times = [f", time {time}" for time in range(frames)] if frames > 1 else [""]
    names = [figures.channel_title(channel) + time for channel in channels for time in times]
    axes.set_xticks((np.arange(count) + 0.5) * (width + 1), range(first, first + count))
    axes.set_yticks((np.arange(len(names)) + 0.5) * (height + 1), names)
    axes.tick_params(labelsize=figures.SMALL, length=0)


def _draw_block(axes, block, widths):
    if not block.patches:
        axes.text(0.5, 0.5, "the same everywhere", ha="center", va="center", fontsize=figures.SMALL)
        return
    side = len(block.patches[0])
    colours = figures.colour_table(block.channel)
    tiles = [colours(block.scale(np.ma.masked_invalid(patch))) for patch in block.patches]
    sheet = figures.mosaic([np.flipud(tile) for tile in tiles], len(tiles), fill=1.0)
    axes.imshow(sheet, interpolation="nearest")
    height, width = widths
    for i in range(len(tiles)):
        left, top = 0.5 + i * (side + 1) + (side - width) / 2, 0.5 + (side - height) / 2
        axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor="white"))


def _add_title(figure, text, count, marks):
    """The title says the marks: written into these small panels they would hide what is shown."""
    shown = f"{text}: {LARGEST} of {count}" if count > LARGEST else text
    figure.suptitle("  ·  ".join([shown, *marks]), fontsize=figures.TITLE)
