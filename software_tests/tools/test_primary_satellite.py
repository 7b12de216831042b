import numpy as np
import pandas as pd
import pytest

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


def test_unknown_satellites_are_refused():
    with pytest.raises(ValueError, match=r"'GOES-20' is no satellite known here"):
        satellite_name("GOES-20")
