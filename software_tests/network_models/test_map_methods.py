"""What each method says: against hand-made networks, and on every kind of network."""

import keras
import numpy as np
import pytest
from keras import layers

from dataset_models.sdo.layers import AsinhWhiten, StandardScale, TimesAsChannels
from network_models.explanations import inspection
from network_models.explanations.gradients import output_number
from network_models.explanations.methods import METHODS, UnsuitableMethodError, explain
from network_models.explanations.methods.attention_rollout import token_grid
from network_models.explanations.methods.attribution import Attribution
from network_models.explanations.methods.occlusion import squares
from network_models.explanations.methods.whitened_images import WhitenedImages


def images(*shape):
    return np.random.default_rng(1).normal(3.0, 1.0, shape).astype("float32")


def linear_model(weights, whitening=None):
    """Forecast = sum of weights x (whitened) pixels."""
    entry = keras.Input(weights.shape, name="images")
    dense = layers.Dense(1, use_bias=False)
    seen = whitening(entry) if whitening else entry
    model = keras.Model({"images": entry}, dense(layers.Flatten()(seen)))
    dense.set_weights([weights.reshape(-1, 1)])
    return model


def curved_model(shape=(8, 8, 2)):
    keras.utils.set_random_seed(3)
    entry = keras.Input(shape, name="images")
    x = AsinhWhiten(scale=0.5, mean=2.0, std=0.6)(entry)
    x = layers.Conv2D(4, 3, activation="tanh")(x)
    return keras.Model({"images": entry}, layers.Dense(1)(layers.GlobalMaxPooling2D()(x)))


# What they say, by hand.


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


def test_grad_cam_by_hand():
    # Two planes: the image, and its negative; f = 2 x mean(plane 0) - 1 x mean(plane 1) over 16
    # pixels, so the weights are 2/16 and -1/16, and the sum is (2 x + x) / 16.
    entry = keras.Input((4, 4, 1), name="images")
    convolution = layers.Conv2D(2, 1, use_bias=False)
    dense = layers.Dense(1, use_bias=False)
    pooled = layers.GlobalAveragePooling2D()(convolution(entry))
    model = keras.Model({"images": entry}, dense(pooled))
    convolution.set_weights([np.array([[[[1.0, -1.0]]]])])
    dense.set_weights([np.array([[2.0], [-1.0]])])
    image = images(1, 4, 4, 1) - 3
    found = explain("grad_cam", model, {"images": image})
    np.testing.assert_allclose(found.values["images"], np.maximum(3 * image[0] / 16, 0), atol=1e-6)
    # Beside a baseline the difference counts, up or down.
    other = images(4, 4, 1)[::-1] - 3
    found = explain("grad_cam", model, {"images": image}, baseline={"images": other})
    expected = np.abs(3 * (image[0] - other) / 16)
    np.testing.assert_allclose(found.values["images"], expected, atol=1e-6)


def test_grad_cam_lies_over_the_image_that_the_convolution_saw():
    # A plane of 2 x 2 over 8 x 8: centres at rows 1.5 and 5.5; beyond them it is constant.
    entry = keras.Input((8, 8, 1), name="images")
    x = layers.Conv2D(1, 4, strides=4, kernel_initializer="ones", name="patches")(entry)
    model = keras.Model({"images": entry}, layers.Flatten()(layers.GlobalAveragePooling2D()(x)))
    image = np.zeros((1, 8, 8, 1), "float32")
    image[0, :4, :4] = 1.0  # upper left cell: 16 x weight 1/4 = 4
    found = explain("grad_cam", model, {"images": image}, layer="patches").values["images"][..., 0]
    np.testing.assert_allclose(found[:2, :2], 4.0)
    assert found[2, 0] == pytest.approx(4.0 * (5.5 - 2) / 4)
    np.testing.assert_allclose(found[6:], 0.0, atol=1e-7)


class Scores(layers.MultiHeadAttention):
    """Attention whose scores are given: what rollout multiplies."""

    def __init__(self, scores, **options):
        super().__init__(num_heads=len(scores), key_dim=2, **options)
        self.scores = scores

    def _compute_attention(self, query, key, value, *arguments, **options):
        return value, keras.ops.convert_to_tensor(self.scores[None], "float32")


