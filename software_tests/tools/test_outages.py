import numpy as np
import pandas as pd
import pytest

from tools.events import read_events
from tools.outages import find_outages, improbable_quiet, read_outages, write_outages

START = pd.Timestamp("2014-01-01")


def flares(hours, flux=3e-6):
    """Flares with their peaks at these hours since START, in a list of 100 hours or more."""
    peak = (START + pd.to_timedelta(np.asarray(hours, float), unit="h")).astype("datetime64[us]")
    spans = {"list_start": START, "list_end": max([START + pd.Timedelta("100h"), *peak])}
    return pd.DataFrame({"start": peak, "peak": peak, "end": peak, "flux": flux, **spans})


def hours(outages):
    return [
        tuple((np.array(pair) - START.to_datetime64()).astype("m8[h]").astype(int))
        for pair in outages
    ]


def test_a_stretch_without_flares_where_another_list_has_many_is_an_outage():
    other = flares(range(1, 99))
    own = flares([h for h in range(1, 99) if not 30 < h < 60])
    assert hours(find_outages(own, other)) == [(30, 60)]
    assert find_outages(other, own) == []
    # Ten tell of an outage, nine do not.
    assert hours(find_outages(flares([h for h in range(1, 99) if not 30 < h < 41]), other)) == [
        (30, 41)
    ]
    assert find_outages(flares([h for h in range(1, 99) if not 30 < h < 40]), other) == []


def test_small_flares_and_single_ones_that_lack_tell_nothing():
    other = flares(range(1, 99))
    own = flares([h for h in range(1, 99) if h % 3])
    assert find_outages(own, other) == []
    assert find_outages(flares([1, 98]), flares(range(1, 99), flux=9e-7)) == []
    # The same flares eight minutes later are the same flares.
    late = flares(np.arange(1, 99) + 8 / 60)
    assert find_outages(late, other) == []


def test_beginning_and_end_of_a_list_count():
    other = flares(range(1, 99))
    assert hours(find_outages(flares(range(40, 60)), other)) == [(0, 40), (59, 100)]


def test_outages_survive_the_file(tmp_path):
    outages = find_outages(flares([40]), flares(range(1, 99)))
    write_outages(tmp_path / "outages.csv", outages)
    assert read_outages(tmp_path / "outages.csv") == outages
    write_outages(tmp_path / "none.csv", [])
    assert read_outages(tmp_path / "none.csv") == []


def test_the_real_outage_of_2014_is_found(real_data):
    hek = read_events(real_data / "goes/fl_sle.csv", scale="published")
    swpc = read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv")
    found = [(str(a)[:10], str(b)[:10]) for a, b in find_outages(hek, swpc)]
    assert ("2014-04-18", "2014-05-23") in found
    assert len(found) == 9
    assert find_outages(swpc, hek) == []


def test_flarenet_s_real_list_is_blind_where_goes_15_was_not_primary(real_data):
    # It holds none of the flares that SWPC saw with GOES-14 and 13 in 2012, 2015 and 2016.
    path = real_data / "flare_lists/flarenet_flares_CMX_2010_2017.csv"
    flarenet = read_events(path, scale="operational")
    swpc = read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv")
    found = [str(a)[:10] for a, _ in find_outages(flarenet, swpc)]
    assert {"2012-10-23", "2012-10-31", "2015-05-21", "2016-05-02"} <= set(found)
    assert len(found) == 6


def test_what_is_no_list_of_outages_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text("from,to\n", encoding="utf-8")
    with pytest.raises(ValueError, match="is not a list of outages"):
        read_outages(tmp_path / "x.csv")


def test_a_silence_is_doubted_by_the_rate_on_both_sides():
    # 4 flares a day for 27 days, 20 days of silence, the same again: 4 * 20 are expected, 80.
    busy = np.arange(0, 27 * 24, 6)
    later = busy[-1] + 20 * 24 + busy
    ((start, end, expected),) = improbable_quiet(flares([*busy, *later]))
    assert hours([(start, end)]) == [(busy[-1], later[0])]
    assert expected == pytest.approx(80)
    assert improbable_quiet(flares([*busy, later[0]])) == []  # then quiet: regions had gone
    assert improbable_quiet(flares([*busy, *later], flux=9e-7)) == []
    assert improbable_quiet(flares([])) == []


