"""Scores of forecasts that are numbers, such as log10 of a flux, or distributions of it.

Source:
    Gneiting & Raftery 2007 (J. Amer. Stat. Assoc. 102, 359) for the continuous ranked probability
    score and its forms.
"""

import math

import numpy as np
from scipy import stats

from tools.skill import Array, known, weighted_mean

CLASS_EDGES = {"A": -np.inf, "B": -7.0, "C": -6.0, "M": -5.0, "X": -4.0}  # log10 of W m-2


def errors(observed: Array, forecast: Array, weight: Array | None = None) -> dict[str, float]:
    """RMSE, MAE, bias (forecast less observed) and correlation; NaN where undefined.

    Args:
        observed: shape (n,), log10 of the flux, say; NaN is unknown.
        forecast: shape (n,), in the same unit.
        weight: of each sample, shape (n,); 1 unless given.
    """
    observed, forecast, weight = known(observed, forecast, weight)
    if not len(observed):
        return dict.fromkeys(("samples", "rmse", "mae", "bias", "correlation"), math.nan) | {
            "samples": 0
        }
    error = forecast - observed
    return {
        "samples": len(observed),
        "rmse": math.sqrt(np.average(error**2, weights=weight)),
        "mae": float(np.average(np.abs(error), weights=weight)),
        "bias": float(np.average(error, weights=weight)),
        "correlation": _correlation(observed, forecast, weight),
    }


def flare_class(log_flux: Array) -> np.ndarray:
    """Letter of the GOES class of each flux, on the scale that it is given in; "" where NaN.

    Args:
        log_flux: log10 of W m-2, shape (n,).
    """
    log_flux = np.asarray(log_flux, "float64")
    letters = np.array(list(CLASS_EDGES), dtype=object)
    number = np.searchsorted(list(CLASS_EDGES.values())[1:], log_flux, side="right")
    return np.where(np.isnan(log_flux), "", letters[number])


def crps_ensemble(observed: Array, members: Array, weight: Array | None = None) -> float:
    """Continuous ranked probability score of an ensemble, in the unit of the forecast; 0 is best.

    The mean of |member - observed| less half the mean of |member - member'|. For one member it is
    the mean absolute error.

    Args:
        observed: shape (n,); NaN is unknown.
        members: shape (n, member).
        weight: of each sample, shape (n,).
    """
    observed, members, weight = known(observed, members, weight)
    count = members.shape[1]
    distance = np.abs(members - observed[:, None]).mean(axis=1)
    # With sorted members the sum over all pairs is one weighted sum.
    rank = 2 * np.arange(1, count + 1) - count - 1
    spread = (np.sort(members, axis=1) * rank).sum(axis=1) / count**2
    return weighted_mean(distance - spread, weight)


def crps_gaussian(
    observed: Array, mean: Array, deviation: Array, weight: Array | None = None
) -> float:
    """Continuous ranked probability score of normal distributions, in the unit of the forecast.

    Args:
        observed: shape (n,); NaN is unknown.
        mean: shape (n,).
        deviation: shape (n,), above 0.
        weight: of each sample, shape (n,).
    """
    both = np.stack([np.asarray(mean, "float64"), np.asarray(deviation, "float64")], axis=-1)
    observed, both, weight = known(observed, both, weight)
    mean, deviation = both.T
    if not (deviation > 0).all():
        raise ValueError(
            f"A deviation is {deviation[~(deviation > 0)][0]:g}. Expected deviations above 0. End "
            "the network's head with a softplus."
        )
    z = (observed - mean) / deviation
    score = z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi)
    return weighted_mean(deviation * score, weight)


def pinball(observed: Array, quantiles: Array, levels: Array, weight: Array | None = None) -> float:
    """Mean quantile loss, in the unit of the forecast; its double tends to the CRPS.

    Args:
        observed: shape (n,); NaN is unknown.
        quantiles: shape (n, level).
        levels: shape (level,), each between 0 and 1.
        weight: of each sample, shape (n,).
    """
    observed, quantiles, weight = known(observed, quantiles, weight)
    levels = np.asarray(levels, "float64")
    if quantiles.shape[1:] != levels.shape or not ((levels > 0) & (levels < 1)).all():
        raise ValueError(
            "Quantiles and their levels do not fit. Expected shapes (n, level) and (level,), levels"
            f" between 0 and 1. Received: {quantiles.shape} and {levels.tolist()}."
        )
    above = observed[:, None] - quantiles
    return weighted_mean(np.maximum(levels * above, (levels - 1) * above).mean(axis=1), weight)


def crps_quantiles(
    observed: Array, quantiles: Array, levels: Array, weight: Array | None = None
) -> float:
    """CRPS of a distribution known by its quantiles: twice the mean quantile loss.

    With levels at the middles of equal parts of 0 to 1 it is exactly that of the ensemble of these
    quantiles (`crps_ensemble`); with other levels an estimate.

    Args:
        observed: as in `pinball`.
        quantiles: as in `pinball`.
        levels: as in `pinball`.
        weight: as in `pinball`.
    """
    return 2 * pinball(observed, quantiles, levels, weight)


def _correlation(observed, forecast, weight):
    if min(np.ptp(observed), np.ptp(forecast)) == 0:
        return math.nan
    covariance = np.cov(observed, forecast, aweights=weight)
    return float(covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1]))
