import numpy as np
import pandas as pd
import pytest

from software_tests.flare_tables import DAY, events
from tools.events import read_events
from tools.flare_catalogue import join
from tools.flare_disagreements import DISAGREEMENTS, disagreements
from tools.flux import read_flux


def test_disagreements_are_told():
    first = events((0, 10, 20, 2e-6), (100, 110, 120, 3e-6), (300, 310, 320, 1e-7))
    second = events((0, 15, 20, 4e-6), (200, 210, 220, 4e-6), end=250)
    table = join({"a": first, "b": second}).disagreements
    assert table.columns.to_list() == DISAGREEMENTS
    told = {tuple(row) for row in table[["kind", "list", "other"]].to_numpy()}
    expected = {("class", "a", "b"), ("peak time", "a", "b"), ("missing", "a", "b")}
    assert told == expected | {("missing", "b", "a")}
    row = table[table["kind"] == "class"].iloc[0]
    assert (row["flux"], row["other_flux"]) == (2e-6, 4e-6)


def test_classes_are_checked_by_the_flux():
    times = pd.date_range(DAY, periods=1440, freq="min")
    flux = pd.DataFrame({"time": times, "flux": 5e-7})
    flux.loc[[10, 112], "flux"] = [2e-6, 6e-6]
    flux.loc[195:230, "flux"] = np.nan
    listed = events((0, 10, 20, 2e-6), (100, 110, 120, 3e-6), (200, 210, 220, 4e-6))
    table = join({"a": listed}, flux).disagreements
    assert table["kind"].to_list() == ["flux"]
    assert table["other_flux"].to_list() == [6e-6]
    assert table["other_peak"].iloc[0] == DAY + pd.Timedelta(minutes=112)


def observed(values):
    """A day of minutes of quiet flux, and fluxes by minute."""
    flux = pd.Series(5e-7, range(1440))
    flux.loc[list(values)] = list(values.values())
    times = pd.date_range(DAY, periods=1440, freq="min").astype("datetime64[us]")
    return pd.DataFrame({"time": times, "flux": flux})


@pytest.mark.parametrize(
    ("gap", "told"),
    [
        (range(0), True),
        (range(110, 111), True),  # a minute alone: the flux beside the peak is that of the peak
        (range(108, 110), False),
        (range(111, 113), False),
        (range(106, 115), False),
        (range(95, 108), True),
        (range(113, 120), True),
    ],
)
def test_a_class_is_checked_only_where_the_flux_was_observed_beside_the_peak(gap, told):
    flux = observed({110: 9e-7, **dict.fromkeys(gap, np.nan)})
    table = join({"a": events((100, 110, 120, 3e-6))}, flux).disagreements
    assert (table["kind"].to_list() == ["flux"]) is told


RISE = [5e-7, 6e-7, 7e-7, 9e-7, 2e-6, 4e-6, 3e-6, 2e-6, 1e-6]  # it peaks after five minutes
SEEN = dict(enumerate(RISE, start=600))


def test_a_flare_that_no_list_holds_is_told():
    listed = events((300, 310, 320, 2e-6))
    row = {"kind": "missing", "list": "flux", "other": "all", "flux": 4e-6}
    for lists in ({"a": listed}, {"a": listed, "b": events((700, 710, 720, 1e-7))}):
        flux = observed(SEEN | {307: 2e-6, 308: 2e-6, 309: 2e-6, 310: 2e-6})
        table = join(lists, flux).disagreements
        (found,) = table[table["list"] == "flux"].to_dict("records")
        assert row.items() <= found.items()
        assert found["peak"] == DAY + pd.Timedelta(minutes=605)
        assert pd.isna(found["other_peak"])


@pytest.mark.parametrize(
    "flare",
    [
        (590, 595, 598, 2e-6),
        (612, 615, 618, 1e-7),  # it peaks ten minutes later; of whatever class
        (500, 520, 605, np.nan),  # in progress then
        (605, None, None, 2e-6),  # of unknown peak
    ],
)
def test_a_flare_that_a_list_holds_is_not_missing(flare):
    far = events((100, 110, 120, 1e-7))
    table = join({"far": far, "near": events(flare)}, observed(SEEN)).disagreements
    assert "flux" not in table["list"].to_list()


def test_a_flare_at_a_time_without_a_list_is_not_missing():
    early = events((100, 110, 120, 1e-7), end=604)
    assert join({"a": early}, observed(SEEN)).disagreements.empty
    early["list_end"] += pd.Timedelta("1min")
    assert len(join({"a": early}, observed(SEEN)).disagreements) == 1
    watched = {"a": events((100, 110, 120, 1e-7))}
    blind = [(np.datetime64("2014-01-01T09:00"), np.datetime64("2014-01-01T11:00"))]
    assert len(disagreements(watched, {"a": [], "all": []}, observed(SEEN))) == 1
    assert disagreements(watched, {"a": blind, "all": blind}, observed(SEEN)).empty


def test_the_real_flare_that_two_lists_lack(real_data):
    """GOES-13 and 15 saw it: C3.5 on the operational scale, 2014-01-28, from 14:26 to 14:34."""
    lists = {
        "swpc": read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv"),
        "hek": read_events(real_data / "goes/fl_sle.csv", scale="published"),
    }
    flux = read_flux(real_data / "goes/science_nc/sci_xrsf-l2-avg1m_g13_d20140128_v1-0-0.nc")
    table = join(lists, flux).disagreements
    (row,) = table[table["list"] == "flux"].to_dict("records")
    assert row["peak"] == pd.Timestamp("2014-01-28T14:30")
    assert 0.7 * row["flux"] == pytest.approx(3.5e-6, rel=0.05)
