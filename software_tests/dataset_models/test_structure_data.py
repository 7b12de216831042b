import os
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import sunpy.map
from astropy.io import fits

from dataset_models.dataset import DatasetNotFoundError
from dataset_models.sdo import image_series, index, store, structure_data
from dataset_models.sdo.side_channels import HAND_TAILORED
from software_tests import raw_archive

SCRIPT = pathlib.Path(structure_data.__file__)
SYNOPTIC = "aia_synoptic_20140101"


@pytest.fixture
def archive(tmp_path, write_fits):
    """Folder of two good slots of 171 and 193."""
    return raw_archive.write(tmp_path / "raw", write_fits)


def test_an_archive_becomes_a_store_and_an_index(archive, tmp_path, counts):
    result = structure_data.structure_archive(archive, tmp_path)
    table = index.read_index(tmp_path)
    assert result.written == 2
    assert table["period"].tolist() == ["maximum"] * 2  # of cycle 24, in April 2014
    assert table["id"].tolist() == ["20140101_0000", "20140101_0012"]
    assert table["channels"].tolist() == ["171 193"] * 2
    assert table["time"].tolist() == [
        pd.Timestamp("2014-01-01T00:00:19"),  # of 193, the later one
        pd.Timestamp("2014-01-01T00:12:19"),
    ]
    sample = store.read_sample(tmp_path / table["file"][1])
    np.testing.assert_allclose(
        store.decode(sample.planes, "root float16")[0], np.round(counts) / 2, rtol=2**-10
    )
    assert sample.metadata["exposures"] == {"171": 2.0, "193": 2.0}
    assert sample.metadata["wcs"]["193"]["WAVELNTH"] == 193
    assert sample.metadata["rsun_obs"] == 975.96
    assert raw_archive.rejected(tmp_path) == []


def test_no_archive_gives_the_commands(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"embedded_sample\.py"):
        structure_data.structure_archive(tmp_path / "none", tmp_path)


def test_an_unknown_mode_is_refused_before_any_work(archive, tmp_path):
    with pytest.raises(ValueError, match="No quality mode 'good'"):
        structure_data.structure_archive(archive, tmp_path, mode="good")


# The script


def test_the_script_tells_what_it_did(archive, tmp_path, capsys):
    raw_archive.file(archive, "0012", 193).write_bytes(b"")
    status = structure_data.main(["--raw", str(archive), "--output", str(tmp_path)])
    text = capsys.readouterr().out
    assert status == 0
    assert "1 samples in" in text
    assert "1 with channels 171 193 Angstrom" in text
    assert "1 x not a FITS file that can be read" in text


def test_the_script_fails_when_nothing_was_accepted(archive, tmp_path, capsys):
    arguments = ["--raw", str(archive), "--output", str(tmp_path), "--channels", "94"]
    assert structure_data.main(arguments) == 1
    assert "2 x no file of channel 94" in capsys.readouterr().out


def test_the_script_fails_when_a_series_gives_nothing(tmp_path, capsys):
    images = np.zeros((2, 32, 32), np.uint8)  # every pixel is the same
    np.savez(tmp_path / "a.npz", images=images, time=["2014-01-01T00:00", "2014-01-01T00:12"])
    arguments = ["--arrays", str(tmp_path / "a.npz"), "--output", str(tmp_path)]
    assert structure_data.main([*arguments, "--unit", "browse", "--channel", "171"]) == 1
    assert "2 rejections" in capsys.readouterr().out


def test_no_jobs_are_refused(archive, tmp_path, capsys):
    arguments = ["--raw", str(archive), "--output", str(tmp_path), "--jobs", "0"]
    assert structure_data.main(arguments) == 1
    assert "Expected at least one job. Received: jobs=0" in capsys.readouterr().err


def test_the_largest_region_of_the_day_stands_in_the_index(archive, tmp_path):
    (tmp_path / "srs").mkdir()
    (tmp_path / "srs" / "20131231SRS.txt").write_text(raw_archive.SUMMARY)
    (tmp_path / "srs" / "20140101SRS.txt").write_text("404")
    structure_data.structure_archive(archive, tmp_path, summaries=tmp_path / "srs")
    table = index.read_index(tmp_path)
    assert table["active_region"].tolist() == [11936] * 2
    # At W32 when the day before began: 13.17 degrees a day, 24 h and 24.2 h ago.
    np.testing.assert_allclose(table["longitude"], [45.17, 45.28], atol=0.01)
    assert table["harp"].tolist() == [0, 0]
    ((_, file, reason),) = raw_archive.rejected(tmp_path)
    assert file.endswith("20140101SRS.txt")
    assert reason.startswith("not a Solar Region Summary that can be read")


