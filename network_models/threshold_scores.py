"""How well a forecast tells whether a flare class will be reached, whatever the network's head.

An evaluator: thresholds of alarms and calibrations come from validation and are frozen for test.
"""

import math

import numpy as np

from network_models import evaluation, heads
from tools import calibration, distributions, probability_skill
from tools.skill import contingency

TABLE = ("tss", "hss")  # of the contingency table of alarms


def evaluate(model, dataset, config):
    """Scores of the probabilities to reach `config.thresholds`, for validation and test.

    Args:
        model: trained network with a head of `heads`.
        dataset: `Dataset`; nothing is scored unless its target is log10 of a flux.
        config: with the fields of `heads.make`, and calibration (one of `calibration.KINDS`).

    Returns:
        Dict of name to number, such as "test M1.0 brier". For each class: events; brier; bss (its
        skill over the frequency in training), the same calibrated on validation; roc_area; tss and
        hss of alarms from the probability on that gave the best TSS on validation. NaN where a
        score is undefined: validation or the split itself has one outcome alone.
    """
    if dataset.units["target"] != heads.LOG_FLUX:
        return {}
    thresholds = heads.log_thresholds(config)
    splits = dataset.splits[1:]
    came = {split: _reached(dataset, split, thresholds) for split in dataset.splits}
    said = {split: _probabilities(model, dataset, split, config, thresholds) for split in splits}
    scores = {}
    for column, name in enumerate(config.thresholds):
        observed = {split: values[:, column] for split, values in came.items()}
        forecast = {split: values[:, column] for split, values in said.items()}
        rate = float(np.nanmean(observed[dataset.splits[0]]))
        for split, found in of_class(observed, forecast, rate, config.calibration).items():
            scores |= {f"{split} {name} {score}": number for score, number in found.items()}
    return scores


def of_class(observed, forecast, rate, kind):
    """Scores of one class, with what validation chooses frozen for the other splits.

    Args:
        observed: dict of split to 0 and 1, NaN unknown, shape (n,).
        forecast: dict of split to probabilities, shape (n,); the first split is validation.
        rate: probability that the reference gives.
        kind: one of `calibration.KINDS`.

    Returns:
        Dict of split to dict of name to number, as in `evaluate`.
    """
    threshold, calibrated = _chosen(
        *(of[next(iter(forecast))] for of in (observed, forecast)), kind
    )
    found = {}
    for split, said in forecast.items():
        came = observed[split]
        found[split] = {"events": float(np.nansum(came)), **_scores(came, said, rate, "")}
        found[split] |= _scores(came, calibrated(said), rate, " calibrated")
        found[split]["roc_area"] = probability_skill.roc_area(came, said)
        table = contingency(came, said >= threshold)
        known = not math.isnan(threshold)
        found[split] |= {name: getattr(table, name) if known else math.nan for name in TABLE}
    return found


def _chosen(came, said, kind):
    """The threshold of alarms and the calibration that validation chooses; NaN where it cannot."""
    if len(np.unique(came[np.isfinite(came)])) < 2:
        return math.nan, lambda said: np.full(len(said), math.nan)
    threshold = probability_skill.best_threshold(came, said)
    return threshold, calibration.fit(kind, came, said)


def _scores(came, said, rate, mark):
    if np.isnan(said).any():
        return {f"brier{mark}": math.nan, f"bss{mark}": math.nan}
    return {
        f"brier{mark}": probability_skill.brier(came, said),
        f"bss{mark}": probability_skill.brier_skill(came, said, rate),
    }


def _reached(dataset, split, thresholds):
    """1.0 and 0.0, NaN where the target is unknown, shape (n, threshold)."""
    target = dataset.targets(split).reshape(-1, 1).astype("float64")
    came = (target >= np.array(thresholds) - distributions.ROUNDING).astype("float64")
    return np.where(np.isnan(target), math.nan, came)


def _probabilities(model, dataset, split, config, thresholds):
    forecast = model.predict(evaluation.in_order(dataset, split, config), verbose=0)
    return distributions.exceedance(config.head, forecast, thresholds, config.levels)
