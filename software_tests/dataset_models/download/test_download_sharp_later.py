"""What later runs of download_sharp.py ask for, and what they leave as it is."""

import numpy as np
import pandas as pd
import pytest

from dataset_models.sdo import largest_region
from dataset_models.sdo.download import download_sharp
from dataset_models.sdo.sharp_keywords import DEFINITIVE, FULL_DISK, LORENTZ, NEAR_REAL_TIME
from dataset_models.sdo.side_channels import HAND_TAILORED, HMI_FEATURES, read_features
from software_tests import jsoc
from software_tests.sharp_regions import SPAN, questions_of, stamp, table_of


def test_a_second_run_asks_for_what_is_new(series, data):
    with jsoc.server_of(series) as (address, questions):
        assert download_sharp.main([*SPAN, "--server", address]) == 0
        first = len(questions)
        assert download_sharp.main([*SPAN, "--server", address]) == 0
        assert len(questions) == first
        assert download_sharp.main([*SPAN[:3], "2014-01-01T05:00", "--server", address]) == 0
    assert len(questions) == 2 * first
    assert len(read_features(data / HMI_FEATURES)) == 5


def test_forces_that_come_later_are_asked_for_again(series, data, on):
    without = series | {LORENTZ: []}
    on("2014-02-01")
    assert questions_of(without) == 3
    assert table_of(data)["HARPNUM"].tolist() == [2, 2, 2]
    assert questions_of(without) == 3
    assert questions_of(series) == 3
    np.testing.assert_allclose(table_of(data)["TOTFZ"], -8e22)


def test_regions_that_come_later_are_asked_for_until_half_a_year_has_passed(series, data, on):
    small = {
        name: [r for r in series[name] if r["HARPNUM"] == "1"] for name in (DEFINITIVE, LORENTZ)
    }
    on("2014-02-01")
    assert questions_of(series | small) == 3
    assert table_of(data)["HARPNUM"].tolist() == [1, 1, 1]
    assert questions_of(series) == 3
    assert table_of(data)["HARPNUM"].tolist() == [2, 2, 2]
    np.testing.assert_allclose(table_of(data)["TOTFZ"], -8e22)
    on("2014-07-01")
    assert questions_of(series) == 3
    assert questions_of(series) == 0


def test_hours_without_definitive_regions_are_asked_for_again(series, data, on):
    on("2014-02-01")
    later = {name: series[name] for name in (DEFINITIVE, LORENTZ)}
    with jsoc.server_of({**series, DEFINITIVE: [], LORENTZ: []}) as (address, _):
        assert download_sharp.main([*SPAN, "--server", address]) == 0
    before = pd.read_csv(data / HMI_FEATURES, comment="#")
    assert before[["HARPNUM", "TOTFZ"]].isna().all(axis=None)
    with jsoc.server_of({**series, **later}) as (address, _):
        assert download_sharp.main([*SPAN, "--server", address]) == 0
    after = pd.read_csv(data / HMI_FEATURES, comment="#")
    assert after[["HARPNUM", "TOTFZ"]].notna().all(axis=None)
    assert set(before["SERIES"]) == {NEAR_REAL_TIME}
    assert after["SERIES"].tolist() == [DEFINITIVE, NEAR_REAL_TIME, NEAR_REAL_TIME]


def test_a_near_real_time_region_stands_in_without_its_number(series, data, on):
    on("2014-02-01")
    current = jsoc.record(70, stamp(1), AREA_ACR=9.0, NOAA_AR=11943, LAT_FWT=0.0)
    nothing = {DEFINITIVE: [], LORENTZ: []}
    with jsoc.server_of({NEAR_REAL_TIME: [current], **nothing}) as (address, questions):
        assert download_sharp.main([*SPAN, "--server", address]) == 0
        first = len(questions)
        assert download_sharp.main([*SPAN, "--server", address]) == 0  # a definitive one may come
    assert len(questions) == 2 * first
    harps, problems = largest_region.of_features(data / HMI_FEATURES)
    assert problems == []
    assert harps["active_region"].tolist() == [11943] * 2
    assert harps["harp"].isna().all()  # not 70
    assert harps["longitude"][0] == pytest.approx(10, abs=0.01)


