import pandas as pd
import pytest

from dataset_models.sdo.download.patience import Patience
from software_tests import sharp_regions
from tools import monthly


@pytest.fixture
def hasty():
    """Waits that make tests fast; the times are of this machine, not of a network."""
    return Patience(**HASTY)


HASTY = {
    **{"connect_timeout": 5.0, "read_timeout": 2.0, "attempts": 8},
    **{"base_delay": 0.001, "longest_delay": 0.02, "first_rest": 0.02, "longest_rest": 0.1},
    **{"first_contact": 30.0, "outage": 60.0, "claim": 1.0},
}


@pytest.fixture
def series():
    """Records of the JSOC's series, for a test to change."""
    return sharp_regions.two_regions()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def on(monkeypatch):
    """Sets the clock to a day."""
    return lambda day: monkeypatch.setattr(monthly, "utc_now", lambda: pd.Timestamp(day))
