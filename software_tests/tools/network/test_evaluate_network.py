"""Scores of a trained network, from the command line."""

import json

import numpy as np
import pandas as pd
import pytest

from software_tests.network_commands import (
    failed,
    files,
)
from tools.network import evaluate_network


def test_without_arguments_the_newest_run_is_scored_as_it_scored_itself(runs, level, capsys):
    before = files(level)
    assert evaluate_network.main([f"--runs={runs}"]) == 0
    folder = level / "performance" / "evaluations" / "best_validation-test"
    for name in ("scores.json", "predictions.csv"):
        assert (folder / name).read_bytes() == (level / "performance" / name).read_bytes()
    assert before.items() <= files(level).items()  # the run's own files are as they were
    printed = capsys.readouterr().out
    assert "validation (10 samples)" in printed
    assert "climatology" in printed
    assert json.loads((folder / "evaluation.json").read_text())["splits"] == ["validation", "test"]


def test_all_splits_are_scored_as_the_run_scored_them_and_training_is_told(flux, tmp_path, capsys):
    assert evaluate_network.main([str(flux), "--split=all", f"--output={tmp_path}"]) == 0
    assert "TRAINED ON: the network learnt from 52 of the 52 samples" in capsys.readouterr().out
    scores, recorded = (
        json.loads((folder / "scores.json").read_text())
        for folder in (tmp_path, flux / "performance")
    )
    assert scores["validation"] == recorded["validation"]
    assert scores["test"] == recorded["test"]
    table, own = (
        pd.read_csv(folder / "predictions.csv", dtype=str, keep_default_na=False)
        for folder in (tmp_path, flux / "performance")
    )
    # After training come validation and test, to the last digit; training has more classes.
    pd.testing.assert_frame_equal(table[own.columns][-24:].reset_index(drop=True), own)
    assert set(table) - set(own) == {"class C", "class M"}
    split = pd.read_csv(flux / "split.csv").query("split == 'train'")
    assert list(table["id"][:-24]) == list(split["id"])


def test_a_field_set_anew_is_told_in_the_caveats_and_the_folder(level, capsys):
    arguments = [str(level), "--split=test", "--set", "world=2", "--set", "test_size=5"]
    assert evaluate_network.main(arguments) == 0
    # 50 training samples from 1 May 2010 at 12 h end on 25 May 12:00. 27 days later, on 22 June,
    # 10 of validation begin; they take 5 days, and after 27 days more, on 24 July 0:00, comes test:
    # 59.5 days after training.
    assert "test comes within 1428.0 h of samples that were trained on" in capsys.readouterr().out
    folder = level / "performance" / "evaluations" / "best_test_world=2_test_size=5"
    assert len(pd.read_csv(folder / "predictions.csv")) == 5
    assert json.loads((folder / "evaluation.json").read_text())["set"] == ["world=2", "test_size=5"]


def test_only_evaluated_splits_have_numbers_of_evaluators(flux, tmp_path):
    assert evaluate_network.main([str(flux), "--split=validation", f"--output={tmp_path}"]) == 0
    names = json.loads((tmp_path / "scores.json").read_text())["evaluators"]
    assert any(name.startswith("validation ") for name in names)
    assert not any(name.startswith("test ") for name in names)


def test_scores_of_the_run_itself_are_not_overwritten(level, capsys):
    said = failed(evaluate_network, capsys, level, "--output", level / "performance")
    assert "holds the scores that a run wrote itself" in said


def test_the_year_is_not_probed_over_weeks(level, tmp_path, capsys):
    said = failed(evaluate_network, capsys, level, "--probe-year", "--output", tmp_path)
    assert "These samples cannot say whether the year can be read" in said
    assert not list(tmp_path.iterdir())  # it is said before any work


@pytest.mark.slow
def test_the_year_is_probed_over_years(level, tmp_path, capsys):
    arguments = [str(level), "--probe-year", "--set", "train_size=1500", "--output", str(tmp_path)]
    assert evaluate_network.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "Does it read the date? 1520 samples of 3 years (train, validation, test)" in printed
    table = pd.read_csv(tmp_path / "year_probe.csv")
    assert list(table["probed"]) == ["embedding", "channel means"]
    assert list(table["images"].unique()) == ["as trained"]
    assert (table["r2"] < 0.2).all()  # these images know nothing of the date


def test_the_year_is_probed_with_and_without_degradation(
    flux, embedded_sample, tmp_path, monkeypatch, capsys
):
    opened = {}

    def probe(model, batches, times):
        opened.update(batches)
        assert [len(one) for one in times.values()] == [10] * len(times)
        rows = {("uncorrected", "embedding"): {"r2": 0.9, "samples": 10, "blocks": 2, "years": 2}}
        return pd.DataFrame.from_dict(rows, orient="index")

    monkeypatch.setattr(evaluate_network.evaluation, "write_results", lambda *parts: None)
    monkeypatch.setattr(evaluate_network.score_tables, "text", lambda folder: "")
    monkeypatch.setattr(evaluate_network.year_probe, "probe", probe)
    monkeypatch.setattr(evaluate_network.year_probe, "check_times", lambda times: None)
    arguments = [str(flux), "--probe-year", "--split=test", "--output", str(tmp_path)]
    assert evaluate_network.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "Not probed corrected, V10: The degradation table V10 was not found" in printed
    assert list(opened) == ["uncorrected"]
    monkeypatch.setattr("dataset_models.sdo.degradation.read_table", lambda name, folder: halved)
    assert evaluate_network.main(arguments) == 0
    assert list(opened) == ["uncorrected", "corrected, V10"]


def halved(channels, times):
    return np.full((len(times), len(channels)), 0.5)
