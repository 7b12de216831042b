import numpy as np
import pandas as pd
import pytest

from tools.events import class_to_flux, read_events
from tools.flare_classes import flux_to_class
from tools.flux import read_flux
from tools.outages import read_outages

SWPC = "date,event_no,start_time,max_time,end_time,goes_sat,goes_class,noaa_ar\n"
ROWS = "0,20140101,1,0100,0110,0120,G15,C1.0,\n1,20140101,2,0200,0210,0220,G15,C1.0,\n"
NUMBERED = SWPC + ROWS  # as SWPC's long list has them: row numbers without a name in the header
OWN = "start,peak,end,goes_class,scale\n"


def written(folder, text):
    path = folder / "flares.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("goes_class", "flux"),
    [("M1.5", 1.5e-5), ("X10", 1e-3), ("C9.9", 9.9e-6), ("B1.0", 1e-7), ("A5.4", 5.4e-8)],
)
def test_classes_become_fluxes(goes_class, flux):
    assert class_to_flux(goes_class) == flux


@pytest.mark.parametrize("text", ["M", "Z1.2", "", "1.5", "M1.5e3", "C0.0", "m1.5", "C-1", None])
def test_what_is_no_class_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a GOES flare class. Expected a letter of A, B"):
        class_to_flux(text)


@pytest.mark.parametrize(
    ("flux", "goes_class"),
    [(1.5e-5, "M1.50"), (1e-3, "X10.00"), (9.996e-6, "M1.00"), (9.99e-6, "C9.99"), (5e-9, "A0.50")],
)
def test_fluxes_become_classes(flux, goes_class):
    assert flux_to_class(flux) == goes_class
    assert class_to_flux(goes_class) == pytest.approx(flux, rel=0.01)


@pytest.mark.parametrize("flux", [0.0, -1.0, np.nan, np.inf])
def test_what_is_no_flux_has_no_class(flux):
    with pytest.raises(ValueError, match=r"is no peak flux. Expected W m-2 above 0"):
        flux_to_class(flux)


def test_the_scale_published_at_the_time(tmp_path):
    head = "start_time,peak_time,end_time,goes_class\n"
    lines = "".join(f"{t},{t},,M1.0\n" for t in ("2019-12-09T17:00", "2019-12-09T18:00"))
    table = read_events(written(tmp_path, head + lines), scale="published")
    np.testing.assert_allclose(table["flux"], [1e-5 / 0.7, 1e-5])


def test_an_unknown_satellite_of_a_list_is_refused_with_the_line(tmp_path):
    path = written(tmp_path, NUMBERED + "2,20140101,3,0300,0310,0320,G77,C1.0,\n")
    with pytest.raises(ValueError, match=r"flares.csv, line 4, column 'goes_sat': expected GOES"):
        read_events(path)
    rows = "2014-01-01,,,C1.0,physical,\n2014-01-01,,,C1.0,physical,GOES\n"
    path = written(tmp_path, OWN.replace("scale", "scale,satellite") + rows)
    with pytest.raises(ValueError, match=r"line 3, column 'satellite': .* Received: 'GOES'"):
        read_events(path)


def test_a_stretch_that_ends_before_it_starts_is_refused_with_the_line(tmp_path):
    head = OWN.replace("scale", "scale,list_start,list_end")
    row = "2014-01-02,2014-01-02,,C1.0,physical,{},{}\n"
    whole, turned = row.format("2014-01-01", "2014-01-03"), row.format("2014-01-03", "2014-01-01")
    with pytest.raises(ValueError, match=r"line 3, column 'list_end': expected a time that is"):
        read_events(written(tmp_path, head + whole + turned))


def test_region_numbers_that_wrap_are_resolved_by_date(tmp_path):
    lines = "20110215,1,0144,0156,0206,G15,X2.2,1158\n20110215,2,0244,0256,0306,G15,C2.2,11158\n"
    table = read_events(written(tmp_path, SWPC + lines))
    assert table["noaa_active_region"].to_list() == [11158, 11158]


