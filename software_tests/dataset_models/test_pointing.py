"""Headers that put the Sun elsewhere, roll it, or make it of another size."""

import math

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from sunpy.coordinates import sun

from dataset_models.sdo import pointing
from dataset_models.sdo.fits_image import read_image
from dataset_models.sdo.header_cards import BadImageError

NAME = "AIA20140101_0000_0171.fits"


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        # 38.4 arcsec a pixel: a tenth of one is 3.84 arcsec, and its sign is that of the sky.
        ({"CRPIX1": 32.4}, "off-centre: the image's centre is 3.8 arcsec from the Sun's by CRPIX1"),
        ({"CRPIX2": 32.6}, "off-centre: the image's centre is -3.8 arcsec.*CRPIX2 and CRVAL2"),
        ({"CRVAL1": -2.5}, "centre is -2.5 arcsec from the Sun's by CRPIX1 and CRVAL1.* most 2.4"),
        ({"CRVAL2": None}, "CRVAL2 is missing"),
        ({"CROTA2": 0.2}, r"rolled: north is 0\.20 degrees from up.*expected at most 0\.1"),
        ({"CROTA2": -180.0}, "rolled: north is -180.00 degrees"),
        ({"CROTA2": 0.2}, r"; register images of level 1 with aiapy\.calibrate\.register$"),
        ({"CRPIX1": 32.4}, r"; register images of level 1 with aiapy\.calibrate\.register$"),
        ({"CROTA2": 359.8}, r"rolled: north is -0\.20 degrees from up by CROTA2"),
        ({"CROTA2": "north"}, "CROTA2 is missing; expected a number, found 'north'"),
        # atan(0.01) is 0.573 degrees.
        ({"PC1_1": 1.0, "PC2_1": 0.01}, r"rolled: north is 0\.57 degrees"),
        ({"PC2_1": 0.01}, r"rolled: north is 0\.57 degrees"),
        # FITS has 0 where PC2_1 and PC1_2 lack: a roll by 180 degrees; then flips, then a stretch.
        ({"PC1_1": -1.0, "PC2_2": -1.0}, r"rolled: north is 180\.00 degrees from up by PC1_1"),
        ({"PC2_2": -1.0}, r"mirrored or stretched: .*\[1\.0, 0\.0, 0\.0, -1\.0\].*aiapy"),
        ({"PC1_1": -1.0}, r"rolled: north is 180\.00 degrees"),
        ({"PC1_1": 2.0, "PC2_2": 2.0}, r"mirrored or stretched: PC1_1, PC1_2, PC2_1, PC2_2 are"),
        ({"PC1_2": 0.01}, r"mirrored or stretched"),
        ({"RSUN_OBS": 16.0}, r"RSUN_OBS is 16\.0 arcsec; expected 943\.0 to 976\.5"),
        ({"RSUN_OBS": 1600.0}, r"RSUN_OBS is 1600\.0 arcsec; expected"),
        # arcsin(696000000 / 1.5e11) is 957.06 arcsec.
        ({"DSUN_OBS": 1.5e11}, r"RSUN_OBS is 975\.96.*DSUN_OBS and RSUN_REF make it 957\.1"),
        ({"DSUN_OBS": 0.0}, "make it nan; expected the same within 0.5"),
    ],
)
def test_a_sun_that_is_not_registered_is_refused(tmp_path, write_fits, cards, reason):
    path = write_fits(tmp_path / NAME, **cards)
    with pytest.raises(BadImageError, match=reason):
        read_image(path)


@pytest.mark.parametrize(
    "cards",
    [
        {"CRPIX1": 32.55, "CRPIX2": 32.45},  # 1.9 arcsec
        {"CRPIX1": 33.5, "CRVAL1": 38.4},  # another reference pixel, the same Sun
        {"CROTA2": -0.06},
        {"CROTA2": 359.99},
        {"CROTA2": -360.05},
        # cos and sin of 0.06 degrees
        {"PC1_1": 0.99999945, "PC1_2": -0.0010472, "PC2_1": 0.0010472, "PC2_2": 0.99999945},
        {"CROTA2": 3.0, "PC1_1": 1.0, "PC2_1": 0.0},  # PC counts where there is one
        {"DSUN_OBS": None, "RSUN_OBS": 944.0},
        {"RSUN_REF": 695700000.0, "RSUN_OBS": 975.96},  # 0.42 arcsec less
    ],
)
def test_what_registered_images_say_is_taken(tmp_path, write_fits, cards):
    assert read_image(write_fits(tmp_path / NAME, **cards)).channel == 171


def test_the_radii_are_those_of_a_year_seen_from_the_earth():
    days = Time("2020-01-01") + np.arange(0, 366, 1) * u.day
    # sunpy's Sun has 695700 km; the headers' has 696000. SDO is up to 42164 km from the Earth.
    radius = sun.angular_radius(days).to_value("arcsec") * 696000 / 695700
    orbit = 42164e3 / 1.495978707e11
    assert radius.min() * (1 - orbit) > pointing.SMALLEST_RADIUS
    assert radius.max() * (1 + orbit) < pointing.LARGEST_RADIUS
    assert radius.min() - pointing.SMALLEST_RADIUS < 1
    assert pointing.LARGEST_RADIUS - radius.max() < 1


def test_all_that_was_checked_is_kept(tmp_path, write_fits):
    image = read_image(write_fits(tmp_path / NAME, CROTA2=0.01))
    kept = {name: image.wcs[name] for name in ("CROTA2", "RSUN_OBS", "RSUN_REF", "DSUN_OBS")}
    assert kept == {
        "CROTA2": 0.01,
        "RSUN_OBS": 975.96,
        "RSUN_REF": 696000000.0,
        "DSUN_OBS": 1.47096e11,
    }
    assert {f"{name}{axis}" for name in ("CRPIX", "CRVAL", "CDELT") for axis in "12"} <= set(
        image.wcs
    )


@pytest.mark.parametrize(
    "file",
    [
        "aia_synoptic_20140101/AIA20140101_0000_0193.fits",
        "aia_171_20110319/AIA20110319_105400_0171.fits",
    ],
)
def test_the_radius_of_real_headers_is_that_of_their_distance(real_data, file):
    cards = read_image(real_data / file).wcs
    angle = math.asin(cards["RSUN_REF"] / cards["DSUN_OBS"])
    assert cards["RSUN_OBS"] == pytest.approx(math.degrees(angle) * 3600, abs=1e-5)
