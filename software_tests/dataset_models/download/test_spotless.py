"""A Sun without regions, where an answer of the JSOC ends amid it."""

import numpy as np
import pandas as pd
import pytest

from dataset_models.sdo import sharp_keywords
from dataset_models.sdo.download.spotless import spotless
from dataset_models.sdo.sharp_keywords import DEFINITIVE, FULL_DISK
from software_tests import jsoc

HOURS = np.arange("2019-06-10", "2019-06-20", np.timedelta64(1, "h"), "datetime64[h]")
HOURS = HOURS.astype("datetime64[ns]")  # those of one question
LEAP_SECONDS = np.timedelta64(37, "s")


def records_of(harp, first, last):
    """A record of each hour from the first to the last, TAI."""
    times = pd.date_range(first, last, freq="h")
    return [jsoc.record(harp, f"{time:%Y.%m.%d_%H:%M}:00_TAI") for time in times]


def seen_by(records):
    """Times, UTC, and numbers of records, without what is asked here."""
    times = [pd.to_datetime(r["T_REC"][:-4], format="%Y.%m.%d_%H:%M:%S") for r in records]
    regions = [r["HARPNUM"] for r in records]
    seen = pd.DataFrame({"time": pd.to_datetime(times), "region": regions})
    seen["time"] -= LEAP_SECONDS
    return seen


def found(records, unseen=None):
    """The hours that are found to be spotless, and what was asked for that."""
    disk = [
        {"T_REC": f"{h:%Y.%m.%d_%H}:00:00_TAI", "QUALITY": "0x0"} for h in pd.to_datetime(HOURS)
    ]
    seen = seen_by(records)
    answer = seen[seen["time"].between("2019-06-09T21:59", "2019-06-20T23:59")]
    age = HOURS[:, None] - answer["time"].to_numpy()
    if unseen is None:
        unseen = ~((age >= np.timedelta64(0)) & (age <= np.timedelta64(2, "h"))).any(axis=1)
    with jsoc.server_of({DEFINITIVE: records, FULL_DISK: disk}) as (address, questions):
        client = sharp_keywords.jsoc(address)
        hours = spotless(client, HOURS, unseen, answer, 60)
    return HOURS[hours], [question.partition("[")[0] for question in questions]


EARLIER = records_of(1, "2019-06-08T00:00", "2019-06-11T06:00")
LATER = records_of(2, "2019-06-22T00:00", "2019-06-23T00:00")
INSIDE = records_of(2, "2019-06-15T00:00", "2019-06-24T00:00")


def test_an_answer_that_shows_both_sides_is_enough():
    hours, questions = found([*EARLIER, *INSIDE])
    assert questions == [FULL_DISK]
    # Records hold for two hours, and are of 37 s before the full hour of UTC.
    assert hours[[0, -1]].tolist() == [
        np.datetime64(time, "ns").item() for time in ("2019-06-11T08", "2019-06-14T23")
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (records_of(1, "2019-06-11T00:00", "2019-06-12T00:00"), LATER[:1]),
        (records_of(1, "2019-06-08T00:00", "2019-06-09T00:00"), INSIDE[:1]),
    ],
    ids=["after it", "before it"],
)
def test_regions_beyond_the_answer_show_the_other_side(before, after):
    hours, questions = found([*before, *after])
    assert questions == [DEFINITIVE, FULL_DISK]
    stamps = [record["T_REC"][:13] for record in (before[-1], after[0])]
    last, first = (pd.to_datetime(stamp, format="%Y.%m.%d_%H") for stamp in stamps)
    expected = pd.Series(HOURS)
    expected = expected[expected.between(last + pd.Timedelta("2h"), first, inclusive="left")]
    np.testing.assert_array_equal(hours, expected)


def test_a_region_that_lives_on_beyond_the_answer_was_not_gone():
    hours, _ = found([*EARLIER, *records_of(1, "2019-06-21T00:00", "2019-06-21T03:00"), *LATER])
    assert len(hours) == 0


def test_a_stretch_so_long_that_no_region_would_bear_witness_is_unknown():
    early = records_of(1, "2019-06-08T00:00", "2019-06-09T12:00")
    hours, questions = found([*early, *records_of(2, "2019-06-19T13:00", "2019-06-22T00:00")])
    assert len(hours) == 0  # ten days and an hour
    assert questions == [DEFINITIVE]
    hours, _ = found([*early, *records_of(2, "2019-06-19T12:00", "2019-06-22T00:00")])
    assert len(hours) == 9 * 24 + 12  # 10 June 00:00 to 19 June 11:00


def test_nothing_is_asked_where_regions_were_seen():
    hours, questions = found([*EARLIER, *INSIDE], unseen=np.zeros(len(HOURS), bool))
    assert (len(hours), questions) == (0, [])
