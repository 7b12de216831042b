"""Penultimate activations, their table, their projector files and their principal components."""

import keras
import numpy as np
import pandas as pd
import pytest
from google.protobuf import text_format
from keras import layers
from PIL import Image
from tensorboard.plugins.projector import ProjectorConfig

from network_models.explanations import embeddings, projections, thumbnails


def described(count, first=0, year=2014, marks=("SYNTHETIC",)):
    hours = np.datetime64(f"{year}-01-01") + np.arange(count) * np.timedelta64(12, "h")
    common = {"channels": ("94", "171"), "unit": "DN / s", "marks": marks}
    return [{"id": f"{first + i}", "time": hour, **common} for i, hour in enumerate(hours)]


SHAPES = {"hours": (8, 2), "summary": (2,)}


def images(*shape):
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def model_with_side():
    """Two inputs, a nested trunk, whitening, and a rescaling after the last kernel."""
    keras.utils.set_random_seed(1)
    trunk_entry = keras.Input((8, 8, 2))
    trunk = keras.Model(
        trunk_entry, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(trunk_entry))
    )
    entry, side = keras.Input((8, 8, 2), name="images"), keras.Input((1,), name="side")
    whitened = layers.Normalization(mean=0.5, variance=2.0)(entry)
    joined = layers.Concatenate(name="joined")([trunk(whitened), side])
    outputs = layers.Rescaling(3.0)(layers.Dense(1)(layers.Dropout(0.5)(joined)))
    return keras.Model({"images": entry, "side": side}, outputs)


def batches_of(x, y, size):
    count = len(y)
    return [
        ({name: array[i : i + size] for name, array in x.items()}, y[i : i + size])
        for i in range(0, count, size)
    ]


def two_splits(model, folder):
    x, y = {"images": images(7, 8, 8, 2), "side": images(7, 1)}, images(7, 1)
    batches = batches_of(x, y, 3)
    described_by_split = {"validation": described(6), "test": described(1, first=6, year=2015)}
    by_split = {"validation": iter(batches[:2]), "test": batches[2:]}
    return x, y, embeddings.write_embeddings(model, by_split, described_by_split, folder)


def test_penultimate_is_what_enters_the_last_dense():
    model, x = model_with_side(), {"images": images(5, 8, 8, 2), "side": images(5, 1)}
    vectors = embeddings.penultimate(model, [batch for batch, _ in batches_of(x, x["side"], 2)])
    # Keras's own way: the outputs of the layer before; dropout does nothing in a forecast.
    expected = keras.Model(model.inputs, model.get_layer("joined").output)([*x.values()])
    np.testing.assert_allclose(vectors, expected, rtol=1e-5)
    assert vectors.shape == (5, 5)


def test_branches_that_are_added_are_both_embedded():
    """A regression and what a small network adds to it, as in the light curve's experiment."""
    entries = {name: keras.Input(shape, name=name) for name, shape in SHAPES.items()}
    hidden = layers.Dense(3, activation="tanh", name="hidden")(layers.Flatten()(entries["hours"]))
    correction = layers.Dense(1, name="correction")(hidden)
    regression = layers.Dense(1, name="regression")(entries["summary"])
    model = keras.Model(entries, layers.Activation("sigmoid")(regression + correction))
    x = {name: images(5, *shape) for name, shape in SHAPES.items()}
    vectors = embeddings.penultimate(model, [x])
    expected = keras.Model(model.inputs, model.get_layer("hidden").output)([*x.values()])
    assert vectors.shape == (5, 5)
    columns = sorted(map(tuple, vectors.T))
    wanted = sorted(map(tuple, np.concatenate([x["summary"], expected], axis=1).T))
    np.testing.assert_allclose(columns, wanted, rtol=1e-5)


def test_what_two_heads_share_is_embedded_once():
    entry = keras.Input((6,), name="fluxes")
    shared = layers.Dense(4, name="shared")(entry)
    model = keras.Model({"fluxes": entry}, [layers.Dense(1)(shared), layers.Dense(3)(shared)])
    x = {"fluxes": images(3, 6)}
    expected = model.get_layer("shared")(x["fluxes"])
    np.testing.assert_allclose(embeddings.penultimate(model, [x]), expected, rtol=1e-6)


def test_a_subclassed_and_an_image_to_image_model():
    class Doubled(keras.Model):
        def __init__(self):
            super().__init__()
            self.last, self.first = layers.Dense(1), layers.Dense(3)  # not in the order of calls

        def call(self, inputs, training=False):
            return self.last(self.first(inputs["images"]))

    x = {"images": images(4, 6)}
    model = Doubled()
    vectors = embeddings.penultimate(model, [x])
    np.testing.assert_allclose(vectors, model.first(x["images"]), rtol=1e-6)

    entry = keras.Input((6, 6, 2), name="images")
    model = keras.Model({"images": entry}, layers.Conv2D(1, 3)(entry))
    x = {"images": images(2, 6, 6, 2)}
    np.testing.assert_allclose(
        embeddings.penultimate(model, [x]), x["images"].mean(axis=(1, 2)), rtol=1e-5
    )


def test_the_table_holds_every_sample_of_every_split(tmp_path):
    model = model_with_side()
    x, y, table = two_splits(model, tmp_path)
    assert table["id"].tolist() == [str(i) for i in range(7)]
    assert table["split"].tolist() == ["validation"] * 6 + ["test"]
    np.testing.assert_allclose(table["target"], y[:, 0])
    np.testing.assert_allclose(table["forecast"], model.predict(x, verbose=0)[:, 0], rtol=1e-5)
    pd.testing.assert_frame_equal(pd.read_feather(tmp_path / "embeddings.feather"), table)
    np.testing.assert_allclose(
        embeddings.activations(table), embeddings.penultimate(model, [x]), rtol=1e-5
    )


