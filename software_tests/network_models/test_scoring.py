"""Scores of any forecast on any part of a split, and the network's skill relative to others."""

import json
import math
import pathlib

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics

from dataset_models.dataset import Dataset
from network_models import experiment, loading, score_tables, scoring

FOLDER = pathlib.Path(__file__).parent / "small_experiment"


class Levels(Dataset):
    """Seven known numbers with weights; the third is unknown."""

    units = {"level": "m", "target": "m"}
    input_shape = {"level": (1,)}
    values = np.array([1, 2, math.nan, 4, 5, 6, 8], "float32")
    weights = np.array([1, 3, 0, 1, 2, 1, 0.5], "float32")

    def size(self, split):
        return 7

    def sample(self, split, index, rng):
        return {"level": np.ones(1)}, self.values[[index]], self.weights[index]

    def describe(self, split, index):
        return {"id": str(index), "time": np.datetime64("2013-12-29") + index}


@pytest.fixture
def scored():
    """A model that says 3, and the targets in batches of three."""
    level = keras.Input((1,), name="level")
    model = keras.Model({"level": level}, keras.layers.Lambda(lambda x: 3 * x)(level))
    names = {"rmse": "RootMeanSquaredError", "mae": "MeanAbsoluteError"}
    metrics = [getattr(keras.metrics, kind)(name=name) for name, kind in names.items()]
    model.compile(loss="mse", weighted_metrics=metrics)
    return model, scoring.Targets(Levels().batches("test", 3))


def known():
    return np.flatnonzero(np.isfinite(Levels.values))


def test_the_metrics_of_a_part_are_those_of_scikit_learn(scored):
    forecast = np.array([[2.5], [2], [0], [7], [5], [3], [4]])
    chosen = np.array([True, True, False, False, True, False, True])
    found = scoring.metrics(*scored, forecast, chosen)
    parts = (Levels.values[chosen], forecast[chosen, 0])
    weights = {"sample_weight": Levels.weights[chosen]}
    error = sklearn_metrics.root_mean_squared_error(*parts, **weights)
    assert found["rmse"] == pytest.approx(error, rel=1e-6)
    mean = sklearn_metrics.mean_absolute_error(*parts, **weights)
    assert found["mae"] == pytest.approx(mean, rel=1e-6)
    assert set(found) == {"rmse", "mae"}
    assert scoring.metrics(*scored, forecast, np.zeros(7, bool)) == {}


def test_skill_is_the_way_done_from_a_reference_to_perfection():
    score, reference = {"rmse": 0.6, "tss": 0.7}, {"rmse": 0.8, "tss": 0.4}
    found = scoring.skill(score, reference, {"rmse": 0.0, "tss": 1.0})
    assert found == pytest.approx({"rmse": 0.25, "tss": 0.5})  # 1 - 0.6 / 0.8; 0.3 / 0.6
    assert math.isnan(scoring.skill(score, {"tss": 1.0}, {"tss": 1.0})["tss"])


def test_a_part_stands_beside_its_own_weighted_mean(scored):
    forecasts = {"network": np.full((7, 1), 3.0)}
    chosen = np.array([True, True, True, False, False, False, False])
    table = scoring.of_subsets(*scored, forecasts, {"early": chosen, "none": ~chosen & chosen})
    early = table[table["subset"] == "early"].set_index("forecast")
    assert (early["samples"] == 2).all()  # the third is unknown
    # Mean of 1 and 2 with weights 1 and 3 is 1.75: errors 0.75 and 0.25, in the mean 0.375.
    assert early.loc[scoring.OWN_MEAN, "mae"] == pytest.approx(0.375)
    assert early.loc["network", "mae"] == pytest.approx((2 + 3 * 1) / 4)
    none = table[table["subset"] == "none"]
    assert none["samples"].tolist() == [0]
    assert none["mae"].isna().all()


