"""Classes of samples, t-SNE, and what the pictures of an embedding show."""

import numpy as np
import pandas as pd
import pytest

from network_models.explanations import embedding_figures, projections
from network_models.explanations.sample_classes import classes

LOG_FLUX, FLUX = "log10(W / m2)", "W / m2"


def table_of(target, unit, years=(2011, 2014)):
    count = len(target)
    times = [np.datetime64(f"{years[i % len(years)]}-06-01") for i in range(count)]
    split = ["validation"] * (count // 2) + ["test"] * (count - count // 2)
    return pd.DataFrame(
        {"time": pd.to_datetime(times), "split": split, "class": classes(target, unit)}
    )


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


# Classes


def test_fluxes_have_goes_classes():
    # C1.0 is 1e-6 W m-2, and so on by factors of ten; a class begins at its 1.0.
    log_flux = [-7.01, -7.0, -6.0, -5.01, -5.0, -4.0, -2.5]
    expected = ["A", "B", "C", "C", "M", "X", "X"]
    assert classes(log_flux, LOG_FLUX).tolist() == expected
    flux = [0.0, 9.9e-8, 1.1e-7, 2e-6, 1.1e-5, 3e-4]
    assert classes(flux, FLUX).tolist() == ["A", "A", "B", "C", "M", "X"]
    assert classes(flux, FLUX).categories.tolist() == list("ABCMX")


def test_unknown_is_a_class_that_comes_last():
    found = classes([np.nan, -5.5, np.nan], LOG_FLUX)
    assert found.tolist() == ["unknown", "C", "unknown"]
    assert found.categories.tolist() == [*"ABCMX", "unknown"]
    assert classes([np.nan, np.nan]).tolist() == ["unknown"] * 2


def test_other_targets_are_their_values_or_quarters():
    assert classes([2.0, 0.0, 0.0, np.nan]).tolist() == ["2", "0", "0", "unknown"]
    found = classes(np.arange(9.0), "dex")  # the quartiles of 0 to 8 are 0, 2, 4, 6, 8
    assert found.categories.tolist() == ["0 to 2", "2 to 4", "4 to 6", "6 to 8"]
    assert np.bincount(found.codes).tolist() == [2, 2, 2, 3]
    close = classes(1 + np.arange(9) * 1e-9)
    assert len(set(close.categories)) == 4


def test_quarters_of_a_target_that_is_mostly_one_value():
    found = classes(np.repeat([0.0, 1, 2, 3, 4, 5, 6], [50, 1, 1, 1, 1, 1, 1]))
    assert found.categories.tolist() == ["0 to 6"]


# t-SNE


def test_stochastic_neighbours_keep_groups_together():
    generator = np.random.default_rng(2)
    group = np.repeat([0, 1, 2], 20)
    vectors = generator.normal(size=(60, 70)) + 30 * np.eye(3, 70)[group]
    vectors[7] = np.nan
    positions = projections.stochastic_neighbours(vectors)
    assert np.isnan(positions[7]).all()
    known = np.arange(60) != 7
    apart = np.linalg.norm(positions[known][:, None] - positions[known][None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    assert (group[known][apart.argmin(axis=1)] == group[known]).all()
    np.testing.assert_array_equal(positions, projections.stochastic_neighbours(vectors))


@pytest.mark.parametrize(
    "vectors",
    [np.ones((50, 4)), np.arange(11.0)[:, None] * [1, 2], np.arange(50.0)[:, None]],
    ids=["all alike", "eleven samples", "one unit"],
)
def test_too_little_for_stochastic_neighbours(vectors):
    assert projections.stochastic_neighbours(vectors) is None
    table = table_of(np.linspace(-7, -4, len(vectors)), LOG_FLUX)
    assert embedding_figures.tsne_figure(table, vectors) is None


def test_of_many_samples_evenly_spaced_ones_are_taken(monkeypatch):
    monkeypatch.setattr(projections, "LARGEST", 20)
    positions = projections.stochastic_neighbours(np.random.default_rng(1).normal(size=(50, 3)))
    taken = np.flatnonzero(np.isfinite(positions[:, 0]))
    assert taken.tolist() == list(range(0, 50, 3))  # every third: at most 20


# Figures


def test_the_legends_count_classes_years_and_splits():
    vectors = np.random.default_rng(1).normal(size=(20, 5))
    table = table_of([*np.linspace(-6.5, -5.5, 18), -4.5, np.nan], LOG_FLUX)
    for figure in (
        embedding_figures.pca_figure(table, vectors, ("SYNTHETIC",)),
        embedding_figures.tsne_figure(table, vectors, ("SYNTHETIC",)),
    ):
        by_class, by_year = figure.axes
        # -6.5 to -5.5 in 17 steps: nine below -6.
        expected = ["A (0)", "B (9)", "C (9)", "M (1)", "X (0)", "unknown (1)"]
        assert legend(by_class) == [*expected, "validation (10)", "test (10)"]
        assert legend(by_year) == ["2011 (10)", "2014 (10)", "validation (10)", "test (10)"]
        for axes in (by_class, by_year):
            assert "SYNTHETIC" in [text.get_text() for text in axes.texts]
            assert sum(len(points.get_offsets()) for points in axes.collections) == 20


def test_points_have_the_colour_of_their_class():
    target = [-6.5, -4.5, np.nan]
    table = table_of(target, LOG_FLUX)
    vectors = np.array([[0.0, 0], [1, 0], [3, 0]])
    figure = embedding_figures.pca_figure(table, vectors)
    drawn = {}
    for points in figure.axes[0].collections:
        for place, colour in zip(points.get_offsets(), points.get_facecolors(), strict=True):
            drawn[round(float(abs(place[0])), 3)] = tuple(np.round(colour, 3))
    handles = figure.axes[0].get_legend().legend_handles
    legend_colour = {
        text: tuple(np.round(handle.get_color(), 3))
        for text, handle in zip(legend(figure.axes[0]), handles, strict=True)
        if "(" in text and not isinstance(handle.get_color(), str)
    }
    # Deviations from the mean 4/3: 4/3, 1/3 and 5/3.
    assert drawn[1.333] == legend_colour["B (1)"]
    assert drawn[0.333] == legend_colour["M (1)"]
    assert drawn[1.667] == legend_colour["unknown (1)"]
    assert len(set(drawn.values())) == 3
