"""What all command scripts for a trained network have in common."""

import os
import shutil
import subprocess
import sys

import pytest

from software_tests.network_commands import REPOSITORY, SCRIPTS, failed
from tools.network import embed, evaluate_network, examine_weights, explain_network


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_help_says_what_it_does_and_how(script, capsys):
    with pytest.raises(SystemExit) as ended:
        script.main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "MODEL" in printed
    assert "Without arguments: the newest finished run" in printed
    assert "--runs FOLDER" in printed


@pytest.mark.parametrize("script", [evaluate_network, explain_network, embed])
def test_a_model_outside_a_run_is_refused(script, level, tmp_path, capsys):
    alone = shutil.copy(level / "epochs" / "best.keras", tmp_path / "alone.keras")
    assert "lies in no run" in failed(script, capsys, alone)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_no_run_and_no_model_are_said(script, tmp_path, capsys):
    assert "There is no finished run" in failed(script, capsys, "--runs", tmp_path)
    assert "There is no run or model 'nothing'" in failed(script, capsys, "nothing")
    (tmp_path / "text.keras").write_text("no model")
    said = failed(examine_weights, capsys, tmp_path / "text.keras")
    assert "text.keras is not a Keras model" in said


def test_missing_data_are_said_with_the_commands_that_make_them(
    flux, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "nothing"))
    said = failed(evaluate_network, capsys, flux)
    assert "was not found" in said
    assert "structure_data.py" in said


@pytest.mark.slow
def test_a_script_runs_from_any_directory(runs, level, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    received = subprocess.run(
        [sys.executable, str(REPOSITORY / "tools" / "network" / "examine_weights.py"),
         "--runs", str(runs)],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert received.returncode == 0, received.stderr
    assert f"Model: {level / 'epochs' / 'best.keras'}" in received.stdout
    assert (level / "performance" / "weights" / "best" / "weights.csv").exists()
    assert not list(tmp_path.iterdir())
