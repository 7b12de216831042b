import numpy as np
import pandas as pd
import pytest

from tools.events import read_events
from tools.flux import read_flux
from tools.label_sources import EventList, FluxSeries
from tools.label_windows import COLUMNS, date_stamps
from tools.labels import (
    WORDS,
    duration_token,
    label_file,
    labels_from_flux,
    read_labels,
    write_labels,
)

MINUTE = np.timedelta64(1, "m")
START = np.datetime64("2014-01-01T00:00", "us")


def minutes(values):
    return START + np.asarray(values) * MINUTE


def series(values, step=1, **columns):
    times = minutes(np.arange(len(values)) * step)
    return pd.DataFrame({"time": times, "flux": np.asarray(values, float), **columns})


@pytest.mark.parametrize(
    ("duration", "token"),
    [(0, "00min"), (12, "12min"), (36, "36min"), (60, "01hr"), (90, "90min"), (1440, "24hr")],
)
def test_duration_tokens(duration, token):
    assert duration_token(duration) == token


def test_label_file_names():
    assert label_file(0, 12) == "All_Ys_00minDelay_12minMax.csv"
    assert label_file(60, 1440) == "All_Ys_01hrDelay_24hrMax.csv"


@pytest.mark.parametrize("duration", [-1, 0.5])
def test_what_is_no_duration_is_refused(duration):
    with pytest.raises(ValueError, match=r"is no duration. Expected whole minutes"):
        duration_token(duration)


def test_date_stamps_equal_strftime():
    times = pd.Series(minutes([0, 59, 60, 1439, 600000]) + np.timedelta64(59_999_999, "us"))
    assert date_stamps(times).tolist() == times.dt.strftime("%Y%m%d_%H%M").to_list()


# --- from a flux series


def test_the_window_holds_its_start_and_not_its_end():
    # t = 2 min, delay 3, catch 4: minutes 5, 6, 7, 8. The larger ones beside it do not count.
    values = np.full(20, 1e-7)
    values[[4, 9]] = 9e-5
    values[[5, 8]] = [2e-7, 3e-7]
    row = labels_from_flux(minutes([2]), series(values), 3, 4).iloc[0]
    assert row["Catch Flux"] == 3e-7
    assert row["Current Flux"] == 1e-7
    assert row["Delta"] == pytest.approx(2e-7)
    assert row["Coverage"] == 1
    assert row["Date Stamp"] == "20140101_0002"


def test_unknown_is_nan_and_never_zero():
    table = labels_from_flux(minutes([-100, 30]), series(np.full(10, 1e-7)), 0, 12)
    assert table[["Catch Flux", "Current Flux", "Delta", "Quiet", "In Progress"]].isna().all().all()
    assert table["Coverage"].to_list() == [0, 0]


def test_coverage_is_the_fraction_of_samples_that_are_valid():
    values = np.full(60, 1e-7)
    values[10:13] = np.nan  # three of twelve
    table = labels_from_flux(minutes([9, 20, 54]), series(values), 0, 12)
    np.testing.assert_allclose(table["Coverage"], [9 / 12, 1, 6 / 12])


def test_hourly_means_stamped_in_the_middle():
    times = START + np.timedelta64(1830, "s") + np.arange(48) * 60 * MINUTE
    means = pd.DataFrame({"time": times, "flux": 1e-7})
    day = labels_from_flux(minutes([0, 720, 1440]), means, 0, 1440)
    assert day["Coverage"].to_list() == [1, 1, 1]
    assert day["Quiet"].to_list() == [1, 1, 1]
    assert day["Current Flux"].isna().to_list() == [True, False, False]
    short = labels_from_flux(minutes([0, 24]), means, 0, 12)  # shorter than a mean: mostly unknown
    assert short["Catch Flux"].isna().to_list() == [True, False]


