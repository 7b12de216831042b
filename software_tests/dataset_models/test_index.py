import datetime
import zlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather

from dataset_models.dataset import DatasetNotFoundError
from dataset_models.sdo import index

METADATA = {
    "shape": [64, 64],
    "unit": "DN / s",
    "t_obs": {"94": "2014-01-01T00:00:02.57", "171": "2014-01-01T00:00:12.34"},
    "exposures": {"94": 2.900816, "171": 1.999597},
    "quality": {"94": 0x100, "171": 0x40000000},
    "saturated": {"94": 3, "171": 12},
    "degradation": {"94": 0.9, "171": 0.8765432},
    "degradation_version": "V10 0a3f2db3",
    "synthetic": False,
}


def _table(*identifiers):
    rows = [index.row(name, f"store/{name}", (94, 171), METADATA) for name in identifiers]
    return pd.DataFrame(rows)


def test_a_row_says_what_the_sample_says():
    row = index.row("20140101_0000", "store/a", (94, 171), METADATA)
    assert set(row) == set(index.COLUMNS)
    assert row["time"] == np.datetime64("2014-01-01T00:00:12.34")  # the later of the two
    assert row["channels"] == "94 171"
    assert row["exposures"] == "94:2.900816 171:1.999597"
    assert row["quality"] == 0x40000100
    assert row["saturated"] == 12  # of the channel with most
    assert row["degradation"] == "94:0.9 171:0.8765432"
    assert row["degradation_version"] == "V10 0a3f2db3"
    # From 2010-05-01 to 2014-01-01 are 4 * 365 + 1 - 120 = 1341 days; 1341 / 27 = 49.7.
    assert row["block"] == 49
    assert row["period"] == "maximum"
    assert row["sampling"] == "regular cadence"
    assert row["probability"] == 1.0


def test_blocks_count_from_may_2010():
    start = datetime.datetime(2010, 5, 1)
    for days in (-1, 0, 26.999, 27, 2700):
        time = np.datetime64(start + datetime.timedelta(days=days))
        assert index.block(time) == days // 27


def test_an_index_comes_back_in_order_of_time(tmp_path):
    table = _table("20140101_0000", "20140101_0012")
    table.loc[1, "time"] = pd.Timestamp("2014-01-01T00:12:09")
    index.write_index(tmp_path, table.iloc[::-1])
    back = index.read_index(tmp_path)
    pd.testing.assert_frame_equal(back, table.astype(index.COLUMNS))
    twin = pd.read_csv(tmp_path / "index.csv", parse_dates=["time"], keep_default_na=False)
    assert (twin["time"] == back["time"]).all()
    assert (twin["id"] == back["id"]).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.csv", "index.feather"]


def test_a_column_of_ones_own_stays(tmp_path):
    index.write_index(tmp_path, _table("20140101_0000").assign(storm="yes"))
    assert index.read_index(tmp_path)["storm"].tolist() == ["yes"]


def test_no_index_gives_the_commands(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"structure_data\.py"):
        index.read_index(tmp_path)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "index.feather").write_bytes(b"id,time\n")
    with pytest.raises(ValueError, match="is not an index"):
        index.read_index(tmp_path)


def test_damage_anywhere_is_found_or_does_no_harm(tmp_path):
    index.write_index(tmp_path, _table("20140101_0000", "20140101_0012", "20140101_0024"))
    path = tmp_path / "index.feather"
    whole, before = path.read_bytes(), _read_or_refused(tmp_path)
    for start in range(0, len(whole), 48):  # blocks that a disk lost
        path.write_bytes(whole[:start] + bytes(16) + whole[start + 16 :])
        assert _read_or_refused(tmp_path) in (None, before)
    path.write_bytes(whole.replace(b"regular", b"regulxr"))
    with pytest.raises(ValueError, match=r"is damaged.*values that differ from those"):
        index.read_index(tmp_path)


def _read_or_refused(folder):
    """The rows of the index, as text; None where it is refused."""
    try:
        return index.read_index(folder).to_csv()
    except ValueError:
        return None