def attending_model(scores, shape, class_token=False):
    entry = keras.Input(shape, name="images")
    tokens = layers.Reshape((-1, 1))(entry)
    if class_token:
        tokens = layers.ZeroPadding1D((1, 0))(tokens)
    for one in scores:
        tokens = tokens + Scores(one)(tokens, tokens)
    return keras.Model({"images": entry}, layers.Dense(1)(layers.Flatten()(tokens)))


def test_rollout_by_hand():
    # One layer, two heads, four tokens: head 0 looks at token 3, head 1 at itself. The mean with
    # the identity is (1/4) e_3 + (3/4) e_i for token i: the mean over rows is 3/16 for tokens 0
    # to 2 and 3/16 + 4/16 for token 3.
    first = np.zeros((2, 4, 4))
    first[0, :, 3], first[1] = 1.0, np.eye(4)
    sample = {"images": images(1, 2, 2, 1)}
    found = explain("attention_rollout", attending_model([first], (2, 2, 1)), sample)
    np.testing.assert_allclose(found.values["images"].ravel(), np.array([3, 3, 3, 7]) / 16)
    assert found.kind == "relevance"


def test_rollout_reads_the_row_of_the_class_token():
    # Layer 1: token 1 looks at token 4, others at themselves. Layer 2: the class token looks at
    # tokens 1 and 2. Half of each is itself: the class token is 1/2 itself, 1/4 token 1, 1/4 token
    # 2 after layer 1, and token 1 is 1/2 itself and 1/2 token 4. So 1/8 of token 1, 1/4 of token
    # 2, 0 of token 3, 1/8 of token 4; without the class token 1/4, 1/2, 0, 1/4.
    first, second = np.eye(5)[None].copy(), np.eye(5)[None].copy()
    first[0, 1] = np.eye(5)[4]
    second[0, 0] = [0, 0.5, 0.5, 0, 0]
    model = attending_model([first, second], (2, 2, 1), class_token=True)
    found = explain("attention_rollout", model, {"images": images(1, 2, 2, 1)})
    np.testing.assert_allclose(found.values["images"].ravel(), [0.25, 0.5, 0, 0.25], atol=1e-7)


@pytest.mark.parametrize(
    ("count", "shape", "grid"),
    [
        (16, (32, 32), (1, 4, 4)),
        (17, (32, 32), (1, 4, 4)),
        (18, (32, 32), (1, 4, 4)),
        (8, (16, 32), (1, 2, 4)),
        (64, (4, 32, 32), (4, 4, 4)),
        (33, (4, 32, 32), (2, 4, 4)),  # frames two by two, and a class token
        (15, (32, 32), None),
        (7, (16, 32), None),
    ],
)
def test_tokens_are_a_grid_over_the_image(count, shape, grid):
    assert token_grid(count, shape) == grid


# On every kind of network.


def flat():
    entry = keras.Input((8, 8, 2), name="images")
    x = layers.Conv2D(4, 3, activation="relu")(AsinhWhiten(scale=0.5)(entry))
    return keras.Model({"images": entry}, layers.Dense(1)(layers.GlobalAveragePooling2D()(x)))


def frame_by_frame():
    entry = keras.Input((3, 8, 8, 2), name="images")
    x = layers.TimeDistributed(layers.Conv2D(4, 3))(AsinhWhiten(scale=0.5)(entry))
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
    return keras.Model({"images": entry}, layers.Dense(1)(layers.LSTM(3)(x)))


def a_model_for_each_frame():
    entry = keras.Input((3, 8, 8, 2), name="images")
    inner = keras.Sequential([layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()])
    x = layers.TimeDistributed(inner)(AsinhWhiten(scale=0.5)(entry))
    return keras.Model({"images": entry}, layers.Dense(1)(layers.Flatten()(x)))


def over_time():
    entry = keras.Input((4, 8, 8, 2), name="images")
    x = layers.Conv3D(4, 3, strides=(2, 1, 1), padding="same")(AsinhWhiten(scale=0.5)(entry))
    return keras.Model({"images": entry}, layers.Dense(1)(layers.GlobalAveragePooling3D()(x)))


