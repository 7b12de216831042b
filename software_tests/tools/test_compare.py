"""The comparison of runs: whose scores it gives, on which samples, drawn in which groups."""

import json
import types

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from network_models import trained
from software_tests import finished_run
from tools import flux_skill, probability_skill, tools
from tools.runs import compare
from tools.skill import contingency

EXPERIMENTS = tools.REPOSITORY / "network_models" / "xray_flux_forecast"
COUNT = 200  # samples of each split, a day apart
M1 = np.log10(1e-5 / 0.7)  # an operational M1.0 on the physical scale
LEVELS = (0.1, 0.4, 0.9)


def samples(chance, **columns):
    """The columns that all runs share: validation in 2013, test in 2014."""
    tables = []
    for split, year in (("validation", 2013), ("test", 2014)):
        times = np.datetime64(f"{year}-01-01", "ns") + np.arange(COUNT) * np.timedelta64(1, "D")
        tables.append(pd.DataFrame({"id": times.astype(str), "time": times, "split": split}))
    table = pd.concat(tables, ignore_index=True)
    table["flaring"] = chance.random(2 * COUNT) < 0.4
    return table.assign(weight=chance.uniform(0.5, 2, 2 * COUNT), **columns)


def write_run(run, experiment, table, unit, **fields):
    arguments = [f"--{name}={value}" for name, value in fields.items()]
    finished_run.record(run, EXPERIMENTS / experiment, arguments)
    tools.write_text(run / "performance" / "predictions.csv", table.to_csv(index=False))
    scores = {"unit": unit, "caveats": ["SYNTHETIC: drawn."]}
    tools.write_text(run / "performance" / "scores.json", json.dumps(scores))
    return run


def noisy(target, chance, deviation):
    return 1 / (1 + np.exp(-(2 * target - 1.5 + chance.normal(0, deviation, len(target)))))


@pytest.fixture
def flares(tmp_path):
    """Two runs that forecast probabilities, the second of them much worse; and their table."""
    chance = np.random.default_rng(1)
    table = samples(chance, target=(chance.random(2 * COUNT) < 0.3).astype(float))
    table["persistence"] = np.roll(table["target"], 1)
    table["climatology"], table["climatology of the period"] = 0.25, 0.3
    table["unknown at times"] = table["persistence"].mask(table.index < 3)
    table["forecast"] = noisy(table["target"], chance, 0.5)
    good = write_run(tmp_path / "a" / "1", "light_curve", table, "probability")
    worse = table.assign(forecast=noisy(table["target"], chance, 6))
    poor = write_run(tmp_path / "b" / "1", "light_curve", worse, "probability", seed=2)
    return good, poor, table


def run(*runs, **options):
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return compare.main([*map(str, runs), "--resamples=50", *arguments])


def results(folder):
    scores = pd.read_csv(folder / "comparison.csv", index_col=[0, 1])
    return scores, json.loads((folder / "comparison.json").read_text())


def test_a_network_beside_its_references(flares, capsys):
    good, _, table = flares
    assert run(good) == 0
    scores, record = results(good / "performance" / "comparison")
    whole = scores.loc["all samples"]
    assert list(whole.index) == ["network", "persistence", "climatology"]
    validation, test = (table[table["split"] == split] for split in ("validation", "test"))
    threshold = probability_skill.best_threshold(
        validation["target"], validation["forecast"], weight=validation["weight"]
    )
    assert whole.loc["network", "threshold"] == pytest.approx(threshold)
    expected = contingency(test["target"], test["forecast"] >= threshold, test["weight"])
    assert whole.loc["network", "tss"] == pytest.approx(expected.tss)
    skill = probability_skill.brier_skill(test["target"], test["forecast"], 0.25, test["weight"])
    assert whole.loc["network", "bss"] == pytest.approx(skill)
    assert whole.loc["network", "bss_low"] < skill < whole.loc["network", "bss_high"]
    some = test[test["flaring"]]
    mean = np.average(some["target"], weights=some["weight"])
    skill = probability_skill.brier_skill(some["target"], some["forecast"], mean, some["weight"])
    assert scores.loc[("flaring", "network"), "bss"] == pytest.approx(skill)
    assert scores.loc[("flaring", "network"), "skill_over"] == "their own mean"
    assert set(scores["caveats"]) == {"SYNTHETIC: drawn."}
    assert record["caveats"] == ["SYNTHETIC: drawn."]
    assert set(record["differences"]["flaring"]) == {
        "network against persistence",
        "network against climatology",
    }
    said = capsys.readouterr().out
    assert "Caveat: SYNTHETIC: drawn." in said
    assert "network against persistence: tss" in said


