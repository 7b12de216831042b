import numpy as np
import pandas as pd
import pytest

from software_tests.flare_tables import DAY, events
from tools.events import read_events
from tools.flare_catalogue import join, operational_flux, write_catalogue
from tools.flare_repeats import matches
from tools.flux import read_flux
from tools.label_sources import EventList
from tools.outages import read_outages
from tools.xray_flux_forecast import join_flare_lists


def peaks(table):
    return ((table["peak"] - DAY) / pd.Timedelta("1min")).to_list()


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


def test_a_flare_in_an_outage_of_the_other_list_is_not_missing_there():
    usual = [(60 * h, 60 * h + 5, 60 * h + 9, 3e-6) for h in range(24)]
    whole, holed = events(*usual), events(*usual[:6], *usual[18:])
    catalogue = join({"holed": holed, "whole": whole})
    (outage,) = catalogue.outages["holed"]
    assert outage == (np.datetime64("2014-01-01T05:05"), np.datetime64("2014-01-01T18:05"))
    assert catalogue.outages["whole"] == catalogue.outages["all"] == []
    assert catalogue.disagreements.empty
    assert len(catalogue.flares) == 24


def silent(first=0):
    """Four flares a day for 27 days, 20 days of none, where 80 are expected, and 27 days again."""
    days = np.concatenate([np.arange(0, 27, 0.25), 46.75 + np.arange(0, 27, 0.25)])
    starts = np.rint(first + 1440 * days)
    return events(*((start, start + 5, start + 9, 5e-6) for start in starts), end=75 * 1440)


SILENCE = (np.datetime64("2014-01-27T18:05"), np.datetime64("2014-02-16T18:05"))


def test_a_silence_that_is_hard_to_believe_is_an_outage():
    catalogue = join({"a": silent()})
    assert catalogue.outages == {"a": [SILENCE], "all": [SILENCE]}


def test_a_silence_of_all_lists_is_one_of_the_joined_list():
    second = silent(first=100)  # it is silent a little later
    outages = join({"a": silent(), "b": second}).outages
    shift = np.timedelta64(100, "m")
    assert outages["b"] == [(SILENCE[0] + shift, SILENCE[1] + shift)]
    # Together they are silent from the last flare of b to the first of a, though each watched
    # while the other was doubted.
    assert outages["all"] == [(SILENCE[0] + shift, SILENCE[1])]


def test_a_silence_that_only_the_lists_together_make_improbable():
    # Each lists every other flare: it lets expect 40 in 20 days, which are not beyond belief.
    flares = silent()
    outages = join({"a": flares[::2], "b": flares[1::2]}).outages
    assert outages == {"a": [], "b": [], "all": [SILENCE]}


def test_a_large_flare_just_after_a_small_one_of_another_list_is_kept():
    small, large = events((600, 605, 607, 1.8e-6)), events((608, 610, 615, 7.8e-5))
    flares = join({"a": small, "b": large}).flares
    assert flares["flux"].to_list() == [1.8e-6, 7.8e-5]
    assert flares["lists"].to_list() == ["a", "b"]


def test_small_flares_of_another_list_tell_that_a_silence_was_quiet():
    noons = 1440 * np.arange(75) + 720
    small = events(*((noon, noon + 5, noon + 9, 3e-7) for noon in noons), end=75 * 1440)
    both = pd.concat([silent(), small], ignore_index=True)
    outages = join({"a": silent(), "both": both}).outages
    assert outages == {"a": [SILENCE], "both": [], "all": []}


def test_where_no_list_watches_nothing_is_known():
    early, late = events((0, 5, 9, 3e-6), end=100), events((700, 705, 709, 3e-6))
    late["list_start"] = DAY + pd.Timedelta(minutes=600)
    blind = join({"a": early, "b": late}).outages["all"]
    assert blind == [(np.datetime64("2014-01-01T01:40"), np.datetime64("2014-01-01T10:00"))]


def test_flares_below_the_smallest_are_left_out():
    # An operational C1.0 is 1e-6 / 0.7 W m-2; a class was rounded.
    c1, under = 1e-6 / 0.7, 1.42e-6
    sizes = events((0, 10, 20, c1), (100, 110, 120, under), (200, 210, 220, np.nan))
    assert peaks(join({"a": sizes}).flares) == [10, 210]
    assert peaks(join({"a": sizes}, smallest=1e-7).flares) == [10, 110, 210]
    assert operational_flux("B1.0") == pytest.approx(1e-7 / 0.7)
    assert under < operational_flux("C1.0") <= c1
    # A small flare of one list tells which flare of the other it is.
    larger = events((0, 9, 20, under), (0, 15, 20, 5e-6))
    assert join({"a": sizes, "b": larger}).flares["lists"].to_list() == ["a+b", "b", "a"]


