"""The numbers of the light curve before each sample, beside the plainest loop over its minutes."""

import numpy as np
import pandas as pd
import pytest
import scipy.io

from tools import label_history
from tools.flux import read_flux
from tools.label_history import LARGEST_MINUTE, NUMBERS, history, read_history, write_history
from tools.label_sources import EventList, FluxSeries
from tools.windows import microseconds

START = np.datetime64("2014-01-01T00:00", "us")
MINUTE = np.timedelta64(1, "m")
DAY = 1440


def at(minutes):
    return START + np.atleast_1d(minutes) * MINUTE


def numbers(times, minutes, flux, cadence=1):
    """`history` of values at whole minutes."""
    flux = np.asarray(flux, float)
    steps = np.full(len(flux), cadence * 60_000_000)
    return history(times, microseconds(at(minutes)), flux, steps)


def by_hand(now, ends, flux):
    """The numbers at one time by definition: `ends` are the whole minutes at which values end."""

    def inside(width, until=now):
        return flux[(ends > until - width) & (ends <= until)]

    def mean(width, until=now):
        found = inside(width, until)
        return np.log10(found).mean() if len(found) >= width / 2 else np.nan

    def largest_hour(width):
        hours = [inside(60, until) for until in range(now - width + 60, now + 1)]
        known = [hour.mean() for hour in hours if len(hour) >= 30]
        return np.log10(max(known)) if len(known) >= (width - 59) // 2 else np.nan

    day = inside(DAY)
    return [
        *(mean(width) for width in (12, 180, 360, DAY, 10 * DAY)),
        *(largest_hour(days * DAY) for days in (1, 3, 10)),
        mean(DAY) - mean(DAY, now - DAY),
        np.log10(day.max()) if len(day) >= 20 * 60 else np.nan,
    ]


def test_they_equal_a_loop_over_a_series_with_gaps():
    chance = np.random.default_rng(4)
    minutes = np.arange(20 * DAY)
    kept = chance.random(len(minutes)) > 0.1
    for start, stop in ((3000, 3400), (9000, 12500), (20000, 20090)):
        kept[start:stop] = False
    minutes = minutes[kept]
    flux = chance.lognormal(-14, 1, len(minutes))
    now = np.array([16000, 3390, 700, 10, 12000, 20 * DAY + 300, 13000, 20095])
    found = numbers(at(now) + np.timedelta64(31, "s"), minutes, flux)
    assert list(found) == NUMBERS
    expected = [by_hand(one, minutes + 1, flux) for one in now]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert found.isna().any().all()
    assert found.notna().any().all()


