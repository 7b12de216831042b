"""Forecasts of the flux that need no network: a network has to do better than all of them."""

import dataclasses

import numpy as np
import pandas as pd

from dataset_models import climatology
from dataset_models.goes import regression
from dataset_models.sdo.flux_target import FluxTarget, log_or_flux
from tools.distributions import reached
from tools.label_history import LARGEST_MINUTE

NO_LIGHT_CURVE = (
    "NO LIGHT CURVE: y/Light_Curve.csv is not there, or knows nothing of the training times, so no "
    "regression on the light curve and no flare of the day before stand beside these scores. It is "
    "written with the labels where these come from a flux series: "
    "python tools/xray_flux_forecast/v4_find_ys.py (--every 6 --start TIME --end TIME for SDOML)"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class References:
    """Climatology, persistence, and a regression on the GOES light curve.

    All see what was known at a sample's own time, and learn from the training split alone, but for
    the climatology of the period, which no forecaster could know.

    Args:
        flux: `FluxTarget`, what is forecast.
        table: of `samples.candidates`, after `FluxTarget.reject`; n rows.
        target: of `FluxTarget.values`, shape (n, 1), NaN where a row is no sample.
        weights: how much each row counts, shape (n,).
        light_curve: of `goes.history.read_light_curve`, n rows.
        train: rows of the training split.
    """

    flux: FluxTarget
    table: pd.DataFrame
    target: np.ndarray
    weights: np.ndarray
    light_curve: pd.DataFrame
    train: np.ndarray

    @property
    def know_light_curve(self) -> bool:
        """Whether anything is known of the light curve before the training samples."""
        return bool(self.light_curve.iloc[self.train].notna().any(axis=None))

    def forecasts(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Forecasts of the target for `rows`, each float32 of shape (n, 1).

        Persistence is the flux at the image's time (no change, for the delta); "persistence 24 h"
        the largest minute of the 24 h before it, a match for a target that is the largest of a day.
        Climatology is the mean target of training, of the last 365 days' samples whose windows had
        closed, and of `rows` themselves. "light curve" is a ridge regression of log10 of the flux
        on the numbers of the light curve. It learns the logarithm for a target in W m-2 as well,
        where a few X flares would rule the sum of squares. For the delta the flux at the image's
        time is taken off these two.

        A forecast that is unknown is the mean of training. What is never known is left out: without
        a flux series (labels of a flare list) persistence, without its table what the light curve
        tells.
        """
        target = self.target[:, 0]
        now = log_or_flux(self.table["current_flux"], self.flux.log_flux)
        mean = self._mean(target, self.train)
        found = {
            "persistence": (now if self.flux.is_forecast else 0 * target)[rows],
            "climatology": np.full(len(rows), mean),
            "climatology 365 d": self._trailing(target, rows),
            "climatology of the period": np.full(len(rows), self._mean(target, rows)),
        }
        if self.know_light_curve:
            log_flux = log_or_flux(self.table["catch_flux"], True)
            largest = self.light_curve[LARGEST_MINUTE].to_numpy()[rows]
            fitted = self._regression(log_flux, rows, logistic=False)
            for name, flux in (("persistence 24 h", largest), ("light curve", fitted)):
                flux = flux if self.flux.log_flux else 10**flux
                found[name] = flux if self.flux.is_forecast else flux - now[rows]
        return {name: values.astype("float32")[:, None] for name, values in _known(found, mean)}

    def probabilities(self, rows: np.ndarray, log_threshold: float) -> dict[str, np.ndarray]:
        """Probabilities that the flux reaches a threshold, for `rows`, each float64, shape (n,).

        "climatology 365 d" is how often it did in the last 365 days' samples whose windows had
        closed. "persistence" is 1 where the flux reached it in the 24 h before the image, else 0;
        where too little is known of these, the flux at the image's time tells. "logistic" is a
        logistic regression on the numbers of the light curve.

        A probability that is unknown is the frequency in training. What is never known is left out,
        and so is the regression if training has one outcome alone.

        Args:
            rows: of the table.
            log_threshold: log10 of W m-2, physical.
        """
        is_sample = np.isfinite(self.target[:, 0])
        log_flux = np.where(is_sample, log_or_flux(self.table["catch_flux"], True), np.nan)
        came = reached(log_flux, log_threshold)
        rate = self._mean(came, self.train)
        before = self.light_curve[LARGEST_MINUTE].to_numpy()
        before = np.where(np.isnan(before), log_or_flux(self.table["current_flux"], True), before)
        found = {
            "climatology 365 d": self._trailing(came, rows),
            "persistence": reached(before[rows], log_threshold),
        }
        if self.know_light_curve and 0 < rate < 1:
            found["logistic"] = self._regression(came, rows, logistic=True)
        return dict(_known(found, rate))

    def _mean(self, values, rows):
        return np.average(values[rows].astype("float64"), weights=self.weights[rows])

    def _trailing(self, values, rows):
        times, horizon = self.table["time"].to_numpy(), self.flux.horizon_minutes
        counts = np.where(np.isfinite(values), self.weights, np.nan)
        sums, weights = (
            climatology.trailing_mean(times[rows], times, summed, horizon)
            for summed in (counts * values, counts)
        )
        return sums / weights

    def _regression(self, values, rows, logistic):
        numbers, train = self.light_curve.to_numpy(), self.train
        fitted = regression.fit(numbers[train], values[train], logistic, self.weights[train])
        return fitted(numbers[rows])


def _known(found, fallback):
    """Pairs of name and forecast, `fallback` where it is unknown; none of what is never known."""
    for name, values in found.items():
        if np.isfinite(values).any():
            yield name, np.where(np.isnan(values), fallback, values)