def times_as_channels():
    entry = keras.Input((3, 8, 8, 2), name="images")
    x = layers.Conv2D(4, 3)(TimesAsChannels()(AsinhWhiten(scale=0.5)(entry)))
    return keras.Model({"images": entry}, layers.Dense(1)(layers.GlobalAveragePooling2D()(x)))


def transformer():
    entry = keras.Input((8, 8, 2), name="images")
    x = layers.Reshape((16, 6))(layers.Conv2D(6, 2, strides=2)(AsinhWhiten(scale=0.5)(entry)))
    x = x + layers.MultiHeadAttention(2, 3)(x, x)
    x = x + layers.GroupQueryAttention(3, 2, 1)(x, x)
    return keras.Model({"images": entry}, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))


def image_to_image():
    entry = keras.Input((8, 8, 2), name="images")
    x = layers.Conv2D(4, 3, padding="same", activation="tanh")(AsinhWhiten(scale=0.5)(entry))
    x = layers.Conv2D(2, 3, padding="same")(x)
    return keras.Model({"images": entry}, layers.Rescaling(2.0)(x))


def nested():
    entry = keras.Input((8, 8, 2), name="images")
    inner = keras.Sequential([AsinhWhiten(scale=0.5), layers.Conv2D(4, 3, activation="relu")])
    x = layers.GlobalAveragePooling2D()(inner(entry))
    return keras.Model({"images": entry}, layers.Dense(1)(x))


class Subclassed(keras.Model):
    """A subclassed model, with a convolution inside a layer of its own."""

    def __init__(self):
        super().__init__()
        self.whitening, self.block, self.dense = AsinhWhiten(scale=0.5), Block(), layers.Dense(1)

    def call(self, inputs, training=False):
        return self.dense(self.block(self.whitening(inputs["images"])))


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.convolution, self.pool = layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()

    def call(self, x):
        return self.pool(self.convolution(x))


def subclassed():
    model = Subclassed()
    model({"images": images(1, 8, 8, 2)})
    return model


def half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return flat()
    finally:
        keras.config.set_dtype_policy("float32")


KINDS = (flat, frame_by_frame, a_model_for_each_frame, over_time, times_as_channels)
KINDS += (transformer, image_to_image, nested, subclassed, half_precision)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_method_on_every_kind_of_network(method, kind):
    keras.utils.set_random_seed(2)
    model = kind()
    frames = {"frame_by_frame": 3, "a_model_for_each_frame": 3, "over_time": 4}
    times = {**frames, "times_as_channels": 3}.get(kind.__name__)
    shape = (times, 8, 8, 2) if times else (8, 8, 2)
    sample = {"images": images(1, *shape)}
    sample["images"][0, ..., 3, 4, 1] = np.nan
    if method == "attention_rollout" and kind is not transformer:
        with pytest.raises(UnsuitableMethodError, match=r"without self-attention.*Conv"):
            explain(method, model, sample)
        return
    baseline = {"images": images(1, *shape)[:, ..., ::-1, ::-1, :]}
    found = explain(method, model, sample, baseline=baseline)
    values = found.values["images"]
    assert found.method == method
    assert np.isfinite(found.forecast)
    if values.shape[-1] == 1:
        assert values.shape == (*shape[:-1], 1)
        assert np.isfinite(values).all()  # one channel of the missing pixel is there
    else:
        assert values.shape == shape
        missing = np.isnan(sample["images"][0])
        np.testing.assert_array_equal(np.isnan(values), missing)
    assert np.nanmax(np.abs(values)) > 0
    if method == "integrated_gradients" and kind is not half_precision:
        assert found.converged
    assert WhitenedImages(model, sample).is_whitened("images")


def test_frames_are_told_apart():
    """A network that reads one frame alone: every method that knows frames points at that one."""
    entry = keras.Input((3, 8, 8, 2), name="images")
    planes = layers.TimeDistributed(layers.Conv2D(2, 3, activation="tanh"))(entry)
    x = layers.GlobalAveragePooling2D()(planes[:, 1])
    model = keras.Model({"images": entry}, layers.Dense(1)(x))
    for method in ("gradient", "smooth_gradient", "integrated_gradients", "grad_cam", "occlusion"):
        sample, baseline = {"images": images(1, 3, 8, 8, 2)}, {"images": np.zeros((3, 8, 8, 2))}
        values = explain(method, model, sample, baseline=baseline).values["images"]
        used = np.abs(values).sum(axis=(1, 2, 3)) > 1e-9
        assert used.tolist() == [False, True, False], method


