"""Which number of a network's output is explained, by number and by name."""

import types

import keras
import numpy as np
import pytest
from keras import layers

from network_models.explanations import output_numbers
from network_models.explanations.gradients import input_gradient
from software_tests.map_samples import images


def several(structure):
    """A network of outputs with 3, 1 and 2 numbers (the last of images, by channels)."""
    entry = keras.Input((4, 4, 2), name="images")
    flat = layers.Flatten()(entry)
    outputs = layers.Dense(3)(flat), layers.Dense(1)(flat), layers.Conv2D(2, 3)(entry)
    return keras.Model({"images": entry}, structure(outputs))


def as_dict(outputs):
    return dict(zip(("a", "b", "c"), outputs, strict=True))


@pytest.mark.parametrize("structure", [as_dict, list], ids=["dict", "list"])
def test_numbers_of_several_outputs_follow_each_other(structure):
    model, x = several(structure), {"images": images(2, 4, 4, 2)}
    one, two, three = map(np.asarray, keras.tree.flatten(model(x)))
    wanted = np.concatenate([one, two, three.mean(axis=(1, 2))], axis=1)
    found = [output_numbers.output_number(model, x, number) for number in range(6)]
    np.testing.assert_allclose(np.stack(found, axis=1), wanted, rtol=1e-6)
    # The gradient of a dense column is its kernel.
    kernel = np.asarray([one for one in model.layers if isinstance(one, layers.Dense)][1].kernel)
    gradient = input_gradient(model, x, output=3)["images"]
    np.testing.assert_allclose(gradient[0].ravel(), kernel[:, 0], rtol=1e-5)
    with pytest.raises(
        IndexError, match=r"no output number 6\. Expected 0 to 5, counted through the outputs of "
    ):
        output_numbers.output_number(model, x, 6)
    with pytest.raises(IndexError, match=r"no output number -1"):
        output_numbers.output_number(model, x, -1)


def test_names_of_several_outputs_are_their_own():
    x = {"images": images(1, 4, 4, 2)}
    named = ["a 0", "a 1", "a 2", "b", "c 0", "c 1"]
    assert output_numbers.names(several(as_dict), x, ("C", "M", "X")) == named
    assert output_numbers.names(several(list), x)[2:4] == ["output 0 2", "output 1"]


def test_names_of_columns_are_those_of_the_head():
    entry = keras.Input((4,), name="fluxes")
    model = keras.Model({"fluxes": entry}, layers.Dense(3)(entry))
    x = {"fluxes": images(1, 4)}
    assert output_numbers.names(model, x, ("C1.0", "M1.0", "X1.0")) == ["C1.0", "M1.0", "X1.0"]
    # Another number of columns: they are not those of this head.
    assert output_numbers.names(model, x, ("mean",)) == ["output 0", "output 1", "output 2"]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"head": "class", "thresholds": ("C1.0", "M5.0")}, ("C1.0", "M5.0")),
        ({"head": "quantiles", "levels": (0.05, 0.5)}, ("0.05", "0.5")),
        ({"head": "gaussian"}, ("mean", "deviation")),
        ({"head": "flux"}, ()),
        ({}, ()),
    ],
)
def test_a_config_names_the_columns_of_its_head(settings, names):
    assert output_numbers.column_names(types.SimpleNamespace(**settings)) == names


def test_outputs_are_found_by_number_and_name():
    known = ["C1.0", "M1.0", "X1.0"]
    assert [output_numbers.find(one, known) for one in ("0", "m1.0", "X1.0")] == [0, 1, 2]
    with pytest.raises(ValueError, match=r"no 'X1'\..*0 \(C1.0\), 1 \(M1.0\).*mean X1.0\?"):
        output_numbers.find("X1", known)
    with pytest.raises(ValueError, match=r"11 \(output 11\) and 88 more\. Received: 100\."):
        output_numbers.find("100", [f"output {number}" for number in range(100)])
