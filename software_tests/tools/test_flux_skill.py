import math

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn import metrics

from tools import flux_skill as skill


@pytest.fixture
def cases():
    chance = np.random.default_rng(7)
    observed = chance.normal(-6, 0.5, 60)
    return observed, observed + chance.normal(0.1, 0.3, 60), chance.random(60)


def test_errors_by_hand():
    found = skill.errors([1.0, 2.0, 3.0, np.nan], [1.0, 3.0, 5.0, 0.0])
    # Errors 0, 1, 2: mean 1, mean square 5/3; the forecast is 2 observed - 1.
    expected = {"samples": 3, "rmse": math.sqrt(5 / 3), "mae": 1, "bias": 1, "correlation": 1}
    assert found == pytest.approx(expected)


def test_scikit_learn_and_numpy_agree(cases):
    observed, forecast, weight = cases
    found = skill.errors(*cases)
    options = {"sample_weight": weight}
    assert found["rmse"] == pytest.approx(
        metrics.root_mean_squared_error(observed, forecast, **options)
    )
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(observed, forecast, **options))
    plain = skill.errors(observed, forecast)["correlation"]
    assert plain == pytest.approx(np.corrcoef(observed, forecast)[0, 1])


def test_what_is_undefined_is_nan():
    assert math.isnan(skill.errors([1, 2], [3, 3])["correlation"])
    nothing = skill.errors([np.nan], [1])
    assert nothing["samples"] == 0
    assert math.isnan(nothing["rmse"])


def test_classes_of_fluxes():
    flux = np.array([9.9e-8, 1e-7, 9.99e-7, 1e-6, 1e-5, 2.3e-4, 1e-3, 1e-9, np.nan])
    assert "".join(skill.flare_class(np.log10(flux))) == "ABBCMXXA"
    assert skill.flare_class([np.nan])[0] == ""


def brute_force_crps(observed, members, weight):
    total = 0.0
    for y, ensemble, one in zip(observed, members, weight, strict=True):
        pairs = [abs(a - b) for a in ensemble for b in ensemble]
        total += one * (np.mean([abs(a - y) for a in ensemble]) - np.mean(pairs) / 2)
    return total / weight.sum()


def test_the_crps_of_an_ensemble(cases):
    observed, forecast, weight = cases
    members = forecast[:, None] + np.random.default_rng(1).normal(0, 0.3, (60, 7))
    found = skill.crps_ensemble(observed, members, weight)
    assert found == pytest.approx(brute_force_crps(observed, members, weight))


def test_the_crps_of_one_member_is_the_mean_absolute_error(cases):
    observed, forecast, _ = cases
    mae = skill.errors(observed, forecast)["mae"]
    assert skill.crps_ensemble(observed, forecast[:, None]) == pytest.approx(mae)


def test_the_crps_of_a_gaussian_is_its_integral():
    """CRPS is the integral of the squared distance of the distribution function from a step."""
    below = integrate.quad(lambda x: stats.norm.cdf(x, -6, 0.4) ** 2, -12, -5.7)[0]
    above = integrate.quad(lambda x: stats.norm.sf(x, -6, 0.4) ** 2, -5.7, 0)[0]
    assert skill.crps_gaussian([-5.7], [-6.0], [0.4]) == pytest.approx(below + above)


def test_quantiles_at_the_middles_of_equal_parts_are_an_ensemble(cases):
    observed, forecast, weight = cases
    levels = (np.arange(9) + 0.5) / 9
    quantiles = forecast[:, None] + stats.norm.ppf(levels) * 0.3
    as_ensemble = skill.crps_ensemble(observed, quantiles, weight)
    assert skill.crps_quantiles(observed, quantiles, levels, weight) == pytest.approx(as_ensemble)


def test_the_quantile_loss_is_scikit_learns(cases):
    observed, forecast, weight = cases
    found = skill.pinball(observed, forecast[:, None], [0.8], weight)
    expected = metrics.mean_pinball_loss(observed, forecast, alpha=0.8, sample_weight=weight)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: skill.errors([1.0], [np.nan]), "1 of 1 forecasts are NaN"),
        (lambda: skill.crps_gaussian([1.0], [1.0], [0.0]), "A deviation is 0"),
        (lambda: skill.pinball([1.0], [[1.0, 2.0]], [0.5]), "Quantiles and their levels"),
        (lambda: skill.pinball([1.0], [[1.0]], [1.5]), "levels between 0 and 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
