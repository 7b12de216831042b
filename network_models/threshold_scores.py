"""How well a forecast tells whether a flare class will be reached, whatever the network's head.

An evaluator: beside the network stand the references that need none, on the same samples.
Thresholds of alarms and calibrations come from validation and are frozen for test.
"""

import numpy as np

from network_models import evaluation, heads
from tools import class_scores, distributions
from tools.class_scores import Outcomes
from tools.label_history import LARGEST_MINUTE

NETWORK, CLIMATOLOGY = "network", "climatology"
QUIET = " after a quiet day"


def evaluate(model, dataset, config):
    """Scores of the probabilities to reach `config.thresholds`, for validation and test.

    Beside the network: "climatology", the frequency in training, and what
    `dataset.class_baselines` gives: that of the trailing 365 days, persistence of the class, a
    logistic regression on the light curve. The same once more for the samples "after a quiet day":
    those before which the flux stayed under the class for 24 h (`dataset.history`); the thresholds
    are those of all samples.

    Args:
        model: trained network with a head of `heads`.
        dataset: `Dataset`; nothing is scored unless its target is log10 of a flux.
        config: with the fields of `heads.make`, and calibration (one of `calibration.KINDS`).

    Returns:
        Dict of name to number, such as "test M1.0 network brier". For each class: samples, events
        and their frequency. For each forecast: brier; bss, its skill over the frequency in training
        (after a quiet day over that of these samples, which no forecaster could know); roc_area;
        tss and hss of alarms from the probability on that gave the best TSS on validation. "network
        calibrated" has brier and bss after a calibration on validation. skill_over_it, of each
        reference, is the network's Brier skill over it. NaN where a score is undefined: validation
        or the samples have one outcome alone, or a forecast is NaN.
    """
    if dataset.units["target"] != heads.LOG_FLUX:
        return {}
    thresholds = heads.log_thresholds(config)
    log_flux = {split: dataset.targets(split).reshape(-1) for split in dataset.splits}
    said = {
        split: _probabilities(model, dataset, split, config, thresholds)
        for split in dataset.splits[1:]
    }
    rows = {}
    for column, (name, threshold) in enumerate(zip(config.thresholds, thresholds, strict=True)):
        outcomes = {split: _outcomes(dataset, split, log_flux, threshold) for split in log_flux}
        network = {split: values[:, column] for split, values in said.items()}
        found = _of_class(dataset, outcomes, network, threshold, config.calibration)
        rows |= {(split, f"{name}{part}"): of_part for (split, part), of_part in found.items()}
    scores = {}
    for split, name in sorted(rows, key=lambda key: dataset.splits.index(key[0])):
        scores |= _named(f"{split} {name}", rows[split, name])
    return scores


def of_class(observed, forecast, rate, kind):
    """Scores of one forecast of one class, with what validation chooses frozen for other splits.

    Args:
        observed: dict of split to 0 and 1, NaN unknown, shape (n,).
        forecast: dict of split to probabilities, shape (n,); the first split is validation.
        rate: probability that the reference gives.
        kind: one of `calibration.KINDS`.

    Returns:
        Dict of split to dict of name to number: events, and those of a forecast in `evaluate`.
    """
    outcomes = {
        split: Outcomes(observed[split], np.ones(len(observed[split]))) for split in forecast
    }
    validation = next(iter(forecast))
    choice = class_scores.choose(outcomes[validation], forecast[validation], kind)
    found = {}
    for split, said in forecast.items():
        numbers = (outcomes[split], said, choice, rate)
        found[split] = {"events": outcomes[split].counts()["events"]}
        found[split] |= class_scores.scores(*numbers)
        calibrated = class_scores.calibrated_scores(*numbers)
        found[split] |= {f"{name} calibrated": number for name, number in calibrated.items()}
    return found


def _of_class(dataset, outcomes, network, threshold, kind):
    """Scores of one class, dict of (split, part) to dict of forecast to dict of name to number."""
    rate = outcomes[dataset.splits[0]].counts()["frequency"]
    forecasts = {
        split: {NETWORK: said, CLIMATOLOGY: np.full(len(said), rate)}
        | dataset.class_baselines(split, threshold)
        for split, said in network.items()
    }
    validation = next(iter(network))
    choices = {
        name: class_scores.choose(outcomes[validation], said, kind if name == NETWORK else "none")
        for name, said in forecasts[validation].items()
    }
    found = {}
    for split, said in forecasts.items():
        came, quiet = outcomes[split], _quiet(dataset, split, threshold)
        found[split, ""] = _rows(came, said, choices, rate)
        if quiet is not None:
            came, said = came.part(quiet), {name: values[quiet] for name, values in said.items()}
            found[split, QUIET] = _rows(came, said, choices, came.counts()["frequency"])
    return found


def _rows(outcomes, forecasts, choices, rate):
    """Dict of forecast, "" for what came, to dict of name to number."""
    rows = {"": outcomes.counts()}
    for name, said in forecasts.items():
        choice = choices.get(name, class_scores.Choice())  # none: unknown in all of validation
        rows[name] = class_scores.scores(outcomes, said, choice, rate)
        if name == NETWORK:
            calibrated = class_scores.calibrated_scores(outcomes, said, choice, rate)
            rows[f"{name} calibrated"] = calibrated
        else:
            skill = class_scores.skill(outcomes, forecasts[NETWORK], said)
            rows[name]["skill_over_it"] = skill
    return rows


def _named(prefix, rows):
    """Dict of "test M1.0 network brier", "test M1.0 after a quiet day, network brier" to number."""
    comma = "," if prefix.endswith(QUIET) else ""
    return {
        f"{prefix}{comma} {row} {name}" if row else f"{prefix} {name}": number
        for row, numbers in rows.items()
        for name, number in numbers.items()
    }


def _outcomes(dataset, split, log_flux, threshold):
    target = log_flux[split].astype("float64")
    came = np.where(np.isnan(target), np.nan, target >= threshold - distributions.ROUNDING)
    return Outcomes(came, dataset.sample_weights(split))


def _quiet(dataset, split, threshold):
    """Before which samples the flux stayed under the threshold for 24 h; None if nobody knows."""
    history = dataset.history(split)
    if history is None:
        return None
    return history[LARGEST_MINUTE].to_numpy() < threshold - distributions.ROUNDING


def _probabilities(model, dataset, split, config, thresholds):
    forecast = model.predict(evaluation.in_order(dataset, split, config), verbose=0)
    return distributions.exceedance(config.head, forecast, thresholds, config.levels)
