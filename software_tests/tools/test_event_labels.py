import numpy as np
import pandas as pd
import pytest

from tools.events import read_events
from tools.label_sources import EventList
from tools.labels import labels_from_events

MINUTE = np.timedelta64(1, "m")
START = np.datetime64("2014-01-01T00:00", "us")


def minutes(values):
    return START + np.asarray(values) * MINUTE


def flares(*rows):
    """Rows of (start, peak, end, flux): minutes since START, None where unknown, and W m-2."""
    table = pd.DataFrame(rows, columns=["start", "peak", "end", "flux"])
    for name in ("start", "peak", "end"):
        column = table[name].astype(float)
        table[name] = pd.Series(START, column.index) + pd.to_timedelta(column, unit="min")
    return table.assign(satellite="GOES-15", flux=table["flux"].astype(float))


LIST = flares(
    (0, 10, 20, 2e-6), (100, 110, None, 5e-6), (105, 115, 130, 2e-6), (1000, 1010, 1020, 2e-6)
)


def test_a_flare_counts_where_its_peak_lies():
    table = labels_from_events(minutes([95, 98, 110, 111, 115, 116]), LIST, 0, 12)
    np.testing.assert_array_equal(table["Catch Flux"], [np.nan, np.nan, 5e-6, 2e-6, 2e-6, np.nan])
    table = labels_from_events(minutes([99]), LIST, 0, 12)
    assert table["Catch Flux"][0] == 5e-6  # 99 <= 110 < 111
    assert table["Quiet"][0] == 0
    assert table[["Current Flux", "Delta"]].isna().all().all()


def test_no_flare_is_quiet_only_where_the_list_is_complete():
    outages = [(minutes(300), minutes(330)), (minutes(310), minutes(340))]
    table = labels_from_events(minutes([200, 290, 320, 1005, 1100, -60]), LIST, 0, 24, outages)
    np.testing.assert_array_equal(table["Quiet"], [1, np.nan, np.nan, 0, np.nan, np.nan])
    # From 290: 10 of 24 minutes before the outage; 320: 4 after it; 1005: the list ends at 1020.
    np.testing.assert_allclose(table["Coverage"], [1, 10 / 24, 4 / 24, 15 / 24, 0, 0], atol=1e-12)
    assert table["Catch Flux"].notna().to_list() == [False, False, False, True, False, False]


def test_flares_under_c1_of_the_operational_scale_are_quiet():
    # C1.0 is 1e-6 / 0.7 = 1.42857e-6 W m-2 on the physical scale; 1.4e-6 is a C1.4 of GOES-16.
    table = flares((0, 10, 20, 1.4e-6), (100, 110, 120, 1.42857143e-6), (200, 210, 220, 3e-7))
    labels = labels_from_events(minutes([5, 105, 205, 50]), table, 0, 12)
    assert labels["Quiet"].to_list() == [1, 0, 1, 1]
    np.testing.assert_allclose(labels["Catch Flux"], [1.4e-6, 1.42857143e-6, 3e-7, np.nan])


def test_a_flare_of_which_the_start_alone_is_known_may_come_later():
    table = flares((0, 10, 20, 2e-6), (100, None, None, 5e-5), (2000, 2010, 2020, 2e-6))
    labels = labels_from_events(minutes([50, 98, 110, 110 + 480]), table, 0, 24)
    np.testing.assert_array_equal(labels["Quiet"], [1, np.nan, np.nan, 1])
    np.testing.assert_allclose(labels["Coverage"], [1, 2 / 24, 0, 1])
    np.testing.assert_array_equal(labels["In Progress"], [0, 0, np.nan, 0])


def test_a_list_may_cover_more_than_its_flares():
    wide = LIST.assign(list_start=minutes(-100), list_end=minutes(1200))
    labels = labels_from_events(minutes([-110, -90, -30, 1100, 1180]), wide, 0, 24)
    np.testing.assert_array_equal(labels["Quiet"], [np.nan, 1, 1, 1, np.nan])
    np.testing.assert_allclose(labels["Coverage"], [14 / 24, 1, 1, 1, 20 / 24])
    np.testing.assert_array_equal(labels["In Progress"], [np.nan, 0, 0, 0, 0])


def test_the_time_between_two_lists_is_unknown():
    shift = pd.Timedelta("10D")
    later = LIST.assign(**{name: LIST[name] + shift for name in ("start", "peak", "end")})
    spans = {"list_start": minutes(0), "list_end": minutes(1020)}
    both = pd.concat(
        [LIST.assign(**spans), later.assign(**{k: v + shift for k, v in spans.items()})],
        ignore_index=True,
    )
    # The first list ends at minute 1020, the second begins at 14400.
    table = labels_from_events(minutes([200, 5000, 14600]), both, 0, 24)
    np.testing.assert_array_equal(table["Quiet"], [1, np.nan, 1])
    np.testing.assert_allclose(table["Coverage"], [1, 0, 1])


def test_flares_in_progress():
    outages = [(minutes(500), minutes(510))]
    when = [-1, 0, 20, 21, 100, 112, 130, 131, 505, 1020, 1021]
    table = labels_from_events(minutes(when), LIST, 0, 12, outages)
    expected = [np.nan, 1, 1, 0, 1, 1, 1, 0, np.nan, 1, np.nan]
    np.testing.assert_array_equal(table["In Progress"], expected)


def test_a_flare_without_a_peak_leaves_its_span_unknown():
    table = flares((0, 1, 2, 1e-6), (100, None, 112, 1e-5), (200, 201, None, 1e-6))
    labels = labels_from_events(minutes([50, 90, 104]), table, 0, 24)
    np.testing.assert_array_equal(labels["Quiet"], [1, np.nan, np.nan])
    np.testing.assert_allclose(labels["Coverage"], [1, 12 / 24, 16 / 24])
    assert labels["Catch Flux"].isna().all()
    assert labels["In Progress"].to_list() == [0, 0, 1]


def test_an_empty_list_is_refused():
    with pytest.raises(ValueError, match="The flare list is empty"):
        EventList(flares())


def test_real_list_labels_august_2017(real_data):
    events = read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv")
    times = np.datetime64("2017-08-08T00:00", "us") + np.arange(9 * 24) * np.timedelta64(1, "h")
    table = labels_from_events(times, events, 60, 1440)
    for t, row in zip(times, table.to_dict("records"), strict=True):
        start, stop = t + np.timedelta64(1, "h"), t + np.timedelta64(25, "h")
        inside = events[(events["peak"] >= start) & (events["peak"] < stop)]
        under_way = ((events["start"] <= t) & (events["end"] >= t)).any()
        assert row["Quiet"] == (0 if (inside["flux"] > 1.42857e-6).any() else 1)
        assert row["Coverage"] == 1
        assert row["In Progress"] == under_way
        if len(inside):
            assert row["Catch Flux"] == inside["flux"].max()
        else:
            assert np.isnan(row["Catch Flux"])
    # By the list itself: C2.3, peak 08-14 22:10, is the largest of that day, GOES-13.
    row = table[table["Date Stamp"] == "20170814_1200"].iloc[0]
    assert row["Catch Flux"] == pytest.approx(2.3e-6 / 0.7)
    assert row["Satellite"] == "GOES-13"
