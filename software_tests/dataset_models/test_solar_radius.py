"""Images of one apparent radius, whatever the distance of the Sun."""

import keras
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from scipy import ndimage

from dataset_models.sdo import geometry
from dataset_models.sdo.aia import AIA
from dataset_models.sdo.decoding_layers import Magnify
from dataset_models.sdo.fits_set import read_fits_set
from dataset_models.sdo.layers import NOISE_SCALE
from dataset_models.sdo.sdoml import SDOML
from network_models.xray_flux_forecast.starting_point.config import config
from software_tests.known_archive import CARDS, CHANNELS, DAYS, SIZE, Archive, decoded, planes

FACTOR = 976 / 960  # of known_archive's Sun


@pytest.fixture
def archive(whole_archive):
    return whole_archive  # these tests only read it


def magnified(plane, factor):
    """scipy's way: the output pixel x comes from centre + (x - centre) / factor."""
    centre = (np.array(plane.shape) - 1) / 2
    return ndimage.affine_transform(
        plane.astype("float64"), [1 / factor] * 2, centre * (1 - 1 / factor), order=1, cval=np.nan
    )


def disk(radius, side=256):
    """A disk of brightness 1, its limb a pixel wide."""
    row, column = np.indices((side, side)) - (side - 1) / 2
    return np.clip(radius + 0.5 - np.hypot(row, column), 0, 1).astype("float32")


@pytest.mark.parametrize("factor", [1.033, 0.8])
def test_magnify_equals_scipy(factor):
    images = np.random.default_rng(1).normal(size=(2, 3, 16, 16)).astype("float32")
    factors = np.full((2, 3), factor, "float32")
    found = keras.ops.convert_to_numpy(Magnify()(images, factors))
    expected = [[magnified(plane, factor) for plane in planes] for planes in images]
    if factor > 1:
        np.testing.assert_allclose(found, expected, atol=1e-4)
        return
    # Pixel 1, 6.5 from the middle, comes from 8.125: a field of 7.5 and less than a pixel more.
    inner = (..., slice(2, -2), slice(2, -2))
    np.testing.assert_allclose(found[inner], np.array(expected)[inner], atol=1e-4)
    assert np.isfinite(found[..., 1:-1, 1:-1]).all()
    for axis in (-1, -2):  # pixel 0 comes from 9.375: the sky there is unknown
        assert np.isnan(found.take([0, -1], axis)).all()


@pytest.mark.parametrize("factor", [1.0, 975.9 / 975.96, 975.96 / 976.2, 0.999])
def test_no_pixel_is_lost_to_a_sun_that_is_hardly_larger(factor):
    image = np.random.default_rng(2).normal(size=(512, 512)).astype("float32")
    factors = np.full((1, 1), factor, "float32")
    found = keras.ops.convert_to_numpy(Magnify()(image[None, None], factors))[0, 0]
    middle = 255.5
    rows = np.clip(middle + (np.arange(512) - middle) / np.float32(factor), 0, 511)
    expected = ndimage.map_coordinates(image, np.meshgrid(rows, rows, indexing="ij"), order=1)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    if factor == 1:
        np.testing.assert_array_equal(found, image)


def test_limbs_of_january_and_july_coincide():
    january, july = disk(975.96 / 9.6), disk(943.9 / 9.6)  # arcsec, at 9.6 arcsec a pixel
    assert np.abs(january - july).max() == 1
    factors = np.array([[976 / 975.96, 976 / 943.9]], "float32")
    one, other = keras.ops.convert_to_numpy(Magnify()(np.stack([january, july])[None], factors))[0]
    # Radii from the areas: bright is 1 and sky 0, so the sum is pi r^2.
    for image in (one, other):
        assert np.sqrt(np.nansum(image) / np.pi) == pytest.approx(976 / 9.6, abs=0.01)
    assert np.abs(one - other)[1:-1, 1:-1].max() < 0.3  # linear interpolation smooths the limb
    assert one[128, 128] == other[128, 128] == 1  # brightness is of a solid angle


