import pytest

from dataset_models.sdo.download.patience import Patience


@pytest.fixture
def hasty():
    """Waits that make tests fast; the times are of this machine, not of a network."""
    return Patience(**HASTY)


HASTY = {
    **{"connect_timeout": 5.0, "read_timeout": 2.0, "attempts": 8},
    **{"base_delay": 0.001, "longest_delay": 0.02, "first_rest": 0.02, "longest_rest": 0.1},
    **{"first_contact": 30.0, "outage": 60.0, "claim": 1.0},
}
