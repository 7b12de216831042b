"""Two small finished runs for all tests of the scripts."""

import pytest

from software_tests.network_commands import trained
from tools.network import embed


@pytest.fixture(scope="session")
def runs(sample_folder, tmp_path_factory):
    """A folder with a run of starting_point, and a later one of synthetic/version0."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLARENET_DATA", str(sample_folder))
        trained("xray_flux_forecast/starting_point", folder / "flux" / "trained_models")
        few = ("--signal_channels=1", "--noise_channels=1", "--filters=4")
        trained("synthetic/version0", folder / "level" / "trained_models", *few)
    return folder


@pytest.fixture(scope="session")
def embedded(runs):
    """The folder of embeddings of all splits of the run of version0."""
    (run,) = (runs / "level" / "trained_models").iterdir()
    assert embed.main([str(run)]) == 0
    return run / "embeddings" / "best_train-validation-test"


@pytest.fixture
def flux(runs, embedded_sample):
    """The run of starting_point, its data where FLARENET_DATA says."""
    (run,) = (runs / "flux" / "trained_models").iterdir()
    return run


@pytest.fixture
def level(runs):
    """The run of version0, which needs no data."""
    (run,) = (runs / "level" / "trained_models").iterdir()
    return run