def test_missing_pixels_reach_their_neighbours_only():
    image = np.ones((1, 1, 32, 32), "float32")
    image[..., 10, 20] = np.nan
    found = keras.ops.convert_to_numpy(Magnify()(image, np.array([[1.02]], "float32")))[0, 0]
    row, column = np.argwhere(np.isnan(found)).T
    # Output pixel x comes from 15.5 + (x - 15.5) / 1.02; those within a pixel of (10, 20) know it.
    assert np.abs(15.5 + (row - 15.5) / 1.02 - 10).max() < 1
    assert np.abs(15.5 + (column - 15.5) / 1.02 - 20).max() < 1
    assert len(row) == 4
    assert np.nanmin(found) == np.nanmax(found) == 1


def test_magnify_computes_in_float32_and_is_saved(tmp_path):
    planes, factors = keras.Input((2, 6, 6)), keras.Input((2,))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Model([planes, factors], Magnify()(planes, factors))
    finally:
        keras.config.set_dtype_policy(before)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(3).normal(size=(1, 2, 6, 6)).astype("float32")
    found = again([images, np.full((1, 2), 1.03, "float32")])
    assert found.dtype == "float32"
    np.testing.assert_allclose(found[0, 1], magnified(images[0, 1], 1.03), atol=1e-5)


