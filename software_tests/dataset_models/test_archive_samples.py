"""Which slots of an archive become samples, and what is said of the others."""

import numpy as np
import pytest

from dataset_models.sdo import index, store, structure_data
from software_tests import raw_archive


@pytest.fixture
def archive(tmp_path, write_fits):
    """Folder of two good slots of 171 and 193."""
    return raw_archive.write(tmp_path / "raw", write_fits)


def test_one_bad_file_is_reported_and_skipped(archive, tmp_path):
    raw_archive.file(archive, "0012", 193).write_text("<html>404</html>")
    result = structure_data.structure_archive(archive, tmp_path)
    assert list(result.rows) == ["20140101_0000"]
    file = "2014/01/01/H0000/AIA20140101_0012_0193.fits"
    reason = "an HTML page, not a FITS file; the server sent an error instead"
    assert raw_archive.rejected(tmp_path) == [("20140101_0012", file, reason)]
    assert not (tmp_path / store.sample_file("20140101_0012")).exists()


def test_a_bad_channel_may_be_left_out(archive, tmp_path):
    raw_archive.file(archive, "0012", 193).write_bytes(b"")
    structure_data.structure_archive(archive, tmp_path, allow_missing_channels=True)
    table = index.read_index(tmp_path)
    assert table["channels"].tolist() == ["171 193", "171"]
    assert store.read_sample(tmp_path / table["file"][1]).channels == (171,)
    assert [row[0] for row in raw_archive.rejected(tmp_path)] == ["20140101_0012"]


def test_a_missing_channel_rejects_the_sample(archive, tmp_path):
    raw_archive.file(archive, "0000", 171).unlink()
    result = structure_data.structure_archive(archive, tmp_path)
    assert list(result.rows) == ["20140101_0012"]
    assert raw_archive.rejected(tmp_path) == [
        (
            "20140101_0000",
            "",
            "no file of channel 171 (--allow-missing-channels keeps such samples)",
        )
    ]


def test_a_slot_without_any_wanted_channel_is_listed_too(archive, tmp_path):
    result = structure_data.structure_archive(archive, tmp_path, (94,), "any", True)
    assert not result.rows
    assert {reason for _, _, reason in raw_archive.rejected(tmp_path)} == {"no file of channel 94"}
    assert not (tmp_path / "index.feather").exists()


def test_a_path_that_cannot_be_read_is_reported_and_skipped(archive, tmp_path):
    path = next(archive.rglob("*_0171.fits"))
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    result = structure_data.structure_archive(archive, tmp_path)
    assert result.rows
    assert "cannot be read: No such file" in raw_archive.rejected(tmp_path)[0][2]


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
    path = raw_archive.file(archive, "0012", 193)
    path.unlink()
    write_fits(path, **{"T_OBS": "2014-01-01T00:12:10Z"} | cards)
    structure_data.structure_archive(archive, tmp_path)
    assert [row[2] for row in raw_archive.rejected(tmp_path)] == [reason]


def test_quality_follows_the_mode(archive, tmp_path, write_fits):
    path = raw_archive.file(archive, "0012", 193)
    path.unlink()
    write_fits(path, T_OBS="2014-01-01T00:12:10Z", QUALITY=0x40000000 | 1 << 13)
    for mode, kept in (("any", 2), ("near_real_time", 1), ("any", 2)):
        result = structure_data.structure_archive(archive, tmp_path, mode=mode)
        assert len(result.rows) == kept
        assert len(index.read_index(tmp_path)) == kept
    assert "1 made near real time" in structure_data.report(result)


def test_one_store_has_one_shape(archive, tmp_path, write_fits):
    for channel in (171, 193):
        path = raw_archive.file(archive, "0024", channel)
        data = np.arange(32.0 * 32.0).reshape(32, 32)
        write_fits(path, data, T_OBS="2014-01-01T00:24:10Z", CDELT1=76.8, CDELT2=76.8)
    result = structure_data.structure_archive(archive, tmp_path)
    assert len(result.rows) == 2
    assert result.shape == (64, 64)
    assert {row[2] for row in raw_archive.rejected(tmp_path)} == {
        "wrong shape: 32 x 32 pixels, expected 64 x 64"
    }