def test_jitter_and_two_cadences_do_not_change_the_coverage():
    # GOES-15 gives 2.047 s, then 1-minute averages: each sample counts for what it stands for.
    fast = START + (np.arange(3517) * 2.048e6 + np.arange(3517) % 3 * 1e3).astype("m8[us]")
    slow = minutes(np.arange(121, 300))
    times = np.concatenate([fast, slow])
    cadence = np.repeat(np.array([2_047_000, 60_000_000]).astype("m8[us]"), [3517, 179])
    frame = pd.DataFrame({"time": times, "flux": 1e-7, "cadence": cadence})
    table = labels_from_flux(minutes([0, 60, 112, 150]), frame, 0, 36)
    np.testing.assert_allclose(table["Coverage"], [1, 1, 1, 1], atol=0.03)
    assert table["Quiet"][[0, 1, 3]].to_list() == [1, 1, 1]


@pytest.mark.parametrize("catch", [12, 16])
def test_windows_of_readings_are_whole_whatever_their_phase(catch):
    # 720 s are 351.73 readings of 2.047 s, and 960 s 468.98: some windows hold 0.98 of one less.
    times = START + (np.arange(3000) * 2.047e6).astype("m8[us]")
    seconds = START + (np.arange(0, 4, 0.01) * 1e6).astype("m8[us]")
    frame = pd.DataFrame({"time": times, "flux": 1e-7})
    labels = labels_from_flux(seconds, frame, 1, catch)
    assert (labels["Censored"] == 0).all()
    assert labels["Coverage"].between(1 - 2.047 / (60 * catch), 1).all()
    two_lack = labels_from_flux(seconds, frame.drop(index=[200, 201]), 1, catch)
    assert (two_lack["Censored"] == 1).all()


def test_a_minute_that_lacks_is_seen_where_stamps_jitter():
    jitter = np.random.default_rng(0).integers(-100_000, 100_000, 200).astype("m8[us]")
    frame = series(np.full(200, 1e-7)).assign(time=lambda table: table["time"] + jitter)
    now = minutes(np.arange(10, 100)) - np.timedelta64(1, "s")
    whole = FluxSeries(frame, MINUTE).labels(now, 0, 60)
    lacking = FluxSeries(frame.drop(index=105), MINUTE).labels(now, 0, 60)
    assert (whole["Censored"] == 0).all()
    np.testing.assert_array_equal(lacking["Censored"], (now > minutes(45)) & (now < minutes(105)))


def test_current_flux_is_the_newest_within_two_cadences():
    values = np.array([1, 2, np.nan, np.nan, np.nan, 6]) * 1e-7
    table = labels_from_flux(minutes([-1, 1, 2, 3, 4, 5]), series(values), 0, 1)
    np.testing.assert_array_equal(table["Current Flux"] * 1e7, [np.nan, 2, 2, 2, np.nan, 6])


def test_current_flux_is_the_mean_of_the_minute_of_t_and_of_no_later_one(tmp_path):
    path = tmp_path / "minutes.csv"  # stamped with their starts, as NOAA's are
    lines = [f"2014-01-01T00:{minute:02d},{minute + 1}e-7\n" for minute in range(5)]
    path.write_text("# scale: physical\ntime,flux\n" + "".join(lines), encoding="utf-8")
    seconds = START + np.array([119, 120, 150, 179, 180]).astype("m8[s]")
    table = labels_from_flux(seconds, read_flux(path), 0, 1)
    np.testing.assert_allclose(table["Current Flux"], np.array([2, 3, 3, 3, 4]) * 1e-7)


def test_quiet_needs_the_whole_window_and_a_flux_under_c1():
    # C1.0 of the operational scale: 1e-6 / 0.7 = 1.42857e-6 W m-2.
    values = np.full(40, 1.4285e-6)
    values[20] = 1.42858e-6
    values[30] = np.nan
    table = labels_from_flux(minutes([0, 12, 24, 25]), series(values), 0, 12)
    np.testing.assert_array_equal(table["Quiet"], [1, 0, np.nan, np.nan])


