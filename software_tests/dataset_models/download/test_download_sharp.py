"""From the JSOC's answers to the table of features."""

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from dataset_models.sdo import index, largest_region
from dataset_models.sdo.download import download_sharp
from dataset_models.sdo.sharp_keywords import DEFINITIVE, LORENTZ, NEAR_REAL_TIME
from dataset_models.sdo.side_channels import HAND_TAILORED, HMI_FEATURES, features_at, read_features
from software_tests import jsoc

SPAN = ["--start", "2014-01-01T00:00", "--end", "2014-01-01T03:00"]


def stamp(hour, minute=0):
    return f"2014.01.01_{hour:02d}:{minute:02d}:00_TAI"


def region(harp):
    """Where a region stands and what NOAA calls it; number 2 is the larger one."""
    return {"AREA_ACR": 100.0 * harp, "NOAA_AR": 11900 + harp, "LAT_FWT": 0.0}


@pytest.fixture
def series():
    """Two regions; the near-real-time series, with numbers of its own, lacks the first hours."""
    definitive = [
        jsoc.record(harp, stamp(hour), USFLUX=1e21, CMASK=100 * harp, **region(harp))
        for hour in range(6)
        for harp in (1, 2)
    ]
    forces = [
        jsoc.record(harp, stamp(hour), TOTFZ=-400.0, TOTBSQ=1e9)
        for hour in range(6)
        for harp in (1, 2)
    ]
    current = [jsoc.record(70, stamp(hour), USFLUX=5e21) for hour in range(1, 6)]
    return {NEAR_REAL_TIME: current, DEFINITIVE: definitive, LORENTZ: forces}


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path))
    return tmp_path


def test_the_table_of_some_hours(series, data, capsys):
    with jsoc.server_of(series) as (address, _):
        assert download_sharp.main([*SPAN, "--server", address]) == 0
    assert "3 times in" in capsys.readouterr().out
    path = data / HMI_FEATURES
    table = pd.read_csv(path, comment="#")
    assert table["T_REC"].tolist() == [f"2014-01-01T{hour:02d}:00:00" for hour in range(3)]
    # The near-real-time record of 01:00 TAI is of 00:59:25 UTC: the first that 01:00 UTC may use.
    assert table["SERIES"].tolist() == [DEFINITIVE, NEAR_REAL_TIME, NEAR_REAL_TIME]
    assert table["USFLUX"].tolist() == [2e21, 5e21, 5e21]
    np.testing.assert_allclose(table["TOTFZ"], -8e22)  # 2 regions of -400e20 dyn
    # 8 pi (-8e22) / ((3.64e7)^2 2e9) = -0.7588
    np.testing.assert_allclose(table["EPSZ"], -0.7588, rtol=1e-4)
    features = read_features(path)
    found = features_at(features, np.array(["2014-01-01T01:30"], "datetime64[ns]"))
    assert found[0, HAND_TAILORED.index("USFLUX")] == np.float32(5e21)


def test_the_largest_region_stands_beside_the_features(series, data):
    with jsoc.server_of(series) as (address, _):
        assert download_sharp.main([*SPAN, "--server", address]) == 0
    table = pd.read_csv(data / HMI_FEATURES, comment="#")
    assert table["HARPNUM"].tolist() == [2, 2, 2]  # not 70, the near-real-time number
    assert table["NOAA_AR"].tolist() == [11902] * 3
    # Longitude 10 at 35 s before the full hour, TAI being ahead of UTC.
    np.testing.assert_allclose(table["LON_FWT"], 10 + 13.34 / 86400 * 35, atol=1e-4)
    harps, problems = largest_region.of_features(data / HMI_FEATURES)
    assert problems == []
    assert harps["harp"].tolist() == [2, 2, 2]
    # The forecast of 00:30 may not know the record of 01:00.
    asked = np.array(["2014-01-01T00:30", "2014-01-01T05:00"], "datetime64[ns]")
    known = largest_region.at(asked, harps.iloc[1:], harps.iloc[1:])
    assert known["harp"].isna().tolist() == [True, False]


def test_a_table_of_an_older_version_learns_the_regions(series, data):
    with jsoc.server_of(series) as (address, questions):
        assert download_sharp.main([*SPAN, "--server", address]) == 0
        first = len(questions)
        path = data / HMI_FEATURES
        old = pd.read_csv(path, comment="#").drop(columns=largest_region.KEYWORDS)
        old.to_csv(path, index=False)
        assert download_sharp.main([*SPAN, "--server", address]) == 0
        assert len(questions) == 2 * first
        assert download_sharp.main([*SPAN, "--server", address]) == 0
        assert len(questions) == 2 * first
    assert pd.read_csv(path, comment="#")["HARPNUM"].tolist() == [2, 2, 2]


