import math

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from tools import flux_verification
from tools.intervals import Interval

NAMES = ("network", "persistence", "climatology")


def samples(year, days=300):
    chance = np.random.default_rng(year)
    target = chance.normal(-6, 0.5, days)
    times = np.datetime64(f"{year}-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D")
    network = target + chance.normal(0.1, 0.3, days)
    persistence = target + chance.normal(0, 0.4, days)
    columns = {"target": target, "network": network, "persistence": persistence}
    return pd.DataFrame({"time": times, **columns, "climatology": -6.0})


@pytest.fixture(scope="module")
def verified():
    return flux_verification.verify([(samples(2012), samples(y)) for y in (2013, 2014)], NAMES)


def test_scores_are_those_of_scikit_learn(verified):
    assert len(verified.table) == 600
    found = flux_verification.scores(verified, NAMES, "climatology", resamples=50)
    target = verified.table["target"]
    for name in NAMES:
        said = verified.table[name]
        row = found.loc[name]
        assert row["rmse"].value == pytest.approx(metrics.root_mean_squared_error(target, said))
        assert row["mae"] == pytest.approx(metrics.mean_absolute_error(target, said))
        assert row["bias"] == pytest.approx((said - target).mean())
        # R2 is the skill over the mean of the targets; over another constant it is corrected.
        mean = 1 - metrics.r2_score(target, said)
        constant = 1 - metrics.r2_score(target, verified.table["climatology"])
        assert row["skill"].value == pytest.approx(1 - mean / constant)
    assert found.loc["climatology", "skill"].value == 0
    assert math.isnan(found.loc["climatology", "correlation"])
    assert found.loc["network", "rmse"].low < found.loc["network", "rmse"].value


def test_a_better_forecast_wins_beyond_its_interval(verified):
    found = flux_verification.differences(verified, "network", "persistence", resamples=200)
    assert found["rmse"].high < 0
    assert found["skill"].low > 0
    same = flux_verification.differences(verified, "network", "network", resamples=20)
    assert same["rmse"] == Interval(0, 0, 0, 0.95, same["rmse"].groups, 0)


def test_unknown_targets_count_for_nothing(verified):
    table = verified.table.copy()
    table.loc[::2, "target"] = np.nan
    half = flux_verification.Verified(table)
    whole = half.subset(np.arange(600) % 2 == 1)
    found, other = (
        flux_verification.scores(one, ("network",), "climatology", resamples=20)
        for one in (half, whole)
    )
    assert found.loc["network", "samples"] == 300
    assert found.loc["network", "skill"].value == other.loc["network", "skill"].value


def test_a_part_without_samples_is_undefined(verified):
    empty = verified.subset(np.zeros(600, bool))
    row = flux_verification.scores(empty, ("network",), -6.0).loc["network"]
    assert row["samples"] == 0
    assert math.isnan(row["rmse"].value)
    assert math.isnan(flux_verification.skill(*np.full((3, 1), np.nan)))


def test_a_weight_of_two_is_a_sample_that_is_there_twice(verified):
    weight = np.random.default_rng(3).integers(0, 3, 600)
    weighted = flux_verification.Verified(verified.table.assign(weight=weight.astype(float)))
    repeated = flux_verification.Verified(verified.table.loc[np.repeat(np.arange(600), weight)])
    found, expected = (
        flux_verification.scores(one, NAMES, "climatology", resamples=20).loc["network"]
        for one in (weighted, repeated)
    )
    for name in ("rmse", "skill"):
        assert found[name].value == pytest.approx(expected[name].value)
    assert found["mae"] == pytest.approx(expected["mae"])
    paired = [
        flux_verification.differences(one, "network", "persistence", resamples=20)
        for one in (weighted, repeated)
    ]
    for name in ("rmse", "skill"):
        assert paired[0][name].value == pytest.approx(paired[1][name].value)


def test_a_forecast_that_is_missing_is_refused():
    missing = samples(2013)
    missing.loc[5, "persistence"] = np.nan
    with pytest.raises(ValueError, match=r"1 forecasts are NaN.*'persistence'"):
        flux_verification.verify([(samples(2012), missing)], NAMES)
    observed = np.array([1.0, 2.0, np.nan])
    assert math.isnan(flux_verification.skill(observed, observed * np.nan, np.zeros(3)))


def test_a_forecast_without_a_column_is_refused():
    with pytest.raises(ValueError, match=r"\['linear'\] are not in the table"):
        flux_verification.verify([(samples(2012), samples(2013))], ("linear",))
