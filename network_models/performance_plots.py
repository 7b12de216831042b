"""Pictures of performance/: learning curves, and forecasts against what came."""

import itertools
import pathlib

import numpy as np
import pandas as pd
from matplotlib.dates import ConciseDateFormatter

from network_models.explanations import figures

COLUMNS = ("id", "time", "split", "weight")
TRAIN, VALIDATION, TARGET, FORECAST = "#4477aa", "#ee6677", "#222222", "#ee6677"
REFERENCES = ("#4477aa", "#ccbb44", "#228833", "#66ccee", "#aa3377", "#bbbbbb")  # Paul Tol, bright


def curves(folder, marks):
    """Draws curves.png from history.csv: each number of training beside that of validation.

    Args:
        folder: performance/.
        marks: words that the picture must carry.
    """
    history = pd.read_csv(pathlib.Path(folder) / "history.csv")
    names = [name for name in history if f"val_{name}" in history]
    figure = figures.new_figure(4.5 * len(names), 3.6)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        axes.margins(y=0.15)  # room for the mark
        axes.plot(history["epoch"], history[name], color=TRAIN, label="train")
        axes.plot(history["epoch"], history[f"val_{name}"], color=VALIDATION, label="validation")
        if name == "loss":  # of other numbers, the largest may be the best
            best = history["val_loss"].idxmin()
            least = (history["epoch"][best], history["val_loss"][best])
            axes.plot(*least, "o", color=VALIDATION, mec="white")
        axes.set(xlabel="epoch", ylabel=name)
        axes.legend(frameon=False)
    figures.add_marks(figure, marks)
    figures.save(figure, pathlib.Path(folder) / "curves.png")


def forecasts(predictions, unit, marks, folder):
    """Draws forecasts_<split>.png: forecast over target, and both in time.

    Forecasts of several numbers (probabilities, quantiles) are no target's twin: none is drawn.

    Args:
        predictions: DataFrame as in predictions.csv.
        unit: str, of target and forecast.
        marks: words that the picture must carry.
        folder: where to.
    """
    if "forecast" not in predictions or "target" not in predictions:
        return
    numbers = [name for name in predictions if predictions[name].dtype != bool]
    target, forecast, *baselines = [name for name in numbers if name not in COLUMNS]
    for split, table in predictions.groupby("split", sort=False):
        figure = figures.new_figure(13.5, 4.2)
        over, along = figure.subplots(1, 2, width_ratios=(1, 2.4))
        _draw_over(over, table[target], table[forecast], unit)
        _draw_along(along, table.sort_values("time"), (target, forecast), baselines)
        along.set(ylabel=figures.unit_title(unit), title=f"{split}: {len(table)} samples")
        figures.add_marks(figure, marks)
        figures.save(figure, pathlib.Path(folder) / f"forecasts_{split}.png")


def _draw_along(axes, table, names, references):
    """Target and forecast in time, with points; the references are thin lines behind them."""
    for name, colour in zip(names, (TARGET, FORECAST), strict=True):
        axes.plot(table["time"], table[name], ".-", color=colour, label=name, lw=1.2, ms=5)
    for name, colour in zip(references, itertools.cycle(REFERENCES)):
        axes.plot(table["time"], table[name], color=colour, label=name, lw=1, zorder=1)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), frameon=False)


def _draw_over(axes, target, forecast, unit):
    low, high = np.nanmin([target, forecast]), np.nanmax([target, forecast])
    axes.plot([low, high], [low, high], color="0.7", lw=1, zorder=0)
    axes.plot(target, forecast, ".", color=FORECAST, alpha=0.7)
    rmse = np.sqrt(np.nanmean((forecast - target) ** 2))
    title = figures.unit_title(unit)
    axes.set(xlabel=f"target [{title}]", ylabel=f"forecast [{title}]", aspect="equal")
    axes.set_title(f"root mean square error {rmse:.3g}")
