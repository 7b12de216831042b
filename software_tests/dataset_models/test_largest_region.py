"""The largest active region at a time, from summaries, from SHARP records, and from both."""

import pathlib

import numpy as np
import pandas as pd
import pytest
import sunpy
from astropy import units
from astropy.coordinates import SkyCoord
from sunpy.coordinates import HeliographicStonyhurst, propagate_with_solar_surface

from dataset_models.sdo import largest_region
from dataset_models.sdo.sharp_segments import read_segments
from dataset_models.sdo.side_channels import HAND_TAILORED
from software_tests import raw_archive

REAL = pathlib.Path(sunpy.__file__).parent / "data" / "test" / "SRS"  # NOAA's own summaries
DAY = np.timedelta64(1, "D")
NONE = pd.DataFrame(columns=list(largest_region.COLUMNS)).astype(largest_region.COLUMNS)


def times(*texts):
    return np.array(texts, "datetime64[ns]")


@pytest.fixture
def summaries(tmp_path):
    """The summary of 2013-12-31: the largest region is 11936, at S16W32 when that day began."""
    (tmp_path / "2013").mkdir()
    (tmp_path / "2013" / "20131231SRS.txt").write_text(raw_archive.SUMMARY)
    table, problems = largest_region.of_summaries(tmp_path)
    assert problems == []
    return table


@pytest.fixture
def harps(tmp_path):
    """A table of features that names HARP 3535, NOAA 11943, at 2013-12-31T06:00, at the centre."""
    return features(tmp_path, HARPNUM=3535, NOAA_AR=11943, LAT_FWT=0.0, LON_FWT=0.0)


def features(folder, **region):
    row = {"T_REC": "2013-12-31T06:00:00", **dict.fromkeys(HAND_TAILORED, 1.0), **region}
    pd.DataFrame([row]).to_csv(folder / "features.csv", index=False)
    table, problems = largest_region.of_features(folder / "features.csv")
    assert problems == []
    return table


def test_regions_of_real_summaries():
    """Read off the texts of the summaries: the regions with the largest area of section I."""
    table, problems = largest_region.of_summaries(REAL)
    assert problems == []
    assert table["time"].is_monotonic_increasing
    found = table.set_index(table["time"].astype(str))
    names = ["active_region", "latitude", "longitude"]
    assert found.loc["2015-09-06 00:30:00", names].to_list() == [12411, 13, -50]  # N13E50
    assert found.loc["2000-09-27 00:30:00", names].to_list() == [9169, 12, 34]  # N12W34, no wrap
    assert found.loc["1996-04-30 00:30:00", names].isna().all()  # "None"
    assert str(found.loc["2010-06-21 00:45:00", "valid"]) == "2010-06-21 00:00:00"  # "20/2400Z"


def test_the_newest_summary_not_later_is_taken(summaries):
    asked = times("2013-12-31T00:29", "2014-01-02T00:31", "2013-12-31T00:30", "2014-01-02T00:30")
    found = largest_region.at(asked, summaries, NONE)
    # Before; too old; at; 48 h old.
    assert found["active_region"].fillna(0).to_list() == [0, 0, 11936, 11936]
    assert found["harp"].isna().all()
    assert found["longitude"].isna().to_list() == [True, True, False, False]


def test_the_longitude_is_that_of_the_images_time(summaries):
    (longitude,) = largest_region.at(times("2013-12-31T12:00"), summaries, NONE)["longitude"]
    # At 16 degrees sin^2 is 0.07598, sin^4 0.00577: 2.894 - 0.428 * 0.07598 - 0.370 * 0.00577 =
    # 2.8593 microrad/s or 14.155 degrees a day; 0.9856 less, as the Earth goes round, is 13.169.
    assert longitude == pytest.approx(32 + 13.169 / 2, abs=0.002)