def test_projector_files_are_what_tensorboard_reads(tmp_path):
    _, _, table = two_splits(model_with_side(), tmp_path)
    text = (tmp_path / "projector_config.pbtxt").read_text()
    embedding = text_format.Parse(text, ProjectorConfig()).embeddings[0]
    vectors = np.loadtxt(tmp_path / embedding.tensor_path, delimiter="\t")
    assert list(vectors.shape) == list(embedding.tensor_shape) == [7, 5]
    np.testing.assert_allclose(vectors, embeddings.activations(table), rtol=1e-6)
    metadata = (tmp_path / embedding.metadata_path).read_text().splitlines()
    assert metadata[0].split("\t") == list(embeddings.COLUMNS)
    assert len(metadata) == 8
    assert metadata[7].split("\t")[1:4] == ["2015-01-01T00:00:00", "2015", "test"]
    assert metadata[7].endswith("SYNTHETIC")
    with Image.open(tmp_path / embedding.sprite.image_path) as sprite:
        side = embedding.sprite.single_image_dim[0]
        assert sprite.size == (3 * side, 3 * side)  # 7 samples in a square of 3 x 3


def test_pictures_and_a_line_in_place_of_what_needs_more_samples(tmp_path):
    two_splits(model_with_side(), tmp_path)  # seven samples
    names = {"pca.png", "neighbours.png", "no_tsne.txt"}
    assert names <= {path.name for path in tmp_path.iterdir()}
    assert "too few samples" in (tmp_path / "no_tsne.txt").read_text()


def test_principal_components_equal_a_singular_value_decomposition():
    vectors = np.random.default_rng(3).normal(size=(40, 6)) * [5, 3, 1, 1, 1, 1]
    positions, explained = projections.principal_components(vectors)
    centred = vectors - vectors.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(positions), np.abs(left[:, :2] * values[:2]), rtol=1e-8)
    np.testing.assert_allclose(explained, values[:2] ** 2 / (values**2).sum(), rtol=1e-10)


def test_principal_components_of_too_little():
    positions, explained = projections.principal_components(np.ones((3, 4)))
    assert not positions.any()
    assert not explained.any()
    vectors = np.array([[0.0], [2.0], [np.nan]])
    positions, explained = projections.principal_components(vectors)
    np.testing.assert_allclose(np.abs(positions), [[1, 0], [1, 0], [np.nan, np.nan]])
    assert explained.tolist() == [1.0, 0.0]
    assert projections.principal_components(np.ones((1, 2)))[0].tolist() == [[0, 0]]


def test_the_same_network_writes_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        two_splits(model_with_side(), tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_no_target_several_outputs_and_no_images(tmp_path):
    entry = keras.Input((4,), name="fluxes")
    model = keras.Model({"fluxes": entry}, layers.Dense(2)(layers.Dense(3)(entry)))
    batches = {"test": [({"fluxes": images(5, 4)},)]}
    table = embeddings.write_embeddings(model, batches, {"test": described(5)}, tmp_path)
    assert table[["target", "forecast"]].isna().all(axis=None)
    assert not (tmp_path / "sprite.png").exists()
    assert "sprite" not in (tmp_path / "projector_config.pbtxt").read_text()
    assert (tmp_path / "pca.png").exists()
    assert "no images" in (tmp_path / "no_neighbours.txt").read_text()
    assert table["class"].tolist() == ["unknown"] * 5


def test_thumbnails_show_the_latest_frame_with_north_up():
    series = np.zeros((1, 2, 64, 64, 2), "float32")
    series[0, 1, 60:, :4, 1] = 100.0  # upper left of the Sun, 171 A
    picture = thumbnails.thumbnails({"images": series}, described(1, marks=()))[0]
    assert picture.shape == (64, 64, 3)
    assert picture[1, 1].sum() > 600
    assert picture[-2, 1].sum() == 0


def test_a_sprite_shrinks_to_what_tensorboard_accepts(tmp_path, monkeypatch):
    monkeypatch.setattr(thumbnails, "LARGEST_SPRITE", 90)
    pictures = [np.full((64, 64, 3), 50 * i, "uint8") for i in range(5)]
    assert thumbnails.write_sprite(pictures, tmp_path / "sprite.png") == 30
    with Image.open(tmp_path / "sprite.png") as sprite:
        assert np.asarray(sprite)[45, 45].tolist() == [200] * 3  # the fifth: second row, second
        assert sprite.size == (90, 90)


def test_wrong_requests_are_named(tmp_path):
    model = model_with_side()
    batch = ({"images": images(2, 8, 8, 2), "side": images(2, 1)}, images(2, 1))
    with pytest.raises(ValueError, match="Received: 2 samples, 3 descriptions"):
        embeddings.write_embeddings(model, {"test": [batch]}, {"test": described(3)}, tmp_path)
    with pytest.raises(ValueError, match="Received: 2 samples, 1 descriptions"):
        embeddings.write_embeddings(model, {"test": [batch]}, {"test": described(1)}, tmp_path)
    with pytest.raises(ValueError, match="nothing to embed"):
        embeddings.write_embeddings(model, {"test": []}, {"test": []}, tmp_path)
    with pytest.raises(ValueError, match="nothing to embed"):
        embeddings.penultimate(model, [])
    entry = keras.Input((4, 4, 1), name="images")
    mean = keras.Model({"images": entry}, layers.GlobalAveragePooling2D()(entry))
    with pytest.raises(ValueError, match=r"no layer with weights.*GlobalAveragePooling2D"):
        embeddings.penultimate(mean, [{"images": images(1, 4, 4, 1)}])
