"""What the first convolution responds to."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from scipy import signal

from network_models.explanations import convolution, feature_figures, features, figures


def described(count, channels=("94", "171"), marks=()):
    time = np.datetime64("2014-01-01T00:00")
    common = {"time": time, "channels": channels, "unit": "DN / s", "marks": marks}
    return [{"id": f"sample {i}", **common} for i in range(count)]


def images(*shape):
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def model_of(layer, shape):
    keras.utils.set_random_seed(1)
    entry = keras.Input(shape, name="images")
    x = layer(entry)
    return keras.Model({"images": entry}, layers.Dense(1)(layers.Flatten()(x)))


def found(model, x, about):
    first = convolution.first_convolution(model, x, about)
    return first, features.strongest_activations(first, x, about)


def test_the_strongest_place_is_that_of_a_brute_force_correlation():
    x, about = {"images": images(3, 12, 10, 2)}, described(3)
    model = model_of(layers.Conv2D(5, 3, padding="same", use_bias=False), (12, 10, 2))
    first, table = found(model, x, about)
    for number, kernel in enumerate(first.kernels):
        # scipy's "same" centres the window on the pixel, as the pixel of the table does.
        responses = np.stack(
            [
                sum(signal.correlate2d(image[..., c], kernel[..., c], "same") for c in range(2))
                for image in x["images"].astype("float64")
            ]
        )
        order = np.argsort(-responses.max(axis=(1, 2)))
        rows = table[table["filter"] == number]
        assert rows["id"].tolist() == [about[i]["id"] for i in order]
        assert rows["rank"].tolist() == [1, 2, 3]
        np.testing.assert_allclose(rows["activation"], responses.max(axis=(1, 2))[order], rtol=1e-5)
        places = [np.unravel_index(responses[i].argmax(), (12, 10)) for i in order]
        assert list(zip(rows["row"], rows["column"], strict=True)) == places
        assert rows["frame"].isna().all()


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("stride", "dilation", "kernel"), [(1, 1, 3), (4, 1, 5), (1, 2, 3)])
def test_a_bright_pixel_is_found_where_it_lies(padding, stride, dilation, kernel):
    """A filter that sees only its middle: Keras itself says which pixel each output sees."""
    layer = layers.Conv2D(
        1, kernel, strides=stride, dilation_rate=dilation, padding=padding, use_bias=False
    )
    model = model_of(layer, (21, 21, 1))
    weights = np.zeros((kernel, kernel, 1, 1))
    weights[kernel // 2, kernel // 2] = 1.0
    layer.set_weights([weights])
    ramp = np.arange(21 * 21, dtype="float32").reshape(1, 21, 21, 1)
    _, table = found(model, {"images": ramp}, described(1, ("171",)))
    row, column = table.loc[0, ["row", "column"]]
    assert ramp[0, row, column, 0] == table.loc[0, "activation"]


def test_a_convolution_behind_a_nested_model_and_pooling():
    inner_entry = keras.Input((16, 16, 1))
    inner = keras.Model(inner_entry, layers.AveragePooling2D(2)(inner_entry))
    entry, side = keras.Input((16, 16, 1), name="images"), keras.Input((2,), name="side")
    layer = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones")
    flat = layers.Flatten()(layer(inner(entry)))
    outputs = layers.Dense(1)(layers.Concatenate()([flat, side]))
    model = keras.Model({"images": entry, "side": side}, outputs)
    image = np.zeros((1, 16, 16, 1), "float32")
    image[0, 10:12, 4:6] = 1.0  # block (5, 2) of 2 x 2 pixels
    first, table = found(model, {"images": image, "side": images(1, 2)}, described(1, ("171",)))
    assert (table.loc[0, "row"], table.loc[0, "column"]) == (11, 5)  # its centre, rounded up
    assert [field.width for field in first.fields] == [2.0, 2.0]


def test_series_tell_the_frame():
    series = np.zeros((1, 4, 8, 8, 1), "float32")
    series[0, 2, 3, 5] = 1.0
    ones = {"use_bias": False, "kernel_initializer": "ones"}
    for layer in (
        layers.TimeDistributed(layers.Conv2D(1, 1, **ones)),
        layers.Conv3D(1, (3, 1, 1), padding="same", **ones),
    ):
        model = model_of(layer, (4, 8, 8, 1))
        _, table = found(model, {"images": series}, described(1, ("171",)))
        assert (table.loc[0, "row"], table.loc[0, "column"]) == (3, 5)
        assert table.loc[0, "frame"] in (1, 2, 3)  # three frames wide: the first of equals


def test_a_filter_that_answers_alike_everywhere_has_no_place():
    layer = layers.Conv2D(2, 3, activation="relu", kernel_initializer="zeros")
    _, table = found(model_of(layer, (8, 8, 2)), {"images": images(1, 8, 8, 2)}, described(1))
    assert table[["frame", "row", "column"]].isna().all(axis=None)
    assert table["activation"].tolist() == [0.0, 0.0]


def test_kernels_of_grouped_and_depthwise_convolutions():
    for layer in (layers.Conv2D(4, 3, groups=2), layers.DepthwiseConv2D(3, depth_multiplier=2)):
        layer.build((None, 8, 8, 4))
        kernels, x = convolution.kernels(layer), images(1, 8, 8, 4)
        assert kernels.shape[1:] == (3, 3, 4)
        by_hand = np.stack(
            [
                sum(signal.correlate2d(x[0, ..., c], k[..., c], "valid") for c in range(4))
                for k in kernels
            ],
            axis=-1,
        )
        np.testing.assert_allclose(np.asarray(layer(x))[0], by_hand, rtol=1e-4, atol=1e-5)


def test_the_heaviest_channel_is_the_one_with_most_weight():
    layer = layers.Conv2D(2, 3, use_bias=False)
    model = model_of(layer, (8, 8, 2))
    weights = np.full((3, 3, 2, 2), 0.1)
    weights[..., 1, 0], weights[..., 0, 1] = -0.5, 0.3
    layer.set_weights([weights])
    _, table = found(model, {"images": images(1, 8, 8, 2)}, described(1))
    assert table["channel"].tolist() == ["171", "94"]


def test_a_patch_is_cut_around_its_pixel():
    image = np.arange(30.0).reshape(5, 6)
    np.testing.assert_array_equal(features.patch(image, 2, 3, 1), image[1:4, 2:5])
    corner = features.patch(image, 0, 0, 1)
    assert np.isnan(corner[0]).all()
    assert corner[1, 1] == 0.0


@pytest.mark.parametrize("frames", [(), (3,)])
def test_files_are_written_and_the_same_each_time(tmp_path, frames):
    layer = layers.Conv2D(3, 3) if not frames else layers.Conv3D(3, (2, 3, 3))
    model = model_of(layer, (*frames, 12, 12, 2))
    x, about = {"images": images(2, *frames, 12, 12, 2)}, described(2, marks=("SYNTHETIC",))
    for name in ("one", "two"):
        written = features.write_features(model, x, about, tmp_path / name)
    assert {path.name for path in written} == {"activations.csv", "activations.png", "filters.png"}
    for path in written:
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes()
    table = pd.read_csv(tmp_path / "one" / "activations.csv")
    assert len(table) == 3 * 2
    assert table.columns.tolist()[:2] == ["filter", "rank"]


def test_sheets_hold_many_filters_and_carry_the_marks():
    kernels = images(70, 3, 3, 2)
    sheet = feature_figures.filter_sheet("conv", kernels, ("94", "171"), ("SYNTHETIC",))
    assert sheet.get_suptitle() == "filters of conv: 64 of 70  ·  SYNTHETIC"
    assert len(sheet.axes) == 5  # 4 bands of 16, and the bar


def test_a_mosaic_puts_each_tile_in_its_place():
    sheet = figures.mosaic([np.full((2, 3), i) for i in range(5)], columns=2)
    assert sheet.shape == (3 * 3 + 1, 2 * 4 + 1)
    assert sheet[1, 1] == 0
    assert sheet[1, 5] == 1
    assert sheet[7, 1] == 4
    assert np.isnan(sheet[7, 5])


def test_a_model_without_convolution_says_so(tmp_path):
    model = model_of(layers.Flatten(), (4, 4, 1))
    x, about = {"images": images(1, 4, 4, 1)}, described(1, ("171",))
    written = features.write_features(model, x, about, tmp_path)
    assert "no convolution of images" in written[0].read_text()
    entry = keras.Input((4,), name="fluxes")
    model = keras.Model({"fluxes": entry}, layers.Dense(1)(entry))
    assert features.write_features(model, {"fluxes": images(1, 4)}, about, tmp_path) == written


def test_descriptions_must_fit(tmp_path):
    model = model_of(layers.Conv2D(1, 3), (8, 8, 2))
    with pytest.raises(ValueError, match="3 descriptions"):
        features.write_features(model, {"images": images(2, 8, 8, 2)}, described(3), tmp_path)
