"""Sheets of a convolution: its kernels, and what excites each of its filters."""

import math

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from network_models.explanations import figures

LARGEST = 64  # kernels on a sheet
BAND = 16  # kernels side by side
BLOCKS = 4  # filters side by side where each brings its patches
GAP = 0.08  # between tiles, in sides of a patch
CONTRAST = 3.0  # standard deviations of a channel at the ends of the scale
GUIDE = (
    "left: the image that the filter would respond to most   ·   "
    "above: where it responds most in the samples\n"
    "below: the deconvolution of these places   ·   grey: outside of the image\n"
    "Deconvolution shows what a filter answers to; what a forecast rests on is shown in maps/."
)


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
    _add_title(figure, f"kernels of {name}", len(shown), len(kernels), marks)
    return figure


def layer_sheet(name, count, blocks, marks=()):
    """What excites each filter of a layer most, in the channel where its projection is strongest.

    On the left of each block stands the image of activation maximisation, on the right above the
    strongest patches, below them their deconvolution: all of just what the filter sees, but for
    patches with more around; a box then tells what it sees.

    Args:
        name: str, of the layer.
        count: int, how many filters it has.
        blocks: list of `filter_views.Block`, for its first filters.
        marks: words that the picture must carry.
    """
    columns = min(BLOCKS, len(blocks))
    rows = math.ceil(len(blocks) / columns)
    width = _small(max(2, *(len(block.patches) for block in blocks)), 0)[0] + 3 * GAP
    figure = figures.new_figure(max(0.765 * width * columns + 1.2, 12.0), 2.05 * rows + 1.6)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for axes, block in zip(panels.flat, blocks, strict=False):
        title = f"filter {block.number}  ·  {figures.channel_title(block.channel)}"
        axes.set_title(title, fontsize=figures.LABEL, loc="left")
        _draw_block(axes, block, width)
    brightness = ScalarMappable(Normalize(-CONTRAST, CONTRAST), figures.DIVERGING)
    bar = figure.colorbar(brightness, ax=panels, shrink=min(1.0, 5.0 / (2.05 * rows)), pad=0.01)
    bar.set_label("brightness, standard deviations", fontsize=figures.LABEL)
    bar.ax.tick_params(labelsize=figures.SMALL)
    height, width = (round(side) for side in blocks[0].seen)
    text = f"what excites the filters of {name}, which see {height} × {width} pixels"
    _add_title(figure, text, len(blocks), count, marks)
    figure.supxlabel(GUIDE, fontsize=figures.LABEL)
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


def _draw_block(axes, block, width):
    """Tiles in units of a patch's side: one of 2 x 2, and beside it two rows."""
    diverging = figures.scalar_table(figures.DIVERGING)
    large = (0.0, 2 + GAP, -2 - GAP, 0.0)
    if block.maximised is None:
        _say(axes, "no image\nchanges it", 1.0)
    else:
        _draw_tile(axes, diverging(Normalize(-CONTRAST, CONTRAST)(block.maximised)), large)
    colours = figures.colour_table(block.channel)
    for i, patch in enumerate(block.patches):
        _draw_tile(axes, colours(block.scale(np.ma.masked_invalid(patch))), _small(i, 0))
        _draw_box(axes, _small(i, 0), patch.shape[0], block.seen)
    for i, projection in enumerate(block.projections):
        values = np.ma.masked_invalid(projection)
        largest = float(np.ma.abs(values).max()) or 1.0
        _draw_tile(axes, diverging(Normalize(-largest, largest)(values)), _small(i, 1))
    if not block.patches:
        _say(axes, "the same\neverywhere in\nthe samples", (2 + width) / 2)
    axes.set_xlim(0.0, width)  # the next filter stands apart
    axes.set_ylim(-2 - GAP, 0.0)
    axes.set_aspect("equal")


def _small(number, row):
    """Left, right, bottom and top of a small tile."""
    left, top = (2 + number) * (1 + GAP) + GAP, -row * (1 + GAP)
    return (left, left + 1, top - 1, top)


def _draw_tile(axes, colours, extent):
    axes.imshow(colours, extent=extent, origin="lower", interpolation="nearest")


def _draw_box(axes, extent, side, seen):
    """A box around what the filter sees, where a patch of `side` pixels shows more."""
    height, width = (number / side for number in seen)
    if max(height, width) > 0.9:
        return
    left, top = (extent[0] + extent[1] - width) / 2, (extent[2] + extent[3] - height) / 2
    box = Rectangle((left, top), width, height, fill=False, edgecolor="white")
    axes.add_patch(box)


def _say(axes, text, x):
    axes.text(x, -1.0, text, ha="center", va="center", fontsize=figures.LABEL)


def _add_title(figure, text, shown, count, marks):
    """The title says the marks: written into these small panels they would hide what is shown."""
    text = f"{text}: {shown} of {count} filters" if count > shown else text
    figure.suptitle("  ·  ".join([text, *marks]), fontsize=figures.TITLE)
