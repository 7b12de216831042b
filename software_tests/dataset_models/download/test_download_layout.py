"""Names and addresses of the archive."""

import numpy as np
import pytest

from dataset_models.sdo.download import archive

NAME = "2014/01/01/H0600/AIA20140101_0612_0094.fits"


def test_paths_are_those_of_the_archive():
    assert archive.path(np.datetime64("2014-01-01T06:12"), 94) == NAME
    day, evening = np.datetime64("2010-05-13"), np.datetime64("2017-12-31T23:58:00.000")
    assert archive.path(day, 1600) == "2010/05/13/H0000/AIA20100513_0000_1600.fits"
    assert archive.path(evening, 171) == "2017/12/31/H2300/AIA20171231_2358_0171.fits"


def test_names_tell_time_and_channel():
    assert archive.identify(NAME) == (np.datetime64("2014-01-01T06:12", "m"), 94)
    for name in ("AIA20140101_061200_0094.fits", "AIA20140101_0660_0094.fits", "x.fits"):
        assert archive.identify(name) is None


def test_real_files_have_such_names(real_data):
    files = sorted((real_data / "aia_synoptic_20140101").glob("*.fits"))
    assert [archive.path(*archive.identify(f)).split("/")[-1] for f in files] == [
        file.name for file in files
    ]


@pytest.mark.parametrize("address", ["http://a.org/synoptic/", "http://a.org/synoptic"])
def test_addresses(address):
    assert archive.address(address, NAME) == f"http://a.org/synoptic/{NAME}"


def test_near_real_time_names_have_seconds():
    expected = "2014/01/01/H0600/AIA20140101_061200_0094.fits"
    for branch in archive.NEAR_REAL_TIME:
        assert archive.address(branch, NAME) == f"{branch}{expected}"


def test_there_is_no_other_channel():
    with pytest.raises(ValueError, match=r"no channel 170\. Expected one of .*1600.*Received"):
        archive.path(np.datetime64("2014-01-01T06:12"), 170)


@pytest.mark.parametrize("slot", ["2014-01-01T06:12:30", "NaT"])
def test_times_are_whole_minutes(slot):
    with pytest.raises(ValueError, match=r"Expected whole minutes.*Round it down"):
        archive.path(np.datetime64(slot), 94)
