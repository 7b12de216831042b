"""Phases of the solar cycle, and the largest active region of the day."""

import pathlib

import numpy as np
import pandas as pd
import pytest
import sunpy

from dataset_models.sdo import groups
from software_tests import raw_archive

SUMMARIES = pathlib.Path(sunpy.__file__).parent / "data" / "test" / "SRS"  # real ones
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of sunpy


@pytest.mark.parametrize(
    ("day", "phase"),
    [
        ("2007-12-01", ""),
        ("2008-12-15", "minimum"),
        ("2010-05-13", "rising"),  # the first of the AIA archive
        ("2012-07-19", "rising"),
        ("2014-01-01", "maximum"),
        ("2017-09-06", "declining"),
        ("2019-12-15", "minimum"),
        ("2020-12-14", "minimum"),  # 365 days after the minimum
        ("2020-12-15", "rising"),
        ("2024-05-10", "maximum"),
        ("2026-01-01", "declining"),
        ("2027-12-15", ""),
        ("NaT", ""),
    ],
)
def test_phases_of_days(day, phase):
    assert groups.cycle_phase(np.datetime64(day)) == phase


def test_phases_keep_the_shape():
    days = np.array([["2014-01-01", "2017-09-06"]], "datetime64[D]")
    np.testing.assert_array_equal(groups.cycle_phase(days), [["maximum", "declining"]])


def test_regions_of_real_summaries():
    """Read off the texts of the summaries: the numbers with the largest area of section I."""
    table, problems = groups.largest_regions(SUMMARIES)
    assert problems == []
    assert table["time"].is_monotonic_increasing
    found = dict(zip(table["time"].astype(str), table["active_region"], strict=True))
    assert found["2015-09-06 00:30:00"] == 12411  # area 40, beside 12409 with 10
    assert found["1996-04-30 00:30:00"] == 0  # "None"
    assert found["2000-09-22 00:30:00"] == 9169  # before the numbers wrapped at 10000


def test_the_newest_summary_not_later_is_taken(tmp_path):
    (tmp_path / "2013").mkdir()
    (tmp_path / "2013" / "20131231SRS.txt").write_text(raw_archive.SUMMARY)
    regions, _ = groups.largest_regions(tmp_path)
    times = ["2013-12-31T00:29", "2013-12-31T00:30", "2014-01-02T00:30", "2014-01-02T00:31"]
    found = groups.active_region(np.array(times, "datetime64[m]"), regions)
    np.testing.assert_array_equal(found, [0, 11936, 11936, 0])  # before, at, 48 h old, too old


def test_no_summaries_know_no_region(tmp_path):
    regions, problems = groups.largest_regions(tmp_path / "none")
    assert problems == []
    times = pd.to_datetime(["2014-01-01"]).to_numpy()
    np.testing.assert_array_equal(groups.active_region(times, regions), [0])


@pytest.mark.parametrize("text", ["", "<html>404</html>", raw_archive.SUMMARY[:200]])
def test_a_broken_summary_is_listed(tmp_path, text):
    (tmp_path / "20140101SRS.txt").write_text(text)
    table, ((file, reason),) = groups.largest_regions(tmp_path)
    assert len(table) == 0
    assert file.endswith("20140101SRS.txt")
    assert "not a Solar Region Summary that can be read" in reason
