"""Scores of flare classes: the network beside its references, on all samples and quiet ones."""

import math
import types

import keras
import numpy as np
import pandas as pd
import pytest

from dataset_models.dataset import Dataset
from network_models import heads, threshold_scores
from tools import class_scores, intervals, probability_skill
from tools.class_scores import Outcomes
from tools.label_history import LARGEST_MINUTE
from tools.skill import contingency

COUNT = {"train": 60, "validation": 200, "test": 300}
CLASSES = ("C1.0", "M1.0")
INTERVALS = ("bss", "tss", "skill_over_it")


class Known(Dataset):
    """A dataset whose input is what the network says: probabilities to reach C1.0 and M1.0."""

    units = {"target": heads.LOG_FLUX}
    input_shape = {"said": (2,)}

    def __init__(self, highest=0.0, has_history=True):
        chance = np.random.default_rng(11)
        self.has_history = has_history
        self.log_flux, self.said, self.largest, self.weights = {}, {}, {}, {}
        for split, count in COUNT.items():
            log_flux = np.minimum(chance.normal(-5.5, 0.7, count), highest)
            log_flux[::17] = np.nan
            noisy = np.nan_to_num(log_flux, nan=-6) + chance.normal(0, 0.6, count)
            logit = 3 * (noisy[:, None] - np.array([-6, -5]))
            self.log_flux[split], self.said[split] = log_flux, 1 / (1 + np.exp(-logit))
            self.largest[split] = chance.normal(-5.7, 0.7, count)
            self.largest[split][::5] = np.nan
            self.weights[split] = chance.uniform(0.5, 2, count)

    def size(self, split):
        return COUNT[split]

    def sample(self, split, index, rng):
        target = self.log_flux[split][index : index + 1].astype("float32")
        return {"said": self.said[split][index]}, target, np.float32(1)

    def describe(self, split, index):
        time = np.datetime64("2014-01-01") + np.timedelta64(int(index), "D")
        return {"id": f"{split} {index}", "time": time}

    def sample_weights(self, split):
        return self.weights[split]

    def history(self, split):
        return pd.DataFrame({LARGEST_MINUTE: self.largest[split]}) if self.has_history else None

    def class_baselines(self, split, log_threshold):
        before = np.nan_to_num(self.largest[split], nan=-9)
        found = {"persistence": (before >= log_threshold).astype(float)}
        if split == "test":
            found["known in test alone"] = np.full(COUNT[split], 0.25)
        return found


@pytest.fixture(scope="module")
def model():
    """A network that says what it is given."""
    said = keras.Input((2,), name="said")
    return keras.Model({"said": said}, keras.layers.Identity()(said))


def settings(**changes):
    fields = {"head": "class", "thresholds": CLASSES, "threshold_scale": "physical", "levels": ()}
    fields |= {"calibration": "temperature", "batch_size": 64, "seed": 1, "workers": 1}
    return types.SimpleNamespace(**fields | changes)


def evaluated(model, dataset, **changes):
    return threshold_scores.evaluate(model, dataset, settings(**changes))


def outcomes(dataset, split, threshold):
    log_flux = dataset.log_flux[split]
    came = np.where(np.isnan(log_flux), np.nan, log_flux >= threshold)
    return Outcomes(came, dataset.weights[split])


def test_the_network_s_scores_are_those_of_its_probabilities(model):
    dataset = Known()
    found = evaluated(model, dataset)
    rate = outcomes(dataset, "train", -5).counts()["frequency"]
    said = {split: dataset.said[split][:, 1].astype("float32") for split in COUNT}
    choice = class_scores.choose(
        outcomes(dataset, "validation", -5), said["validation"], "temperature"
    )
    test = outcomes(dataset, "test", -5)
    expected = class_scores.scores(test, said["test"], choice, rate)
    for name, number in expected.items():
        assert found[f"test M1.0 network {name}"] == pytest.approx(number, abs=1e-6)
    expected = class_scores.calibrated_scores(test, said["test"], choice, rate)
    assert found["test M1.0 network calibrated brier"] == pytest.approx(expected["brier"])
    assert found["test M1.0 events"] == np.nansum(test.came)
    assert found["test M1.0 samples"] == 300 - 18  # 18 of each 300 are unknown
    assert found["test M1.0 frequency"] == test.counts()["frequency"]


