"""Parts of AIA's samples that are scored on their own, and samples that were chosen by flares."""

import numpy as np
import pandas as pd
import pytest

from dataset_models.sdo import samples
from dataset_models.sdo.download import choosing
from tools import events, label_history


def parts(archive, split="train", **options):
    """Name of each part -> ids of its samples, of a dataset without an embargo."""
    dataset = archive.open(**options)
    table = dataset.split_table()
    ids = table.loc[table["split"] == split, "id"].to_numpy()
    return {name: list(ids[chosen]) for name, chosen in dataset.subsets(split).items()}, list(ids)


def test_classes_are_those_of_the_operational_scale(archive):
    # 0.7 of the physical flux: 1.42e-6 is B9.9 (0.994e-6), 1.43e-6 is C1.0 (1.001e-6).
    flux = np.resize([1.42e-6, 1.43e-6, 2e-5, 2e-4], len(archive.times))
    archive.label(**{"Catch Flux": flux})
    found, ids = parts(archive)
    number = {row: i % 4 for i, row in enumerate(archive.times.strftime("%Y%m%d_%H%M"))}
    for position, letter in enumerate("BCMX"):
        assert found[f"class {letter}"] == [one for one in ids if number[one] == position]
    assert "class A" not in found


def test_a_flux_with_seven_digits_has_the_class_that_it_is_an_event_of(archive):
    """M1.0 over 0.7 is 1.428571e-5 in a label file, which is 0.9999997e-5 on the other scale."""
    archive.label(**{"Catch Flux": np.resize([1.428571e-5, 1.42e-5], len(archive.times))})
    found, ids = parts(archive)
    number = {row: i % 2 for i, row in enumerate(archive.times.strftime("%Y%m%d_%H%M"))}
    assert found["class M"] == [one for one in ids if number[one] == 0]
    assert found["class C"] == [one for one in ids if number[one] == 1]
    stamps = archive.times.strftime("%Y%m%d_%H%M").to_numpy()
    numbers = pd.DataFrame(np.log10(1.428571e-5), range(len(stamps)), label_history.NUMBERS)
    label_history.write_history(archive.folder / "y" / label_history.FILE, stamps, numbers)
    assert "no M1.0 in the last 24 h" not in parts(archive)[0]


def test_flares_in_progress_are_told_apart_where_they_are_known(archive):
    archive.label(**{"In Progress": np.resize([1, 0, np.nan], len(archive.times))})
    found, ids = parts(archive)
    going, quiet = found["flare in progress"], found["no flare in progress"]
    assert going
    assert quiet
    assert not set(going) & set(quiet)
    assert len(going) + len(quiet) < len(ids)


def test_quiet_days_come_from_the_light_curve(archive):
    assert "no M1.0 in the last 24 h" not in parts(archive)[0]
    stamps = archive.times.strftime("%Y%m%d_%H%M").to_numpy()
    numbers = pd.DataFrame(-6.0, range(len(stamps)), label_history.NUMBERS)
    # M1.0 on the operational scale is 1e-5 / 0.7 = 10 ** -4.845 W m-2.
    numbers[label_history.LARGEST_MINUTE] = np.resize([-4.85, -4.84, -5.9, np.nan], len(stamps))
    path = archive.folder / "y" / label_history.FILE
    label_history.write_history(path, stamps, numbers)
    found, ids = parts(archive)
    position = {stamp: i % 4 for i, stamp in enumerate(stamps)}
    assert found["no M1.0 in the last 24 h"] == [one for one in ids if position[one] in (0, 2)]
    assert found["no C1.0 in the last 24 h"] == [one for one in ids if position[one] == 2]


def test_the_limb_begins_at_60_degrees(archive):
    assert not any(name.startswith("largest region") for name in parts(archive)[0])
    degrees = np.resize([10.0, -61.0, 60.0, np.nan], len(archive.times))
    archive.change(longitude=degrees)
    found, ids = parts(archive)
    position = dict(
        zip(archive.times.strftime("%Y%m%d_%H%M"), np.arange(len(degrees)) % 4, strict=True)
    )
    on_disk = [one for one in ids if position[one] in (0, 2)]
    assert found["largest region on the disk"] == on_disk
    assert found["largest region beyond 60 degrees"] == [one for one in ids if position[one] == 1]


def test_chosen_samples_count_by_the_inverse_of_their_probability(archive):
    assert set(archive.open().sample_weights("train")) == {1.0}
    case = np.resize([True, False], len(archive.times))
    kinds = np.where(case, "flare case", "matched quiet")
    archive.change(sampling=kinds, probability=np.where(case, 1.0, 0.25))
    dataset = archive.open()
    # 1 / p is 1 and 4 by turns: over their mean of 2.5, 0.4 and 1.6.
    assert set(np.round(dataset.sample_weights("test"), 6)) == {np.float32(0.4), np.float32(1.6)}
    received = [dataset.sample("train", i, None)[2] for i in range(dataset.size("train"))]
    np.testing.assert_array_equal(received, dataset.sample_weights("train"))
    (caveat,) = [one for one in dataset.caveats() if one.startswith("CASE-CONTROL")]
    assert "Scores weigh each by 1 / the probability" in caveat
    for split in ("validation", "test"):
        weight = dataset.sample_weights(split).astype("float64")
        equal = weight.sum() ** 2 / (weight**2).sum()
        told = f"the {len(weight)} samples of {split} tell as much as {equal:.0f} equal ones"
        assert told in caveat
    unweighed = archive.open(weigh_training=False)
    assert unweighed.sample("train", 0, None)[2] == 1
    assert unweighed.sample("test", 1, None)[2] in np.float32([0.4, 1.6])
    assert unweighed.fingerprint() == dataset.fingerprint()  # who is in which split, and counts


def test_weights_restore_the_number_of_quiet_times(real_data):
    """Horvitz and Thompson: the sum of 1 / p over what was drawn tells how many there are."""
    file = real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv"
    flares = events.read_events([file])
    start, end = np.datetime64("2013-01-01T00:00"), np.datetime64("2013-12-31T00:00")
    there = choosing.quiet_slots(flares, start, end)
    estimates = []
    for seed in range(20):
        chosen = choosing.case_control(flares, start, end, seed=seed).assign(reason="")
        assert samples.weights(chosen).mean() == pytest.approx(1, rel=1e-5)
        quiet = chosen[chosen["sampling"] == choosing.QUIET]
        estimates.append((1 / quiet["probability"]).sum())
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert len(quiet) < 0.9 * len(there)  # else there is nothing to restore
    assert abs(np.mean(estimates) - len(there)) < 4 * error
