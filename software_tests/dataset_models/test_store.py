import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather

from dataset_models.sdo import store

METADATA = {"unit": "DN / s", "t_obs": {94: "2014-01-01T00:00:02.57", 171: "2014-01-01T00:00:12"}}


@pytest.fixture
def planes():
    rng = np.random.default_rng(1)
    return {171: rng.gamma(1.0, 200.0, (32, 32)), 94: rng.normal(0.0, 1.0, (32, 32))}


@pytest.fixture
def written(tmp_path, planes):
    path = tmp_path / store.sample_file("20140101_0000")
    store.write_sample(path, planes, METADATA | {"synthetic": True, "exposures": {94: 2.9}})
    return path


def test_a_sample_comes_back_within_the_stated_error(written, planes):
    # float16 keeps 11 significant bits: a root is off by at most 2**-11 of itself, its square by
    # (1 + 2**-11)**2 - 1 = 2**-10 + 2**-22 < 0.1 %; the root in float32 adds less than 2**-22.
    sample = store.read_sample(written)
    values = store.decode(sample.planes, "root float16")
    truth = np.stack([planes[94], planes[171]])
    assert sample.channels == (94, 171)
    assert sample.planes.dtype == np.float16
    assert np.abs(values / truth - 1).max() < 2**-10 + 2**-21
    assert (np.sign(values) == np.sign(truth)).all()
    assert (truth < 0).any()


def test_metadata_comes_back(written):
    metadata = store.read_sample(written).metadata
    assert metadata["shape"] == [32, 32]
    assert metadata["encoding"] == "root float16"
    assert metadata["t_obs"] == {"94": "2014-01-01T00:00:02.57", "171": "2014-01-01T00:00:12"}
    assert metadata["exposures"] == {"94": 2.9}
    assert metadata["synthetic"] is True
    assert metadata["degradation"] == {}
    assert store.read_metadata(written) == ((94, 171), metadata)


def test_a_file_from_before_saturation_was_counted_opens(written):
    table = feather.read_table(written)
    metadata = json.loads(table.schema.metadata[b"flarenet"])
    assert metadata.pop("saturated") == {}
    old = table.replace_schema_metadata({b"flarenet": json.dumps(metadata).encode()})
    feather.write_feather(old, written, compression="uncompressed")
    assert store.read_sample(written).metadata == metadata | {"saturated": {}}


def test_other_software_reads_the_file(written, planes):
    table = pd.read_feather(written)  # pandas knows nothing of this project
    assert list(table.columns) == ["94", "171"]
    root = np.sqrt(planes[171]).astype(np.float16).reshape(-1)
    np.testing.assert_array_equal(table["171"].to_numpy(), root)
    schema = feather.read_table(written).schema
    assert json.loads(schema.metadata[b"flarenet"])["unit"] == "DN / s"


def test_neighbours_in_order_are_one_view_of_the_mapped_file(tmp_path):
    planes = {channel: np.full((8, 8), channel) for channel in (94, 131, 171)}
    metadata = {"unit": "DN / s", "t_obs": dict.fromkeys(planes, "2014-01-01T00:00:00")}
    store.write_sample(tmp_path / "a.fthr", planes, metadata)
    before = pa.total_allocated_bytes()
    sample = store.read_sample(tmp_path / "a.fthr", (131, 171))
    assert pa.total_allocated_bytes() == before
    assert not sample.planes.flags.owndata
    assert not sample.planes.flags.writeable
    np.testing.assert_allclose(sample.planes[:, 0, 0] ** 2, [131, 171], rtol=2**-10)


@pytest.mark.parametrize("channels", [(171, 94), (171,), (94, 171, 94)])
def test_channels_come_in_the_order_that_is_wanted(written, channels):
    everything = store.read_sample(written)
    sample = store.read_sample(written, channels)
    wanted = [everything.channels.index(channel) for channel in channels]
    assert sample.channels == channels
    np.testing.assert_array_equal(sample.planes, everything.planes[wanted])


def test_the_view_outlives_its_file(written):
    sample = store.read_sample(written)
    copy = sample.planes.copy()
    written.unlink()
    np.testing.assert_array_equal(sample.planes, copy)


def test_nan_stays_nan_and_flares_fit(tmp_path):
    plane = np.array([[np.nan, 1e6], [-7.25, 0.0]])  # 1e6 DN/s is far beyond float16's 65504
    store.write_sample(tmp_path / "a.fthr", {94: plane}, METADATA)
    values = store.decode(store.read_sample(tmp_path / "a.fthr").planes, "root float16")[0]
    np.testing.assert_allclose(values, plane, rtol=2**-10)


