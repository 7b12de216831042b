"""Which files count."""

import hashlib
import io
import re

import numpy as np
import pytest
from astropy.io import fits

from dataset_models.sdo.download import archive
from dataset_models.sdo.download.checks import RefusedFileError, check, wrong_beginning
from software_tests.dataset_models.download.faulty_archive import small_fits

SLOT = np.datetime64("2014-01-01T00:00", "m")
TRUTH = small_fits(SLOT, 171)


def verdict(tmp_path, content, slot=SLOT, channel=171, shape=None, **options):
    """The SHA-256, or the reason of the refusal."""
    path = tmp_path / "AIA20140101_0000_0171.fits"
    path.write_bytes(content)
    try:
        return check(path, slot, channel, shape, **options)
    except RefusedFileError as error:
        return error.reason


def changed(content, old, new):
    assert len(old) == len(new)
    assert content.count(old) == 1
    return content.replace(old, new)


@pytest.mark.parametrize("compressed", [True, False])
def test_a_good_file_gives_its_digest(tmp_path, compressed):
    content = small_fits(SLOT, 171, compressed=compressed)
    assert b"OSCNMEAN=                  nan" in content  # as in the archive
    digest = hashlib.sha256(content).hexdigest()
    assert verdict(tmp_path, content, length=len(content)) == digest
    assert verdict(tmp_path, content, shape=(64, 64)) == digest


@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
def test_a_wrong_checksum_does_not_matter(tmp_path):
    with fits.open(io.BytesIO(TRUTH), disable_image_compression=True) as units:
        assert units[1].verify_checksum() == 0  # astropy: does not match, as in the archive
        assert units[1].verify_datasum() == 1
    assert len(verdict(tmp_path, TRUTH)) == 64


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!DOCTYPE html><html>busy</html>", "a page"),
        (b"  <?xml version='1.0'?>", "a page"),
        (b"", "not a FITS file: it begins with b''"),
        (b"Too many requests", "not a FITS file: it begins with b'Too many"),
        (TRUTH[:-1], "cut short: 14399 bytes, its headers tell of 14400"),
        (TRUTH[:3000], "bytes after its end: 3000 bytes, its headers tell of 2880"),
        (TRUTH[:2880], "no image in it"),
        (TRUTH + b"x", "bytes after its end"),
        (changed(TRUTH, b"= 'AIA_3   '", b"= 'HMI_3   '"), "not of AIA: INSTRUME is 'HMI_3'"),
        (changed(TRUTH, b"2014-01-01T00:00:12.34Z", b"2014-01-01T00:02:01.00Z"), "wrong time"),
        (changed(TRUTH, b"2014-01-01T00:00:12.34Z", b"2013-12-31T23:58:12.34Z"),
         "wrong time: T_OBS is 2013-12-31T23:58:12.*, expected 2014-01-01T00:00 within 90 seconds"),
        (changed(TRUTH, b"2014-01-01T00:00:12.34Z", b"                    nan"), "is no time"),
        (changed(TRUTH, b"T_OBS   =", b"T_OBX   ="), "T_OBS"),
        (changed(TRUTH, b"WAVELNTH=                  171", b"WAVELNTH=                  131"),
         "wrong wavelength: WAVELNTH is 131, expected 171 Angstrom"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path, content, reason):
    assert re.search(reason, verdict(tmp_path, content))


def test_length_is_that_of_the_server(tmp_path):
    assert verdict(tmp_path, TRUTH, length=14401) == "wrong length: 14400 bytes, expected 14401"


def test_shape_is_the_archives_or_a_square(tmp_path):
    reason = verdict(tmp_path, TRUTH, shape=archive.SHAPE)
    assert reason == "wrong shape: 64 x 64 pixels, expected 1024 x 1024"
    counts = np.ones((32, 64), "int32")
    stream = io.BytesIO()
    header = fits.Header({"WAVELNTH": 171, "T_OBS": "2014-01-01T00:00:12.34Z"})
    fits.PrimaryHDU(counts, header).writeto(stream, checksum=True)
    expected = "wrong shape: 32 x 64 pixels, expected a square"
    assert verdict(tmp_path, stream.getvalue()) == expected


@pytest.mark.parametrize("compressed", [True, False])
def test_every_flipped_bit_of_the_data_is_found(tmp_path, compressed):
    content = small_fits(SLOT, 171, compressed=compressed)
    with fits.open(io.BytesIO(content), disable_image_compression=True) as units:
        begin = units[-1].fileinfo()["datLoc"]
    rng = np.random.default_rng(1)
    for byte in [begin, len(content) - 1, *rng.integers(begin, len(content), 40)]:
        flipped = bytearray(content)
        flipped[byte] ^= 1 << int(rng.integers(8))
        assert verdict(tmp_path, bytes(flipped)) == "damaged: DATASUM does not match the data"


def test_without_datasum_the_pixels_are_decoded(tmp_path):
    bare = TRUTH.replace(b"DATASUM =", b"DATASUX =")
    assert len(verdict(tmp_path, bare)) == 64
    with fits.open(io.BytesIO(bare), disable_image_compression=True) as units:
        begin = units[-1].fileinfo()["datLoc"]
    # The first pair of the table is the length and place of the first row's bytes.
    broken = bare[: begin + 4] + b"\x7f" + bare[begin + 5 :]
    assert verdict(tmp_path, broken).startswith("not a FITS file that can be read")


def test_beginnings():
    assert wrong_beginning(b"SIMPLE  =                    T") == ""
    assert wrong_beginning(b"\n <html>").startswith("a page")


def test_real_files_count(real_data):
    for path in sorted((real_data / "aia_synoptic_20140101").glob("*.fits")):
        assert len(check(path, *archive.identify(path))) == 64
    plain = real_data / "aia_171_20110319" / "AIA20110319_105400_0171.fits"
    assert len(check(plain, np.datetime64("2011-03-19T10:54"), 171)) == 64


def test_real_files_of_another_slot_or_channel_are_refused(real_data):
    path = real_data / "aia_synoptic_20140101" / "AIA20140101_0000_0171.fits"
    with pytest.raises(RefusedFileError, match="wrong wavelength"):
        check(path, SLOT, 193)
    with pytest.raises(RefusedFileError, match="wrong time"):
        check(path, np.datetime64("2014-01-01T00:12"), 171)


def test_real_files_with_a_flipped_bit_are_refused(real_data, tmp_path):
    content = (real_data / "aia_synoptic_20140101/AIA20140101_0000_0094.fits").read_bytes()
    rng = np.random.default_rng(2)
    for byte in rng.integers(40_000, len(content), 20):  # the headers end at 20,160
        flipped = bytearray(content)
        flipped[byte] ^= 1 << int(rng.integers(8))
        reason = verdict(tmp_path, bytes(flipped), channel=94, shape=archive.SHAPE)
        assert reason == "damaged: DATASUM does not match the data"