def test_smaller_flares_tell_that_a_list_was_not_blind():
    busy = np.arange(0, 27 * 24, 6)
    later = busy[-1] + 20 * 24 + busy
    small = flares(np.arange(busy[-1] + 24, later[0], 24), flux=3e-7)
    assert improbable_quiet(pd.concat([flares([*busy, *later]), small])) == []


def test_the_regions_of_solar_minimum_cast_no_doubt():
    # Nine flares, a year of none, nine flares: 9 / 27 * 365 are 122; ten on both sides are a rate.
    one = np.arange(9)
    assert improbable_quiet(flares([*one, *(365 * 24 + one)])) == []
    one = np.arange(10)
    ((_, _, expected),) = improbable_quiet(flares([*one, *(365 * 24 + one)]))
    assert expected == pytest.approx(10 / 27 * (365 - 9 / 24))


def test_time_that_a_list_does_not_cover_is_not_doubted():
    # 4 flares a day; a month that nobody listed, with 10 days of silence before it: 40 expected.
    busy = np.arange(0, 27 * 24, 6)
    before, after = flares(busy), flares(busy[-1] + 40 * 24 + busy)
    before["list_end"] = START + pd.Timedelta(hours=int(busy[-1] + 10 * 24))
    after["list_start"] = after["start"].min()
    after["list_end"] = after["start"].max()
    both = pd.concat([before, after])
    assert improbable_quiet(both) == []
    ((_, _, expected),) = improbable_quiet(both, expected=39)
    assert expected == pytest.approx(40)
    both["list_end"] = both["list_end"].max()
    ((_, _, expected),) = improbable_quiet(both)
    assert expected == pytest.approx(160)


def test_an_empty_list_tells_of_no_outage():
    with pytest.raises(ValueError, match=r"Received: 0 and 2 flares. Leave the empty list out"):
        find_outages(flares([]), flares([1, 2]))
    with pytest.raises(ValueError, match="Received: 2 and 0 flares"):
        find_outages(flares([1, 2]), flares([]))
    assert improbable_quiet(flares([1])) == []


def test_flares_without_a_peak_count_at_their_start():
    whole, holed = flares(range(1, 99)), flares([h for h in range(1, 99) if not 30 < h < 60])
    blunt = [table.assign(peak=pd.Series(pd.NaT, table.index)) for table in (holed, whole)]
    assert hours(find_outages(*blunt)) == [(30, 60)]


def test_the_real_silences_that_are_doubted(real_data):
    hek = read_events(real_data / "goes/fl_sle.csv", scale="published")
    found = [(str(a)[:10], str(b)[:10], round(flares)) for a, b, flares in improbable_quiet(hek)]
    # Both are outages by SWPC's own list, too.
    assert found == [("2014-04-18", "2014-05-23", 137), ("2014-09-27", "2014-10-08", 60)]
    swpc = read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv")
    assert improbable_quiet(swpc) == []


def test_no_real_quiet_time_is_doubted_by_far(real_data):
    hek = read_events(real_data / "goes/fl_sle.csv", scale="published")
    swpc = read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv")
    # Apart from its two outages HEK's list, which holds small flares, stays far below 50. In the
    # silence of C flares from 9 November to 4 December 2021 it lists 188 smaller ones.
    assert [round(flares) for _, _, flares in improbable_quiet(hek, expected=25)] == [137, 60]
    # SWPC's, of C flares alone: the longest silence, of 54 weeks in 2019 and 2020, is not doubted.
    doubts = improbable_quiet(swpc, expected=0)
    assert 40 < max(flares for _, _, flares in doubts) < 45
    minimum = [
        flares for start, _, flares in doubts if "2017-10" <= str(start.astype("M8[M]")) < "2020-10"
    ]
    assert max(minimum) < 25
