"""Pictures of performance/: learning curves, and forecasts against what came."""

import itertools
import pathlib

import numpy as np
import pandas as pd

from network_models.explanations import figures

COLUMNS = ("id", "time", "split", "weight")
STYLES = ("--", ":", "-.", "-", (0, (8, 3)), (0, (1, 4)), (0, (5, 2, 1, 2, 1, 2)), (0, (2, 1)))
TRAIN, VALIDATION, TARGET, FORECAST = "#4477aa", "#ee6677", "#222222", "#ee6677"


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
        axes.plot(history["epoch"], history[name], color=TRAIN, label="train")
        axes.plot(history["epoch"], history[f"val_{name}"], color=VALIDATION, label="validation")
        if name == "loss":  # of other numbers, the largest may be the best
            best = history["val_loss"].idxmin()
            axes.plot(history["epoch"][best], history["val_loss"][best], "o", color=VALIDATION)
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
        figure = figures.new_figure(12, 4.2)
        over, along = figure.subplots(1, 2, width_ratios=(1, 2))
        _draw_over(over, table[target], table[forecast], unit)
        table = table.sort_values("time")
        for name, colour in ((target, TARGET), (forecast, FORECAST)):
            along.plot(table["time"], table[name], ".-", color=colour, label=name, lw=0.8, ms=4)
        for name, style in zip(baselines, itertools.cycle(STYLES)):
            along.plot(table["time"], table[name], ls=style, color="0.5", label=name, lw=1)
        along.set(ylabel=unit, title=f"{split}: {len(table)} samples")
        along.legend(
            loc="lower left", bbox_to_anchor=(0, 1.08), frameon=False, ncols=4, fontsize="small"
        )
        along.tick_params(axis="x", rotation=20)
        figures.add_marks(figure, marks)
        figures.save(figure, pathlib.Path(folder) / f"forecasts_{split}.png")


def _draw_over(axes, target, forecast, unit):
    low, high = np.nanmin([target, forecast]), np.nanmax([target, forecast])
    axes.plot([low, high], [low, high], color="0.7", lw=1, zorder=0)
    axes.plot(target, forecast, ".", color=FORECAST, alpha=0.7)
    rmse = np.sqrt(np.nanmean((forecast - target) ** 2))
    axes.set(xlabel=f"target [{unit}]", ylabel=f"forecast [{unit}]", aspect="equal")
    axes.set_title(f"root mean square error {rmse:.3g}")