def test_an_index_without_a_checksum_is_read(tmp_path):
    table = _table("20140101_0000").astype(index.COLUMNS)
    table.to_feather(tmp_path / "index.feather")
    pd.testing.assert_frame_equal(index.read_index(tmp_path), table)


def test_an_index_of_an_older_version_opens(tmp_path):
    table = _table("20140101_0000").astype(index.COLUMNS)
    old = table.drop(columns=[*index.ADDED])
    check = 0
    for name in old:  # the checksum as it was made then: of the columns in their order
        text = pd.api.types.is_string_dtype(old[name])
        check = zlib.crc32(old[name][0].encode() if text else old[name].to_numpy().tobytes(), check)
    stored = pa.Table.from_pandas(old, preserve_index=False)
    for key, message in ((str(check), None), ("1", "differ from those that were written")):
        metadata = stored.schema.metadata | {b"flarenet": key.encode()}
        feather.write_feather(stored.replace_schema_metadata(metadata), tmp_path / "index.feather")
        if message:
            with pytest.raises(ValueError, match=message):
                index.read_index(tmp_path)
        else:
            pd.testing.assert_frame_equal(index.read_index(tmp_path)[[*old]], old)
            added = index.read_index(tmp_path)[[*index.ADDED]]
            assert added.fillna(-1).to_numpy().tolist() == [[-1, 0, -1, "", ""]]


def test_a_zero_of_saturated_pixels_in_whole_numbers_is_unknown(tmp_path):
    """Older versions wrote 0 where nobody had counted too, under the checksum of their time."""
    old = _table("20140101_0000", "20140101_0012").astype(index.COLUMNS | {"saturated": "int64"})
    old.loc[0, "saturated"] = 0
    check = 0
    for name in old:
        text = pd.api.types.is_string_dtype(old[name])
        content = "\n".join(old[name]).encode() if text else old[name].to_numpy().tobytes()
        check = zlib.crc32(content, check)
    stored = pa.Table.from_pandas(old, preserve_index=False)
    metadata = stored.schema.metadata | {b"flarenet": str(check).encode()}
    feather.write_feather(stored.replace_schema_metadata(metadata), tmp_path / "index.feather")
    back = index.read_index(tmp_path)
    np.testing.assert_array_equal(back["saturated"], [np.nan, 12])
    index.write_index(tmp_path, back.assign(saturated=[0.0, 12.0]))
    np.testing.assert_array_equal(index.read_index(tmp_path)["saturated"], [0, 12])


def test_pixels_that_nobody_counted_are_unknown(tmp_path):
    row = index.row("20140101_0000", "store/a", (94, 171), METADATA | {"saturated": {}})
    assert np.isnan(row["saturated"])
    index.write_index(tmp_path, pd.DataFrame([row]))
    assert index.read_index(tmp_path)["saturated"].isna().all()


def test_a_region_s_numbers_and_longitude_come_back(tmp_path):
    table = _table("20140101_0000", "20140101_0012")
    table[["active_region", "harp", "longitude"]] = [[11936, 3535, -61.25], [0, 0, np.nan]]
    index.write_index(tmp_path, table)
    back = index.read_index(tmp_path)
    assert back["harp"].tolist() == [3535, 0]
    np.testing.assert_array_equal(back["longitude"], [-61.25, np.nan])
    twin = pd.read_csv(tmp_path / "index.csv")
    np.testing.assert_array_equal(twin["longitude"], back["longitude"])


def test_missing_columns_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"lacks the columns \['time', 'block'\]"):
        index.write_index(tmp_path, _table("20140101_0000").drop(columns=["block", "time"]))


def test_two_rows_of_one_sample_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"several rows.*\['20140101_0000'\]"):
        index.write_index(tmp_path, _table("20140101_0000", "20140101_0000"))


def test_a_sample_without_time_is_refused(tmp_path):
    table = _table("20140101_0000")
    table["time"] = pd.NaT
    with pytest.raises(ValueError, match=r"no time.*20140101_0000"):
        index.write_index(tmp_path, table)
