"""The heads: what a network ends with, from zeros to what it learns."""

import json
import types

import keras
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from network_models import experiment, heads, loading
from network_models.layers import forecasts
from software_tests.contracts import assert_layer_contract
from tools import distributions, labels, probability_skill, tools

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
LAYERS = {
    "class": (forecasts.ExceedanceProbabilities, (3,)),
    "quantiles": (lambda **o: forecasts.RisingQuantiles(LEVELS, -5.5, 0.4, **o), (5,)),
    "gaussian": (lambda **o: forecasts.MeanAndDeviation(-5.5, 0.4, **o), (2,)),
}
STARTING_POINT = tools.REPOSITORY / "network_models" / "xray_flux_forecast" / "starting_point"


def settings(**changes):
    fields = {"head": "flux", "thresholds": ("C1.0", "M1.0"), "threshold_scale": "operational"}
    return types.SimpleNamespace(**fields | {"levels": LEVELS} | changes)


def values(layer, numbers):
    return keras.ops.convert_to_numpy(layer(np.float32(numbers)))


@pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS)
def test_layers_keep_the_contract(make, shape):
    assert_layer_contract(make, shape)
    assert values(make(dtype="float32"), np.zeros((1, *shape))).dtype == np.float32


def test_from_zeros_they_are_climatology():
    found = values(LAYERS["quantiles"][0](), np.zeros((1, 5)))[0]
    np.testing.assert_allclose(found, stats.norm.ppf(LEVELS, -5.5, 0.4), rtol=1e-5)
    found = values(LAYERS["gaussian"][0](), np.zeros((1, 2)))[0]
    np.testing.assert_allclose(found, (-5.5, 0.4), rtol=1e-5)