def test_quiet_means_the_same_whichever_list_covers_the_time(tmp_path):
    """SWPC's list of C flares on the first days, HEK's, which holds smaller ones, on the others."""
    large = [(start, start + 5, start + 9, 5e-6) for start in (700, 2140, 5020)]
    small = [(start, start + 5, start + 9, 3e-7) for start in (100, 1500, 3000, 4400, 5800)]
    swpc, hek = events(*large[:2], end=2880), events(*large[2:], *small[2:], end=7200)
    hek["list_start"] = DAY + pd.Timedelta(minutes=2880)
    write_catalogue(tmp_path, join({"swpc": swpc, "hek": hek}))
    source = EventList(read_events(tmp_path / "catalogue.csv"))
    hours = pd.date_range(DAY, periods=114, freq="h").astype("datetime64[us]")
    quiet = source.labels(hours, 0, 360)["Quiet"].to_numpy()
    starts = 60 * np.arange(114)
    flaring = [any(start <= t + 5 < start + 360 for t, *_ in large) for start in starts]
    # All is known, but before the first flare and after the last of the catalogue.
    np.testing.assert_array_equal(quiet[12:84], ~np.array(flaring)[12:84])
    assert set(np.unique(quiet[12:78])) == {0, 1}


def test_the_catalogue_covers_what_a_list_covers(tmp_path):
    early, late = events((10, 15, 19, 3e-6), end=100), events((700, 705, 709, 3e-6))
    late["list_start"] = DAY + pd.Timedelta(minutes=600)
    between = events((90, 95, 99, 3e-7), end=200)
    between["list_start"] = DAY + pd.Timedelta(minutes=80)
    write_catalogue(tmp_path, join({"a": early, "b": late, "c": between}))
    again = read_events(tmp_path / "catalogue.csv")
    for name, expected in (("list_start", [0, 600]), ("list_end", [200, 1440])):
        assert ((again[name] - DAY) / pd.Timedelta("1min")).to_list() == expected


def test_no_list_at_all_is_refused():
    with pytest.raises(ValueError, match="No flare list was given"):
        join({})


def test_an_empty_list_is_refused():
    with pytest.raises(ValueError, match=r"The flare list 'b' is empty. Expected at least one"):
        join({"a": events((0, 10, 20, 2e-6)), "b": events()})


def test_lists_without_a_peak_and_of_one_flare_are_joined():
    blunt = events((0, None, 20, 2e-6), (300, None, 320, 3e-6))
    catalogue = join({"blunt": blunt, "one": events((2, 5, 20, 2e-6))})
    assert catalogue.flares["lists"].to_list() == ["blunt+one", "blunt"]
    assert catalogue.flares["peak"].isna().all()  # what the first list says holds
    assert catalogue.outages == {"blunt": [], "one": [], "all": []}


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
    few = "".join(lines[:5] + lines[20:] + lines[:2])  # two of them twice
    (tmp_path / "holed.csv").write_text(head + few, encoding="utf-8")
    lists = [f"whole={tmp_path / 'whole.csv'}", f"holed={tmp_path / 'holed.csv'}"]
    assert join_flare_lists.main([*lists, "--scale", "published"]) == 0
    told = capsys.readouterr().out
    assert "holed        rows     15  repeats    2  outages 1 (16.0 days)" in told
    folder = tmp_path / "flares" / "joined"
    assert sorted(path.name for path in folder.iterdir()) == [
        "catalogue.csv", "disagreements.csv", "outages.csv", "outages_holed.csv",
        "outages_whole.csv",
    ]  # fmt: skip
    assert len(read_events(folder / "catalogue.csv")) == 28
    assert len(read_outages(folder / "outages_holed.csv")) == 1


def test_the_command_takes_the_smallest_class(tmp_path, capsys):
    path = tmp_path / "list.csv"
    rows = "2014-01-01T00:00,2014-01-01T00:05,,C1.0\n2014-01-02T00:00,2014-01-02T00:05,,B9.9\n"
    path.write_text("start,peak,end,goes_class\n" + rows, encoding="utf-8")
    arguments = [f"a={path}", "--scale", "operational", "--output", str(tmp_path)]
    for options, classes in (([], ["C1.0"]), (["--smallest", "B9.9"], ["C1.0", "B9.9"])):
        assert join_flare_lists.main([*arguments, *options]) == 0
        assert read_events(tmp_path / "catalogue.csv")["goes_class"].to_list() == classes
    assert "flares 2 of B9.9 (operational) and above" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        join_flare_lists.main([*arguments, "--smallest", "Z1"])
    assert "expected a class such as B1.0, received Z1" in capsys.readouterr().err


