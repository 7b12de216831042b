"""Readings and means are told apart by their times."""

import pathlib

import numpy as np
import pandas as pd
import pytest
import sunpy.data.test

from tools.flux import read_flux
from tools.flux_cadence import check_kinds
from tools.flux_files import read_file

PATH = pathlib.Path("readings.csv")
READINGS = sorted(
    path
    for pattern in ("*flx1s*.nc", "*gxrs*.nc", "go15*.fits*")
    for path in pathlib.Path(sunpy.data.test.rootdir).glob(pattern)
)


def table_of(*seconds):
    """Rows of one satellite at these seconds after 2014-01-01T00:00."""
    seconds = np.sort(np.concatenate(seconds))
    times = np.datetime64("2014-01-01", "us") + (seconds * 1e6).astype("timedelta64[us]")
    return pd.DataFrame({"time": times, "satellite": "GOES-15"})


DAY = 0.5 + 2.048 * np.arange(42_000)


@pytest.mark.parametrize(
    ("mean", "readings"),
    [
        (3600.0, DAY),
        (3600.0, DAY[(DAY < 3590) | (DAY > 3660)]),  # in a gap of the readings
        (3600.0, DAY[: int(3600 / 2.048) + 3]),  # the last but some
    ],
)
def test_a_mean_among_readings_is_refused(mean, readings):
    check_kinds(table_of(readings), PATH)
    with pytest.raises(ValueError, match=r"means among readings.*: 1 rows .* of 2014-01-01T01:00"):
        check_kinds(table_of(readings, [mean]), PATH)


def test_all_means_are_counted():
    minutes = 60.0 * np.arange(1, 1400, 2)
    with pytest.raises(ValueError, match=r"means among readings") as error:
        check_kinds(table_of(DAY, minutes), PATH)
    count = int(str(error.value).split("Received: ")[1].split()[0])
    phase = (minutes - 0.5) / 2.048 % 1
    assert "Take out all means, not these alone" in str(error.value)
    assert count == ((phase > 0.05) & (phase < 0.95)).sum() == 634  # of 700


@pytest.mark.parametrize("cadence", [1.0, 2.0, 2.048, 2.5, 3.0])
@pytest.mark.parametrize("rounded", [False, True])
def test_readings_with_gaps_and_a_clock_that_was_set_are_let_pass(cadence, rounded):
    rng = np.random.default_rng(0)
    times = cadence * np.arange(int(80_000 / cadence)) + 0.5
    times = times[rng.random(len(times)) > 0.01]
    times[len(times) // 2 :] += 0.7
    check_kinds(table_of(np.unique(np.floor(times)) if rounded else times), PATH)


def test_stamps_of_readings_that_jitter_are_let_pass():
    rng = np.random.default_rng(1)
    late = rng.choice([-1.0, 0.0, 1.0], 28_000, p=[0.002, 0.996, 0.002])
    times = 1 + 3.0 * np.arange(28_000) + late
    assert ((late != 0) & (times % 60 == 0)).any()
    check_kinds(table_of(times), PATH)


def test_a_reading_between_gaps_is_no_mean_where_stamps_are_of_milliseconds():
    # Steps are of 2.047 and 2.048 s: by their median an hour is 0.34 of a step off.
    steps = np.arange(-5000, 5001)
    times = 14_400 + 2.0474 * steps[(abs(steps) > 1758) | (steps == 0)]
    check_kinds(table_of(np.round(times, 3)), PATH)


def test_a_clock_that_was_set_in_a_gap_to_a_full_minute_is_let_pass():
    check_kinds(table_of(DAY[:1000], 3600 + 2.048 * np.arange(5000)), PATH)


def test_a_reading_out_of_step_is_no_mean():
    check_kinds(table_of(DAY[(DAY < 3590) | (DAY > 3660)], [3622.3]), PATH)


def test_means_with_gaps_are_let_pass():
    minutes = 60.0 * np.arange(1440)
    check_kinds(table_of(minutes[(minutes % 3600) > 300], [1830.5]), PATH)


@pytest.mark.parametrize("path", READINGS, ids=lambda path: path.name)
def test_sunpy_s_files_of_readings_are_let_pass(path):
    read_flux(path)


@pytest.mark.parametrize("name", ["daily_fits", "science_nc", "sunkit_nc"])
def test_real_files_are_let_pass_and_a_mean_in_them_is_found(real_data, name):
    for path in sorted((real_data / "goes" / name).iterdir()):
        table = read_file(path)
        check_kinds(table, path)
        if pd.Timedelta("2s") < table["time"].diff().median() < pd.Timedelta("30s"):
            mean = free_minute(table["time"])
            together = pd.concat([table, table.iloc[[0]].assign(time=mean)])
            with pytest.raises(ValueError, match=f"1 rows on full minutes.*{mean:%Y-%m-%dT%H:%M}"):
                check_kinds(together.sort_values("time", ignore_index=True), path)


def free_minute(times):
    """The first full minute that no reading lies near to."""
    minutes = pd.date_range(times.iloc[100].ceil("min"), times.iloc[-1], freq="min")
    return next(m for m in minutes if (times - m).abs().min() > pd.Timedelta("0.3s"))
