"""What a forecast distribution says about a threshold, and what several of them say together.

Source:
    Grimit et al. 2006 (Q. J. R. Meteorol. Soc. 132, 2925) for the CRPS of a mixture of normal
    distributions; Lichtendahl et al. 2013 (Management Science 59, 1594) on averaging quantiles.
"""

import math

import numpy as np
from scipy import stats

from tools.skill import Array, known

HEADS = ("flux", "class", "quantiles", "gaussian")
ROUNDING = 1e-6  # dex: float32 may put an M1.0 this far below M1.0


def reached(log_flux: Array, log_threshold: float) -> np.ndarray:
    """1.0 where a flux reaches a threshold, but for rounding, else 0.0; NaN where it is unknown.

    Args:
        log_flux: any shape, log10 of a flux.
        log_threshold: in the same unit.
    """
    log_flux = np.asarray(log_flux, "float64")
    came = (log_flux >= log_threshold - ROUNDING).astype("float64")
    return np.where(np.isnan(log_flux), np.nan, came)


def exceedance(head: str, forecast: Array, log_thresholds: Array, levels: Array = ()) -> np.ndarray:
    """Probabilities to reach thresholds, from the columns of a forecast.

    Args:
        head: one of `HEADS`: what the columns are. "flux": one number, which is certain; "class":
            these probabilities themselves; "quantiles"; "gaussian": mean and deviation.
        forecast: shape (n, column).
        log_thresholds: rising, shape (threshold,), in the unit of the forecast.
        levels: of quantiles. Between two the distribution is taken to be even; beyond the outer
            ones it goes on as their neighbouring stretch does, until 0 or 1.

    Returns:
        float64, shape (n, threshold).

    Raises:
        ValueError: for another head, or columns that do not fit.
    """
    forecast = np.asarray(forecast, "float64")
    thresholds = np.asarray(log_thresholds, "float64")
    columns = {"flux": 1, "class": len(thresholds), "quantiles": len(levels), "gaussian": 2}
    if head not in HEADS or forecast.ndim != 2 or forecast.shape[1] != columns[head]:
        raise ValueError(
            f"The forecast does not fit its head. Expected one of {HEADS}, and shape "
            f"(n, {columns.get(head, 'column')}). Received: head={head!r}, shape {forecast.shape}."
        )
    if head == "class":
        return forecast
    if head == "gaussian":
        return stats.norm.sf((thresholds - forecast[:, :1]) / forecast[:, 1:])
    if head == "flux":
        return reached(forecast, thresholds)
    return np.stack([_above(row, thresholds, np.asarray(levels)) for row in forecast])


def together(head: str, members: Array) -> np.ndarray:
    """The forecast of several networks together.

    Probabilities, fluxes and quantiles are averaged, column by column: an average of quantiles is
    as sharp as its members. Normal distributions become those of the mean and the variance of
    their mixture; `crps_mixture` scores the mixture itself.

    Args:
        head: one of `HEADS`.
        members: shape (member, n, column).

    Returns:
        float64, shape (n, column).
    """
    members = np.asarray(members, "float64")
    if head != "gaussian":
        return members.mean(axis=0)
    means, deviations = members[..., 0], members[..., 1]
    variance = (deviations**2).mean(axis=0) + means.var(axis=0)
    return np.stack([means.mean(axis=0), np.sqrt(variance)], axis=-1)


def crps_mixture(
    observed: Array, means: Array, deviations: Array, weight: Array | None = None
) -> float:
    """Continuous ranked probability score of an even mixture of normal distributions; 0 is best.

    Args:
        observed: shape (n,); NaN is unknown.
        means: shape (n, member), in the unit of the observed.
        deviations: shape (n, member), above 0.
        weight: of each sample, shape (n,).
    """
    parts = np.stack([means, deviations], axis=-1)
    observed, parts, weight = known(observed, parts, weight)
    if not weight.sum() > 0:
        return math.nan
    mean, variance = parts[..., 0], parts[..., 1] ** 2
    distance = _absolute(observed[:, None] - mean, variance).mean(axis=1)
    between = mean[:, :, None] - mean[:, None, :]
    spread = _absolute(between, variance[:, :, None] + variance[:, None, :]).mean(axis=(1, 2))
    return float(np.average(distance - spread / 2, weights=weight))


def _absolute(mean, variance):
    """Expected absolute value of a normal number."""
    deviation = np.sqrt(variance)
    z = mean / deviation
    return 2 * deviation * stats.norm.pdf(z) + mean * (2 * stats.norm.cdf(z) - 1)


def _above(quantiles, thresholds, levels):
    """1 less the piecewise linear distribution function of one sample."""
    gaps, steps = np.diff(quantiles), np.diff(levels)
    low = quantiles[0] - levels[0] * gaps[0] / steps[0]
    high = quantiles[-1] + (1 - levels[-1]) * gaps[-1] / steps[-1]
    places = np.concatenate([[low], quantiles, [high]])
    return 1 - np.interp(thresholds, places, np.concatenate([[0.0], levels, [1.0]]))