def test_the_rotation_is_that_of_sunpy_s_coordinates():
    start, end = "2014-01-01", "2014-01-03"
    latitude, longitude = np.array([0.0, 25.0, -40.0]), np.array([-60.0, 0.0, 20.0])
    there = SkyCoord(
        longitude * units.deg,
        latitude * units.deg,
        1 * units.R_sun,
        frame=HeliographicStonyhurst(obstime=start),
    )
    with propagate_with_solar_surface(rotation_model="howard"):
        twin = there.transform_to(HeliographicStonyhurst(obstime=end)).lon.deg
    found = largest_region.rotated(longitude, latitude, np.full(3, 2 * DAY))
    # The Earth is fastest in January: 1.019 degrees a day rather than 0.986.
    np.testing.assert_allclose(found, twin, atol=0.08)


def test_real_regions_turn_so():
    """Three regions of two of NOAA's summaries, four days apart, whose places are whole degrees."""
    latitude, before, after = np.array([-13, 12, -14]), [-51, -46, -19], [2, 7, 38]
    found = largest_region.rotated(before, latitude, np.full(3, 4 * DAY))
    np.testing.assert_allclose(found, after, atol=4.5)  # the last one's spots decayed meanwhile
    np.testing.assert_allclose(found[:2], after[:2], atol=1)


def test_a_harp_has_its_number_beside_noaa_s(summaries, harps):
    asked = times("2013-12-31T05:59", "2013-12-31T06:00", "2014-01-01T06:00", "2014-01-01T06:01")
    found = largest_region.at(asked, summaries, harps)
    assert found["harp"].fillna(0).to_list() == [0, 3535, 3535, 0]  # later; at; 24 h old; too old
    assert found["active_region"].to_list() == [11936] * 4  # by the spots
    assert found["longitude"].between(32, 55).all()  # of the region with the spots


def test_a_harp_stands_in_where_there_is_no_summary(harps):
    asked = times("2013-12-31T06:00", "2013-12-31T18:00")
    found = largest_region.at(asked, NONE, harps)
    assert found["active_region"].to_list() == [11943] * 2
    # 13.34 degrees a day at the equator: 2.894 microrad/s less the Earth's 0.9856 degrees.
    np.testing.assert_allclose(found["longitude"], [0, 13.34 / 2], atol=0.002)


def test_a_harp_that_noaa_did_not_number(tmp_path):
    harps = features(tmp_path, HARPNUM=3535, NOAA_AR=0, LAT_FWT=0.0, LON_FWT=-70.5)
    (found,) = largest_region.at(times("2013-12-31T06:00"), NONE, harps).to_dict("records")
    assert found["harp"] == 3535
    assert found["longitude"] == -70.5
    assert pd.isna(found["active_region"])


def test_features_without_regions_know_none(tmp_path):
    assert features(tmp_path).empty
    table, problems = largest_region.of_features(tmp_path / "none.csv")
    assert table.empty
    assert problems == []


def test_a_broken_table_of_features_is_listed(tmp_path):
    (tmp_path / "features.csv").write_text("T_REC,HARPNUM\n2013-12-31,3535\n")
    table, ((file, reason),) = largest_region.of_features(tmp_path / "features.csv")
    assert table.empty
    assert file.endswith("features.csv")
    assert "lacks the columns" in reason


def test_nothing_known_of_no_times():
    assert largest_region.at(times(), NONE, NONE).empty


@pytest.mark.parametrize("text", ["", "<html>404</html>", raw_archive.SUMMARY[:200]])
def test_a_broken_summary_is_listed(tmp_path, text):
    (tmp_path / "20140101SRS.txt").write_text(text)
    table, ((file, reason),) = largest_region.of_summaries(tmp_path)
    assert table.empty
    assert file.endswith("20140101SRS.txt")
    assert "not a Solar Region Summary that can be read" in reason


