"""What a flux series tells: scales, missing values, satellites, cadences and times."""

import numpy as np
import pandas as pd
import pytest

from dataset_models.goes.hourly import read_hourly
from software_tests.flux_tables import rows, written
from tools.flux import known_scales, read_flux, to_physical
from tools.primary_satellite import satellite_name


def test_an_operational_m1_is_seven_tenths_of_its_physical_flux():
    # NOAA: operational = 0.7 x physical, so M1.0 of the old scale is 1e-5 / 0.7 = 1.43e-5 W m-2.
    assert to_physical(np.array([1e-5]), "operational")[0] == pytest.approx(1.4285714e-5)
    assert to_physical(np.array([1e-5]), "physical")[0] == 1e-5
    both = to_physical(np.array([7e-6, 7e-6]), np.array(["operational", "physical"]))
    np.testing.assert_allclose(both, [1e-5, 7e-6])


@pytest.mark.parametrize("text", ["G15", "GOES-15", "goes15", "GOES 15", "15", "g015"])
def test_satellite_names_have_one_spelling(text):
    assert satellite_name(text) == "GOES-15"


def test_other_satellites_keep_their_names():
    assert satellite_name("SDO") == "SDO"
    assert satellite_name(None) == satellite_name(" ") == ""


@pytest.mark.parametrize("text", ["G99", "GOES-0", "Hinode", "-9999"])
def test_an_unknown_satellite_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"is no satellite known here. Expected GOES-1 to GOES-19"):
        satellite_name(text)
    lines = ["2014-01-01T00:00,1e-6,G15", f"2014-01-01T00:01,1e-6,{text}"]
    path = written(tmp_path, rows(*lines, head="# from a friend\ntime,flux,satellite\n"))
    message = rf"flux\.csv, line 4, column 'satellite': expected GOES-1 to GOES-19 .*'{text}'"
    with pytest.raises(ValueError, match=message):
        read_flux(path, scale="physical")


def test_missing_of_every_kind_is_nan(tmp_path):
    values = ["1e-6", "-99999", "-9999", "0", "-1e-7", "NaN", "", "NA", "inf", "2e-6"]
    lines = [f"2014-01-01T00:{i:02d}:00,{value}" for i, value in enumerate(values)]
    table = read_flux(written(tmp_path, rows(*lines)))
    np.testing.assert_array_equal(table["flux"].iloc[[0, 9]], [1e-6, 2e-6])
    assert table["flux"].iloc[1:9].isna().all()
    assert list(table.columns) == ["time", "flux", "satellite", "quality", "scale", "cadence"]
    assert (table["cadence"] == pd.Timedelta("1min")).all()


@pytest.mark.parametrize(
    ("minutes", "received"),
    [
        ([0, 2, 1], "2014-01-01 00:02:00, then 2014-01-01 00:01:00 .*rows 2 and 3"),
        ([0, 1, 1], "2014-01-01 00:01:00, then 2014-01-01 00:01:00"),
    ],
)
def test_times_unsorted_or_doubled_are_refused(tmp_path, minutes, received):
    path = written(tmp_path, rows(*(f"2014-01-01T00:{m:02d},1e-6" for m in minutes)))
    with pytest.raises(ValueError, match=f"unsorted or doubled. Expected .*{received}"):
        read_flux(path)


def test_a_quality_column_is_honoured(tmp_path):
    head = "# scale: physical\ntime,flux,quality\n"
    lines = ["2014-01-01T00:00,1e-6,0", "2014-01-01T00:01,9e-4,1", "2014-01-01T00:02,1e-6,"]
    table = read_flux(written(tmp_path, rows(*lines, head=head)))
    assert table["flux"].isna().to_list() == [False, True, False]
    assert table["quality"].to_list() == [0, 1, 0]


def readings(folder, name, count=600, step="2.047s", **columns):
    times = pd.date_range("2014-01-01", periods=count, freq=step)
    table = pd.DataFrame({"time": times, "flux": 1e-6, "scale": "physical", **columns})
    table.to_csv(folder / name, index=False)
    return folder / name