def test_an_image_is_explained_by_the_mean_of_a_channel_or_by_a_function():
    model, sample = image_to_image(), {"images": images(1, 8, 8, 2)}
    forecast = keras.ops.convert_to_numpy(model({"images": sample["images"]}))
    second = explain("gradient", model, sample, output=1)
    assert second.forecast == pytest.approx(forecast[..., 1].mean(), rel=1e-5)
    found = explain("gradient", model, sample, output=lambda image: image[:, 4, 4, 0])
    rows, columns = np.nonzero(np.abs(found.values["images"]).sum(-1))
    # Two convolutions of 3 x 3 see 5 x 5 pixels around the one that is explained.
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 6, 2, 6)


# Several inputs, whitening, missing pixels.


def two_images():
    keras.utils.set_random_seed(4)
    entries = {name: keras.Input((8, 8, 2), name=name) for name in ("early", "late")}
    entries["side"] = keras.Input((2,), name="side")
    whitening, convolution = AsinhWhiten(scale=0.5), layers.Conv2D(3, 3)  # shared
    planes = [convolution(whitening(entries[name])) for name in ("late", "early")]
    x = layers.GlobalAveragePooling2D()(planes[0] - 0.5 * planes[1])
    x = layers.Concatenate()([x, StandardScale(mean=1.0, std=2.0)(entries["side"])])
    return keras.Model(entries, layers.Dense(1)(x))


@pytest.mark.parametrize("method", [name for name in METHODS if name != "attention_rollout"])
def test_images_are_told_apart_and_side_inputs_take_part(method):
    model = two_images()
    sample = {"early": images(1, 8, 8, 2), "late": images(1, 8, 8, 2), "side": images(1, 2)}
    found = explain(method, model, sample)
    assert set(found.values) == {"early", "late"}
    assert found.forecast == pytest.approx(output_number(model, sample)[0], rel=1e-5)
    if found.kind != "relevance":  # the same image with half the weight and the other sign
        ratio = found.values["early"] / found.values["late"]
        assert np.median(ratio) == pytest.approx(-0.5, abs=0.05)
    shares = found.share_of_channels()
    assert sum(float(share.sum()) for share in shares.values()) == pytest.approx(1.0)


def test_rollout_needs_one_image():
    entries = {name: keras.Input((4, 4, 2), name=name) for name in ("early", "late")}
    x = layers.Reshape((16, 2))(entries["early"] + entries["late"])
    x = layers.Flatten()(layers.MultiHeadAttention(1, 2)(x, x))
    model = keras.Model(entries, layers.Dense(1)(x))
    sample = {"early": images(1, 4, 4, 2), "late": images(1, 4, 4, 2)}
    with pytest.raises(UnsuitableMethodError, match=r"which tokens belong.*\['early', 'late'\]"):
        explain("attention_rollout", model, sample)


def test_keras_own_whitening_counts_and_a_rescaling_of_the_output_does_not():
    entry = keras.Input((8, 8, 2), name="images")
    x = layers.Normalization(mean=3.0, variance=4.0)(layers.Rescaling(1.0)(entry))
    sample = {"images": images(1, 8, 8, 2)}
    seen = WhitenedImages(keras.Model({"images": entry}, layers.Flatten()(x)), sample)
    np.testing.assert_allclose(seen.values["images"], (sample["images"][0] - 3) / 2, rtol=1e-5)
    raw = layers.Rescaling(5.0)(layers.Conv2D(2, 3, padding="same")(entry))
    assert not WhitenedImages(keras.Model({"images": entry}, raw), sample).is_whitened("images")


def test_a_missing_pixel_is_missing_in_the_baseline_too():
    image, other = images(1, 6, 6, 2), images(6, 6, 2) + 5
    image[0, 2, 3, 1] = np.nan
    model = linear_model(images(6, 6, 2), StandardScale(mean=3.0, std=2.0))
    options = {"baseline": {"images": other}}
    found = explain("integrated_gradients", model, {"images": image}, **options)
    assert found.converged
    assert np.argwhere(np.isnan(found.values["images"])).tolist() == [[2, 3, 1]]


