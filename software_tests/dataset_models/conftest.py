import pathlib
import shutil

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from software_tests.known_archive import DAYS, Archive

SPELLED = {"DATE_OBS": "DATE-OBS", "SYNTHETIC": "HIERARCH SYNTHETIC"}  # FITS cards
SIDE = 64  # pixels; a field of 2457.6 arcsec makes them 38.4 arcsec


@pytest.fixture(scope="session")
def whole_archive(tmp_path_factory):
    """The known archive and its labels; nobody writes into it."""
    times = pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h")
    made = Archive(tmp_path_factory.mktemp("known_archive"), times)
    made.write()
    made.label()
    return made


@pytest.fixture
def archive(whole_archive, tmp_path):
    """The known archive, for a test to change."""
    shutil.copytree(whole_archive.folder, tmp_path, dirs_exist_ok=True)
    return Archive(tmp_path, whole_archive.times)


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
