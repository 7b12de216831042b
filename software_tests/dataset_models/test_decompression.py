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


@pytest.mark.parametrize(
    "card",
    [
        *(("ZCMPTYPE", "GZIP_1"), ("ZNAME1", "OTHER"), ("ZVAL1", 64), ("ZVAL2", 2)),
        *(("ZTILE1", 32), ("ZTILE2", 2), ("TTYPE1", "GZIP_COMPRESSED_DATA")),
        *(("NAXIS1", 16), ("NAXIS2", 63), ("ZBITPIX", 8), ("ZBITPIX", -32)),
    ],
)
def test_only_rows_of_whole_numbers_leave_astropys_way(tmp_path, card):
    path = write(tmp_path / "image.fits", np.zeros((64, 64), "int32"))
    with fits.open(path, disable_image_compression=True) as units:
        header = units[1].header.copy()
    assert decompression._in_rice_rows(Cards(path, header))
    header[card[0]] = card[1]
    assert not decompression._in_rice_rows(Cards(path, header))


def test_tiles_may_begin_behind_a_gap(tmp_path):
    gap = 100  # astropy takes the heap to be so much longer: no more than the padding
    values = np.random.default_rng(1).integers(-50, 900, (40, 64)).astype("int32")
    path = write(tmp_path / "image.fits", values)
    content = path.read_bytes()
    with fits.open(path, disable_image_compression=True) as units:
        header, place = units[1].header.copy(), units[1].fileinfo()
    table = header["NAXIS1"] * header["NAXIS2"]
    begin = place["datLoc"] + table
    heap = content[begin : begin + header["PCOUNT"]]
    header["THEAP"], header["PCOUNT"] = table + gap, header["PCOUNT"] + gap
    data = content[place["datLoc"] : begin] + b"\x55" * gap + heap
    data += bytes(-len(data) % 2880)
    path.write_bytes(content[: place["hdrLoc"]] + header.tostring().encode() + data)
    assert_same(path)
    np.testing.assert_array_equal(ours(path), values)


def test_no_tile_lies_at_the_end_of_what_may_be_read(tmp_path, monkeypatch):
    path = write(tmp_path / "image.fits", np.zeros((64, 64), "int32"))
    inner, lying = decompression.decompress_rice_1_c, []

    def looked_at(tile, *settings):
        lying.append(bytes(tile.base))
        return inner(tile, *settings)

    monkeypatch.setattr(decompression, "decompress_rice_1_c", looked_at)
    ours(path)
    assert len(lying) == 64
    # In broken bytes it runs on to a byte that is not zero, and over a block of 32 numbers.
    assert set(lying) == {path.read_bytes() + b"\xff" * 4 * 33}


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
