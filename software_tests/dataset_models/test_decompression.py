"""Numbers read by CFITSIO beside those of astropy's own decompression."""

import io
import pathlib
import warnings

import numpy as np
import pytest
from astropy.io import fits

from dataset_models.sdo.decompression import stored_numbers
from dataset_models.sdo.header_cards import Cards


def both(path, number=1):
    """What we read and what astropy does, of one unit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about BLANK, in real files
        content = pathlib.Path(path).read_bytes()
        with fits.open(io.BytesIO(content), disable_image_compression=True) as units:
            cards = Cards(path, units[number].header)
        with fits.open(io.BytesIO(content), do_not_scale_image_data=True) as units:
            return stored_numbers(path, content, number, cards), units[number].data


def assert_same(path, number=1):
    ours, astropys = both(path, number)
    assert ours.dtype.newbyteorder("=") == astropys.dtype.newbyteorder("=")
    np.testing.assert_array_equal(ours, astropys)


def write(path, values, **options):
    unit = fits.CompImageHDU(values, **options)
    unit.header["BSCALE"], unit.header["BZERO"] = 0.0625, 3.0
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(path)
    return path


@pytest.mark.parametrize("method", ["RICE_1", "GZIP_1", "HCOMPRESS_1"])
@pytest.mark.parametrize("kind", ["uint8", "int16", "int32"])
def test_whole_numbers_are_read_as_they_lie(tmp_path, method, kind):
    values = np.random.default_rng(1).integers(0, 200, (40, 64)).astype(kind)
    path = write(tmp_path / "image.fits", values, compression_type=method)
    assert_same(path)
    np.testing.assert_array_equal(both(path)[0], values)


def test_fractions_keep_their_missing_values(tmp_path):
    values = np.random.default_rng(1).normal(0, 100, (64, 64)).astype("float32")
    values[3, 5] = np.nan
    path = tmp_path / "image.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(values)]).writeto(path)
    ours, _ = both(path)
    assert_same(path)
    assert np.isnan(ours[3, 5])


def test_a_plain_image_is_read_as_it_lies(tmp_path):
    values = np.arange(12, dtype="int16").reshape(3, 4)
    fits.PrimaryHDU(values).writeto(tmp_path / "image.fits")
    np.testing.assert_array_equal(both(tmp_path / "image.fits", 0)[0], values)


@pytest.mark.parametrize("folder", ["of [2014]", "of (2014)", "of {2014}", "1+1", "é"])
def test_a_folder_may_have_any_name(tmp_path, folder):
    (tmp_path / folder).mkdir()
    values = np.arange(4096, dtype="int32").reshape(64, 64)
    path = write(tmp_path / folder / "image.fits", values)
    np.testing.assert_array_equal(both(path)[0], values)


def test_bytes_that_cannot_be_decompressed_are_an_error(tmp_path):
    values = np.random.default_rng(1).integers(0, 9000, (64, 64)).astype("int32")
    path = write(tmp_path / "image.fits", values)
    with fits.open(path, disable_image_compression=True) as units:
        start, length = units[1].fileinfo()["datLoc"], units[1].data["COMPRESSED_DATA"].nbytes
    content = bytearray(path.read_bytes())
    content[start : start + length] = b"\xff" * length  # tells where the tiles lie
    path.write_bytes(content)
    with pytest.raises(OSError, match="FITSIO"):
        both(path)


def test_real_files_are_read_as_astropy_reads_them(real_data):
    paths = sorted((real_data / "aia_synoptic_20140101").glob("AIA*.fits"))
    assert len(paths) >= 5
    for path in paths:
        assert_same(path)
