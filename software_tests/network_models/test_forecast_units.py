"""Which unit the maps of a network's forecast are in."""

import keras
import numpy as np
import pytest
from astropy.io import fits
from keras import layers

from network_models.explanations import forecast_units, maps
from network_models.layers.forecasts import (
    ExceedanceProbabilities,
    MeanAndDeviation,
    RisingQuantiles,
)
from software_tests.map_samples import GRADIENT, UNITS, described, images, linear_model


def headed(last, columns):
    """A linear network of several outputs, `last` at its end."""
    entry = keras.Input((6, 6, 2), name="images")
    found = layers.Dense(columns)(layers.Flatten()(entry))
    return keras.Model({"images": entry}, last(found) if last else found)


@pytest.mark.parametrize(
    ("last", "columns", "unit"),
    [
        (ExceedanceProbabilities(), 1, "probability"),  # even where it is one number
        (ExceedanceProbabilities(), 3, "probability"),
        (RisingQuantiles((0.1, 0.5, 0.9)), 3, "log10(W / m2)"),
        (MeanAndDeviation(), 2, "log10(W / m2)"),
        (None, 2, ""),
    ],
)
def test_only_a_forecast_of_the_target_has_its_unit_and_stands_beside_it(last, columns, unit):
    sample, about = {"images": images(1, 6, 6, 2)}, [described()]
    found, units = forecast_units.compared(headed(last, columns), sample, about, UNITS)
    assert units == {"images": "DN / s", "target": unit}
    assert found[0]["labels"] == {}
    assert about == [described()]


def test_a_forecast_of_the_target_keeps_its_unit():
    model, sample = linear_model(np.ones((6, 6, 2), "float32")), {"images": images(1, 6, 6, 2)}
    assert forecast_units.compared(model, sample, [described()], UNITS) == ([described()], UNITS)


def test_maps_of_probabilities_say_so(tmp_path):
    model, sample = headed(ExceedanceProbabilities(), 2), {"images": images(1, 6, 6, 2)}
    maps.write_maps(model, sample, [described()], tmp_path, UNITS, **GRADIENT)
    header = fits.getheader(tmp_path / "20140101_0000_94_gradient.fits")
    assert header["CONTENT"] == "d forecast / d image, probability / (DN / s)"
    assert header.comments["FORECAST"] == "probability"
    assert "TARGET" not in header


def test_several_outputs_have_no_unit_of_the_target():
    entry = keras.Input((6, 6, 2), name="images")
    flat = layers.Flatten()(entry)
    probabilities = ExceedanceProbabilities()(layers.Dense(2)(flat))
    model = keras.Model({"images": entry}, [layers.Dense(1)(flat), probabilities])
    sample = {"images": images(1, 6, 6, 2)}
    found, units = forecast_units.compared(model, sample, [described()], UNITS)
    assert units == {"images": "DN / s", "target": ""}
    assert found[0]["labels"] == {}