def test_references_stand_on_the_same_samples(model):
    dataset = Known()
    found = evaluated(model, dataset)
    test = outcomes(dataset, "test", -6)
    persistence = dataset.class_baselines("test", -6)["persistence"]
    known = np.isfinite(test.came)
    brier = np.average((persistence - test.came)[known] ** 2, weights=test.weight[known])
    assert found["test C1.0 persistence brier"] == pytest.approx(brier)
    network = found["test C1.0 network brier"]
    assert found["test C1.0 persistence skill_over_it"] == pytest.approx(1 - network / brier)
    assert found["test C1.0 climatology bss"] == 0
    assert found["test C1.0 climatology tss"] == 0
    assert found["test C1.0 climatology skill_over_it"] == found["test C1.0 network bss"]
    assert not any("persistence calibrated" in name for name in found)


def test_a_reference_that_validation_does_not_know_has_no_threshold(model):
    found = evaluated(model, Known())
    assert math.isnan(found["test C1.0 known in test alone tss"])
    assert np.isfinite(found["test C1.0 known in test alone brier"])


def test_after_a_quiet_day_the_thresholds_are_those_of_all_samples(model):
    dataset = Known()
    found = evaluated(model, dataset)
    quiet = dataset.largest["test"] < -5  # NaN, unknown, is not quiet
    part = outcomes(dataset, "test", -5).part(quiet)
    validation = outcomes(dataset, "validation", -5)
    said = dataset.said["validation"][:, 1].astype("float32")
    choice = class_scores.choose(validation, said)
    said = dataset.said["test"][quiet, 1].astype("float32")
    own_rate = part.counts()["frequency"]
    for name, number in class_scores.scores(part, said, choice, own_rate).items():
        assert found[f"test M1.0 after a quiet day, network {name}"] == pytest.approx(number)
    assert found["test M1.0 after a quiet day events"] == np.nansum(part.came)
    assert found["test M1.0 after a quiet day frequency"] == own_rate
    assert 0 < part.counts()["samples"] < found["test M1.0 samples"]
    assert found["test M1.0 after a quiet day, persistence tss"] == 0
    # It never warns there; one that always does would have the same TSS.
    alarms = dataset.class_baselines("test", -5)["persistence"][quiet]
    alarms = alarms >= found["test M1.0 after a quiet day, persistence threshold"]
    assert contingency(part.came, alarms, part.weight).pod == 0


def test_parts_are_scored_with_the_thresholds_of_all_samples(model, monkeypatch):
    dataset = Known()
    limb = {split: np.arange(count) % 3 == 0 for split, count in COUNT.items()}
    parts = {split: {"limb": limb[split], "class M": limb[split]} for split in COUNT}
    monkeypatch.setattr(dataset, "subsets", parts.get)
    found = evaluated(model, dataset)
    choice = class_scores.choose(
        outcomes(dataset, "validation", -5), dataset.said["validation"][:, 1].astype("float32")
    )
    part = outcomes(dataset, "test", -5).part(limb["test"])
    said = dataset.said["test"][limb["test"], 1].astype("float32")
    expected = class_scores.scores(part, said, choice, part.counts()["frequency"])
    for name, number in expected.items():
        assert found[f"test M1.0 (limb), network {name}"] == pytest.approx(number)
    assert found["test M1.0 (limb) events"] == np.nansum(part.came)
    assert "test M1.0 (limb), persistence tss" in found
    assert not any("class M" in name for name in found)  # told apart by what came


