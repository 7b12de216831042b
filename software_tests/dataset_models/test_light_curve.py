import shutil

import numpy as np
import pandas as pd
import pytest
import scipy.io

from dataset_models.dataset import DatasetNotFoundError
from dataset_models.goes import inputs, parts, regression, sample_files
from dataset_models.goes.hourly import read_hourly
from dataset_models.goes.light_curve import LightCurve
from dataset_models.goes.targets import largest_within_a_day
from software_tests.contracts import assert_dataset_contract
from tools import events, skill

SAMPLE = {
    "series": sample_files.SERIES,
    "flare_lists": (sample_files.FLARES,),
    "scale": "physical",
    "test_year": 2013,
}


@pytest.fixture(scope="module")
def dataset(sample_folder):
    return LightCurve(folder=sample_folder, train_cadence_hours=12, **SAMPLE)


def write_series(path, rows, columns="time,flux,short_flux"):
    path.write_text("\n".join([columns, *rows]))
    return path


def test_the_contract_holds(dataset):
    assert_dataset_contract(dataset, batch_size=16)


def test_nothing_after_the_time_of_the_forecast_is_seen(dataset, tmp_path):
    """Two series that differ only in bins that end after t give the same inputs at t."""
    original = pd.read_csv(dataset.folder / sample_files.SERIES, comment="#")
    time = dataset.describe("test", 3)["time"]
    ends = pd.to_datetime(original["time"]) + pd.Timedelta("30min")
    original.loc[ends > time, ["flux", "short_flux"]] *= 100
    for name in (sample_files.SERIES, sample_files.FLARES):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((dataset.folder / name).read_text())
    original.to_csv(tmp_path / sample_files.SERIES, index=False)
    changed = LightCurve(folder=tmp_path, train_cadence_hours=12, **SAMPLE)
    assert changed.describe("test", 3)["time"] == time
    ours, theirs = dataset.sample("test", 3, None)[0], changed.sample("test", 3, None)[0]
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name])
    later = changed.sample("test", 5, None)[0]["hours"]
    assert not np.array_equal(dataset.sample("test", 5, None)[0]["hours"], later, equal_nan=True)


def test_targets_are_those_of_looking_through_the_list(dataset):
    flares = pd.read_csv(dataset.folder / sample_files.FLARES, comment="#")
    letters = flares["goes_class"].str[0]
    # M1.0 operational is M1.43 physical.
    size = flares["goes_class"].str[1:].astype(float) * letters.map({"M": 1, "X": 10}).fillna(0)
    peaks = pd.to_datetime(flares.loc[size * 0.7 >= 1, "peak"]).to_numpy()
    for split in dataset.splits:
        for i in range(0, dataset.size(split), 7):
            time = dataset.describe(split, i)["time"]
            expected = any(time <= peak < time + np.timedelta64(24, "h") for peak in peaks)
            assert dataset.target(split, i)[0] == expected
    assert sum(dataset.target("train", i)[0] for i in range(dataset.size("train"))) > 0


def test_the_hourly_maximum_is_that_of_the_next_24_hours(sample_folder):
    dataset = LightCurve(folder=sample_folder, dependent_variable="hourly maximum", **SAMPLE)
    series = read_hourly(sample_folder / sample_files.SERIES, "physical")["log_flux"]
    for i in range(0, dataset.size("test"), 5):
        time = pd.Timestamp(dataset.describe("test", i)["time"])
        # Row T is the bin that ended in (T - 1 h, T]: the next 24 end 1 h to 24 h later.
        window = series[time + pd.Timedelta("1h") : time + pd.Timedelta("24h")]
        assert len(window) == 24
        assert dataset.target("test", i)[0] == np.float32(window.max())
    assert dataset.units["target"] == "log10(W / m2)"
    assert "linear" in dataset.baselines("test")


def test_the_hourly_maximum_is_of_bins_centred_in_the_24_hours(tmp_path):
    """The real file's bins end half a minute after the hour: known late, but of their own hour."""
    centres = pd.date_range("2014-01-01T00:30:30", periods=96, freq="h")
    flux = 1e-7 * np.random.default_rng(5).permutation(np.arange(1.0, 97.0))
    rows = [f"{time},{one},{one / 10}" for time, one in zip(centres, flux, strict=True)]
    series = read_hourly(write_series(tmp_path / "a.csv", rows), "physical")
    ahead, behind = largest_within_a_day(series)
    for time, came, known in list(zip(series.index, ahead, behind, strict=True))[24:48]:
        within = (centres >= time) & (centres < time + pd.Timedelta("24h"))
        assert within.sum() == 24
        assert came == pytest.approx(np.log10(flux[within].max()), abs=1e-5)
        ended = centres + pd.Timedelta("30min") <= time
        assert known == pytest.approx(np.log10(flux[ended][-24:].max()), abs=1e-5)


