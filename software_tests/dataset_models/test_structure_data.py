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
from dataset_models.sdo import collection, image_series, index, store, structure_data

SCRIPT = pathlib.Path(structure_data.__file__)
SYNOPTIC = "aia_synoptic_20140101"
SERIES = "aia_171_hourly_201708/aia171_20170807_0816_256.npz"


@pytest.fixture
def archive(tmp_path, write_fits):
    """Folder of two good slots of 171 and 193, as the archive lays them out."""
    for minute in (0, 12):
        for channel in (171, 193):
            name = f"H0000/AIA20140101_00{minute:02d}_{channel:04d}.fits"
            path = tmp_path / "raw" / "2014" / "01" / "01" / name
            write_fits(path, T_OBS=f"2014-01-01T00:{minute:02d}:{channel // 10}.00Z")
    return tmp_path / "raw"


def _file(archive, slot, channel):
    return archive / "2014" / "01" / "01" / "H0000" / f"AIA20140101_{slot}_{channel:04d}.fits"


def _rejected(output):
    table = pd.read_csv(output / "rejected.csv", keep_default_na=False)
    return list(table.itertuples(index=False, name=None))


def test_an_archive_becomes_a_store_and_an_index(archive, tmp_path, counts):
    result = structure_data.structure_archive(archive, tmp_path)
    table = index.read_index(tmp_path)
    assert result.written == 2
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
    assert _rejected(tmp_path) == []


def test_a_second_run_goes_on_where_the_first_stopped(archive, tmp_path, write_fits):
    structure_data.structure_archive(archive, tmp_path)
    first = tmp_path / store.sample_file("20140101_0000")
    made = first.stat().st_mtime_ns
    for channel in (171, 193):
        write_fits(_file(archive, "0024", channel), T_OBS="2014-01-01T00:24:10Z")
    result = structure_data.structure_archive(archive, tmp_path)
    assert (result.written, len(result.rows)) == (1, 3)
    assert first.stat().st_mtime_ns == made


def test_samples_that_a_sudden_stop_left_out_of_the_index_are_found(archive, tmp_path):
    structure_data.structure_archive(archive, tmp_path)
    whole = index.read_index(tmp_path)
    index.write_index(tmp_path, whole.iloc[:1].assign(sampling="flare case"))
    result = structure_data.structure_archive(archive, tmp_path)
    assert result.written == 0
    again = index.read_index(tmp_path)
    assert again["id"].tolist() == whole["id"].tolist()
    assert again["sampling"].tolist() == ["flare case", "regular cadence"]


def test_a_broken_store_file_is_named_and_written_again(archive, tmp_path):
    structure_data.structure_archive(archive, tmp_path)
    path = tmp_path / store.sample_file("20140101_0012")
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    os.utime(path, (2e9, 2e9))  # later than the index
    result = structure_data.structure_archive(archive, tmp_path)
    assert path.read_bytes() == whole
    assert len(result.rows) == 2
    ((identifier, file, reason),) = _rejected(tmp_path)
    assert (identifier, file) == ("20140101_0012", "store/2014/01/01/AIA20140101_0012.fthr")
    assert "was cut short" in reason


def test_one_bad_file_is_reported_and_skipped(archive, tmp_path):
    _file(archive, "0012", 193).write_text("<html>404</html>")
    result = structure_data.structure_archive(archive, tmp_path)
    assert list(result.rows) == ["20140101_0000"]
    file = "2014/01/01/H0000/AIA20140101_0012_0193.fits"
    reason = "an HTML page, not a FITS file; the server sent an error instead"
    assert _rejected(tmp_path) == [("20140101_0012", file, reason)]
    assert not (tmp_path / store.sample_file("20140101_0012")).exists()


def test_a_bad_channel_may_be_left_out(archive, tmp_path):
    _file(archive, "0012", 193).write_bytes(b"")
    structure_data.structure_archive(archive, tmp_path, allow_missing_channels=True)
    table = index.read_index(tmp_path)
    assert table["channels"].tolist() == ["171 193", "171"]
    assert store.read_sample(tmp_path / table["file"][1]).channels == (171,)
    assert [row[0] for row in _rejected(tmp_path)] == ["20140101_0012"]


def test_a_missing_channel_rejects_the_sample(archive, tmp_path):
    _file(archive, "0000", 171).unlink()
    result = structure_data.structure_archive(archive, tmp_path)
    assert list(result.rows) == ["20140101_0012"]
    assert _rejected(tmp_path) == [
        (
            "20140101_0000",
            "",
            "no file of channel 171 (--allow-missing-channels keeps such samples)",
        )
    ]


