import dataclasses
import math

import numpy as np
import pytest
from sklearn import calibration, metrics

from tools import probability_skill as skill
from tools.skill import contingency


@pytest.fixture
def cases():
    chance = np.random.default_rng(5)
    probability = chance.random(400) ** 2
    observed = (chance.random(400) < probability).astype(float)
    return observed, probability, chance.random(400)


def test_the_brier_score_by_hand():
    # (0.7 - 1)^2 = 0.09, (0.2 - 0)^2 = 0.04: mean 0.065; with weights 3 and 1: 0.31 / 4.
    assert skill.brier([1, 0], [0.7, 0.2]) == pytest.approx(0.065)
    assert skill.brier([1, 0], [0.7, 0.2], [3, 1]) == pytest.approx(0.0775)
    assert skill.brier([1, 0, np.nan], [0.7, 0.2, 0.9]) == pytest.approx(0.065)


def test_scikit_learn_agrees(cases):
    observed, probability, weight = cases
    options = {"sample_weight": weight}
    assert skill.brier(*cases) == pytest.approx(
        metrics.brier_score_loss(observed, probability, **options)
    )
    assert skill.log_score(*cases) == pytest.approx(
        metrics.log_loss(observed, probability, **options)
    )
    assert skill.roc_area(*cases) == pytest.approx(
        metrics.roc_auc_score(observed, probability, **options)
    )


def test_the_log_score_of_a_certain_miss_is_infinite():
    assert skill.log_score([1, 0], [0.0, 0.0]) == math.inf
    assert skill.log_score([1, 0], [1.0, 0.0]) == 0


def test_skill_of_the_base_rate_is_zero_and_of_perfection_one(cases):
    observed = cases[0]
    rate = observed.mean()
    assert skill.brier_skill(observed, np.full(400, rate), rate) == pytest.approx(0)
    assert skill.brier_skill(observed, observed, rate) == 1
    assert math.isnan(skill.brier_skill([0, 0], [0.1, 0.2], 0.0))


def test_the_decomposition_adds_up(cases):
    parts = skill.brier_decomposition(*cases)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins
    assert total == pytest.approx(skill.brier(*cases))
    assert parts.reliability >= 0
    assert parts.resolution > 0


def test_the_decomposition_by_hand():
    # Two forecasts of 0.25 (one event) and two of 0.75 (two events); base rate 3/4.
    # Reliability (2 (.25-.5)^2 + 2 (.75-1)^2) / 4 = 1/16; resolution (2 (1/4)^2 + 2 (1/4)^2) / 4
    # = 1/16; uncertainty 3/16; each bin holds one probability, so nothing is left within.
    parts = skill.brier_decomposition([0, 1, 1, 1], [0.25, 0.25, 0.75, 0.75])
    expected = (1 / 16, 1 / 16, 3 / 16, 0)
    found = (parts.reliability, parts.resolution, parts.uncertainty, parts.within_bins)
    assert found == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(("observed", "weight"), [([], []), ([np.nan], [1]), ([1], [0])])
def test_the_decomposition_of_nothing_known_is_undefined_and_not_0(observed, weight):
    parts = skill.brier_decomposition(observed, np.full(len(observed), 0.3), weight)
    assert all(math.isnan(part) for part in dataclasses.astuple(parts))


def test_the_reliability_curve_is_scikit_learns(cases):
    observed, probability, _ = cases
    curve = skill.reliability_curve(observed, probability)
    came, said = calibration.calibration_curve(observed, probability, n_bins=10)
    np.testing.assert_allclose(curve["observed"], came)
    np.testing.assert_allclose(curve["probability"], said)
    assert curve["count"].sum() == 400


def test_the_roc_area_is_the_chance_of_ranking_a_pair_right(cases):
    observed, probability, _ = cases
    pairs = probability[observed == 1][:, None] - probability[observed == 0]
    assert skill.roc_area(observed, probability) == pytest.approx((pairs > 0).mean())


def test_the_roc_area_of_one_outcome_is_undefined():
    assert math.isnan(skill.roc_area([0, 0], [0.1, 0.9]))
    assert skill.roc_curve([1, 1], [0.1, 0.9]) is None


def test_the_best_threshold_by_brute_force(cases):
    observed, probability, _ = cases
    threshold = skill.best_threshold(observed, probability)
    chosen = contingency(observed, probability >= threshold).tss
    others = [contingency(observed, probability >= one).tss for one in np.linspace(0, 1, 501)]
    assert chosen >= max(others)


@pytest.mark.parametrize("score", ["tss", "hss", "csi"])
def test_the_best_threshold_of_weighted_samples_by_brute_force(cases, score):
    observed, probability, _ = cases
    probability = probability.round(2)  # several samples share one
    weight = np.random.default_rng(3).uniform(0, 5, len(observed))
    weight[::7] = 0
    found = skill.best_threshold(observed, probability, score, weight)
    every = np.unique(probability)
    scores = [getattr(contingency(observed, probability >= p, weight), score) for p in every]
    assert getattr(contingency(observed, probability >= found, weight), score) == pytest.approx(
        np.nanmax(scores)
    )


def test_the_threshold_that_is_frozen_is_the_best_one(cases):
    assert skill.frozen_threshold(*cases) == skill.best_threshold(*cases[:2], weight=cases[2])
    best = skill.best_threshold(*cases[:2], score="hss", weight=cases[2])
    assert skill.frozen_threshold(*cases, score="hss") == best


@pytest.mark.parametrize(
    "said",
    [
        [1, 0, 1, 0],  # it is wrong each time: the best threshold would be 0, an alarm always
        [0, 0, 0, 0],  # it never warns, and must not begin to
        [1, 0, 0.3, 0],  # where nothing is known it says the mean of training
    ],
)
@pytest.mark.parametrize("observed", [[0, 1, 0, 1], [0, 0, 0, 0], [0, 0, np.nan, 0]])
def test_a_forecast_of_yes_and_no_is_taken_at_its_word(said, observed):
    assert skill.frozen_threshold(observed, said) == 0.5


def test_probabilities_have_no_threshold_where_one_outcome_never_came():
    assert math.isnan(skill.frozen_threshold([0, 0, 0], [0.1, 0.2, 1.0]))
    assert math.isnan(skill.frozen_threshold([1, 1, np.nan], [0.1, 0.2, 0.3]))
    assert math.isnan(skill.frozen_threshold([], []))
    # One number throughout says neither yes nor no.
    assert skill.frozen_threshold([1, 0], [0.3, 0.3]) == 0.3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: skill.brier([0, 1], [-0.1, 0.5]), "no probabilities.*from -0.1"),
        (lambda: skill.brier([0, 0.5], [0.1, 0.5]), "Outcomes are 0 or 1"),
        (lambda: skill.brier([0, 1], [0.1, np.nan]), "1 of 2 forecasts are NaN"),
        (lambda: skill.best_threshold([0, 0], [0.1, 0.2]), "No threshold can be chosen"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
