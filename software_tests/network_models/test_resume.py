"""A run killed by SIGKILL at any moment ends, resumed, bit for bit as one never interrupted."""

import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from network_models import loading, training_callbacks
from software_tests.small_runs import FOLDER, run

KILLED = FOLDER / "killed_network.py"
REPOSITORY = pathlib.Path(__file__).parents[2]
SIZES = ("--tiny", "--samples=96", "--patience=50")  # patience counts, and does not end the run


def process(output, script, *arguments):
    """The status with which the experiment ends in a process of its own, and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, *map(str, (script, *arguments)), f"--output={output}"]
    received = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return received.returncode, received.stdout + received.stderr


def trained(output, *arguments):
    """The run of one that is never interrupted, in this process."""
    (path,) = run(output, *SIZES, *arguments)
    return path


def killed_run(output, moments, *arguments):
    """The run of one that is killed at each of the moments, and resumed until it ends.

    Args:
        output: folder of the run.
        moments: tuples of the file at which it is killed, how many of that name the process
            writes until then, and the seconds that it lives on (see killed_network.py).
        *arguments: of the run.
    """
    given = (*SIZES, *arguments)
    for moment in moments:
        status, printed = process(output, KILLED, *moment, *given)
        assert status == -signal.SIGKILL, printed
        given = ("--resume",)
    status, printed = process(output, FOLDER / "network.py", "--resume")
    assert status == 0, printed
    (path,) = output.iterdir()
    return path


def assert_same_numbers(run, reference):
    for part in ("model", "optimizer", "metrics"):
        ours, theirs = (
            training_callbacks.read_state(r / "epochs" / "state.npz")[part]
            for r in (run, reference)
        )
        assert len(ours) == len(theirs) > 0
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(
        loading.load(run).get_weights(), loading.load(reference).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    for name in ("history.csv", "predictions.csv", "scores.json"):
        file = pathlib.Path("performance") / name
        assert (run / file).read_text() == (reference / file).read_text()
    assert (run / "split.csv").read_text() == (reference / "split.csv").read_text()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("reference"), "--epochs=4")


def test_killed_in_training_and_while_saving(tmp_path, reference):
    moments = [
        ("state.npz", 3, 0),  # after the first state and that of step 4: in the midst of an epoch
        ("epoch_00002.keras", 1, 0),  # its numbers are in the history, its state is not written
    ]
    assert_same_numbers(killed_run(tmp_path, moments, "--epochs=4"), reference)


@pytest.mark.slow
def test_killed_with_a_plateau_and_patience_running(tmp_path):
    # Keras turns the sign of min_delta once in each process: restored, it would turn back.
    arguments = ("--cosine=False", "--plateau_patience=1", "--epochs=6")
    moments = [("state.npz", 6, 0), ("state.npz", 4, 0)]  # the second in the midst of epoch 3
    killed = killed_run(tmp_path / "killed", moments, *arguments)
    assert_same_numbers(killed, trained(tmp_path / "reference", *arguments))
    rates = pd.read_csv(killed / "performance" / "history.csv")
    assert rates["learning_rate"].nunique() > 1  # it was in play


@pytest.mark.slow
def test_killed_ten_times_wherever_it_is(tmp_path):
    seconds = np.random.default_rng(2).uniform(0, 0.25, 8)
    moments = [("state.npz", 2, wait) for wait in seconds]  # the first says where it begins
    moments += [("predictions.csv", 1, 0), ("scores.json", 1, 0)]
    killed = killed_run(tmp_path / "killed", moments, "--epochs=40")
    assert_same_numbers(killed, trained(tmp_path / "reference", "--epochs=40"))


def test_more_workers_give_the_same_numbers(tmp_path, reference):
    history = [
        pd.read_csv(path / "performance" / "history.csv")
        for path in (trained(tmp_path, "--epochs=4", "--workers=4"), reference)
    ]
    pd.testing.assert_frame_equal(*history, check_exact=True)
