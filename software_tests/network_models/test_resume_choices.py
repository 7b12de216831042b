"""Which run is resumed, and when that is refused."""

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

from network_models import experiment, run_folder
from software_tests.small_runs import FOLDER, run


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """An experiment with one run that was cut after training; nobody writes into it."""
    folder = tmp_path_factory.mktemp("cut") / "experiment"
    shutil.copytree(FOLDER, folder)
    (path,) = run(folder / "trained_models", folder=folder)
    record = json.loads((path / "provenance.json").read_text())
    change_record(path, stages={"training": record["stages"]["training"]})
    return folder


@pytest.fixture
def unfinished(tmp_path, cut):
    """Such a run, of an experiment of the test's own."""
    folder = shutil.copytree(cut, tmp_path / "experiment")
    (path,) = (folder / "trained_models").iterdir()
    change_record(path, experiment=str(folder))
    return path


def change_record(path, **changes):
    file = path / "provenance.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def resume(folder, *arguments):
    return run(folder / "trained_models", "--resume", *arguments, folder=folder)


def test_resume_takes_the_newest_unfinished_run_and_ends_it(unfinished):
    before = (unfinished / "performance" / "predictions.csv").read_text()
    assert resume(unfinished.parents[1]) == [unfinished]
    assert (unfinished / "performance" / "predictions.csv").read_text() == before
    with pytest.raises(FileNotFoundError, match="no unfinished run"):
        resume(unfinished.parents[1])


def test_resume_goes_on_to_more_epochs_but_not_to_fewer(unfinished):
    resume(unfinished.parents[1], "--epochs=3")  # its training was done
    assert len(pd.read_csv(unfinished / "performance" / "history.csv")) == 3
    assert json.loads((unfinished / "config.json").read_text())["epochs"] == 3
    with pytest.raises(ValueError, match="can't have fewer epochs"):
        run(unfinished.parent, f"--resume={unfinished.name}", "--epochs=2",
            folder=unfinished.parents[1])  # fmt: skip


def test_a_resumed_run_has_the_weights_that_it_was_started_with(tmp_path, finished, monkeypatch):
    def killed(*arguments):
        raise KeyboardInterrupt

    folder = tmp_path / "experiment"
    shutil.copytree(FOLDER, folder)
    with monkeypatch.context() as patch:  # killed before the first step
        patch.setattr(experiment, "_finish", killed)
        with pytest.raises(KeyboardInterrupt):
            run(folder / "trained_models", f"--weights={finished}", "--learning_rate=0.0",
                folder=folder)  # fmt: skip
    (path,) = resume(folder)
    kernels = [experiment.load(one).get_layer("first").kernel for one in (finished, path)]
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, kernels))


def test_a_run_that_is_being_worked_on_is_left_alone(unfinished):
    with (
        run_folder.RunFolder(unfinished).locked(),
        pytest.raises(BlockingIOError, match="Another process is working on"),
    ):
        resume(unfinished.parents[1])


def test_a_missing_best_model_is_named_with_the_way_out(unfinished):
    (unfinished / "epochs" / "best.keras").unlink()
    with pytest.raises(FileNotFoundError, match=r"Copy one of the epoch_\*\.keras beside it"):
        resume(unfinished.parents[1])


def test_resume_refuses_other_settings_and_shows_them(unfinished):
    with pytest.raises(ValueError, match=r"can't be resumed(?s:.*)--dropout: 0.3 then, 0.5 now"):
        resume(unfinished.parents[1], "--dropout=0.5")


def test_resume_refuses_changed_code_and_shows_it(unfinished):
    file = unfinished.parents[1] / "network.py"
    file.write_text(file.read_text().replace('"relu"', '"gelu"'))
    with pytest.raises(ValueError, match=r"(?s)network.py \(then\).*-.*relu.*\+.*gelu"):
        resume(unfinished.parents[1])


def test_resume_refuses_other_samples(unfinished):
    change_record(unfinished, dataset="another")
    with pytest.raises(ValueError, match="the dataset: other samples"):
        resume(unfinished.parents[1])


def test_resume_refuses_a_run_of_another_folder(unfinished, tmp_path):
    shutil.copytree(unfinished.parents[1], tmp_path / "copy")
    with pytest.raises(ValueError, match="is a run of another experiment"):
        resume(tmp_path / "copy")


def test_resume_names_a_run_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run 'never'"):
        run(tmp_path, "--resume=never")


def test_a_broken_state_is_refused(unfinished):
    change_record(unfinished, stages={})
    (unfinished / "epochs" / "state.npz").write_bytes(b"half a state")
    with pytest.raises(ValueError, match="not a state of training"):
        resume(unfinished.parents[1])