def test_forces_that_never_come_are_asked_for_until_half_a_year_has_passed(series, data, on):
    # CGEM has records of these days, but none of these hours.
    elsewhere = [record for record in series[LORENTZ] if record["T_REC"] == stamp(5)]
    without = series | {LORENTZ: elsewhere}
    on("2014-02-01")
    questions_of(without)
    on("2015-01-01")  # the table was asked for in February: no answer since
    assert questions_of(without) == 3
    assert questions_of(series) == 0
    assert questions_of(series, "--ask-again") == 3
    np.testing.assert_allclose(table_of(data)["TOTFZ"], -8e22)
    assert set(table_of(data)["ASKED"]) == {"2015-01-01T00:00:00"}


@pytest.mark.parametrize("silent", [NEAR_REAL_TIME, DEFINITIVE, LORENTZ])
def test_an_answer_without_any_record_is_not_final(series, data, on, silent):
    on("2015-01-01")
    questions_of(series | {silent: []})
    assert questions_of(series) == 3
    table = table_of(data)
    assert table["SERIES"].tolist() == [DEFINITIVE, NEAR_REAL_TIME, NEAR_REAL_TIME]
    assert table[["HARPNUM", "TOTFZ"]].notna().all(axis=None)
    assert questions_of(series) == 0


def test_hours_of_which_nothing_is_known_are_asked_for_once(series, data, on, capsys):
    on("2015-01-01")
    series = series | {FULL_DISK: []}
    for name in (NEAR_REAL_TIME, DEFINITIVE, LORENTZ):
        series[name] = [record for record in series[name] if record["T_REC"] >= stamp(2)]
    assert questions_of(series) == 4  # the last one for regions before these hours
    said = capsys.readouterr().out
    assert "2 of 3 times have no features." in said
    assert "2 of 3 times have no HARPNUM." in said
    assert "1 times in" in said
    assert questions_of(series) == 0
    assert table_of(data)["USFLUX"].isna().tolist() == [True, True, False]


def test_a_table_of_an_older_version_learns_the_regions(series, data):
    with jsoc.server_of(series) as (address, questions):
        assert download_sharp.main([*SPAN, "--server", address]) == 0
        first = len(questions)
        path = data / HMI_FEATURES
        old = pd.read_csv(path, comment="#").drop(
            columns=[*largest_region.KEYWORDS, "ASKED", "FORCES_SERIES"]
        )
        old.to_csv(path, index=False)
        assert download_sharp.main([*SPAN, "--server", address]) == 0
        assert len(questions) == 2 * first
        assert download_sharp.main([*SPAN, "--server", address]) == 0
        assert len(questions) == 2 * first
    assert pd.read_csv(path, comment="#")["HARPNUM"].tolist() == [2, 2, 2]


def test_rows_of_another_hand_stay(series, data):
    path = data / HMI_FEATURES
    path.parent.mkdir()
    row = {"T_REC": "2014-01-01T02:00:00", **dict.fromkeys(HAND_TAILORED, 7.0), "NOTE": "mine"}
    pd.DataFrame([row]).to_csv(path, index=False)
    questions_of(series)
    table = table_of(data).set_index("T_REC")
    assert len(table) == 3
    assert table.loc["2014-01-01T02:00:00", "NOTE"] == "mine"
    assert table["USFLUX"].eq(7).sum() == 1


def test_a_run_whose_hours_have_no_features_fails_whatever_the_table_holds(series, data, capsys):
    questions_of(series)
    later = ["--start", "2014-01-01T12:00", "--end", "2014-01-01T13:00"]
    with jsoc.server_of(series | {FULL_DISK: []}) as (address, _):
        assert download_sharp.main([*later, "--server", address]) == 1
    assert "No features came" in capsys.readouterr().err
