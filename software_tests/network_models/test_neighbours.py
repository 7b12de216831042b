"""Nearest samples against a brute-force twin, and the sheets that show them."""

import numpy as np
import pandas as pd
import pytest

from network_models.explanations import neighbours
from network_models.explanations.sample_classes import classes

COUNT = 40


@pytest.fixture
def table():
    """Forty samples, one each 12 h, the first half of them for validation."""
    times = pd.date_range("2014-01-01", periods=COUNT, freq="12h")
    target = np.linspace(-7, -4, COUNT)
    vectors = np.random.default_rng(5).normal(size=(COUNT, 3)) * (1, 100, 1) + (0, 0, 7)
    common = {
        "id": times.strftime("%Y%m%d_%H%M"),
        "time": times,
        "split": np.repeat(["validation", "test"], COUNT // 2),
        "class": classes(target, "log10(W / m2)"),
        "target": target,
        "forecast": target + 0.1,
        "marks": "",
    }
    return pd.DataFrame(common | {f"activation_{i}": vectors[:, i] for i in range(3)})


def pictures(count=COUNT):
    return [np.full((16, 16, 3), i, "uint8") for i in range(count)]


def by_hand(table, row, metric):
    """Distances of all samples to one, after each activation has mean 0 and deviation 1."""
    vectors = neighbours.activations(table)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    if metric == "euclidean":
        return np.sqrt(((vectors - vectors[row]) ** 2).sum(axis=1))
    lengths = np.sqrt((vectors**2).sum(axis=1))
    return 1 - vectors @ vectors[row] / lengths / lengths[row]


@pytest.mark.parametrize("metric", neighbours.METRICS)
def test_the_nearest_are_those_of_brute_force(table, metric):
    found = neighbours.nearest(table, "20140104_1200", count=5, metric=metric)
    distances = by_hand(table, 7, metric)
    expected = np.argsort(distances)[1:6]  # the first is the sample itself
    assert found["row"].tolist() == [7, *expected]
    assert found["rank"].tolist() == list(range(6))
    np.testing.assert_allclose(found["distance"][1:], distances[expected], rtol=1e-9)
    assert found["distance"][0] == 0
    assert found["id"].tolist() == table["id"].iloc[found["row"]].tolist()
    assert found["index"].tolist() == [row % 20 for row in found["row"]]  # of its own split
    assert list(found.columns[:8]) == ["rank", "distance", *neighbours.KEPT]


def test_samples_near_in_time_can_be_left_out(table):
    found = neighbours.nearest(table, "20140104_1200", count=100, apart_days=5)
    days = np.abs(found["time"] - found["time"][0]) / pd.Timedelta("1D")
    assert (days[1:] >= 5).all()
    assert len(found) == 1 + COUNT - 7 - 10  # itself; from 5 days after on, and none before


def test_a_constant_activation_and_missing_ones(table):
    table["activation_0"] = 3.0
    table.loc[4, "activation_1"] = np.nan
    found = neighbours.nearest(table, "20140101_0000", count=100)
    assert 4 not in found["row"].tolist()
    assert len(found) == COUNT - 1
    assert np.isfinite(found["distance"]).all()


def test_twins_of_equal_activations_do_not_hide_the_sample(table):
    columns = [name for name in table if name.startswith("activation_")]
    table.loc[[3, 4, 5], columns] = 1.0
    found = neighbours.nearest(table, table["id"][4], count=2)
    assert found["row"][0] == 4
    assert set(found["row"][1:]) == {3, 5}


def test_a_sheet_has_a_picture_for_each(table):
    found = [neighbours.nearest(table, name, count=3) for name in table["id"][:2]]
    figure = neighbours.neighbour_sheet(found, pictures(), "title", ("SYNTHETIC",))
    assert figure.get_suptitle() == "title"
    assert len(figure.axes) == 2 * 4
    shown = [int(axes.images[0].get_array()[0, 0, 0]) for axes in figure.axes]
    assert shown == [*found[0]["row"], *found[1]["row"]]
    assert figure.axes[0].get_title() == "2014-01-01 00:00\nB\n"  # B1.0 at the lowest
    second = found[0].iloc[1]
    assert figure.axes[1].get_title().endswith(f"{second['class']}\ndistance {second.distance:.2f}")
    assert figure.axes[3].texts[0].get_text() == "SYNTHETIC"


def test_an_overview_goes_from_the_lowest_target_to_the_highest(table):
    table["target"] = table["target"][::-1].to_numpy()
    figure = neighbours.overview(table, neighbours.activations(table), pictures())
    shown = [int(axes.images[0].get_array()[0, 0, 0]) for axes in figure.axes[::8]]
    assert shown == [39, 26, 13, 0]
    assert "1.9 days or more apart" in figure.get_suptitle()  # a tenth of 19.5 days


def test_an_overview_of_too_little(table):
    vectors = neighbours.activations(table)
    assert neighbours.overview(table, vectors, []) is None
    assert neighbours.overview(table[:2], vectors[:2], pictures(2)) is None
    assert neighbours.overview(table[:3], vectors[:3], pictures(3)) is not None


@pytest.mark.parametrize(
    ("id", "message"),
    [
        ("20140104_1303", "no sample '20140104_1303'.*nearest is '20140104_1200', of 2014-01-04"),
        ("2014-01-10T01:00Z", "the 40 ids.*nearest is '20140110_0000', of 2014-01-10 00:00 UTC"),
        ("20140104-12", "nearest is '20140104_1200'"),
        ("1999-01-01", "nearest is '20140101_0000'"),
    ],
)
def test_an_unknown_sample_is_answered_with_the_nearest(table, id, message):
    with pytest.raises(ValueError, match=message):
        neighbours.nearest(table, id)


def test_requests_that_cannot_be_met(table):
    name = table["id"][0]
    with pytest.raises(ValueError, match=r"'cosine', 'euclidean'.*metric='manhattan'"):
        neighbours.nearest(table, name, metric="manhattan")
    with pytest.raises(ValueError, match=r"1 or more. Received: count=0"):
        neighbours.nearest(table, name, count=0)
    with pytest.raises(ValueError, match=r"No other sample is 100 days.*Lower apart_days"):
        neighbours.nearest(table, name, apart_days=100)
    table.loc[0, "activation_2"] = np.nan
    with pytest.raises(ValueError, match="are not finite, so nothing is near"):
        neighbours.nearest(table, name)
