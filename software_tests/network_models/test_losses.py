import math

import keras
import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import log_loss, mean_pinball_loss

from network_models import losses

LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture
def cases():
    chance = np.random.default_rng(3)
    target = chance.normal(-5.5, 0.6, 40).astype("float32")
    weight = chance.random(40).astype("float32")
    return target[:, None], weight, chance


def number(loss, target, forecast, weight=None):
    return float(loss(target, np.asarray(forecast, "float32"), sample_weight=weight))


def test_the_quantile_loss_is_scikit_learns(cases):
    target, _, chance = cases
    forecast = np.sort(chance.normal(-5.5, 0.6, (40, 3)), axis=1).astype("float32")
    found = number(losses.QuantileLoss(LEVELS), target, forecast)
    each = [
        mean_pinball_loss(target[:, 0], forecast[:, i], alpha=level)
        for i, level in enumerate(LEVELS)
    ]
    assert found == pytest.approx(np.mean(each), rel=1e-5)


def test_the_quantile_loss_by_hand():
    # Target 1 above the first quantile (level 0.1: 0.1) and 2 below the second (0.1 x 2 = 0.2).
    assert number(losses.QuantileLoss((0.1, 0.9)), [[1.0]], [[0.0, 3.0]]) == pytest.approx(0.15)


def test_the_gaussian_likelihood_is_scipys(cases):
    target, weight, chance = cases
    mean, deviation = chance.normal(-5.5, 0.5, 40), chance.uniform(0.1, 1, 40)
    forecast = np.stack([mean, deviation], axis=1)
    expected = -stats.norm.logpdf(target[:, 0], mean, deviation)
    found = number(losses.GaussianLogLikelihood(), target, forecast)
    assert found == pytest.approx(expected.mean(), rel=1e-5)
    weighted = number(losses.GaussianLogLikelihood(), target, forecast, weight)
    assert weighted == pytest.approx((expected * weight).mean(), rel=1e-4)


def test_the_crossentropy_is_scikit_learns(cases):
    target, _, chance = cases
    probability = chance.uniform(0.01, 0.99, (40, 2)).astype("float32")
    thresholds = (-6.0, -5.3)
    each = [
        log_loss(target[:, 0] >= threshold, probability[:, i])
        for i, threshold in enumerate(thresholds)
    ]
    found = number(losses.ClassCrossentropy(thresholds), target, probability)
    assert found == pytest.approx(np.mean(each), rel=1e-5)


def test_a_flux_at_the_threshold_reaches_it_in_float32():
    for flux in (1e-6, 1e-5, 1e-5 / 0.7, 1e-4 / 0.7):
        threshold = math.log10(flux)
        assert float(losses.reached(np.float32([[threshold]]), [threshold])[0, 0]) == 1
        assert float(losses.reached(np.float32([[threshold - 1e-5]]), [threshold])[0, 0]) == 0


LOSSES = {
    "quantiles": (losses.QuantileLoss(LEVELS), [[-6.0, -5.5, -5.0]]),
    "gaussian": (losses.GaussianLogLikelihood(), [[-5.5, 0.5]]),
    "class": (losses.ClassCrossentropy((-6.0, -5.0)), [[0.7, 0.2]]),
}


@pytest.mark.parametrize(("loss", "forecast"), LOSSES.values(), ids=LOSSES)
def test_an_unknown_target_costs_nothing_and_teaches_nothing(loss, forecast):
    layer = keras.layers.Dense(len(forecast[0]), kernel_initializer="zeros")
    layer.build((None, 1))
    layer.bias.assign(forecast[0])
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(1.0), loss=loss)
    x = np.ones((2, 1), "float32")
    known = float(model.test_on_batch(x, np.float32([[-5.2], [-5.2]])))
    half = float(model.test_on_batch(x, np.float32([[-5.2], [np.nan]])))
    assert half == pytest.approx(known / 2)
    unknown = np.full((2, 1), np.nan, "float32")
    assert float(model.train_on_batch(x, unknown, np.zeros(2, "float32"))) == 0
    np.testing.assert_array_equal(layer.bias, np.float32(forecast[0]))


@pytest.mark.parametrize(("loss", "forecast"), LOSSES.values(), ids=LOSSES)
def test_saved_and_loaded_it_is_the_same(loss, forecast):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    assert number(again, [[-5.2]], forecast) == number(loss, [[-5.2]], forecast)


@pytest.mark.parametrize("levels", [(0.5,), (0.5, 0.1), (0.0, 0.5), (0.5, 1.0), (0.3, 0.3)])
def test_levels_that_do_not_fit(levels):
    with pytest.raises(ValueError, match="no levels of quantiles"):
        losses.QuantileLoss(levels)