def test_the_decoder_scales_before_it_averages(archive):
    dataset = archive.open(solar_radius_arcsec=976.0)
    assert dataset.sample("train", 1, None)[0]["magnification"].tolist() == [np.float32(FACTOR)] * 2
    found = decoded(dataset, "train", 1)
    assert set(found) == {"images"}
    for i, plane in enumerate(planes(1, CHANNELS).values()):
        blocks = magnified(plane, FACTOR).reshape(4, 2, 4, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(found["images"][..., i], blocks, rtol=2e-3, atol=2e-3)


def test_series_of_images_and_missing_channels_are_scaled_too(archive):
    options = {"aia_image_count": 2, "image_spacing_minutes": 720, "allow_missing_channels": True}
    dataset = archive.open(solar_radius_arcsec=976.0, **options)
    assert dataset.sample("train", 0, None)[0]["magnification"].shape == (2, 2)
    assert dataset.input_shape == archive.open(**options).input_shape
    single = decoded(archive.open(solar_radius_arcsec=976.0), "train", 1)["images"]
    np.testing.assert_array_equal(decoded(dataset, "train", 0)["images"][1], single)


def test_by_default_nothing_changes(archive):
    plain, same = archive.open(), archive.open(solar_radius_arcsec=0.0)
    assert set(same.sample("train", 0, None)[0]) == {"images"}
    assert not any(isinstance(layer, Magnify) for layer in plain.decoder().layers)
    assert plain.fingerprint() == same.fingerprint()
    assert plain.fingerprint() != archive.open(solar_radius_arcsec=976.0).fingerprint()
    assert config.solar_radius_arcsec == 0


def test_coordinates_follow_the_pixels(archive):
    cards = archive.open(solar_radius_arcsec=976.0).describe("train", 0)["wcs"]
    assert cards["RSUN_OBS"] == 960.0  # what the observer saw
    found, before = WCS(_axes(cards)), WCS(CARDS | {"NAXIS1": SIZE, "NAXIS2": SIZE})
    for pixel in (0, 1, 3):
        source = 3.5 + (2 * pixel + 0.5 - 3.5) / FACTOR  # of the middle of a block, from 0
        np.testing.assert_allclose(
            found.wcs_pix2world([[pixel, pixel]], 0),
            before.wcs_pix2world([[source, source]], 0),
            rtol=1e-6,
        )
    assert cards["R_SUN"] * cards["CDELT1"] == pytest.approx(3.125 * 307.2)


def _axes(cards):
    """The cards without the date, of which astropy speaks aloud."""
    return {name: cards[name] for name in CARDS}


def test_statistics_are_of_the_pixels_inside_the_scaled_disk(archive):
    dataset = archive.open(solar_radius_arcsec=1100.0)
    middle = 2 * np.arange(4) + 1.5  # of each block, where the first pixel is 1
    x, y = ((4.5 + (middle - 4.5) * 960 / 1100 - CARDS[f"CRPIX{axis}"]) * 307.2 for axis in "12")
    inside = np.hypot(x[None], y[:, None]) < 1.2 * 960
    np.testing.assert_allclose(
        dataset.images.distance(0), np.hypot(x[None], y[:, None]) / 960, rtol=1e-9
    )
    plain = archive.open().images.distance(0) < 1.2
    assert 0 < inside.sum() != plain.sum()
    pixels = np.concatenate(
        [decoded(dataset, "train", i)["images"][inside] for i in range(dataset.size("train"))]
    ).astype("float64")
    asinh = np.arcsinh(pixels / [NOISE_SCALE[c] for c in CHANNELS])
    numbers = dataset.statistics()["images"]
    np.testing.assert_allclose(numbers["asinh_mean"], asinh.mean(0), rtol=1e-6)
    np.testing.assert_allclose(numbers["asinh_std"], asinh.std(0), rtol=1e-6)


@pytest.mark.parametrize("radius", [-976.0, 97.6, 1300.0, float("nan")])
def test_no_sun_of_such_a_size_is_made(archive, radius):
    with pytest.raises(ValueError, match=r"Expected 900.0 to 1200.0 arcsec, or 0.*976 is"):
        archive.open(solar_radius_arcsec=radius)


def test_images_without_a_radius_are_refused(tmp_path):
    made = Archive(tmp_path, pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h"))
    made.write(rsun_obs=None)
    made.label()
    with pytest.raises(ValueError, match=r"how large the Sun is.*RSUN_OBS.*solar_radius_arcsec=0"):
        made.open(solar_radius_arcsec=976.0)


def test_each_channel_is_scaled_by_its_own_header(tmp_path):
    made = Archive(tmp_path, pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h"))
    radii = {channel: 950.0 + number for number, channel in enumerate(CHANNELS)}
    made.write(wcs={str(c): CARDS | {"RSUN_OBS": radius} for c, radius in radii.items()})
    made.label()
    found = made.open(solar_radius_arcsec=976.0).sample("train", 1, None)[0]["magnification"]
    expected = [976 / radius for radius in radii.values()]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_sdoml_takes_only_the_radius_that_it_has(tmp_path):
    with pytest.raises(ValueError, match=r"SDOML was scaled.*solar_radius_arcsec=976.0, or 0.*960"):
        SDOML(sdoml=str(tmp_path), solar_radius_arcsec=960.0)


def test_fits_files_become_what_the_store_would_give(sample_folder, tmp_path):
    files = sorted((sample_folder / "aia/raw/2014/01/05/H0000").glob("*_0171.fits"))
    options = {"channels": (171,), "image_size": 32, "solar_radius_arcsec": 990.0}
    x, about, _ = read_fits_set(files, type("Settings", (), options), tmp_path)
    with fits.open(files[0]) as units:
        header, rate = units[-1].header, units[-1].data / units[-1].header["EXPTIME"]
    blocks = magnified(rate, 990 / header["RSUN_OBS"]).reshape(32, 2, 32, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(x["images"][0, ..., 0], blocks, rtol=1e-4, atol=1e-3)
    assert about["wcs"]["CDELT1"] == pytest.approx(76.8 * header["RSUN_OBS"] / 990)
    dataset = AIA(
        folder=sample_folder, block_days=4, embargo_days=0, image_size=32, solar_radius_arcsec=990.0
    )
    table = dataset.split_table()
    (row,) = table.index[table["id"] == "20140105_0000"]
    split = table["split"][row]
    position = int((table["split"][:row] == split).sum())
    cards = dataset.describe(split, position)["wcs"]
    assert cards["CDELT1"] == pytest.approx(about["wcs"]["CDELT1"], rel=1e-8)
    stored = decoded(dataset, split, position)["images"][..., dataset.channels.index(171)]
    np.testing.assert_allclose(x["images"][0, ..., 0], stored, rtol=2e-3, atol=1e-3)


def test_a_magnified_wcs_keeps_every_place():
    cards = CARDS | {"NAXIS1": SIZE, "NAXIS2": SIZE}
    scaled = geometry.magnified(cards, 1.25)
    # 0.25 pixels right of the centre at 4.5 becomes 0.3125; the centre of (8 + 1) / 2 stays.
    assert scaled["CRPIX1"] == pytest.approx(4.8125)
    assert scaled["CDELT1"] == pytest.approx(307.2 / 1.25)
    assert geometry.magnified(cards, 1.0) == cards
