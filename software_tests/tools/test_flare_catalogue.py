import numpy as np
import pandas as pd
import pytest

from tools.events import read_events
from tools.flare_catalogue import DISAGREEMENTS, join, matches, without_repeats, write_catalogue
from tools.flux import read_flux
from tools.outages import read_outages
from tools.xray_flux_forecast import join_flare_lists

DAY = pd.Timestamp("2014-01-01")


def events(*flares, end=1440):
    """Flares of (start, peak, end in minutes of the day, class as physical flux)."""
    table = pd.DataFrame(flares, columns=["start", "peak", "end", "flux"])
    for name in ("start", "peak", "end"):
        minutes = pd.to_timedelta(table[name].astype(float), unit="min")
        table[name] = (DAY + minutes).astype("datetime64[us]")
    spans = {"list_start": DAY, "list_end": DAY + pd.Timedelta(minutes=end)}
    words = {"goes_class": "", "class_scale": "physical", "satellite": "", "noaa_active_region": 0}
    return table.assign(**words, **spans)


def peaks(table):
    return ((table["peak"] - DAY) / pd.Timedelta("1min")).to_list()


def test_two_rows_of_a_list_are_one_flare_if_they_are_near_and_overlap():
    table = events(
        (0, 10, 30, 2e-6),
        (5, 12, 25, 3e-6),  # the same flare again: the larger stays
        (100, 105, 108, 2e-6),
        (109, 113, 118, 4e-6),  # another one, though its peak is 8 minutes later
        (200, 210, 260, 2e-6),
        (215, 221, 250, 2e-6),  # 11 minutes apart
        (300, None, None, np.nan),
    )
    assert peaks(without_repeats(table))[:5] == [12, 105, 113, 210, 221]
    assert len(without_repeats(table)) == 6


def test_flares_of_two_lists_are_matched_one_to_one():
    first = events((0, 10, 20, 1e-6), (20, 25, 30, 1e-6), (99, 100, 101, 1e-6))
    second = events((20, 26, 30, 1e-6), (0, 20, 30, 1e-6), (89, 89.9, 91, 1e-6))
    # 10 and 20 are within ten minutes, but the nearest of 20 is 25, whose nearest is 26.
    assert matches(first, second).tolist() == [[1, 0]]
    assert matches(first, events((90, 90, 91, 1e-6))).tolist() == [[2, 0]]
    assert matches(first, events()).shape == (0, 2)


def test_the_first_list_holds_and_the_others_add():
    first = events((0, 10, 20, 2e-6), (100, 110, 120, 3e-6))
    second = events((0, 11, 20, 2.1e-6), (200, 210, 220, 4e-6))
    catalogue = join({"a": first, "b": second})
    assert peaks(catalogue.flares) == [10, 110, 210]
    assert catalogue.flares["lists"].to_list() == ["a+b", "a", "b"]
    assert catalogue.flares["flux"].to_list() == [2e-6, 3e-6, 4e-6]


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


def test_a_flare_in_an_outage_of_the_other_list_is_not_missing_there():
    usual = [(60 * h, 60 * h + 5, 60 * h + 9, 3e-6) for h in range(24)]
    whole, holed = events(*usual), events(*usual[:6], *usual[18:])
    catalogue = join({"holed": holed, "whole": whole})
    (outage,) = catalogue.outages["holed"]
    assert outage == (np.datetime64("2014-01-01T05:05"), np.datetime64("2014-01-01T18:05"))
    assert catalogue.outages["whole"] == catalogue.outages["all"] == []
    assert catalogue.disagreements.empty
    assert len(catalogue.flares) == 24


def test_where_no_list_watches_nothing_is_known():
    early, late = events((0, 5, 9, 3e-6), end=100), events((700, 705, 709, 3e-6))
    late["list_start"] = DAY + pd.Timedelta(minutes=600)
    blind = join({"a": early, "b": late}).outages["all"]
    assert blind == [(np.datetime64("2014-01-01T01:40"), np.datetime64("2014-01-01T10:00"))]


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


def test_no_list_at_all_is_refused():
    with pytest.raises(ValueError, match="No flare list was given"):
        join({})


