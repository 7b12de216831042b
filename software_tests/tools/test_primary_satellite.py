import numpy as np
import pandas as pd
import pytest

from tools.flux import read_flux
from tools.primary_satellite import (
    primary_satellite,
    published_scale,
    satellite_name,
    satellite_number,
)


def test_the_primary_satellite_changes_at_the_minute_of_the_table():
    times = pd.to_datetime(
        ["2009-01-01", "2010-01-01", "2012-10-23T15:59", "2012-10-23T16:00", "2026-01-01"],
        format="ISO8601",
    )
    expected = ["", "GOES-14", "GOES-15", "GOES-14", "GOES-18"]
    assert primary_satellite(times).tolist() == expected
    assert primary_satellite(np.array([], "datetime64[us]")).size == 0


def test_numbers_of_satellites():
    assert [satellite_number(name) for name in ("GOES-16", "SDO", "")] == [16, 0, 0]


def test_what_swpc_publishes_is_physical_from_goes_16_on():
    times = pd.to_datetime(["2019-12-09T17:29", "2019-12-09T17:30"])
    assert published_scale(times).tolist() == ["operational", "physical"]


def test_the_real_list_names_the_same_satellites(real_data):
    # An independent witness: the satellite that SWPC wrote beside each of its flares.
    path = real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv"
    table = pd.read_csv(path, dtype=str)
    minutes = table["start_time"].str[:2].astype(int) * 60 + table["start_time"].str[2:].astype(int)
    times = pd.to_datetime(table["date"]) + pd.to_timedelta(minutes, unit="min")
    agree = table["goes_sat"].map(satellite_name) == primary_satellite(times)
    assert len(table) == 8833
    assert agree.sum() == 8740  # the rest: another one during eclipses, at changes, and SDO


def test_the_real_files_of_2025_name_goes_18(real_data):
    path = real_data / "aia_lightcurves_goes_20250729/goes_primary_timeseries.csv"
    table = pd.read_csv(path)
    expected = [f"GOES-{number}" for number in table["satellite"]]
    times = pd.to_datetime(table["time_tag"], utc=True).dt.tz_localize(None)
    assert primary_satellite(times).tolist() == expected
    assert published_scale(times)[0] == "physical"


@pytest.mark.parametrize("name", ["GOES-19", "g19", "goes19", "19", " GOES 19 "])
def test_goes_19_is_known(name):
    assert satellite_name(name) == "GOES-19"


@pytest.mark.parametrize("name", ["GOES-20", "goes0", "Hinode", "GOES-1.5", "18,19"])
def test_unknown_satellites_are_refused(name):
    with pytest.raises(ValueError, match=rf"'{name}' is no satellite known here. Expected GOES-1"):
        satellite_name(name)


def test_real_goes_18_and_19_agree_and_the_primary_is_preferred(real_data):
    folder = real_data / "aia_lightcurves_goes_20250729"
    paths = [folder / f"goes_{which}_timeseries.csv" for which in ("secondary", "primary")]
    secondary, primary = (read_flux(path).set_index("time") for path in paths)
    assert secondary["satellite"].unique().tolist() == ["GOES-19"]
    assert secondary["flux"].isna().sum() == 107  # zeros in the file
    ratio = (secondary["flux"] / primary["flux"]).dropna()
    assert len(ratio) == 1330
    assert ratio.median() == pytest.approx(0.99, abs=0.005)  # as measured
    assert ratio.quantile([0.01, 0.99]).between(0.95, 1.05).all()
    joined = read_flux(paths).set_index("time")  # the secondary is named first, and gives way
    valid = primary["flux"].dropna()
    assert (joined.loc[valid.index, "satellite"] == "GOES-18").all()
    np.testing.assert_array_equal(joined.loc[valid.index, "flux"], valid)
    # The secondary's file ends a minute later.
    assert joined.index[joined["satellite"] == "GOES-19"] == [pd.Timestamp("2025-07-30T21:03")]
