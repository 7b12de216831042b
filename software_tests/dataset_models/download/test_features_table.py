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
    lacking,
    refuse_rows_of_jsoc,
    settled_times,
)
from dataset_models.sdo.full_disk_features import MEANS, RATIOS, SUMS, full_disk
from dataset_models.sdo.sharp_keywords import DEFINITIVE, FULL_DISK, LORENTZ, NEAR_REAL_TIME
from dataset_models.sdo.side_channels import HAND_TAILORED, foresight, read_features
from software_tests import jsoc

HOURS = np.arange("2014-01-01T00", "2014-01-01T05", dtype="datetime64[h]")
HOURS = HOURS.astype("datetime64[ns]")
LATER = pd.Timestamp("2014-07-01")  # 181 days, when definitive regions have come
BEFORE, AFTER = "2013.12.31_20:00:00_TAI", "2014.01.01_12:00:00_TAI"  # of the same answer
AROUND = [jsoc.record(8, BEFORE), jsoc.record(9, AFTER)]  # one that has left, one to come
NO_REGIONS = {NEAR_REAL_TIME: [], DEFINITIVE: AROUND, LORENTZ: []}


def stamp(hour):
    return f"2014.01.01_{hour:02d}:00:00_TAI"


def magnetograms(*hours, quality="0x00000000"):
    return [{"T_REC": stamp(hour), "QUALITY": quality} for hour in hours]


def rows_of(series, now=LATER):
    """Rows of the hours, indexed by them, and the questions that the JSOC was asked."""
    with jsoc.server_of(series) as (address, questions):
        rows = features_of_days(sharp_keywords.jsoc(address), HOURS, 60, now)
    return rows.set_index(rows["T_REC"].dt.hour.to_numpy()), questions


def known_rows(series):
    """Those of the rows that have any feature."""
    rows, _ = rows_of(series)
    return rows.dropna(subset=HAND_TAILORED, how="all")


def test_a_disk_that_was_seen_without_regions_is_spotless():
    rows, questions = rows_of(NO_REGIONS | {FULL_DISK: magnetograms(1)})
    rows = rows.dropna(subset=SUMS)
    assert rows.index.tolist() == [1, 2]  # 01:00 TAI is 00:59:25 UTC, and holds for two hours
    assert (rows[[*SUMS, "R_VALUE"]] == 0).all(axis=None)
    assert rows[[*MEANS, *RATIOS, *largest_region.KEYWORDS]].isna().all(axis=None)
    assert set(rows["SERIES"]) == set(rows["FORCES_SERIES"]) == {FULL_DISK}
    assert len(questions) == 4


def test_a_spotless_disk_is_as_one_whose_only_region_lies_at_the_limb():
    rows = known_rows(NO_REGIONS | {FULL_DISK: magnetograms(0)})
    limb = {"time": HOURS[0], "region": 1, "longitude": 80.0, "pixels": 9}
    twin = full_disk(
        pd.DataFrame([limb | dict.fromkeys(HAND_TAILORED, 1.0)]), HOURS[:1], tuple(HAND_TAILORED)
    )
    np.testing.assert_array_equal(rows[HAND_TAILORED].iloc[[0]].astype(float), twin)


@pytest.mark.parametrize("quality", ["0x80000000", "0x00010000", "MISSING"])
def test_a_disk_that_nobody_saw_is_not_spotless(quality):
    rows = known_rows(NO_REGIONS | {FULL_DISK: magnetograms(0, 1, 2, quality=quality)})
    assert rows.empty


def test_a_disk_whose_definitive_regions_may_still_come_is_not_spotless():
    rows, questions = rows_of(
        NO_REGIONS | {FULL_DISK: magnetograms(0, 1, 2)}, now=pd.Timestamp("2014-06-29")
    )
    assert rows.empty
    assert len(questions) == 3


