import json
import math
import pathlib

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tools import class_scores, distributions, flux_skill, probability_skill, tools
from tools.class_scores import Outcomes
from tools.runs import seed_ensemble

EXPERIMENT = pathlib.Path(__file__).parent / "recorded_experiment"
RATE = 0.2  # of training samples reach M1.0, and twice as many C1.0
UNIT = "log10(W / m2)"
SETTINGS = {
    "thresholds": ["C1.0", "M1.0"],
    "threshold_scale": "physical",
    "levels": [0.1, 0.5, 0.9],
}


def write_run(
    folder, seed, forecast, target, *, unit=UNIT, weight=None, columns=None, caveats=(), **settings
):
    """A finished run, as far as the script reads it; the first half of its samples validates."""
    forecast = np.reshape(forecast, (len(target), -1))
    count = len(target)
    table = pd.DataFrame(
        {
            "id": [f"sample {i}" for i in range(count)],
            "time": np.datetime64("2012-01-01") + np.arange(count) * np.timedelta64(1, "D"),
            "split": np.where(np.arange(count) < count // 2, "validation", "test"),
            "target": target,
        }
    )
    for i, column in enumerate(forecast.T):
        table["forecast" if forecast.shape[1] == 1 else f"forecast {i}"] = column
    write_dataset(folder, table, np.ones(count) if weight is None else weight)
    table = table.assign(**({} if weight is None else {"weight": weight}), **(columns or {}))
    tools.write_text(folder / "performance" / "predictions.csv", table.to_csv(index=False))
    scores = {"unit": unit, "caveats": list(caveats)}
    tools.write_text(folder / "performance" / "scores.json", json.dumps(scores))
    tools.write_text(folder / "provenance.json", json.dumps({"stages": {"evaluation": {}}}))
    tools.write_text(folder / "config.json", json.dumps({"seed": seed, **SETTINGS, **settings}))
    return folder


def write_dataset(folder, table, weight):
    """The dataset that a run is opened again with, and its code; persistence is yes, no, yes ..."""
    for name in ("config.py", "network.py"):
        tools.write_text(folder / name, (EXPERIMENT / name).read_text())
    tools.write_text(folder / "epochs" / "best.keras", "")
    judged = table[["id", "time", "split", "target"]].assign(weight=weight)
    judged["persistence"] = np.arange(len(table)) % 2
    train = pd.DataFrame({"target": np.repeat([-4.5, -5.5, -6.5], (2, 2, 6)), "weight": 1.0})
    train = train.assign(id="train", time=np.datetime64("2011-01-01"), split="train")
    every = pd.concat([train.assign(persistence=0), judged])
    tools.write_text(folder / "dataset.csv", every.to_csv(index=False))


@pytest.fixture
def truth():
    """Means and targets: each target is N(mean, 0.4) in log10 of the flux."""
    chance = np.random.default_rng(9)
    mean = chance.uniform(-6.5, -4.5, 400)
    return mean, mean + 0.4 * chance.normal(size=400), chance


def gaussian_runs(truth, folder, count=3):
    mean, target, chance = truth
    runs = []
    for seed in range(1, count + 1):
        forecast = np.stack([mean + 0.3 * chance.normal(size=400), np.full(400, 0.4)], axis=1)
        runs.append(write_run(folder / str(seed), seed, forecast, target, head="gaussian"))
    return runs


def test_an_ensemble_of_normal_distributions(truth, tmp_path, capsys):
    runs = gaussian_runs(truth, tmp_path)
    assert seed_ensemble.main([*map(str, runs), f"--output={tmp_path / 'out'}"]) == 0
    found = pd.read_csv(tmp_path / "out" / "scores.csv", index_col=["split", "forecast"])
    tables = [pd.read_csv(run / "performance" / "predictions.csv").tail(200) for run in runs]
    one = flux_skill.crps_gaussian(*(tables[0][n] for n in ("target", "forecast 0", "forecast 1")))
    assert found.loc[("test", "seed 1"), "crps"] == pytest.approx(one)
    means, deviations = (
        np.stack([table[f"forecast {i}"] for table in tables], axis=1) for i in (0, 1)
    )
    whole = distributions.crps_mixture(tables[0]["target"], means, deviations)
    assert found.loc[("test", "ensemble"), "crps"] == pytest.approx(whole)
    assert found["crps"].idxmin()[1] == "ensemble"  # errors that differ cancel
    # The probability of the mixture is the mean of the members'.
    said = stats.norm.sf((-5 - means) / deviations).mean(axis=1)
    expected = probability_skill.brier(tables[0]["target"] >= -5, said)
    assert found.loc[("test", "ensemble"), "M1.0 brier"] == pytest.approx(expected)
    assert (tmp_path / "out" / "reliability.png").stat().st_size > 0
    assert "ensemble" in capsys.readouterr().out


def test_calibration_is_fitted_on_validation_and_frozen(truth, tmp_path):
    """Logits three times too large: the temperature brings the true probabilities back."""
    mean, target, _ = truth
    logits = np.stack([stats.logistic.ppf(stats.norm.sf((t - mean) / 0.4)) for t in (-6, -5)], 1)
    said = stats.logistic.cdf(3 * np.clip(logits, -9, 9))
    runs = [write_run(tmp_path / str(s), s, said, target, head="class") for s in (1, 2)]
    before = seed_ensemble.report(runs, "temperature", tmp_path / "out")
    test = before.loc[("test", "ensemble")]
    assert test["M1.0 brier calibrated"] < test["M1.0 brier"]
    # Other test outcomes change nothing of what validation chose.
    table = pd.read_csv(runs[0] / "performance" / "predictions.csv")
    turned = np.where(table["split"] == "test", -10.5 - table["target"], table["target"])
    runs = [write_run(tmp_path / f"b{s}", s, said, turned, head="class") for s in (1, 2)]
    after = seed_ensemble.report(runs, "temperature", tmp_path / "out")
    validation = ("validation", "ensemble")
    pd.testing.assert_series_equal(after.loc[validation], before.loc[validation])


def test_fluxes_vote(truth, tmp_path):
    mean, target, chance = truth
    fluxes = [mean + 0.4 * chance.normal(size=400) for _ in range(4)]
    runs = [write_run(tmp_path / str(i), i, f, target, head="flux") for i, f in enumerate(fluxes)]
    found = seed_ensemble.report(runs, "none", tmp_path / "out")
    votes = np.mean([flux >= -5 for flux in fluxes], axis=0)[200:]
    expected = probability_skill.brier(target[200:] >= -5, votes)
    assert found.loc[("test", "ensemble"), "M1.0 brier"] == pytest.approx(expected)
    rmse = flux_skill.errors(target[200:], np.mean(fluxes, axis=0)[200:])["rmse"]
    assert found.loc[("test", "ensemble"), "rmse"] == pytest.approx(rmse)


def test_quantiles_are_averaged(truth, tmp_path):
    mean, target, chance = truth
    levels = SETTINGS["levels"]
    members = [
        stats.norm.ppf(levels, (mean + 0.3 * chance.normal(size=400))[:, None], 0.4)
        for _ in range(2)
    ]
    runs = [
        write_run(tmp_path / str(i), i, member, target, head="quantiles")
        for i, member in enumerate(members)
    ]
    found = seed_ensemble.report(runs, "none", tmp_path / "out")
    expected = flux_skill.crps_quantiles(target[200:], np.mean(members, axis=0)[200:], levels)
    assert found.loc[("test", "ensemble"), "crps"] == pytest.approx(expected)


def test_without_events_scores_are_undefined_and_not_0(truth, tmp_path, capsys):
    _, target, _ = truth
    said = np.full((400, 2), 0.1)
    low = np.minimum(target, -5.2)  # no M1.0 anywhere
    runs = [write_run(tmp_path / str(s), s, said, low, head="class") for s in (1, 2)]
    found = seed_ensemble.report(runs, "temperature", tmp_path / "out").loc[("test", "ensemble")]
    assert found["M1.0 events"] == 0
    for score in ("tss", "hss", "roc_area", "threshold", "brier calibrated"):
        assert math.isnan(found[f"M1.0 {score}"])
    assert found["M1.0 brier"] == pytest.approx(0.01)
    assert found["M1.0 bss"] == pytest.approx(1 - 0.01 / RATE**2)
    assert "undefined" in capsys.readouterr().out


def class_runs(truth, folder, count=2, **options):
    """Runs that say the true probability, but for noise."""
    mean, target, chance = truth
    runs = []
    for seed in range(1, count + 1):
        said = formed("class", mean + 0.1 * chance.normal(size=400))
        run = folder / str(seed)
        runs.append(write_run(run, seed, said, target, head="class", **options))
    return runs


def test_skill_is_over_the_frequency_in_training_and_references_stand_beside(truth, tmp_path):
    runs = class_runs(truth, tmp_path)
    found = seed_ensemble.report(runs, "platt", tmp_path / "out")
    target = truth[1][200:]
    came = (target >= -5).astype(float)
    reference = np.mean((RATE - came) ** 2)
    for name in ("seed 1", "ensemble", "climatology", "persistence"):
        row = found.loc[("test", name)]
        assert row["M1.0 bss"] == pytest.approx(1 - row["M1.0 brier"] / reference)
    assert found.loc[("test", "climatology"), "M1.0 brier"] == pytest.approx(reference)
    persistence = found.loc[("test", "persistence")]
    said = np.arange(200) % 2
    assert persistence["M1.0 brier"] == pytest.approx(np.mean((said - came) ** 2))
    assert persistence["M1.0 threshold"] == 0.5
    assert math.isnan(persistence["M1.0 brier calibrated"])
    said = pd.read_csv(tmp_path / "out" / "predictions.csv")["probability M1.0"].to_numpy()
    before = (truth[1][:200] >= -5).astype(float)
    choice = class_scores.choose(Outcomes(before, np.ones(200)), said[:200], "platt")
    ensemble = found.loc[("test", "ensemble")]
    assert ensemble["M1.0 threshold"] == choice.threshold
    for name in ("slope", "intercept"):
        assert ensemble[f"M1.0 {name}"] == choice.calibrate.numbers[name]


def formed(head, mean):
    """The forecast of a head: of N(mean, 0.4), or of the mean itself."""
    if head == "flux":
        return mean
    if head == "gaussian":
        return np.stack([mean, np.full(len(mean), 0.4)], axis=1)
    if head == "class":
        return stats.norm.sf((np.array([-6, -5]) - mean[:, None]) / 0.4)
    return stats.norm.ppf(SETTINGS["levels"], mean[:, None], 0.4)


@pytest.mark.parametrize("head", ["class", "flux", "gaussian", "quantiles"])
def test_weights_stand_for_repeated_samples(head, truth, tmp_path):
    mean, target, chance = truth
    drawn = np.concatenate([chance.integers(0, 200, 200), chance.integers(200, 400, 200)])
    every, weight = np.sort(drawn), np.bincount(drawn, minlength=400).astype(float)
    weighed, many = [], []
    for seed in (1, 2):
        said = formed(head, mean + 0.3 * chance.normal(size=400))
        given = {"head": head, "weight": weight, "columns": {"light curve": mean}}
        weighed.append(write_run(tmp_path / f"w{seed}", seed, said, target, **given))
        given = {"head": head, "columns": {"light curve": mean[every]}}
        many.append(write_run(tmp_path / f"m{seed}", seed, said[every], target[every], **given))
    found = seed_ensemble.report(weighed, "temperature", tmp_path / "weighed")
    expected = seed_ensemble.report(many, "temperature", tmp_path / "many")
    scores = [name for name in found if "events" not in name]
    rows = [name for name in found.index if name[1] != "persistence"]  # yes and no by turns
    pd.testing.assert_frame_equal(
        found.loc[rows, scores], expected.loc[rows, scores], rtol=1e-3, atol=1e-3
    )
    saved = pd.read_csv(tmp_path / "weighed" / "predictions.csv")
    np.testing.assert_array_equal(saved["weight"], weight)


def test_references_of_numbers_and_of_distributions(truth, tmp_path):
    mean, target, _ = truth
    columns = {"light curve": mean, "climatology": np.full(400, -5.5), "2013": mean < -6}
    runs = [
        write_run(tmp_path / f"{i}", i, mean, target, head="flux", columns=columns) for i in (1, 2)
    ]
    found = seed_ensemble.report(runs, "none", tmp_path / "out").loc["test"]
    expected = flux_skill.errors(target[200:], mean[200:])["rmse"]
    assert found.loc["light curve", "rmse"] == pytest.approx(expected)
    assert np.isfinite(found.loc["climatology", ["rmse", "M1.0 brier"]].astype(float)).all()
    assert "2013" not in found.index  # which samples, not what they will bring
    forecast = np.stack([mean, np.full(400, 0.4)], axis=1)
    runs = [
        write_run(tmp_path / f"{i}", i, forecast, target, head="gaussian", columns=columns)
        for i in (3, 4)
    ]
    found = seed_ensemble.report(runs, "none", tmp_path / "out").loc["test"]
    expected = flux_skill.errors(target[200:], mean[200:])["mae"]
    assert found.loc["light curve", "crps"] == pytest.approx(expected)
    assert math.isnan(found.loc["climatology", "crps"])


def test_caveats_are_printed_and_written(truth, tmp_path, capsys):
    caveats = ("SYNTHETIC: drawn.", "CASE-CONTROL: chosen.")
    runs = class_runs(truth, tmp_path, caveats=caveats)
    seed_ensemble.report(runs, "none", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "ensemble.json").read_text())
    assert record == {
        "caveats": list(caveats),
        "runs": [str(run) for run in runs],
        "calibration": "none",
    }
    printed = capsys.readouterr().out
    assert all(f"Caveat: {caveat}" in printed for caveat in caveats)


