"""What store and index tell of the ageing of AIA, beside aiapy's own numbers."""

import os
import pathlib
import shutil

import aiapy
import astropy.units as u
import numpy as np
import pytest
from aiapy.calibrate import degradation as reference
from aiapy.calibrate.util import get_correction_table
from astropy.time import Time

from dataset_models.sdo import index, response_table, store
from dataset_models.sdo.image_series import structure_series
from dataset_models.sdo.structure_data import main, report, structure_archive
from software_tests import raw_archive

SHIPPED = pathlib.Path(aiapy.__file__).parent / "tests/data" / response_table.KNOWN["V8"][0]
LABEL = "V8 0e8bc6af"  # the file's first eight digits of SHA-256, by sha256sum


@pytest.fixture
def archive(tmp_path, write_fits, monkeypatch):
    """Folder of two good slots of 171 and 193, in a data folder without a table."""
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "data"))
    return raw_archive.write(tmp_path / "raw", write_fits)


@pytest.fixture
def table():
    if not SHIPPED.exists():
        pytest.skip("aiapy ships no table here")
    return SHIPPED


def expected(channel, time):
    """Throughput by aiapy itself."""
    known = get_correction_table(SHIPPED)
    return reference(channel * u.AA, Time(time), correction_table=known).to_value("").item()


def assert_told(folder, identifier):
    _, metadata = store.read_metadata(folder / store.sample_file(identifier))
    assert metadata["degradation_version"] == LABEL
    assert metadata["degradation_corrected"] is False
    row = index.read_index(folder).set_index("id").loc[identifier]
    assert row["degradation_version"] == LABEL
    in_index = dict(pair.split(":") for pair in row["degradation"].split())
    for channel in (171, 193):
        factor = expected(channel, metadata["t_obs"][str(channel)])
        assert metadata["degradation"][str(channel)] == pytest.approx(factor, rel=1e-9)
        assert float(in_index[str(channel)]) == pytest.approx(factor, rel=1e-6)


def planes(folder, identifier="20140101_0000"):
    return np.array(store.read_sample(folder / store.sample_file(identifier)).planes)


@pytest.mark.parametrize("jobs", [1, 2])
def test_store_and_index_tell_it_and_images_stay(archive, tmp_path, table, jobs):
    plain, told = tmp_path / "plain", tmp_path / "told"
    structure_archive(archive, plain, degradation="")
    structure_archive(archive, told, degradation=table, jobs=jobs)
    for identifier in ("20140101_0000", "20140101_0012"):
        assert_told(told, identifier)
        np.testing.assert_array_equal(planes(told, identifier), planes(plain, identifier))
    assert (index.read_index(plain)["degradation_version"] == "").all()


def test_the_newest_table_is_taken_where_it_lies(archive, tmp_path, table, monkeypatch):
    monkeypatch.setattr(response_table, "NEWEST", "V8")
    first = structure_archive(archive, tmp_path)
    assert "2 whose ageing nobody told; this fetches a table, then run again: curl" in report(first)
    before = planes(tmp_path)
    folder = tmp_path / "data" / response_table.FOLDER
    folder.mkdir(parents=True)
    shutil.copy(table, folder)
    second = structure_archive(archive, tmp_path)
    assert (second.written, len(second.rows), second.rejections) == (2, 2, [])
    assert "nobody told" not in report(second)
    assert_told(tmp_path, "20140101_0012")
    np.testing.assert_array_equal(planes(tmp_path), before)
    assert structure_archive(archive, tmp_path).written == 0
    unwanted = report(structure_archive(archive, tmp_path / "other", degradation=""))
    assert "2 whose ageing nobody told\n0 rejections" in unwanted