@pytest.mark.parametrize("series", [NEAR_REAL_TIME, DEFINITIVE])
def test_only_hours_without_records_can_be_spotless(series):
    records = {series: [*NO_REGIONS[series], jsoc.record(70, stamp(3), USFLUX=5e21)]}
    rows = known_rows(NO_REGIONS | records | {FULL_DISK: magnetograms(0, 1, 2, 3)})
    assert rows["USFLUX"].to_dict() == {0: 0, 1: 0, 2: 0, 3: 5e21, 4: 5e21}
    assert rows["SERIES"].tolist() == [FULL_DISK] * 3 + [series] * 2
    assert rows["FORCES_SERIES"].tolist() == [FULL_DISK] * 3 + [""] * 2  # CGEM has none


@pytest.mark.parametrize("series", [NEAR_REAL_TIME, DEFINITIVE])
@pytest.mark.parametrize("flaw", [{"quality": "0x80000000"}, {"longitude": "MISSING"}])
def test_a_disk_whose_regions_are_of_no_use_is_not_spotless(series, flaw):
    records = {series: [*NO_REGIONS[series], jsoc.record(70, stamp(1), **flaw)]}
    rows = known_rows(NO_REGIONS | records | {FULL_DISK: magnetograms(0, 1, 2, 3)})
    assert rows["USFLUX"].to_dict() == {0: 0, 3: 0, 4: 0}  # 01:00 and 02:00 are unknown


@pytest.mark.parametrize("records", [[], AROUND[:1], AROUND[1:], [*AROUND[1:], *AROUND[1:]]])
def test_a_stretch_that_the_archive_lacks_is_not_spotless(records):
    rows = known_rows(NO_REGIONS | {DEFINITIVE: records, FULL_DISK: magnetograms(0, 1, 2)})
    assert rows.empty


def test_a_gap_in_the_records_of_a_region_is_not_spotless():
    records = [jsoc.record(8, BEFORE), jsoc.record(8, AFTER), jsoc.record(9, AFTER)]
    rows = known_rows(NO_REGIONS | {DEFINITIVE: records, FULL_DISK: magnetograms(0, 1, 2)})
    assert rows.empty


def test_records_of_bad_quality_show_that_the_archive_has_the_stretch():
    places = ((8, BEFORE), (9, AFTER))
    bad = [jsoc.record(*place, quality="0x80000000") for place in places]
    rows = known_rows(NO_REGIONS | {DEFINITIVE: bad, FULL_DISK: magnetograms(0)})
    assert rows["USFLUX"].to_dict() == {0: 0, 1: 0}


ANSWERS = {
    NEAR_REAL_TIME: [jsoc.record(70, AFTER)],
    **{DEFINITIVE: AROUND, LORENTZ: AROUND, FULL_DISK: []},
}


def test_hours_of_which_nothing_is_known_have_a_row_that_says_so(tmp_path):
    rows, _ = rows_of(ANSWERS)
    assert rows.index.tolist() == [0, 1, 2, 3, 4]
    assert rows[[*HAND_TAILORED, *largest_region.KEYWORDS]].isna().all(axis=None)
    assert set(rows["SERIES"]) == set(rows["FORCES_SERIES"]) == {""}
    assert set(rows["ASKED"]) == {"2014-07-01T00:00:00"}
    add_features(tmp_path / "features.csv", rows)
    assert read_features(tmp_path / "features.csv").empty


@pytest.mark.parametrize("series", [NEAR_REAL_TIME, DEFINITIVE, LORENTZ])
def test_a_series_that_brings_nothing_is_not_taken_as_asked(series):
    region = {name: [*records, jsoc.record(9, stamp(3))] for name, records in ANSWERS.items()}
    rows, _ = rows_of(region | {series: []})
    assert rows.dropna(subset=HAND_TAILORED, how="all").index.tolist() == [3, 4]
    assert set(rows["ASKED"]) == {""}
    silent = {DEFINITIVE: f"{DEFINITIVE} {LORENTZ}"}  # whose regions the forces belong to
    assert set(rows["SILENT"]) == {silent.get(series, series)}
    assert set(rows["SILENT_SINCE"]) == {"2014-07-01T00:00:00"}
    early, _ = rows_of(region | {series: []}, now=pd.Timestamp("2014-06-29"))
    assert set(early["ASKED"]) == set(early["SILENT"]) == set(early["SILENT_SINCE"]) == {""}
    assert early.index.tolist() == [3, 4]


