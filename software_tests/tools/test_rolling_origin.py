import hashlib
import json
import subprocess

import numpy as np
import pandas as pd
import pytest

from dataset_models.goes import sample_files
from software_tests import finished_run
from tools import intervals, tools
from tools.probability_skill import brier
from tools.runs import rolling_origin
from tools.skill import contingency

EXPERIMENT = tools.REPOSITORY / "network_models" / "xray_flux_forecast" / "light_curve"
SEEDS = (1, 2)
COMMAND = [str(EXPERIMENT), "--seeds=1,2"]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setitem(intervals.bootstrap.__kwdefaults__, "resamples", 50)


def write_run(folder, year, seed):
    """A finished run as the runner leaves it: who was forecast what, and that it is done."""
    run = folder / str(year) / f"{year}0101-00000{seed}"
    finished_run.record(run, EXPERIMENT, [f"--test_year={year}", f"--seed={seed}"])
    (run / "performance").mkdir()
    tables = []
    for split, of in (("validation", year - 1), ("test", year)):
        truth, noise = np.random.default_rng(of), np.random.default_rng([of, seed])
        target = (truth.random(300) < 0.3).astype(float)
        score = 2 * target - 1.5 + truth.normal(0, 1, 300) + noise.normal(0, 0.5, 300)
        times = np.datetime64(f"{of}-01-01", "ns") + np.arange(300) * np.timedelta64(1, "D")
        table = pd.DataFrame({"id": times.astype(str), "time": times, "split": split})
        table["target"], table["forecast"] = target, 1 / (1 + np.exp(-score))
        table["climatology 365 d"], table["persistence"] = 0.3, np.roll(target, 1)
        table["logistic"] = 0.3 + 0.1 * (target - 0.3) + truth.normal(0, 0.02, 300)
        table[rolling_origin.QUIET] = table["persistence"] == 0
        tables.append(table)
    pd.concat(tables).to_csv(run / "performance" / "predictions.csv", index=False)
    caveats = ["SYNTHETIC: drawn, not observed.", f"FEW SAMPLES: in {year}."]
    scores = {"unit": "probability", "caveats": caveats}
    (run / "performance" / "scores.json").write_text(json.dumps(scores))


@pytest.fixture
def finished(tmp_path):
    for year in (2013, 2014):
        for seed in SEEDS:
            write_run(tmp_path, year, seed)
    return tmp_path


def run(folder, *more):
    return rolling_origin.main([*COMMAND, "--years=2013,2014", f"--output={folder}", *more])


def test_finished_runs_are_scored_together_and_not_repeated(finished, capsys):
    assert run(finished) == 0
    printed = capsys.readouterr().out
    assert "no flare in the last 24 h" in printed
    tests = {
        (year, seed): pd.read_csv(next((finished / str(year)).glob(f"*{seed}/*/predictions.csv")))
        for year in (2013, 2014)
        for seed in SEEDS
    }
    tests = {key: table[table["split"] == "test"] for key, table in tests.items()}
    target = np.concatenate([tests[year, 1]["target"] for year in (2013, 2014)])
    mean = np.concatenate(
        [
            (tests[year, 1]["forecast"] + tests[year, 2]["forecast"].to_numpy()) / 2
            for year in (2013, 2014)
        ]
    )
    scores = pd.read_csv(finished / "scores.csv", index_col=[0, 1])
    row = scores.loc["all years", rolling_origin.ENSEMBLE]
    expected = 1 - brier(target, mean) / brier(target, np.full(600, 0.3))
    assert row["bss"] == pytest.approx(expected)
    assert row["bss_low"] < row["bss"] < row["bss_high"]
    assert row["bss_undefined"] == 0
    thresholds = json.loads((finished / "protocol.json").read_text())["thresholds"]
    frozen = [thresholds[year][rolling_origin.ENSEMBLE] for year in ("2013", "2014")]
    alarms = mean >= np.repeat(frozen, 300)
    tss = contingency(target, alarms).tss
    assert row["tss"] == pytest.approx(tss)
    assert (finished / "reliability.png").stat().st_size > 0


def test_the_quiet_subset_has_its_own_climatology(finished):
    run(finished)
    scores = pd.read_csv(finished / "scores.csv", index_col=[0, 1]).loc[rolling_origin.QUIET]
    # After a quiet day persistence says "none" each time: it forecasts no event at all.
    assert float(scores.loc["persistence", "pod"]) == 0
    assert int(scores.loc["persistence", "samples"]) < 600


def protocol(folder):
    return json.loads((folder / "protocol.json").read_text())


