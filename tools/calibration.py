"""Makes probabilities mean what they say: fitted on validation, frozen for test.

Source:
    Guo et al. 2017 (arXiv:1706.04599) for temperature scaling; Platt 1999 (Advances in Large Margin
    Classifiers, 61); Zadrozny & Elkan 2002 for isotonic regression.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy import optimize, special
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from tools.probability_skill import log_score
from tools.skill import Array, known

KINDS = ("none", "temperature", "platt", "isotonic")
TEMPERATURES = (0.05, 20.0)  # searched between
EDGE = 1e-6  # logits of 0 and 1 are infinite
WEAK = 100.0  # inverse strength of regularisation: it keeps the slope finite where no outcomes mix


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A function of probabilities, shape (m,), to probabilities, and what was fitted for it.

    Args:
        function: the function.
        numbers: dict of "temperature", or of "slope" and "intercept" of the logit; else empty.
    """

    function: Callable[[Array], np.ndarray]
    numbers: dict[str, float] = dataclasses.field(default_factory=dict)

    def __call__(self, probability: Array) -> np.ndarray:
        """Calibrated probabilities, float64, shape (m,)."""
        return self.function(np.asarray(probability, "float64"))


def fit(kind: str, observed: Array, probability: Array, weight: Array | None = None) -> Calibration:
    """A function that calibrates probabilities, fitted on samples whose outcome is known.

    "temperature" divides all logits by the one number that gives the smallest log score; the order
    of forecasts stays, and so does the ROC curve, but so does a wrong base rate. "platt" is a
    logistic regression on the logit: a slope, and an intercept that sets the base rate right, where
    a network learnt from chosen samples, say. The slope is not below 0: of forecasts that rank
    samples the wrong way round nothing but the base rate is left. "isotonic" is the rising step
    function with the smallest Brier score; it needs hundreds of events, and can give 0 and 1.
    "none" changes nothing.

    Args:
        kind: one of `KINDS`.
        observed: 0 and 1, shape (n,), of the validation split; NaN is unknown.
        probability: shape (n,).
        weight: of each sample, shape (n,); 1 unless given.

    Returns:
        `Calibration`.

    Raises:
        ValueError: for another kind, or if only one outcome is there.
    """
    if kind not in KINDS:
        raise ValueError(f"No calibration {kind!r}. Expected one of {KINDS}.")
    observed, probability, weight = known(observed, probability, weight)
    if kind == "none":
        return Calibration(np.asarray)
    if len(np.unique(observed)) < 2:
        raise ValueError(
            "Probabilities cannot be calibrated on one outcome alone. Expected events and others. "
            f"Received: {len(observed)} samples with {observed.sum():g} events. Take a longer "
            "validation split, or calibration none."
        )
    if kind == "isotonic":
        rising = IsotonicRegression(out_of_bounds="clip")
        return Calibration(rising.fit(probability, observed, sample_weight=weight).predict)
    if kind == "platt":
        return _regressed(observed, probability, weight)
    temperature = best_temperature(observed, probability, weight)
    return Calibration(_logistic(1 / temperature, 0.0), {"temperature": temperature})


def best_temperature(observed: Array, probability: Array, weight: Array | None = None) -> float:
    """The number above 0 by which logits are divided for the smallest log score; 1 changes nothing.

    Args:
        observed: 0 and 1, shape (n,).
        probability: shape (n,).
        weight: of each sample, shape (n,); 1 unless given.
    """
    found = optimize.minimize_scalar(
        lambda log: log_score(observed, _logistic(np.exp(-log), 0.0)(probability), weight),
        bounds=np.log(TEMPERATURES),
        method="bounded",
    )
    return float(np.exp(found.x))


def _logistic(slope, intercept):
    return lambda probability: special.expit(slope * _logit(probability) + intercept)


def _regressed(observed, probability, weight):
    model = LogisticRegression(C=WEAK)
    model.fit(_logit(probability)[:, None], observed, sample_weight=weight)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope < 0:  # the likelihood is concave: the best of all slopes from 0 on is 0
        slope, intercept = 0.0, float(special.logit(np.average(observed, weights=weight)))
    return Calibration(_logistic(slope, intercept), {"slope": slope, "intercept": intercept})


def _logit(probability):
    return special.logit(np.clip(np.asarray(probability, "float64"), EDGE, 1 - EDGE))
