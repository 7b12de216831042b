"""Rows of the table of features: of days, of files, and of a Sun without regions."""

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from dataset_models.sdo import largest_region, sharp_keywords
from dataset_models.sdo.download.features_table import (
    add_features,
    features_of_days,
    features_of_segments,
)
from dataset_models.sdo.full_disk_features import MEANS, RATIOS, SUMS, full_disk
from dataset_models.sdo.sharp_keywords import DEFINITIVE, FULL_DISK, LORENTZ, NEAR_REAL_TIME
from dataset_models.sdo.side_channels import HAND_TAILORED, read_features
from software_tests import jsoc

HOURS = np.arange("2014-01-01T00", "2014-01-01T05", dtype="datetime64[h]")
HOURS = HOURS.astype("datetime64[ns]")
LATER = pd.Timestamp("2014-07-01")  # 181 days, when definitive regions have come
NO_REGIONS = {NEAR_REAL_TIME: [], DEFINITIVE: [], LORENTZ: []}


def stamp(hour):
    return f"2014.01.01_{hour:02d}:00:00_TAI"


def magnetograms(*hours, quality="0x00000000"):
    return [{"T_REC": stamp(hour), "QUALITY": quality} for hour in hours]


def rows_of(series, now=LATER):
    """Rows of the hours, indexed by them, and the questions that the JSOC was asked."""
    with jsoc.server_of(series) as (address, questions):
        rows = features_of_days(sharp_keywords.jsoc(address), HOURS, 60, now)
    return rows.set_index(rows["T_REC"].dt.hour.to_numpy()), questions


def test_a_disk_that_was_seen_without_regions_is_spotless():
    rows, questions = rows_of(NO_REGIONS | {FULL_DISK: magnetograms(1)})
    assert rows.index.tolist() == [1, 2]  # 01:00 TAI is 00:59:25 UTC, and holds for two hours
    assert (rows[[*SUMS, "R_VALUE"]] == 0).all(axis=None)
    assert rows[[*MEANS, *RATIOS, *largest_region.KEYWORDS]].isna().all(axis=None)
    assert set(rows["SERIES"]) == set(rows["FORCES_SERIES"]) == {FULL_DISK}
    assert len(questions) == 4


def test_a_spotless_disk_is_as_one_whose_only_region_lies_at_the_limb():
    rows, _ = rows_of(NO_REGIONS | {FULL_DISK: magnetograms(0)})
    limb = {"time": HOURS[0], "region": 1, "longitude": 80.0, "pixels": 9}
    twin = full_disk(
        pd.DataFrame([limb | dict.fromkeys(HAND_TAILORED, 1.0)]), HOURS[:1], tuple(HAND_TAILORED)
    )
    np.testing.assert_array_equal(rows[HAND_TAILORED].iloc[[0]].astype(float), twin)


@pytest.mark.parametrize("quality", ["0x80000000", "0x00010000", "MISSING"])
def test_a_disk_that_nobody_saw_is_not_spotless(quality):
    rows, _ = rows_of(NO_REGIONS | {FULL_DISK: magnetograms(0, 1, 2, quality=quality)})
    assert rows.empty


def test_a_disk_whose_definitive_regions_may_still_come_is_not_spotless():
    rows, questions = rows_of(
        NO_REGIONS | {FULL_DISK: magnetograms(0, 1, 2)}, now=pd.Timestamp("2014-06-29")
    )
    assert rows.empty
    assert len(questions) == 3


@pytest.mark.parametrize("series", [NEAR_REAL_TIME, DEFINITIVE])
def test_only_hours_without_records_can_be_spotless(series):
    records = {series: [jsoc.record(70, stamp(3), USFLUX=5e21)]}
    rows, _ = rows_of(NO_REGIONS | records | {FULL_DISK: magnetograms(0, 1, 2, 3)})
    assert rows["USFLUX"].to_dict() == {0: 0, 1: 0, 2: 0, 3: 5e21, 4: 5e21}
    assert rows["SERIES"].tolist() == [FULL_DISK] * 3 + [series] * 2
    assert rows["FORCES_SERIES"].tolist() == [FULL_DISK] * 3 + [""] * 2  # CGEM has none


def test_a_spotless_disk_names_no_largest_region(tmp_path):
    rows, _ = rows_of(NO_REGIONS | {FULL_DISK: magnetograms(0)})
    add_features(tmp_path / "features.csv", rows)
    harps, problems = largest_region.of_features(tmp_path / "features.csv")
    assert (len(harps), problems) == (0, [])
    assert read_features(tmp_path / "features.csv")["USFLUX"].tolist() == [0, 0]


def test_rows_are_added_to_a_table_of_tai(tmp_path):
    path = tmp_path / "features.csv"
    row = dict.fromkeys(HAND_TAILORED, 0.1 + 0.2) | {"T_REC": "2013.12.31_00:00:35_TAI"}
    pd.DataFrame([row]).to_csv(path, index=False)
    rows, _ = rows_of(NO_REGIONS | {FULL_DISK: magnetograms(0)})
    add_features(path, rows)
    table = pd.read_csv(path, comment="#")
    times = ["2013-12-31T00:00:00", "2014-01-01T00:00:00", "2014-01-01T01:00:00"]
    assert table["T_REC"].tolist() == times
    assert ",0.30000000000000004," in path.read_text()  # numbers stay to the last digit


def write_segments(folder, series, harp, **cards):
    for name in ("Bp", "Bt", "Br"):
        header = {"T_REC": stamp(1), "HARPNUM": harp, "QUALITY": 0, "AREA_ACR": 9.0, "CMASK": 4}
        header |= {"NOAA_AR": 11943, "LAT_FWT": 0.0, "LON_FWT": 10.0} | cards
        record = folder / f"{series}.{harp}.20140101_010000_TAI.{name}.fits"
        fits.PrimaryHDU(np.ones((2, 2)), fits.Header(header)).writeto(record)


def test_segments_of_both_series_are_not_added_up(tmp_path):
    write_segments(tmp_path, NEAR_REAL_TIME, 70, USFLUX=5e21)
    write_segments(tmp_path, DEFINITIVE, 3535, USFLUX=3e21)
    rows = features_of_segments(tmp_path, 60)
    assert set(rows["USFLUX"]) == {5e21}
    assert set(rows["TOTBSQ"]) == {12}  # 4 pixels of 3 G2, of one region
    assert set(rows["HARPNUM"]) == {3535}
    assert set(rows["SERIES"]) == set(rows["FORCES_SERIES"]) == {"segments"}


def test_segments_of_near_real_time_regions_tell_no_harp(tmp_path):
    write_segments(tmp_path, NEAR_REAL_TIME, 70)
    rows = features_of_segments(tmp_path, 60)
    assert rows["HARPNUM"].isna().all()
    assert rows["NOAA_AR"].tolist() == [11943] * len(rows)
