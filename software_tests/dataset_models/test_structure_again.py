"""structure_data.py run again, in several processes, killed, and on a full disk."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from dataset_models.sdo import collection, index, store, structure_data
from software_tests import raw_archive

ROOT = pathlib.Path(structure_data.__file__).parents[2]


@pytest.fixture
def archive(tmp_path, write_fits):
    """Folder of two good slots of 171 and 193."""
    return raw_archive.write(tmp_path / "raw", write_fits)


def test_a_second_run_goes_on_where_the_first_stopped(archive, tmp_path, write_fits):
    structure_data.structure_archive(archive, tmp_path)
    first = tmp_path / store.sample_file("20140101_0000")
    made = first.stat().st_mtime_ns
    for channel in (171, 193):
        write_fits(raw_archive.file(archive, "0024", channel), T_OBS="2014-01-01T00:24:10Z")
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
    ((identifier, file, reason),) = raw_archive.rejected(tmp_path)
    assert (identifier, file) == ("20140101_0012", "store/2014/01/01/AIA20140101_0012.fthr")
    assert "was cut short" in reason


def test_a_channel_that_comes_later_says_which_samples_leave_the_index(
    archive, tmp_path, write_fits
):
    for path in archive.rglob("*_0094.fits"):
        path.unlink()
    assert len(structure_data.structure_archive(archive, tmp_path).rows) > 1
    write_fits(archive / "AIA20140101_0000_0094.fits")
    structure_data.structure_archive(archive, tmp_path)
    reasons = [reason for _, _, reason in raw_archive.rejected(tmp_path)]
    assert reasons
    assert all("no file of channel 94; leaves the index, where it had 171" in r for r in reasons)


def test_a_damaged_index_is_made_anew_from_the_store(archive, tmp_path):
    before = structure_data.structure_archive(archive, tmp_path).rows
    (tmp_path / "index.feather").write_bytes(b"half an index")
    assert set(structure_data.structure_archive(archive, tmp_path).rows) == set(before)
    assert "is not an index" in raw_archive.rejected(tmp_path)[0][2]
    assert len(index.read_index(tmp_path)) == len(before)


def test_the_store_outlives_the_raw_files(archive, tmp_path):
    structure_data.structure_archive(archive, tmp_path)
    raw_archive.file(archive, "0000", 193).unlink()
    result = structure_data.structure_archive(archive, tmp_path, (171, 193))
    assert len(result.rows) == 2


def test_an_interrupted_run_leaves_a_valid_index(archive, tmp_path, monkeypatch):
    include = collection.Collection.include

    def stopped(self, identifier):
        if self.written:
            raise KeyboardInterrupt
        include(self, identifier)

    monkeypatch.setattr(collection.Collection, "include", stopped)
    with pytest.raises(KeyboardInterrupt):
        structure_data.structure_archive(archive, tmp_path)
    assert index.read_index(tmp_path)["id"].tolist() == ["20140101_0000"]


def test_a_raw_file_that_changed_is_read_again(archive, tmp_path, write_fits, counts):
    structure_data.structure_archive(archive, tmp_path)
    before = raw_archive.content(tmp_path / "store")
    path = raw_archive.file(archive, "0012", 171)
    path.unlink()
    write_fits(path, counts + 1, T_OBS="2014-01-01T00:12:17Z")
    os.utime(path, (2e9, 2e9))  # later than the sample
    assert structure_data.structure_archive(archive, tmp_path).written == 1
    after = raw_archive.content(tmp_path / "store")
    changed = [name for name in before if before[name] != after[name]]
    assert changed == ["2014/01/01/AIA20140101_0012.fthr"]


def without_a_check(archive, folder, **cards):
    """The store as a version made it that took every header, here of 193 at 00:12."""
    structure_data.structure_archive(archive, folder)
    path = folder / store.sample_file("20140101_0012")
    sample = store.read_sample(path)
    planes = dict(zip(sample.channels, sample.planes.copy(), strict=True))
    metadata = sample.metadata | {"saturated": {}}
    metadata["wcs"]["193"] |= cards
    made = path.stat().st_mtime
    store.write_sample(path, planes, metadata, encoded=True)
    os.utime(path, (made, made))
    return path


@pytest.mark.parametrize("cards", [{"CRPIX1": 20.0}, {"CROTA2": "north"}, {"CROTA2": 5.0}])
def test_a_stored_image_that_is_not_registered_is_read_again(archive, tmp_path, cards):
    path = without_a_check(archive, tmp_path, **cards)
    assert structure_data.structure_archive(archive, tmp_path).written == 1  # raw files are good
    assert "CROTA2" not in store.read_metadata(path)[1]["wcs"]["193"]
    assert structure_data.structure_archive(archive, tmp_path).written == 0


def test_a_stored_image_whose_file_is_not_registered_leaves_the_index(
    archive, tmp_path, write_fits
):
    without_a_check(archive, tmp_path, CRPIX1=20.0)
    file = raw_archive.file(archive, "0012", 193)
    file.unlink()
    write_fits(file, T_OBS="2014-01-01T00:12:19Z", CRPIX1=20.0)
    os.utime(file, (1e9, 1e9))  # it was there before
    assert list(structure_data.structure_archive(archive, tmp_path).rows) == ["20140101_0000"]
    ((identifier, _, reason),) = raw_archive.rejected(tmp_path)
    assert identifier == "20140101_0012"
    assert reason.startswith("off-centre")


def test_a_broken_store_file_that_the_index_knows_is_written_again(archive, tmp_path):
    structure_data.structure_archive(archive, tmp_path)
    path = tmp_path / store.sample_file("20140101_0012")
    whole, made = path.read_bytes(), path.stat().st_mtime
    path.write_bytes(whole[:1000])
    os.utime(path, (made, made))
    assert structure_data.structure_archive(archive, tmp_path).written == 1
    assert path.read_bytes() == whole


def test_an_index_that_wrote_zero_for_unknown_asks_the_store(archive, tmp_path):
    without_a_check(archive, tmp_path)  # 00:12 was not counted, 00:00 was: no pixels
    old = index.read_index(tmp_path).astype({"saturated": "int64"})
    old.to_feather(tmp_path / "index.feather")
    result = structure_data.structure_archive(archive, tmp_path)
    assert result.written == 0
    table = index.read_index(tmp_path)
    assert table["saturated"].isna().tolist() == [False, True]
    assert table["saturated"][0] == 0
    assert "1 whose saturated pixels nobody counted" in structure_data.report(result)


def test_a_region_that_is_known_no_more_leaves_the_rows(archive, tmp_path):
    folder, names = tmp_path / "srs", ["active_region", "harp", "longitude"]
    folder.mkdir()
    (folder / "20131231SRS.txt").write_text(raw_archive.SUMMARY)
    structure_data.structure_archive(archive, tmp_path, summaries=folder)
    assert index.read_index(tmp_path)["active_region"].tolist() == [11936] * 2
    spotless = raw_archive.SUMMARY.replace("2013 Dec 31 0030", "2014 Jan 01 0000")
    spots = [line for line in raw_archive.SUMMARY.splitlines() if line.startswith("193")][:2]
    spotless = spotless.replace("\n".join(spots), "None")
    (folder / "20140101SRS.txt").write_text(spotless)
    structure_data.structure_archive(archive, tmp_path, summaries=folder)
    np.testing.assert_array_equal(index.read_index(tmp_path)[names], [[0, 0, np.nan]] * 2)
    assert raw_archive.rejected(tmp_path) == []


@pytest.fixture
def many(tmp_path, write_fits):
    """(Archive of 30 slots, some of them bad, and what one process makes of it)."""
    raw = raw_archive.write(tmp_path / "many" / "raw", write_fits, range(0, 60, 2))
    raw_archive.file(raw, "0000", 171).write_bytes(b"")  # so that the first gives no shape
    raw_archive.file(raw, "0030", 171).unlink()
    raw_archive.file(raw, "0034", 193).write_text("<html>404</html>")
    structure_data.structure_archive(raw, tmp_path / "one")
    return raw, raw_archive.content(tmp_path / "one")


def test_the_result_does_not_depend_on_the_number_of_jobs(many, tmp_path):
    raw, expected = many
    result = structure_data.structure_archive(raw, tmp_path / "two", jobs=2)
    assert result.written == 27
    assert raw_archive.content(tmp_path / "two") == expected


def test_a_killed_run_leaves_whole_files_and_is_gone_on_with(many, tmp_path):
    (raw, expected), output = many, tmp_path / "killed"
    command = [sys.executable, structure_data.__file__, "--jobs=2", f"--raw={raw}"]
    command += [f"--output={output}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    last = max(raw.rglob("*.fits"))
    content = last.read_bytes()
    last.unlink()
    os.mkfifo(last)  # reading it waits, so the run cannot end before it is killed
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as run:
        while run.poll() is None and len(list(output.rglob("*.fthr"))) < 3:
            time.sleep(0.001)
        children = pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children")
        processes = children.read_text().split() if children.exists() else []
        run.kill()
    assert run.returncode == -signal.SIGKILL
    wait_for_the_end(processes)
    last.unlink()
    last.write_bytes(content)
    for path in output.rglob("AIA*.fthr"):
        assert store.read_sample(path).planes.shape == (2, 64, 64)
    (output / "store" / "2014" / ".AIA20140101_0002.0123.part.fthr").write_bytes(b"half")
    (output / ".index.0123.part.feather").write_bytes(b"half")
    result = structure_data.structure_archive(raw, output)
    assert 0 < result.written < 27  # what was stored is not done again
    assert raw_archive.content(output) == expected


def wait_for_the_end(processes):
    """Waits until none of them runs; processes without a parent would wait for work for ever."""
    for _ in range(1000):
        if not any(pathlib.Path(f"/proc/{number}").exists() for number in processes):
            return
        time.sleep(0.01)
    pytest.fail(f"the processes {processes} outlive the one that started them")


@pytest.mark.parametrize("damage", [b"\xff" * 40, bytes(40)])
def test_an_index_damaged_in_its_middle_is_made_anew(archive, tmp_path, damage):
    structure_data.structure_archive(archive, tmp_path)
    path = tmp_path / "index.feather"
    whole = path.read_bytes()
    middle = whole.rindex(b"store/2014") - 20  # among the offsets of the file names
    path.write_bytes(whole[:middle] + damage + whole[middle + 40 :])
    structure_data.structure_archive(archive, tmp_path)
    assert path.read_bytes() == whole
    assert "or is damaged" in raw_archive.rejected(tmp_path)[0][2]


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
        structure_data.structure_archive(tmp_path / "raw", small_disk, jobs=2)
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