def test_a_slot_without_any_wanted_channel_is_listed_too(archive, tmp_path):
    result = structure_data.structure_archive(archive, tmp_path, (94,), "any", True)
    assert not result.rows
    assert {reason for _, _, reason in _rejected(tmp_path)} == {"no file of channel 94"}
    assert not (tmp_path / "index.feather").exists()


def test_a_channel_that_comes_later_says_which_samples_leave_the_index(
    archive, tmp_path, write_fits
):
    for path in archive.rglob("*_0094.fits"):
        path.unlink()
    assert len(structure_data.structure_archive(archive, tmp_path).rows) > 1
    write_fits(archive / "AIA20140101_0000_0094.fits")
    structure_data.structure_archive(archive, tmp_path)
    reasons = [reason for _, _, reason in _rejected(tmp_path)]
    assert reasons
    assert all("no file of channel 94; leaves the index, where it had 171" in r for r in reasons)


def test_a_path_that_cannot_be_read_is_reported_and_skipped(archive, tmp_path):
    path = next(archive.rglob("*_0171.fits"))
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    result = structure_data.structure_archive(archive, tmp_path)
    assert result.rows
    assert "cannot be read: No such file" in _rejected(tmp_path)[0][2]


def test_a_damaged_index_is_made_anew_from_the_store(archive, tmp_path):
    before = structure_data.structure_archive(archive, tmp_path).rows
    (tmp_path / "index.feather").write_bytes(b"half an index")
    assert set(structure_data.structure_archive(archive, tmp_path).rows) == set(before)
    assert "is not an index" in _rejected(tmp_path)[0][2]
    assert len(index.read_index(tmp_path)) == len(before)


def test_the_store_outlives_the_raw_files(archive, tmp_path):
    structure_data.structure_archive(archive, tmp_path)
    _file(archive, "0000", 193).unlink()
    result = structure_data.structure_archive(archive, tmp_path, (171, 193))
    assert len(result.rows) == 2


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        ({"QUALITY": 1 << 13 | 1 << 17}, "QUALITY: eclipse, image stabilisation loop open"),
        ({"EXPTIME": 0.0}, "EXPTIME is 0.0 s; expected more than zero"),
        ({"WAVELNTH": 171}, "wrong wavelength: WAVELNTH is 171 Angstrom, expected 193"),
        (
            {"T_OBS": "2014-01-02T00:12:10Z"},
            "T_OBS 2014-01-02T00:12:10.000 is not of the slot in its name",
        ),
    ],
)
def test_an_unfit_image_is_listed_with_its_reason(archive, tmp_path, write_fits, cards, reason):
    path = _file(archive, "0012", 193)
    path.unlink()
    write_fits(path, **{"T_OBS": "2014-01-01T00:12:10Z"} | cards)
    structure_data.structure_archive(archive, tmp_path)
    assert [row[2] for row in _rejected(tmp_path)] == [reason]


def test_quality_follows_the_mode(archive, tmp_path, write_fits):
    path = _file(archive, "0012", 193)
    path.unlink()
    write_fits(path, T_OBS="2014-01-01T00:12:10Z", QUALITY=0x40000000 | 1 << 13)
    for mode, kept in (("any", 2), ("near_real_time", 1), ("any", 2)):
        result = structure_data.structure_archive(archive, tmp_path, mode=mode)
        assert len(result.rows) == kept
        assert len(index.read_index(tmp_path)) == kept
    assert "1 made near real time" in structure_data.report(result)


def test_one_store_has_one_shape(archive, tmp_path, write_fits):
    for channel in (171, 193):
        path = _file(archive, "0024", channel)
        data = np.arange(32.0 * 32.0).reshape(32, 32)
        write_fits(path, data, T_OBS="2014-01-01T00:24:10Z", CDELT1=76.8, CDELT2=76.8)
    result = structure_data.structure_archive(archive, tmp_path)
    assert len(result.rows) == 2
    assert result.shape == (64, 64)
    assert {row[2] for row in _rejected(tmp_path)} == {
        "wrong shape: 32 x 32 pixels, expected 64 x 64"
    }


def test_duplicate_times_are_reported_by_name(archive, tmp_path, write_fits):
    twin = archive / "copy" / "AIA20140101_000048_0171.fits"  # with seconds, in the same slot
    write_fits(twin, T_OBS="2014-01-01T00:00:48Z")
    structure_data.structure_archive(archive, tmp_path)
    assert len(index.read_index(tmp_path)) == 2
    reason = "duplicate time: 2014/01/01/H0000/AIA20140101_0000_0171.fits has that slot and channel"
    assert _rejected(tmp_path) == [("20140101_0000", f"copy/{twin.name}", reason)]