def test_targets_of_images_are_read_anew_and_have_no_skill(scored):
    class Images(Levels):
        input_shape = {"level": (6, 6, 1)}

        def sample(self, split, index, rng):
            return {"level": np.full((6, 6, 1), index)}, np.full((6, 6, 1), index), np.float32(1)

    targets = scoring.Targets(Images().batches("test", 3))
    assert not targets.small
    assert [target.shape for target, _ in targets] == [(3, 6, 6, 1), (3, 6, 6, 1), (1, 6, 6, 1)]
    baseline = {"mean": {"rmse": 1.0}}
    assert scoring.skills(scored[0], targets, {"rmse": 0.5}, baseline) == {}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run whose validation and test splits have samples of two years."""
    module = loading.load_module(FOLDER / "network.py")

    class TwoYears(module.Roots):
        def describe(self, split, index):
            day = np.datetime64("2014-12-28") + np.timedelta64(int(index), "D")
            return super().describe(split, index) | {"time": day}

    (path,) = experiment.run(
        FOLDER / "network.py",
        build_dataset=lambda config: TwoYears(config.samples),
        build_model=module.build_model,
        arguments=[f"--output={tmp_path_factory.mktemp('runs')}", "--tiny"],
    )
    return path / "performance"


def test_a_run_scores_each_year_as_pandas_would(finished):
    forecasts = pd.read_csv(finished / "predictions.csv", parse_dates=["time"])
    subsets = pd.read_csv(finished / "subsets.csv", dtype={"subset": str})
    subsets = subsets.set_index(["split", "subset", "forecast"])
    assert len(subsets) == 2 * 2 * 3  # splits, years; network, climatology and the year's own mean
    for (split, year), part in forecasts.groupby(["split", forecasts["time"].dt.year]):
        assert part[str(year)].all()
        for name, forecast in (("network", "forecast"), ("climatology", "climatology")):
            row = subsets.loc[(split, str(year), name)]
            error = (part[forecast] - part["target"]).abs().mean()
            assert row["mae"] == pytest.approx(error, rel=1e-5)
            assert row["samples"] == len(part)


def test_a_run_states_its_skill_relative_to_each_baseline(finished):
    scores = json.loads((finished / "scores.json").read_text())
    for split in ("validation", "test"):
        (name,) = scores["skill"][split]
        expected = 1 - scores[split]["network"]["mae"] / scores[split][name]["mae"]
        assert scores["skill"][split][name]["mae"] == pytest.approx(expected, rel=1e-5)
    text = score_tables.text(finished)
    assert "skill over it (mae)" in text
    assert "test, parts of it: mae" in text
    assert "2015 (8 samples)" in text


def test_undefined_scores_say_so():
    scores = {"caveats": ["CARE"], "unit": "dex", "test": {"samples": 3, "network": {"mae": 1.5}}}
    scores = {"validation": scores["test"]} | scores
    scores["evaluators"] = {"test M1.0 network tss": math.nan, "test M1.0 network brier": 0.25}
    scores["evaluators"]["validation M1.0 network brier"] = 0.5
    scores["evaluators"]["test M1.0 (2014), network brier"] = 0.5
    lines = score_tables.of_scores(scores).splitlines()
    assert lines[0] == "Caveat: CARE"
    assert "evaluators (other splits and parts: scores.json)" in lines
    assert [line.split() for line in lines[-2:]] == [
        ["tss", "brier"],
        ["test", "M1.0", "network", "undefined", "0.25"],
    ]


def of_classes(blocks, low):
    numbers = {"test M1.0 blocks": blocks, "test M1.0 network tss": 0.5}
    numbers |= {"test M1.0 network tss_low": low, "test M1.0 network tss_high": 0.61}
    numbers |= {"test M1.0 network brier": 0.25}
    scores = {"caveats": [], "unit": "dex", "test": {"samples": 3, "network": {"mae": 1.5}}}
    return score_tables.of_scores(scores | {"evaluators": numbers}).splitlines()


def test_intervals_stand_behind_their_scores():
    *_, names, _, row, about = of_classes(9.0, 0.4)
    assert names.split() == ["blocks", "tss", "brier"]
    assert row.split() == ["test", "M1.0", "network", "0.5", "[0.4,", "0.61]", "0.25"]
    assert about.startswith("In brackets: 95 % intervals, from 9 blocks of 27 days drawn together")


def test_too_few_blocks_are_said():
    *_, row, about = of_classes(3.0, math.nan)
    assert row.split() == ["test", "M1.0", "network", "0.5", "0.25"]
    assert about.startswith("No intervals: the samples lie in 3 blocks of 27 days, and from fewer")
