"""What the convolutions of a network respond to."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from scipy import signal

from dataset_models.sdo.layers import AsinhWhiten, TimesAsChannels
from network_models.explanations import (
    convolution,
    deconvolution,
    feature_figures,
    features,
    figures,
    filter_views,
)


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
    """The views of all convolutions, and where these respond most."""
    views = filter_views.views(model, convolution.convolutions(model, x), x)
    return views, features.strongest_activations(views, x, about)


def test_the_strongest_place_is_that_of_a_brute_force_correlation():
    x, about = {"images": images(3, 12, 10, 2)}, described(3)
    model = model_of(layers.Conv2D(5, 3, padding="same", use_bias=False), (12, 10, 2))
    views, table = found(model, x, about)
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
    views, table = found(model, {"images": image, "side": images(1, 2)}, described(1, ("171",)))
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


def test_the_channel_shown_is_the_one_with_most_weight(tmp_path):
    layer = layers.Conv2D(2, 3, use_bias=False)
    model = model_of(layer, (8, 8, 2))
    weights = np.full((3, 3, 2, 2), 0.1)
    weights[..., 1, 0], weights[..., 0, 1] = -0.5, 0.3
    layer.set_weights([weights])
    features.write_features(model, {"images": images(1, 8, 8, 2)}, described(1), tmp_path, steps=2)
    assert pd.read_csv(tmp_path / "activations.csv")["channel"].tolist() == [171, 94]


def test_a_patch_is_cut_around_its_pixel():
    image = np.arange(30.0).reshape(5, 6)
    np.testing.assert_array_equal(deconvolution.patch(image, 2, 3, 1), image[1:4, 2:5])
    corner = deconvolution.patch(image, 0, 0, 1)
    assert np.isnan(corner[0]).all()
    assert corner[1, 1] == 0.0


KINDS_OF_LAYERS = {
    "flat": ((), lambda: [layers.Conv2D(3, 3, activation="relu"), layers.Conv2D(4, 3)]),
    "series": ((3,), lambda: [layers.Conv3D(3, (2, 3, 3)), layers.Conv3D(4, (2, 3, 3))]),
    "times as channels": (
        (3,),
        lambda: [TimesAsChannels(), layers.Conv2D(3, 3), layers.Conv2D(4, 3)],
    ),
    "distributed": (
        (3,),
        lambda: [
            layers.TimeDistributed(
                keras.Sequential([layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(2)])
            ),
            layers.TimeDistributed(layers.Conv2D(4, 3)),
        ],
    ),
}


@pytest.mark.parametrize("kind", KINDS_OF_LAYERS)
def test_files_are_written_for_each_layer(tmp_path, kind):
    frames, make = KINDS_OF_LAYERS[kind]
    keras.backend.clear_session()
    chain = make()
    model = model_of(keras.Sequential(chain), (*frames, 12, 12, 2))
    x, about = {"images": images(2, *frames, 12, 12, 2)}, described(2, marks=("SYNTHETIC",))
    written = features.write_features(model, x, about, tmp_path, steps=3)
    names = list(convolution.convolutions(model, x))
    assert names[1] == chain[-1].name  # of a TimeDistributed convolution, the wrapper's
    sheets = {f"{name}.png" for name in names}
    assert {path.name for path in written} == {"activations.csv", "filters.png", *sheets}
    table = pd.read_csv(tmp_path / "activations.csv")
    assert table.columns.tolist() == list(features.WRITTEN)
    assert table.groupby("layer", sort=False).size().to_dict() == {names[0]: 3 * 2, names[1]: 4 * 2}
    assert table["frame"].notna().all() == bool(frames)


def test_files_are_the_same_each_time(tmp_path):
    chain = [layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(2), layers.Conv2D(2, 3)]
    model = model_of(keras.Sequential(chain), (16, 16, 2))
    x, about = {"images": images(2, 16, 16, 2)}, described(2)
    for name in ("one", "two"):
        written = features.write_features(model, x, about, tmp_path / name, steps=3)
    assert len(written) == 4
    for path in written:
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes()


def test_half_precision_and_missing_pixels(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        whitening = AsinhWhiten(scale=1.0)
        chain = [whitening, layers.Conv2D(3, 3, activation="relu"), layers.Conv2D(2, 3)]
        model = model_of(keras.Sequential(chain), (16, 16, 2))
    finally:
        keras.config.set_dtype_policy("float32")
    x = {"images": images(2, 16, 16, 2)}
    x["images"][0, :4] = np.nan
    features.write_features(model, x, described(2), tmp_path, steps=3)
    table = pd.read_csv(tmp_path / "activations.csv")
    assert len(table) == 5 * 2
    assert table["activation"].notna().all()


def test_filters_beyond_those_shown_stand_in_the_table(tmp_path):
    model, x = model_of(layers.Conv2D(5, 3), (8, 8, 2)), {"images": images(1, 8, 8, 2)}
    features.write_features(model, x, described(1), tmp_path, filters=2, steps=2)
    table = pd.read_csv(tmp_path / "activations.csv")
    assert table["filter"].tolist() == [0, 1, 2, 3, 4]
    assert table["channel"].notna().tolist() == [True, True, False, False, False]


def test_a_subclassed_model_and_its_nested_layers(tmp_path):
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.second, self.first = layers.Conv2D(2, 3, name="b"), layers.Conv2D(2, 3, name="a")

        def call(self, x):
            return keras.ops.mean(self.second(self.first(x["images"])), axis=(1, 2, 3))

    x = {"images": images(1, 12, 12, 2)}
    written = features.write_features(Subclassed(), x, described(1), tmp_path, steps=2)
    names = [path.name for path in written]  # in the order of their calls
    assert names == ["activations.csv", "a.png", "b.png", "filters.png"]


def test_layers_of_one_name_get_numbers():
    parts = [keras.Sequential([layers.Conv2D(1, 3, name="same")]) for _ in range(2)]
    model, x = model_of(keras.Sequential(parts), (8, 8, 2)), {"images": images(1, 8, 8, 2)}
    assert list(convolution.convolutions(model, x)) == ["same", "same_2"]


def test_of_many_layers_some_are_shown_from_first_to_last():
    many = {f"layer {i}": i for i in range(50)}
    assert list(convolution.spread(many, 3).values()) == [0, 24, 49]
    assert convolution.spread(many, 99) == many


def test_layers_are_chosen_by_name(tmp_path):
    chain = [layers.Conv2D(1, 3, name="near"), layers.Conv2D(1, 3, name="deep")]
    model, x = model_of(keras.Sequential(chain), (8, 8, 2)), {"images": images(1, 8, 8, 2)}
    written = features.write_features(model, x, described(1), tmp_path, layers=("deep",), steps=2)
    names = [path.name for path in written]
    assert names == ["activations.csv", "deep.png", "filters.png"]
    with pytest.raises(ValueError, match=r"no convolution of images called 'deap'.*'deep'\?"):
        features.write_features(model, x, described(1), tmp_path, layers=("deap",))
    flat = model_of(layers.Flatten(), (8, 8, 2))
    with pytest.raises(ValueError, match="Expected names among \\[\\]"):
        features.write_features(flat, x, described(1), tmp_path, layers=("deep",))


def test_a_sheet_shows_one_filter_at_least(tmp_path):
    model, x = model_of(layers.Conv2D(1, 3), (8, 8, 2)), {"images": images(1, 8, 8, 2)}
    with pytest.raises(ValueError, match="filters of 1 or more"):
        features.write_features(model, x, described(1), tmp_path, filters=0)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_sheet_says_what_is_silent():
    """A dead filter that some image wakes, and one without weights."""
    silent = keras.initializers.Constant(-100.0)
    for initializer, said in (("zeros", True), ("glorot_uniform", False)):
        layer = layers.Conv2D(
            1, 3, activation="relu", bias_initializer=silent, kernel_initializer=initializer
        )
        model, x, about = model_of(layer, (8, 8, 2)), {"images": images(1, 8, 8, 2)}, described(1)
        views, table = found(model, x, about)
        blocks = filter_views.blocks(views[0], table, x, about, filters=1, steps=2)
        sheet = feature_figures.layer_sheet("conv", 9, blocks, ("SYNTHETIC",))
        assert "the same everywhere\nin the samples" in texts(sheet)
        assert ("no image\nchanges it" in texts(sheet)) == said
    expected = "what excites the filters of conv, which see 3 × 3 pixels: 1 of 9 filters"
    assert sheet.get_suptitle() == f"{expected}  ·  SYNTHETIC"


def test_sheets_hold_many_filters_and_carry_the_marks():
    kernels = images(70, 3, 3, 2)
    sheet = feature_figures.filter_sheet("conv", kernels, ("94", "171"), ("SYNTHETIC",))
    assert sheet.get_suptitle() == "kernels of conv: 64 of 70 filters  ·  SYNTHETIC"
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