def test_the_better_of_two_runs_wins_beyond_its_interval(flares, tmp_path):
    good, poor, _ = flares
    assert run(good, poor, output=tmp_path / "c") == 0
    scores, record = results(tmp_path / "c")
    assert list(scores.loc["all samples"].index[:2]) == ["a/1", "b/1"]
    for where in ("all samples", "flaring"):
        assert record["differences"][where]["b/1 against a/1"]["bss"]["high"] < 0
    tss = scores.loc["all samples", "tss"]
    found = record["differences"]["all samples"]["b/1 against a/1"]["tss"]
    assert found["value"] == pytest.approx(tss["b/1"] - tss["a/1"])


class Known:
    """A dataset of the samples of a table, with 300 training samples at a rate of 0.2 by weight."""

    def __init__(self, table, **groups):
        self.table, self.numbers = table, groups

    def split_table(self):
        return self.table

    def targets(self, split):
        return np.array([M1 - 1, M1 - 1e-8, np.nan])[:, None].repeat(100, 1)

    def sample_weights(self, split):
        return np.array([4.0, 1.0, 9.0]).repeat(100)

    def class_baselines(self, split, log_threshold):
        found = {"persistence": np.full(COUNT, log_threshold > M1 + 1e-9).astype(float)}
        return found | ({"logistic": np.full(COUNT, 0.1)} if split == "test" else {})

    def groups(self, split):
        chosen = (self.table["split"] == split).to_numpy()
        return {name: numbers[chosen] for name, numbers in self.numbers.items()}


@pytest.fixture
def opened(monkeypatch):
    """Function of a table and groups: every run then opens with a dataset of these."""

    def put(table, **groups):
        found = types.SimpleNamespace(dataset=Known(table, **groups))
        monkeypatch.setattr(trained, "open_run", lambda named: found)

    return put


@pytest.fixture
def heads(tmp_path):
    """A run of each head on the same log fluxes; and their table."""
    chance = np.random.default_rng(5)
    table = samples(chance, target=chance.normal(M1, 0.5, 2 * COUNT), climatology=M1 - 0.2)
    guess = table["target"] + chance.normal(0, 0.3, 2 * COUNT)
    columns = {
        "flux": {"forecast": guess},
        "gaussian": {"forecast 0": guess, "forecast 1": 0.3},
        "quantiles": {f"forecast {i}": guess + step for i, step in enumerate((-0.3, 0, 0.4))},
        "class": {f"forecast {i}": 1 / (i + 1.5) + 0 * guess for i in range(3)},
    }
    runs = {
        head: write_run(
            tmp_path / head,
            "starting_point",
            table.assign(**numbers),
            "log10(W / m2)",
            head=head,
            levels=",".join(map(str, LEVELS)),
        )
        for head, numbers in columns.items()
    }
    return runs, table.assign(guess=guess)


def test_every_head_says_something_of_a_class(heads, opened, tmp_path):
    runs, table = heads
    opened(table)
    assert run(*runs.values(), **{"class": "M1.0"}, output=tmp_path / "c") == 0
    scores, record = results(tmp_path / "c")
    assert record["class"] == "M1.0"
    # 100 of weight 1 reached it (to within rounding), 400 did not; the unknown ones count not.
    assert list(scores.loc["all samples"].index[4:]) == ["climatology", "persistence"]
    test = table[table["split"] == "test"]
    came = test["target"] >= M1
    brier = scores.loc["all samples", "brier"]
    expected = {
        "climatology": 0.2,
        "flux": test["guess"] >= M1,
        "gaussian": stats.norm.sf((M1 - test["guess"]) / 0.3),
        "class": 1 / 2.5,  # the second of C1.0, M1.0 and X1.0
    }
    for name, said in expected.items():
        said = np.broadcast_to(said, COUNT)
        assert brier[name] == pytest.approx(probability_skill.brier(came, said, test["weight"]))
    assert 0 < brier["quantiles"] < brier["flux"]
    assert brier["persistence"] == pytest.approx(np.average(came, weights=test["weight"]))
    assert scores.loc[("all samples", "flux"), "events"] == came.sum()


