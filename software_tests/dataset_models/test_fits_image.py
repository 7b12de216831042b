import warnings

import astropy.units as u
import numpy as np
import pytest
import sunpy.map
from astropy.io import fits

from dataset_models.sdo.fits_image import parse_time, read_image
from dataset_models.sdo.header_cards import BadImageError

NAME = "AIA20140101_0000_0171.fits"
SYNOPTIC = "aia_synoptic_20140101/AIA20140101_0000_{:04d}.fits"
NEAR_REAL_TIME = "aia_171_20110319/AIA20110319_105400_0171.fits"


@pytest.mark.parametrize("compressed", [True, False])
def test_an_image_is_counts_per_second(tmp_path, write_fits, counts, compressed):
    data = np.round(counts)
    image = read_image(write_fits(tmp_path / NAME, data, compressed))
    np.testing.assert_array_equal(image.data, data / 2)
    assert image.data.dtype == np.float32
    assert (image.channel, image.exposure, image.quality, image.aec) == (171, 2.0, 0, 0)
    assert image.t_obs == np.datetime64("2014-01-01T00:00:12.34")
    assert image.rsun_obs == 975.96
    assert image.synthetic is False


def test_missing_pixels_stay_missing(tmp_path, write_fits, counts):
    counts[3, 4] = np.nan
    image = read_image(write_fits(tmp_path / NAME, counts, compressed=False))
    assert np.argwhere(np.isnan(image.data)).tolist() == [[3, 4]]


def test_a_synthetic_image_says_so(tmp_path, write_fits):
    assert read_image(write_fits(tmp_path / NAME, SYNTHETIC=True)).synthetic is True


def test_the_signed_quality_word_is_read_unsigned(tmp_path, write_fits):
    assert read_image(write_fits(tmp_path / NAME, QUALITY=-2147483648)).quality == 0x80000000


def test_t_obs_counts_not_date_obs(tmp_path, write_fits):
    path = write_fits(tmp_path / NAME, DATE_OBS="2013-12-31T23:59:59.62")
    assert read_image(path).t_obs == np.datetime64("2014-01-01T00:00:12.34")


def _with_bare_nan(path, card):
    """Writes `card = nan` over the file's PLACE card, as the archive does; FITS forbids it."""
    content = path.read_bytes()
    start = content.index(b"PLACE   =")
    line = f"{card:8}= nan".ljust(80).encode()
    path.write_bytes(content[:start] + line + content[start + 80 :])


@pytest.mark.parametrize("compressed", [True, False])
def test_nan_cards_are_missing_ones(tmp_path, write_fits, compressed):
    path = write_fits(tmp_path / NAME, compressed=compressed, PLACE=1.0, HAEX_OBS="nan     ")
    _with_bare_nan(path, "HAEY_OBS")
    cards = read_image(path).wcs
    assert "HAEX_OBS" not in cards
    assert "HAEY_OBS" not in cards


def test_blank_on_floats_is_no_trouble(tmp_path, write_fits):
    path = write_fits(tmp_path / NAME, compressed=False, PLACE=1)
    content = path.read_bytes()
    assert b"PLACE   =" in content
    path.write_bytes(content.replace(b"PLACE   =", b"BLANK   =", 1))
    assert np.isfinite(read_image(path).data).all()


def test_a_wrong_checksum_is_no_trouble(tmp_path, write_fits):
    assert read_image(write_fits(tmp_path / NAME, CHECKSUM="lApLlAmJlAmJlAmJ")).channel == 171


def test_the_cards_make_the_same_coordinates(tmp_path, write_fits):
    image = read_image(write_fits(tmp_path / NAME, DATE_OBS="2014-01-01T00:00:11.34"))
    # The centre of pixel 0 lies 31.5 pixels of 38.4 arcsec south and east of the disk's centre.
    corner = sunpy.map.Map(image.data, image.wcs).bottom_left_coord
    found = u.Quantity([corner.Tx, corner.Ty]).to_value("arcsec")
    np.testing.assert_allclose(found, -31.5 * 38.4, rtol=1e-4)


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        ({"EXPTIME": 0.0}, "EXPTIME is 0.0 s; expected more than zero"),
        ({"EXPTIME": None}, "EXPTIME is missing"),
        ({"EXPTIME": "nan"}, "EXPTIME is missing"),
        ({"T_OBS": None}, "T_OBS is missing"),
        ({"T_OBS": "yesterday"}, "T_OBS: 'yesterday' is no time"),
        ({"QUALITY": None}, "QUALITY is missing"),
        ({"WAVELNTH": 193}, "wrong wavelength: WAVELNTH is 193 Angstrom, expected 171"),
        ({"WAVELNTH": None}, "WAVELNTH is missing"),
        ({"CDELT1": 0.6}, "not the whole disk: 64 x 64 pixels span 38.4 arcsec by CDELT1"),
        ({"CDELT2": 39.0}, "span 2496.0 arcsec by CDELT2, expected 2457.6 within 0.5%"),
        ({"RSUN_OBS": "nan"}, "RSUN_OBS is missing"),
        ({"INSTRUME": "EIT"}, "not of AIA: INSTRUME is 'EIT'"),
    ],
)
def test_a_bad_header_is_refused_with_the_reason(tmp_path, write_fits, cards, reason):
    path = write_fits(tmp_path / NAME, **cards)
    with pytest.raises(BadImageError) as caught:
        read_image(path)
    assert reason in caught.value.reason
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [(np.nan, "every pixel is NaN"), (0.0, "every pixel is 0.0"), (np.inf, "infinite")],
)
def test_an_empty_image_is_refused(tmp_path, write_fits, counts, value, reason):
    data = counts.copy() if np.isinf(value) else np.full_like(counts, value)
    data[0, 0] = value
    path = write_fits(tmp_path / NAME, data, compressed=False)
    with pytest.raises(BadImageError, match=reason):
        read_image(path)


