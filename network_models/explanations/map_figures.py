"""Pictures of a `SaliencyMap`: one for each channel, and a sheet of all channels."""

import math

import matplotlib.patheffects
import numpy as np

from network_models.explanations import figures
from network_models.explanations.saliency_map import smoothed

ENCLOSED = (0.5, 0.2)  # contours enclose these fractions of the sensitivity
CONTOUR_WIDTHS = (0.9, 1.8)  # points, from the widest contour to the innermost
CONTOUR_SMOOTHING = 0.015  # of the image's width: contours of finer detail hide the Sun
SHEET_COLUMNS = 4  # at most


def channel_figure(saliency, sensitivity, index):
    """The image of one channel with contours of the sensitivity, and beside it the sensitivity.

    Args:
        saliency: `SaliencyMap`.
        sensitivity: its `sensitivity`, passed on because all channels share its cost.
        index: int, which channel.
    """
    figure = figures.new_figure(13, 6.4)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    extent = figures.solar_extent(saliency.about.get("wcs"), saliency.image.shape[:2])
    channel, values = saliency.channels[index], sensitivity[..., index]
    figures.draw_image(left, saliency.image[..., index], channel, saliency.image_unit, extent)
    _draw_contours(left, values, extent)
    drawn = _draw_sensitivity(right, values, brightest(values), extent)
    _add_bar(figure, drawn, right, saliency)
    left.set_title(f"contours hold {_percents()} of the sensitivity", fontsize=figures.LABEL)
    right.set_title(_share_title(sensitivity, index), fontsize=figures.LABEL)
    figures.label_axes(left, extent)
    figures.label_axes(right, extent)
    right.set_ylabel("")
    figure.suptitle(_title(saliency, figures.channel_title(channel)), fontsize=figures.TITLE)
    figures.add_marks(figure, saliency.about.get("marks", ()))
    return figure


def sheet(saliency, sensitivity):
    """Image over sensitivity for every channel, on one scale of sensitivity.

    Args:
        saliency: `SaliencyMap`.
        sensitivity: its `sensitivity`.
    """
    count = len(saliency.channels)
    rows = math.ceil(count / SHEET_COLUMNS)
    columns = math.ceil(count / rows)
    figure = figures.new_figure(3.1 * columns + 1.2, 6.2 * rows + 0.9)
    panels = figure.subplots(2 * rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for index, channel in enumerate(saliency.channels):
        row, column = 2 * (index // columns), index % columns
        upper, lower = panels[row, column], panels[row + 1, column]
        figures.draw_image(upper, saliency.image[..., index], channel, saliency.image_unit)
        drawn = _draw_sensitivity(lower, sensitivity[..., index], brightest(sensitivity))
        upper.set_title(figures.channel_title(channel), fontsize=figures.TITLE)
        lower.set_title(_share_title(sensitivity, index), fontsize=figures.SMALL)
        for axes in (upper, lower):
            figures.add_mark(axes, saliency.about.get("marks", ()))
    _add_bar(figure, drawn, panels, saliency)
    figure.suptitle(_title(saliency), fontsize=figures.TITLE)
    return figure


def enclosing_levels(values, fractions=ENCLOSED):
    """Levels above which lie the given fractions of the sum of `values`, ascending.

    Args:
        values: float array, not negative; NaN is left out.
        fractions: in descending order.

    Returns:
        List of floats; fewer than `fractions` where they would coincide or enclose nothing.
    """
    ordered = np.sort(values[np.isfinite(values)])[::-1]
    if not ordered.size or not ordered[0] > ordered[-1] >= 0:
        return []
    share = np.cumsum(ordered) / ordered.sum()
    levels = ordered[np.minimum(np.searchsorted(share, fractions), ordered.size - 1)]
    return sorted({level for level in levels.tolist() if ordered[-1] < level < ordered[0]})


def brightest(values):
    """Upper end of the scale of sensitivity; a few outlying pixels do not set it."""
    finite = values[np.isfinite(values)]
    top = np.percentile(finite, 99.9) if finite.size else 0.0
    return float(top if top > 0 else finite.max(initial=0.0) or 1.0)


def _draw_contours(axes, values, extent):
    values = smoothed(values[..., np.newaxis], CONTOUR_SMOOTHING * values.shape[1])[..., 0]
    if levels := enclosing_levels(values):
        lines = axes.contour(
            np.ma.masked_invalid(values),
            levels=levels,
            colors="white",
            linewidths=CONTOUR_WIDTHS[-len(levels) :],
            extent=extent,
            origin="lower",
        )
        edge = matplotlib.patheffects.withStroke(linewidth=3, foreground="black")
        lines.set_path_effects([edge])  # readable on bright and on dark


def _draw_sensitivity(axes, values, top, extent=None):
    return axes.imshow(
        np.ma.masked_invalid(values),
        cmap=figures.scalar_table(figures.SEQUENTIAL),
        vmin=0.0,
        vmax=top,
        origin="lower",
        extent=extent,
        interpolation="nearest",
    )


def _add_bar(figure, drawn, panels, saliency):
    bar = figure.colorbar(drawn, ax=panels, shrink=0.8, pad=0.02, aspect=30, extend="max")
    unit = f" [{saliency.change_unit}]" if saliency.change_unit else ""
    bar.set_label(f"|{saliency.method} × image|{unit}", fontsize=figures.LABEL)
    bar.ax.tick_params(labelsize=figures.SMALL)
    bar.formatter.set_powerlimits((-2, 3))


def _share_title(sensitivity, index):
    totals = np.nansum(sensitivity, axis=(0, 1))
    if len(totals) == 1 or not totals.sum() > 0:
        return "sensitivity"
    return f"{100 * totals[index] / totals.sum():.0f} % of all sensitivity"


def _percents():
    return " and ".join(f"{100 * fraction:.0f} %" for fraction in ENCLOSED)


def _title(saliency, channel=""):
    frame = "" if saliency.frame is None else f"frame {saliency.frame}"
    first = [text for text in (channel, figures.time_title(saliency.about["time"]), frame) if text]
    unit = f" {saliency.target_unit}" if saliency.target_unit else ""
    known = math.isfinite(saliency.target)
    target = f"{saliency.target:#.3g}" if known else "unknown"
    return f"{'  ·  '.join(first)}\ntarget {target}, forecast {saliency.forecast:#.3g}{unit}"
