"""Two regions of some hours of 2014-01-01 as the JSOC tells them, and runs that ask for them."""

import pandas as pd

from dataset_models.sdo.download import download_sharp
from dataset_models.sdo.sharp_keywords import DEFINITIVE, LORENTZ, NEAR_REAL_TIME
from dataset_models.sdo.side_channels import HMI_FEATURES
from software_tests import jsoc

SPAN = ["--start", "2014-01-01T00:00", "--end", "2014-01-01T03:00"]


def stamp(hour, minute=0):
    return f"2014.01.01_{hour:02d}:{minute:02d}:00_TAI"


def region(harp):
    """Where a region stands and what NOAA calls it; number 2 is the larger one."""
    return {"AREA_ACR": 100.0 * harp, "NOAA_AR": 11900 + harp, "LAT_FWT": 0.0}


def two_regions():
    """Two regions; the near-real-time series, with numbers of its own, lacks the first hours."""
    definitive = [
        jsoc.record(harp, stamp(hour), USFLUX=1e21, CMASK=100 * harp, **region(harp))
        for hour in range(6)
        for harp in (1, 2)
    ]
    forces = [
        jsoc.record(harp, stamp(hour), TOTFZ=-400.0, TOTBSQ=1e9)
        for hour in range(6)
        for harp in (1, 2)
    ]
    current = [jsoc.record(70, stamp(hour), USFLUX=5e21) for hour in range(1, 6)]
    return {NEAR_REAL_TIME: current, DEFINITIVE: definitive, LORENTZ: forces}


def questions_of(series, *more):
    """How many questions a run asks of these series."""
    with jsoc.server_of(series) as (address, questions):
        assert download_sharp.main([*SPAN, *more, "--server", address]) == 0
    return len(questions)


def table_of(folder):
    """The table of features in a data folder."""
    return pd.read_csv(folder / HMI_FEATURES, comment="#")
