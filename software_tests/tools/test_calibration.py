import numpy as np
import pytest
from scipy import special
from sklearn.isotonic import isotonic_regression
from sklearn.linear_model import LogisticRegression

from tools import calibration
from tools.probability_skill import brier, log_score, roc_area


@pytest.fixture
def cases():
    """Outcomes of true probabilities, and a forecaster whose logits are three times too large."""
    chance = np.random.default_rng(9)
    logit = chance.normal(-1, 1, 4000)
    observed = (chance.random(4000) < special.expit(logit)).astype(float)
    return observed, special.expit(3 * logit), special.expit(logit)


def test_the_temperature_that_was_put_in_is_found(cases):
    observed, overconfident, true = cases
    # 4000 samples fix the slope of a logistic regression to about 5 %.
    assert calibration.best_temperature(observed, overconfident) == pytest.approx(3, rel=0.15)
    assert calibration.best_temperature(observed, true) == pytest.approx(1, rel=0.15)


def test_temperature_improves_the_log_score_and_keeps_the_order(cases):
    observed, overconfident, _ = cases
    calibrate = calibration.fit("temperature", observed, overconfident)
    calibrated = calibrate(overconfident)
    assert log_score(observed, calibrated) < log_score(observed, overconfident)
    assert roc_area(observed, calibrated) == pytest.approx(roc_area(observed, overconfident))
    assert np.isfinite(calibrate(np.array([0.0, 1.0]))).all()


def test_platt_finds_slope_and_intercept(cases):
    """Logits that were tripled and moved by 2: the way back is logit / 3 - 2 / 3."""
    observed, overconfident, true = cases
    moved = special.expit(special.logit(overconfident) + 2)
    calibrated = calibration.fit("platt", observed, moved)(moved)
    # 4000 samples fix slope and intercept to about 5 %: to some 0.02 of a probability.
    np.testing.assert_allclose(calibrated, true, atol=0.03)
    assert calibrated.mean() == pytest.approx(observed.mean(), abs=1e-3)
    temperature = calibration.fit("temperature", observed, moved)(moved)
    assert temperature.mean() > observed.mean() + 0.05  # it cannot set the base rate right


def test_what_was_fitted_is_told(cases):
    observed, overconfident, _ = cases
    logit = special.logit(overconfident)
    scaled = calibration.fit("temperature", observed, overconfident)
    assert list(scaled.numbers) == ["temperature"]
    found = special.expit(logit / scaled.numbers["temperature"])
    np.testing.assert_allclose(scaled(overconfident), found, atol=1e-6)
    platt = calibration.fit("platt", observed, overconfident)
    assert list(platt.numbers) == ["slope", "intercept"]
    model = LogisticRegression(C=calibration.WEAK).fit(logit[:, None], observed)
    np.testing.assert_allclose(platt(overconfident), model.predict_proba(logit[:, None])[:, 1])
    assert platt.numbers["slope"] == model.coef_[0, 0]
    assert calibration.fit("isotonic", observed, overconfident).numbers == {}
    assert calibration.fit("none", observed, overconfident).numbers == {}


def test_platt_does_not_turn_a_forecast_round(cases):
    """The best of all slopes from 0 on, by brute force, is 0 where the best of all is below."""
    observed, _, true = cases
    weight = np.where(observed == 1, 2.0, 1.0)
    wrong = calibration.fit("platt", observed, 1 - true, weight)
    rate = np.average(observed, weights=weight)
    assert wrong.numbers == {"slope": 0.0, "intercept": pytest.approx(special.logit(rate))}
    np.testing.assert_allclose(wrong([0.1, 0.9]), rate)
    logit = special.logit(1 - true)
    scores = [
        log_score(observed, special.expit(slope * logit + intercept), weight)
        for slope in np.linspace(0, 1, 5)
        for intercept in np.linspace(-3, 3, 61)
    ]
    assert log_score(observed, wrong(1 - true), weight) <= min(scores)


@pytest.mark.parametrize("kind", ["temperature", "platt", "isotonic"])
def test_weights_stand_for_repeated_samples(cases, kind):
    observed, overconfident, _ = (values[:600] for values in cases)
    counts = np.random.default_rng(2).integers(0, 4, 600)
    weighted = calibration.fit(kind, observed, overconfident, counts)(overconfident)
    repeated = calibration.fit(kind, *(np.repeat(v, counts) for v in (observed, overconfident)))
    np.testing.assert_allclose(weighted, repeated(overconfident), atol=1e-4)


@pytest.mark.parametrize("kind", ["temperature", "platt", "isotonic"])
def test_outcomes_that_do_not_mix_give_finite_probabilities(kind):
    calibrate = calibration.fit(kind, [0, 0, 1, 1], [0.1, 0.2, 0.6, 0.7])
    found = calibrate(np.array([0.0, 0.15, 0.65, 1.0]))
    assert np.isfinite(found).all()
    assert found[1] < 0.5 < found[2]


def test_isotonic_is_the_best_rising_function(cases):
    observed, overconfident, _ = cases
    calibrated = calibration.fit("isotonic", observed, overconfident)(overconfident)
    order = np.argsort(overconfident)
    np.testing.assert_allclose(calibrated[order], isotonic_regression(observed[order]))
    assert brier(observed, calibrated) < brier(observed, overconfident)
    assert (np.diff(calibrated[order]) >= 0).all()


def test_none_changes_nothing(cases):
    observed, overconfident, _ = cases
    assert calibration.fit("none", observed, overconfident)([0.2, 0.3]).tolist() == [0.2, 0.3]


def test_bad_input():
    with pytest.raises(ValueError, match="No calibration 'sigmoid'"):
        calibration.fit("sigmoid", [0, 1], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"one outcome alone.*2 samples with 0 events"):
        calibration.fit("temperature", [0, 0], [0.1, 0.2])
