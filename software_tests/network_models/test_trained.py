"""Finished runs, found and opened again."""

import dataclasses
import json
import pathlib
import re
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

from network_models import evaluation, experiment, finished_runs, loading, score_tables, trained
from network_models.finished_runs import find_model
from network_models.trained import open_run

FOLDER = pathlib.Path(__file__).parent / "small_experiment"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with two finished runs, the second with another seed."""
    folder = tmp_path_factory.mktemp("small") / "trained_models"
    module = loading.load_module(FOLDER / "network.py")
    experiment.run(
        FOLDER / "network.py",
        build_dataset=module.build_dataset,
        build_model=module.build_model,
        arguments=[f"--output={folder}", "--tiny", "--explained_samples=0", "--seeds=1,2"],
    )
    return folder


@pytest.fixture(scope="module")
def first(runs):
    return sorted(runs.iterdir())[0]


def test_a_run_is_found_by_path_name_experiment_or_age(runs, first):
    newest = sorted(runs.iterdir())[-1] / "epochs" / "best.keras"
    epoch = first / "epochs" / "epoch_00001.keras"
    assert find_model(str(first)) == first / "epochs" / "best.keras"
    assert find_model(str(epoch)) == epoch
    assert find_model(first.name, runs) == first / "epochs" / "best.keras"
    assert find_model(str(runs.parent)) == newest
    assert find_model(runs=runs) == newest
    assert finished_runs.run_of(epoch) == first


def test_an_unfinished_run_is_not_the_newest_but_opens_by_name(runs, first, tmp_path):
    shutil.copytree(first, tmp_path / "20100101-000000")
    later = shutil.copytree(first, tmp_path / "20990101-000000")
    record = json.loads((later / "provenance.json").read_text())
    del record["stages"]["explanations"]
    (later / "provenance.json").write_text(json.dumps(record))
    assert find_model(runs=tmp_path).parents[1].name == "20100101-000000"
    assert open_run(later.name, runs=tmp_path).folder == later


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("2099", r"no run or model '2099'.*Expected a run folder"),
        ("20100101-00000", r"Did you mean 20100101-000000\?"),
        ("20100101-000000", r"Several runs are called.*Give its path"),
    ],
)
def test_a_name_that_says_nothing_certain_is_refused(first, tmp_path, named, words):
    for experiment_folder in ("a", "b"):
        shutil.copytree(first, tmp_path / experiment_folder / "20100101-000000")
    with pytest.raises(FileNotFoundError, match=words):
        find_model(named, tmp_path)


def test_no_run_at_all_is_said_with_the_way_to_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no finished run below .*0 are unfinished.*Train"):
        find_model(runs=tmp_path)
    (tmp_path / "provenance.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"has no model yet.*first epoch"):
        find_model(str(tmp_path))


def test_a_model_outside_a_run_has_no_dataset(first, tmp_path):
    alone = shutil.copy(first / "epochs" / "best.keras", tmp_path / "alone.keras")
    with pytest.raises(ValueError, match=r"alone.keras lies in no run.*Name a run"):
        open_run(str(alone))


def test_a_run_opens_with_its_own_files_and_scores_as_it_did(first):
    run = open_run(str(first))
    recorded = json.loads((first / "performance" / "scores.json").read_text())
    received = evaluation.write_results(
        first / "again", run.scored_model(), run.dataset, run.config, run.splits()
    )
    assert received == recorded
    for name in ("scores.json", "predictions.csv"):
        written = (first / "again" / name).read_bytes()
        assert written == (first / "performance" / name).read_bytes()
    assert run.target_unit == "DN / s"
    assert run.caveats(run.splits()) == ()
    shutil.rmtree(first / "again")


def test_a_run_keeps_its_own_config_where_the_experiment_has_moved_on(first, tmp_path):
    copy = shutil.copytree(first, tmp_path / "run")
    text = (copy / "config.py").read_text()
    (copy / "config.py").write_text(text.replace("samples=16", "samples=99"))
    assert open_run(str(copy)).config.samples == 16  # as config.json recorded it
    assert open_run(str(copy), ["samples=24"]).config.samples == 24
    assert open_run(str(copy), ["samples=24"]).dataset.size("train") == 24


def test_the_training_split_is_scored_whole_and_in_order(first, tmp_path):
    run = open_run(str(first), ["samples=21"])  # no multiple of the batch of 8
    parts = (run.scored_model(), run.dataset, run.config, ["train"])
    evaluation.write_results(tmp_path, *parts)
    table = pd.read_csv(tmp_path / "predictions.csv")
    assert list(table["id"]) == [f"train_{i}" for i in range(21)]
    images = np.stack([run.dataset.sample("train", i, chance(i))[0]["images"] for i in range(21)])
    wanted = run.model().predict({"images": np.square(images.astype("float32"))}, verbose=0)[:, 0]
    np.testing.assert_allclose(table["forecast"], wanted, rtol=1e-5)


def chance(index):
    """The generator that `Batches` gives a sample in its first epoch, with seed 1."""
    return np.random.default_rng([1, 0, index])


def test_what_was_trained_on_and_other_data_are_told(first):
    run = open_run(str(first))
    assert run.caveats(["train"]) == (
        "TRAINED ON: the network learnt from 16 of the 16 samples of train.",
    )
    # Two training days were moved into the record of validation: the rest is near training.
    table = pd.read_csv(first / "split.csv")
    other = dataclasses.replace(run)
    other.__dict__["dataset"] = Moved(run.dataset)
    (told,) = other.caveats(["validation"])
    assert told == (
        "OTHER DATA: these samples or settings are not those of the run; validation comes within "
        "36.0 h of samples that were trained on."
    )
    assert len(table) == 48


class Moved:
    """A dataset whose validation follows the last training day, 16 January 2014, by 36 hours."""

    splits = ("train", "validation", "test")

    def __init__(self, dataset):
        self.table = dataset.split_table()
        times = self.table.loc[self.table["split"] == "validation", "time"]
        shift = times.min() - pd.Timestamp("2014-01-17T12:00")
        self.table.loc[self.table["split"] == "validation", "time"] = times - shift

    def split_table(self):
        return self.table

    def fingerprint(self):
        return "another"


def test_splits_are_those_not_trained_on_unless_named(first):
    run = open_run(str(first))
    assert run.splits() == ("validation", "test")
    assert run.splits(["all"]) == ("train", "validation", "test")
    assert run.splits(["test"]) == ("test",)
    with pytest.raises(ValueError, match=r"no split 'tset'.*or all. Did you mean test\?"):
        run.splits(["tset"])


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("sampels=3", r"Did you mean --samples\?.*Here it is --set FIELD=VALUE"),
        ("samples=many", r"--samples does not take 'many'.*--set"),
        ("batch_size=0", r"batch_size does not fit"),
    ],
)
def test_fields_that_do_not_fit_are_refused(first, field, words):
    with pytest.raises(ValueError, match=words):
        open_run(str(first), [field])


def test_a_dataset_of_another_shape_is_refused(first):
    run = open_run(str(first))
    run.dataset.input_shape = {"images": (16, 16, 2)}
    try:
        with pytest.raises(
            ValueError, match=r"does not take.*\(8, 8, 2\).*Received.*\(16, 16, 2\)"
        ):
            run.scored_model()
    finally:
        del run.dataset.input_shape


def test_a_model_without_a_loss_cannot_be_scored(tmp_path):
    inputs = keras.Input((3,))
    file = tmp_path / "bare.keras"
    keras.Model(inputs, keras.layers.Dense(1)(inputs)).save(file)
    assert isinstance(loading.load(file), keras.Model)
    with pytest.raises(ValueError, match=r"bare.keras holds no loss.*compile"):
        loading.load(file, compiled=True)


def test_a_loss_of_the_experiments_own_need_not_be_registered(first, tmp_path):
    copy = shutil.copytree(first, tmp_path / "run")
    own = "def own_loss(target, forecast):\n    return keras.ops.abs(target - forecast)\n"
    (copy / "network.py").write_text((first / "network.py").read_text() + own)
    model = loading.load(first)
    model.compile("adam", loss=loading.load_module(copy / "network.py").own_loss)
    model.save(copy / "epochs" / "best.keras")
    with pytest.raises(ValueError, match=r"not known here: Could not locate function 'own_loss'"):
        loading.load(copy, compiled=True)
    run = open_run(str(copy))
    scores = evaluation.write_results(
        tmp_path, run.scored_model(), run.dataset, run.config, ["test"]
    )
    table = pd.read_csv(tmp_path / "predictions.csv")
    error = (table["target"] - table["forecast"]).abs().mean()
    assert scores["test"]["network"]["loss"] == pytest.approx(error, rel=1e-5)


def test_evaluators_are_those_that_network_py_names(first, tmp_path):
    copy = shutil.copytree(first, tmp_path / "run")
    own = "EVALUATORS = [lambda model, dataset, config: {'samples': dataset.size('test')}]\n"
    (copy / "network.py").write_text((first / "network.py").read_text() + own)
    run = open_run(str(copy))
    parts = (tmp_path, run.scored_model(), run.dataset, run.config, ["test"], run.evaluators)
    scores = evaluation.write_results(*parts)
    assert scores["evaluators"] == {"samples": 12.0}
    assert re.search(r"evaluators.*\n +samples\n +12", score_tables.text(tmp_path))
    assert open_run(str(first)).evaluators == ()


def test_any_depth_of_free_sides_fits():
    inputs = {"images": keras.Input((None, None, 2), name="images")}
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs["images"]))
    dataset = type("Any", (), {"input_shape": {"images": (8, 16, 2)}})
    trained.check_inputs(model, dataset)
    dataset.input_shape = {"images": (8, 16, 3)}
    with pytest.raises(ValueError, match=re.escape("{'images': (None, None, 2)}")):
        trained.check_inputs(model, dataset)
