"""The weights of a network as numbers and as pictures: what has died, what has blown up."""

import itertools
import math

import numpy as np
import pandas as pd

from network_models.explanations import figures, inspection

NEAR_ZERO = 0.01  # of an array's root mean square: a weight below it does next to nothing
DEAD = 1e-3  # of the median norm of the units: a unit below it passes nothing on
COLUMNS = 4  # panels beside each other on the sheet
LARGEST = 80  # layers on the sheet
BINS = 41
COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa3377", "#ccbb44", "#66ccee")  # Tol's, colour-blind


def arrays(model):
    """Yields (layer, weight, trainable, array) of each weight of a built keras.Model, in order.

    A layer inside other models is called by its path, such as "encoder/conv2d".
    """
    trainable = {id(weight) for weight in model.trainable_weights}
    for weight in model.weights:
        layer, _, name = weight.path.rpartition("/")
        yield layer, name, id(weight) in trainable, inspection.as_numpy(weight.value)


def weight_table(model):
    """Statistics of each weight of a network.

    Args:
        model: built keras.Model.

    Returns:
        DataFrame, a row per weight: layer, weight, shape (text), trainable, count, then over the
        finite numbers mean, std, min, max, norm (Euclidean) and near_zero (fraction below
        `NEAR_ZERO` of the root mean square); not_finite (count of NaN and infinity), dead (units
        whose kernel is next to zero, of all), and remark: what to look at, "" if nothing.

    Raises:
        ValueError: if the model has no weights.
    """
    rows = [
        {"layer": layer, "weight": name, "shape": _shape(array), "trainable": trains}
        | _statistics(array)
        | _units(name, array)
        for layer, name, trains, array in arrays(model)
    ]
    if not rows:
        names = [type(layer).__name__ for layer in inspection.layers_of(model)]
        raise ValueError(
            "The model has no weights. Expected at least one layer with some. Received: layers "
            f"{names}. A subclassed model has none before it has been called once."
        )
    table = pd.DataFrame(rows)
    table["remark"] = [_remark(row) for row in table.to_dict("records")]
    return table


def weight_sheet(model, title=""):
    """Histograms of the weights, a panel per layer.

    Args:
        model: built keras.Model.
        title: str, of the sheet.

    Returns:
        matplotlib Figure of the first `LARGEST` layers. Each histogram is drawn against its own
        highest bar, since a bias has few numbers.
    """
    layers = {}
    for layer, name, _, array in arrays(model):
        layers.setdefault(layer, []).append((name, array))
    shown = dict(list(layers.items())[:LARGEST])
    rows = math.ceil(len(shown) / COLUMNS)
    figure = figures.new_figure(3.4 * min(COLUMNS, len(shown)), 2.7 * rows + 0.5)
    panels = figure.subplots(rows, min(COLUMNS, len(shown)), squeeze=False).ravel()
    for axes, (layer, weights) in zip(panels, shown.items(), strict=False):
        _draw_layer(axes, layer, weights)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    left_out = f" (the first {LARGEST} of {len(layers)} layers)" if len(layers) > LARGEST else ""
    figure.suptitle(title + left_out, fontsize=figures.LABEL)
    return figure


def _statistics(array):
    values = np.asarray(array, "float64").ravel()
    finite = values[np.isfinite(values)]
    found = {"count": values.size}
    if not finite.size:
        nothing = dict.fromkeys(("mean", "std", "min", "max", "norm", "near_zero"), math.nan)
        return found | nothing | {"not_finite": values.size}
    typical = np.sqrt(np.mean(finite**2))
    return found | {
        "mean": finite.mean(),
        "std": finite.std(),
        "min": finite.min(),
        "max": finite.max(),
        "norm": np.linalg.norm(finite),
        "near_zero": float(np.mean(np.abs(finite) <= NEAR_ZERO * typical)),
        "not_finite": values.size - finite.size,
    }


def _units(name, array):
    """How many units of a kernel are next to zero: its last axis counts them."""
    if "kernel" not in name or array.ndim < 2:
        return {"dead": 0, "units": 0}
    values = np.where(np.isfinite(array), array, 0).astype("float64")
    norms = np.linalg.norm(values.reshape(-1, array.shape[-1]), axis=0)
    dead = norms <= DEAD * np.median(norms)
    return {"dead": int(dead.sum()), "units": len(norms)}


def _remark(row):
    if row["not_finite"]:
        return f"NOT FINITE: {row['not_finite']} of {row['count']}"
    if row["units"] and row["norm"] == 0:
        return "ALL ZERO"
    if row["dead"]:
        return f"DEAD: {row['dead']} of {row['units']} units"
    return ""


def _shape(array):
    return " x ".join(map(str, array.shape)) or "scalar"


def _draw_layer(axes, layer, weights):
    """Histograms of all weights of a layer, each against its own highest bar."""
    finite = {name: array[np.isfinite(array)].astype("float64") for name, array in weights}
    largest = max((np.abs(values).max(initial=0.0) for values in finite.values()), default=0.0)
    edges = np.linspace(-1, 1, BINS + 1) * (largest or 1.0)
    for (name, array), colour in zip(weights, itertools.cycle(COLOURS)):
        broken = array.size - finite[name].size
        label = f"{name}, {array.size:,}" + (f", {broken:,} not finite" if broken else "")
        heights = np.histogram(finite[name], edges)[0]
        heights = heights / max(heights.max(), 1)
        axes.stairs(heights, edges, fill=True, color=colour, alpha=0.35)
        axes.stairs(heights, edges, color=colour, label=label, lw=1.2)
    axes.set(ylim=(0, 1.45), yticks=[], xlim=(edges[0], edges[-1]))
    axes.axvline(0, color="0.5", lw=0.6, zorder=0)
    axes.set_title(layer, fontsize=figures.SMALL)
    axes.tick_params(labelsize=figures.SMALL - 2)
    axes.locator_params(axis="x", nbins=5)
    axes.legend(frameon=False, fontsize=figures.SMALL - 2, loc="upper right")
