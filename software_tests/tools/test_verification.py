import math

import numpy as np
import pandas as pd
import pytest

from tools import forecast_tables, verification
from tools.probability_skill import brier
from tools.skill import contingency

NAMES = ("network", "climatology")


def samples(year, split, seed, quality=2.0, days=300):
    """A table of daily forecasts of which the network knows something."""
    chance = np.random.default_rng([seed, year, split == "test"])
    target = (chance.random(days) < 0.3).astype(float)
    logit = quality * (target - 0.5) + chance.normal(0, 1, days) - 0.8
    times = np.datetime64(f"{year}-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D")
    network = 1 / (1 + np.exp(-logit))
    return pd.DataFrame(
        {"time": times, "split": split, "target": target, "network": network, "climatology": 0.3}
    )


@pytest.fixture(scope="module")
def parts():
    return [(samples(year - 1, "validation", 1), samples(year, "test", 1)) for year in (2013, 2014)]


def test_each_period_has_the_threshold_of_its_own_validation(parts):
    verified = verification.verify(parts, NAMES)
    for (validation, test), frozen in zip(parts, verified.thresholds, strict=True):
        tss = [
            contingency(validation["target"], validation["network"] >= one).tss
            for one in np.linspace(0, 1, 300)
        ]
        chosen = contingency(validation["target"], validation["network"] >= frozen["network"]).tss
        assert chosen >= max(tss)
        same_year = verified.table["time"].dt.year == test["time"].dt.year.iloc[0]
        expected = (test["network"] >= frozen["network"]).to_numpy()
        np.testing.assert_array_equal(verified.alarms.loc[same_year, "network"], expected)


def test_a_forecast_of_yes_and_no_is_taken_at_its_word(parts):
    """Even one that is wrong each time, of which a chosen threshold would make always or never."""
    (validation, test), _ = parts
    both = [one.assign(wrong=1 - one["target"]) for one in (validation, test)]
    verified = verification.verify([tuple(both)], ("wrong",))
    assert verified.thresholds == ({"wrong": 0.5},)
    assert contingency(test["target"], verified.alarms["wrong"]).tss == -1


def test_thresholds_do_not_move_with_the_test_samples(parts):
    (validation, test), _ = parts
    turned = test.assign(target=1 - test["target"])
    frozen = [verification.verify([(validation, one)], NAMES).thresholds for one in (test, turned)]
    assert frozen[0] == frozen[1]


def test_scores_are_those_of_the_pooled_samples(parts):
    verified = verification.verify(parts, NAMES)
    table = verification.scores(verified, NAMES, "climatology", resamples=50)
    target, said = verified.table["target"], verified.table["network"]
    expected = contingency(target, verified.alarms["network"])
    assert table.loc["network", "tss"].value == expected.tss
    assert table.loc["network", "samples"] == 600
    bss = 1 - brier(target, said) / brier(target, np.full(600, 0.3))
    assert table.loc["network", "bss"].value == pytest.approx(bss)
    assert table.loc["climatology", "bss"].value == 0
    assert table.loc["network", "bss"].low < bss < table.loc["network", "bss"].high
    assert table.loc["network", "bss"].groups == len(
        np.unique(forecast_tables.groups_of(verified.table))
    )


def test_a_better_run_is_better_and_equal_runs_are_equal(parts):
    both = [
        tuple(one.assign(worse=0.5 * one["network"] + 0.15, same=one["network"]) for one in part)
        for part in parts
    ]
    verified = verification.verify(both, ("network", "worse", "same"))
    equal = verification.differences(verified, "network", "same", resamples=50)
    assert {(i.low, i.value, i.high) for i in equal.values()} == {(0.0, 0.0, 0.0)}
    better = verification.differences(verified, "network", "worse", resamples=200)
    assert better["bss"].low > 0
    # The same ranking with other probabilities gives the same alarms.
    assert better["tss"].value == 0


def test_a_subset_without_events_has_no_tss(parts):
    verified = verification.verify(parts, NAMES)
    quiet = verified.subset((verified.table["target"] == 0).to_numpy())
    table = verification.scores(quiet, ("network",), 0.3, resamples=50)
    assert math.isnan(table.loc["network", "tss"].value)
    assert table.loc["network", "events"] == 0
    assert table.loc["network", "far"] == 1  # every alarm is false


def test_too_few_blocks_give_the_number_without_an_interval(parts):
    verified = verification.verify(parts, NAMES)
    short = verified.subset(np.arange(600) < 60)
    interval = verification.scores(short, ("network",), 0.3).loc["network", "tss"]
    assert np.isfinite(interval.value)
    assert math.isnan(interval.low)


