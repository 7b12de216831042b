import numpy as np
import pandas as pd
import pytest

from tools.events import read_events
from tools.outages import find_outages, improbable_quiet, read_outages, write_outages

START = pd.Timestamp("2014-01-01")


def flares(hours, flux=3e-6):
    """Flares with their peaks at these hours since START, in a list of 100 hours."""
    peak = (START + pd.to_timedelta(np.asarray(hours, float), unit="h")).astype("datetime64[us]")
    spans = {"list_start": START, "list_end": START + pd.Timedelta("100h")}
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


def test_the_real_silences_that_are_doubted(real_data):
    hek = read_events(real_data / "goes/fl_sle.csv", scale="published")
    found = [(str(start)[:10], str(end)[:10]) for start, end, _ in improbable_quiet(hek)]
    # The first two are outages by SWPC's own list, too, which ends in August 2021.
    assert found == [
        ("2014-04-18", "2014-05-23"),
        ("2014-09-27", "2014-10-08"),
        ("2021-11-09", "2021-12-04"),
    ]
    swpc = read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv")
    assert improbable_quiet(swpc) == []
