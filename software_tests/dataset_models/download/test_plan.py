import shutil

import numpy as np
import pytest

from dataset_models.sdo.download.manifest import Manifest
from dataset_models.sdo.download.plan import Plan, make_plan

SLOTS = np.datetime64("2014-01-01", "m") + 12 * np.arange(4)


def pairs(channels):
    return [(slot, channel) for slot in SLOTS for channel in channels]


def test_a_plan_without_a_manifest_takes_the_usual_length(tmp_path):
    plan = make_plan(pairs((94, 171)), tmp_path / "raw")
    assert (plan.files, plan.left, plan.bytes) == (8, 8, 8e6)
    assert plan.rate is None
    assert plan.free == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)
    assert not (tmp_path / "raw").exists()
    assert "about 0.008 GB, taking 1 MB a file" in str(plan)
    assert "No rate was measured yet" in str(plan)


def test_a_file_that_is_wanted_twice_counts_once(tmp_path):
    assert make_plan(pairs((171,)) * 2, tmp_path).files == 4


def test_a_plan_goes_by_what_is_there(tmp_path):
    with Manifest(tmp_path / "manifest.sqlite") as manifest:
        paths = manifest.add(pairs((171,)))
        for path, length in zip(paths[:2], (1000, 3000), strict=True):
            manifest.record(path, status="verified", bytes=length)
    plan = make_plan(pairs((171,)), tmp_path)
    # Two files are left, of 2000 bytes each, the mean of the two that are there.
    assert (plan.files, plan.left, plan.bytes, plan.measured) == (4, 2, 4000, True)
    # One channel is measured, the other is not: 2 x 2000 + 4 x 1e6 bytes.
    mixed = make_plan(pairs((171, 94)), tmp_path)
    assert (mixed.left, mixed.bytes, mixed.measured) == (6, 4_004_000, False)


def test_hours_are_bytes_by_the_rate():
    # 36 GB at 10 MB/s are 3600 s.
    plan = Plan(files=40_000, left=36_000, bytes=36e9, measured=True, rate=1e7, free=int(1e12))
    said = str(plan)
    assert "40000 files, 4000 of them there already. To download: 36000 files, about 36 GB" in said
    assert "About 1 hours at 10 MB/s" in said
    assert "more than the disk has room for" not in said


def test_a_disk_that_is_too_small_is_told():
    plan = Plan(files=9, left=9, bytes=9e6, measured=False, rate=None, free=1_000_000)
    assert "more than the disk has room for: name another one with FLARENET_DATA" in str(plan)
