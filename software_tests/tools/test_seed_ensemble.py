import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tools import distributions, flux_skill, probability_skill, tools
from tools.runs import seed_ensemble

UNIT = "log10(W / m2)"
SETTINGS = {
    "thresholds": ["C1.0", "M1.0"],
    "threshold_scale": "physical",
    "levels": [0.1, 0.5, 0.9],
}


def write_run(folder, seed, forecast, target, *, unit=UNIT, **settings):
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
    tools.write_text(folder / "performance" / "predictions.csv", table.to_csv(index=False))
    tools.write_text(folder / "performance" / "scores.json", json.dumps({"unit": unit}))
    tools.write_text(folder / "provenance.json", json.dumps({"stages": {"evaluation": {}}}))
    tools.write_text(folder / "config.json", json.dumps({"seed": seed, **SETTINGS, **settings}))
    return folder


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
    for score in ("tss", "hss", "roc_area", "brier calibrated", "bss"):
        assert math.isnan(found[f"M1.0 {score}"])
    assert found["M1.0 brier"] == pytest.approx(0.01)
    assert "undefined" in capsys.readouterr().out


def change(folder, **settings):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda runs: runs[1:], "An ensemble needs several networks.*Received: 1"),
        (lambda runs: [runs[0], runs[0].parent], "is no finished run"),
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
    assert "forecasts other samples or another target" in capsys.readouterr().err
