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
    """The largest hourly mean of the 24 h after each hour, and of the 24 h before it.

    Args:
        series: of `hourly.read_hourly`, n rows; row t is of the hour before t.

    Returns:
        Two float32 arrays, shape (n,): log10 of W m-2, NaN where too few hours are known.
    """
    behind = series["log_flux"].rolling(24, min_periods=LEAST_HOURS).max().to_numpy("float32")
    ahead = np.full_like(behind, np.nan)
    ahead[:-24] = behind[24:]
    return ahead, behind
