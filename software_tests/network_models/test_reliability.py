"""Reliability diagrams of samples that count differently."""

import numpy as np
import pytest

from network_models import reliability


def lines(figure):
    return [line.get_xydata() for line in figure.axes[0].lines]


def test_weights_stand_for_repeated_samples():
    chance = np.random.default_rng(8)
    said, came = chance.random(80), chance.integers(0, 2, 80).astype(float)
    came[::9] = np.nan
    counts = chance.integers(0, 4, 80)
    weighed = reliability.draw({"M1.0": (came, {"network": said}, counts)})
    many = reliability.draw(
        {"M1.0": (np.repeat(came, counts), {"network": np.repeat(said, counts)})}
    )
    for found, expected in zip(lines(weighed), lines(many), strict=True):
        np.testing.assert_allclose(found, expected)


def test_the_base_rate_is_that_of_the_weights():
    # One event of weight 3 among three samples of weight 1: 3 / 6.
    part = (np.array([1, 0, 0, 0.0]), {"network": np.full(4, 0.5)}, np.array([3, 1, 1, 1]))
    base = lines(reliability.draw({"M1.0": part}))[1]
    assert base[0, 1] == pytest.approx(0.5)
