"""The runner, on a small experiment: its run folder, its options and its numbers."""

import dataclasses
import json
import math
import re
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

from network_models import command_line, experiment, loading, model_summary, run_folder
from network_models import training_callbacks as written
from software_tests.small_runs import FOLDER, run
from tools import run_records


def test_the_run_folder_holds_what_it_promises(finished):
    for name in ("summary.txt", "config.py", "network.py", "provenance.json", "split.csv"):
        assert (finished / name).stat().st_size > 0
    epochs = [file.name for file in sorted((finished / "epochs").glob("*.keras"))]
    assert epochs == ["best.keras", "epoch_00002.keras", "epoch_00003.keras"]  # keep_epochs=2
    assert json.loads((finished / "config.json").read_text())["epochs"] == 3
    assert not list(finished.rglob("*.part*"))


def test_history_has_a_row_an_epoch_and_timing_stands_apart(finished):
    history = pd.read_csv(finished / "performance" / "history.csv")
    assert list(history["epoch"]) == [1, 2, 3]
    assert {"loss", "mae", "val_loss", "val_mae"} < set(history)
    timing = pd.read_csv(finished / "performance" / "timing.csv")
    assert list(timing["steps"]) == [2, 2, 2]


def test_scores_agree_with_the_forecasts_and_stand_beside_climatology(finished):
    scores = json.loads((finished / "performance" / "scores.json").read_text())
    table = pd.read_csv(finished / "performance" / "predictions.csv")
    test = table[table["split"] == "test"]
    error = test["forecast"] - test["target"]
    assert scores["test"]["network"]["mae"] == pytest.approx(error.abs().mean(), rel=1e-5)
    error = test["climatology"] - test["target"]
    assert scores["test"]["climatology"]["mae"] == pytest.approx(error.abs().mean(), rel=1e-5)


def test_load_gives_the_model_in_physical_units(finished):
    module = loading.load_module(FOLDER / "network.py")
    dataset = module.Roots(16)
    images = np.stack([dataset.image("test", i) for i in range(12)]).astype("float32")
    table = pd.read_csv(finished / "performance" / "predictions.csv")
    forecast = experiment.load(finished).predict({"images": images}, verbose=0)[:, 0]
    # The stored images carry up to 0.1 of chance on top, and the float16 root.
    wanted = table.loc[table["split"] == "test", "forecast"]
    assert np.corrcoef(forecast, wanted)[0, 1] > 0.99


def test_a_layer_of_the_experiments_own_is_found_again(tmp_path, monkeypatch):
    folder = tmp_path / "own"
    shutil.copytree(FOLDER, folder)
    code = (folder / "network.py").read_text()
    layer = (
        '@keras.saving.register_keras_serializable(package="own")\n'
        "class Doubled(layers.Layer):\n    def call(self, x):\n        return 2 * x\n\n\n"
    )
    code = code.replace("def build_dataset", layer + "def build_dataset")
    code = code.replace('inputs["images"])', 'Doubled()(inputs["images"]))')
    (folder / "network.py").write_text(code)
    (path,) = run(tmp_path / "runs", folder=folder)
    registered = keras.saving.get_custom_objects()
    for name in list(registered):
        monkeypatch.delitem(registered, name)  # as in a new process; other tests need them back
    assert "Doubled" in [type(layer).__name__ for layer in experiment.load(path).layers]


def test_a_copied_folder_uses_its_own_config(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    shutil.copytree(FOLDER, folder)
    text = (folder / "config.py").read_text()
    (folder / "config.py").write_text(text.replace("epochs=1", "epochs=2"))
    monkeypatch.chdir(tmp_path)
    (path,) = run(tmp_path / "runs", folder=folder)
    assert json.loads((path / "config.json").read_text())["epochs"] == 2


def test_seeds_make_one_run_each_and_the_same_seed_the_same_numbers(tmp_path, finished):
    second, again = run(tmp_path, "--seeds=2,1", "--epochs=3")
    history = [
        (path / "performance" / "history.csv").read_text() for path in (finished, second, again)
    ]
    assert history[0] == history[2] != history[1]


def test_weights_come_from_another_run_and_frozen_layers_stay(tmp_path, finished, capsys):
    (path,) = run(tmp_path, f"--weights={finished}", "--freeze=first")
    assert "Weights of 3 layers" in capsys.readouterr().out
    before, after = experiment.load(finished), experiment.load(path)
    kernels = [model.get_layer("first").kernel for model in (before, after)]
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, kernels))
    dense = [model.get_layer("brightness").kernel for model in (before, after)]
    assert np.any(np.not_equal(*map(keras.ops.convert_to_numpy, dense)))


