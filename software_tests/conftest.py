import fcntl
import os
import pathlib
import shutil

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
def made_once(tmp_path_factory):
    """The folder `made_once(name, make)`, which `make(folder)` fills in one of pytest's workers.

    Whatever is costly and is only read from then on is made by the worker that needs it first.
    """
    own = tmp_path_factory.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def made(name, make):
        folder = common / name
        with folder.with_suffix(".lock").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
            file.seek(0)
            if file.read() != "made":
                shutil.rmtree(folder, ignore_errors=True)  # what a failure left
                folder.mkdir()
                make(folder)
                file.write("made")
        return folder

    return made


@pytest.fixture(scope="session")
def sample_folder(made_once):
    """A data folder with the smallest embedded sample: archive, store, index and labels."""
    from dataset_models.goes.light_curve import LightCurve
    from dataset_models.sdo.aia import AIA

    def write(folder):
        AIA.write_sample(folder, days=40, cadence_minutes=720, size=64)
        LightCurve.write_sample(folder)

    return made_once("embedded_sample", write)


@pytest.fixture
def embedded_sample(sample_folder, monkeypatch):
    """The embedded sample as FLARENET_DATA."""
    monkeypatch.setenv("FLARENET_DATA", str(sample_folder))
    return sample_folder
