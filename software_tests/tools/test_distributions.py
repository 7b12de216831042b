import math

import numpy as np
import pytest
from scipy import stats

from tools import distributions, flux_skill

THRESHOLDS = (-6.0, -5.0)


def test_an_unknown_flux_reaches_nothing_and_misses_nothing():
    # float32 knows -5 as it is, but not -5.1; rounding may put either a little below.
    log_flux = np.array([-5, np.float32(-5.1) - 1e-7, -5.2, np.nan])
    np.testing.assert_array_equal(distributions.reached(log_flux, -5.1), [1, 1, 0, np.nan])


def test_exceedance_by_hand():
    certain = distributions.exceedance("flux", [[-5.0], [-6.5]], THRESHOLDS)
    np.testing.assert_array_equal(certain, [[1, 1], [0, 0]])
    said = [[0.7, 0.2]]
    np.testing.assert_array_equal(distributions.exceedance("class", said, THRESHOLDS), said)
    # Quantiles -6 (0.25), -5 (0.75), even in between: -5.5 has 0.5 above it. Beyond, the same
    # slope of 0.5 a dex: nothing lies below -6.5, nothing above -4.5.
    found = distributions.exceedance(
        "quantiles", [[-6.0, -5.0]], [-7, -6.25, -5.5, -4.75, -4], (0.25, 0.75)
    )
    np.testing.assert_allclose(found, [[1, 0.875, 0.5, 0.125, 0]])
    found = distributions.exceedance("gaussian", [[-5.0, 0.5]], [-5.5, -5.0])
    np.testing.assert_allclose(found, [[stats.norm.cdf(1), 0.5]])


def test_many_quantiles_say_what_the_distribution_says():
    levels = (np.arange(200) + 0.5) / 200
    quantiles = stats.norm.ppf(levels, -5.2, 0.4)[None]
    found = distributions.exceedance("quantiles", quantiles, THRESHOLDS, levels)
    np.testing.assert_allclose(found[0], stats.norm.sf(THRESHOLDS, -5.2, 0.4), atol=2e-3)


def test_the_crps_of_a_mixture_is_that_of_many_draws():
    chance = np.random.default_rng(4)
    means, deviations = np.array([[-5.5, -4.5, -5.0]]), np.array([[0.2, 0.4, 0.1]])
    draws = chance.normal(means, deviations, (20000, 3)).ravel()[None]
    expected = flux_skill.crps_ensemble([-5.1], draws)
    assert distributions.crps_mixture([-5.1], means, deviations) == pytest.approx(
        expected, abs=5e-3
    )


def test_a_mixture_of_one_is_the_normal_distribution():
    chance = np.random.default_rng(5)
    observed, mean = chance.normal(-5, 1, 30), chance.normal(-5, 1, 30)
    deviation, weight = chance.uniform(0.1, 1, 30), chance.random(30)
    observed[::7] = np.nan
    found = distributions.crps_mixture(observed, mean[:, None], deviation[:, None], weight)
    expected = flux_skill.crps_gaussian(observed, mean, deviation, weight)
    assert found == pytest.approx(expected)
    twice = distributions.crps_mixture(
        observed, *(np.stack([one, one], axis=1) for one in (mean, deviation)), weight
    )
    assert twice == pytest.approx(expected)


def test_without_known_samples_it_is_undefined():
    assert math.isnan(distributions.crps_mixture([np.nan], [[-5.0]], [[0.3]]))


def test_members_together():
    members = np.array([[[0.2, 0.1]], [[0.6, 0.3]]])
    np.testing.assert_allclose(distributions.together("class", members), [[0.4, 0.2]])
    # Means -5 and -6, deviations 0.3 and 0.4: variance (0.09 + 0.16) / 2 + 0.25 = 0.375.
    found = distributions.together("gaussian", [[[-5.0, 0.3]], [[-6.0, 0.4]]])
    np.testing.assert_allclose(found, [[-5.5, math.sqrt(0.375)]])


@pytest.mark.parametrize(("head", "columns"), [("classes", 2), ("class", 3), ("gaussian", 1)])
def test_columns_that_do_not_fit(head, columns):
    with pytest.raises(ValueError, match="does not fit its head"):
        distributions.exceedance(head, np.zeros((4, columns)), THRESHOLDS)