def test_what_was_amended_is_what_is_made_anew(archive, tmp_path, table):
    first, second = tmp_path / "first", tmp_path / "second"
    structure_archive(archive, first, degradation="")
    structure_archive(archive, first, degradation=table)
    structure_archive(archive, second, degradation=table)
    assert raw_archive.content(first).keys() == raw_archive.content(second).keys()
    for identifier in ("20140101_0000", "20140101_0012"):
        of_both = [store.read_metadata(x / store.sample_file(identifier)) for x in (first, second)]
        assert of_both[0] == of_both[1]


def test_a_sample_whose_raw_files_are_gone_is_told_of_too(archive, tmp_path, table):
    structure_archive(archive, tmp_path, degradation="")
    for channel in (171, 193):
        raw_archive.file(archive, "0000", channel).unlink()
    structure_archive(archive, tmp_path, degradation=table)
    assert_told(tmp_path, "20140101_0000")


def test_the_synthetic_sun_does_not_age(tmp_path, write_fits, table, monkeypatch):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "data"))
    path = raw_archive.file(tmp_path / "raw", "0000", 171)
    write_fits(path, T_OBS="2014-01-01T00:00:10Z", SYNTHETIC=True)
    result = structure_archive(tmp_path / "raw", tmp_path, degradation=table)
    (row,) = result.rows.values()
    assert (row["degradation"], row["degradation_version"]) == ("", "")
    assert "nobody told" not in report(result)
    assert structure_archive(tmp_path / "raw", tmp_path, degradation=table).written == 0


@pytest.mark.parametrize("told_at_first", [False, True])
def test_a_throughput_that_is_not_positive_is_left_out(
    tmp_path, write_fits, table, monkeypatch, told_at_first
):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "data"))
    for channel in (171, 304):  # V8 lets 304 A fall below nothing
        path = tmp_path / "raw" / f"AIA20240601_0000_0{channel}.fits"
        write_fits(path, T_OBS="2024-06-01T00:00:10Z", WAVELNTH=channel)
    structure_archive(tmp_path / "raw", tmp_path, degradation=table if told_at_first else "")
    result = structure_archive(tmp_path / "raw", tmp_path, degradation=table)
    assert result.rejections == []
    ((identifier, row),) = result.rows.items()
    assert row["degradation"].split(":")[0] == "171"
    assert (row["degradation_version"], row["channels"]) == (LABEL, "171 304")
    assert "1 with channels whose ageing the table does not know" in report(result)
    _, metadata = store.read_metadata(tmp_path / store.sample_file(identifier))
    assert list(metadata["degradation"]) == ["171"]
    assert structure_archive(tmp_path / "raw", tmp_path, degradation=table).written == 0


def test_an_amended_sample_is_as_old_as_its_images(archive, tmp_path, table):
    structure_archive(archive, tmp_path, degradation="")
    sample = tmp_path / store.sample_file("20140101_0000")
    written = sample.stat().st_mtime_ns
    assert structure_archive(archive, tmp_path, degradation=table).written == 2
    assert sample.stat().st_mtime_ns == written
    os.utime(raw_archive.file(archive, "0000", 171), ns=(written + 1, written + 1))
    assert structure_archive(archive, tmp_path, degradation=table).written == 1


def test_image_series_are_told_of_too(tmp_path, table, monkeypatch):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "data"))
    images = np.random.default_rng(1).uniform(1, 9, (1, 64, 64)).astype("float32")
    np.savez(tmp_path / "series.npz", images=images, time=["2014-01-01T00:00:00"])
    result = structure_series(tmp_path / "series.npz", tmp_path, "DN / s", 171, table)
    (row,) = result.rows.values()
    assert float(row["degradation"].removeprefix("171:")) == pytest.approx(
        expected(171, "2014-01-01T00:00:00"), rel=1e-6
    )


def test_a_table_that_is_not_there_is_refused(archive, tmp_path, capsys):
    arguments = ["--raw", str(archive), "--output", str(tmp_path / "out"), "--degradation", "V10"]
    assert main(arguments) == 1
    assert "The degradation table V10" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
