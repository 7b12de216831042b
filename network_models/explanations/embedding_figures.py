"""Pictures of an embedding: each sample a point, coloured by its class and by its year."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from network_models.explanations import figures, projections
from network_models.explanations.sample_classes import UNKNOWN

MARKERS = "o^sDv"  # one for each split
GREY = "#9a9a9a"
# Both read by the colour-blind: pale to dark from the quietest class, dark to pale from the oldest.
CLASS_SHADES, YEAR_SHADES = ("YlOrRd", 0.12, 1.0), ("viridis", 0.0, 0.95)


def pca_figure(table, vectors, marks=()):
    """The two directions of largest variance, coloured by class and by year.

    Args:
        table: DataFrame with time, split and class (ordered Categorical), a row per sample.
        vectors: float array, shape (sample, unit).
        marks: words that every panel must carry.
    """
    positions, explained = projections.principal_components(vectors)
    names = [
        f"component {i} ({100 * part:.0f} % of the variance)" for i, part in enumerate(explained, 1)
    ]
    return _figure(table, positions, names, "principal components", marks)


def tsne_figure(table, vectors, marks=()):
    """Who is near whom (t-SNE), coloured by class and by year; arguments as of `pca_figure`.

    Returns:
        Figure, or None if there are too few samples for one.
    """
    positions = projections.stochastic_neighbours(vectors)
    if positions is None:
        return None
    figure = _figure(table, positions, ("t-SNE 1", "t-SNE 2"), "neighbours (t-SNE)", marks)
    for axes in figure.axes:
        axes.set(xticks=[], yticks=[])  # only who is near whom means something
    return figure


def _figure(table, positions, names, kind, marks):
    figure = figures.new_figure(15, 6.4)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    years = pd.Categorical(table["time"].dt.year.astype("Int64").astype("string"), ordered=True)
    keys = (
        ("class of the target", table["class"].array, CLASS_SHADES),
        ("year", years, YEAR_SHADES),
    )
    for axes, (title, groups, shades) in zip(panels, keys, strict=True):
        _draw(axes, positions, groups, table["split"], _shades(groups.categories, shades))
        axes.set_title(f"by {title}", fontsize=figures.LABEL)
        axes.set_xlabel(names[0], fontsize=figures.LABEL)
        axes.tick_params(labelsize=figures.SMALL)
    panels[0].set_ylabel(names[1], fontsize=figures.LABEL)
    title = f"what enters the last layer, {kind}: {_counted(positions)}"
    figure.suptitle(title, fontsize=figures.TITLE)
    figures.add_marks(figure, marks)
    return figure


def _draw(axes, positions, groups, split, shades):
    """Points of all splits and groups, none hidden by the order of the table."""
    colours = np.array([shades[name] for name in groups.categories])[groups.codes]
    order = np.random.default_rng(0).permutation(len(positions))
    size = np.clip(8000 / len(positions), 12, 40)
    handles = []
    for name, marker in zip(pd.unique(split), MARKERS * len(split), strict=False):
        chosen = order[(split == name).to_numpy()[order]]
        style = {"marker": marker, "s": size, "edgecolor": "black", "linewidth": 0.3}
        axes.scatter(*positions[chosen].T, color=colours[chosen], **style)
        handles.append(_handle(f"{name} ({len(chosen)})", GREY, marker))
    counts = pd.Series(groups).value_counts()
    coloured = [_handle(f"{name} ({counts[name]})", shades[name]) for name in groups.categories]
    axes.legend(
        handles=coloured + handles,
        fontsize=figures.SMALL,
        loc="upper left",
        bbox_to_anchor=(1, 1),
        frameon=False,
        borderaxespad=0.2,
    )


def _shades(names, shades):
    """Dict of group to colour, evenly from a colour table; grey for the unknown."""
    name, low, high = shades
    known = [group for group in names if group != UNKNOWN]
    colours = matplotlib.colormaps[name](np.linspace(low, high, len(known)))
    grey = matplotlib.colors.to_rgba(GREY)
    return dict(zip(known, colours, strict=True)) | {UNKNOWN: grey}


def _handle(label, colour, marker="o"):
    style = {"marker": marker, "markersize": 8, "markeredgecolor": "black"}
    return Line2D([], [], linestyle="", color=colour, markeredgewidth=0.4, label=label, **style)


def _counted(positions):
    missing = int(np.isnan(positions[:, 0]).sum())
    note = f", {missing} without a place left out" if missing else ""
    return f"{len(positions)} samples{note}"
