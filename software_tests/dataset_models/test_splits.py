import dataclasses
import time

import numpy as np
import pandas as pd
import pytest

from dataset_models import splits
from dataset_models.splits import SPLITS

DAY = np.timedelta64(86400 * 10**6, "us")
EVALUATION = (("train", "validation"), ("train", "test"), ("validation", "test"))


def daily(days, start="2012-01-01"):
    return np.datetime64(start, "us") + np.arange(days) * DAY


def scattered(seed, size=400, days=900):
    minutes = np.random.default_rng(seed).choice(days * 1440, size, replace=False)
    return np.datetime64("2011-03-05T07:13", "us") + minutes * np.timedelta64(60 * 10**6, "us")


def blocks(times, **settings):
    return splits.make("blocks", times, **{"span_minutes": 36, "horizon_minutes": 1440} | settings)


def gap_days(split, first, second):
    """Least gap between the windows of two splits, over all pairs of samples, in days."""
    ours, theirs = (split.times[split.indices(name)] for name in (first, second))
    start = [t - np.timedelta64(int(split.span_minutes * 60e6), "us") for t in (ours, theirs)]
    end = [t + np.timedelta64(int(split.horizon_minutes * 60e6), "us") for t in (ours, theirs)]
    after, before = start[1][None] - end[0][:, None], start[0][:, None] - end[1][None]
    return np.maximum(after, before).min() / DAY


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("embargo_days", [0.0, 0.5, 27.0])
def test_no_window_lies_within_the_embargo(seed, embargo_days):
    split = blocks(scattered(seed), embargo_days=embargo_days, horizon_minutes=2880)
    for first, second in EVALUATION:
        assert gap_days(split, first, second) > embargo_days
    assert split.embargo_minutes >= max(36 + 2880, embargo_days * 1440)  # in time of sample


@pytest.mark.parametrize("seed", range(3))
def test_the_purge_takes_what_all_pairs_say_and_no_more(seed):
    times = scattered(seed, 200, days=400)
    split = blocks(times, block_days=9.0, embargo_days=5.0)
    dealt = blocks(times, block_days=9.0, embargo_days=0.0, horizon_minutes=0, span_minutes=0)
    expected = dealt.names.copy()
    reach = 36 / 1440 + 1 + 5  # span, horizon and embargo in days
    for weaker, stronger in ("validation", "test"), ("train", "validation"), ("train", "test"):
        for i in np.flatnonzero(expected == weaker):
            distances = [abs(times[i] - t) / DAY for t in times[expected == stronger]]
            if min(distances) <= reach:
                expected[i] = ""
    assert (dealt.names != "").all()
    assert (expected == "").any()
    np.testing.assert_array_equal(split.names, expected)


def test_blocks_run_in_the_order_of_time_and_approach_the_fractions():
    times = daily(2700)  # 100 blocks of 27 days, or 101 where the ends are cut
    split = blocks(times)
    last = {name: times[split.indices(name)].max() for name in SPLITS}
    assert last["train"] < last["validation"] < last["test"] == times.max()
    before = blocks(times, embargo_days=0, span_minutes=0, horizon_minutes=0).names
    fractions = [(before == name).mean() for name in SPLITS]
    np.testing.assert_allclose(fractions, (0.7, 0.15, 0.15), atol=0.01)
    # A block is whole: day 0 of block k is 2010-05-01 + 27 k days.
    numbers = (times - np.datetime64("2010-05-01")) // (27 * DAY)
    assert all(len(set(before[numbers == number])) == 1 for number in np.unique(numbers))


def test_a_hand_made_example():
    # 30 days from the epoch in blocks of 10: one block each. Windows are 1 day long (horizon), the
    # embargo 2 days: samples up to 3 days apart touch. Days 10-19 are validation, 20-29 test:
    # 17, 18, 19 lie within 3 days of 20; of training, 7, 8, 9 within 3 days of 10.
    split = splits.make(
        "blocks", daily(30, "2010-05-01"), span_minutes=0, horizon_minutes=1440,
        fractions=(0.4, 0.3, 0.3), block_days=10, embargo_days=2,
    )  # fmt: skip
    assert split.indices("train").tolist() == list(range(7))
    assert split.indices("validation").tolist() == list(range(10, 17))
    assert split.indices("test").tolist() == list(range(20, 30))
    assert split.embargo_minutes == 3 * 1440
    assert split.reasons[7:10].tolist() == ["within 3 days of a validation sample"] * 3
    assert split.reasons[17] == "within 3 days of a test sample"
    assert ((split.reasons == "") == (split.names != "")).all()


