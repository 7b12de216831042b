import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tools import intervals
from tools.skill import contingency


def test_single_samples_give_scipys_interval():
    values = np.random.default_rng(1).normal(3, 1, 200)
    found = intervals.bootstrap(lambda i: values[i].mean(), np.arange(200), resamples=4000)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", rng=2).confidence_interval
    assert found.value == pytest.approx(values.mean())
    # The ends are quantiles of 4000 and 9999 draws: they scatter by a few per cent of the width.
    assert (found.low, found.high) == pytest.approx(theirs, abs=0.03)


def test_groups_that_share_their_samples_widen_the_interval():
    """20 groups of 30 equal samples know as much as 20 samples: the root of 30 wider."""
    groups = np.repeat(np.arange(20), 30)
    values = np.random.default_rng(4).normal(0, 1, 20)[groups]
    whole = intervals.bootstrap(lambda i: values[i].mean(), groups)
    single = intervals.bootstrap(lambda i: values[i].mean(), np.arange(600))
    ratio = (whole.high - whole.low) / (single.high - single.low)
    assert ratio == pytest.approx(math.sqrt(30), rel=0.15)
    assert whole.groups == 20


def test_intervals_hold_the_truth_as_often_as_they_say():
    chance, held = np.random.default_rng(6), 0
    for _ in range(200):
        values = chance.normal(0, 1, 60)
        found = intervals.bootstrap(
            lambda i, v=values: v[i].mean(), np.arange(60), resamples=300, level=0.9
        )
        held += found.low <= 0 <= found.high
    # Of 200 at 0.9 some 180 +- 4.2; percentile intervals of 60 samples hold a little less.
    assert 164 <= held <= 194


def test_equal_runs_differ_by_nothing_and_seeds_are_kept():
    chance = np.random.default_rng(8)
    observed, forecast = chance.random(100) < 0.3, chance.random(100) < 0.3

    def difference(i):
        tss = contingency(observed[i], forecast[i]).tss
        return tss - tss

    found = intervals.bootstrap(difference, np.arange(100) // 5)
    assert (found.value, found.low, found.high) == (0, 0, 0)
    score = lambda i: contingency(observed[i], forecast[i]).tss  # noqa: E731
    first, second = (intervals.bootstrap(score, np.arange(100) // 5, seed=3) for _ in range(2))
    assert first == second
    assert first != intervals.bootstrap(score, np.arange(100) // 5, seed=4)


def test_blocks_of_one_outcome_are_counted_as_undefined():
    """One event in one of six blocks: (5/6)^6 = 0.335 of all draws miss it."""
    observed = np.zeros(60)
    observed[0] = 1
    found = intervals.bootstrap(
        lambda i: contingency(observed[i], observed[i]).tss, np.arange(60) // 10, resamples=3000
    )
    assert found.undefined == pytest.approx((5 / 6) ** 6, abs=0.03)
    assert (found.low, found.high) == (1, 1)


def test_a_score_that_is_never_defined_has_no_interval():
    found = intervals.bootstrap(lambda i: math.nan, np.arange(9))
    assert found.undefined == 1
    assert math.isnan(found.low)


def test_an_interval_reads_well():
    text = str(intervals.bootstrap(lambda i: float(len(i)), np.arange(10)))
    assert text == "10.000 [10.000, 10.000]"


def test_too_few_groups():
    with pytest.raises(ValueError, match=r"There are 2 groups.*at least 5"):
        intervals.bootstrap(lambda i: 0.0, np.repeat([1, 2], 50))


def test_an_undefined_number_says_so():
    assert str(intervals.Interval(math.nan, math.nan, math.nan, 0.95, 3, 1.0)) == "undefined"
    assert str(intervals.Interval(0.25, math.nan, math.nan, 0.95, 3, 0.0)) == "0.250"
    assert str(intervals.Interval(0.25, 0.1, 0.4, 0.95, 9, 0.0)) == "0.250 [0.100, 0.400]"


def test_a_table_of_intervals_as_numbers():
    cells = [
        intervals.Interval(0.25, 0.1, 0.4, 0.95, 9, 0.5),
        intervals.Interval(1, 0, 2, 0.95, 9, 0),
    ]
    found = intervals.expanded(pd.DataFrame({"tss": cells, "pod": [0.5, 0.6]}, index=["a", "b"]))
    assert list(found) == ["tss", "tss_low", "tss_high", "tss_undefined", "pod"]
    assert found.loc["a"].tolist() == [0.25, 0.1, 0.4, 0.5, 0.5]
