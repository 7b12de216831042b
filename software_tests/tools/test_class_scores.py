import math

import numpy as np
import pytest

from tools import probability_skill
from tools.calibration import Calibration
from tools.class_scores import Choice, Outcomes, calibrated_scores, choose, scores, skill
from tools.skill import contingency


@pytest.fixture
def cases():
    """Outcomes of probabilities that are true, some of them unknown, with weights."""
    chance = np.random.default_rng(3)
    said = chance.uniform(0, 1, 400)
    came = (chance.random(400) < said).astype(float)
    came[::9] = np.nan
    return Outcomes(came, chance.uniform(0.5, 3, 400)), said


def repeated(counts, *arrays):
    return [np.repeat(array, counts) for array in arrays]


def test_by_hand():
    # Probabilities 0.1 0.4 0.6 0.9, of which the last two came: Brier (0.01 + 0.16) / 2 = 0.085;
    # always 0.5 has 0.25, so the skill is 1 - 0.085 / 0.25 = 0.66. From 0.5 on: one alarm missed
    # none, POD 1, POFD 0.
    outcomes = Outcomes(np.array([0, 0, 1, 1.0]), np.ones(4))
    found = scores(outcomes, np.array([0.1, 0.4, 0.6, 0.9]), Choice(0.5), 0.5)
    expected = {"brier": 0.085, "bss": 0.66, "roc_area": 1, "tss": 1, "hss": 1, "threshold": 0.5}
    assert found == pytest.approx(expected)
    # From 0.7 on one of two is caught: TSS 1/2; HSS (3 - 2) / (4 - 2) = 1/2.
    found = scores(outcomes, np.array([0.1, 0.4, 0.6, 0.9]), Choice(0.7), 0.5)
    assert (found["tss"], found["hss"]) == (0.5, 0.5)
    assert outcomes.counts() == {"samples": 4, "events": 2, "frequency": 0.5}


def test_they_are_the_scores_of_the_known_samples(cases):
    outcomes, said = cases
    known = np.isfinite(outcomes.came)
    came, weight = outcomes.came[known], outcomes.weight[known]
    found = scores(outcomes, said, Choice(0.4), 0.3)
    assert found["brier"] == probability_skill.brier(came, said[known], weight)
    assert found["roc_area"] == probability_skill.roc_area(came, said[known], weight)
    assert found["tss"] == contingency(came, said[known] >= 0.4, weight).tss
    assert outcomes.counts()["samples"] == known.sum()
    assert outcomes.counts()["frequency"] == pytest.approx(np.average(came, weights=weight))


def test_weights_stand_for_repeated_samples(cases):
    outcomes, said = cases
    counts = np.random.default_rng(4).integers(0, 4, len(said))
    weighted = Outcomes(outcomes.came, counts.astype(float))
    came, many = repeated(counts, outcomes.came, said)
    each = Outcomes(came, np.ones(len(came)))
    one, other = (choose(*pair, "platt") for pair in ((weighted, said), (each, many)))
    assert one.threshold == other.threshold
    for score in (scores, calibrated_scores):
        found, expected = score(weighted, said, one, 0.4), score(each, many, other, 0.4)
        assert found == pytest.approx(expected, abs=1e-4)


def test_a_part_is_scored_with_the_choice_of_the_whole(cases):
    outcomes, said = cases
    part = said > 0.5
    choice = choose(outcomes, said)
    found = scores(outcomes.part(part), said[part], choice, 0.5)
    expected = Outcomes(outcomes.came[part], outcomes.weight[part])
    assert found == scores(expected, said[part], choice, 0.5)
    assert choose(outcomes.part(part), said[part]).threshold != choice.threshold


def test_calibration_is_that_of_the_choice(cases):
    outcomes, said = cases
    choice = Choice(0.5, Calibration(lambda probability: probability / 2, {"slope": 7.0}))
    found = calibrated_scores(outcomes, said, choice, 0.3)
    half = scores(outcomes, said / 2, Choice(), 0.3)
    assert found == {"brier": half["brier"], "bss": half["bss"], "slope": 7.0}


def test_persistence_that_failed_in_validation_is_still_taken_at_its_word():
    """In validation it is wrong each time; a threshold of 0 would make it warn of everything."""
    wrong = Outcomes(np.array([0, 1, 0, 1.0]), np.ones(4))
    choice = choose(wrong, np.array([1, 0, 1, 0.0]))
    test, said = Outcomes(np.array([1, 0, 1, 0.0]), np.ones(4)), np.array([1, 0, 1, 0.0])
    found = scores(test, said, choice, 0.5)
    assert (found["tss"], found["hss"], found["threshold"]) == (1, 1, 0.5)
    quiet = Outcomes(np.zeros(4), np.ones(4))  # no event, so that nothing could be chosen
    assert choose(quiet, said).threshold == 0.5


def test_skill_over_other_forecasts(cases):
    outcomes, said = cases
    assert skill(outcomes, said, said) == 0
    assert skill(outcomes, outcomes.came, said) == 1
    perfect = np.nan_to_num(outcomes.came)
    assert math.isnan(skill(outcomes, said, perfect))
    other = np.full(len(said), 0.2)
    assert skill(outcomes, said, other) == scores(outcomes, said, Choice(), 0.2)["bss"]


@pytest.mark.parametrize(
    ("came", "said"),
    [
        ([1, 0, 0], [0.1, np.nan, 0.2]),  # a forecast is missing
        ([np.nan, np.nan], [0.1, 0.2]),  # nothing is known
        ([], []),  # nothing is there
    ],
)
def test_what_is_undefined_is_nan_and_never_0(came, said):
    outcomes, said = Outcomes(np.array(came, float), np.ones(len(came))), np.array(said, float)
    choice = choose(outcomes, said, "temperature")
    assert choice.calibrate is None
    found = scores(outcomes, said, choice, 0.5) | calibrated_scores(outcomes, said, choice, 0.5)
    assert all(math.isnan(value) for value in found.values())
    assert math.isnan(skill(outcomes, said, 0.5))


def test_one_outcome_alone_leaves_the_brier_score():
    outcomes, said = Outcomes(np.zeros(4), np.ones(4)), np.full(4, 0.1)
    choice = choose(outcomes, said, "isotonic")
    assert math.isnan(choice.threshold)
    found = scores(outcomes, said, choice, 0.2)
    assert found.pop("brier") == pytest.approx(0.01)
    assert found.pop("bss") == pytest.approx(0.75)
    assert all(math.isnan(value) for value in found.values())
    assert math.isnan(scores(outcomes, said, Choice(0.5), math.nan)["bss"])
    assert math.isnan(scores(outcomes, said, Choice(0.5), 0.0)["bss"])


def test_a_missing_forecast_counts_only_where_the_outcome_is_known():
    outcomes = Outcomes(np.array([1, 0, np.nan]), np.ones(3))
    said = np.array([0.9, 0.1, np.nan])
    choice = choose(outcomes, said, "temperature")
    assert scores(outcomes, said, choice, 0.5)["tss"] == 1
    assert np.isfinite(calibrated_scores(outcomes, said, choice, 0.5)["brier"])
