"""Scores of forecasts that are probabilities of an event.

Source:
    Murphy 1973 (J. Appl. Meteor. 12, 595) for the decomposition, with the terms within bins of
    Stephenson, Coelho & Jolliffe 2008 (Weather and Forecasting 23, 752).
"""

import dataclasses
import math

import numpy as np
import pandas as pd
from sklearn import metrics

from tools.skill import Array, Contingency, known, weighted_mean

BINS = 10  # of a reliability curve, unless asked otherwise


@dataclasses.dataclass(frozen=True)
class BrierDecomposition:
    """Where a Brier score comes from: reliability - resolution + uncertainty + within_bins.

    Args:
        reliability: mean squared distance of the probabilities from what came; 0 is best.
        resolution: mean squared distance of what came, bin by bin, from the base rate.
        uncertainty: base rate (1 - base rate): the score of climatology.
        within_bins: what the bins blur; 0 where each holds one probability.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float


def brier(observed: Array, probability: Array, weight: Array | None = None) -> float:
    """Brier score: mean squared distance of probability and outcome; 0 is best.

    Args:
        observed: 0 and 1, shape (n,); NaN is unknown.
        probability: of the event, shape (n,), from 0 to 1.
        weight: of each sample, shape (n,); 1 unless given.

    Raises:
        ValueError: if shapes differ, a probability is missing or not from 0 to 1.
    """
    observed, probability, weight = _checked(observed, probability, weight)
    return weighted_mean((probability - observed) ** 2, weight)


def brier_skill(
    observed: Array, probability: Array, reference: Array, weight: Array | None = None
) -> float:
    """Brier skill score: 1 - score / score of the reference; NaN where that is perfect.

    Args:
        observed: as in `brier`.
        probability: as in `brier`.
        reference: probabilities of the reference, shape (n,), or one number.
        weight: as in `brier`.
    """
    reference = np.broadcast_to(np.asarray(reference, "float64"), np.shape(observed))
    of_reference = brier(observed, reference, weight)
    if not of_reference > 0:
        return math.nan
    return 1 - brier(observed, probability, weight) / of_reference


def brier_decomposition(
    observed: Array, probability: Array, weight: Array | None = None, bins: int = BINS
) -> BrierDecomposition:
    """The parts of a Brier score over bins of equal width; they add up to it exactly.

    All are NaN where no outcome is known.

    Args:
        observed: as in `brier`.
        probability: as in `brier`.
        weight: as in `brier`.
        bins: int, how many.
    """
    curve = reliability_curve(observed, probability, weight, bins)
    if curve.empty:
        return BrierDecomposition(*[math.nan] * 4)
    base = weighted_mean(*_checked(observed, probability, weight)[::2])
    share, came = (curve["weight"] / curve["weight"].sum()).to_numpy(), curve["observed"].to_numpy()
    reliability = float((share * (curve["probability"].to_numpy() - came) ** 2).sum())
    resolution, uncertainty = float((share * (came - base) ** 2).sum()), base * (1 - base)
    within = brier(observed, probability, weight) - (reliability - resolution + uncertainty)
    return BrierDecomposition(reliability, resolution, uncertainty, within)


def log_score(observed: Array, probability: Array, weight: Array | None = None) -> float:
    """Mean of -ln of the probability given to what came; infinite where that was 0.

    Args:
        observed: as in `brier`.
        probability: as in `brier`.
        weight: as in `brier`.
    """
    observed, probability, weight = _checked(observed, probability, weight)
    with np.errstate(divide="ignore"):
        given = np.log(np.where(observed == 1, probability, 1 - probability))
    return weighted_mean(-given, weight)


def reliability_curve(
    observed: Array, probability: Array, weight: Array | None = None, bins: int = BINS
) -> pd.DataFrame:
    """How often the event came where it was given some probability.

    Args:
        observed: as in `brier`.
        probability: as in `brier`.
        weight: as in `brier`.
        bins: int, how many of equal width between 0 and 1; the last one holds its upper end.

    Returns:
        DataFrame, a row for each bin that is not empty: low, high (its edges), probability (the
        mean forecast), observed (the frequency), count (samples), weight (their sum).
    """
    observed, probability, weight = _checked(observed, probability, weight)
    number = np.minimum((probability * bins).astype(int), bins - 1)
    sums = pd.DataFrame(
        {
            "probability": weight * probability,
            "observed": weight * observed,
            "count": np.ones(len(weight), int),
            "weight": weight,
        }
    )
    curve = sums.groupby(number).sum()
    curve[["probability", "observed"]] = curve[["probability", "observed"]].div(
        curve["weight"], axis=0
    )
    curve.insert(0, "low", curve.index / bins)
    curve.insert(1, "high", (curve.index + 1) / bins)
    return curve.reset_index(drop=True)


def roc_curve(
    observed: Array, probability: Array, weight: Array | None = None
) -> pd.DataFrame | None:
    """POD and POFD at every threshold, by scikit-learn; None where one outcome never came.

    Args:
        observed: as in `brier`.
        probability: shape (n,); any number that grows with the chance of the event.
        weight: as in `brier`.

    Returns:
        DataFrame: threshold, pofd, pod, from no alarm to alarm always.
    """
    observed, probability, weight = known(observed, probability, weight)
    if len(np.unique(observed)) < 2:
        return None
    pofd, pod, threshold = metrics.roc_curve(observed, probability, sample_weight=weight)
    return pd.DataFrame({"threshold": threshold, "pofd": pofd, "pod": pod})


def roc_area(observed: Array, probability: Array, weight: Array | None = None) -> float:
    """Area under the ROC curve; 0.5 is chance, NaN where one outcome never came.

    Args:
        observed: as in `roc_curve`.
        probability: as in `roc_curve`.
        weight: as in `roc_curve`.
    """
    curve = roc_curve(observed, probability, weight)
    return math.nan if curve is None else float(metrics.auc(curve["pofd"], curve["pod"]))


def best_threshold(
    observed: Array, probability: Array, score: str = "tss", weight: Array | None = None
) -> float:
    """The threshold with the largest `score`; an alarm is probability >= threshold.

    It is chosen on validation and frozen before the test split is looked at. The smallest of
    several equally good ones is taken.

    Args:
        observed: 0 and 1, shape (n,); NaN is unknown.
        probability: shape (n,).
        score: one of `skill.SCORES`.
        weight: of each sample, shape (n,); 1 unless given.

    Raises:
        ValueError: if one outcome never came, so that no threshold is better than another.
    """
    observed, probability, weight = known(observed, probability, weight)
    if len(np.unique(observed)) < 2:
        raise ValueError(
            "No threshold can be chosen here. Expected both outcomes among the samples. Received: "
            f"{len(observed)} samples with {observed.sum():g} events. Choose it on a longer "
            "validation split."
        )
    candidates, place = np.unique(probability, return_inverse=True)
    # How often each probability was given to events and to others; then it, or a larger one.
    counts = (np.bincount(place, weight * which) for which in (observed, 1 - observed))
    hits, false_alarms = (count[::-1].cumsum()[::-1] for count in counts)
    tables = zip(hits, false_alarms, hits[0] - hits, false_alarms[0] - false_alarms, strict=True)
    found = [getattr(Contingency(*table), score) for table in tables]
    return float(candidates[np.nanargmax(found)])


def frozen_threshold(
    observed: Array, probability: Array, weight: Array | None = None, score: str = "tss"
) -> float:
    """The threshold that validation sets for the test split: that of `best_threshold`.

    A forecast that says only yes and no, such as persistence, is taken at its word: 0.5. It may say
    one probability besides, where it does not know, but must say yes or no somewhere.

    Args:
        observed: 0 and 1, shape (n,), of the validation split; NaN is unknown.
        probability: shape (n,).
        weight: of each sample, shape (n,); 1 unless given.
        score: one of `skill.SCORES`.

    Returns:
        An alarm is probability >= this number; NaN, which gives none, where one outcome never came.
    """
    observed, probability, weight = known(observed, probability, weight)
    said = np.unique(probability)
    others = np.setdiff1d(said, (0.0, 1.0))
    if len(others) < len(said) and len(others) <= 1:
        return 0.5
    if len(np.unique(observed)) < 2:
        return math.nan
    return best_threshold(observed, probability, score, weight)


def _checked(observed, probability, weight):
    observed, probability, weight = known(observed, probability, weight)
    if probability.ndim != 1 or not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError(
            "These are no probabilities. Expected numbers from 0 to 1, shape (n,). Received: shape "
            f"{probability.shape}, from {probability.min(initial=0):g} to "
            f"{probability.max(initial=0):g}. A network's logits go through a sigmoid first."
        )
    if not np.isin(observed, (0.0, 1.0)).all():
        raise ValueError("Outcomes are 0 or 1. Received others. Compare fluxes with a threshold.")
    return observed, probability, weight