@pytest.mark.parametrize("file", ["sci_xrsf-l2-avg1m_g13_d20140128_v1-0-0.nc", "gcsv_new.dat"])
def test_they_equal_a_loop_over_real_days(real_data, file):
    if file.endswith(".dat"):  # July 2015 with its gaps
        flux = july_2015(real_data / "goes" / file)
    else:
        flux = read_flux(real_data / "goes" / "science_nc" / file)
    source = FluxSeries(flux)
    first, last = (edge.astype("datetime64[m]").astype(int) for edge in source.span)
    now = np.linspace(first + 200, last + 30, 6).astype(int)
    found = source.history(now.astype("datetime64[m]"))
    known = flux[flux["flux"].notna()]
    ends = -(-(microseconds(known["time"]) + 60_000_000) // 60_000_000)
    expected = [by_hand(one, ends, known["flux"].to_numpy()) for one in now]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def july_2015(path):
    saved = scipy.io.readsav(path)["gdata"][0]  # its first row is a header
    times = pd.to_datetime([one.decode() for one in saved["TIME"][1:]])
    flux = pd.Series(saved["LOW"][1:].astype(float))
    return pd.DataFrame({"time": times, "flux": flux.where(flux > 0) / 0.7})


def test_nothing_of_what_follows_counts():
    """A value from minute 100 on has ended at 101: at 100 it is not known, at 101 it is."""
    minutes, flux = np.arange(3000), np.full(3000, 1e-7)
    flux[2500] = 1e-4
    before, after = numbers(at([2500, 2501]), minutes, flux)[LARGEST_MINUTE]
    assert before == pytest.approx(-7)
    assert after == pytest.approx(-4)
    late = numbers(at(2500) + np.timedelta64(59, "s"), minutes, flux)[LARGEST_MINUTE][0]
    assert late == pytest.approx(-7)
    flux[2500:] = 1.0
    found = numbers(at(2500), minutes, flux)
    np.testing.assert_allclose(found.to_numpy()[0, :4], -7)


def test_an_hourly_mean_counts_when_its_hour_has_ended():
    hours, flux = np.arange(0, 4 * DAY, 60), np.full(96, 1e-7)
    flux[72] = 1e-5  # from 72:00 to 73:00
    found = numbers(at([72 * 60 + 59, 73 * 60, 74 * 60]), hours, flux, cadence=60)
    np.testing.assert_allclose(found[LARGEST_MINUTE], [-7, -5, -5])
    # At 73:00 one minute of it lies in the window, at 74:00 all 60.
    np.testing.assert_allclose(
        found["Mean 3hr"], [-7, (-5 - 179 * 7) / 180, (-60 * 5 - 120 * 7) / 180]
    )


def test_readings_of_seconds_are_averaged_over_their_minute():
    seconds = np.arange(0, 86400, 2)
    flux = np.where(seconds // 60 % 2, 1e-6, 1e-7)
    flux[30] = 31e-6 - 29 * 1e-6  # minute 1: 29 readings of 1e-6 and one of 2e-6
    times = microseconds(START + seconds * np.timedelta64(1, "s"))
    found = history(at(DAY), times, flux, np.full(len(flux), 2_000_000))
    assert found[LARGEST_MINUTE][0] == pytest.approx(np.log10(31 / 30 * 1e-6))


def test_no_flare_is_said_only_of_a_day_that_was_watched():
    minutes, flux = np.arange(DAY), np.full(DAY, 1e-7)
    enough = minutes < 1200
    assert numbers(at(DAY), minutes[enough], flux[enough])[LARGEST_MINUTE][0] == pytest.approx(-7)
    enough[1199] = False
    assert np.isnan(numbers(at(DAY), minutes[enough], flux[enough])[LARGEST_MINUTE][0])


def test_stretches_change_nothing(monkeypatch):
    chance = np.random.default_rng(5)
    minutes, flux = np.arange(15 * DAY), chance.lognormal(-14, 1, 15 * DAY)
    times = at(chance.integers(0, 15 * DAY, 50))
    whole = numbers(times, minutes, flux)
    monkeypatch.setattr(label_history, "STRETCH", DAY)
    pd.testing.assert_frame_equal(numbers(times, minutes, flux), whole)


def test_a_flare_list_is_no_light_curve():
    one = {"start": START, "peak": START + 5 * MINUTE, "end": START + 9 * MINUTE}
    events = pd.DataFrame({**one, "flux": 1e-5, "satellite": ""}, index=[0])
    assert EventList(events).history(at([0, 10])) is None


def test_the_file_keeps_seven_digits_and_what_is_unknown(tmp_path):
    table = pd.DataFrame(np.random.default_rng(6).normal(-6, 1, (3, len(NUMBERS))), columns=NUMBERS)
    table.iloc[1, 2] = np.nan
    path = tmp_path / "y" / "Light_Curve.csv"
    stamps = ["20140101_0000", "20140101_0012", "20140101_0024"]
    write_history(path, stamps, table)
    found = read_history(path)
    assert found.index.to_list() == stamps
    np.testing.assert_array_equal(found.astype("float32"), table.astype("float32"))
    assert path.read_text().splitlines()[2].split(",")[3] == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("Mean 3hr", "Mean"), "is no table .*columns Mean 3hr are miss"),
        (lambda text: text + text.splitlines()[1] + "\n", "expected each time once"),
        (lambda text: text.replace("-6.5", "low", 1), "line 2, column 'Mean 12min': expected a nu"),
        (lambda text: "", "is empty. Expected a header line"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path, change, message):
    path = tmp_path / "Light_Curve.csv"
    table = pd.DataFrame(-6.5, range(2), NUMBERS)
    write_history(path, ["20140101_0000", "20140101_0012"], table)
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=message):
        read_history(path)
