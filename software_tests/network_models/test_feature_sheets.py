"""Pictures of filters: silent ones, many of them, marks."""

import keras
import numpy as np
import pytest
from keras import layers

from network_models.explanations import feature_figures, features, figures, filter_views
from software_tests.layer_chains import model_of, noise, strongest_views
from software_tests.map_samples import descriptions


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_sheet_says_what_is_silent():
    """A dead filter that some image wakes, and one without weights."""
    silent = keras.initializers.Constant(-100.0)
    for initializer, said in (("zeros", True), ("glorot_uniform", False)):
        layer = layers.Conv2D(
            1, 3, activation="relu", bias_initializer=silent, kernel_initializer=initializer
        )
        model, x = model_of([layer], (8, 8, 2)), {"images": noise(1, 8, 8, 2)}
        about = descriptions(1)
        views, table = strongest_views(model, x, about)
        blocks = filter_views.blocks(views[0], table, x, about, filters=1, steps=2)
        sheet = feature_figures.layer_sheet("conv", 9, blocks, ("SYNTHETIC",))
        assert "the same\neverywhere in\nthe samples" in texts(sheet)
        assert ("no image\nchanges it" in texts(sheet)) == said
    expected = "what excites the filters of conv, which see 3 × 3 pixels: 1 of 9 filters"
    assert sheet.get_suptitle() == f"{expected}  ·  SYNTHETIC"


def test_sheets_hold_many_filters_and_carry_the_marks():
    kernels = noise(70, 3, 3, 2)
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


def test_a_sheet_shows_one_filter_at_least(tmp_path):
    model, x = model_of([layers.Conv2D(1, 3)], (8, 8, 2)), {"images": noise(1, 8, 8, 2)}
    with pytest.raises(ValueError, match="filters of 1 or more"):
        features.write_features(model, x, descriptions(1), tmp_path, filters=0)
