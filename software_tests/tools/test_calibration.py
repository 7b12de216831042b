import numpy as np
import pytest
from scipy import special
from sklearn.isotonic import isotonic_regression

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
    with pytest.raises(ValueError, match="No calibration 'platt'"):
        calibration.fit("platt", [0, 1], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"one outcome alone.*2 samples with 0 events"):
        calibration.fit("temperature", [0, 0], [0.1, 0.2])