def test_what_is_written_is_read_again(tmp_path):
    listed = events((0, 10, 20, 2e-6), (100, 110, 120, 3.5e-6))
    listed["goes_class"] = ["C2.0", ""]
    catalogue = join({"a": listed})
    write_catalogue(tmp_path, catalogue)
    back = read_events(tmp_path / "catalogue.csv")
    assert back["goes_class"].to_list() == ["C2.0", "C3.50"]
    np.testing.assert_allclose(back["flux"], [2e-6, 3.5e-6])
    assert peaks(back) == [10, 110]
    assert (tmp_path / "outages.csv").read_text() == "start,end\n"


def test_the_command_joins_lists(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path))
    head = "start,peak,end,goes_class\n"
    lines = [f"2014-01-{d:02d}T00:00,2014-01-{d:02d}T00:05,,C3.0\n" for d in range(1, 29)]
    (tmp_path / "whole.csv").write_text(head + "".join(lines), encoding="utf-8")
    (tmp_path / "holed.csv").write_text(head + "".join(lines[:5] + lines[20:]), encoding="utf-8")
    lists = [f"whole={tmp_path / 'whole.csv'}", f"holed={tmp_path / 'holed.csv'}"]
    assert join_flare_lists.main([*lists, "--scale", "published"]) == 0
    told = capsys.readouterr().out
    assert "holed        rows     13  repeats    0  outages 1 (16.0 days)" in told
    folder = tmp_path / "flares" / "joined"
    assert sorted(path.name for path in folder.iterdir()) == [
        "catalogue.csv", "disagreements.csv", "outages.csv", "outages_holed.csv",
        "outages_whole.csv",
    ]  # fmt: skip
    assert len(read_events(folder / "catalogue.csv")) == 28
    assert len(read_outages(folder / "outages_holed.csv")) == 1


@pytest.mark.parametrize("argument", ["swpc.csv", "=swpc.csv", "a b=swpc.csv", "all=swpc.csv"])
def test_lists_without_a_name_are_refused(argument, capsys):
    assert join_flare_lists.main([argument]) == 1
    assert "names no list. Expected NAME=FILE" in capsys.readouterr().err


# --- real lists


@pytest.fixture(scope="module")
def real_lists(real_data):
    return {
        "swpc": read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv"),
        "hek": read_events(real_data / "goes/fl_sle.csv", scale="published"),
        "flarenet": read_events(
            real_data / "flare_lists/flarenet_flares_CMX_2010_2017.csv", scale="operational"
        ),
    }


def test_real_lists_agree_about_classes(real_lists):
    swpc, hek = (without_repeats(real_lists[name]) for name in ("swpc", "hek"))
    pairs = matches(swpc, hek)
    same = swpc["goes_class"].to_numpy()[pairs[:, 0]] == hek["goes_class"].to_numpy()[pairs[:, 1]]
    assert len(pairs) > 8000
    assert same.mean() > 0.97
    # FlareNet's fluxes are on the operational scale: the median ratio to SWPC's classes is one.
    flarenet = without_repeats(real_lists["flarenet"])
    pairs = matches(swpc, flarenet)
    ratio = flarenet["flux"].to_numpy()[pairs[:, 1]] / swpc["flux"].to_numpy()[pairs[:, 0]]
    assert np.median(ratio) == pytest.approx(1, abs=0.02)


def test_real_lists_are_joined(real_lists, real_data, tmp_path):
    files = [real_data / f"goes/daily_fits/go15{day}.fits" for day in ("20110607", "20131028")]
    catalogue = join(real_lists, read_flux(files, minute_means=True))
    assert catalogue.repeats == {"swpc": 6, "hek": 549, "flarenet": 2}
    assert len(catalogue.flares) == 23780
    assert catalogue.outages["all"] == []
    table = catalogue.disagreements
    counts = table.groupby(["kind", "list", "other"]).size()
    assert counts["missing", "swpc", "hek"] < 500
    assert counts["class", "swpc", "hek"] == 15  # by more than 15 %
    assert not (table["kind"] == "flux").any()  # lists and satellite agree on these two days
    write_catalogue(tmp_path, catalogue)
    assert read_outages(tmp_path / "outages_hek.csv") == catalogue.outages["hek"]
    assert len(read_events(tmp_path / "catalogue.csv")) > 23_700
