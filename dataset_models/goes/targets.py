"""What is to be forecast at each hour: the flares of the 24 h to come, or their largest flux.

Each function also gives the same of the 24 h before: what persistence forecasts.
"""

import numpy as np
import pandas as pd

from dataset_models.goes import parts
from dataset_models.goes.parts import DAY

UNITS = {"flare": "probability", "hourly maximum": "log10(W / m2)"}  # of each target
LEAST_HOURS = 20  # of 24 that must be known, before t and (for the hourly maximum) after


def check_known(dependent_variable: str) -> None:
    """Refuses a name that is none in `UNITS`.

    Raises:
        ValueError: naming those that are.
    """
    if dependent_variable not in UNITS:
        raise ValueError(
            f"A light curve has no target {dependent_variable!r}. Expected one of "
            f"{tuple(UNITS)}. Correct dependent_variable."
        )


def flare_within_a_day(
    times: np.ndarray, flares: pd.DataFrame, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Whether a flare peaks in [t, t + 24 h), and in [t - 24 h, t).

    Args:
        times: datetime64 array, shape (n,), UTC.
        flares: of `events.read_events`.
        threshold: W m-2, operational, of the flares that count.

    Returns:
        Two float arrays, shape (n,): 1 or 0, NaN where the flare lists do not cover the window.
    """
    peaks = parts.strong(flares, threshold)["peak"].to_numpy("datetime64[ns]")
    before, now, after = (np.searchsorted(peaks, times + k * DAY) for k in (-1, 0, 1))
    listed = parts.listed(flares)

    def known(came, start):
        return np.where(parts.covered(listed, start, start + DAY), came.astype("float32"), np.nan)

    return known(after > now, times), known(now > before, times - DAY)


def largest_within_a_day(series: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The largest hourly mean of the 24 h that begin at each hour, and of those known by then.

    Args:
        series: of `hourly.read_hourly`, n rows.

    Returns:
        Two float32 arrays, shape (n,): log10 of W m-2, NaN where too few hours are known.
    """
    ahead, behind = series["coming_log_flux"][::-1], series["log_flux"]
    ahead, behind = (one.rolling(24, min_periods=LEAST_HOURS).max() for one in (ahead, behind))
    return ahead[::-1].to_numpy("float32"), behind.to_numpy("float32")
