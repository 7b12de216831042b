"""What a run writes about its network at the end, and what its config may ask for."""

import types

import keras
import numpy as np
import pytest
from keras import layers

from dataset_models.synthetic.synthetic import Synthetic
from network_models import experiment, explanation

PARTS = ("maps", "features", "embeddings")


@pytest.fixture(scope="module")
def dataset():
    sizes = {"train_size": 20, "validation_size": 5, "test_size": 2}
    return Synthetic(image_size=16, signal_channels=1, noise_channels=1, **sizes)


@pytest.fixture(scope="module")
def model(dataset):
    keras.utils.set_random_seed(1)
    inputs = dataset.inputs()
    x = layers.Conv2D(2, 3, activation="softplus")(inputs["images"])
    return keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling2D()(x)))


def run_in(folder):
    return types.SimpleNamespace(**{part: folder / part for part in PARTS})


def test_images_are_compared_with_the_median_of_the_training_split(dataset, model):
    found = explanation.comparison(model, dataset)
    # 15 of 20 samples, spread evenly: the whole part of k x 19 / 14.
    chosen = [int(k * 19 / 14) for k in range(15)]
    assert (chosen[:4], chosen[-1]) == ([0, 1, 2, 4], 19)
    images = [dataset.sample("train", i, None)[0]["images"] for i in chosen]
    wanted = [[[np.median([one[r, c, k] for one in images]) for k in range(2)]
               for c in range(16)] for r in range(16)]  # fmt: skip
    np.testing.assert_allclose(found["baseline"]["images"], wanted, rtol=1e-6)
    forecasts = model.predict({"images": np.stack(images)}, verbose=0)
    assert found["scale"] == pytest.approx(forecasts.std(), rel=1e-4)


def test_a_run_writes_what_its_config_asks_for(dataset, model, tmp_path):
    config = experiment.Config(
        explained_samples=1,
        explanations=("maps",),
        map_methods=("attention_rollout", "integrated_gradients"),
    )
    explanation.explain(run_in(tmp_path), model, dataset, config)
    assert {path.name for path in tmp_path.iterdir()} == {"maps"}
    names = {path.name for path in (tmp_path / "maps").iterdir()}
    assert {"strongest_regions.csv", "skipped.txt"} < names
    assert len([name for name in names if name.endswith("_integrated_gradients.fits")]) == 2
    assert "attention_rollout: " in (tmp_path / "maps" / "skipped.txt").read_text()


class Fluxes(Synthetic):
    """Four numbers in place of an image."""

    def sample(self, split, index, rng):
        image, target = super().sample(split, index, rng)
        return {"fluxes": image["images"][0, :4, 0]}, target


def test_a_network_without_images_gets_a_line_in_place_of_maps(tmp_path):
    fluxes = Fluxes(image_size=4, train_size=5, validation_size=5, test_size=2)
    entry = keras.Input((4,), name="fluxes")
    network = keras.Model({"fluxes": entry}, layers.Dense(1)(entry))
    config = experiment.Config(explanations=("maps",))
    explanation.explain(run_in(tmp_path), network, fluxes, config)
    (file,) = (tmp_path / "maps").iterdir()
    assert file.name == "skipped.txt"
    assert "\ngradient: " in file.read_text()


@pytest.mark.parametrize(
    "fields",
    [
        {"explained_samples": 0},
        {"explanations": ()},
        {"explanations": ("maps",), "map_methods": ()},
    ],
)
def test_nothing_is_written_where_nothing_is_asked_for(dataset, model, tmp_path, fields):
    explanation.explain(run_in(tmp_path), model, dataset, experiment.Config(**fields))
    assert not list(tmp_path.iterdir())


def test_samples_are_spread_over_the_split(dataset):
    assert explanation.spread(dataset, "validation", 3).tolist() == [0, 2, 4]
    assert explanation.spread(dataset, "test", 9).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"map_methods": ("gradcam",)}, "map_methods.*Received: 'gradcam'. Did you mean 'grad_cam"),
        ({"map_methods": ("gradient", "occlude")}, "Did you mean 'occlusion'.*--map_methods="),
        ({"explanations": ("map",)}, "explanations.*Did you mean 'maps'"),
    ],
)
def test_a_typo_is_offered_the_nearest_name_before_training(fields, message):
    with pytest.raises(ValueError, match=message):
        experiment.check_values(experiment.Config(**fields))
