"""The look-up of whole numbers gives what a computation of every pixel gives, bit for bit."""

import numpy as np
import pytest

from dataset_models.sdo import pixels, store
from dataset_models.sdo.fits_image import read_image
from dataset_models.sdo.pixels import Pixels

SCALE, ZERO = 0.0625 / 2.900816, -3.0 / 2.900816


def encode(values):
    return store.encode(values, "root float16")


def plainly(stored, blank=None):
    """float32 throughout, as the pixels are in memory."""
    values = stored.astype(np.float32)
    values[stored == blank] = np.nan
    return values * np.float32(SCALE) + np.float32(ZERO)


@pytest.mark.parametrize("dtype", ["int32", ">i4", "int16", ">i2", "uint8", "float32", ">f4"])
@pytest.mark.parametrize("span", [(-40, 180), (0, 200), (3, 120), (-9, -2)])
def test_each_equals_the_function_of_every_pixel(dtype, span, monkeypatch):
    monkeypatch.setattr(pixels, "PIECE", 100)  # pieces of two rows, and one of one
    stored = np.random.default_rng(5).integers(*span, (35, 50)).clip(min=0 if "u" in dtype else -40)
    image = Pixels(stored.astype(dtype), SCALE, ZERO)
    expected = plainly(stored.astype(dtype))
    np.testing.assert_array_equal(image.values(), expected)
    found = image.each(encode)
    assert found.dtype == np.float16
    assert found.tobytes() == encode(expected).tobytes()
    assert image.extremes() == (expected.min(), expected.max())
    middle = float(np.median(expected)) + 1e-3
    assert image.count_above(middle) == (expected > middle).sum()


@pytest.mark.parametrize("blank", [-7, 90, 30000, -(2**31)])
def test_a_blank_is_missing_whether_it_is_looked_up_or_not(blank):
    stored = np.random.default_rng(6).integers(-7, 91, (40, 40)).astype(np.int32)
    stored[3, 4] = blank
    image, expected = Pixels(stored, SCALE, ZERO, blank), plainly(stored, blank)
    np.testing.assert_array_equal(image.values(), expected)
    assert image.each(encode).tobytes() == encode(expected).tobytes()
    assert np.isnan(image.each(encode)[3, 4])
    assert image.extremes() == (np.nanmin(expected), np.nanmax(expected))
    assert image.count_above(1.0) == (expected > 1.0).sum()


def test_an_image_of_missing_pixels_has_no_extremes():
    assert np.isnan(Pixels(np.full((3, 3), -1), 1.0, 0.0, -1).extremes()).all()


def test_a_wide_range_is_computed_and_not_looked_up():
    sizes = []
    stored = np.array([[0, 1_000_000], [5, 6]], np.int32)
    Pixels(stored).each(lambda values: sizes.append(values.size) or values)
    assert sizes == [4]


def test_of_few_levels_only_those_are_computed():
    sizes = []
    stored = np.tile(np.array([-2, 3], np.int32), (10, 10))
    Pixels(stored).each(lambda values: sizes.append(values.size) or values)
    assert sizes == [6]  # -2 to 3


@pytest.mark.parametrize("channel", [94, 131, 171, 193, 211, 335])
def test_real_images_are_encoded_bit_for_bit(real_data, channel):
    image = read_image(real_data / f"aia_synoptic_20140101/AIA20140101_0000_{channel:04d}.fits")
    root = np.sqrt(np.abs(image.data))
    expected = np.copysign(root, image.data).astype(np.float16)
    assert image.pixels.each(encode).tobytes() == expected.tobytes()


def test_a_limit_that_is_a_whole_count_stays_one():
    exposures = np.linspace(0.1, 3, 500)
    stored = np.array([[239999, 240000, 240001]], np.int32)  # of 1/16 DN: 15000 is the middle one
    for exposure in exposures:
        assert Pixels(stored, 0.0625 / exposure).count_above(15000 / exposure) == 1