def test_main_scores_of_the_last_split_have_intervals(model):
    dataset = Known()
    found = evaluated(model, dataset)
    # Days 0 to 299 since 2014-01-01, which is day 1341 since 2010-05-01: blocks 49 to 60.
    assert found["test M1.0 blocks"] == 12
    for name in ("network bss", "network tss", "persistence skill_over_it"):
        low, high = (found[f"test M1.0 {name}_{end}"] for end in ("low", "high"))
        assert low < found[f"test M1.0 {name}"] < high
    test = outcomes(dataset, "test", -5)
    said = dataset.said["test"][:, 1].astype("float32")
    other = dataset.class_baselines("test", -5)["persistence"]
    blocks = (1341 + np.arange(300)) // 27

    def skill(i):
        return probability_skill.brier_skill(test.came[i], said[i], other[i], test.weight[i])

    expected = intervals.bootstrap(skill, blocks)
    assert found["test M1.0 persistence skill_over_it_low"] == pytest.approx(expected.low)
    assert found["test M1.0 persistence skill_over_it_high"] == pytest.approx(expected.high)
    others = [name for name in found if name.endswith("_low")]
    assert all(name.startswith("test ") and "quiet" not in name for name in others)


def test_events_in_one_block_give_no_interval_of_the_tss(model):
    dataset = Known()
    log_flux = dataset.log_flux["test"]
    block = (1341 + np.arange(300)) // 27 == 50
    log_flux[:] = np.where(block, log_flux, np.minimum(log_flux, -5.1))
    found = evaluated(model, dataset)
    # One block of twelve is left out of (11 / 12)**12 = 35 % of the draws.
    assert np.isfinite(found["test M1.0 network tss"])
    assert math.isnan(found["test M1.0 network tss_low"])
    assert np.isfinite(found["test M1.0 network bss_low"])


def test_few_blocks_give_no_intervals(model, monkeypatch):
    dataset = Known()
    once = {"id": "all", "time": np.datetime64("2014-01-01")}
    monkeypatch.setattr(dataset, "describe", lambda split, index: once)
    found = evaluated(model, dataset)
    assert found["test M1.0 blocks"] == 1
    assert math.isnan(found["test M1.0 network bss_low"])
    assert np.isfinite(found["test M1.0 network bss"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"thresholds": ("M1.0", "C1.0")}, "The thresholds do not rise"),
        ({"thresholds": ("Z9",)}, "not a GOES flare class"),
        ({"threshold_scale": "kelvin"}, "no scale 'kelvin'"),
        ({"calibration": "magic"}, "There is no calibration 'magic'. Expected one of .*isotonic"),
    ],
)
def test_what_could_not_be_scored_is_refused_before_training(changes, message):
    with pytest.raises(ValueError, match=message):
        threshold_scores.evaluate.check(Known(), settings(**changes))
    other = types.SimpleNamespace(units={"target": "dex"})
    threshold_scores.evaluate.check(other, settings(**changes))  # which is not scored


def test_without_a_history_there_are_no_quiet_days(model):
    found = evaluated(model, Known(has_history=False))
    assert not any("quiet" in name for name in found)
    assert "test M1.0 network tss" in found


def test_rows_come_by_split_and_the_last_word_is_the_score(model):
    found = evaluated(model, Known())
    splits = [name.split(" ")[0] for name in found]
    assert splits == sorted(splits, reverse=True)  # validation, then test
    last = {name.rpartition(" ")[2] for name in found}
    of_forecasts = {"brier", "bss", "roc_area", "tss", "hss", "threshold", "skill_over_it"}
    bounds = {f"{name}_{end}" for name in INTERVALS for end in ("low", "high")}
    of_class = {"samples", "events", "frequency", "blocks"}
    assert last == of_forecasts | of_class | bounds | {"temperature"}
    calibrated = [name for name in found if name.endswith("temperature")]
    assert calibrated == [
        f"{split} {name}{part} network calibrated temperature"
        for split in ("validation", "test")
        for name in CLASSES
        for part in ("", " after a quiet day,")
    ]