def test_the_largest_harp_stays_until_a_table_tells_otherwise(archive, tmp_path):
    path = tmp_path / "features.csv"
    row = {"T_REC": "2014-01-01T00:05:00", **dict.fromkeys(HAND_TAILORED, 1.0)}
    region = {"HARPNUM": 3535, "NOAA_AR": 11936, "LAT_FWT": 0.0, "LON_FWT": -61.25}
    pd.DataFrame([row | region]).to_csv(path, index=False)
    names = ["harp", "active_region", "longitude"]
    structure_data.structure_archive(archive, tmp_path, features=path)
    found = index.read_index(tmp_path)[names]
    # The record is later than the first image. The second is of 00:12:19, 0.07 degrees later.
    np.testing.assert_array_equal(found.iloc[0], [0, 0, np.nan])
    np.testing.assert_allclose(found.iloc[1], [3535, 11936, -61.18], atol=0.005)
    structure_data.structure_archive(archive, tmp_path, features=tmp_path / "none.csv")
    pd.testing.assert_frame_equal(index.read_index(tmp_path)[names], found)
    path.write_text("404")
    structure_data.structure_archive(archive, tmp_path, features=path)
    pd.testing.assert_frame_equal(index.read_index(tmp_path)[names], found)
    assert raw_archive.rejected(tmp_path)[0][1] == str(path)
    (tmp_path / "20131231SRS.txt").write_text(raw_archive.SUMMARY)
    structure_data.structure_archive(archive, tmp_path, features=path, summaries=tmp_path)
    table = index.read_index(tmp_path)  # number and longitude of the one, HARP of none
    assert table[["harp", "active_region"]].to_numpy().tolist() == [[0, 11936]] * 2


def test_the_script_says_an_error_plainly(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "none"))
    assert structure_data.main([]) == 1
    error = capsys.readouterr().err
    assert f"Looked in: {tmp_path / 'none' / 'aia' / 'raw'}" in error
    assert "python dataset_models/synthetic/embedded_sample.py" in error


def test_the_script_runs_from_anywhere_without_arguments(archive, tmp_path):
    data = tmp_path / "data"
    (data / "aia").mkdir(parents=True)
    archive.rename(data / "aia" / "raw")
    environment = {**os.environ, "FLARENET_DATA": str(data), "PYTHONPATH": str(SCRIPT.parents[2])}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(index.read_index(data / "aia")) == 2


# Series of images


def test_units_do_not_mix_in_one_store(archive, tmp_path):
    structure_data.structure_archive(archive, tmp_path)
    images = np.arange(32 * 32, dtype=np.uint8).reshape(1, 32, 32)
    np.savez(tmp_path / "a.npz", images=images, time=["2014-01-01T00:00:00"])
    with pytest.raises(ValueError, match=r"another unit. Expected 'browse'.*\['DN / s'\]"):
        image_series.structure_series(tmp_path / "a.npz", tmp_path, "browse", 171)


def test_real_synoptic_files_lose_nothing_beyond_the_stated_error(real_data, tmp_path):
    channels = (94, 131, 171, 193, 211, 335)
    arguments = ["--raw", str(real_data / SYNOPTIC), "--output", str(tmp_path)]
    assert structure_data.main(arguments) == 0
    (row,) = index.read_index(tmp_path).to_dict("records")
    assert row["channels"] == "94 131 171 193 211 335"
    assert row["time"] == pd.Timestamp("2014-01-01T00:00:12.34")  # T_OBS of 171, the latest
    sample = store.read_sample(tmp_path / row["file"])
    values = store.decode(sample.planes, "root float16")
    for channel, plane in zip(channels, values, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = real_data / SYNOPTIC / f"AIA20140101_0000_{channel:04d}.fits"
            data, header = fits.getdata(path, 1), fits.getheader(path, 1)
        # The root in float16 is off by at most 2**-11, its square by 2**-10 + 2**-22 (see
        # test_store.py); the division and the root in float32 add less than 2**-22.
        truth = data / header["EXPTIME"]
        np.testing.assert_allclose(plane, truth, rtol=2**-10 + 2**-21)
        np.testing.assert_array_equal(np.sign(plane), np.sign(truth))
        assert (plane < 0).sum() == (truth < 0).sum() > 0
        sun = sunpy.map.Map(plane, sample.metadata["wcs"][str(channel)])
        assert sun.wavelength.to_value("angstrom") == channel


def test_the_real_quick_look_image_is_kept_and_counted(real_data, tmp_path):
    result = structure_data.structure_archive(real_data / "aia_171_20110319", tmp_path)
    assert index.read_index(tmp_path)["id"].tolist() == ["20110319_1054"]
    assert "1 made near real time, by QUALITY" in structure_data.report(result)


def test_real_files_of_another_kind_are_refused_by_name(real_data, tmp_path):
    for folder in ("aia_1600_20120606", "eit_195_13h_20040301"):
        result = structure_data.structure_archive(real_data / folder, tmp_path)
        assert not result.rows
    assert {row[2] for row in raw_archive.rejected(tmp_path)} == {
        "its name is not AIAyyyymmdd_HHMM_WWWW.fits"
    }
    result = structure_data.structure_archive(real_data / "aia_1600_20120606", tmp_path)
    ((_, file, reason),) = result.rejections
    assert file == "AIA20120606_040729_1600.fits"
    assert reason.startswith("not the whole disk: 480 x 854 pixels span 520.4 arcsec")