def test_the_hourly_maximum_of_the_real_file(real_data):
    path = real_data / "goes" / "GOES15_60min_newest.dat"
    saved = scipy.io.readsav(path)
    stamps = [text.decode() for text in saved["time60out"]]
    centres = pd.to_datetime(stamps, format="%d-%b-%y %H:%M:%S.%f")
    flux = np.log10(np.where(saved["low60out"] > 0, saved["low60out"] / 0.7, np.nan))
    series = read_hourly(path)
    ahead, _ = largest_within_a_day(series)
    for row in range(20_000, 40_000, 997):
        window = (centres >= series.index[row]) & (
            centres < series.index[row] + np.timedelta64(1, "D")
        )
        assert window.sum() == 24
        assert ahead[row] == pytest.approx(np.nanmax(flux[window]), abs=1e-5)


def test_splits_are_years_with_an_embargo(dataset):
    table = dataset.split_table()
    times = {split: table.loc[table["split"] == split, "time"] for split in dataset.splits}
    assert set(times["validation"].dt.year) == {2012}
    assert set(times["test"].dt.year) == {2013}
    # 27 days, ten days of history and one of forecast.
    for first, second in (("train", "validation"), ("validation", "test")):
        assert times[second].min() - times[first].max() > pd.Timedelta("38D")
    assert set(times["test"].dt.hour) == {0}


def test_times_with_gaps_are_left_out_and_counted(dataset):
    reasons = dataset.split_table()["reason"].value_counts()
    # 30 hours are missing: from the fifth missing hour of 24 to the fifth before the last goes out.
    gap = reasons["fewer than 20 known hours of the last 24"]
    assert 0 < gap <= 30 // 12 + 2


def test_references_forecast_the_same_samples(dataset):
    references = dataset.baselines("test")
    assert set(references) == {
        "climatology",
        "climatology 365 d",
        "climatology of the period",
        "persistence",
        "logistic",
    }
    for forecast in references.values():
        assert forecast.shape == (dataset.size("test"), 1)
        assert np.isfinite(forecast).all()
    behind = [dataset.describe("test", i)["labels"]["last 24 h"] for i in range(5)]
    np.testing.assert_array_equal(references["persistence"][:5, 0], behind)


def test_real_series_gives_the_references_their_known_scores(real_data):
    """Persistence of >= M1.0 near 0.42 over 2013 to 2017, as counted for this series before."""
    tables = []
    for year in range(2013, 2018):
        dataset = LightCurve(folder=real_data, test_year=year, train_cadence_hours=24)
        observed = np.array([dataset.target("test", i)[0] for i in range(dataset.size("test"))])
        persistence = dataset.baselines("test")["persistence"][:, 0]
        tables.append((observed, persistence))
    pooled = skill.contingency(*(np.concatenate(part) for part in zip(*tables, strict=True)))
    assert pooled.tss == pytest.approx(0.42, abs=0.04)


def test_the_real_series_is_read_on_the_physical_scale(real_data):
    series = read_hourly(real_data / "goes" / "GOES15_60min_newest.dat")
    # The first bin, 2010-09-01T00:30:30, 8.1750798e-08 W m-2 operational, ends half a minute after
    # 01 UT, so that it is known at 02 UT.
    assert series.index[0] == pd.Timestamp("2010-09-01T02:00")
    assert series["log_flux"].iloc[0] == pytest.approx(np.log10(8.1750798e-08 / 0.7), abs=1e-6)
    # The short channel, 1.1825494e-09, stands above its floor.
    assert series["log_short_flux"].iloc[0] == pytest.approx(np.log10(1.1825494e-09 / 0.85))
    assert series["log_short_flux"].min() > np.log10(1e-9 / 0.85)


def test_bins_count_from_the_hour_after_their_end(tmp_path):
    rows = [
        "2014-01-01T00:30:00,1e-6,1e-8",
        "2014-01-01T01:30:30,2e-6,1e-9",
        "2014-01-01T03:30,0,1",
    ]
    series = read_hourly(write_series(tmp_path / "a.csv", rows), "physical")
    # 00:30:00 ends at 01:00:00 sharp; 01:30:30 ends at 02:00:30; 0 is missing.
    expected = {1: -6.0, 2: np.nan, 3: np.log10(2e-6), 4: np.nan}
    assert dict(zip(series.index.hour, series["log_flux"], strict=True)) == pytest.approx(
        expected, nan_ok=True
    )
    assert np.isnan(series["log_short_flux"].iloc[2])  # at the floor


def test_days_and_summary_by_brute_force():
    chance = np.random.default_rng(2)
    flux = chance.normal(-6, 0.4, (400, 2))
    flux[chance.random(400) < 0.1] = np.nan
    series = pd.DataFrame(flux, columns=["log_flux", "log_short_flux"])
    days, summary = inputs.days(series), inputs.summary(series)
    for row in (239, 300, 399):
        for day in range(10):
            end = row + 1 - 24 * (9 - day)
            window = flux[end - 24 : end, 0]
            expected = [np.nanmean(window), np.nanmax(window), np.isfinite(window).mean()]
            assert days[row, day, [0, 1, 3]] == pytest.approx(expected, rel=1e-6)
        assert summary[row, 3] == pytest.approx(np.nanmax(flux[row - 23 : row + 1, 0]))
        assert summary[row, 7] == pytest.approx(np.nanmax(flux[row - 239 : row + 1, 0]))
        now, before = flux[row - 23 : row + 1, 0], flux[row - 47 : row - 23, 0]
        assert summary[row, 8] == pytest.approx(np.nanmean(now) - np.nanmean(before), abs=1e-6)