def test_bad_input(parts):
    test = parts[0][1]
    with pytest.raises(ValueError, match=r"chosen on validation.*\['test'\]"):
        verification.verify([(test, test)], NAMES)
    with pytest.raises(ValueError, match=r"\['logistic'\] are not in the table"):
        verification.verify(parts, ("network", "logistic"))
    with pytest.raises(ValueError, match=r"\['linear'\] are not in the table"):
        verification.scores(verification.verify(parts, NAMES), NAMES, "linear")


def test_a_forecast_that_is_missing_is_no_alarm_that_was_not_given(parts):
    (validation, test), _ = parts
    missing = test.copy()
    missing.loc[[3, 4], "network"] = np.nan
    with pytest.raises(ValueError, match=r"2 forecasts are NaN.*'network'"):
        verification.verify([(validation, missing)], NAMES)
    # Where the outcome is unknown, or counts for nothing, none is needed.
    verification.verify([(validation, missing.assign(weight=1.0 * (missing.index > 4)))], NAMES)
    missing.loc[[3, 4], "target"] = np.nan
    verification.verify([(validation, missing)], NAMES)


def test_a_validation_period_without_events_sets_no_threshold(parts):
    """What alarms tell is undefined in its test year, and of the other years all together."""
    (validation, test), other = parts
    quiet = (validation.assign(target=0.0), test)
    pooled = verification.verify([quiet, other], NAMES)
    assert math.isnan(pooled.thresholds[0]["network"])
    assert pooled.years_without_threshold("network") == [2013]
    found = verification.scores(pooled, NAMES, 0.3, resamples=50)
    alone = verification.scores(verification.verify([other], NAMES), NAMES, 0.3, resamples=50)
    assert found.loc["network", "years_without_threshold"] == "2013"
    assert alone.loc["network", "years_without_threshold"] == ""
    for name in ("tss", "hss"):
        assert found.loc["network", name].value == alone.loc["network", name].value
    assert found.loc["network", "samples"] == 600
    whole = verification.verify(parts, NAMES)
    everywhere = verification.scores(whole, NAMES, 0.3, resamples=50)
    assert found.loc["network", "brier"] == everywhere.loc["network", "brier"]
    assert found.loc["network", "bss"] == everywhere.loc["network", "bss"]
    year = pooled.subset((pooled.table["time"].dt.year == 2013).to_numpy())
    row = verification.scores(year, NAMES, 0.3, resamples=50).loc["network"]
    assert [math.isnan(row[name].value) for name in ("tss", "hss", "bss")] == [True, True, False]
    assert math.isnan(row["false_alarms"])
    assert math.isnan(row["pod"])


def test_differences_leave_out_years_without_a_threshold(parts):
    (validation, test), other = (
        tuple(one.assign(word=np.roll(one["target"], 1)) for one in part) for part in parts
    )
    names = ("network", "word")
    pooled = verification.verify([(validation.assign(target=0.0), test), other], names)
    assert pooled.thresholds[0]["word"] == 0.5  # yes and no need none
    found, alone = (
        verification.differences(one, *names, resamples=20)
        for one in (pooled, verification.verify([other], names))
    )
    assert found["tss"].value == alone["tss"].value
    assert found["bss"].value != alone["bss"].value


def test_a_weight_of_two_is_a_sample_that_is_there_twice(parts):
    chance = np.random.default_rng(3)
    (validation, test), _ = (
        tuple(one.assign(weight=chance.integers(0, 3, len(one)).astype(float)) for one in part)
        for part in parts
    )
    weighted = verification.verify([(validation, test)], NAMES)
    repeated = [one.loc[one.index.repeat(one["weight"].astype(int))] for one in (validation, test)]
    unweighted = verification.verify([tuple(one.drop(columns="weight") for one in repeated)], NAMES)
    assert weighted.thresholds == unweighted.thresholds
    found, expected = (
        verification.scores(one, NAMES, "climatology", resamples=20).loc["network"]
        for one in (weighted, unweighted)
    )
    assert found["samples"] == (test["weight"] > 0).sum()
    for name in ("tss", "hss", "bss"):
        assert found[name].value == pytest.approx(expected[name].value)
    for name in ("brier", "reliability", "roc_area", "bias", "pod", "far", "false_alarms"):
        assert found[name] == pytest.approx(expected[name])
    assert forecast_tables.mean_target(test) == pytest.approx(repeated[1]["target"].mean())
    paired = [verification.differences(one, *NAMES, resamples=20) for one in (weighted, unweighted)]
    for name in ("tss", "hss", "bss"):
        assert paired[0][name].value == pytest.approx(paired[1][name].value)


def test_groups_are_27_days_unless_the_table_says(parts):
    (validation, test), _ = parts
    days = test.assign(group=test["time"].dt.floor("D"))
    found = verification.scores(
        verification.verify([(validation, days)], NAMES), NAMES, 0.3, resamples=20
    )
    assert found.loc["network", "tss"].groups == 300