@pytest.mark.parametrize("name", ["M1.0 network", "M1.0 network calibrated"])
def test_what_validation_chose_is_told(model, name):
    dataset = Known()
    found = evaluated(model, dataset, calibration="platt")
    said = {split: dataset.said[split][:, 1].astype("float32") for split in COUNT}
    choice = class_scores.choose(outcomes(dataset, "validation", -5), said["validation"], "platt")
    numbers = choice.calibrate.numbers
    told = numbers if name.endswith("calibrated") else {"threshold": choice.threshold}
    for split in ("validation", "test"):
        for number, value in told.items():
            assert found[f"{split} {name} {number}"] == pytest.approx(value, rel=1e-5)


def test_test_changes_nothing_that_validation_chose(model):
    dataset = Known()
    before = evaluated(model, dataset)
    dataset.log_flux["test"] = -11 - dataset.log_flux["test"]
    after = evaluated(model, dataset)
    for name, number in before.items():
        if name.startswith("validation"):
            assert after[name] == number


def test_without_events_scores_are_undefined_and_not_0(model):
    found = evaluated(model, Known(highest=-5.1))
    assert found["test M1.0 events"] == 0
    for score in ("tss", "hss", "roc_area", "bss"):
        assert math.isnan(found[f"test M1.0 network {score}"])
    assert math.isnan(found["test M1.0 network calibrated brier"])
    assert found["test M1.0 network brier"] > 0
    assert np.isfinite(found["test C1.0 network tss"])


def test_forecasts_that_are_nan_have_no_score(model):
    dataset = Known()
    dataset.said["test"][3] = np.nan
    found = evaluated(model, dataset)
    for score in ("brier", "bss", "roc_area", "tss", "hss", "calibrated brier"):
        assert math.isnan(found[f"test C1.0 network {score}"])
    assert math.isnan(found["test C1.0 persistence skill_over_it"])
    assert np.isfinite(found["test C1.0 persistence brier"])


def test_other_targets_are_not_scored(model):
    dataset = Known()
    dataset.units = {"target": "dex"}
    assert evaluated(model, dataset) == {}


def test_one_forecast_alone():
    """As the ensemble of several seeds is scored."""
    chance = np.random.default_rng(5)
    said = {split: chance.uniform(0, 1, 200) for split in ("validation", "test")}
    came = {split: (chance.random(200) < one).astype(float) for split, one in said.items()}
    found = threshold_scores.of_class(came, said, 0.5, "isotonic")["test"]
    assert found["brier"] == probability_skill.brier(came["test"], said["test"])
    assert found["events"] == came["test"].sum()
    assert np.isfinite(found["brier calibrated"])
    assert "temperature" not in found


def test_one_forecast_of_samples_that_count_differently():
    chance = np.random.default_rng(6)
    said = {split: chance.uniform(0, 1, 100) for split in ("validation", "test")}
    came = {split: (chance.random(100) < one).astype(float) for split, one in said.items()}
    counts = {split: chance.integers(0, 4, 100) for split in said}
    many = [{split: np.repeat(one[split], counts[split]) for split in said} for one in (came, said)]
    found = threshold_scores.of_class(came, said, 0.4, "platt", counts)
    expected = threshold_scores.of_class(*many, 0.4, "platt")
    for split in said:
        ours = {name: number for name, number in found[split].items() if name != "events"}
        theirs = {name: number for name, number in expected[split].items() if name != "events"}
        assert ours == pytest.approx(theirs, rel=1e-3)


def test_test_chooses_no_threshold():
    came = {"test": np.array([0, 1.0])}
    with pytest.raises(ValueError, match=r"Expected forecasts of the validation.*\['test'\]"):
        threshold_scores.of_class(came, {"test": np.array([0.1, 0.2])}, 0.5, "none")
    # Whatever comes first.
    both = {"test": np.array([0.1, 0.9]), "validation": np.array([0.4, 0.6])}
    came = {"test": np.array([1, 0.0]), "validation": np.array([0, 1.0])}
    found = threshold_scores.of_class(came, both, 0.5, "none")
    assert found["test"]["threshold"] == 0.6
    assert "brier calibrated" not in found["test"]
