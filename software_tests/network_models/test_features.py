"""Features of a network: which files are written, of which layers."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from dataset_models.sdo.layers import AsinhWhiten, TimesAsChannels
from network_models.explanations import convolution, features
from software_tests.layer_chains import model_of, noise
from software_tests.map_samples import descriptions

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
    model = model_of([keras.Sequential(chain)], (*frames, 12, 12, 2))
    x, about = {"images": noise(2, *frames, 12, 12, 2)}, descriptions(2, marks=("SYNTHETIC",))
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
    model = model_of([keras.Sequential(chain)], (16, 16, 2))
    x, about = {"images": noise(2, 16, 16, 2)}, descriptions(2)
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
        model = model_of([keras.Sequential(chain)], (16, 16, 2))
    finally:
        keras.config.set_dtype_policy("float32")
    x = {"images": noise(2, 16, 16, 2)}
    x["images"][0, :4] = np.nan
    features.write_features(model, x, descriptions(2), tmp_path, steps=3)
    table = pd.read_csv(tmp_path / "activations.csv")
    assert len(table) == 5 * 2
    assert table["activation"].notna().all()


def test_filters_beyond_those_shown_stand_in_the_table(tmp_path):
    model, x = model_of([layers.Conv2D(5, 3)], (8, 8, 2)), {"images": noise(1, 8, 8, 2)}
    features.write_features(model, x, descriptions(1), tmp_path, filters=2, steps=2)
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

    x = {"images": noise(1, 12, 12, 2)}
    written = features.write_features(Subclassed(), x, descriptions(1), tmp_path, steps=2)
    names = [path.name for path in written]  # in the order of their calls
    assert names == ["activations.csv", "a.png", "b.png", "filters.png"]


def test_layers_of_one_name_get_numbers():
    parts = [keras.Sequential([layers.Conv2D(1, 3, name="same")]) for _ in range(2)]
    model, x = model_of([keras.Sequential(parts)], (8, 8, 2)), {"images": noise(1, 8, 8, 2)}
    assert list(convolution.convolutions(model, x)) == ["same", "same_2"]


def test_of_many_layers_some_are_shown_from_first_to_last():
    many = {f"layer {i}": i for i in range(50)}
    assert list(convolution.spread(many, 3).values()) == [0, 24, 49]
    assert convolution.spread(many, 99) == many


def test_layers_are_chosen_by_name(tmp_path):
    chain = [layers.Conv2D(1, 3, name="near"), layers.Conv2D(1, 3, name="deep")]
    model, x = model_of([keras.Sequential(chain)], (8, 8, 2)), {"images": noise(1, 8, 8, 2)}
    written = features.write_features(
        model, x, descriptions(1), tmp_path, layers=("deep",), steps=2
    )
    names = [path.name for path in written]
    assert names == ["activations.csv", "deep.png", "filters.png"]
    with pytest.raises(ValueError, match=r"no convolution of images called 'deap'.*'deep'\?"):
        features.write_features(model, x, descriptions(1), tmp_path, layers=("deap",))
    flat = model_of([layers.Flatten()], (8, 8, 2))
    with pytest.raises(ValueError, match="Expected names among \\[\\]"):
        features.write_features(flat, x, descriptions(1), tmp_path, layers=("deep",))


def test_a_model_without_convolution_says_so(tmp_path):
    model = model_of([layers.Flatten()], (4, 4, 1))
    x, about = {"images": noise(1, 4, 4, 1)}, descriptions(1, ("171",))
    written = features.write_features(model, x, about, tmp_path)
    assert "no convolution of images" in written[0].read_text()
    entry = keras.Input((4,), name="fluxes")
    model = keras.Model({"fluxes": entry}, layers.Dense(1)(entry))
    assert features.write_features(model, {"fluxes": noise(1, 4)}, about, tmp_path) == written


def test_descriptions_must_fit(tmp_path):
    model = model_of([layers.Conv2D(1, 3)], (8, 8, 2))
    with pytest.raises(ValueError, match="3 descriptions"):
        features.write_features(model, {"images": noise(2, 8, 8, 2)}, descriptions(3), tmp_path)