def test_a_flare_list_and_the_flux_agree_on_what_is_quiet():
    # One flare of every tenth of a class from B8.0 to C2.0, an hour each, seen by both.
    classes = np.arange(8, 21) / 10
    peaks = 30 + 60 * np.arange(len(classes))
    fluxes = classes * 1e-6 / 0.7
    values = np.full(60 * len(classes) + 60, 1e-7)
    values[peaks] = fluxes
    times = {"start": minutes(peaks - 5), "peak": minutes(peaks), "end": minutes(peaks + 5)}
    flares = EventList(pd.DataFrame({**times, "flux": fluxes, "satellite": ""}))
    windows = minutes(peaks - 2)
    by_list = flares.labels(windows, 0, 4)["Quiet"]
    by_flux = FluxSeries(series(values)).labels(windows, 0, 4)["Quiet"]
    np.testing.assert_array_equal(by_list, classes < 0.999)
    np.testing.assert_array_equal(by_flux, by_list)


def test_windows_over_a_gap_or_an_end_are_censored():
    values = np.full(60, 5e-7)
    values[30] = np.nan
    table = labels_from_flux(minutes([-1, 0, 18, 19, 30, 31, 48, 49, 80]), series(values), 0, 12)
    assert table["Censored"].to_list() == [1, 0, 0, 1, 1, 0, 0, 1, 1]
    # What is censored is never quiet: something may have been missed.
    assert table.loc[table["Censored"] == 1, "Quiet"].isna().all()
    assert (table.loc[table["Censored"] == 0, "Quiet"] == 1).all()


def test_a_flare_list_beside_the_flux_tells_which_flares_are_under_way():
    flares = pd.DataFrame(
        {"start": minutes([10, 30]), "peak": minutes([12, 31]), "end": minutes([15, 33])}
    ).assign(flux=1e-6, satellite="")
    source = FluxSeries(series(np.full(60, 1e-7)), flares=EventList(flares))
    table = source.labels(minutes([9, 10, 15, 16, 34]), 0, 12)
    np.testing.assert_array_equal(table["In Progress"], [np.nan, 1, 1, 0, np.nan])
    assert (table["Catch Flux"] == 1e-7).all()


def test_the_satellite_is_that_of_the_catch_flux():
    names = ["GOES-15"] * 10 + ["GOES-16"] * 10
    frame = series(np.arange(1, 21) * 1e-8, satellite=names)
    table = labels_from_flux(minutes([0, 5, 15, 90]), frame, 0, 8)
    assert table["Satellite"].to_list() == ["GOES-15", "GOES-16", "GOES-16", ""]
    assert (table["Scale"] == "physical").all()
    frame["satellite"] = [""] * 10 + ["GOES-16"] * 10
    assert labels_from_flux(minutes([0, 15, 90]), frame, 0, 8)["Satellite"].to_list() == [
        "",
        "GOES-16",
        "",
    ]


def brute_force(times, frame, delay, catch):
    """The labels of a flux series by a plain loop."""
    known = frame[frame["flux"].notna()].sort_values("time")
    stamps, flux = known["time"].to_numpy(), known["flux"].to_numpy()
    cadence = np.median(np.diff(np.unique(frame["time"].to_numpy())))
    rows = []
    for t in times:
        inside = (stamps >= t + delay * MINUTE) & (stamps < t + (delay + catch) * MINUTE)
        before = (stamps <= t) & (stamps >= t - 2 * cadence)
        rows.append(
            (
                flux[inside].max() if inside.any() else np.nan,
                flux[before][-1] if before.any() else np.nan,
            )
        )
    return np.array(rows)


