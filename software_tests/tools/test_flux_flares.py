import numpy as np
import pandas as pd
import pytest
import scipy.io

from tools.events import read_events
from tools.flare_repeats import matches
from tools.flux import read_flux
from tools.flux_flares import flares_of_flux
from tools.outages import SMALLEST

DAY = pd.Timestamp("2014-01-01")
LEVEL = 1e-6  # W m-2, of the quiet flux
FLARE = [1.0, 1.2, 1.4, 1.8, 3.0, 5.0, 4.9, 4.0, 3.1, 2.9, 2.0]  # halfway back is 3.0
SWPC = "flare_lists/swpc_flarelist_20100101-20210810.csv"


def series(*flares, length=1440):
    """A day of minutes at `LEVEL`, and flares of (first minute, fluxes in units of it)."""
    flux = np.full(length, LEVEL)
    for first, values in flares:
        flux[first : first + len(values)] = LEVEL * np.array(values)
    times = pd.date_range(DAY, periods=length, freq="min").astype("datetime64[us]")
    return pd.DataFrame({"time": times, "flux": flux})


def minutes(table):
    columns = [((table[name] - DAY) / pd.Timedelta("1min")).to_list() for name in table.columns[:3]]
    return [tuple(map(int, row)) for row in zip(*columns, strict=True)]


def test_start_peak_and_end_are_swpc_s():
    # The four minutes 600 to 603 rise from 1.0 to 1.8; 2.9 is the first that is below halfway.
    table = flares_of_flux(series((600, FLARE), (900, FLARE)))
    assert minutes(table) == [(600, 605, 609), (900, 905, 909)]
    np.testing.assert_allclose(table["flux"], 5e-6)
    assert table["peak"].dtype == "datetime64[us]"


def test_a_rise_in_a_flare_is_part_of_it():
    second = [3.1, 3.5, 4.0, 4.6, 6.0, 2.0]
    assert minutes(flares_of_flux(series((600, FLARE[:8] + second)))) == [(600, 612, 613)]


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 1.2, 1.6, 1.6, 1.9, 3.0, 2.0],  # at no time four that rise
        [1.0, 1.1, 1.2, 1.39, 1.45, 1.5, 1.6, 1.65],  # not steeply
        [1.0, 9.0],  # a spike
        [0.2, 0.3, 0.5, 0.6, 0.9],  # below C1
        [1.0, np.nan, 1.3, 1.6, 1.6, 1.0],
        [1.0, 1.2, 1.4, 2.0, 5.0, np.nan, 3.0, 1.0],  # perhaps it peaks in the gap
        [1.0, 1.2, 1.4, 2.0, 5.0] + 835 * [4.0],  # it does not end
        [1.0, 1.2, 1.4, 2.0, 5.0] + 500 * [4.0],  # it ends too late
    ],
)
def test_what_is_no_flare(values):
    assert flares_of_flux(series((600, values))).empty


def test_flares_below_the_smallest_are_left_out():
    flux = series((600, FLARE))
    assert flares_of_flux(flux, smallest=5.1e-6).empty
    assert len(flares_of_flux(flux, smallest=4.9e-6)) == 1


def test_the_light_after_an_eclipse_is_no_flare():
    # The satellite sees no Sun for an hour, and the Sun fades by half within the hours after.
    eclipse = [0.5, 0.1, *60 * [0.001], 0.1, 0.4, 0.7, 0.9]
    flux = series((600, eclipse))
    flux["flux"] *= 4
    flux.loc[700:, "flux"] *= np.linspace(1, 0.3, 740)
    assert flares_of_flux(flux).empty
    dark = flux["flux"] < LEVEL
    assert flares_of_flux(flux.assign(flux=flux["flux"].mask(dark))).empty
    assert flares_of_flux(flux[~dark]).empty


def test_a_flare_after_hours_without_flux_is_left_out():
    flux = series((600, FLARE))
    assert flares_of_flux(flux[511:]).empty  # 89 minutes, less than half of three hours
    assert len(flares_of_flux(flux[510:])) == 1


def test_other_cadences_and_empty_series_hold_none():
    flux = series((600, FLARE))
    assert flares_of_flux(flux[::5]).empty
    assert flares_of_flux(flux.assign(time=DAY + (flux["time"] - DAY) / 60)).empty
    assert flares_of_flux(flux[:0]).empty
    assert flares_of_flux(flux[:3]).empty


def test_a_real_month_agrees_with_the_list(real_data):
    record = scipy.io.readsav(real_data / "goes/gcsv_new.dat")["gdata"]
    times = pd.to_datetime([text.decode() for text in record["TIME"][0][1:]])
    flux = pd.Series(record["LOW"][0][1:]).astype(float)  # operational
    found = flares_of_flux(pd.DataFrame({"time": times, "flux": flux.where(flux > 0) / 0.7}))
    swpc = read_events(real_data / SWPC)
    listed = swpc[(swpc["peak"].dt.strftime("%Y%m") == "201507") & (swpc["flux"] >= SMALLEST)]
    pairs = matches(found, listed)
    assert (len(found), len(listed), len(pairs)) == (39, 46, 39)  # no other one is found
    ratio = found["flux"].to_numpy()[pairs[:, 0]] / listed["flux"].to_numpy()[pairs[:, 1]]
    assert np.median(ratio) == pytest.approx(1, abs=0.05)
    apart = found["start"].to_numpy()[pairs[:, 0]] - listed["start"].to_numpy()[pairs[:, 1]]
    assert np.median(np.abs(apart)) <= np.timedelta64(2, "m")


@pytest.mark.parametrize(
    "file",
    ["sci_xrsf-l2-avg1m_g13_d20140128_v1-0-0.nc", "sci_gxrs-l2-irrad_g15_d20140128_v0-0-0.nc"],
)
def test_two_satellites_saw_a_flare_that_no_list_holds(real_data, file):
    found = flares_of_flux(read_flux(real_data / "goes/science_nc" / file, minute_means=True))
    lists = [
        read_events(real_data / SWPC),
        read_events(real_data / "goes/fl_sle.csv", scale="published"),
    ]
    listed = {place for events in lists for place, _ in matches(found, events)}
    (lacking,) = set(range(len(found))) - listed
    assert found["peak"][lacking] == pd.Timestamp("2014-01-28T14:30")
    assert found["flux"][lacking] == pytest.approx(5e-6, rel=0.1)
