import pytest

from software_tests import label_folder
from tools import label_inputs


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with three days of flux and an index of six samples; nobody answers."""
    folder = tmp_path / "data"
    monkeypatch.setenv("FLARENET_DATA", str(folder))
    monkeypatch.setattr(label_inputs, "fetch_flares", label_folder.unanswered)
    label_folder.write(folder)
    return folder