def test_caveats_stand_beside_the_scores(finished, capsys):
    assert run(finished) == 0
    said = [
        "SYNTHETIC: drawn, not observed.",
        "FEW SAMPLES: in 2013.",
        "FEW SAMPLES: in 2014.",
    ]
    assert protocol(finished)["caveats"] == said
    assert set(pd.read_csv(finished / "scores.csv")["caveats"]) == {" ".join(said)}
    printed = capsys.readouterr().out
    assert [printed.count(f"Caveat: {one}\n") for one in said] == [1, 1, 1]


def test_the_protocol_is_there_before_anything_is_trained(tmp_path, monkeypatch, capsys):
    found = []

    def train(command, check):
        found.append(protocol(tmp_path))
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", train)
    monkeypatch.setattr(rolling_origin.tools, "provenance", lambda: {"git_commit": "abc"})
    assert run(tmp_path, "--epochs=3") == 1
    (before,) = found
    assert (before["years"], before["seeds"], before["fields"]) == (
        [2013, 2014],
        [1, 2],
        ["--epochs=3"],
    )
    for name, code in before["sha256"].items():
        assert code == hashlib.sha256((EXPERIMENT / name).read_bytes()).hexdigest()
    assert before["finished_before"] == []
    assert "thresholds" not in before


def test_the_same_protocol_keeps_its_time_and_another_does_not(finished):
    assert run(finished) == 0
    first = protocol(finished)
    assert len(first["finished_before"]) == 4
    first["declared"] = "2001-01-01T00:00:00+00:00"
    (finished / "protocol.json").write_text(json.dumps(first))
    assert run(finished) == 0
    assert protocol(finished)["declared"] == first["declared"]
    assert set(protocol(finished)["thresholds"]) == {"2013", "2014"}
    assert rolling_origin.main([*COMMAND, "--years=2013", f"--output={finished}"]) == 0
    assert protocol(finished)["declared"] > first["declared"]


def change(folder, function):
    """Rewrites the forecasts of all runs below a folder."""
    for path in folder.rglob("predictions.csv"):
        function(pd.read_csv(path)).to_csv(path, index=False)


def test_a_validation_year_without_events_leaves_the_other_years(finished, capsys):
    def quiet(table):
        return table.assign(target=table["target"].where(table["split"] == "test", 0.0))

    change(finished / "2013", quiet)
    assert run(finished) == 0
    scores = pd.read_csv(finished / "scores.csv", index_col=[0, 1])
    year, every, other = (
        scores.loc[where, rolling_origin.ENSEMBLE] for where in ("2013", "all years", "2014")
    )
    assert np.isnan(year["tss"])
    assert np.isfinite([year["brier"], year["bss"]]).all()
    assert every["tss"] == other["tss"]
    assert int(every["years_without_threshold"]) == 2013
    assert scores.loc[("2013", "persistence"), "tss"] == pytest.approx(
        scores.loc[("2013", "persistence"), "pod"]
        - scores.loc[("2013", "persistence"), "false_alarms"]
        / (300 - scores.loc[("2013", "persistence"), "events"])
    )
    assert "No threshold in 2013" in capsys.readouterr().out


def test_without_a_trailing_climatology_that_of_training_is_the_reference(finished, capsys):
    change(finished, lambda table: table.rename(columns={"climatology 365 d": "climatology"}))
    assert run(finished) == 0
    scores = pd.read_csv(finished / "scores.csv", index_col=[0, 1])
    assert scores.loc[("all years", "climatology"), "bss"] == 0
    assert "against climatology (all years): tss" in capsys.readouterr().out
    change(finished, lambda table: table.drop(columns="climatology"))
    assert run(finished) == 1
    assert "['climatology 365 d'] are not in the table" in capsys.readouterr().err


def test_samples_count_by_their_weight(finished):
    weight = np.random.default_rng(1).uniform(0.1, 3, 600)
    change(finished, lambda table: table.assign(weight=weight))
    assert run(finished) == 0
    scores = pd.read_csv(finished / "scores.csv", index_col=[0, 1])
    tests = [pd.read_csv(next((finished / str(y)).glob("*1/*/pre*.csv"))) for y in (2013, 2014)]
    table = pd.concat([table[table["split"] == "test"] for table in tests])
    expected = brier(table["target"], table["persistence"], table["weight"])
    assert scores.loc[("all years", "persistence"), "brier"] == pytest.approx(expected)


def test_a_folder_without_an_experiment_is_refused(tmp_path, capsys):
    assert rolling_origin.main([str(tmp_path), f"--output={tmp_path / 'a'}"]) == 1
    assert "Expected the folder of an experiment" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("numbers", ["--years=2013,2013", "--seeds=1,2,1"])