def test_fluxes_are_compared_as_numbers(heads, tmp_path):
    runs, table = heads
    chosen = [runs[head] for head in ("flux", "gaussian", "quantiles")]
    assert run(*chosen, output=tmp_path / "c") == 0
    scores, record = results(tmp_path / "c")
    test = table[table["split"] == "test"]
    rmse = flux_skill.errors(test["target"], test["guess"], test["weight"])["rmse"]
    # The quantile of 0.4 is the nearest to the middle, and here the mean itself.
    for head in ("flux", "gaussian", "quantiles"):
        assert scores.loc[("all samples", head), "rmse"] == pytest.approx(rmse)
    assert record["differences"]["flaring"]["gaussian against flux"]["rmse"]["value"] == 0
    assert scores.loc[("all samples", "climatology"), "skill"] == 0
    assert "threshold" not in scores


@pytest.mark.parametrize(
    ("groups", "count"),
    # The test samples are days 1341 to 1540 since 2010-05-01: 27-day blocks 49 to 57. Eight regions
    # of 20 samples each leave days 1501 to 1540, which lie in blocks 55, 56 and 57.
    [("blocks", 9), ("days", 200), ("regions", 11)],
)
def test_samples_are_drawn_in_groups(groups, count, flares, opened, tmp_path, capsys):
    good, _, table = flares
    regions = np.tile(np.repeat([1, 2, 3, 4, 5, 6, 7, 8, 0, 0], 20), 2)
    opened(table, regions=regions)
    assert run(good, groups=groups, output=tmp_path / "c") == 0
    assert f"from {count} {groups}\n" in capsys.readouterr().out


def test_too_few_groups_give_no_interval_and_say_so(flares, opened, tmp_path, capsys):
    good, _, table = flares
    opened(table, harps=np.ones(2 * COUNT, int))
    assert run(good, groups="harps", output=tmp_path / "c") == 0
    assert "from 1 harps; none of fewer than 5" in capsys.readouterr().out
    assert np.isnan(results(tmp_path / "c")[0].loc[("all samples", "network"), "tss_low"])


def test_groups_that_nobody_knows_are_refused(flares, opened, capsys):
    good, _, table = flares
    opened(table, harps=np.ones(2 * COUNT, int))
    assert run(good, groups="regions") == 1
    assert "one of ('blocks', 'days', 'harps')" in capsys.readouterr().err


def test_a_dataset_of_other_samples_is_refused(heads, opened, capsys):
    runs, table = heads
    opened(table.iloc[:-1])
    assert run(runs["flux"], **{"class": "M1.0"}) == 1
    assert "now gives other samples of test" in capsys.readouterr().err


def test_runs_of_another_task_or_of_other_samples_are_refused(flares, heads, tmp_path, capsys):
    good, _, table = flares
    other = {"unit": "probability", "experiment": "light_curve"}
    made = {
        "their units differ": heads[0]["flux"],
        "their fields threshold differ": write_run(
            tmp_path / "X", table=table, threshold=1e-4, **other
        ),
        "399 in place of 400": write_run(tmp_path / "short", table=table[1:], **other),
        "the column 'target' differs": write_run(
            tmp_path / "turned", table=table.assign(target=1 - table["target"]), **other
        ),
        "the column 'weight' differs": write_run(
            tmp_path / "even", table=table.drop(columns="weight"), **other
        ),
        "A run is named twice": good,
        "is no finished run": tmp_path,
    }
    for message, one in made.items():
        assert run(good, one) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("head", "options", "message"),
    [
        ("class", {}, "forecasts no flux. Expected --class"),
        ("class", {"class": "M5.0"}, "says nothing of M5.0"),
        ("flux", {"class": "Z1"}, "not a GOES flare class"),
    ],
)
def test_what_a_network_does_not_forecast(head, options, message, heads, opened, capsys):
    runs, table = heads
    opened(table)
    assert run(runs[head], **options) == 1
    assert message in capsys.readouterr().err


def test_a_class_of_probabilities_is_refused(flares, capsys):
    assert run(flares[0], **{"class": "M1.0"}) == 1
    assert "--class needs forecasts in log10(W / m2)" in capsys.readouterr().err