def test_order_does_not_matter_and_pandas_is_taken():
    times = scattered(3)
    split = blocks(times)
    order = np.argsort(times)
    np.testing.assert_array_equal(blocks(times[order]).names, split.names[order])
    series = pd.Series(times.astype("datetime64[ns]"))
    np.testing.assert_array_equal(blocks(series).names, split.names)


def test_a_fraction_of_zero_asks_for_no_split():
    split = blocks(daily(600), fractions=(0.8, 0.0, 0.2))
    assert not len(split.indices("validation"))
    assert len(split.indices("train")) > 400


@pytest.mark.parametrize("count", [3, 4, 5])
def test_few_blocks_leave_no_split_empty(count):
    split = blocks(
        daily(count * 10, "2010-05-01"), block_days=10, embargo_days=0, horizon_minutes=60
    )
    assert all(len(split.indices(name)) for name in SPLITS)


def test_periods():
    times = daily(1000, "2012-01-01")
    split = splits.make(
        "periods", times, span_minutes=0, horizon_minutes=0,
        periods={
            "train": [("2012-01-01", "2012-03-01"), ("2012-09-01", "2013-01-01")],
            "test": [("2013-01-01", np.datetime64("2013-02-01"))],
        },
    )  # fmt: skip
    test = times[split.indices("test")]
    assert (test.min(), test.max()) == (np.datetime64("2013-01-01"), np.datetime64("2013-01-31"))
    # The last training day lies more than 27 days before 2013-01-01: 2012-12-05 is 27 days before.
    assert times[split.indices("train")].max() == np.datetime64("2012-12-04")
    assert split.reasons[times == np.datetime64("2012-05-01")] == "outside every period"
    assert gap_days(split, "train", "test") > 27


@pytest.mark.parametrize("columns", [np.int64, np.float64, str, object])
def test_a_group_stays_together_whatever_the_others_are(columns):
    numbers = np.random.default_rng(0).integers(11000, 11400, 3000)
    times = daily(3000)
    groups = np.where(np.arange(3000) % 7, numbers, 0)
    settings = {"span_minutes": 0, "horizon_minutes": 1440}
    split = splits.make("groups", times, groups=groups.astype(columns), **settings)
    if columns in (np.int64, np.float64):
        assert (split.reasons[groups == 0] == "belongs to no group").all()
    of_group = {}
    for group, name in zip(groups[groups != 0], split.names[groups != 0], strict=True):
        assert of_group.setdefault(group, name) == name
    fractions = [np.mean([name == s for name in of_group.values()]) for s in SPLITS]
    np.testing.assert_allclose(fractions, (0.7, 0.15, 0.15), atol=0.07)  # 3 sigma of 400 groups
    half = splits.make("groups", times[:1500], groups=groups[:1500], **settings)
    known = groups[:1500] != 0
    np.testing.assert_array_equal(half.names[known], split.names[:1500][known])
    other = splits.make("groups", times, groups=groups, seed=2, **settings)
    assert (other.names != split.names).any()


def test_regions_of_one_time_are_two_samples():
    times = np.repeat(daily(50), 2)
    groups = np.tile([11158, 11159], 50) + np.repeat(np.arange(50), 2)
    split = splits.make("groups", times, span_minutes=0, horizon_minutes=0, groups=groups)
    assert (split.names != "").all()


def test_random_leaks_and_says_so():
    settings = {"span_minutes": 36, "horizon_minutes": 1440}
    with pytest.raises(ValueError, match=r"random split leaks.*--allow_leak=True"):
        splits.make("random", daily(1000), **settings)
    split = splits.make("random", daily(1000), allow_leak=True, **settings)
    assert split.leaks
    assert [len(split.indices(name)) for name in SPLITS] == [700, 150, 150]
    again, other = (
        splits.make("random", daily(1000), allow_leak=True, seed=seed, **settings)
        for seed in (1, 2)
    )
    assert (again.names == split.names).all()
    assert (other.names != split.names).any()
    with pytest.raises(ValueError, match=r"splits leak: the train sample at .* share what"):
        dataclasses.replace(split, leaks=False).verify()


def test_a_leak_is_refused_by_name():
    split = blocks(daily(2700), embargo_days=0)
    names = split.names.copy()
    names[split.indices("test")[5]] = "train"
    leaking = dataclasses.replace(split, names=names)
    first, second = (str(split.times[split.indices("test")[i]])[:19] for i in (5, 6))
    with pytest.raises(ValueError, match=f"train sample at {first}.* the test sample at {second}"):
        leaking.verify()