def test_a_strange_name_is_listed(archive, tmp_path):
    (archive / "notes.fits").write_bytes(b"")
    _file(archive, "0000", 171).with_name("AIA20149901_0000_0171.fits").write_bytes(
        _file(archive, "0000", 171).read_bytes()
    )
    structure_data.structure_archive(archive, tmp_path, allow_missing_channels=True)
    assert {row[1:] for row in _rejected(tmp_path)} == {
        ("notes.fits", "its name is not AIAyyyymmdd_HHMM_WWWW.fits"),
        ("2014/01/01/H0000/AIA20149901_0000_0171.fits", "its name holds no time"),
    }


def test_values_beyond_the_store_reject_the_sample(archive, tmp_path, write_fits, counts):
    path = _file(archive, "0012", 193)
    path.unlink()
    write_fits(path, counts * 1e9, compressed=False, T_OBS="2014-01-01T00:12:10Z")
    result = structure_data.structure_archive(archive, tmp_path)
    assert list(result.rows) == ["20140101_0000"]
    assert "too large for the store" in _rejected(tmp_path)[0][2]


def test_synthetic_files_say_so_in_the_index(archive, tmp_path, write_fits):
    path = _file(archive, "0012", 193)
    path.unlink()
    write_fits(path, T_OBS="2014-01-01T00:12:10Z", SYNTHETIC=True)
    result = structure_data.structure_archive(archive, tmp_path)
    assert index.read_index(tmp_path)["synthetic"].tolist() == [False, True]
    assert "1 are SYNTHETIC" in structure_data.report(result)


def test_no_archive_gives_the_commands(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"embedded_sample\.py"):
        structure_data.structure_archive(tmp_path / "none", tmp_path)


def test_an_unknown_mode_is_refused_before_any_work(archive, tmp_path):
    with pytest.raises(ValueError, match="No quality mode 'good'"):
        structure_data.structure_archive(archive, tmp_path, mode="good")


def test_an_interrupted_run_leaves_a_valid_index(archive, tmp_path, monkeypatch):
    add = collection.Collection.add

    def stopped(self, *arguments):
        if self.written:
            raise KeyboardInterrupt
        add(self, *arguments)

    monkeypatch.setattr(collection.Collection, "add", stopped)
    with pytest.raises(KeyboardInterrupt):
        structure_data.structure_archive(archive, tmp_path)
    assert index.read_index(tmp_path)["id"].tolist() == ["20140101_0000"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 KiB: room for some of the samples."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip("this machine allows no small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_keeps_what_was_written(small_disk, tmp_path, write_fits):
    for minute in range(0, 60, 2):  # 30 samples of 64 x 64 x 2 bytes and their metadata, 12 KiB
        name = f"AIA20140101_00{minute:02d}_0171.fits"
        write_fits(tmp_path / "raw" / name, T_OBS=f"2014-01-01T00:{minute:02d}:10Z")
    with pytest.raises(OSError, match=r"Could not write .*\.fthr.*MiB free.*--output FOLDER"):
        structure_data.structure_archive(tmp_path / "raw", small_disk)
    files = sorted(path.name for path in (small_disk / "store").rglob("*") if path.is_file())
    assert 5 < len(files) < 30
    assert not [name for name in files if "part" in name]
    for path in (small_disk / "store").rglob("*.fthr"):
        assert store.read_sample(path).planes.shape == (1, 64, 64)


def test_a_full_disk_never_breaks_the_index(small_disk, tmp_path, write_fits):
    write_fits(tmp_path / "raw" / "AIA20140101_0000_0171.fits")
    structure_data.structure_archive(tmp_path / "raw", small_disk)
    for minute in range(2, 60, 2):
        name = f"AIA20140101_00{minute:02d}_0171.fits"
        write_fits(tmp_path / "raw" / name, T_OBS=f"2014-01-01T00:{minute:02d}:10Z")
    assert structure_data.main(["--raw", str(tmp_path / "raw"), "--output", str(small_disk)]) == 1
    assert len(index.read_index(small_disk)) >= 1


# The script


def test_the_script_tells_what_it_did(archive, tmp_path, capsys):
    _file(archive, "0012", 193).write_bytes(b"")
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
    assert {row[2] for row in _rejected(tmp_path)} == {"its name is not AIAyyyymmdd_HHMM_WWWW.fits"}
    result = structure_data.structure_archive(real_data / "aia_1600_20120606", tmp_path)
    ((_, file, reason),) = result.rejections
    assert file == "AIA20120606_040729_1600.fits"
    assert reason.startswith("not the whole disk: 480 x 854 pixels span 520.4 arcsec")