def test_readings_and_means_are_never_mixed(tmp_path):
    fast = readings(tmp_path, "fast.csv")
    slow = readings(tmp_path, "slow.csv", count=40, step="1min")
    with pytest.raises(ValueError, match=r"different cadences.*fast.csv every 2.047 s, .*slow.csv"):
        read_flux([slow, fast])
    table = read_flux([fast, slow], minute_means=True)
    assert (table["cadence"] == pd.Timedelta("1min")).all()
    assert len(table) == 40
    assert len(read_flux([fast, readings(tmp_path, "third.csv", step="3s")])) > 600


def both_kinds(folder, name, satellites=("GOES-15", "GOES-15"), means=40):
    """One file with ten minutes of readings of 1 s, and then means of a minute."""
    fast = pd.date_range("2014-01-01", periods=600, freq="1s")
    slow = pd.date_range("2014-01-01T00:10", periods=means, freq="1min")
    parts = [
        pd.DataFrame({"time": times, "flux": 1e-6, "satellite": satellite, "scale": "physical"})
        for times, satellite in zip((fast, slow), satellites, strict=True)
    ]
    pd.concat(parts).to_csv(folder / name, index=False)
    return folder / name


@pytest.mark.parametrize("offset", [2, 30])
def test_the_cadence_of_a_file_is_that_of_each_satellite(tmp_path, offset):
    # An hour of minute means of the primary GOES-15, and those of GOES-14 some seconds later.
    times = pd.date_range("2014-01-01", periods=60, freq="min")
    first = pd.DataFrame({"time": times, "flux": 1e-6, "satellite": "GOES-15"})
    later = times + pd.Timedelta(seconds=offset)
    both = pd.concat([first, first.assign(time=later, flux=2e-6, satellite="GOES-14")])
    path = tmp_path / "both.csv"
    both.sort_values("time").assign(scale="physical").to_csv(path, index=False)
    table = read_flux(path)
    assert (table["cadence"] == pd.Timedelta("1min")).all()
    assert table["time"].to_list() == times.to_list()
    assert (table["flux"] == 1e-6).all()


@pytest.mark.parametrize("minute_means", [False, True])
def test_readings_and_means_in_one_file_are_refused(tmp_path, minute_means):
    message = r"both\.csv holds fluxes of different cadences\. .*every 1 s and every 60 s\. Put"
    for satellites in (("GOES-15", "GOES-15"), ("GOES-15", "GOES-14")):
        path = both_kinds(tmp_path, "both.csv", satellites)
        with pytest.raises(ValueError, match=message):
            read_flux(path, minute_means=minute_means)
    with pytest.raises(ValueError, match=message):
        read_flux(both_kinds(tmp_path, "both.csv", means=6), minute_means=minute_means)


def test_gaps_are_no_other_cadence(tmp_path):
    # Readings of 1 s with gaps of a minute, of which at most three follow each other.
    times = np.arange(400)
    for after, gap in ((100, 60), (101, 60), (102, 60), (200, 61), (300, 3600)):
        times[after:] += gap - 1
    flux = pd.DataFrame({"time": pd.Timestamp("2014-01-01") + pd.to_timedelta(times, unit="s")})
    flux.assign(flux=1e-6, scale="physical").to_csv(tmp_path / "gaps.csv", index=False)
    assert (read_flux(tmp_path / "gaps.csv")["cadence"] == pd.Timedelta("1s")).all()


def test_a_mean_needs_half_of_its_readings(tmp_path):
    # 20 readings of 3 s in a minute: the second minute keeps 10 of them, the third 9.
    flux = np.full(60, 1e-6)
    flux[20:30] = flux[40:51] = np.nan
    flux[:20] = np.arange(1, 21) * 1e-7
    table = read_flux(
        readings(tmp_path, "fast.csv", count=60, step="3s", flux=flux), minute_means=True
    )
    np.testing.assert_allclose(table["flux"], [1.05e-6, 1e-6, np.nan])
    assert table["time"].dt.minute.to_list() == [0, 1, 2]