@pytest.mark.parametrize(("delay", "catch"), [(0, 12), (36, 60), (1440, 1440), (7, 1)])
def test_flux_labels_equal_those_of_a_loop(delay, catch):
    random = np.random.default_rng(delay + catch)
    offsets = np.unique(random.integers(0, 4000 * 60, 2500))  # irregular, in seconds
    offsets = offsets[(offsets < 60_000) | (offsets > 90_000)]  # with a gap
    flux = random.lognormal(-14, 1, len(offsets))
    flux[random.random(len(offsets)) < 0.1] = np.nan
    frame = pd.DataFrame({"time": START + offsets.astype("m8[s]"), "flux": flux})
    times = START + random.integers(-200_000, 300_000, 400).astype("m8[s]")
    frame = frame.sample(frac=1, random_state=0)
    table = labels_from_flux(times, frame, delay, catch)
    expected = brute_force(times, frame, delay, catch)
    np.testing.assert_array_equal(table["Catch Flux"], expected[:, 0])
    np.testing.assert_array_equal(table["Current Flux"], expected[:, 1])
    np.testing.assert_allclose(table["Delta"], expected[:, 0] - expected[:, 1])
    assert table["Coverage"].between(0, 1).all()
    assert (table["Coverage"] > 0).to_numpy().tolist() == (~np.isnan(expected[:, 0])).tolist()


@pytest.mark.parametrize("catch", [12, 60, 1440])
def test_coverage_equals_that_of_counting(catch):
    random = np.random.default_rng(catch)
    values = np.full(5000, 1e-7)
    values[random.random(5000) < 0.3] = np.nan
    when = random.integers(0, 5000 - catch, 200)
    table = labels_from_flux(minutes(when), series(values), 0, catch)
    counted = [np.isfinite(values[a : a + catch]).mean() for a in when]
    np.testing.assert_allclose(table["Coverage"], counted)


def test_windows_that_are_none_are_refused():
    frame = series([1e-7, 1e-7])
    with pytest.raises(ValueError, match="No window has a delay of -1 and a catch of 12"):
        labels_from_flux(minutes([0]), frame, -1, 12)
    with pytest.raises(ValueError, match=r"a catch of 0 minutes. Expected"):
        labels_from_flux(minutes([0]), frame, 0, 0)


def test_missing_times_and_empty_sources_are_refused():
    with pytest.raises(ValueError, match="A time is missing"):
        labels_from_flux(np.array(["NaT"], "M8[us]"), series([1e-7, 1e-7]), 0, 12)
    with pytest.raises(ValueError, match="None of the 2 fluxes is known"):
        FluxSeries(series([np.nan, np.nan]))


def test_one_cadence_can_be_given():
    frame = series(np.full(10, 1e-7), step=2)
    table = labels_from_flux(minutes([0]), frame, 0, 20, cadence=np.timedelta64(60, "s"))
    assert table["Coverage"][0] == 0.5  # ten samples of one minute each


# --- files


def test_labels_survive_the_file(tmp_path):
    random = np.random.default_rng(0)
    values = random.lognormal(-14, 2, 200)
    values[50:60] = np.nan
    table = labels_from_flux(minutes(np.arange(0, 230, 7)), series(values), 12, 24)
    table["Filename"] = [f"store/{i}.fthr" if i % 2 else "" for i in range(len(table))]
    path = tmp_path / "y" / label_file(12, 24)
    write_labels(path, table)
    header = path.read_text(encoding="utf-8").splitlines()[0]
    assert header == (
        "Date Stamp,Catch Flux,Current Flux,Delta,Filename,"
        "Coverage,Quiet,In Progress,Satellite,Scale,Censored"
    )
    back = read_labels(path)
    assert [back.index.name, *back.columns] == COLUMNS
    for name in sorted(set(COLUMNS) - set(WORDS)):
        assert back[name].dtype == np.float64
        np.testing.assert_allclose(back[name], table[name], rtol=1e-7)
    assert back["Filename"].iloc[1] == "store/1.fthr"
    assert pd.isna(back["Filename"].iloc[0])
    assert back["Satellite"].isna().all()
    assert list(back.index) == list(table["Date Stamp"])
    assert ",0.0," not in path.read_text(encoding="utf-8")


def test_files_without_the_censored_column_are_read(tmp_path):
    table = labels_from_flux(minutes([0]), series([1e-7, 1e-7]), 0, 1).drop(columns="Censored")
    path = tmp_path / "labels.csv"
    write_labels(path, table)
    assert read_labels(path)["Censored"].isna().all()
    path.write_text(
        path.read_text(encoding="utf-8").replace(",Censored", "").replace("physical,", "physical"),
        encoding="utf-8",
    )
    assert read_labels(path)["Censored"].isna().all()
    assert read_labels(path)["Catch Flux"].to_list() == pytest.approx([1e-7])