def test_bad_input(tmp_path, dataset):
    with pytest.raises(ValueError, match="no target 'flares'"):
        LightCurve(folder=dataset.folder, **SAMPLE | {"dependent_variable": "flares"})
    with pytest.raises(DatasetNotFoundError, match=r"sample_files\.py"):
        LightCurve(folder=tmp_path, **SAMPLE)
    wrong = write_series(tmp_path / "b.csv", ["1,2"], "date,value")
    with pytest.raises(ValueError, match="Expected the columns time,flux,short_flux"):
        read_hourly(wrong)
    twice = write_series(tmp_path / "c.csv", ["2014-01-01T00:30,1,1"] * 2)
    with pytest.raises(ValueError, match=r"unsorted or doubled.*bins 1 and 2"):
        read_hourly(twice)
    (tmp_path / "d.dat").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not a GOES hourly series"):
        read_hourly(tmp_path / "d.dat")
    with pytest.raises(ValueError, match="only 0"):
        regression.fit(np.zeros((3, 1)), np.zeros(3), logistic=True)


def test_parts_are_those_of_looking_through_the_list(real_data):
    files = [real_data / name for name in ("goes/fl_sle.csv",)]
    flares = events.read_events(files, "operational")
    times = np.arange(np.datetime64("2014-02-01"), np.datetime64("2014-04-01"), dtype="M8[D]")
    found = parts.of_times(times, flares, 1e-5)
    raw = pd.read_csv(files[0], parse_dates=["start_time", "end_time", "peak_time"])
    day = pd.Timedelta("24h")
    for i, time in enumerate(pd.DatetimeIndex(times)):
        strong = raw[raw["goes_class"].str[0].isin(["M", "X"])]
        before = strong["peak_time"].between(time - day, time, inclusive="left")
        assert found["no flare in the last 24 h"][i] == (not before.any())
        going = (raw["start_time"] <= time) & (time <= raw["end_time"])
        going &= raw["end_time"] - raw["start_time"] < day  # an end days later is a slip
        assert found["flare in progress"][i] == going.any()
        ahead = strong[strong["peak_time"].between(time, time + day, inclusive="left")]
        ahead = ahead[(ahead["hgx"] != 0) | (ahead["hgy"] != 0)]
        limb = len(ahead) > 0 and (ahead["hgx"].abs() > 60).all()
        quiet = not strong["peak_time"].between(time, time + day, inclusive="left").any()
        assert found["flares beyond 60 degrees, and days without"][i] == (limb or quiet)
    assert not np.any(found["flare in progress"] & found["no flare in progress"])


def test_subsets_follow_the_split(dataset):
    found = dataset.subsets("test")
    assert {"no flare in the last 24 h", "no flare in progress"} <= set(found)
    behind = [
        dataset.describe("test", i)["labels"]["last 24 h"] for i in range(dataset.size("test"))
    ]
    np.testing.assert_array_equal(found["no flare in the last 24 h"], np.array(behind) == 0)


def test_times_that_no_list_covers_are_unknown_not_quiet(dataset, tmp_path):
    """A list of November 2011 and one from March 2012 on: between them nothing is known."""
    (tmp_path / sample_files.SERIES).parent.mkdir()
    shutil.copy(dataset.folder / sample_files.SERIES, tmp_path / sample_files.SERIES)
    flares = pd.read_csv(dataset.folder / sample_files.FLARES, comment="#")
    early, late = flares["start"].between("2011-11", "2011-12"), flares["start"] > "2012-03"
    for name, chosen in (("early.csv", early), ("late.csv", late)):
        flares[chosen].to_csv(tmp_path / name, index=False)
    settings = SAMPLE | {"flare_lists": ("early.csv", "late.csv")}
    changed = LightCurve(folder=tmp_path, train_cadence_hours=12, embargo_days=0, **settings)
    table = changed.split_table()
    known = table[(table["split"] != "") & (table["time"] < "2012-03-10")]
    assert known["time"].between("2011-11-01", "2011-12-01").sum() > 30
    assert not known["time"].between("2011-12-02", "2012-02-28").any()
    assert (table["reason"] == "target unknown").sum() > 100


def test_the_regression_learns_anew_where_the_split_changes(dataset):
    before = dataset.regression
    folded = dataset.folded(3, 1)
    assert folded.regression is not before
    assert dataset.regression is before
    times = folded.split_table()
    assert not np.allclose(folded.regression.coefficients, before.coefficients), times


@pytest.mark.parametrize("name", ["threshold", "train_cadence_hours", "cadence_hours"])
def test_settings_that_are_not_above_zero(sample_folder, name):
    with pytest.raises(ValueError, match=f"Expected more than 0. Received: {name}=-1"):
        LightCurve(folder=sample_folder, **SAMPLE | {name: -1})


def test_flares_without_longitudes_make_no_such_parts(dataset):
    assert not any("degrees" in name for name in dataset.subsets("test"))