def test_swpc_times_cross_midnight(tmp_path):
    line = "20100817,1,2305,0001,0022,G14,C1.5,11093\n"
    flare = read_events(written(tmp_path, SWPC + line)).iloc[0]
    assert flare["start"] == pd.Timestamp("2010-08-17 23:05")
    assert flare["peak"] == pd.Timestamp("2010-08-18 00:01")
    assert flare["end"] == pd.Timestamp("2010-08-18 00:22")
    assert flare["noaa_active_region"] == 11093
    assert flare["satellite"] == "GOES-14"


CLOCK_FORMS = {  # of one flare on 2014-01-02, by its start, peak and end
    "SWPC": (SWPC, "20140102,1,{}{},{}{},{}{},G15,C1.0,\n"),
    "FlareNet": (
        "Year,Month,Day,Hour Start,Minute Start,Hour Peak,Minute Peak,Hour End,Minute End,"
        "Peak Flux\n",
        "2014,1,2,{},{},{},{},{},{},1e-6\n",
    ),
}


@pytest.mark.parametrize("form", CLOCK_FORMS)
@pytest.mark.parametrize(
    ("start", "peak", "end", "known_peak", "known_end"),
    [
        ("0724", "0723", "0740", None, "2014-01-02T07:40"),
        ("0724", "0730", "0723", "2014-01-02T07:30", None),
        ("0724", "0723", "0722", None, None),
        ("2305", "0001", "0022", "2014-01-03T00:01", "2014-01-03T00:22"),
        ("1205", "0004", "0004", "2014-01-03T00:04", "2014-01-03T00:04"),
        ("1205", "0005", "0005", None, None),  # twelve hours, of either day
        ("0003", "2359", "0010", None, "2014-01-02T00:10"),  # before the start, not a day after it
    ],
)
def test_a_clock_time_just_before_the_start_is_not_of_the_next_day(
    tmp_path, caplog, form, start, peak, end, known_peak, known_end
):
    head, row = CLOCK_FORMS[form]
    digits = [part for clock in (start, peak, end) for part in (clock[:2], clock[2:])]
    flare = read_events(written(tmp_path, head + row.format(*digits)), "operational").iloc[0]
    for time, known in ((flare["peak"], known_peak), (flare["end"], known_end)):
        assert time == pd.Timestamp(known) if known else pd.isna(time)
    wrong = [int(not known) for known in (known_peak, known_end)]
    told = "of 1 flares, {} have a peak before their start or over a day after it, {} an end"
    assert (told.format(*wrong) in caplog.text) is any(wrong)


def test_swpc_scale_changes_with_goes_16(tmp_path):
    lines = "20191231,1,0100,0110,0120,G15,M1.0,\n20200101,2,0100,0110,0120,G16,M1.0,     \n"
    table = read_events(written(tmp_path, SWPC + lines))
    np.testing.assert_allclose(table["flux"], [1e-5 / 0.7, 1e-5])
    assert table["class_scale"].to_list() == ["operational", "physical"]
    assert table["goes_class"].to_list() == ["M1.0", "M1.0"]
    assert table["noaa_active_region"].to_list() == [0, 0]


def test_swpc_unknown_peak_is_missing(tmp_path):
    table = read_events(written(tmp_path, SWPC + "20110411,1,2340,////,0003,G15,C2.5,11190\n"))
    assert table["peak"].isna().all()
    assert table["end"][0] == pd.Timestamp("2011-04-12 00:03")


def test_own_form_is_sorted_and_unique(tmp_path):
    lines = [
        "2014-01-02T00:00,2014-01-02T00:10:20,2014-01-02T00:20,M1.0,physical",
        "2014-01-01T00:00,2014-01-01T00:10:00,,C1.0,physical",
        "2014-01-02T00:01,2014-01-02T00:10:40,2014-01-02T00:30,M1.0,physical",  # the first again
        "2014-01-02T00:01,2014-01-02T00:10:40,2014-01-02T00:30,M1.1,physical",  # and again
    ]
    table = read_events(written(tmp_path, OWN + "\n".join(lines) + "\n"))
    assert table["goes_class"].to_list() == ["C1.0", "M1.1"]
    assert table["start"][1] == pd.Timestamp("2014-01-02T00:01")
    assert pd.isna(table["end"][0])
    assert table["peak"].dtype == "datetime64[us]"
    assert table["rows"].to_list() == [1, 3]
    again = read_events([written(tmp_path, OWN + "\n".join(lines) + "\n")] * 2)
    assert again["rows"].to_list() == [2, 6]
    pd.testing.assert_frame_equal(again.drop(columns="rows"), table.drop(columns="rows"))


