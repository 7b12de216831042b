import argparse

import numpy as np
import pytest

from tools.command_line_times import utc_time


@pytest.mark.parametrize(
    "text", ["2014-01-01", "2014-01-01T00:00Z", "2014-01-01 00:00+00:00", "20140101T0000"]
)
def test_times_of_utc(text):
    assert utc_time(text) == np.datetime64("2014-01-01T00:00")


@pytest.mark.parametrize(
    "text", ["now", "", "2014", "2014-13-01", "2014-01-01T18:00:01", "2014-01-01T00:00+01:00"]
)
def test_what_is_none_is_said(text):
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        utc_time(text)
    expected = "expected a time (UTC, whole minutes) such as 2014-01-01 or 2014-01-01T18:52"
    assert str(refused.value) == f"{expected}, received {text!r}"
