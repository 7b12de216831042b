"""The leakage meter: what its arms learn from, and what it says of known forecasts."""

import json

import numpy as np
import pandas as pd
import pytest

from dataset_models.goes import sample_files
from dataset_models.goes.light_curve import LightCurve
from dataset_models.synthetic.synthetic import Synthetic
from software_tests import finished_run
from tools import tools
from tools.runs import leakage

DAY = np.timedelta64(1, "D")
FIRST = "fold_1_of_3_embargo_27"
LIGHT_CURVE = tools.REPOSITORY / "network_models" / "xray_flux_forecast" / "light_curve"


@pytest.fixture(scope="module")
def arms(sample_folder):
    dataset = LightCurve(
        folder=sample_folder,
        series=sample_files.SERIES,
        flare_lists=(sample_files.FLARES,),
        scale="physical",
        test_year=2013,
        train_cadence_hours=12,
        cadence_hours=12,
    )
    return leakage.arms(dataset, fold=2, count=3, embargo_days=27.0, seed=1)


def of_split(dataset, split):
    table = dataset.split_table()
    return table[table["split"] == split]


def test_both_arms_score_and_validate_on_the_same_and_learn_from_as_many(arms):
    for split in ("validation", "test"):
        assert list(of_split(arms["leaky"], split)["id"]) == list(
            of_split(arms["purged"], split)["id"]
        )
    assert arms["leaky"].size("train") == arms["purged"].size("train") > 0


def test_half_of_each_month_is_scored(arms):
    table = arms["purged"].split_table()
    months = table["time"].dt.to_period("M")
    scored = (table["split"] == "test").groupby(months).sum()
    other = (table["reason"] == leakage.UNSCORED).groupby(months).sum()
    tested = scored + other > 0
    assert tested.sum() >= 5
    assert (scored - other)[tested].isin([0, 1]).all()


def test_the_purged_arm_learns_from_nothing_near(arms):
    # 27 days, with 10 days before and 1 after that each sample reads: 38 days.
    test, train = (of_split(arms["purged"], s)["time"].to_numpy() for s in ("test", "train"))
    assert np.abs(test[:, None] - train).min() > 38 * DAY
    assert not arms["purged"].split.leaks


def test_the_leaky_arm_learns_from_the_months_that_it_scores(arms):
    test, train = (of_split(arms["leaky"], s) for s in ("test", "train"))
    assert not set(test["id"]) & set(train["id"])
    other = arms["purged"].split_table().query("reason == @leakage.UNSCORED")["id"]
    assert set(other) <= set(train["id"])
    assert arms["leaky"].split.leaks
    validation = of_split(arms["leaky"], "validation")["time"].to_numpy()
    assert np.abs(validation[:, None] - train["time"].to_numpy()).min() > 38 * DAY


def forecasts(leaky_noise, purged_noise, days=810):
    """Targets N(0, 1), climatology 0, and forecasts with errors of known variance."""
    chance = np.random.default_rng(6)
    target = chance.normal(size=days)
    return pd.DataFrame(
        {
            "time": np.datetime64("2012-01-01") + np.arange(days) * DAY,
            "target": target,
            "climatology": 0.0,
            "leaky": target + leaky_noise * chance.normal(size=days),
            "purged": target + purged_noise * chance.normal(size=days),
        }
    )


def test_the_inflation_of_known_errors():
    # Skill is 1 - error variance: 1 - 0.04 and 1 - 0.49.
    found = leakage.inflation(forecasts(0.2, 0.7))
    assert found["leaky"].value == pytest.approx(0.96, abs=0.02)
    assert found["inflation"].value == pytest.approx(0.45, abs=0.06)
    assert 0 < found["inflation"].low < found["inflation"].value < found["inflation"].high
    assert found["inflation"].groups in (30, 31)


def test_equal_arms_have_no_inflation():
    table = forecasts(0.5, 0.5)
    table["leaky"] = table["purged"]
    found = leakage.inflation(table)["inflation"]
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_a_weight_of_two_is_a_sample_that_is_there_twice():
    table = forecasts(0.2, 0.7)
    weight = np.random.default_rng(3).integers(0, 3, len(table))
    weighted = leakage.inflation(table.assign(weight=weight.astype(float)))
    repeated = leakage.inflation(table.loc[np.repeat(np.arange(len(table)), weight)])
    for name, one in weighted.items():
        assert one.value == pytest.approx(repeated[name].value)