def test_a_folder_named_like_a_summary_is_passed_over(tmp_path):
    (tmp_path / "20140101SRS.txt").mkdir()
    (tmp_path / "20140101SRS.txt" / "20131231SRS.txt").write_text(raw_archive.SUMMARY)
    table, problems = largest_region.of_summaries(tmp_path)
    assert table["active_region"].to_list() == [11936]
    assert problems == []


def record(hour, region, area, longitude=0.0, noaa=None):
    return {
        "time": np.datetime64("2014-01-01T00", "ns") + np.timedelta64(hour, "h"),
        "region": region,
        "active_region": 11900 + region if noaa is None else noaa,
        "latitude": 0.0,
        "longitude": longitude,
        "AREA_ACR": area,
    }


def test_the_largest_of_the_records_of_two_hours():
    # Region 2 shrinks below region 1; region 3 has no area, region 4 comes later.
    records = [record(0, 2, 300.0), record(1, 1, 200.0, 80.0), record(1, 2, 100.0)]
    records = pd.DataFrame([*records, record(1, 3, np.nan), record(4, 4, 500.0)])
    asked = times("2013-12-31T23", "2014-01-01T00", "2014-01-01T02", "2014-01-01T03:30")
    found = largest_region.of_records(records, asked)
    np.testing.assert_array_equal(found["HARPNUM"], [np.nan, 2, 1, np.nan])
    np.testing.assert_array_equal(found["NOAA_AR"], [np.nan, 11902, 11901, np.nan])
    assert found["LON_FWT"][1] == 0
    assert found["LON_FWT"][2] == pytest.approx(80 + 13.34 / 24, abs=0.001)  # an hour later


def test_a_near_real_time_region_stands_in_without_its_number():
    definitive = pd.DataFrame([record(0, 3535, 200.0, noaa=11936)])
    current = pd.DataFrame([record(hour, 70, 900.0, 30.0, noaa=11943) for hour in (0, 3)])
    asked = times("2014-01-01T00", "2014-01-01T03", "2014-01-01T06")
    found = largest_region.of_series(definitive, current, asked)
    np.testing.assert_array_equal(found["HARPNUM"], [3535, np.nan, np.nan])  # never 70
    np.testing.assert_array_equal(found["NOAA_AR"], [11936, 11943, np.nan])
    np.testing.assert_array_equal(found["LON_FWT"], [0, 30, np.nan])
    none = largest_region.of_series(definitive.iloc[:0], current, asked)
    np.testing.assert_array_equal(none["NOAA_AR"], [11943, 11943, np.nan])


def test_a_row_of_near_real_time_records_tells_number_and_longitude(tmp_path):
    harps = features(tmp_path, HARPNUM=np.nan, NOAA_AR=11943, LAT_FWT=0.0, LON_FWT=-20.0)
    (found,) = largest_region.at(times("2013-12-31T06:00"), NONE, harps).to_dict("records")
    assert (found["active_region"], found["longitude"]) == (11943, -20)
    assert pd.isna(found["harp"])


def test_a_near_real_time_row_does_not_hide_a_harp_of_the_same_day(tmp_path, harps):
    current = features(tmp_path, HARPNUM=np.nan, NOAA_AR=11950, LAT_FWT=0.0, LON_FWT=5.0)
    current[["time", "valid"]] += pd.Timedelta("6h")
    both = pd.concat([harps, current], ignore_index=True)
    found = largest_region.at(times("2013-12-31T12:00", "2014-01-01T07:00"), NONE, both)
    assert found["active_region"].to_list() == [11950, 11950]
    assert found["harp"].fillna(0).to_list() == [3535, 0]  # 6 h old; 25 h old


def test_the_real_region_has_noaa_s_number(real_data):
    records = read_segments(real_data / "hmi_sharp")
    found = largest_region.of_records(records, times("2011-02-15T02:00")).iloc[0]
    assert found[["HARPNUM", "NOAA_AR"]].to_list() == [377, 11158]
    assert found["LON_FWT"] == pytest.approx(12.78, abs=0.01)  # 34 s after T_REC
