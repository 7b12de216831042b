import pathlib

import numpy as np
import pytest
from astropy.io import fits

SPELLED = {"DATE_OBS": "DATE-OBS", "SYNTHETIC": "HIERARCH SYNTHETIC"}  # FITS cards
SIDE = 64  # pixels; a field of 2457.6 arcsec makes them 38.4 arcsec


@pytest.fixture
def counts():
    """DN of a small Sun: a disk that rises to the east, with dark sky around and below zero."""
    row, column = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    disk = np.hypot(row, column) < 25
    return np.where(disk, 400.0 + 8 * column + row, -0.5)


@pytest.fixture
def write_fits(counts):
    """Writes a synoptic file: write_fits(path, data=..., compressed=..., CARD=value, or None)."""

    def write(path, data=counts, compressed=True, **cards):
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        wavelength = int(path.stem[-4:])
        header = fits.Header(
            {
                **{"TELESCOP": "SDO/AIA", "INSTRUME": "AIA_3", "WAVELNTH": wavelength},
                **{"T_OBS": "2014-01-01T00:00:12.34Z", "EXPTIME": 2.0, "QUALITY": 0},
                **{"CTYPE1": "HPLN-TAN", "CUNIT1": "arcsec", "CDELT1": 2457.6 / SIDE},
                **{"CTYPE2": "HPLT-TAN", "CUNIT2": "arcsec", "CDELT2": 2457.6 / SIDE},
                **{"CRPIX1": 32.5, "CRPIX2": 32.5, "CRVAL1": 0.0, "CRVAL2": 0.0},
                **{
                    "RSUN_OBS": 975.96,
                    "DSUN_OBS": 1.47096e11,
                    "WAVEUNIT": "angstrom",
                    "AECTYPE": 0,
                },
                **{"HGLN_OBS": 0.0, "HGLT_OBS": -3.0, "RSUN_REF": 696000000.0},
            }
        )
        for name, value in cards.items():
            header.remove(name, ignore_missing=True)
            if value is not None:
                header[SPELLED.get(name, name)] = value
        if compressed:
            image = fits.CompImageHDU(np.round(data).astype(np.int32), header)
            fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
        else:
            fits.PrimaryHDU(np.asarray(data, np.float32), header).writeto(path)
        return path

    return write