def test_caveats_and_weights_stand_beside_the_scores(tmp_path, capsys):
    for fold in (1, 2, 3):
        for arm, error in (("leaky", 0.1), ("purged", 0.5)):
            run = tmp_path / FIRST.replace("1", str(fold), 1) / arm / "1"
            columns = days() | {"forecast": error, "weight": np.arange(200) % 2}
            run_of(run, **columns)
            caveats = ["SYNTHETIC: drawn.", *(["LEAKING: on purpose."] if arm == "leaky" else [])]
            scores = {"unit": "dex", "caveats": caveats}
            tools.write_text(run / "performance" / "scores.json", json.dumps(scores))
    assert leakage.main([str(LIGHT_CURVE), "--folds=3", f"--output={tmp_path}"]) == 0
    assert json.loads((tmp_path / "scores.json").read_text())["caveats"] == ["SYNTHETIC: drawn."]
    assert "Caveat: SYNTHETIC: drawn.\n" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "forecasts.csv")["weight"].tolist() == [0, 1] * 300


def test_a_dataset_without_a_table_is_refused():
    with pytest.raises(TypeError, match="Synthetic cannot be dealt anew"):
        leakage.arms(Synthetic(), 1, 3, 27.0, 1)


def run_of(folder, **columns):
    """A finished run with these forecasts."""
    table = pd.DataFrame(columns | {"split": "test"})
    tools.write_text(folder / "performance" / "predictions.csv", table.to_csv(index=False))
    finished_run.record(folder, LIGHT_CURVE, ["--explained_samples=0"])
    tools.write_text(folder / "split.csv", table[["id", "split"]].to_csv(index=False))


def days(count=200):
    times = np.datetime64("2012-01-01") + np.arange(count) * DAY
    return {"id": [str(time) for time in times], "time": times, "target": 0.0, "climatology": 1.0}


def test_arms_that_scored_other_samples_are_refused(tmp_path, capsys):
    run_of(tmp_path / FIRST / "leaky" / "1", forecast=0.0, **days(200))
    run_of(tmp_path / FIRST / "purged" / "1", forecast=0.0, **days(199))
    status = leakage.main([str(LIGHT_CURVE), "--folds=3", f"--output={tmp_path}"])
    assert status == 1
    assert "score other samples or another target" in capsys.readouterr().err


def test_forecasts_of_several_numbers_are_refused(tmp_path, capsys):
    for arm in leakage.ARMS:
        run_of(tmp_path / FIRST / arm / "1", **{"forecast 0": 0.0, "forecast 1": 1.0}, **days())
    assert leakage.main([str(LIGHT_CURVE), "--folds=3", f"--output={tmp_path}"]) == 1
    assert "forecasts no single number" in capsys.readouterr().err


def test_a_folder_without_an_experiment_is_refused(tmp_path, capsys):
    assert leakage.main([str(tmp_path)]) == 1
    assert "Expected the folder of an experiment" in capsys.readouterr().err


@pytest.mark.slow
def test_on_the_synthetic_sun_the_leak_is_clear(embedded_sample, tmp_path, capsys):
    """A network large enough to remember its samples, trained until it does."""
    status = leakage.main(
        [
            *(str(LIGHT_CURVE), "--folds=3", f"--output={tmp_path}"),
            *("--series=light_curve/synthetic_hourly.csv", "--scale=physical"),
            *("--flare_lists=light_curve/synthetic_flares.csv", "--test_year=2013"),
            *("--train_cadence_hours=6", "--cadence_hours=6", "--batch_size=64"),
            *("--dependent_variable=hourly maximum", "--units=128", "--filters=16"),
            *("--dropout=0.0", "--epochs=20", "--monitor=loss"),
            *("--patience=0", "--plateau_patience=0"),
        ]
    )
    assert status == 0
    found = json.loads((tmp_path / "scores.json").read_text())["skill"]["inflation"]
    assert found["low"] > 0
    assert found["value"] > 0.15
    assert (tmp_path / "leakage.png").stat().st_size > 0
    assert "inflation" in capsys.readouterr().out
