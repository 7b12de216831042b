"""Forecasts of a distribution beside references, for the heads quantiles and gaussian."""

import numpy as np

from network_models import evaluation
from tools import flux_skill

HEADS = ("quantiles", "gaussian")


def evaluate(model, dataset, config):
    """The continuous ranked probability score of the network and of references, an evaluator.

    Climatology is the distribution of the training targets in the form of the head: its quantiles,
    or its mean and deviation. The dataset's other baselines are taken as certain, so their score is
    the mean absolute error.

    Args:
        model: trained network with a head of `heads`.
        dataset: `Dataset`.
        config: with the fields of `heads.make`.

    Returns:
        Dict of name to number, such as "test network crps" (in the target's unit) and "test
        climatology skill_over_it" (of the network); {} for other heads.
    """
    if config.head not in HEADS:
        return {}
    found = {}
    for split in dataset.splits[1:]:
        target, weight = dataset.targets(split)[:, 0], dataset.sample_weights(split)
        said = model.predict(evaluation.in_order(dataset, split, config), verbose=0)
        spread = np.broadcast_to(_climatology(dataset, config), said.shape)
        scores = {
            "network": _crps(config, target, said, weight),
            "climatology": _crps(config, target, spread, weight),
        }
        for name, certain in dataset.baselines(split).items():
            if not name.startswith("climatology"):
                error = flux_skill.errors(target, certain[:, 0], weight)
                scores[name] = error["mae"]
        found |= {f"{split} {name} crps": score for name, score in scores.items()}
        ours = scores.pop("network")
        skill = {name: 1 - ours / score for name, score in scores.items()}
        found |= {f"{split} {name} skill_over_it": number for name, number in skill.items()}
    return found


def _crps(config, target, said, weight):
    if config.head == "gaussian":
        return flux_skill.crps_gaussian(target, said[:, 0], said[:, 1], weight)
    return flux_skill.crps_quantiles(target, said, config.levels, weight)


def _climatology(dataset, config):
    """What training says of any sample: shape (level,), or mean and deviation."""
    train = dataset.splits[0]
    target, weight = dataset.targets(train)[:, 0], dataset.sample_weights(train)
    if config.head == "quantiles":
        return np.quantile(target, config.levels, weights=weight, method="inverted_cdf")
    mean = np.average(target, weights=weight)
    return np.array([mean, np.sqrt(np.average((target - mean) ** 2, weights=weight))])