def test_duplicate_times_are_reported_by_name(archive, tmp_path, write_fits):
    twin = archive / "copy" / "AIA20140101_000048_0171.fits"  # with seconds, in the same slot
    write_fits(twin, T_OBS="2014-01-01T00:00:48Z")
    structure_data.structure_archive(archive, tmp_path)
    assert len(index.read_index(tmp_path)) == 2
    reason = "duplicate time: 2014/01/01/H0000/AIA20140101_0000_0171.fits has that slot and channel"
    assert raw_archive.rejected(tmp_path) == [("20140101_0000", f"copy/{twin.name}", reason)]


def test_a_strange_name_is_listed(archive, tmp_path):
    (archive / "notes.fits").write_bytes(b"")
    raw_archive.file(archive, "0000", 171).with_name("AIA20149901_0000_0171.fits").write_bytes(
        raw_archive.file(archive, "0000", 171).read_bytes()
    )
    structure_data.structure_archive(archive, tmp_path, allow_missing_channels=True)
    assert {row[1:] for row in raw_archive.rejected(tmp_path)} == {
        ("notes.fits", "its name is not AIAyyyymmdd_HHMM_WWWW.fits"),
        ("2014/01/01/H0000/AIA20149901_0000_0171.fits", "its name holds no time"),
    }


def test_values_beyond_the_store_reject_the_sample(archive, tmp_path, write_fits, counts):
    path = raw_archive.file(archive, "0012", 193)
    path.unlink()
    write_fits(path, counts * 1e9, compressed=False, T_OBS="2014-01-01T00:12:10Z")
    result = structure_data.structure_archive(archive, tmp_path)
    assert list(result.rows) == ["20140101_0000"]
    file = "2014/01/01/H0000/AIA20140101_0012_0193.fits"
    assert raw_archive.rejected(tmp_path)[0][:2] == ("20140101_0012", file)
    assert "too large for the store" in raw_archive.rejected(tmp_path)[0][2]
    structure_data.structure_archive(archive, tmp_path / "some", allow_missing_channels=True)
    table = index.read_index(tmp_path / "some")
    assert table["channels"].tolist() == ["171 193", "171"]  # the others are as good as ever


def test_samples_made_together_are_told_of_in_order(tmp_path, write_fits):
    minutes = range(0, 22, 2)  # a first one, two parts of four, and two that are left
    archive = raw_archive.write(tmp_path / "raw", write_fits, minutes)
    for slot in ("0000", "0006", "0020"):
        raw_archive.file(archive, slot, 171).write_bytes(b"")
    result = structure_data.structure_archive(archive, tmp_path)
    assert list(result.rows) == [
        f"20140101_{minute:04d}" for minute in minutes if minute not in (0, 6, 20)
    ]
    assert [row[0][-4:] for row in raw_archive.rejected(tmp_path)] == ["0000", "0006", "0020"]
    for identifier in result.rows:
        stamp = store.read_metadata(tmp_path / store.sample_file(identifier))[1]["t_obs"]["171"]
        assert stamp.startswith(f"2014-01-01T00:{identifier[-2:]}:17")


def test_synthetic_files_say_so_in_the_index(archive, tmp_path, write_fits):
    path = raw_archive.file(archive, "0012", 193)
    path.unlink()
    write_fits(path, T_OBS="2014-01-01T00:12:10Z", SYNTHETIC=True)
    result = structure_data.structure_archive(archive, tmp_path)
    assert index.read_index(tmp_path)["synthetic"].tolist() == [False, True]
    assert "1 are SYNTHETIC" in structure_data.report(result)