def test_a_year_or_seed_counts_once(finished, capsys, numbers):
    with pytest.raises(SystemExit):
        run(finished, numbers)
    assert "names one twice; expected each once" in capsys.readouterr().err


def test_a_file_in_place_of_the_folder_is_one_line(tmp_path, capsys):
    (tmp_path / "taken").write_text("mine")
    assert run(tmp_path / "taken") == 1
    assert "taken" in capsys.readouterr().err


def test_a_damaged_protocol_is_named(finished, capsys):
    (finished / "protocol.json").write_text("{")
    assert run(finished) == 1
    assert "protocol.json is damaged" in capsys.readouterr().err


def test_runs_of_other_samples_are_not_mixed(finished, capsys):
    path = next((finished / "2013").glob("*2/*/predictions.csv"))
    table = pd.read_csv(path)
    table.assign(target=1 - table["target"]).to_csv(path, index=False)
    assert run(finished) == 1
    assert "forecast other samples or another target" in capsys.readouterr().err


def test_runs_of_other_settings_are_not_taken_for_what_is_asked(finished, capsys):
    assert run(finished, "--epochs=3") == 1
    said = capsys.readouterr().err
    assert "was made with other settings" in said
    assert "--epochs: 30 then, 3 now" in said


def test_runs_of_another_network_are_not_taken_for_what_is_asked(finished, capsys):
    path = next((finished / "2014").glob("*1")) / "network.py"
    path.write_text(path.read_text().replace("range(3)", "range(4)"))
    assert run(finished) == 1
    assert "range(4)" in capsys.readouterr().err


def test_a_field_that_the_experiment_does_not_know_ends_it(tmp_path, capfd):
    assert run(tmp_path, "--epoks=3") == 1
    assert "Did you mean --epochs" in capfd.readouterr().err


@pytest.mark.slow
def test_an_experiment_is_trained_for_each_year_and_seed(sample_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("FLARENET_DATA", str(sample_folder))
    fields = [
        f"--series={sample_files.SERIES}",
        f"--flare_lists={sample_files.FLARES}",
        "--scale=physical",
        "--epochs=1",
        "--batch_size=64",
        "--explained_samples=0",
        "--train_cadence_hours=6",
        "--threshold=1e-6",
    ]
    command = [str(EXPERIMENT), "--years=2013", "--seeds=1,2", f"--output={tmp_path}", *fields]
    assert rolling_origin.main(command) == 0
    runs = sorted((tmp_path / "2013").iterdir())
    assert len(runs) == 2
    assert rolling_origin.main(command) == 0
    assert sorted((tmp_path / "2013").iterdir()) == runs


def test_fluxes_are_scored_as_fluxes(tmp_path, capsys):
    fields = ["--dependent_variable=hourly maximum"]
    tables = {}
    for seed in SEEDS:
        folder = tmp_path / "2013" / f"20130101-00000{seed}"
        finished_run.record(folder, EXPERIMENT, ["--test_year=2013", f"--seed={seed}", *fields])
        (folder / "performance").mkdir()
        target = np.random.default_rng(2013).normal(-6, 0.4, 300)
        chance = np.random.default_rng(seed)
        times = np.datetime64("2013-01-01", "ns") + np.arange(300) * np.timedelta64(1, "D")
        table = pd.DataFrame({"id": times.astype(str), "time": times, "split": "test"})
        table["target"], table["forecast"] = target, target + chance.normal(0, 0.3, 300)
        table["linear"] = target + np.random.default_rng(9).normal(0, 0.3, 300)
        table["persistence"], table["climatology 365 d"] = np.roll(target, 1), -6.0
        table[rolling_origin.QUIET] = target < -5.9
        table.to_csv(folder / "performance" / "predictions.csv", index=False)
        (folder / "performance" / "scores.json").write_text('{"unit": "log10(W / m2)"}')
        tables[seed] = table
    command = [str(EXPERIMENT), "--years=2013", "--seeds=1,2", f"--output={tmp_path}", *fields]
    assert rolling_origin.main(command) == 0
    scores = pd.read_csv(tmp_path / "scores.csv", index_col=[0, 1])
    mean = (tables[1]["forecast"] + tables[2]["forecast"]) / 2
    rmse = np.sqrt(((mean - tables[1]["target"]) ** 2).mean())
    found = scores.loc[("all years", rolling_origin.ENSEMBLE), "rmse"]
    assert found == pytest.approx(rmse)
    assert (rolling_origin.QUIET, "linear") in scores.index
    assert "against linear (all years): rmse -" in capsys.readouterr().out
    assert (tmp_path / "forecasts.png").stat().st_size > 0
