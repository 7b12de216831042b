"""Trains every experiment in the tree on its tiny setting, as its user would: no list to keep."""

import json
import pathlib
import runpy
import shutil
import sys

import keras
import pytest

from network_models import experiment

NETWORK_MODELS = pathlib.Path(__file__).parents[1] / "network_models"
EXPERIMENTS = [
    file.parent
    for file in sorted(NETWORK_MODELS.rglob("network.py"))
    if "trained_models" not in file.parts
]


def run_script(folder, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(folder / "network.py"), *arguments])
    return runpy.run_path(str(folder / "network.py"), run_name="__main__")


def where(folder):
    return str(folder.relative_to(NETWORK_MODELS))


@pytest.mark.parametrize("folder", EXPERIMENTS, ids=where)
def test_the_tiny_setting_runs_every_line(folder, embedded_sample, tmp_path, monkeypatch):
    run_script(folder, monkeypatch, "--tiny", f"--output={tmp_path}")
    (run,) = tmp_path.iterdir()
    assert set(json.loads((run / "provenance.json").read_text())["stages"]) == {
        "training",
        "evaluation",
        "explanations",
    }
    for part in ("maps", "features", "embeddings", "tensorboard", "epochs"):
        assert any((run / part).iterdir()), f"{part}/ is empty"
    for name in ("history.csv", "timing.csv", "scores.json", "predictions.csv", "curves.png"):
        assert (run / "performance" / name).stat().st_size > 0
    assert isinstance(experiment.load(run), keras.Model)
    assert not list(run.rglob("*.part*"))


@pytest.mark.parametrize("folder", EXPERIMENTS, ids=where)
def test_help_names_the_experiments_own_fields(folder, monkeypatch, capsys):
    names = run_script(folder, monkeypatch, "--help")
    assert "build_model" in names
    printed = capsys.readouterr().out
    assert "--learning_rate=" in printed
    assert "--resume" in printed


@pytest.mark.slow
def test_a_copy_of_starting_point_trains_with_its_own_config(
    embedded_sample, tmp_path, monkeypatch
):
    copy = tmp_path / "mine"
    shutil.copytree(
        NETWORK_MODELS / "xray_flux_forecast" / "starting_point",
        copy,
        ignore=shutil.ignore_patterns("trained_models"),
    )
    text = (copy / "config.py").read_text()
    (copy / "config.py").write_text(text + "tiny = dataclasses.replace(tiny, dropout=0.4)\n")
    monkeypatch.chdir(tmp_path)
    run_script(copy, monkeypatch, "--tiny", "--explained_samples=0")
    (run,) = (copy / "trained_models").iterdir()
    assert json.loads((run / "config.json").read_text())["dropout"] == 0.4
