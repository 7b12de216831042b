"""Phases of the solar cycle."""

import numpy as np
import pytest

from dataset_models.sdo import groups


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