def test_what_is_no_label_file_is_refused(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("Date Stamp,Catch Flux,Current Flux,Delta,Filename\n", encoding="utf-8")
    missing = "the columns Coverage, Quiet, In Progress, Satellite, Scale are missing"
    with pytest.raises(ValueError, match=missing):
        read_labels(path)
    head = ",".join(COLUMNS) + "\n"
    row = "20140101_0000,1e-6,,,,1,,,,physical\n"
    path.write_text(head + row + row, encoding="utf-8")
    with pytest.raises(ValueError, match="line 3, column 'Date Stamp': expected each time once"):
        read_labels(path)
    path.write_text(head + row.replace("_", "T"), encoding="utf-8")
    with pytest.raises(ValueError, match="expected a time as YYYYmmdd_HHMM"):
        read_labels(path)
    path.write_text(head + row.replace("1e-6", "high"), encoding="utf-8")
    with pytest.raises(ValueError, match="line 2, column 'Catch Flux': expected a number"):
        read_labels(path)


# --- real files


def test_real_series_labels(real_data):
    paths = sorted((real_data / "goes/science_nc").glob("sci_gxrs*20140128*"))
    frame = read_flux(paths)
    times = np.datetime64("2014-01-28T00:00", "us") + np.arange(0, 1380, 30) * MINUTE
    table = labels_from_flux(times, frame, 0, 60)
    np.testing.assert_array_equal(table["Catch Flux"], brute_force(times, frame, 0, 60)[:, 0])
    # 41,182 samples of 2.048 s make 84,341 of the day's 86,400 s: 0.976.
    day = labels_from_flux(times[:1], frame, 0, 1440)
    assert day["Coverage"][0] == pytest.approx(41_180 * 2.048 / 86_400, abs=2e-3)


def test_real_days_with_gaps_equal_a_loop_over_their_minutes(real_data):
    """Coverage, Censored, Quiet and In Progress of real days, by counting minutes one by one."""
    flux = read_flux(real_data / "goes/science_nc/sci_xrsf-l2-avg1m_g13_d20140128_v1-0-0.nc")
    events = read_events(real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv")
    flux = flux.drop(index=[*range(300, 330), *range(700, 702), 900])  # absent rows
    flux.loc[[100, 1000, 1001], "flux"] = np.nan
    source = FluxSeries(flux, flares=EventList(events))
    day = np.datetime64("2014-01-28", "us")
    times = day + np.arange(-60, 1500, 12) * MINUTE
    known = flux[flux["flux"].notna()].set_index("time")["flux"]
    grid = known.reindex(pd.date_range(day - 60 * MINUTE, periods=4500, freq="min"))
    assert 30 < grid["2014-01-28"].isna().sum() < 45
    near = events[(events["start"] - pd.Timestamp(day)).abs() < pd.Timedelta("3D")]
    flares = list(zip(near["start"], near["end"], strict=True))
    for delay, catch in ((0, 12), (36, 60), (60, 1440)):
        table = source.labels(times, delay, catch)
        for t, row in zip(times, table.to_dict("records"), strict=True):
            first = 60 + int((t - day) / MINUTE) + delay
            window = grid.iloc[max(first, 0) : first + catch].to_numpy()
            valid = np.isfinite(window)
            assert row["Coverage"] == pytest.approx(valid.sum() / catch)
            assert row["Censored"] == (valid.sum() < catch)
            assert np.isnan(row["Catch Flux"]) == (not valid.any())
            if valid.any():
                assert row["Catch Flux"] == window[valid].max()
            known_quiet = not row["Censored"] and window.max() < 1e-6 / 0.7
            assert (row["Quiet"] == 1) == known_quiet
            assert row["In Progress"] == any(start <= t <= end for start, end in flares)