def test_the_primary_satellite_holds_whatever_the_order(tmp_path):
    # GOES-14 was primary from 2012-10-23T16:00, GOES-15 before.
    times = pd.date_range("2012-10-23 15:58", periods=4, freq="min")
    paths = []
    for satellite, flux in (("15", 1e-6), ("14", 2e-6)):
        table = pd.DataFrame({"time": times, "flux": flux, "satellite": satellite})
        paths.append(tmp_path / f"{satellite}.csv")
        table.to_csv(paths[-1], index=False)
    for order in (paths, paths[::-1]):
        table = read_flux(order, scale="physical")
        assert table["satellite"].to_list() == ["GOES-15"] * 2 + ["GOES-14"] * 2
        assert table["flux"].to_list() == [1e-6, 1e-6, 2e-6, 2e-6]


def test_times_with_a_zone_become_utc(tmp_path):
    lines = ["2014-01-01T01:00:00+01:00,1e-6", "2014-01-01T00:01:00Z,2e-6"]
    table = read_flux(written(tmp_path, rows(*lines)))
    assert list(table["time"]) == [
        pd.Timestamp("2014-01-01 00:00"),
        pd.Timestamp("2014-01-01 00:01"),
    ]


def test_the_comment_the_column_and_the_user_say_the_scale(tmp_path):
    line = "2014-01-01T00:00:00,7e-6"
    note = "# SYNTHETIC, drawn from the synthetic Sun; scale: operational\ntime,flux\n"
    assert read_flux(written(tmp_path, rows(line, head=note)))["flux"][0] == pytest.approx(1e-5)
    plain = written(tmp_path, rows(line, head="time,flux\n"), "plain.csv")
    assert read_flux(plain, scale="operational")["flux"][0] == pytest.approx(1e-5)
    assert read_flux(plain, scale="physical")["flux"][0] == 7e-6
    column = rows(f"{line},operational,15", f"{line},,16", head="time,flux,scale,satellite\n")
    table = read_flux(written(tmp_path, column, "column.csv"))
    assert table["satellite"].to_list() == ["GOES-15"]  # GOES-16 says the same time: left out
    assert table["flux"][0] == pytest.approx(1e-5)
    assert table["scale"].to_list() == ["physical"]


def test_goes_r_needs_no_word_about_scale(tmp_path):
    text = rows("2020-01-01T00:00:00,1e-6,G16", head="time,flux,satellite\n")
    assert read_flux(written(tmp_path, text))["flux"][0] == 1e-6


def test_an_unsaid_scale_is_refused_with_the_way_out(tmp_path):
    path = written(tmp_path, rows("2014-01-01T00:00:00,1e-6,G15", head="time,flux,satellite\n"))
    with pytest.raises(ValueError, match=r'does not say the scale.*scale="operational"'):
        read_flux(path)


def test_an_unknown_scale_is_refused(tmp_path):
    path = written(tmp_path, rows("2014-01-01T00:00:00,1e-6", head="# scale: true\ntime,flux\n"))
    with pytest.raises(ValueError, match=r"no scale 'true'. Expected one of"):
        read_flux(path)
    with pytest.raises(ValueError, match="no scale 'new'"):
        read_flux(path, scale="new")


def test_scales_fall_back_only_where_nothing_is_said():
    said = pd.Series(["physical", None, None], dtype=object)
    satellites = pd.Series(["GOES-15", "GOES-15", "GOES-17"])
    found = known_scales(said, satellites, "operational", "list")
    assert found.to_list() == ["physical", "operational", "physical"]


