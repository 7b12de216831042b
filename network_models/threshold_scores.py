"""How well a forecast tells whether a flare class will be reached, whatever the network's head.

An evaluator: beside the network stand the references that need none, on the same samples.
Thresholds of alarms and calibrations come from validation and are frozen for test.
"""

import math

import numpy as np

from network_models import evaluation, heads, score_tables
from tools import block_intervals, calibration, class_scores, distributions
from tools.class_scores import BY_CLASS, Outcomes
from tools.forecast_tables import block_numbers
from tools.label_history import LARGEST_MINUTE

NETWORK, CLIMATOLOGY = "network", "climatology"
VALIDATION = "validation"  # what may choose thresholds and calibrations
QUIET = " after a quiet day"


def evaluate(model, dataset, config):
    """Scores of the probabilities to reach `config.thresholds`, for validation and test.

    Beside the network: "climatology", the frequency in training, and what
    `dataset.class_baselines` gives: that of the trailing 365 days, persistence of the class, a
    logistic regression on the light curve. The same once more for the samples "after a quiet day":
    those before which the flux stayed under the class for 24 h (`dataset.history`); and for each of
    `dataset.subsets`, "test M1.0 (2014), network brier" say, but for those told apart by the class
    that came: within one there is no event to forecast. The thresholds are those of all samples.

    Args:
        model: trained network with a head of `heads`.
        dataset: `Dataset`; nothing is scored unless its target is log10 of a flux.
        config: with the fields of `heads.make`, and calibration (one of `calibration.KINDS`).

    Returns:
        Dict of name to number, such as "test M1.0 network brier". For each class: samples, events
        and their frequency. For each forecast: brier; bss, its skill over the frequency in training
        (of a part over that of its own samples, which no forecaster could know); roc_area; tss and
        hss of alarms from `threshold` on, the probability that gave the best TSS on validation.
        "network calibrated" has brier and bss after a calibration on validation, and its
        temperature, or slope and intercept. skill_over_it, of each reference, is the network's
        Brier skill over it. NaN where a score is undefined: validation or the samples have one
        outcome alone, or a forecast is NaN. For all samples of the last split the network's bss and
        tss and each skill_over_it have 95 % intervals, from bss_low to bss_high say, by a bootstrap
        of the class's `blocks` of 27 days; NaN where there are fewer than five, or where the score
        is undefined in more than 5 % of the draws.
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


def check(dataset, config):
    """Refuses, before training, settings that `evaluate` could not score with.

    Args:
        dataset: as of `evaluate`.
        config: as of `evaluate`.

    Raises:
        ValueError: if the thresholds do not rise or are no flare classes, or their scale or the
            calibration is not known.
    """
    if dataset.units["target"] != heads.LOG_FLUX:
        return
    heads.log_thresholds(config)
    if config.calibration not in calibration.KINDS:
        raise ValueError(
            f"There is no calibration {config.calibration!r}. Expected one of {calibration.KINDS}. "
            "Correct --calibration."
        )


evaluate.check = check  # which the runner asks


def of_class(observed, forecast, rate, kind, weight=None):
    """Scores of one forecast of one class, with what validation chooses frozen for other splits.

    Args:
        observed: dict of split to 0 and 1, NaN unknown, shape (n,).
        forecast: dict of split, "validation" among them, to probabilities, shape (n,).
        rate: probability that the reference gives.
        kind: one of `calibration.KINDS`.
        weight: dict of split to how much each sample counts, shape (n,); 1 unless given.

    Returns:
        Dict of split to dict of name to number: events, and those of a forecast in `evaluate`.

    Raises:
        ValueError: without a validation split.
    """
    if VALIDATION not in forecast:
        raise ValueError(
            "Nothing can choose a threshold here. Expected forecasts of the validation split among "
            f"others. Received: {list(forecast)}. A threshold that has seen the test split "
            "flatters every score."
        )
    outcomes = {
        split: Outcomes(observed[split], np.ones(len(said)) if weight is None else weight[split])
        for split, said in forecast.items()
    }
    choice = class_scores.choose(outcomes[VALIDATION], forecast[VALIDATION], kind)
    found = {}
    for split, said in forecast.items():
        numbers = (outcomes[split], said, choice, rate)
        found[split] = {"events": outcomes[split].counts()["events"]}
        found[split] |= class_scores.scores(*numbers)
        if kind != "none":
            fitted = class_scores.calibrated_scores(*numbers)
            found[split] |= {f"{name} calibrated": fitted.pop(name) for name in ("brier", "bss")}
            found[split] |= fitted
    return found


def _of_class(dataset, outcomes, network, threshold, kind):
    """Scores of one class, dict of (split, part) to dict of forecast to dict of name to number."""
    rate = outcomes[dataset.splits[0]].counts()["frequency"]
    forecasts = {
        split: {NETWORK: said, CLIMATOLOGY: np.full(len(said), rate)}
        | dataset.class_baselines(split, threshold)
        for split, said in network.items()
    }
    choices = {
        name: class_scores.choose(outcomes[VALIDATION], said, kind if name == NETWORK else "none")
        for name, said in forecasts[VALIDATION].items()
    }
    found = {}
    for split, said in forecasts.items():
        found[split, ""] = _rows(outcomes[split], said, choices, rate)
        if split == dataset.splits[-1]:
            _add_intervals(found[split, ""], outcomes[split], said, rate, _blocks(dataset, split))
        for name, chosen in _parts(dataset, split, threshold).items():
            came = outcomes[split].part(chosen)
            of_part = {forecast: values[chosen] for forecast, values in said.items()}
            found[split, name] = _rows(came, of_part, choices, came.counts()["frequency"])
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


def _add_intervals(rows, outcomes, forecasts, rate, blocks):
    """Puts beside the network's main scores what other blocks of the same Sun would make of them.

    The skill over a reference is a paired difference: both are drawn with the same blocks.
    """
    said = forecasts[NETWORK]
    rows[""]["blocks"] = float(len(np.unique(blocks[outcomes.known])))
    bss = block_intervals.brier_skill(outcomes, said, rate, blocks)
    tss = block_intervals.tss(outcomes, said, rows[NETWORK]["threshold"], blocks)
    rows[NETWORK] |= _bounds("bss", bss) | _bounds("tss", tss)
    for name, other in forecasts.items():
        if name != NETWORK:
            found = block_intervals.brier_skill(outcomes, said, other, blocks)
            rows[name] |= _bounds("skill_over_it", found)


def _bounds(name, interval):
    """Both ends; NaN where too many draws, those without an event say, leave it undefined."""
    known = interval.undefined <= score_tables.MOST_UNDEFINED
    ends = {"low": interval.low, "high": interval.high}
    return {f"{name}_{end}": number if known else math.nan for end, number in ends.items()}


def _blocks(dataset, split):
    """Number of the 27-day block of each sample, shape (n,)."""
    table = dataset.split_table()
    return block_numbers(table.loc[table["split"] == split, "time"])


def _named(prefix, rows):
    """Dict of "test M1.0 network brier", "test M1.0 after a quiet day, network brier" to number."""
    comma = "," if prefix.endswith((QUIET, ")")) else ""
    return {
        f"{prefix}{comma} {row} {name}" if row else f"{prefix} {name}": number
        for row, numbers in rows.items()
        for name, number in numbers.items()
    }


def _outcomes(dataset, split, log_flux, threshold):
    came = distributions.reached(log_flux[split], threshold)
    return Outcomes(came, dataset.sample_weights(split))


def _parts(dataset, split, threshold):
    """Dict of what stands behind the class's name to which samples, bool, shape (n,)."""
    history, found = dataset.history(split), {}
    if history is not None:
        largest = history[LARGEST_MINUTE].to_numpy()
        found[QUIET] = distributions.reached(largest, threshold) == 0
    subsets = dataset.subsets(split).items()
    return found | {f" ({name})": some for name, some in subsets if not name.startswith(BY_CLASS)}


def _probabilities(model, dataset, split, config, thresholds):
    forecast = model.predict(evaluation.in_order(dataset, split, config), verbose=0)
    return distributions.exceedance(config.head, forecast, thresholds, config.levels)
