"""Reliability diagrams: how often an event came where it was given some probability."""

import numpy as np

from network_models.explanations import figures
from tools.probability_skill import reliability_curve
from tools.skill import known, weighted_mean

STYLES = ({"color": "#4477aa", "marker": "o"}, {"color": "#ee6677", "marker": "s"})


def draw(parts, marks=()):
    """A diagram for each part of the samples, with the number of samples of each bin below it.

    Args:
        parts: dict of title to (observed, forecasts): 0 and 1, NaN unknown, shape (n,); and a dict
            of at most two labels to probabilities, shape (n,). A third says how much each sample
            counts, shape (n,); 1 unless given.
        marks: words that the picture must carry.

    Returns:
        A matplotlib figure.
    """
    figure = figures.new_figure(4.8 * len(parts), 6.2)
    grid = figure.subplots(2, len(parts), squeeze=False, height_ratios=(4, 1), sharex="col")
    for column, (title, part) in enumerate(parts.items()):
        _draw_part(*grid[:, column], *part)
        grid[0, column].set_title(title, fontsize=figures.LABEL)
    grid[0, 0].set_ylabel("observed frequency", fontsize=figures.LABEL)
    grid[1, 0].set_ylabel("samples", fontsize=figures.LABEL)
    figures.add_marks(figure, marks)
    return figure


def counted(title, observed):
    """`title` with the events and samples that it stands for."""
    observed = np.asarray(observed, "float64")
    return f"{title}: {np.nansum(observed):.0f} of {np.isfinite(observed).sum()} samples"


def _draw_part(above, below, observed, forecasts, weight=None):
    came, _, counts = known(observed, observed, weight)
    rate = weighted_mean(came, counts)
    above.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    above.axhline(rate, color="0.6", linewidth=1, linestyle=":")
    above.text(1, rate, "base rate", ha="right", va="bottom", color="0.4")
    for place, (label, said) in enumerate(forecasts.items()):
        curve, style, width = reliability_curve(observed, said, weight), STYLES[place], 0.04
        above.plot(curve["probability"], curve["observed"], label=label, markersize=7, **style)
        middle = (curve["low"] + curve["high"]) / 2 + (place - 0.5) * width
        below.bar(middle, curve["count"], width, color=style["color"])
    above.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    above.legend(fontsize=figures.SMALL, frameon=False, loc="upper left")
    below.set_yscale("log")
    below.set_xlabel("forecast probability", fontsize=figures.LABEL)
