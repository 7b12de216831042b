"""The runner, on a small experiment: options, run folder, refusals."""

import dataclasses
import json
import pathlib
import re
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

from network_models import command_line, experiment, loading, model_summary, run_folder
from network_models import training_callbacks as written

FOLDER = pathlib.Path(__file__).parent / "small_experiment"


def run(output, *arguments, folder=FOLDER, **changes):
    module = loading.load_module(folder / "network.py")
    parts = {"build_dataset": module.build_dataset, "build_model": module.build_model, **changes}
    tiny = [] if any(argument.startswith("--resume") for argument in arguments) else ["--tiny"]
    return experiment.run(
        folder / "network.py", arguments=[f"--output={output}", *tiny, *arguments], **parts
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    (path,) = run(tmp_path_factory.mktemp("runs"), "--epochs=3")
    return path


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


def test_seeds_make_one_run_each_and_the_same_seed_the_same_numbers(tmp_path):
    first, second = run(tmp_path / "a", "--seeds=1,2")
    (again,) = run(tmp_path / "b", "--seed=1")
    history = [
        (path / "performance" / "history.csv").read_text() for path in (first, second, again)
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


def test_evaluators_add_their_scores(tmp_path):
    (path,) = run(tmp_path, evaluators=[lambda model, dataset, config: {"share": 0.25}])
    scores = json.loads((path / "performance" / "scores.json").read_text())
    assert scores["evaluators"] == {"share": 0.25}


def test_mixed_precision_trains_and_leaves_the_policy_as_it_was(tmp_path):
    run(tmp_path, "--precision=mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"


# --- resuming: what is refused ---


@pytest.fixture
def unfinished(tmp_path, finished):
    """A run of a copied experiment that was cut after training."""
    folder = tmp_path / "experiment"
    shutil.copytree(FOLDER, folder)
    (path,) = run(folder / "trained_models", folder=folder)
    record = json.loads((path / "provenance.json").read_text())
    record["stages"] = {"training": record["stages"]["training"]}
    (path / "provenance.json").write_text(json.dumps(record))
    return path


def resume(folder, *arguments):
    return run(folder / "trained_models", "--resume", *arguments, folder=folder)


def test_resume_takes_the_newest_unfinished_run_and_ends_it(unfinished):
    before = (unfinished / "performance" / "predictions.csv").read_text()
    assert resume(unfinished.parents[1]) == [unfinished]
    assert (unfinished / "performance" / "predictions.csv").read_text() == before
    with pytest.raises(FileNotFoundError, match="no unfinished run"):
        resume(unfinished.parents[1])


def test_resume_goes_on_to_more_epochs_but_not_to_fewer(unfinished):
    resume(unfinished.parents[1], "--epochs=3")  # its training was done
    assert len(pd.read_csv(unfinished / "performance" / "history.csv")) == 3
    assert json.loads((unfinished / "config.json").read_text())["epochs"] == 3
    with pytest.raises(ValueError, match="can't have fewer epochs"):
        run(unfinished.parent, f"--resume={unfinished.name}", "--epochs=2",
            folder=unfinished.parents[1])  # fmt: skip


def test_a_resumed_run_has_the_weights_that_it_was_started_with(tmp_path, finished, monkeypatch):
    def killed(*arguments):
        raise KeyboardInterrupt

    folder = tmp_path / "experiment"
    shutil.copytree(FOLDER, folder)
    with monkeypatch.context() as patch:  # killed before the first step
        patch.setattr(experiment, "_finish", killed)
        with pytest.raises(KeyboardInterrupt):
            run(folder / "trained_models", f"--weights={finished}", "--learning_rate=0.0",
                folder=folder)  # fmt: skip
    (path,) = resume(folder)
    kernels = [experiment.load(one).get_layer("first").kernel for one in (finished, path)]
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, kernels))


def test_a_run_that_is_being_worked_on_is_left_alone(unfinished):
    with (
        run_folder.RunFolder(unfinished).locked(),
        pytest.raises(BlockingIOError, match="Another process is working on"),
    ):
        resume(unfinished.parents[1])


def test_a_missing_best_model_is_named_with_the_way_out(unfinished):
    (unfinished / "epochs" / "best.keras").unlink()
    with pytest.raises(FileNotFoundError, match=r"Copy one of the epoch_\*\.keras beside it"):
        resume(unfinished.parents[1])


def test_resume_refuses_other_settings_and_shows_them(unfinished):
    with pytest.raises(ValueError, match=r"can't be resumed(?s:.*)--dropout: 0.3 then, 0.5 now"):
        resume(unfinished.parents[1], "--dropout=0.5")


def test_resume_refuses_changed_code_and_shows_it(unfinished):
    file = unfinished.parents[1] / "network.py"
    file.write_text(file.read_text().replace('"relu"', '"gelu"'))
    with pytest.raises(ValueError, match=r"(?s)network.py \(then\).*-.*relu.*\+.*gelu"):
        resume(unfinished.parents[1])


def test_resume_refuses_other_samples(unfinished):
    record = json.loads((unfinished / "provenance.json").read_text())
    (unfinished / "provenance.json").write_text(json.dumps({**record, "dataset": "another"}))
    with pytest.raises(ValueError, match="the dataset: other samples"):
        resume(unfinished.parents[1])


def test_resume_refuses_a_run_of_another_folder(unfinished, tmp_path):
    shutil.copytree(unfinished.parents[1], tmp_path / "copy")
    with pytest.raises(ValueError, match="is a run of another experiment"):
        resume(tmp_path / "copy")


def test_resume_names_a_run_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run 'never'"):
        run(tmp_path, "--resume=never")


def test_a_broken_state_is_refused(unfinished):
    record = json.loads((unfinished / "provenance.json").read_text())
    (unfinished / "provenance.json").write_text(json.dumps({**record, "stages": {}}))
    (unfinished / "epochs" / "state.npz").write_bytes(b"half a state")
    with pytest.raises(ValueError, match="not a state of training"):
        resume(unfinished.parents[1])


# --- bad input ---


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--epoch=3", r"Did you mean --epochs\?"),
        ("--resum", r"Did you mean --resume\?"),
        ("--epochs=many", "--epochs does not take 'many'. Expected int"),
        ("--seeds=one", "does not list seeds"),
        ("--weights=", "has no value"),
        ("--batch_size=17", "A batch is larger than the train split. Expected batch_size of at"),
        ("--batch_size=0", "The field batch_size does not fit"),
        ("--samples=0", "The train split is empty"),
        ("--freeze=nothing", "No layer is called 'nothing'"),
        ("--epochs=0", "The field epochs does not fit. Expected 1 to inf"),
        ("--checkpoint_steps=0", "The field checkpoint_steps does not fit"),
        ("--explained_samples=-1", "The field explained_samples does not fit"),
        ("--plateau_factor=2.0", "The field plateau_factor does not fit"),
        ("--precision=float64", "The field precision does not fit. Expected one of"),
        ("--monitor=val_tss", "no number 'val_tss' to monitor"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(tmp_path, argument, message):
    with pytest.raises(ValueError, match=message):
        run(tmp_path / "runs", argument)
    assert not list(tmp_path.rglob("*.keras"))


def test_resume_takes_no_other_start(tmp_path):
    with pytest.raises(ValueError, match="Expected no --tiny beside it"):
        command_line.parse(["--resume", "--tiny"], tmp_path)


def test_a_network_that_cannot_train_is_refused(tmp_path):
    with pytest.raises(TypeError, match="build_model did not give a network that can train"):
        run(tmp_path, build_model=lambda config, dataset: None)


def test_a_number_of_validation_that_is_missing_stops_the_run(tmp_path):
    module = loading.load_module(FOLDER / "network.py")

    class Broken(module.Roots):
        def target(self, split, index):
            return super().target(split, index) * (np.nan if split == "validation" else 1)

    with pytest.raises(written.TrainingDivergedError, match=r"val_loss is nan in epoch 1\."):
        run(tmp_path, build_dataset=lambda config: Broken(config.samples))


def test_an_empty_validation_split_is_refused_before_training(tmp_path):
    module = loading.load_module(FOLDER / "network.py")

    def build_dataset(config):
        dataset = module.Roots(config.samples)
        dataset.sizes["test"] = 0
        return dataset

    with pytest.raises(ValueError, match="The test split is empty"):
        run(tmp_path / "runs", build_dataset=build_dataset)
    assert not (tmp_path / "runs").exists()


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "model.keras").write_text("<html>not found</html>")
    with pytest.raises(ValueError, match="is not a Keras model"):
        experiment.load(tmp_path / "model.keras")
    with pytest.raises(FileNotFoundError, match="There is no model at"):
        experiment.load(tmp_path / "none.keras")


def test_weights_of_a_network_that_shares_no_layer_are_refused(tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1, name="other")(inputs))
    model.save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match=r"No layer of .* fits this network"):
        run(tmp_path, f"--weights={tmp_path / 'other.keras'}")


def test_a_folder_without_config_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Expected config.py beside network.py"):
        loading.load_config(tmp_path)
    text = (FOLDER / "config.py").read_text()
    (tmp_path / "config.py").write_text(text.replace("epochs=5", "epocs=5"))
    with pytest.raises(TypeError, match=r"does not make a config.*'epocs'"):
        loading.load_config(tmp_path)
    (tmp_path / "config.py").write_text("config = 3\n")
    with pytest.raises(AttributeError, match="has no 'config'"):
        loading.load_config(tmp_path)


# --- parts ---


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
