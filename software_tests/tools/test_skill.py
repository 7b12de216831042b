import math

import numpy as np
import pytest
from sklearn import metrics

from tools import skill
from tools.skill import Contingency, contingency


@pytest.fixture
def cases():
    """Outcomes, forecasts and weights of 300 samples, some of each kind."""
    chance = np.random.default_rng(3)
    observed = chance.random(300) < 0.2
    forecast = chance.random(300) < np.where(observed, 0.7, 0.1)
    return observed, forecast, chance.random(300)


def brute_force(observed, forecast, weight):
    cells = dict.fromkeys(("hits", "false_alarms", "misses", "correct_negatives"), 0.0)
    for came, said, one in zip(observed, forecast, weight, strict=True):
        name = ("hits" if came else "false_alarms") if said else None
        cells[name or ("misses" if came else "correct_negatives")] += one
    return cells


def test_the_table_is_that_of_counting_one_by_one(cases):
    table = contingency(*cases)
    for name, value in brute_force(*cases).items():
        assert getattr(table, name) == pytest.approx(value)


def test_scores_by_hand():
    """Finley's tornado forecasts of 1884: 28 hits, 72 false alarms, 23 misses, 2680 the rest.

    Published in Jolliffe & Stephenson 2012, chapter 3: POD 0.549, FAR 0.720, POFD 0.026, CSI 0.228,
    bias 1.96, accuracy 0.966, TSS (Peirce) 0.523, HSS 0.355, Gilbert 0.216.
    """
    scores = Contingency(28, 72, 23, 2680).scores()
    published = {
        "pod": 0.549,
        "far": 0.720,
        "pofd": 0.026,
        "csi": 0.228,
        "bias": 1.961,
        "accuracy": 0.966,
        "tss": 0.523,
        "hss": 0.355,
        "gilbert": 0.216,
    }
    assert scores == pytest.approx(published, abs=6e-4)


def test_scikit_learn_agrees(cases):
    observed, forecast, weight = cases
    table = contingency(observed, forecast, weight)
    options = {"sample_weight": weight}
    assert table.pod == pytest.approx(metrics.recall_score(observed, forecast, **options))
    assert 1 - table.far == pytest.approx(metrics.precision_score(observed, forecast, **options))
    assert table.csi == pytest.approx(metrics.jaccard_score(observed, forecast, **options))
    assert table.accuracy == pytest.approx(metrics.accuracy_score(observed, forecast, **options))
    # Cohen's kappa is the Heidke score; informedness is the TSS.
    assert table.hss == pytest.approx(metrics.cohen_kappa_score(observed, forecast, **options))
    informedness = metrics.balanced_accuracy_score(observed, forecast, **options, adjusted=True)
    assert table.tss == pytest.approx(informedness)


def test_perfect_chance_and_opposite_forecasts():
    observed = np.array([1, 1, 0, 0, 0])
    perfect = contingency(observed, observed)
    assert (perfect.tss, perfect.hss, perfect.gilbert, perfect.far) == (1, 1, 1, 0)
    assert contingency(observed, 1 - observed).tss == -1
    always = contingency(observed, np.ones(5))
    assert (always.tss, always.hss, always.gilbert) == (0, 0, 0)


def test_unknown_outcomes_count_for_nothing(cases):
    observed, forecast, weight = cases
    more = np.append(observed.astype(float), [np.nan, np.nan])
    table = contingency(more, np.append(forecast, [1, np.nan]), np.append(weight, [9, 9]))
    assert table == contingency(observed, forecast, weight)


def test_weights_are_repetitions(cases):
    observed, forecast, _ = cases
    counts = np.arange(len(observed)) % 3
    repeated = contingency(np.repeat(observed, counts), np.repeat(forecast, counts))
    assert contingency(observed, forecast, counts) == repeated


@pytest.mark.parametrize(
    ("observed", "forecast", "names", "reason"),
    [
        ([0, 0, 0], [0, 1, 0], ("pod", "tss", "hss", "gilbert", "bias"), "No event came"),
        ([0, 0, 0], [0, 0, 0], ("hss", "gilbert"), "No event came"),
        ([1, 1], [0, 1], ("pofd", "tss", "hss", "gilbert"), "An event came every time"),
        ([1, 0], [0, 0], ("far",), "No alarm was given"),
        ([np.nan], [1], skill.SCORES, "No sample has a known outcome"),
    ],
)
def test_what_is_undefined_says_so_and_is_not_zero(observed, forecast, names, reason):
    table = contingency(observed, forecast)
    assert all(math.isnan(getattr(table, name)) for name in names)
    assert reason in skill.undefined(table)


def test_a_defined_table_gives_no_reason():
    assert skill.undefined(Contingency(1, 1, 1, 1)) == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0, np.nan]), "1 of 2 forecasts are NaN"),
        (([0, 1], [0.2, 0.7]), "forecast does not say yes or no"),
        (([0, 2], [0, 1]), "observed does not say yes or no"),
        (([0, 1], [1]), r"differ in number.*\(2,\), \(1,\)"),
        (([0, 1], [0, 1], [1, -1]), "A weight is -1"),
        (([0, 1], [0, 1], [1, np.nan]), "A weight is nan"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        contingency(*arguments)