def test_browse_images_stay_as_they_are(tmp_path):
    plane = np.arange(256, dtype=np.uint8).reshape(16, 16)
    metadata = METADATA | {"unit": "browse"}
    store.write_sample(tmp_path / "a.fthr", {171: plane}, metadata, "uint8")
    sample = store.read_sample(tmp_path / "a.fthr")
    assert sample.planes.dtype == np.uint8
    np.testing.assert_array_equal(store.decode(sample.planes, "uint8")[0], plane)


def _original(path, version, compression):
    rng = np.random.default_rng(2)
    table = pd.DataFrame(rng.normal(size=(300 * 300, 2)).astype(np.float32), columns=["94", "171"])
    feather.write_feather(table, path, version=version, compression=compression)
    return table.to_numpy().T.reshape(2, 300, 300)


@pytest.mark.filterwarnings("ignore:Feather V1:DeprecationWarning")  # of writing it here
@pytest.mark.parametrize(
    ("version", "compression"), [(1, None), (2, "lz4"), (2, "uncompressed")]
)  # of 90,000 rows, so that version 2 comes in two record batches
def test_files_of_the_first_flarenet_open(tmp_path, version, compression):
    path = tmp_path / "00012_AIA20140101_1236_8chnls_1024_012h.fthr"
    planes = _original(path, version, compression)
    sample = store.read_sample(path, (171, 94))
    np.testing.assert_array_equal(store.decode(sample.planes, "float32"), planes[::-1])
    assert sample.metadata["unit"] == "DN / s"
    assert sample.metadata["encoding"] == "float32"
    assert sample.metadata["degradation_corrected"] is True
    assert sample.metadata["t_obs"]["94"] == "2014-01-01T12:36:00"


@pytest.mark.parametrize("content", [b"", b"ARROW1", b"<html>404</html>"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "AIA20140101_0000.fthr"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a sample of the store"):
        store.read_sample(path)


def test_a_file_cut_short_is_refused(written):
    whole = written.read_bytes()
    written.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"was cut short.*begins with b'ARROW1"):
        store.read_sample(written)


def test_a_table_of_something_else_is_refused(tmp_path):
    path = tmp_path / "AIA20140101_0000.fthr"
    pd.DataFrame({"time": [1.0], "flux": [2.0]}).to_feather(path)
    with pytest.raises(ValueError, match="is not a sample of the store"):
        store.read_sample(path)


def test_no_file_is_said_as_python_says_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.fthr"):
        store.read_sample(tmp_path / "none.fthr")


def test_a_missing_channel_names_those_there(written):
    with pytest.raises(ValueError, match=r"no channel \[304\].*\(94, 171\)"):
        store.read_sample(written, (94, 304))


def test_columns_of_a_wrong_length_are_refused(tmp_path):
    text = json.dumps({"shape": [4, 4], "encoding": "uint8"}).encode()
    table = pa.table({"94": pa.array(np.zeros(15, np.uint8))}).replace_schema_metadata(
        {b"flarenet": text}
    )
    feather.write_feather(table, tmp_path / "a.fthr", compression="uncompressed")
    with pytest.raises(ValueError, match=r"columns of \[15\] pixels. Expected 4 x 4 = 16"):
        store.read_sample(tmp_path / "a.fthr")


@pytest.mark.parametrize(
    ("planes", "metadata", "encoding", "message"),
    [
        ({}, METADATA, "root float16", "would hold no channel"),
        ({94: np.zeros(4)}, METADATA, "root float16", "must be of one shape"),
        ({94: np.zeros((2, 2)), 171: np.zeros((3, 3))}, METADATA, "root float16", "of one shape"),
        ({94: np.zeros((2, 2))}, {}, "root float16", "states its unit.*unit=None"),
        ({94: np.zeros((2, 2))}, METADATA | {"unit": "DN"}, "root float16", "unit='DN'"),
        ({304: np.zeros((2, 2))}, METADATA, "root float16", "states T_OBS of each"),
        ({94: np.zeros((2, 2))}, METADATA, "root", "No encoding 'root'"),
        ({94: np.zeros((2, 2))}, METADATA, "uint8", "keeps values as they are"),
        ({94: np.full((2, 2), 5e9)}, METADATA, "root float16", "too large for the store"),
        ({94: np.full((2, 2), -np.inf)}, METADATA, "root float16", "too large for the store"),
    ],
)
def test_what_the_store_cannot_hold_is_refused(tmp_path, planes, metadata, encoding, message):
    with pytest.raises(ValueError, match=message):
        store.write_sample(tmp_path / "a.fthr", planes, metadata, encoding)
    assert not list(tmp_path.iterdir())


def test_decoding_knows_its_encodings():
    with pytest.raises(ValueError, match="No encoding 'zip'"):
        store.decode(np.zeros(3), "zip")