def test_what_no_flare_can_be_is_missing_and_counted(tmp_path, caplog):
    # 0.08 on the operational scale is 0.114 on the physical one, 0.06 is 0.086.
    lines = [f"2014-01-01T00:0{i},{value}" for i, value in enumerate((1e-6, 0.06, 0.08, 32767))]
    path = written(tmp_path, rows(*lines, head="# scale: operational\ntime,flux\n"))
    table = read_flux(path)
    assert table["flux"].isna().to_list() == [False, False, True, True]
    assert table["flux"][1] == pytest.approx(0.06 / 0.7)
    assert "flux.csv: 2 of 4 fluxes are above 0.1 W m-2. No flare is" in caplog.text


def test_of_duplicate_times_the_valid_one_stays_then_the_first_file(tmp_path):
    first = written(tmp_path, rows("2014-01-01T00:00,", "2014-01-01T00:01,2e-6"), "b.csv")
    second = written(tmp_path, rows("2014-01-01T00:00,5e-6", "2014-01-01T00:01,6e-6"), "a.csv")
    assert read_flux([first, second])["flux"].to_list() == [5e-6, 2e-6]
    assert read_flux([second, first])["flux"].to_list() == [5e-6, 6e-6]


def test_a_second_satellite_fills_only_the_gaps_of_the_first(tmp_path):
    head = "time,flux,satellite\n"
    minutes = [0, 1, 2, 6, 7]
    first = rows(*(f"2020-01-01T00:{m:02d}:00,1e-6,16" for m in minutes), head=head)
    second = rows(*(f"2020-01-01T00:{m:02d}:30,2e-6,17" for m in range(8)), head=head)
    table = read_flux([written(tmp_path, first, "1.csv"), written(tmp_path, second, "2.csv")])
    # The first holds within one minute of each of its samples: from 00:03:00 to 00:05:00 it is
    # blind by more than that, which leaves :30 of minutes 3 and 4 to the other satellite.
    extra = table[table["satellite"] == "GOES-17"]["time"].dt.minute.to_list()
    assert extra == [3, 4]
    assert len(table) == 7


def test_real_hourly_operational_flux_is_seven_tenths_of_the_science_flux(real_data):
    # The proof of the scale: GOES-15 on 2014-01-28, hourly means of both kinds.
    science = read_flux(real_data / "goes/science_nc/sci_gxrs-l2-irrad_g15_d20140128_v0-0-0.nc")
    hourly = read_hourly(real_data / "goes/GOES15_60min_newest.dat", scale="physical")
    # A bin with its centre at hh:29:30, as on this day, stands at the whole hour at its end.
    operational = 10 ** hourly["log_flux"].shift(freq="-1h")
    means = science.set_index("time")["flux"].resample("h").mean()
    ratio = (operational / means).dropna()
    assert len(ratio) == 24
    assert ratio.between(0.68, 0.72).all()
    assert ratio.mean() == pytest.approx(0.707, abs=0.001)


def test_real_means_of_minutes_agree_with_noaa_s(real_data):
    folder = real_data / "goes/science_nc"
    readings = read_flux(folder / "sci_gxrs-l2-irrad_g15_d20140128_v0-0-0.nc", minute_means=True)
    averages = read_flux(folder / "sci_xrsf-l2-avg1m_g13_d20140128_v1-0-0.nc")
    both = readings.merge(averages, on="time", suffixes=("", "_noaa")).dropna()
    ratio = both["flux"] / both["flux_noaa"]
    assert len(both) > 1400
    assert ratio.median() == pytest.approx(1, abs=0.1)  # of two instruments
    # Shifted by a minute, the light curves would agree less well.
    shifted = both["flux"] / both["flux_noaa"].shift()
    assert np.log(ratio).std() < 0.5 * np.log(shifted).std()


def test_real_zeros_of_the_secondary_satellite_are_missing(real_data):
    folder = real_data / "aia_lightcurves_goes_20250729"
    table = read_flux(
        [folder / f"goes_{which}_timeseries.csv" for which in ("secondary", "primary")]
    )
    assert (table["satellite"] == "GOES-18").mean() > 0.95
    assert not (table["flux"] == 0).any()
    assert table["time"].is_unique