def test_times_that_cannot_be_are_missing_and_counted(tmp_path, caplog):
    lines = [
        "2014-01-01T00:00,2013-12-31T12:00,2014-01-01T01:00,C1.0,physical",  # peak before start
        "2014-01-02T00:00,2014-01-02T00:10,2014-01-02T00:00,C2.0,physical",  # end before peak
        "2014-01-03T00:00,2014-01-03T00:10,2014-01-20T00:00,C3.0,physical",  # 17 days
        "2014-01-04T00:00,2014-01-04T00:10,2014-01-04T00:20,A0.0,physical",
        "2014-01-05T00:00,2015-01-05T00:10,2014-01-05T00:20,C5.0,physical",  # peak a year later
        "2014-01-06T00:00,2014-01-07T00:00,,C6.0,physical",  # a day: long, but not impossible
        "2014-01-08T00:00,2014-01-09T00:01,,C7.0,physical",
    ]
    table = read_events(written(tmp_path, OWN + "\n".join(lines) + "\n"))
    assert table["peak"].isna().to_list() == [True, False, False, False, True, False, True]
    assert table["end"].isna().to_list() == [False, True, True, False, False, True, True]
    assert table["flux"].isna().to_list() == [False] * 3 + [True] + [False] * 3
    assert (table["list_end"] == pd.Timestamp("2014-01-08T00:00")).all()
    assert "of 7 flares, 3 have a peak before their start or over a day after it, 2" in caplog.text


def test_flarenet_list_uses_the_published_peak(tmp_path):
    head = "Year,Month,Day,Hour Start,Minute Start,Hour End,Minute End,Hour Peak,Minute Peak,"
    head += "Hour Peak,Minute Peak,Peak Flux\n"
    path = written(tmp_path, head + "2017,3,26,23,49,0,8,0,2,0,1,7E-06\n")
    flare = read_events(path, scale="operational").iloc[0]
    assert flare["peak"] == pd.Timestamp("2017-03-27 00:02")
    assert flare["flux"] == pytest.approx(1e-5)
    assert flare["goes_class"] == ""
    with pytest.raises(ValueError, match="does not say the scale"):
        read_events(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("2010 01 01,U.S.,nter,her\n", "line 1: this header is of no flare list known here"),
        ("# of 2014\n2014-01-01,,,M1.0\n", r"line 2: .*first line: 2014-01-01,,,M1.0. If it is a "),
        ("time,flux\n2014-01-01,1e-6\n", "A flux series goes to --flux"),
        (OWN, "has a header and no rows"),
        (OWN + "2014-01-01,soon,,M1.0,physical\n", "line 2, column 'peak': expected a time"),
        (OWN + "2014-01-01,,,M1.0,physical\n2014-01-01,,,M,physical\n", "line 3, column 'goes_cl"),
        (OWN + "2014-01-01,,,Z1.2,physical\n", "expected a flare class such as C4.2"),
        (OWN + "2014-01-01,,,M1.0,old\n", "no scale 'old'"),
        (OWN + "2014-01-01,,,M1.0,\n", "does not say the scale"),
        (OWN + "2014-01-01,,,M1.0,physical,1,2\n", "is not a table"),
        (NUMBERED + "garbage,line\n", "Received 'garbage' as a row number in line 4"),
        (SWPC + "20140101,1,0100,2460,0120,G15,C1.0,\n", "line 2, column 'max_time'"),
        (SWPC + "20141301,1,0100,0110,0120,G15,C1.0,\n", "column 'date': expected a date"),
        (SWPC + "20140101,1,0100,0110,0120,G15,C1.0,-1158\n", "'noaa_ar': expected the number of"),
        (SWPC + "20140101,1,0100,0110,0120,G15,C1.0,115.8\n", "Received: '115.8'"),
        (SWPC + "20140101,1,0100,0110,0120,G15,C1.0,inf\n", "Received: 'inf'"),
        (SWPC + "20140101,1,////,0110,0120,G15,C1.0,\n", "column 'start_time'"),
    ],
)
def test_malformed_lists_are_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_events(written(tmp_path, text))


