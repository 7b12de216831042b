"""Forecasts from the past alone, the least that a network must beat."""

import numpy as np


def trailing_mean(
    times: np.ndarray,
    known_times: np.ndarray,
    known_targets: np.ndarray,
    horizon_minutes: float,
    days: float = 365,
) -> np.ndarray:
    """Mean of the targets of the last days, of those alone that were known at each time.

    A target of time s looks as far as s + horizon, so it is known from then on.

    Args:
        times: datetime64 array, shape (n,), UTC, of the forecasts.
        known_times: datetime64 array, shape (m,), UTC, of the targets, in any order.
        known_targets: array, shape (m,), NaN where unknown.
        horizon_minutes: lag and catch together, minutes.
        days: how far back the window reaches, days; targets that were closed at its very beginning
            are left out.

    Returns:
        float64 array, shape (n,), in the targets' unit; NaN where no target was known.
    """
    known = np.isfinite(known_targets)
    closed = np.asarray(known_times, "datetime64[ns]")[known]
    closed = closed + np.timedelta64(round(horizon_minutes * 60e9), "ns")
    order = np.argsort(closed, kind="stable")
    closed = closed[order]
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(known_targets, "float64")[known][order])])
    times = np.asarray(times, "datetime64[ns]")
    last = np.searchsorted(closed, times, side="right")
    first = np.searchsorted(closed, times - np.timedelta64(round(days * 86400e9), "ns"), "right")
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of no target
        return (sums[last] - sums[first]) / (last - first)