def silent_row(since, *silent, **known):
    """A row of an answer in which some series had no record at all."""
    row = dict.fromkeys(HAND_TAILORED, np.nan) | known | {"T_REC": HOURS[0], "ASKED": ""}
    row |= {"SERIES": DEFINITIVE, "SILENT": " ".join(silent), "SILENT_SINCE": since}
    return pd.DataFrame([row])


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([("2014-07-01T00:00:00", LORENTZ)], ""),
        ([("2014-07-01T00:00:00", LORENTZ), ("2014-07-07T23:59:59", LORENTZ)], ""),
        ([("2014-07-01T00:00:00", LORENTZ), ("2014-07-08T00:00:00", LORENTZ)], "2014-07-08"),
        ([(f"2014-07-0{day}T00:00:00", LORENTZ) for day in (1, 5, 9)], "2014-07-09"),
        ([("2014-07-01T00:00:00", LORENTZ), ("2014-08-01T00:00:00", NEAR_REAL_TIME)], ""),
        (
            [
                ("2014-07-01T00:00:00", LORENTZ),
                ("2014-08-01T00:00:00", NEAR_REAL_TIME, LORENTZ),
                ("2014-08-02T00:00:00", NEAR_REAL_TIME, LORENTZ),
            ],
            "",
        ),
    ],
)
def test_a_series_without_a_record_is_settled_by_a_second_answer(tmp_path, answers, asked):
    path = tmp_path / "features.csv"
    for answer in answers:
        add_features(path, silent_row(*answer, USFLUX=1.0))
    table = pd.read_csv(path, comment="#", keep_default_na=False)
    assert table["ASKED"].tolist() == [asked and f"{asked}T00:00:00"]
    assert settled_times(path).tolist() == ([HOURS[0].item()] if asked else [])


def test_a_second_answer_without_records_takes_away_no_numbers(tmp_path):
    path = tmp_path / "features.csv"
    add_features(path, silent_row("2014-07-01T00:00:00", LORENTZ, USFLUX=1.0))
    add_features(path, silent_row("2014-07-02T00:00:00", LORENTZ, NEAR_REAL_TIME))
    assert read_features(path)["USFLUX"].tolist() == [1]


def test_near_real_time_regions_are_not_missed_before_they_began():
    records = [jsoc.record(9, "2012.08.01_01:00:00_TAI")]
    series = {NEAR_REAL_TIME: [], DEFINITIVE: records, LORENTZ: records}
    times = np.array(["2012-08-01T01:00"], "datetime64[ns]")
    with jsoc.server_of(series) as (address, _):
        rows = features_of_days(sharp_keywords.jsoc(address), times, 60, LATER)
    assert rows["ASKED"].tolist() == ["2014-07-01T00:00:00"]


def test_a_row_replaces_one_of_an_answer_that_was_no_better(tmp_path):
    path = tmp_path / "features.csv"

    def add(asked, **known):
        row = dict.fromkeys(HAND_TAILORED, np.nan) | known
        add_features(path, pd.DataFrame([row | {"T_REC": HOURS[0], "ASKED": asked}]))
        return pd.read_csv(path, comment="#")["USFLUX"].item()

    assert add("", USFLUX=1.0, HARPNUM=3.0) == 1
    assert add("", USFLUX=2.0) == 1  # of answers that lack a series, the one that knows more
    assert add("", R_VALUE=1.0, USFLUX=3.0) == 3
    assert add("2014-07-01T00:00:00", USFLUX=4.0) == 4
    assert add("", USFLUX=5.0, HARPNUM=3.0) == 4
    assert add("2014-07-02T00:00:00", USFLUX=6.0) == 6
    assert np.isnan(add("2014-07-03T00:00:00"))


def test_a_row_that_was_asked_for_early_is_replaced_by_one_that_knows_no_less(tmp_path):
    path = tmp_path / "features.csv"
    early = dict.fromkeys(HAND_TAILORED, np.nan) | {"T_REC": HOURS[0], "USFLUX": 1.0}
    for asked, left in [("2014-06-29T23:59:59", 2.0), ("2014-06-30T00:00:00", 1.0)]:
        add_features(path, pd.DataFrame([early | {"ASKED": asked}]))
        add_features(path, pd.DataFrame([early | {"ASKED": "", "USFLUX": np.nan}]))
        assert read_features(path)["USFLUX"].tolist() == [1]
        add_features(path, pd.DataFrame([early | {"ASKED": "", "USFLUX": 2.0}]))
        assert read_features(path)["USFLUX"].tolist() == [left]


