import os
import pathlib

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def real_data():
    """The folder of real files, or a skip where FLARENET_REAL_DATA names none."""
    folder = os.environ.get("FLARENET_REAL_DATA")
    if not folder:
        pytest.skip("FLARENET_REAL_DATA is not set")
    return pathlib.Path(folder)


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory):
    """A data folder with the smallest embedded sample: archive, store, index and labels."""
    from dataset_models.goes.light_curve import LightCurve
    from dataset_models.sdo.aia import AIA

    folder = tmp_path_factory.mktemp("embedded_sample")
    AIA.write_sample(folder, days=40, cadence_minutes=720, size=64)
    LightCurve.write_sample(folder)
    return folder


@pytest.fixture
def embedded_sample(sample_folder, monkeypatch):
    """The embedded sample as FLARENET_DATA."""
    monkeypatch.setenv("FLARENET_DATA", str(sample_folder))
    return sample_folder