def test_a_group_in_two_splits_is_refused():
    split = splits.make(
        "groups", daily(900), span_minutes=0, horizon_minutes=0, groups=np.arange(900) // 9 + 1
    )
    names = split.names.copy()
    names[split.indices("test")[0]] = "validation"
    with pytest.raises(ValueError, match=r"the validation sample at .* the test sample"):
        dataclasses.replace(split, names=names).verify()


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (daily(90)[[0, 1, 2, 1]], r"2012-01-02T00:00:00.000000 is there twice.*1 duplicates in 4"),
        (np.array(["2012-01-01", "NaT"], "datetime64[us]"), r"Sample 1 has no time \(NaT\)"),
        (daily(20), r"too few blocks.*at least 3.*Received: 2 of block_days=27.*Lower block_days"),
        (daily(150), r"The validation split is empty.*validation: 27 dealt, 0 left.*28.02 days.*"
                     "Lower embargo_days or block_days, change fractions, or add data"),
        (daily(0), "no samples to split"),
    ],
)  # fmt: skip
def test_times_that_do_not_do(times, message):
    with pytest.raises(ValueError, match=message):
        blocks(times)


@pytest.mark.parametrize("times", [["2012-01-01"], daily(4).reshape(2, 2), np.arange(3.0)])
def test_times_of_another_type(times):
    with pytest.raises(TypeError, match=r"datetime64 in UTC.*Received: .*pandas.to_datetime"):
        blocks(times)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "block"}, r"No split 'block'. Expected one of .*Did you mean 'blocks'\?"),
        ({"fractions": (0.7, 0.2, 0.2)}, r"sum 1. Received: fractions=\(0.7, 0.2, 0.2\)"),
        ({"fractions": (0.7, 0.3)}, "Expected three numbers"),
        ({"fractions": (1.2, -0.1, -0.1)}, "Expected three numbers from 0"),
        ({"block_days": 0}, "block_days does not fit.*Received: block_days=0"),
        ({"span_minutes": -1}, "span_minutes does not fit.*at least 0. Received: span_minutes=-1"),
        ({"horizon_minutes": np.nan}, "horizon_minutes does not fit"),
        ({"embargo_days": -1.0}, "embargo_days does not fit"),
        ({"kind": "groups"}, r"Expected groups of shape \(900,\).*Received: none.*active_region"),
        ({"kind": "groups", "groups": [1, 2]}, r"Received: shape \(2,\)"),
        ({"kind": "groups", "groups": np.full(900, 11158)}, "split is empty.*another seed"),
        ({"kind": "random", "allow_leak": True, "fractions": (0.9999, 0, 1e-4)},
         "test split is empty.*Change fractions"),
        ({"kind": "periods"}, "split by periods needs them.*Received: periods=None"),
        ({"kind": "periods", "periods": {"trian": []}}, "'trian' in periods.*mean 'train'"),
        ({"kind": "periods", "periods": {"train": [("2012-02-01", "2012-01-01")]}},
         "periods of train do not read"),
        ({"kind": "periods", "periods": {"test": [("soon", "later")]}}, "of test do not read"),
        ({"kind": "periods", "periods": {"test": ("2012-01-01", "2013-01-01")}}, "do not read"),
        ({"kind": "periods", "periods": {"train": [("2012-01-01", "2013-01-01")],
                                         "test": [("2012-12-31", "2013-06-01")]}},
         "periods overlap.*2012-12-31T00:00:00.000000 in train and in test"),
        ({"kind": "periods", "periods": {"train": [("2012-01-01", "2013-01-01")],
                                         "test": [("2031-01-01", "2032-01-01")]}},
         "The test split is empty.*Move the periods apart"),
    ],
)  # fmt: skip
def test_settings_that_do_not_do(settings, message):
    settings = {"kind": "blocks", "span_minutes": 36, "horizon_minutes": 1440} | settings
    with pytest.raises(ValueError, match=message):
        splits.make(times=daily(900), **settings)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match=r"No split 'validate'.*Did you mean 'validation'"):
        blocks(daily(900)).indices("validate")


def test_a_million_samples_take_seconds():
    times = np.datetime64("2010-05-13", "us") + np.arange(10**6) * np.timedelta64(12 * 60, "s")
    start = time.process_time()
    split = blocks(np.random.default_rng(0).permutation(times))
    assert time.process_time() - start < 10  # of one core, however busy it is
    assert len(split.indices("test")) > 10**5