def test_what_hours_lack(tmp_path):
    series = ANSWERS | {FULL_DISK: magnetograms(0)}
    for name in (NEAR_REAL_TIME, DEFINITIVE):
        series[name] = [*series[name], jsoc.record(9, stamp(3))]
    rows, _ = rows_of(series)
    add_features(tmp_path / "features.csv", rows)
    # 0 and 1 are spotless, nothing is known of 2, and 3 and 4 have a region without forces.
    assert lacking(tmp_path / "features.csv", HOURS) == {
        **{"features": 1, "Lorentz forces": 3, "HARPNUM": 1},
    }
    assert set(lacking(tmp_path / "none.csv", HOURS).values()) == {5}


def test_a_spotless_disk_names_no_largest_region(tmp_path):
    rows = known_rows(NO_REGIONS | {FULL_DISK: magnetograms(0)})
    add_features(tmp_path / "features.csv", rows)
    harps, problems = largest_region.of_features(tmp_path / "features.csv")
    assert (len(harps), problems) == (0, [])
    assert read_features(tmp_path / "features.csv")["USFLUX"].tolist() == [0, 0]


def test_rows_are_added_to_a_table_of_tai(tmp_path):
    path = tmp_path / "features.csv"
    row = dict.fromkeys(HAND_TAILORED, 0.1 + 0.2) | {"T_REC": "2013.12.31_00:00:35_TAI"}
    pd.DataFrame([row]).to_csv(path, index=False)
    rows = known_rows(NO_REGIONS | {FULL_DISK: magnetograms(0)})
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
    assert set(rows["SERIES"]) == set(rows["FORCES_SERIES"]) == {NEAR_REAL_TIME}


def test_segments_of_definitive_boxes_are_told_of(tmp_path):
    write_segments(tmp_path, DEFINITIVE, 3535)
    add_features(tmp_path / "features.csv", features_of_segments(tmp_path, 60))
    table = pd.read_csv(tmp_path / "features.csv", comment="#")
    assert set(table["SERIES"]) == set(table["FORCES_SERIES"]) == {DEFINITIVE}
    assert foresight(tmp_path / "features.csv")


@pytest.mark.parametrize("series", [NEAR_REAL_TIME, DEFINITIVE, FULL_DISK])
@pytest.mark.parametrize("forces", ["", LORENTZ])
def test_rows_of_the_jsoc_are_not_replaced_by_files(tmp_path, series, forces):
    path = tmp_path / "features.csv"
    forces = FULL_DISK if series == FULL_DISK else forces
    row = dict.fromkeys(HAND_TAILORED, 1.0) | {"SERIES": series, "FORCES_SERIES": forces}
    add_features(path, pd.DataFrame([row | {"T_REC": HOURS[1]}]))
    refuse_rows_of_jsoc(path, HOURS[2:])
    with pytest.raises(ValueError, match=r"from the JSOC at 1 times .* --output FILE"):
        refuse_rows_of_jsoc(path, HOURS)


def test_rows_of_files_may_be_replaced_by_files(tmp_path):
    write_segments(tmp_path, DEFINITIVE, 3535)
    rows = features_of_segments(tmp_path, 60)
    add_features(tmp_path / "features.csv", rows)
    refuse_rows_of_jsoc(tmp_path / "features.csv", rows["T_REC"].to_numpy())
    refuse_rows_of_jsoc(tmp_path / "none.csv", rows["T_REC"].to_numpy())


def test_segments_of_near_real_time_regions_tell_no_harp(tmp_path):
    write_segments(tmp_path, NEAR_REAL_TIME, 70)
    rows = features_of_segments(tmp_path, 60)
    assert rows["HARPNUM"].isna().all()
    assert rows["NOAA_AR"].tolist() == [11943] * len(rows)
