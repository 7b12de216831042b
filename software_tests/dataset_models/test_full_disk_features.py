"""Features of the disk from those of its regions."""

import numpy as np
import pandas as pd
import pytest

from dataset_models.sdo.full_disk_features import FORCES, KEYWORDS, MEANS, SUMS, full_disk
from dataset_models.sdo.lorentz_force import lorentz_force
from dataset_models.sdo.side_channels import HAND_TAILORED

NOON = np.datetime64("2014-01-01T12:00", "ns")


def region(number, minutes=0, longitude=0.0, pixels=100, **values):
    """A record so many minutes after noon; features that are not given are 1."""
    time = NOON + np.timedelta64(minutes, "m")
    place = {"time": time, "region": number, "longitude": longitude, "pixels": pixels}
    return place | dict.fromkeys(HAND_TAILORED, 1.0) | values


def disk(*regions, minutes=0, names=KEYWORDS):
    """The features of the disk so many minutes after noon, as a dict."""
    times = np.array([NOON + np.timedelta64(minutes, "m")])
    return full_disk(pd.DataFrame(list(regions)), times, names).iloc[0].to_dict()


def test_every_feature_has_one_rule():
    assert len(KEYWORDS) == 18
    assert sorted([*SUMS, *MEANS, "R_VALUE", "EPSX", "EPSY", "EPSZ"]) == sorted(HAND_TAILORED)


def test_two_regions_by_hand():
    found = disk(
        region(1, USFLUX=3e21, MEANSHR=20.0, R_VALUE=3.0, pixels=100),
        region(2, USFLUX=1e21, MEANSHR=40.0, R_VALUE=4.0, pixels=300),
    )
    assert found["USFLUX"] == 4e21
    assert found["MEANSHR"] == 35.0  # (20 * 100 + 40 * 300) / 400
    assert found["R_VALUE"] == pytest.approx(4.0413927)  # log10(1000 + 10000)


def test_forces_of_two_regions_are_those_of_their_pixels_together():
    first, second = np.random.default_rng(3).normal(0, 400, (2, 3, 50))
    found = disk(
        region(1, **lorentz_force(*first)), region(2, **lorentz_force(*second)), names=FORCES
    )
    assert found == pytest.approx(lorentz_force(*np.concatenate([first, second], axis=1)))


def test_the_newest_record_not_later_counts():
    regions = [region(1, minutes, USFLUX=float(minutes)) for minutes in (-24, 0, 12)]
    assert disk(*regions)["USFLUX"] == 0
    assert disk(*regions, minutes=11)["USFLUX"] == 0
    assert disk(*regions, minutes=12)["USFLUX"] == 12
    assert disk(*regions, minutes=-1)["USFLUX"] == -24


def test_a_record_is_as_old_as_two_hours():
    assert disk(region(1), minutes=120)["USFLUX"] == 1
    assert np.isnan(disk(region(1), minutes=121)["USFLUX"])
    assert np.isnan(disk(region(1), minutes=-1)["USFLUX"])


def test_only_within_seventy_degrees():
    found = disk(region(1, longitude=-70.0), region(2, longitude=70.1), region(3, longitude=-80.0))
    assert found["USFLUX"] == 1


def test_a_region_that_left_is_not_taken_from_an_older_record():
    found = disk(region(1, -12, longitude=69.9), region(1, 0, longitude=70.1), region(2))
    assert found["USFLUX"] == 1


def test_a_disk_without_a_region_inside_has_no_flux_and_unknown_means():
    found = disk(region(1, longitude=80.0))
    assert (found["USFLUX"], found["R_VALUE"]) == (0, 0)
    assert np.isnan(found["MEANSHR"])


def test_a_region_without_a_strong_pixel_adds_nothing():
    weak = region(2, pixels=0, MEANSHR=np.nan, TOTPOT=np.nan, R_VALUE=0.0)
    found = disk(region(1, MEANSHR=20.0, TOTPOT=7.0, R_VALUE=3.0), weak)
    assert (found["MEANSHR"], found["TOTPOT"]) == (20, 7)
    assert found["R_VALUE"] == pytest.approx(3)


@pytest.mark.parametrize("name", ["USFLUX", "MEANSHR", "R_VALUE"])
def test_what_one_region_lacks_the_disk_lacks(name):
    found = disk(region(1), region(2, **{name: np.nan}))
    assert np.isnan(found[name])
    assert found["TOTUSJH"] == 2