def test_hours_without_definitive_regions_are_asked_for_again(series, data):
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


def test_a_near_real_time_region_stands_in_without_its_number(series, data):
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


def test_segments_of_near_real_time_regions_tell_no_harp(data, tmp_path):
    for name in ("Bp", "Bt", "Br"):
        header = {"T_REC": stamp(1), "HARPNUM": 70, "QUALITY": 0, "AREA_ACR": 9.0, "CMASK": 4}
        header |= {"NOAA_AR": 11943, "LAT_FWT": 0.0, "LON_FWT": 10.0}
        record = tmp_path / f"hmi.sharp_cea_720s_nrt.70.20140101_010000_TAI.{name}.fits"
        fits.PrimaryHDU(np.ones((2, 2)), fits.Header(header)).writeto(record)
    assert download_sharp.main(["--segments", str(tmp_path)]) == 0
    table = pd.read_csv(data / HMI_FEATURES, comment="#")
    assert table["HARPNUM"].isna().all()
    assert table["NOAA_AR"].tolist() == [11943] * len(table)


def test_a_second_run_asks_for_what_is_new(series, data):
    with jsoc.server_of(series) as (address, questions):
        assert download_sharp.main([*SPAN, "--server", address]) == 0
        first = len(questions)
        assert download_sharp.main([*SPAN, "--server", address]) == 0
        assert len(questions) == first
        assert download_sharp.main([*SPAN[:3], "2014-01-01T05:00", "--server", address]) == 0
    assert len(questions) == 2 * first
    assert len(read_features(data / HMI_FEATURES)) == 5


def test_without_dates_the_index_says_which(series, data):
    times = pd.to_datetime(["2014-01-01T01:10", "2014-01-01T03:50"])
    metadata = {"shape": [8, 8], "unit": "DN / s", "exposures": {}, "quality": {}, "saturated": {}}
    metadata |= {"degradation": {}, "degradation_version": ""}
    rows = [
        index.row(f"2014010{n}_0000", f"{n}", (171,), metadata | about)
        for n, about in enumerate({"t_obs": {"171": str(t)}, "synthetic": False} for t in times)
    ]
    index.write_index(data / "aia", pd.DataFrame(rows))
    with jsoc.server_of(series) as (address, _):
        assert download_sharp.main(["--server", address]) == 0
    hours = read_features(data / HMI_FEATURES)["time"].dt.hour
    assert hours.tolist() == [1, 2, 3]


def test_times_without_records_are_left_out(data, capsys):
    empty = {NEAR_REAL_TIME: [], DEFINITIVE: [], LORENTZ: []}
    with jsoc.server_of(empty) as (address, _):
        assert download_sharp.main([*SPAN, "--server", address]) == 1
    assert "hand-tailored features was not found" in capsys.readouterr().err


def test_no_network_is_said_plainly(data, capsys):
    arguments = [*SPAN, "--server", "http://127.0.0.1:9/cgi-bin/ajax/"]
    assert download_sharp.main(arguments) == 1
    assert "The JSOC could not be reached" in capsys.readouterr().err


def test_times_the_wrong_way_round(data, capsys):
    assert download_sharp.main(["--start", "2014-01-02", "--end", "2014-01-01"]) == 1
    assert "Expected --start before --end" in capsys.readouterr().err


def test_an_odd_cadence(data, capsys):
    with pytest.raises(SystemExit):
        download_sharp.main([*SPAN, "--cadence", "10"])
    assert "expected a multiple of 12 minutes, received 10" in capsys.readouterr().err


def test_no_segments(data, tmp_path, capsys):
    assert download_sharp.main(["--segments", str(tmp_path)]) == 1
    assert "There is no vector field" in capsys.readouterr().err


def test_the_real_region_becomes_a_row(real_data, data):
    assert download_sharp.main(["--segments", str(real_data / "hmi_sharp")]) == 0
    features = read_features(data / HMI_FEATURES)
    assert features["time"].tolist() == [pd.Timestamp("2011-02-15T02:00")]
    assert features["TOTUSJH"][0] == 3330.155
