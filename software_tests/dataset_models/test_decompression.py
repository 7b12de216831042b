"""Numbers of tiles that are read row by row beside those that astropy reads by itself."""

import io
import pathlib
import warnings

import numpy as np
import pytest
from astropy.io import fits

from dataset_models.sdo import decompression
from dataset_models.sdo.decompression import stored_numbers
from dataset_models.sdo.header_cards import Cards


def ours(path, number=1):
    """What we read of one unit."""
    content = pathlib.Path(path).read_bytes()
    with fits.open(io.BytesIO(content), disable_image_compression=True) as units:
        return stored_numbers(content, units, number, Cards(path, units[number].header))


def assert_same(path, number=1):
    """Compares what we read of one unit with what astropy does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about BLANK, in real files
        found = ours(path, number)
        with fits.open(path, do_not_scale_image_data=True) as units:
            expected = np.array(units[number].data)
    assert found.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, expected)


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
    np.testing.assert_array_equal(ours(path), values)


def test_fractions_keep_their_missing_values(tmp_path):
    values = np.random.default_rng(1).normal(0, 100, (64, 64)).astype("float32")
    values[3, 5] = np.nan
    path = tmp_path / "image.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(values)]).writeto(path)
    assert_same(path)
    assert np.isnan(ours(path)[3, 5])


def test_a_plain_image_is_read_as_it_lies(tmp_path):
    values = np.arange(12, dtype="int16").reshape(3, 4)
    fits.PrimaryHDU(values).writeto(tmp_path / "image.fits")
    np.testing.assert_array_equal(ours(tmp_path / "image.fits", 0), values)


@pytest.mark.parametrize("folder", ["of [2014]", "of (2014)", "of {2014}", "1+1", "é"])
def test_a_folder_may_have_any_name(tmp_path, folder):
    (tmp_path / folder).mkdir()
    values = np.arange(4096, dtype="int32").reshape(64, 64)
    path = write(tmp_path / folder / "image.fits", values)
    np.testing.assert_array_equal(ours(path), values)


@pytest.mark.parametrize("shape", [(16, 64), (1, 32), (8, 8)])
def test_tiles_of_other_shapes_are_read_too(tmp_path, shape):
    values = np.random.default_rng(1).integers(-50, 900, (40, 64)).astype("int32")
    path = write(tmp_path / "image.fits", values, tile_shape=shape)
    assert_same(path)
    np.testing.assert_array_equal(ours(path), values)


@pytest.mark.parametrize("kind", ["int16", "int32"])
def test_rows_do_not_go_through_astropys_loop(tmp_path, monkeypatch, kind):
    values = np.arange(-1000, 3096).reshape(64, 64).astype(kind)
    content = write(tmp_path / "image.fits", values).read_bytes()
    with fits.open(io.BytesIO(content), disable_image_compression=True) as units:
        cards = Cards("image.fits", units[1].header)
        monkeypatch.setattr(decompression.fits, "open", None)
        np.testing.assert_array_equal(stored_numbers(content, units, 1, cards), values)


def test_rows_are_read_where_astropy_moved_its_function(tmp_path, monkeypatch):
    values = np.arange(4096, dtype="int32").reshape(64, 64)
    path = write(tmp_path / "image.fits", values)
    monkeypatch.setattr(decompression, "decompress_rice_1_c", None)
    np.testing.assert_array_equal(ours(path), values)


@pytest.mark.parametrize("wrong", [b"\xff", b"\0"])
@pytest.mark.parametrize("part", ["places", "last tile"])
def test_bytes_that_cannot_be_decompressed_are_an_error(tmp_path, wrong, part):
    values = np.random.default_rng(1).integers(0, 9000, (64, 64)).astype("int32")
    path = write(tmp_path / "image.fits", values)
    with fits.open(path, disable_image_compression=True) as units:
        start, places = units[1].fileinfo()["datLoc"], units[1].data["COMPRESSED_DATA"]
        end = start + places.nbytes + sum(map(len, places))
    first, last = (start, start + places.nbytes) if part == "places" else (end - 50, end)
    content = bytearray(path.read_bytes())
    content[first:last] = wrong * (last - first)
    path.write_bytes(content)
    with pytest.raises(Exception, match="decompression"):
        ours(path)


def test_real_files_are_read_as_astropy_reads_them(real_data):
    paths = sorted((real_data / "aia_synoptic_20140101").glob("AIA*.fits"))
    assert len(paths) >= 5
    for path in paths:
        assert_same(path)