def test_malformed_flarenet_rows_are_refused(tmp_path):
    head = (
        "Year,Month,Day,Hour Start,Minute Start,Hour End,Minute End,Hour Peak,Minute Peak,Peak Flux"
    )
    path = written(tmp_path, f"{head}\n2014,2,30,0,0,0,9,0,5,1e-6\n")
    with pytest.raises(ValueError, match="line 2, column 'Day': expected a day of that year"):
        read_events(path, scale="physical")
    path = written(tmp_path, f"{head}\n2014,2,3,0,0,0,9,0,5,0\n")
    with pytest.raises(ValueError, match="column 'Peak Flux': expected a flux above 0"):
        read_events(path, scale="physical")


def test_no_list_at_all_is_refused():
    with pytest.raises(ValueError, match="No flare list was named"):
        read_events([])


def test_outages_are_read_and_checked(tmp_path):
    path = written(tmp_path, "start,end\n2014-04-18,2014-05-23T12:00\n")
    assert read_outages(path) == [
        (np.datetime64("2014-04-18T00:00"), np.datetime64("2014-05-23T12:00"))
    ]
    with pytest.raises(ValueError, match="line 2, column 'end': expected an end that is not"):
        read_outages(written(tmp_path, "start,end\n2014-04-18,2014-04-17\n"))
    with pytest.raises(ValueError, match="is not a list of outages"):
        read_outages(written(tmp_path, "from,to\n2014-04-18,2014-04-17\n"))


def test_real_swpc_list(real_data):
    table = read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv")
    assert len(table) == 8833 - 11  # eleven tell of a flare that another satellite's row tells of
    assert table["peak"].isna().sum() == 7  # ////
    assert (table["end"] >= table["peak"].fillna(table["start"])).all()
    largest = table.loc[table["flux"].idxmax()]  # X9.3 of 2017-09-06, operational
    assert largest["goes_class"] == "X9.3"
    assert largest["flux"] == pytest.approx(9.3e-4 / 0.7)


def test_real_hek_list_has_1454_duplicates(real_data):
    path = real_data / "goes/fl_sle.csv"
    with pytest.raises(ValueError, match="does not say the scale"):
        read_events(path)
    raw = pd.read_csv(path)
    duplicates = raw.duplicated(["peak_time", "goes_class"]).sum()
    assert duplicates == 1454
    table = read_events(path, scale="operational")
    assert table["rows"].sum() == len(raw)
    assert len(table) == len(raw) - 1970  # duplicates, and flares told twice with other numbers
    assert table["flux"].isna().sum() == 1  # A0.0
    assert table["peak"].isna().sum() == 3  # before the start, or days after it


def test_real_dirty_list_is_refused(real_data):
    with pytest.raises(ValueError, match=r"line 1: this header.*: 2010 01 01,U.S.,nter"):
        read_events(real_data / "flare_lists/dirty_all_events_list.txt")


def test_real_flarenet_list_agrees_with_swpc_on_peaks(real_data):
    flarenet = read_events(
        real_data / "flare_lists/flarenet_flares_CMX_2010_2017.csv", scale="operational"
    )
    swpc = read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv")
    assert flarenet["peak"].isin(swpc["peak"]).mean() > 0.95


def test_real_fluxes_agree_with_the_list(real_data):
    # The largest flare of each day, by the list and by the satellite's own old FITS file.
    swpc = read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv")
    for day in ("20110607", "20131028"):
        flares = swpc[swpc["peak"].dt.strftime("%Y%m%d") == day]
        flux = read_flux(real_data / f"goes/daily_fits/go15{day}.fits")
        assert flux["flux"].max() == pytest.approx(flares["flux"].max(), rel=0.05)
