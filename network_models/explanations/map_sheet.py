"""One page of all channels of a map, with the strongest regions numbered."""

import math

from network_models.explanations import figures
from network_models.explanations.map_figures import brightest, share_title

COLUMNS = 4  # channels beside each other, at most
NOTE = "Circles: strongest regions of all channels together, as numbered in strongest_regions.csv"


def sheet(drawing):
    """All channels on one scale.

    Args:
        drawing: `Drawing`.
    """
    if drawing.saliency.tells_channels_apart:
        return _image_over_map(drawing)
    return _images_beside_one_map(drawing)


def _image_over_map(drawing):
    """The image of every channel, and below it what was found there."""
    count = len(drawing.saliency.channels)
    rows = math.ceil(count / COLUMNS)
    columns = math.ceil(count / rows)
    figure, panels = _panels(drawing, 2 * rows, columns)
    top = brightest(drawing.sensitivity)
    for index in range(count):
        row, column = 2 * (index // columns), index % columns
        upper, lower = panels[row, column], panels[row + 1, column]
        _draw_channel(drawing, upper, index)
        drawn = drawing.draw_map(lower, index, top)
        lower.set_title(share_title(drawing, index), fontsize=figures.SMALL)
        figures.add_mark(lower, drawing.marks)
    return _finished(drawing, figure, drawn)


def _images_beside_one_map(drawing):
    """The image of every channel under contours of the one map, which comes last."""
    count = len(drawing.saliency.channels) + 1
    rows = math.ceil(count / COLUMNS)
    figure, panels = _panels(drawing, rows, math.ceil(count / rows))
    *images, last = panels.flat[:count]
    for index, axes in enumerate(images):
        _draw_channel(drawing, axes, index)
        drawing.draw_contours(axes, index)
    drawn = drawing.draw_map(last, 0, brightest(drawing.sensitivity))
    last.set_title(share_title(drawing, 0), fontsize=figures.SMALL)
    figures.add_mark(last, drawing.marks)
    return _finished(drawing, figure, drawn)


def _panels(drawing, rows, columns):
    figure, panels = figures.new_panels(
        *(rows, columns), drawing.panel(2.9), gaps=(0.15, 0.35), margins=(0.2, 1.35, 0.45, 1.15)
    )
    for axes in panels.flat:
        axes.set_axis_off()
    return figure, panels


def _draw_channel(drawing, axes, index):
    drawing.draw_image(axes, index)
    drawing.draw_regions(axes)
    channel = figures.channel_title(drawing.saliency.channels[index])
    axes.set_title(channel, fontsize=figures.TITLE)
    figures.add_mark(axes, drawing.marks)


def _finished(drawing, figure, drawn):
    drawing.add_bar(figure, drawn)
    drawing.add_title(figure)
    if len(drawing.regions):
        place = 0.2 / figure.get_size_inches()
        figure.text(*place, NOTE, fontsize=figures.SMALL, color="dimgrey")
    return figure