# Bad requests.


def test_unknown_methods_and_layers_are_named_with_the_nearest():
    model, sample = flat(), {"images": images(1, 8, 8, 2)}
    with pytest.raises(ValueError, match=r"no method 'gradcam'.*Did you mean 'grad_cam'\?"):
        explain("gradcam", model, sample)
    name = next(one.name for one in model.layers if isinstance(one, layers.Conv2D))
    with pytest.raises(ValueError, match=rf"no layer '{name}x'.*Did you mean '{name}'\?"):
        explain("grad_cam", model, sample, layer=f"{name}x")
    with pytest.raises(ValueError, match=rf"'{model.layers[-1].name}' gives no planes"):
        explain("grad_cam", model, sample, layer=model.layers[-1].name)


def test_baselines_must_fit():
    model, sample = flat(), {"images": images(1, 8, 8, 2)}
    for method in ("integrated_gradients", "occlusion", "grad_cam"):
        with pytest.raises(ValueError, match=r"Expected shape \(8, 8, 2\).*shape \(4, 4, 2\)"):
            explain(method, model, sample, baseline={"images": images(4, 4, 2)})
        with pytest.raises(ValueError, match=r"'image' belongs to no image.*\['images'\]"):
            explain(method, model, sample, baseline={"image": images(8, 8, 2)})


def test_models_that_a_method_cannot_explain_say_what_would_do():
    entry = keras.Input((4,), name="fluxes")
    model = keras.Model({"fluxes": entry}, layers.Dense(1)(entry))
    for method in METHODS:
        with pytest.raises(UnsuitableMethodError, match=r"takes no images.*'fluxes': \(4,\)"):
            explain(method, model, {"fluxes": images(1, 4)})
    sample = {"images": images(1, 6, 6, 2)}
    with pytest.raises(UnsuitableMethodError, match=r"without a convolution.*Flatten.*occlusion"):
        explain("grad_cam", linear_model(images(6, 6, 2)), sample)


def test_tokens_that_are_no_grid_are_refused():
    entry = keras.Input((4, 4, 1), name="images")
    x = layers.Reshape((16, 1))(entry)[:, :15]
    odd = keras.Model({"images": entry}, layers.Flatten()(layers.MultiHeadAttention(1, 2)(x, x)))
    with pytest.raises(UnsuitableMethodError, match=r"no grid over 'images'.*Received: 15 tokens"):
        explain("attention_rollout", odd, {"images": images(1, 4, 4, 1)})
    x = layers.Reshape((16, 1))(entry)
    x = layers.AveragePooling1D(4)(layers.MultiHeadAttention(1, 2)(x, x))
    merged = keras.Model({"images": entry}, layers.Flatten()(layers.MultiHeadAttention(1, 2)(x, x)))
    with pytest.raises(UnsuitableMethodError, match=r"same tokens through all layers"):
        explain("attention_rollout", merged, {"images": images(1, 4, 4, 1)})


def test_one_sample_at_a_time():
    with pytest.raises(ValueError, match=r"One sample.*Received: \{'images': 2\} samples"):
        explain("gradient", flat(), {"images": images(2, 8, 8, 2)})
    with pytest.raises(ValueError, match="no kind 'sloppy'"):
        Attribution("gradient", {}, 0.0, "sloppy")


def test_layers_are_themselves_again():
    model = flat()
    layer = model.layers[1]
    with inspection.recorded([layer]) as outer:
        with inspection.replaced([layer], lambda number, output: output + number):
            model({"images": images(1, 8, 8, 2)})
        model({"images": images(1, 8, 8, 2)})
    assert len(outer) == 2
    assert "call" not in vars(layer)


@pytest.mark.parametrize(("kind", "whitened"), [("slope", None), ("share", {})])
def test_slopes_alone_have_whitened_slopes(kind, whitened):
    with pytest.raises(ValueError, match="Slopes, and nothing else, have whitened slopes"):
        Attribution("own", {}, 0.0, kind, whitened=whitened)
