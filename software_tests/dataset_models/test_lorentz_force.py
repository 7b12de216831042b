"""The seven terms of the Lorentz force, by hand and pixel by pixel."""

import math

import numpy as np
import pytest

from dataset_models.sdo.lorentz_force import PIXEL_AREA, lorentz_force, normalised_force


def test_one_pixel_by_hand():
    # B = (1, 2, 3) G on 8 pi cm2: B^2 = 14; Fx = -2 * 1 * 3 = -6, Fy = -2 * 2 * 3 = -12,
    # Fz = 1 + 4 - 9 = -4 dyn; EPS = (3, 6, -4) / 14.
    force = lorentz_force([1.0], [2.0], [3.0], pixel_area=8 * math.pi)
    expected = {"TOTBSQ": 14, "TOTFX": -6, "TOTFY": -12, "TOTFZ": -4}
    expected |= {"EPSX": 3 / 14, "EPSY": 6 / 14, "EPSZ": -4 / 14}
    assert force == pytest.approx(expected, rel=1e-12)


def test_a_map_pixel_by_pixel():
    bx, by, bz = np.random.default_rng(1).normal(0, 500, (3, 7, 9))
    square = sum(x * x + y * y + z * z for x, y, z in zip(bx.flat, by.flat, bz.flat, strict=True))
    radial = sum(x * x + y * y - z * z for x, y, z in zip(bx.flat, by.flat, bz.flat, strict=True))
    force = lorentz_force(bx, by, bz)
    assert force["TOTBSQ"] == pytest.approx(square)
    assert force["TOTFZ"] == pytest.approx(radial * PIXEL_AREA / (8 * math.pi))
    assert force["EPSZ"] == pytest.approx(radial / square)


def test_a_radial_field_pulls_straight_down():
    force = lorentz_force(np.zeros(4), np.zeros(4), np.full(4, -100.0))
    assert (force["EPSX"], force["EPSY"]) == (0, 0)
    assert force["EPSZ"] == pytest.approx(-1)  # the least there is


def test_the_area_is_that_of_the_maps():
    # 0.03 degree on a Sun of 6.96e10 cm: 3.644e7 cm; CGEM rounds to 3.64e7.
    assert pytest.approx((math.radians(0.03) * 6.96e10) ** 2, rel=0.003) == PIXEL_AREA


def test_no_field_is_neither_free_nor_full_of_force():
    assert math.isnan(normalised_force({"TOTBSQ": 0.0})["EPSX"])