def test_a_dataset_that_changed_is_refused(truth, tmp_path):
    runs = class_runs(truth, tmp_path)
    table = pd.read_csv(runs[0] / "dataset.csv")
    table.iloc[:-1].to_csv(runs[0] / "dataset.csv", index=False)
    with pytest.raises(ValueError, match="now gives other samples of test"):
        seed_ensemble.report(runs, "none", tmp_path / "out")


def test_a_dataset_that_is_gone_is_one_line(truth, tmp_path, capsys):
    runs = class_runs(truth, tmp_path)
    (runs[0] / "dataset.csv").unlink()
    assert seed_ensemble.main([*map(str, runs), f"--output={tmp_path / 'out'}"]) == 1
    assert "dataset.csv" in capsys.readouterr().err


def change(folder, **settings):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda runs: runs[1:], "An ensemble needs several networks.*Received: 1"),
        (lambda runs: [runs[0], runs[0].parent], "is no finished run"),
        (lambda runs: [runs[0], runs[0]], "Expected each seed once. Received: seed 1, seed 1"),
        (lambda runs: change(runs[1], head="flux"), "different tasks: their fields head differ"),
        (lambda runs: change(runs[1], thresholds=["M1.0"]), "their fields thresholds differ"),
        (
            lambda runs: (runs[1] / "performance" / "scores.json").write_text('{"unit": "dex"}'),
            "their units differ",
        ),
        (
            lambda runs: (runs[1] / "performance" / "predictions.csv").unlink(),
            "Expected a finished run that forecasts numbers",
        ),
    ],
)
def test_runs_that_do_not_belong_together(spoil, message, truth, tmp_path):
    runs = gaussian_runs(truth, tmp_path, count=2)
    spoiled = spoil(runs)
    runs = spoiled if isinstance(spoiled, list) else runs
    with pytest.raises(ValueError, match=message):
        seed_ensemble.report(runs, "none", tmp_path / "out")


def test_other_samples_are_refused(truth, tmp_path, capsys):
    runs = gaussian_runs(truth, tmp_path, count=2)
    file = runs[1] / "performance" / "predictions.csv"
    table = pd.read_csv(file)
    table.assign(target=table["target"] + 1).to_csv(file, index=False)
    assert seed_ensemble.main([*map(str, runs), f"--output={tmp_path / 'out'}"]) == 1
    assert "the column 'target' differs" in capsys.readouterr().err


def test_other_columns_of_forecasts_are_refused(truth, tmp_path):
    runs = gaussian_runs(truth, tmp_path, count=2)
    file = runs[1] / "performance" / "predictions.csv"
    pd.read_csv(file).drop(columns="forecast 1").to_csv(file, index=False)
    with pytest.raises(ValueError, match="their columns of forecasts differ"):
        seed_ensemble.report(runs, "none", tmp_path / "out")