def test_the_shape_that_is_asked_for_is_demanded(tmp_path, write_fits):
    path = write_fits(tmp_path / NAME)
    assert read_image(path, shape=(64, 64)).data.shape == (64, 64)
    with pytest.raises(BadImageError, match="wrong shape: 64 x 64 pixels, expected 1024 x 1024"):
        read_image(path, shape=(1024, 1024))


def test_the_channel_that_is_asked_for_is_demanded(tmp_path, write_fits):
    with pytest.raises(BadImageError, match="expected 304"):
        read_image(write_fits(tmp_path / NAME), channel=304)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a FITS file"),
        (b"SIMPLE", "not a FITS file"),
        (b"\x93NUMPY" + bytes(4000), "not a FITS file"),
        (b"\n<!DOCTYPE html><html><body>404 Not Found</body></html>", "an HTML page"),
    ],
)
def test_what_is_no_fits_file_is_refused(tmp_path, content, reason):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(BadImageError, match=reason):
        read_image(tmp_path / NAME)


def test_a_fits_file_without_an_image_is_refused(tmp_path):
    fits.PrimaryHDU().writeto(tmp_path / NAME)
    with pytest.raises(BadImageError, match="no image in it"):
        read_image(tmp_path / NAME)


def test_no_file_is_said_as_python_says_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=NAME):
        read_image(tmp_path / NAME)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_file_cut_short_is_refused(tmp_path, write_fits, compressed, kept):
    path = write_fits(tmp_path / NAME, compressed=compressed)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(BadImageError):
        read_image(path)


def test_broken_bytes_are_a_bad_image_and_nothing_worse(tmp_path, write_fits):
    path = write_fits(tmp_path / NAME)
    whole, rng = np.frombuffer(path.read_bytes(), np.uint8), np.random.default_rng(3)
    refused = 0
    for _ in range(60):
        broken = whole.copy()
        broken[rng.integers(len(whole), size=40)] = rng.integers(256, size=40)
        path.write_bytes(broken.tobytes())
        try:
            read_image(path)
        except BadImageError:
            refused += 1
    assert refused > 10  # the others hit pixels or comments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-01-01T00:00:01.07Z", "2014-01-01T00:00:01.07"),
        ("2014-01-01T00:00:01.07", "2014-01-01T00:00:01.07"),
        ("2014.01.01_00:00:36_UTC", "2014-01-01T00:00:36"),
        # TAI was 35 s ahead of UTC in 2014, 37 s from 2017 on (IERS Bulletin C).
        ("2014.01.01_00:00:36_TAI", "2014-01-01T00:00:01"),
        ("2017-08-08T00:00:37_TAI", "2017-08-08T00:00:00"),
    ],
)
def test_times_become_utc(text, expected):
    assert parse_time(text) == np.datetime64(expected)


@pytest.mark.parametrize("channel", [94, 131, 171, 193, 211, 335])
def test_real_files_equal_a_plain_read(real_data, channel):
    path = real_data / SYNOPTIC.format(channel)
    image = read_image(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data, header = fits.getdata(path, 1), fits.getheader(path, 1)
    np.testing.assert_allclose(image.data, data / header["EXPTIME"], rtol=2**-23)
    assert image.channel == channel
    assert (image.data < 0).any()
    assert abs(image.t_obs - np.datetime64("2014-01-01T00:00:06")) < np.timedelta64(7, "s")


def test_the_real_quick_look_file_opens(real_data):
    image = read_image(real_data / NEAR_REAL_TIME)
    assert image.quality == 0x40000000
    assert image.t_obs == np.datetime64("2011-03-19T10:54:01.34")


def test_a_real_image_opens_as_a_sunpy_map(real_data):
    image = read_image(real_data / SYNOPTIC.format(171))
    sun = sunpy.map.Map(image.data, image.wcs)
    assert sun.wavelength == 171 * u.angstrom
    assert sun.scale.axis1 == 2.4 * u.arcsec / u.pix
    # sunpy takes the observer from CRLN, CRLT and DSUN; the Earth saw B0 = -3.0 degrees that day.
    assert abs(sun.observer_coordinate.lat.to_value("deg") + 3.0) < 0.01


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("aia_1600_20120606/AIA20120606_040729_1600.fits", "not the whole disk: 480 x 854"),
        ("eit_195_13h_20040301/efz20040301.000010_s.fits", "not of AIA: INSTRUME is 'EIT'"),
        (
            "aia_cutout_series_20120719/193/aia.lev1_euv_12s.2012-07-19T073001Z.193.image.fits",
            "not the whole disk: 500 x 370",
        ),
    ],
)
def test_real_files_of_another_kind_are_refused(real_data, file, reason):
    with pytest.raises(BadImageError, match=reason):
        read_image(real_data / file)


@pytest.mark.parametrize("value", [None, "nan"])
def test_an_image_that_does_not_say_where_the_sun_is_is_refused(tmp_path, write_fits, value):
    path = write_fits(tmp_path / "AIA20140101_0000_0171.fits", CRPIX1=value)
    with pytest.raises(BadImageError, match="CRPIX1 is missing"):
        read_image(path)


def test_a_folder_called_like_a_file_is_no_image(tmp_path):
    path = tmp_path / "AIA20140101_0000_0171.fits"
    path.mkdir()
    with pytest.raises(BadImageError, match="cannot be read"):
        read_image(path)
