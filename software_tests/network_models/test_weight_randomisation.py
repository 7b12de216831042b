"""A map must be lost with the weights: Adebayo et al. 2018, arXiv:1810.03292.

A method that draws much the same for a network of random weights shows the image, not what the
network has learned. It is not offered: every method in `METHODS` is tested here, and a new one with
them.
"""

import keras
import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import spearmanr

from network_models.explanations.methods import METHODS, explain
from network_models.explanations.methods.attribution import Attribution
from network_models.explanations.saliency_map import SMOOTHING, smoothed

SURVIVES = 0.7  # rank correlation: half of the variance of the ranks is still there
SIGNS_SURVIVE = 0.3
SEEDS = (1, 2)
DEVIATION = SMOOTHING * 32  # pixels, of images this wide
BESIDE_A_BASELINE = ("integrated_gradients", "grad_cam", "occlusion")
ON_CONVOLUTIONS = [name for name in METHODS if name != "attention_rollout"]
LONG = {"occlusion": pytest.mark.slow}  # hundreds of forecasts for each map
CASCADED = [pytest.param(name, marks=LONG.get(name, ())) for name in ON_CONVOLUTIONS]


def weighted_layers(model):
    """The layers with trained weights, from the first to the last."""
    return [layer for layer in model.layers if layer.weights]


def randomised(model, seed, count=None):
    """A copy of a model, the last `count` of its layers with fresh weights; all if None."""
    keras.utils.set_random_seed(seed)
    copy = keras.models.clone_model(model)
    layers, trained = weighted_layers(copy), weighted_layers(model)
    kept = 0 if count is None else len(layers) - count
    for layer, source in zip(layers[:kept], trained[:kept], strict=True):
        layer.set_weights(source.get_weights())
    return copy


def maps(method, model, suns, baseline=None):
    """What a method says of some samples: its values, and what pictures draw of them."""
    samples = [{"images": image[None]} for image in suns.images[::5]]
    found = [explain(method, model, sample, baseline=baseline) for sample in samples]
    values = [one.values["images"] for one in found]
    return values, [smoothed(one.magnitude()["images"], DEVIATION) for one in found]


def likeness(ones, others, size=np.abs):
    """Mean rank correlation over the samples; 0 where a map is the same everywhere."""
    found = []
    for pair in zip(ones, others, strict=True):
        one, other = (size(values).ravel() for values in pair)
        constant = min(np.ptp(one), np.ptp(other)) == 0
        found.append(0.0 if constant else spearmanr(one, other).statistic)
    return float(np.mean(found))


def check_lost(method, model, suns, baseline=None):
    trained, drawn = maps(method, model, suns, baseline)
    found = [maps(method, randomised(model, seed), suns, baseline) for seed in SEEDS]
    others = [values for values, _ in found]
    assert np.mean([likeness(trained, other) for other in others]) < SURVIVES
    assert np.mean([likeness(drawn, other) for _, other in found]) < SURVIVES
    if min(values.min() for values in trained) < 0:
        signed = [likeness(trained, other, size=np.asarray) for other in others]
        assert np.mean(signed) < SIGNS_SURVIVE


@pytest.mark.parametrize("method", ON_CONVOLUTIONS)
def test_maps_are_lost_with_the_weights(method, convolutional, known_suns):
    check_lost(method, convolutional, known_suns)


@pytest.mark.parametrize("method", BESIDE_A_BASELINE)
def test_maps_beside_a_median_image_are_lost_too(method, convolutional, known_suns):
    check_lost(method, convolutional, known_suns, known_suns.baseline)


@pytest.mark.parametrize("method", CASCADED)
def test_maps_are_lost_layer_by_layer(method, convolutional, known_suns):
    """The cascade: from the last layer to the first, each in turn with fresh weights."""
    trained, _ = maps(method, convolutional, known_suns)
    kept = [
        likeness(trained, maps(method, randomised(convolutional, 1, count), known_suns)[0])
        for count in range(len(weighted_layers(convolutional)) + 1)
    ]
    assert kept[0] == pytest.approx(1.0)
    assert kept[2] < 0.99
    assert kept[-1] < SURVIVES


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_maps_of_a_transformer_are_lost_with_the_weights(method, transformer, known_suns):
    check_lost(method, transformer, known_suns)


def test_a_drawing_of_the_image_is_caught(convolutional, known_suns, monkeypatch):
    """Edges of the image, which need no network, fool the eye and not this test."""

    def edges(model, sample):
        found = np.abs(ndimage.laplace(sample["images"][0], axes=(0, 1)))
        return Attribution("edges", {"images": found}, 0.0, "relevance")

    monkeypatch.setitem(METHODS, "edges", edges)
    with pytest.raises(AssertionError):
        check_lost("edges", convolutional, known_suns)
