"""What gradients, their integrals and occlusion say of networks made by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from dataset_models.sdo.layers import AsinhWhiten, StandardScale
from network_models.explanations.methods import METHODS, explain
from network_models.explanations.methods.occlusion import squares
from software_tests.map_samples import images, linear_model


def curved_model(shape=(8, 8, 2)):
    keras.utils.set_random_seed(3)
    entry = keras.Input(shape, name="images")
    x = AsinhWhiten(scale=0.5, mean=2.0, std=0.6)(entry)
    x = layers.Conv2D(4, 3, activation="tanh")(x)
    return keras.Model({"images": entry}, layers.Dense(1)(layers.GlobalMaxPooling2D()(x)))


def test_integrated_gradients_of_a_linear_model_are_weight_times_difference():
    weights, image = images(6, 6, 2), images(1, 6, 6, 2)
    found = explain("integrated_gradients", linear_model(weights), {"images": image})
    np.testing.assert_allclose(found.values["images"], weights * image[0], rtol=1e-5)
    assert found.converged
    assert found.steps == 16
    assert found.baseline_forecast == pytest.approx(0.0, abs=1e-6)
    assert found.forecast == pytest.approx((weights * image[0]).sum(), rel=1e-5)


def test_the_path_runs_after_whitening():
    # z = (x - 3) / 2; from z = 0 the share is w (x - 3) / 2, from the image b it is w (x - b) / 2.
    weights, image, other = images(6, 6, 2), images(1, 6, 6, 2), images(6, 6, 2)[::-1]
    model = linear_model(weights, StandardScale(mean=3.0, std=2.0))
    mean = explain("integrated_gradients", model, {"images": image})
    np.testing.assert_allclose(mean.values["images"], weights * (image[0] - 3) / 2, atol=1e-5)
    for shaped in (other, other[None]):
        options = {"baseline": {"images": shaped}}
        found = explain("integrated_gradients", model, {"images": image}, **options)
        expected = weights * (image[0] - other) / 2
        np.testing.assert_allclose(found.values["images"], expected, atol=1e-5)


def test_integrated_gradients_add_up_to_the_change_of_the_forecast():
    model, image = curved_model(), images(1, 8, 8, 2) ** 2
    found = explain("integrated_gradients", model, {"images": image})
    change = found.forecast - found.baseline_forecast
    assert abs(found.values["images"].sum() - change) == pytest.approx(found.error, abs=1e-6)
    assert found.error <= 0.01 * abs(change)
    assert found.converged
    # The baseline is the mean after whitening, asinh(x / 0.5) = 2, in all pixels.
    mean = np.full_like(image, 0.5 * np.sinh(2.0))
    assert found.baseline_forecast == pytest.approx(float(model({"images": mean})[0, 0]), abs=1e-5)


def test_a_step_does_not_converge_and_says_so():
    # The forecast is a step of 1 that no number of steps up to 512 finds the slope of.
    entry = keras.Input((4, 4, 1), name="images")
    total = keras.ops.sum(entry, axis=(1, 2, 3))[:, None]
    step = keras.ops.sigmoid(1e6 * (total - 16 * np.pi / 10))
    sample = {"images": np.ones((1, 4, 4, 1), "float32")}
    model = keras.Model({"images": entry}, step)
    found = explain("integrated_gradients", model, sample)
    assert found.steps == 512
    assert not found.converged
    assert found.error == pytest.approx(1.0, abs=1e-3)
    # 1 % of a hundredth of 200 deviations of the forecasts is 0.02, of 11000 it is 1.1.
    assert not explain("integrated_gradients", model, sample, scale=200.0).converged
    found = explain("integrated_gradients", model, sample, scale=1.1e4)
    assert found.converged
    assert found.steps == 16


def test_smooth_gradient_of_a_linear_model_is_its_gradient():
    weights, image = images(6, 6, 2), images(1, 6, 6, 2)
    model = linear_model(weights, StandardScale(mean=3.0, std=2.0))
    for method in ("gradient", "smooth_gradient"):
        found = explain(method, model, {"images": image})
        np.testing.assert_allclose(found.values["images"], weights / 2, rtol=1e-5)
        assert found.kind == "slope"
        # Per deviation of 2 in physical units, which is 1 after whitening.
        np.testing.assert_allclose(found.magnitude()["images"], np.abs(weights), rtol=1e-5)


def test_without_whitening_the_deviation_is_that_of_the_channel():
    weights, image = images(6, 6, 2), images(1, 6, 6, 2)
    image[0, 1, 2, 0] = np.nan
    found = explain("gradient", linear_model(weights, layers.Identity()), {"images": image})
    deviations = [np.nanstd(image[0, ..., channel]) for channel in (0, 1)]
    assert np.isnan(found.magnitude()["images"][1, 2, 0])
    wanted = np.abs(weights * deviations)[..., 1]
    np.testing.assert_allclose(found.magnitude()["images"][..., 1], wanted, rtol=1e-5)


def test_smooth_gradient_averages_the_noise_after_whitening():
    # f = z^2 / 2 with z = x / 2, so df/dx = z / 2, at z + noise (z + noise) / 2.
    entry = keras.Input((4, 4, 1), name="images")
    z = StandardScale(mean=0.0, std=2.0)(entry)
    model = keras.Model({"images": entry}, keras.ops.sum(z**2 / 2, axis=(1, 2, 3))[:, None])
    sample = {"images": images(1, 4, 4, 1)}
    seeds = [explain("smooth_gradient", model, sample, seed=seed) for seed in (0, 0, 1)]
    values = [found.values["images"] for found in seeds]
    np.testing.assert_array_equal(values[0], values[1])
    assert np.abs(values[0] - values[2]).max() > 1e-3
    # Noise of 0.1, halved, in the mean of 32: 0.009.
    errors = values[0] - sample["images"][0] / 4
    assert 0.0045 < errors.std() < 0.018


def test_occlusion_of_a_linear_model_is_the_mean_share_of_each_square():
    weights, image = images(8, 6, 2), images(1, 8, 6, 2)
    image[0, 0, 0, 1] = np.nan
    model = linear_model(weights, StandardScale(mean=3.0, std=2.0))
    found = METHODS["occlusion"](model, {"images": image}, tiles=3)  # squares of 2 x 2
    shares = weights * (np.nan_to_num(image[0], nan=3.0) - 3) / 2
    assert found.values["images"][4, 2, 0] == pytest.approx(shares[4:6, 2:4, 0].mean(), abs=1e-5)
    # Where one of four pixels is missing the other three share.
    assert found.values["images"][1, 1, 1] == pytest.approx(shares[:2, :2, 1].sum() / 3, abs=1e-5)
    assert np.argwhere(np.isnan(found.values["images"])).tolist() == [[0, 0, 1]]
    total = found.forecast - found.baseline_forecast
    assert np.nansum(found.values["images"]) == pytest.approx(total, rel=1e-4)


def test_squares_cover_every_pixel_once():
    counts = np.zeros((3, 7, 10, 2))
    for region in squares(counts.shape, tiles=4):  # sides of 2 (2.5 rounds to even)
        counts[region] += 1
    np.testing.assert_array_equal(counts, 1)
