"""Pixels of FITS files whose numbers are scaled, beside astropy's own scaling."""

import warnings

import numpy as np
import pytest
from astropy.io import fits

from dataset_models.sdo.fits_image import read_image
from dataset_models.sdo.header_cards import BadImageError

NAME = "AIA20140101_0000_0171.fits"


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("kind", ["int16", "int32"])
def test_scaled_numbers_are_those_of_astropy(tmp_path, write_fits, compressed, kind):
    header = fits.getheader(write_fits(tmp_path / NAME, compressed=False))
    for name in ("SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTEND"):
        header.remove(name, ignore_missing=True)
    stored = np.random.default_rng(1).integers(-300, 9000, (64, 64)).astype(kind)
    stored[3, 5] = -32768  # missing
    unit = (fits.CompImageHDU if compressed else fits.ImageHDU)(stored, header)
    unit.header["BSCALE"], unit.header["BZERO"], unit.header["BLANK"] = 0.0625, 100.0, -32768
    path = tmp_path / "AIA20140101_0002_0171.fits"
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = fits.getdata(path, 1) / 2.0  # of the exposure
    image = read_image(path)
    assert image.data.dtype == np.float32
    assert np.isnan(image.data).sum() == np.isnan(expected).sum() == 1
    # Three roundings to float32: of the stored number, of the product and of the sum.
    np.testing.assert_allclose(image.data, expected, rtol=3 * 2**-24, atol=100 * 2**-24)


def test_missing_pixels_may_be_named_in_the_compressed_table_alone(tmp_path, write_fits, counts):
    whole = np.round(counts)
    path = write_fits(tmp_path / NAME, whole)
    with fits.open(path, disable_image_compression=True) as units:
        units[1].header["ZBLANK"] = int(whole[3, 5])  # section 10.1.1 of the FITS standard 4.0
        units.writeto(path, overwrite=True)
    expected = np.where(whole == whole[3, 5], np.nan, whole / 2.0)  # of the exposure
    np.testing.assert_array_equal(read_image(path).data, expected)


@pytest.mark.parametrize("compressed", [True, False])
def test_data_that_are_not_those_of_the_checksum_are_refused(tmp_path, write_fits, compressed):
    path = write_fits(tmp_path / NAME, compressed=compressed)
    with fits.open(path, disable_image_compression=True) as units:
        units.writeto(path, overwrite=True, checksum=True)
        place = units[-1].fileinfo()
    assert np.isfinite(read_image(path).data).all()
    content = bytearray(path.read_bytes())
    content[place["datLoc"] + place["datSpan"] // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadImageError, match="damaged: DATASUM does not match the data"):
        read_image(path)


def test_an_infinite_centre_is_refused(tmp_path, write_fits):
    path = write_fits(tmp_path / NAME, CRPIX1=1.25e300, compressed=False)
    path.write_bytes(path.read_bytes().replace(b"1.25E+300", b"1.25E+400"))
    with pytest.raises(BadImageError, match="CRPIX1 is inf; expected a finite number"):
        read_image(path)
