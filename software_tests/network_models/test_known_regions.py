"""Every method points at the regions, and the channels, that are known to hold the signal."""

import functools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from network_models.explanations.methods import METHODS, explain

SIGNAL = 2  # channels with signal; they come first
OF_CHANNELS = ("gradient", "smooth_gradient", "integrated_gradients", "occlusion")


def explained(model, suns, method, compared, layer=None):
    """(mask, attribution) of every Sun, compared with the "mean" or the "median"."""
    options = {"scale": 1.0, "layer": layer}
    options["baseline"] = suns.baseline if compared == "median" else None
    samples = [{"images": image[None]} for image in suns.images]
    return [
        (mask, explain(method, model, sample, **options))
        for sample, mask in zip(samples, suns.masks, strict=True)
    ]


@pytest.fixture(scope="module")
def of_convolutions(convolutional, known_suns):
    return functools.cache(functools.partial(explained, convolutional, known_suns))


@pytest.fixture(scope="module")
def of_transformer(transformer, known_suns):
    return functools.cache(functools.partial(explained, transformer, known_suns))


def roc_area(found):
    """Mean over the Suns; of all channels together where the method does not tell them apart."""
    areas = []
    for mask, attribution in found:
        magnitude = attribution.magnitude()["images"]
        if magnitude.shape[-1] == 1:
            mask = mask.any(axis=-1, keepdims=True)
        areas.append(roc_auc_score(mask.ravel(), magnitude.ravel()))
    return np.mean(areas)


@pytest.mark.parametrize("method", OF_CHANNELS)
def test_maps_point_at_the_regions(method, of_convolutions):
    assert roc_area(of_convolutions(method, "median")) >= 0.9


def test_grad_cam_points_at_the_regions_where_planes_are_fine_enough(of_convolutions):
    """Planes of half as many pixels see regions of a few pixels no more sharply than this."""
    assert roc_area(of_convolutions("grad_cam", "median", "first_convolution")) >= 0.85
    assert roc_area(of_convolutions("grad_cam", "median")) >= 0.75


def test_the_median_image_is_the_better_baseline(of_convolutions):
    """Against the mean, the dark sky differs everywhere from the baseline, and is pointed at."""
    for method in ("integrated_gradients", "occlusion"):
        areas = [roc_area(of_convolutions(method, compared)) for compared in ("mean", "median")]
        assert areas[1] > areas[0] + 0.03, method


@pytest.mark.parametrize("compared", ["mean", "median"])
@pytest.mark.parametrize("method", OF_CHANNELS)
def test_the_attribution_lies_on_signal_channels(method, compared, of_convolutions):
    shares = [
        found.share_of_channels()["images"][:SIGNAL].sum()
        for _, found in of_convolutions(method, compared)
    ]
    assert np.mean(shares) >= 0.9


@pytest.mark.parametrize("method", OF_CHANNELS)
def test_pixel_by_pixel_too_it_lies_on_signal_channels(method, of_convolutions):
    """|value| of every pixel, so that what noise adds in one is not taken back in another."""
    parts = []
    for _, found in of_convolutions(method, "mean"):
        magnitude = found.magnitude()["images"]
        parts.append(magnitude[..., :SIGNAL].sum() / magnitude.sum())
    assert np.mean(parts) >= 0.9


def test_integrated_gradients_converge(of_convolutions):
    found = [attribution for _, attribution in of_convolutions("integrated_gradients", "median")]
    assert all(one.converged and one.steps <= 128 for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("method", OF_CHANNELS)
def test_maps_of_a_transformer_point_at_the_regions(method, of_transformer):
    assert roc_area(of_transformer(method, "median")) >= 0.9


@pytest.mark.slow
def test_rollout_points_at_the_regions_as_sharply_as_its_tokens(of_transformer):
    """Tokens are 4 x 4 pixels: those a quarter full of regions against the others."""
    found, areas = of_transformer("attention_rollout", "mean"), []
    for mask, attribution in found:
        full, seen = (
            plane.reshape(8, 4, 8, 4).mean(axis=(1, 3)).ravel()
            for plane in (mask.any(axis=-1), attribution.values["images"][..., 0])
        )
        if full.max() > 0.25:
            areas.append(roc_auc_score(full > 0.25, seen))
    assert len(areas) >= 3
    assert np.mean(areas) >= 0.9
    assert roc_area(found) >= 0.8


def test_every_method_is_tested_here():
    assert set(METHODS) == {*OF_CHANNELS, "grad_cam", "attention_rollout"}