def test_early_stopping_ends_training(tmp_path):
    (path,) = run(tmp_path, "--epochs=40", "--patience=1", "--learning_rate=0.0")
    history = pd.read_csv(path / "performance" / "history.csv")
    assert len(history) < 40
    best = history["val_loss"].idxmin()
    assert len(history) == best + 2  # one epoch without a better one


def test_the_plateau_lowers_the_learning_rate(tmp_path):
    module = loading.load_module(FOLDER / "network.py")

    def build_model(config, dataset):
        model = module.build_model(config, dataset)
        model.compile(keras.optimizers.SGD(1e-12), loss="mse")  # too slow to get better
        return model

    arguments = ("--epochs=4", "--plateau_patience=1", "--patience=0", "--freeze=first,batch*")
    (path,) = run(tmp_path, *arguments, build_model=build_model)
    rates = pd.read_csv(path / "performance" / "history.csv")["learning_rate"]
    # Noted before it is lowered: after epochs 2 and 3, by the default half.
    assert list(rates) == pytest.approx([1e-12, 1e-12, 0.5e-12, 0.25e-12])
    with pytest.raises(ValueError, match="learning-rate schedule, which a plateau cannot lower"):
        run(tmp_path, "--plateau_patience=1")


def test_a_loss_that_is_not_a_number_stops_the_run(tmp_path):
    module = loading.load_module(FOLDER / "network.py")

    class Broken(module.Roots):
        def target(self, split, index):
            return np.float32([np.nan])

    with pytest.raises(written.TrainingDivergedError, match=r"loss is nan in epoch 1, step 1"):
        run(tmp_path, build_dataset=lambda config: Broken(config.samples))


def test_evaluators_add_their_scores_and_undefined_ones_are_null(tmp_path, capsys):
    given = {"share": 0.25, "test tss": math.nan}
    (path,) = run(tmp_path, evaluators=[lambda model, dataset, config: given])

    def refuse(constant):
        raise ValueError(f"{constant} is no JSON")

    for file in path.rglob("*.json"):
        json.loads(file.read_text(), parse_constant=refuse)
    scores = json.loads((path / "performance" / "scores.json").read_text())
    assert scores["evaluators"] == {"share": 0.25, "test tss": None}
    assert math.isnan(run_records.scores(path)["evaluators"]["test tss"])
    assert "undefined" in capsys.readouterr().out


def test_mixed_precision_trains_and_leaves_the_policy_as_it_was(tmp_path):
    run(tmp_path, "--precision=mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"


def test_help_lists_every_option_and_field_with_its_meaning(tmp_path, capsys):
    assert run(tmp_path, "--help") == []
    printed = capsys.readouterr().out
    for field in dataclasses.fields(experiment.Config):
        assert re.search(rf"--{field.name}=\S* +\S.*\S", printed), field.name
    for option in command_line.OPTIONS:
        assert option in printed


def test_multiply_adds_by_hand():
    images = keras.Input((10, 12, 3))
    x = keras.layers.Conv2D(4, 3, padding="valid")(images)  # (8, 10, 4): 8*10*4*3*3*3 = 8640
    x = keras.layers.Flatten()(x)
    model = keras.Model(images, keras.layers.Dense(5)(x))  # 320*5 = 1600
    assert model_summary.multiply_adds(model) == 8640 + 1600


def test_a_second_run_in_the_same_second_gets_a_name_of_its_own(tmp_path):
    names = [run_folder.create(tmp_path).path.name for _ in range(3)]
    assert len(set(names)) == 3
