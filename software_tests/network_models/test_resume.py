"""A run killed by SIGKILL at any moment ends, resumed, bit for bit as one never interrupted."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from network_models import loading, training_callbacks

NETWORK = pathlib.Path(__file__).parent / "small_experiment" / "network.py"
REPOSITORY = pathlib.Path(__file__).parents[2]


def start(output, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, str(NETWORK), f"--output={output}", *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process):
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    return printed


def run_of(output):
    (run,) = output.iterdir()
    return run


def kill_when(process, output, moment, wait):
    """Kills `process` `wait` seconds after `moment(run)` holds; False if it ended before."""
    while process.poll() is None:
        runs = list(output.glob("*/provenance.json"))
        if runs and moment(runs[0].parent):
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.0005)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def another_state(run, seen={}):  # noqa: B006 remembered between calls on purpose
    """In the middle of training: a state newer than the last one seen has been written."""
    file = run / "epochs" / "state.npz"
    stamp = file.stat().st_mtime_ns if file.exists() else 0
    before = seen.setdefault(run, stamp)
    seen[run] = stamp
    return stamp != before


def saving(run):
    """While a state or a model is being written under its temporary name."""
    return any(run.glob("epochs/.*.part.*")) and (run / "epochs" / "state.npz").exists()


def evaluating(run):
    """Training is done, evaluation or explanations are not."""
    stages = json.loads((run / "provenance.json").read_text())["stages"]
    return "training" in stages and "explanations" not in stages


def killed_run(output, moments, seed, *arguments):
    """Starts a run, kills it at each of the moments, and lets the last resumption end."""
    random = np.random.default_rng(seed)
    process, kills = start(output, *arguments), 0
    for moment in moments:
        if not kill_when(process, output, moment, wait=random.uniform(0, 0.25)):
            assert process.returncode == 0  # it ended before that moment came
            return kills
        kills += 1
        process = start(output, "--resume")
    finish(process)
    return kills


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


LONG = ("--epochs=12", "--patience=50")  # patience counts, and does not end the run


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    output = tmp_path_factory.mktemp("reference")
    finish(start(output, *LONG))
    return run_of(output)


def test_killed_in_training_while_saving_and_in_evaluation(tmp_path, reference):
    kills = killed_run(tmp_path, [another_state, saving, evaluating], 1, *LONG)
    assert kills >= 2  # the last moments are short, and a run may end before its kill
    assert_same_numbers(run_of(tmp_path), reference)


@pytest.mark.slow
def test_killed_with_a_plateau_and_patience_running(tmp_path):
    # Keras turns the sign of min_delta once in each process: restored, it would turn back.
    arguments = ("--cosine=False", "--plateau_patience=1", "--epochs=6")
    finish(start(tmp_path / "reference", *arguments))
    moments = [another_state, another_state]
    assert killed_run(tmp_path / "killed", moments, 3, *arguments) == 2
    assert_same_numbers(run_of(tmp_path / "killed"), run_of(tmp_path / "reference"))
    rates = pd.read_csv(run_of(tmp_path / "killed") / "performance" / "history.csv")
    assert rates["learning_rate"].nunique() > 1  # it was in play


@pytest.mark.slow
def test_killed_ten_times(tmp_path):
    arguments = ("--epochs=40", "--patience=50")
    finish(start(tmp_path / "reference", *arguments))
    moments = [another_state, saving] * 4 + [evaluating] * 2
    assert killed_run(tmp_path / "killed", moments, 2, *arguments) >= 6
    assert_same_numbers(run_of(tmp_path / "killed"), run_of(tmp_path / "reference"))


def test_more_workers_give_the_same_numbers(tmp_path, reference):
    finish(start(tmp_path, *LONG, "--workers=4"))
    history = pd.read_csv(run_of(tmp_path) / "performance" / "history.csv")
    assert history.equals(pd.read_csv(reference / "performance" / "history.csv"))
