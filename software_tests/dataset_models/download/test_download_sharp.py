"""From the JSOC's answers to the table of features."""

import numpy as np
import pandas as pd
import pytest

from dataset_models.sdo import index, largest_region
from dataset_models.sdo.download import download_sharp
from dataset_models.sdo.sharp_keywords import DEFINITIVE, FULL_DISK, LORENTZ, NEAR_REAL_TIME
from dataset_models.sdo.side_channels import HAND_TAILORED, HMI_FEATURES, features_at, read_features
from software_tests import jsoc
from software_tests.sharp_regions import SPAN, questions_of, stamp, table_of


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


def test_the_table_says_whose_the_forces_are(series, data):
    """They are of definitive boxes, also where the keywords are of near-real-time ones."""
    series[LORENTZ] = [forces for forces in series[LORENTZ] if forces["T_REC"] >= stamp(2)]
    questions_of(series)
    table = table_of(data)
    # 02:00 TAI is 01:59:25 UTC.
    assert table["FORCES_SERIES"].fillna("").tolist() == ["", "", LORENTZ]
    assert table["TOTFZ"].notna().tolist() == [False, False, True]
    assert table["SERIES"].tolist() == [DEFINITIVE, NEAR_REAL_TIME, NEAR_REAL_TIME]


def test_what_is_complete_is_not_called_lacking(series, data, capsys):
    questions_of(series)
    assert "times have no" not in capsys.readouterr().out


@pytest.mark.parametrize("cadence", ["180", "300"])
def test_rows_far_apart_have_features(series, data, cadence):
    span = ["--start", "2014-01-01T02:30", "--end", "2014-01-01T06:00", "--cadence", cadence]
    with jsoc.server_of(series) as (address, _):
        assert download_sharp.main([*span, "--server", address]) == 0
    assert table_of(data)["USFLUX"].notna().all()
    assert len(table_of(data)) == -(-210 // int(cadence))


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
    empty = {NEAR_REAL_TIME: [], DEFINITIVE: [], LORENTZ: [], FULL_DISK: []}
    with jsoc.server_of(empty) as (address, _):
        assert download_sharp.main([*SPAN, "--server", address]) == 1
    error = capsys.readouterr().err
    assert "No features came" in error
    assert "Name other times with --start and --end" in error
    assert "download_sharp.py" not in error  # the way out is not the way in


def test_no_network_is_said_plainly(data, capsys):
    arguments = [*SPAN, "--server", "http://127.0.0.1:9/cgi-bin/ajax/"]
    assert download_sharp.main(arguments) == 1
    assert "The JSOC could not be reached" in capsys.readouterr().err


def test_times_the_wrong_way_round(data, capsys):
    assert download_sharp.main(["--start", "2014-01-02", "--end", "2014-01-01"]) == 1
    assert "Expected --start before --end" in capsys.readouterr().err


NO_TIME = "expected a time (UTC, whole minutes) such as 2014-01-01 or 2014-01-01T18:52"
NOT_HMI_S = "expected a time from 2010-05-01, when SHARP begins, to the present"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, NO_TIME) for text in ("now", "today", "5", "2014", "2014-13-01", "")),
        *((text, NO_TIME) for text in ("2014-01-01T18:00:01", "2014-01-01T00:00+01:00")),
        *((text, NOT_HMI_S) for text in ("2010-04-30T23:59", "2014-02-01T00:01", "9999-12-31")),
    ],
)
def test_a_time_that_is_none_or_not_hmi_s(text, expected, data, on, capsys):
    on("2014-02-01")
    with pytest.raises(SystemExit):
        download_sharp.main(["--start", text])
    error = capsys.readouterr().err
    assert f"argument --start: {expected}, received {text!r}" in error


def test_times_of_utc(series, data, on):
    on("2014-01-01T03:00")
    span = ["--start", "2014-01-01T00:00Z", "--end", "2014-01-01T03:00+00:00"]
    with jsoc.server_of(series) as (address, _):
        assert download_sharp.main([*span, "--server", address]) == 0
    assert len(table_of(data)) == 3


def test_without_dates_and_index_the_way_out_is_told(data, capsys):
    assert download_sharp.main([]) == 1
    error = capsys.readouterr().err
    assert "Without --start and --end the times are those of the index" in error
    assert "structure_data.py" in error
    assert "Or name --start and --end (UTC)." in error


def test_an_output_that_is_a_folder(data, tmp_path, capsys):
    assert download_sharp.main([*SPAN, "--output", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert f"{tmp_path} is a folder. Expected a CSV file" in error
    assert f"such as {tmp_path / 'HMI_features.csv'}" in error


def test_an_output_in_no_folder(data, tmp_path, capsys):
    path = tmp_path / "none" / "features.csv"
    assert download_sharp.main([*SPAN, "--output", str(path)]) == 1
    assert f"There is no folder {path.parent}" in capsys.readouterr().err
    assert not path.parent.exists()


def test_another_file_in_place_of_the_table_stays(data, tmp_path, capsys):
    path = tmp_path / "image.fits"
    path.write_bytes(b"SIMPLE  =\xff")
    arguments = [*SPAN, "--server", "http://127.0.0.1:9/", "--output", str(path)]
    assert download_sharp.main(arguments) == 1
    assert f"{path} is no table of features" in capsys.readouterr().err
    assert path.read_bytes() == b"SIMPLE  =\xff"


@pytest.mark.parametrize("text", ["10", "0", "-12", "x", "1.5", ""])
def test_an_odd_cadence(data, capsys, text):
    with pytest.raises(SystemExit):
        download_sharp.main([*SPAN, f"--cadence={text}"])
    assert f"expected a multiple of 12 minutes, received {text}" in capsys.readouterr().err


@pytest.mark.parametrize("more", [SPAN[:2], SPAN[2:], ["--ask-again"], ["--server", "http://x/"]])
def test_segments_beside_what_is_for_the_jsoc(data, tmp_path, capsys, more):
    with pytest.raises(SystemExit):
        download_sharp.main(["--segments", str(tmp_path), *more])
    assert f"leave out ['{more[0]}']" in capsys.readouterr().err


def test_segments_leave_rows_of_the_jsoc_alone(real_data, data, capsys):
    path = data / HMI_FEATURES
    record = jsoc.record(3, "2011.02.15_01:00:00_TAI")
    span = ["--start", "2011-02-15T02:00", "--end", "2011-02-15T03:00"]
    answers = {name: [record] for name in (NEAR_REAL_TIME, DEFINITIVE, LORENTZ)}
    with jsoc.server_of(answers) as (url, _):
        assert download_sharp.main([*span, "--server", url]) == 0
    before = path.read_bytes()
    segments = ["--segments", str(real_data / "hmi_sharp")]
    assert download_sharp.main(segments) == 1
    assert "name another table with --output FILE" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert download_sharp.main([*segments, "--output", str(data / "mine.csv")]) == 0


def test_no_segments(data, tmp_path, capsys):
    assert download_sharp.main(["--segments", str(tmp_path)]) == 1
    assert "There is no vector field" in capsys.readouterr().err


def test_the_real_region_becomes_a_row(real_data, data):
    assert download_sharp.main(["--segments", str(real_data / "hmi_sharp")]) == 0
    features = read_features(data / HMI_FEATURES)
    assert features["time"].tolist() == [pd.Timestamp("2011-02-15T02:00")]
    assert features["TOTUSJH"][0] == 3330.155
