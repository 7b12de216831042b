"""The Keras metrics give the numbers of tools/*_skill.py, batch by batch."""

import math

import keras
import numpy as np
import pytest

from network_models import metrics
from tools import flux_skill, probability_skill, skill

LEVELS = (0.1, 0.5, 0.9)
THRESHOLD = -5.0


@pytest.fixture
def cases():
    """Targets with unknown ones, and weights; 100 samples."""
    chance = np.random.default_rng(8)
    target = chance.normal(-5.3, 0.6, 100).astype("float32")
    target[::9] = np.nan
    return target, chance.random(100).astype("float32"), chance


def streamed(metric, target, forecast, weight=None):
    """The metric over three batches of unequal size."""
    for part in np.split(np.arange(len(target)), [30, 75]):
        some = None if weight is None else weight[part]
        metric.update_state(target[part, None], np.float32(forecast[part]), some)
    return float(metric.result())


def test_crps_of_quantiles(cases):
    target, weight, chance = cases
    quantiles = np.sort(chance.normal(-5.3, 0.6, (100, 3)), axis=1).astype("float32")
    found = streamed(metrics.QuantileCRPS(LEVELS), target, quantiles, weight)
    assert found == pytest.approx(
        flux_skill.crps_quantiles(target, quantiles, LEVELS, weight), rel=1e-5
    )


def test_crps_of_normal_distributions(cases):
    target, weight, chance = cases
    mean, deviation = chance.normal(-5.3, 0.5, 100), chance.uniform(0.1, 0.9, 100)
    forecast = np.stack([mean, deviation], axis=1)
    found = streamed(metrics.GaussianCRPS(), target, forecast, weight)
    expected = flux_skill.crps_gaussian(target, mean, deviation, weight)
    assert found == pytest.approx(expected, rel=1e-5)


def test_crps_by_hand():
    # One quantile 1 below and one 1 above: losses 0.25 and 0.25, mean 0.25, doubled 0.5.
    found = streamed(metrics.QuantileCRPS((0.25, 0.75)), np.zeros(1), np.array([[-1.0, 1.0]]))
    assert found == pytest.approx(0.5)
    # N(0, 1) at 0: 2 phi(0) - 1/sqrt(pi) = (sqrt 2 - 1) / sqrt(pi) = 0.23369.
    found = streamed(metrics.GaussianCRPS(), np.zeros(1), np.array([[0.0, 1.0]]))
    assert found == pytest.approx(0.2336950, abs=1e-6)


@pytest.mark.parametrize(
    "metric", [metrics.QuantileCRPS(LEVELS), metrics.GaussianCRPS(), metrics.CentralError(1)]
)
def test_of_one_column_it_is_the_mean_absolute_error(metric, cases):
    target, weight, chance = cases
    flux = chance.normal(-5.3, 0.5, 100)
    found = streamed(metric, target, flux[:, None], weight)
    assert found == pytest.approx(flux_skill.errors(target, flux, weight)["mae"], rel=1e-5)


def test_a_sharp_distribution_tends_to_the_mean_absolute_error(cases):
    target, _, chance = cases
    flux = chance.normal(-5.3, 0.5, 100)
    sharp = np.stack([flux, np.full(100, 1e-5)], axis=1)
    certain = streamed(metrics.GaussianCRPS(), target, flux[:, None])
    assert streamed(metrics.GaussianCRPS(), target, sharp) == pytest.approx(certain, abs=1e-4)
    same = np.repeat(flux[:, None], 3, axis=1)
    assert streamed(metrics.QuantileCRPS(LEVELS), target, same) == pytest.approx(certain, rel=1e-5)


def test_brier_score(cases):
    target, weight, chance = cases
    probability = chance.random((100, 3)).astype("float32")
    came = np.where(np.isnan(target), np.nan, target >= THRESHOLD)
    found = streamed(metrics.Brier(THRESHOLD, column=2), target, probability, weight)
    assert found == pytest.approx(
        probability_skill.brier(came, probability[:, 2], weight), rel=1e-5
    )
    found = streamed(metrics.Brier(THRESHOLD), target, probability[:, :1], weight)
    assert found == pytest.approx(
        probability_skill.brier(came, probability[:, 0], weight), rel=1e-5
    )


def test_a_flux_is_a_certain_probability(cases):
    target, weight, chance = cases
    flux = chance.normal(-5.3, 0.5, 100)
    came = np.where(np.isnan(target), np.nan, target >= THRESHOLD)
    expected = probability_skill.brier(came, flux >= THRESHOLD, weight)
    found = streamed(metrics.Brier(THRESHOLD, column=2), target, flux[:, None], weight)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("metric", "name"), [("TrueSkill", "tss"), ("HeidkeSkill", "hss")])
def test_scores_of_the_contingency_table(metric, name, cases):
    target, weight, chance = cases
    probability = chance.random((100, 2)).astype("float32")
    came = np.where(np.isnan(target), np.nan, target >= THRESHOLD)
    made = getattr(metrics, metric)(THRESHOLD, alarm=0.3, column=1)
    table = skill.contingency(came, probability[:, 1] >= np.float32(0.3), weight)
    found = streamed(made, target, probability, weight)
    assert found == pytest.approx(getattr(table, name), abs=1e-5)
    flux = chance.normal(-5.3, 0.5, 100)
    table = skill.contingency(came, flux >= THRESHOLD)
    made.reset_state()
    assert streamed(made, target, flux[:, None]) == pytest.approx(getattr(table, name), abs=1e-5)


EVERY = [
    metrics.QuantileCRPS(LEVELS),
    metrics.GaussianCRPS(),
    metrics.CentralError(1),
    metrics.Brier(THRESHOLD, 1),
    metrics.TrueSkill(THRESHOLD, 0.2, 1),
    metrics.HeidkeSkill(THRESHOLD, 0.2, 1),
]


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: type(metric).__name__)
def test_without_known_samples_it_is_undefined_and_not_0(metric):
    metric.reset_state()
    assert math.isnan(float(metric.result()))
    metric.update_state(np.float32([[np.nan]]), np.float32([[-5.0]]))
    metric.update_state(np.float32([[-5.5]]), np.float32([[-5.0]]), np.float32([0]))
    assert math.isnan(float(metric.result()))


@pytest.mark.parametrize("metric", [metrics.TrueSkill, metrics.HeidkeSkill])
@pytest.mark.parametrize("flux", [-6.0, -4.0])
def test_skill_of_one_outcome_is_undefined(metric, flux):
    made = metric(THRESHOLD)
    made.update_state(np.full((4, 1), flux, "float32"), np.full((4, 1), flux, "float32"))
    assert math.isnan(float(made.result()))


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: type(metric).__name__)
def test_saved_and_loaded_it_is_the_same(metric, cases):
    target, weight, chance = cases
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert again.get_config() == metric.get_config()
    forecast = np.abs(chance.normal(0.5, 0.1, (100, 3)))[:, : 2 if "Gauss" in str(metric) else 3]
    metric.reset_state()
    first = streamed(metric, target, forecast, weight)
    assert streamed(again, target, forecast, weight) == first
