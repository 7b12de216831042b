"""What a forecast at time t may know of the flux before it: hours, days, and their summary."""

import numpy as np
import pandas as pd

HOURS, DAYS = 72, 10
HOUR_CHANNELS = ("log_flux", "log_short_flux", "flux known", "short flux known")
DAY_CHANNELS = ("mean", "largest", "largest short", "fraction known")
SUMMARY = (
    "mean of 3 h",
    "mean of 6 h",
    "mean of 24 h",
    "largest of 24 h",
    "largest of 72 h",
    "largest short of 24 h",
    "mean of 10 d",
    "largest of 10 d",
    "rise of 24 h",
)


def hours(series: pd.DataFrame) -> np.ndarray:
    """Each hour's fluxes and whether they are known.

    Args:
        series: of `hourly.read_hourly`, n rows.

    Returns:
        float32, shape (n, channel), `HOUR_CHANNELS`; log10 of W m-2, NaN where unknown.
    """
    flux = series[["log_flux", "log_short_flux"]].to_numpy()
    return np.concatenate([flux, np.isfinite(flux)], axis=1).astype("float32")


def days(series: pd.DataFrame) -> np.ndarray:
    """Summaries of the last ten days before each hour, oldest first.

    Args:
        series: of `hourly.read_hourly`, n rows.

    Returns:
        float32, shape (n, day, channel), `DAY_CHANNELS`; NaN where nothing is known.
    """
    window = series[["log_flux", "log_short_flux"]].rolling(24, min_periods=1)
    mean, largest, known = window.mean(), window.max(), series["log_flux"].notna()
    day = np.stack(
        [
            mean["log_flux"],
            largest["log_flux"],
            largest["log_short_flux"],
            known.rolling(24, min_periods=1).sum() / 24,
        ],
        axis=-1,
    )
    shifted = [_shifted(day, 24 * back) for back in range(DAYS - 1, -1, -1)]
    return np.stack(shifted, axis=1).astype("float32")


def summary(series: pd.DataFrame) -> np.ndarray:
    """The numbers that a logistic regression needs of the light curve before each hour.

    Args:
        series: of `hourly.read_hourly`, n rows.

    Returns:
        float32, shape (n, number), `SUMMARY`; dex, NaN where nothing is known.
    """
    flux, short = series["log_flux"], series["log_short_flux"]

    def rolled(values, hours, what):
        return getattr(values.rolling(hours, min_periods=1), what)()

    day_before = rolled(flux, 24, "mean").shift(24)
    columns = [
        rolled(flux, 3, "mean"),  # the latest hour alone is often missing
        rolled(flux, 6, "mean"),
        rolled(flux, 24, "mean"),
        rolled(flux, 24, "max"),
        rolled(flux, 72, "max"),
        rolled(short, 24, "max"),
        rolled(flux, 240, "mean"),
        rolled(flux, 240, "max"),
        rolled(flux, 24, "mean") - day_before,
    ]
    return np.stack(columns, axis=-1).astype("float32")


def _shifted(values, rows):
    moved = np.full_like(values, np.nan)
    moved[rows:] = values[: len(values) - rows]
    return moved
