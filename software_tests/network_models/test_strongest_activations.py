"""Where the filters of a network respond most, and what is cut out there."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from scipy import signal

from network_models.explanations import convolution, deconvolution, features
from software_tests.layer_chains import model_of, noise, strongest_views
from software_tests.map_samples import descriptions


def test_the_strongest_place_is_that_of_a_brute_force_correlation():
    x, about = {"images": noise(3, 12, 10, 2)}, descriptions(3)
    model = model_of([layers.Conv2D(5, 3, padding="same", use_bias=False)], (12, 10, 2))
    views, table = strongest_views(model, x, about)
    for number, kernel in enumerate(convolution.kernels(views[0].trunk.layer)):
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
    model = model_of([layer], (21, 21, 1))
    weights = np.zeros((kernel, kernel, 1, 1))
    weights[kernel // 2, kernel // 2] = 1.0
    layer.set_weights([weights])
    ramp = np.arange(21 * 21, dtype="float32").reshape(1, 21, 21, 1)
    _, table = strongest_views(model, {"images": ramp}, descriptions(1, ("171",)))
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
    views, table = strongest_views(
        model, {"images": image, "side": noise(1, 2)}, descriptions(1, ("171",))
    )
    assert (table.loc[0, "row"], table.loc[0, "column"]) == (11, 5)  # its centre, rounded up
    assert (views[0].field.rows.width, views[0].field.columns.width) == (2.0, 2.0)


def test_series_tell_the_frame():
    series = np.zeros((1, 4, 8, 8, 1), "float32")
    series[0, 2, 3, 5] = 1.0
    ones = {"use_bias": False, "kernel_initializer": "ones"}
    for layer in (
        layers.TimeDistributed(layers.Conv2D(1, 1, **ones)),
        layers.Conv3D(1, (3, 1, 1), padding="same", **ones),
    ):
        model = model_of([layer], (4, 8, 8, 1))
        _, table = strongest_views(model, {"images": series}, descriptions(1, ("171",)))
        assert (table.loc[0, "row"], table.loc[0, "column"]) == (3, 5)
        assert table.loc[0, "frame"] in (1, 2, 3)  # three frames wide: the first of equals


def test_a_filter_that_answers_alike_everywhere_has_no_place():
    layer = layers.Conv2D(2, 3, activation="relu", kernel_initializer="zeros")
    _, table = strongest_views(
        model_of([layer], (8, 8, 2)), {"images": noise(1, 8, 8, 2)}, descriptions(1)
    )
    assert table[["frame", "row", "column"]].isna().all(axis=None)
    assert table["activation"].tolist() == [0.0, 0.0]


def test_kernels_of_grouped_and_depthwise_convolutions():
    for layer in (layers.Conv2D(4, 3, groups=2), layers.DepthwiseConv2D(3, depth_multiplier=2)):
        layer.build((None, 8, 8, 4))
        kernels, x = convolution.kernels(layer), noise(1, 8, 8, 4)
        assert kernels.shape[1:] == (3, 3, 4)
        by_hand = np.stack(
            [
                sum(signal.correlate2d(x[0, ..., c], k[..., c], "valid") for c in range(4))
                for k in kernels
            ],
            axis=-1,
        )
        np.testing.assert_allclose(np.asarray(layer(x))[0], by_hand, rtol=1e-4, atol=1e-5)


def test_the_channel_shown_is_the_one_with_most_weight(tmp_path):
    layer = layers.Conv2D(2, 3, use_bias=False)
    model = model_of([layer], (8, 8, 2))
    weights = np.full((3, 3, 2, 2), 0.1)
    weights[..., 1, 0], weights[..., 0, 1] = -0.5, 0.3
    layer.set_weights([weights])
    features.write_features(
        model, {"images": noise(1, 8, 8, 2)}, descriptions(1), tmp_path, steps=2
    )
    assert pd.read_csv(tmp_path / "activations.csv")["channel"].tolist() == [171, 94]


def test_a_patch_is_cut_around_its_pixel():
    image = np.arange(30.0).reshape(5, 6)
    np.testing.assert_array_equal(deconvolution.patch(image, 2, 3, 1), image[1:4, 2:5])
    corner = deconvolution.patch(image, 0, 0, 1)
    assert np.isnan(corner[0]).all()
    assert corner[1, 1] == 0.0