@pytest.mark.parametrize("smallest", ["C1.1", "M1.0", "X10"])
def test_a_catalogue_without_all_c_flares_is_refused(tmp_path, capsys, smallest):
    """Labels made of it would call a day of C flares quiet."""
    with pytest.raises(SystemExit):
        join_flare_lists.main([f"a={tmp_path / 'none.csv'}", "--smallest", smallest])
    assert f"expected C1.0 or a smaller class, received {smallest}" in capsys.readouterr().err


def test_files_that_cannot_be_used_are_named_with_the_way_out(tmp_path, capsys):
    path = tmp_path / "list.csv"
    assert join_flare_lists.main([f"a={path}"]) == 1
    told = capsys.readouterr().err
    assert told.startswith(
        f"{path} cannot be used: No such file or directory. Expected a file that"
    )
    assert "Name another with NAME=FILE, --flux or --output" in told
    path.write_text("start,peak,end,goes_class\n2014-01-01,2014-01-01,,C1.0\n", encoding="utf-8")
    output = ["--scale", "physical", "--output", str(path)]  # no folder
    assert join_flare_lists.main([f"a={path}", *output]) == 1
    assert f"{path} cannot be used: File exists. Expected" in capsys.readouterr().err


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
    swpc, hek = real_lists["swpc"], real_lists["hek"]
    pairs = matches(swpc, hek)
    same = swpc["goes_class"].to_numpy()[pairs[:, 0]] == hek["goes_class"].to_numpy()[pairs[:, 1]]
    assert len(pairs) > 8000
    assert same.mean() > 0.97
    # FlareNet's fluxes are on the operational scale: the median ratio to SWPC's classes is one.
    flarenet = real_lists["flarenet"]
    pairs = matches(swpc, flarenet)
    ratio = flarenet["flux"].to_numpy()[pairs[:, 1]] / swpc["flux"].to_numpy()[pairs[:, 0]]
    assert np.median(ratio) == pytest.approx(1, abs=0.02)


def test_real_lists_are_joined(real_lists, real_data, tmp_path):
    files = [real_data / f"goes/daily_fits/go15{day}.fits" for day in ("20110607", "20131028")]
    catalogue = join(real_lists, read_flux(files, minute_means=True))
    assert catalogue.repeats == {"swpc": 11, "hek": 1970, "flarenet": 11}
    assert len(catalogue.flares) == 11645
    assert catalogue.flares["flux"].isna().sum() == 1  # an A0.0
    assert catalogue.flares["flux"].min() >= 1e-6 / 0.7 * 0.999999
    assert len(join(real_lists, smallest=0).flares) == 23811
    # HEK's and FlareNet's own improbable silences are outages by the other lists, too, and the
    # lists are never silent together beyond belief.
    assert {name: len(pairs) for name, pairs in catalogue.outages.items()} == {
        "swpc": 0, "hek": 9, "flarenet": 6, "all": 0,
    }  # fmt: skip
    table = catalogue.disagreements
    counts = table.groupby(["kind", "list", "other"]).size()
    assert counts["missing", "swpc", "hek"] < 500
    assert counts["class", "swpc", "hek"] == 14  # by more than 15 %
    # HEK's B6.0 ended when the C1.3 of the other two began.
    at = catalogue.flares["peak"] == pd.Timestamp("2012-08-18 11:45")
    assert catalogue.flares["lists"][at].to_list() == ["swpc+flarenet"]
    # Lists and satellite agree on these two days.
    assert "flux" not in {*table["kind"], *table["list"]}
    write_catalogue(tmp_path, catalogue)
    assert read_outages(tmp_path / "outages_hek.csv") == catalogue.outages["hek"]
    again = read_events(tmp_path / "catalogue.csv")
    assert len(again) == again["rows"].sum() == 11645


def test_the_real_silence_of_a_list_alone_is_an_outage(real_lists, tmp_path):
    # No other list tells of it: HEK's own rate does. SWPC's has none in eleven years.
    hek, swpc = (join({name: real_lists[name]}) for name in ("hek", "swpc"))
    days = [(str(start)[:10], str(end)[:10]) for start, end in hek.outages["hek"]]
    assert days == [("2014-04-18", "2014-05-23"), ("2014-09-27", "2014-10-08")]
    assert hek.outages["all"] == hek.outages["hek"]
    assert swpc.outages == {"swpc": [], "all": []}
    write_catalogue(tmp_path, hek)
    assert read_outages(tmp_path / "outages_hek.csv") == hek.outages["hek"]


def test_the_command_tells_of_silences(real_data, tmp_path, capsys):
    path = real_data / "goes/fl_sle.csv"
    arguments = [f"hek={path}", "--scale", "published", "--output", str(tmp_path)]
    assert join_flare_lists.main(arguments) == 0
    told = " silent from 2014-04-18T13:03 to 2014-05-23T04:58, where its rate lets expect 137 fl"
    assert told in capsys.readouterr().out
