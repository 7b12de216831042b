"""Every method of maps on every kind of network, with several inputs and missing pixels."""

import keras
import numpy as np
import pytest
from keras import layers

from dataset_models.sdo.layers import AsinhWhiten, StandardScale
from network_models.explanations.methods import METHODS, UnsuitableMethodError, explain
from network_models.explanations.methods.whitened_images import WhitenedImages
from network_models.explanations.output_numbers import output_number
from software_tests.map_samples import images, linear_model
from software_tests.network_kinds import KINDS, half_precision, image_to_image, transformer


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
