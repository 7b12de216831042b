import numpy as np
import pandas as pd
import pytest

from dataset_models.dataset import DatasetNotFoundError
from dataset_models.sdo.side_channels import (
    HAND_TAILORED,
    features_at,
    foresight,
    read_features,
)


def table(*times):
    """A row for each time; feature k of row n is 100 n + k."""
    rows = [np.arange(25) + 100 * n for n in range(len(times))]
    return pd.DataFrame(rows, columns=HAND_TAILORED).assign(T_REC=times)


@pytest.fixture
def write(tmp_path):
    def to_file(frame, head=""):
        path = tmp_path / "features.csv"
        path.write_text(head + frame.to_csv(index=False))
        return path

    return to_file


def test_there_are_25_features():
    assert len(HAND_TAILORED) == len(set(HAND_TAILORED)) == 25


def test_times_are_sorted_and_comments_passed_over(write):
    path = write(table("2014-01-02T00:00:00", "2014-01-01T00:00:00Z"), "# SYNTHETIC\n")
    features = read_features(path)
    expected = np.array(["2014-01-01", "2014-01-02"], "datetime64[ns]")
    np.testing.assert_array_equal(features["time"], expected)
    assert list(features.columns) == ["time", *HAND_TAILORED]
    assert features["USFLUX"].tolist() == [100, 0]


def test_tai_becomes_utc(write):
    # TAI was 35 s ahead of UTC from July 2012 to June 2015.
    features = read_features(write(table("2014.01.01_12:00:00_TAI", "2014-01-01T12:00:00")))
    expected = np.array(["2014-01-01T11:59:25", "2014-01-01T12:00:00"], "datetime64[ns]")
    np.testing.assert_array_equal(features["time"], expected)


def test_the_newest_not_later_is_taken(write):
    features = read_features(write(table("2014-01-01T00:00:00", "2014-01-01T12:00:00")))
    times = np.array(
        [
            "2014-01-01T12:00:00",  # the very time of the second row
            "2014-01-01T11:59:59",  # a second before: the first row
            "2013-12-31T23:59:59",  # before every row
            "2014-01-02T12:00:00",  # 24 h after the second row: old, but not too old
            "2014-01-02T12:00:01",  # too old
        ],
        "datetime64[ns]",
    )
    found = features_at(features, times)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, 1], [101, 1, np.nan, 101, np.nan])


def test_a_corrected_row_replaces_the_first(write):
    features = read_features(write(table("2014-01-01T00:00:00", "2014-01-01T00:00:00")))
    assert features["USFLUX"].tolist() == [100]


def test_an_empty_feature_is_missing(write):
    frame = table("2014-01-01T00:00:00").astype({"MEANSHR": object})
    frame.loc[0, "MEANSHR"] = ""
    features = read_features(write(frame))
    assert np.isnan(features["MEANSHR"][0])
    assert features["SHRGT45"][0] == 15


def test_an_empty_row_does_not_hide_an_older_one(write):
    frame = table("2014-01-01T00:00:00", "2014-01-01T12:00:00").assign(HARPNUM=7.0)
    frame.loc[1, [*HAND_TAILORED, "HARPNUM"]] = np.nan
    features = read_features(write(frame))
    assert len(features) == len(read_features(write(frame), ["HARPNUM"])) == 1
    found = features_at(features, np.array(["2014-01-01T13:00:00"], "datetime64[ns]"))
    assert found[0, 1] == 1
    frame.loc[1, "HARPNUM"] = 8.0  # a region is known, though not its features
    assert read_features(write(frame), ["HARPNUM"])["HARPNUM"].tolist() == [7, 8]


@pytest.mark.parametrize(
    ("series", "forces", "knows"),
    [
        ("hmi.sharp_cea_720s_nrt", 1.0, True),  # CGEM's, which has definitive boxes alone
        ("hmi.sharp_cea_720s_nrt", np.nan, False),
        ("hmi.sharp_cea_720s", np.nan, True),
        ("mine", 1.0, False),
    ],
)
@pytest.mark.parametrize("more", [{}, {"FORCES_SERIES": ""}])
def test_forces_of_older_tables_are_cgem_s(write, series, forces, knows, more):
    frame = table("2014-01-01").assign(SERIES=series, **more)
    frame[HAND_TAILORED[18:]] = forces
    assert bool(foresight(write(frame))) == knows


def test_no_file(tmp_path):
    with pytest.raises(
        DatasetNotFoundError,
        match=r"hand-tailored features was not found(?s:.*)a CSV file there: T_REC",
    ):
        read_features(tmp_path / "none.csv")


def test_further_columns_are_passed_over_or_taken_as_numbers(write):
    frame = table("2014-01-01T00:00:00").assign(FORCES_SERIES="cgem.Lorentz", HARPNUM=7)
    assert list(read_features(write(frame)).columns) == ["time", *HAND_TAILORED]
    features = read_features(write(frame), ["HARPNUM", "NOAA_AR"])
    assert features["HARPNUM"].tolist() == [7]
    assert features["NOAA_AR"].isna().all()


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (b"\x89HDF\r\n\x1a\n", "'utf-8' codec can't decode byte 0x89"),
        (b"", "No columns to parse from file"),
        (b"a\n1,2\n3,4,5\n", "Error tokenizing data"),
    ],
)
def test_another_file_is_named(tmp_path, content, received):
    path = tmp_path / "features.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"features\.csv is no table of features") as raised:
        read_features(path)
    assert received in str(raised.value)
    assert "put it aside and run download_sharp.py" in str(raised.value)


def test_a_table_that_was_cut_short_is_refused(write):
    path = write(table("2014-01-01T00:00:00", "2014-01-02T00:00:00"))
    path.write_text(path.read_text()[:-60] + "\n# end\n\n")
    with pytest.raises(ValueError, match=r"fields of 26 in its last row, as if cut short"):
        read_features(path)


@pytest.mark.parametrize("more", [{}, {"ASKED": "2014-07-01T00:00:00"}])
def test_a_cut_within_the_last_field(write, more):
    path = write(table("2014-01-01").assign(**more, LON_FWT=12.75))
    path.write_text(path.read_text()[:-2])
    if more:
        with pytest.raises(ValueError, match="no end of its last line, as if cut short"):
            read_features(path)
    else:  # another's table need not end its last line
        assert len(read_features(path)) == 1


def test_a_missing_column_is_named(write):
    path = write(table("2014-01-01").drop(columns=["R_VALUE"]))
    with pytest.raises(ValueError, match=r"lacks the columns \['R_VALUE'\]"):
        read_features(path)


def test_a_row_without_a_time_is_named(write):
    with pytest.raises(ValueError, match=r"no time in its row 2.*'yesterday'"):
        read_features(write(table("2014-01-01", "yesterday")))


def test_a_word_among_the_numbers_is_named(write):
    frame = table("2014-01-01").astype({"AREA_ACR": object})
    frame.loc[0, "AREA_ACR"] = "large"
    with pytest.raises(ValueError, match=r"no number in its row 1, column AREA_ACR.*'large'"):
        read_features(write(frame))
