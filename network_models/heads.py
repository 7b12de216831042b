"""The last part of a network that forecasts a flux: a number, classes, or a whole distribution.

The target is log10 of the flux, whatever the head: its loss makes of it what it needs.
"""

import dataclasses
import itertools
from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from network_models import losses, metrics
from network_models.layers.forecasts import (
    ExceedanceProbabilities,
    MeanAndDeviation,
    RisingQuantiles,
)
from tools.distributions import HEADS
from tools.flare_classes import class_to_flux
from tools.flux import check_scale, to_physical

LOG_FLUX = "log10(W / m2)"
LOGARITHMS = (LOG_FLUX, "dex")


@dataclasses.dataclass(frozen=True)
class Head:
    """What a network ends with, and how it learns.

    Args:
        output: function of features, shape (batch, feature), to the forecast.
        loss: keras loss.
        metrics: list of Keras metrics, to be compiled as `weighted_metrics`.
    """

    output: Callable
    loss: object
    metrics: list


def make(config, dataset):
    """The head that `config.head` names.

    "flux": one column, the target itself, learnt by Huber's loss.
    "class": a probability for each of `config.thresholds`, to reach that flare class.
    "quantiles": a column for each of `config.levels`.
    "gaussian": mean and standard deviation of a normal distribution.

    Args:
        config: with the fields head, thresholds (flare classes), threshold_scale and levels.
        dataset: `Dataset`, with the target's mean and std in its statistics.

    Returns:
        `Head`.

    Raises:
        ValueError: for another head, or one that the target's unit does not fit.
    """
    check(config.head, dataset.units["target"])
    numbers = dataset.statistics()["target"]
    mean, std = float(numbers["mean"][0]), float(numbers["std"][0])
    return {"flux": _flux, "class": _classes, "quantiles": _quantiles, "gaussian": _gaussian}[
        config.head
    ](config, mean, std)


def check(head, unit):
    """Refuses a head that is not known, or that cannot forecast numbers of `unit`.

    Raises:
        ValueError: telling which one can.
    """
    if head not in HEADS:
        raise ValueError(f"There is no head {head!r}. Expected one of {HEADS}. Correct --head.")
    fitting = {"class": (LOG_FLUX,), "gaussian": LOGARITHMS}.get(head)
    if fitting and unit not in fitting:
        raise ValueError(
            f"The head {head!r} does not forecast {unit!r}. Expected a target in one of {fitting}: "
            "--log_flux=True, and for classes --dependent_variable=forecast. The heads flux and "
            "quantiles take any."
        )


def log_thresholds(config):
    """log10 of the physical fluxes, W m-2, of `config.thresholds`, which must rise.

    Classes are those of `config.threshold_scale`: an operational M1.0, as GOES 15 and its
    forerunners published it, is 1.43e-5 W m-2.

    Raises:
        ValueError: if they do not rise, or are no flare classes.
    """
    check_scale(config.threshold_scale, "threshold_scale")
    fluxes = [class_to_flux(name) for name in config.thresholds]
    if not fluxes or any(low >= high for low, high in itertools.pairwise(fluxes)):
        raise ValueError(
            "The thresholds do not rise. Expected flare classes, the weakest first, such as "
            f"C1.0,M1.0,X1.0. Received: thresholds={config.thresholds}."
        )
    physical = to_physical(np.array(fluxes), config.threshold_scale)
    return [float(number) for number in np.log10(physical)]


def _flux(config, mean, std):
    def output(features):
        return layers.Rescaling(std, mean, name="log_flux", dtype="float32")(_dense(1, features))

    scores = [
        keras.metrics.RootMeanSquaredError(name="rmse"),
        keras.metrics.MeanAbsoluteError(name="mae"),
    ]
    return Head(output, "huber", scores)


def _classes(config, mean, std):
    thresholds = log_thresholds(config)

    def output(features):
        last = ExceedanceProbabilities(name="probabilities", dtype="float32")
        return last(_dense(len(thresholds), features))

    scores = [
        metrics.Brier(threshold, column, name=f"brier_{name}")
        for column, (name, threshold) in enumerate(zip(config.thresholds, thresholds, strict=True))
    ]
    return Head(output, losses.ClassCrossentropy(thresholds), scores)


def _quantiles(config, mean, std):
    levels = losses.checked_levels(config.levels)

    def output(features):
        last = RisingQuantiles(levels, mean, std, name="quantiles", dtype="float32")
        return last(_dense(len(levels), features))

    middle = int(np.abs(np.array(levels) - 0.5).argmin())
    scores = [metrics.QuantileCRPS(levels), metrics.CentralError(middle, name="mae")]
    return Head(output, losses.QuantileLoss(levels), scores)


def _gaussian(config, mean, std):
    def output(features):
        return MeanAndDeviation(mean, std, name="gaussian", dtype="float32")(_dense(2, features))

    return Head(output, losses.GaussianLogLikelihood(), [metrics.GaussianCRPS(), _mean_error()])


def _mean_error():
    return metrics.CentralError(0, name="mae")


def _dense(columns, features):
    return layers.Dense(columns, dtype="float32")(features)
