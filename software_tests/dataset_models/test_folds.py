"""Purged cross-validation: folds of every dataset that keeps its samples in a table."""

import numpy as np
import pytest

from dataset_models import folds, splits
from dataset_models.goes import sample_files
from dataset_models.goes.light_curve import LightCurve
from dataset_models.sdo.aia import AIA
from dataset_models.synthetic.synthetic import Synthetic
from software_tests.contracts import assert_dataset_contract

DAY = np.timedelta64(1, "D")
TIMES = np.datetime64("2012-01-01") + np.arange(300) * DAY


@pytest.fixture(scope="module")
def light_curve(sample_folder):
    return LightCurve(
        folder=sample_folder,
        series=sample_files.SERIES,
        flare_lists=(sample_files.FLARES,),
        scale="physical",
        test_year=2013,
        train_cadence_hours=12,
        cadence_hours=12,
    )


@pytest.fixture(scope="module")
def images(sample_folder):
    return AIA(folder=sample_folder, image_size=32, block_days=4.0, embargo_days=0.0)


def fold(number, count=5, times=TIMES, **changes):
    options = {"span_minutes": 1440, "horizon_minutes": 1440, "embargo_days": 10} | changes
    return splits.make("folds", times, folds=count, fold=number, **options)


def test_each_sample_is_tested_once():
    made = [fold(number) for number in range(1, 6)]
    tested = np.concatenate([one.indices("test") for one in made])
    np.testing.assert_array_equal(np.sort(tested), np.arange(300))
    np.testing.assert_array_equal(made[0].indices("test"), np.arange(60))


@pytest.mark.parametrize("number", range(1, 6))
def test_no_window_comes_within_the_embargo_on_either_side(number):
    """By brute force over all pairs: span + horizon + embargo is 12 days."""
    made = fold(number)
    for first, second in (("train", "test"), ("train", "validation"), ("validation", "test")):
        ours, theirs = TIMES[made.indices(first)], TIMES[made.indices(second)]
        assert np.abs(ours[:, None] - theirs).min() > 12 * DAY
    train, test = TIMES[made.indices("train")], TIMES[made.indices("test")]
    if number in (3, 4):
        assert (train < test.min()).any()
    assert len(train) >= 180 - 4 * 12 - 1  # no more is lost than four edges cost


def test_order_does_not_matter():
    chance = np.random.default_rng(1).permutation(300)
    np.testing.assert_array_equal(fold(2, times=TIMES[chance]).names, fold(2).names[chance])


@pytest.mark.parametrize(
    ("number", "count", "message"),
    [
        (6, 5, "There is no fold 6. Expected 1 to 5"),
        (0, 5, "There is no fold 0"),
        (1, 2, "Expected folds from 3 .*folds=2"),
        (1, 301, "from 3 to the number of samples, 300"),
    ],
)
def test_numbers_out_of_range(number, count, message):
    with pytest.raises(ValueError, match=message):
        fold(number, count)


def test_folds_that_leave_a_split_empty():
    with pytest.raises(ValueError, match=r"The train split is empty.*Take fewer folds"):
        fold(2, 3, embargo_days=200)


def test_a_fold_of_the_light_curve_keeps_the_contract(light_curve):
    assert_dataset_contract(light_curve.folded(4, 2), batch_size=16)


def test_a_fold_of_images_keeps_the_contract(images):
    assert_dataset_contract(images.folded(3, 2))


def test_statistics_and_baselines_are_those_of_the_fold(light_curve):
    folded = light_curve.folded(4, 2)
    target = folded.targets("train")
    assert folded.statistics()["target"]["mean"][0] == pytest.approx(target.mean(), rel=1e-5)
    assert folded.baselines("test")["climatology"][0, 0] == pytest.approx(target.mean(), rel=1e-5)
    assert light_curve.statistics()["target"]["mean"][0] == pytest.approx(
        light_curve.targets("train").mean(), rel=1e-5
    )
    assert folded.fingerprint() != light_curve.fingerprint()


def test_what_the_embargo_took_from_one_split_is_tested_in_a_fold(light_curve):
    own = light_curve.split_table()
    pool = (own["split"] != "") | own["reason"].str.startswith("within ")
    tested = [light_curve.folded(4, number).size("test") for number in range(1, 5)]
    assert sum(tested) == pool.sum() > (own["split"] != "").sum()


def test_the_datasets_own_embargo_holds(light_curve, images):
    """27 days, with 10 days before and 1 day after each hour of the light curve: 38 days."""
    split = light_curve.folded(4, 1).split
    train, test = split.times[split.indices("train")], split.times[split.indices("test")]
    assert np.abs(train[:, None] - test).min() > 38 * DAY
    assert images.folded(3, 1).split.embargo_minutes == images.split.embargo_minutes


def test_a_leaking_split_is_folded_with_an_embargo(sample_folder):
    random = AIA(folder=sample_folder, image_size=32, split="random", allow_leak=True)
    with pytest.raises(ValueError, match="The train split is empty"):  # 40 days are too few
        random.folded(3, 1)
    assert random.leaks
    assert not folds.folded(random, 3, 1, embargo_days=0).leaks


def test_a_dataset_that_draws_its_splits_has_no_folds():
    with pytest.raises(TypeError, match="Synthetic cannot be dealt anew"):
        Synthetic().folded(5, 1)