def test_whatever_comes_in_they_are_distributions():
    numbers = np.random.default_rng(1).normal(0, 20, (500, 5))
    assert (np.diff(values(LAYERS["quantiles"][0](), numbers), axis=1) >= 0).all()
    assert (values(LAYERS["gaussian"][0](), numbers[:, :2])[:, 1] > 0).all()
    probability = values(LAYERS["class"][0](), numbers)
    assert (np.diff(probability, axis=1) <= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()


def test_thresholds_name_their_scale():
    # An operational M1.0 is 1e-5 / 0.7 = 1.43e-5 W m-2.
    found = heads.log_thresholds(settings())
    np.testing.assert_allclose(found, np.log10([1e-6 / 0.7, 1e-5 / 0.7]))
    found = heads.log_thresholds(settings(threshold_scale="physical"))
    np.testing.assert_allclose(found, [-6, -5])


class Target:
    """A dataset of which the heads ask only the target's unit and moments."""

    def __init__(self, unit="log10(W / m2)"):
        self.units = {"target": unit}

    def statistics(self, split="train"):
        return {"target": {"mean": np.array([-5.5]), "std": np.array([0.5])}}


@pytest.mark.parametrize("head", ["quantiles", "gaussian", "class"])
def test_a_head_learns_the_distribution_it_was_shown(head):
    """Targets are N(x, 0.3): the forecasts for x = -5 are those of the normal distribution."""
    chance = np.random.default_rng(2)
    keras.utils.set_random_seed(2)
    x = chance.choice([-6.0, -5.0], 4096).astype("float32")
    y = (x + 0.3 * chance.standard_normal(4096)).astype("float32")
    made = heads.make(settings(head=head, threshold_scale="physical"), Target())
    inputs = keras.Input((1,))
    model = keras.Model(inputs, made.output(keras.layers.Rescaling(2.0, 11.0)(inputs)))
    model.compile(keras.optimizers.Adam(0.05), made.loss, weighted_metrics=made.metrics)
    model.fit(x[:, None], y[:, None], batch_size=256, epochs=25, verbose=0)
    found = model.predict(np.float32([[-5.0]]), verbose=0)[0]
    expected = {
        "quantiles": stats.norm.ppf(LEVELS, -5, 0.3),
        "gaussian": (-5, 0.3),
        "class": stats.norm.sf([-6, -5], -5, 0.3),
    }[head]
    np.testing.assert_allclose(found, expected, atol=0.06)


@pytest.mark.parametrize(
    ("changes", "unit", "message"),
    [
        ({"head": "classes"}, "dex", "There is no head 'classes'"),
        ({"head": "class"}, "dex", "'class' does not forecast 'dex'.*log_flux=True"),
        ({"head": "gaussian"}, "W / m2", "'gaussian' does not forecast 'W / m2'"),
        ({"head": "class", "thresholds": ("M1.0", "C1.0")}, heads.LOG_FLUX, "do not rise"),
        ({"head": "class", "thresholds": ()}, heads.LOG_FLUX, "do not rise"),
        ({"head": "class", "thresholds": ("M",)}, heads.LOG_FLUX, "not a GOES flare class"),
        ({"head": "class", "threshold_scale": "old"}, heads.LOG_FLUX, "no scale 'old'"),
        ({"head": "quantiles", "levels": (0.5,)}, "dex", "no levels of quantiles"),
    ],
)
def test_settings_that_do_not_fit(changes, unit, message):
    with pytest.raises(ValueError, match=message):
        heads.make(settings(**changes), Target(unit))


@pytest.mark.parametrize(
    "head", ["class", *(pytest.param(h, marks=pytest.mark.slow) for h in ("quantiles", "gaussian"))]
)
def test_starting_point_trains_with_every_head(head, embedded_sample, tmp_path):
    module = loading.load_module(STARTING_POINT / "network.py")
    (run,) = experiment.run(
        STARTING_POINT / "network.py",
        build_dataset=module.build_dataset,
        build_model=module.build_model,
        evaluators=module.EVALUATORS,
        arguments=["--tiny", f"--head={head}", f"--output={tmp_path}", "--explained_samples=0"],
    )
    scores = json.loads((run / "performance" / "scores.json").read_text())
    name = "brier_M1.0" if head == "class" else "crps"
    table = pd.read_csv(run / "performance" / "predictions.csv")
    learnt = embedded_targets(run)
    table = table[table["split"] == "test"]
    # A mean taken as certain is no match for probabilities: evaluators score the references.
    assert set(scores["test"]) == {"samples", "network"}
    assert np.isfinite(scores["test"]["network"][name])
    columns = [column for column in table if column.startswith("forecast")]
    config = loading.config_from(json.loads((run / "config.json").read_text()), module_config())
    thresholds = heads.log_thresholds(config)
    said = distributions.exceedance(head, table[columns], thresholds, config.levels)
    expected = probability_skill.brier(table["target"] >= thresholds[0], said[:, 0])
    classes = scores["evaluators"]
    if head != "class":  # of a certain forecast the CRPS is the mean absolute error
        error = (table["persistence"] - table["target"]).abs().mean()
        assert classes["test persistence crps"] == pytest.approx(error, rel=1e-4)
        network = scores["test"]["network"]["crps"]
        assert classes["test network crps"] == pytest.approx(network, rel=1e-4)
    if head == "gaussian":
        mean, deviation = learnt.mean(), learnt.std(ddof=0)
        error = crps_of_a_normal(table["target"], mean, deviation)
        assert classes["test climatology crps"] == pytest.approx(error, rel=1e-3)
        skill = 1 - scores["test"]["network"]["crps"] / error
        assert classes["test climatology skill_over_it"] == pytest.approx(skill, abs=1e-3)
    assert classes["test C1.0 network brier"] == pytest.approx(expected, rel=1e-4)
    assert np.isfinite(classes["test C1.0 logistic skill_over_it"])
    assert not any(caveat.startswith("NO LIGHT CURVE") for caveat in scores["caveats"])
    assert isinstance(experiment.load(run), keras.Model)
    assert experiment.load(run, compiled=True).loss is not None


def embedded_targets(run):
    """The targets of the training split, from the labels that the run read."""
    split = pd.read_csv(run / "split.csv", dtype={"id": str})
    ids = split.loc[split["split"] == "train", "id"]
    table = labels.read_labels(tools.data_folder() / "y" / labels.label_file(60, 1440))
    return np.log10(table.loc[ids, "Catch Flux"])


def crps_of_a_normal(observed, mean, deviation):
    """By its definition: the integral of the squared difference of distribution functions."""
    x = np.linspace(mean - 9 * deviation, mean + 9 * deviation, 4001)
    below = stats.norm.cdf(x, mean, deviation)
    steps = (x[None] >= observed.to_numpy()[:, None]).astype(float)
    return np.trapezoid((below - steps) ** 2, x, axis=1).mean()


def module_config():
    return type(loading.load_config(STARTING_POINT).config)
