"""What the runner refuses, before and during training."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from network_models import command_line, experiment, loading, refusals
from network_models import training_callbacks as written
from software_tests.small_runs import FOLDER, run
from tools import tools


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--epoch=3", r"Did you mean --epochs\?"),
        ("--resum", r"Did you mean --resume\?"),
        ("--epochs=many", "--epochs does not take 'many'. Expected int"),
        ("--seeds=one", "does not list seeds"),
        ("--seeds=1,2,1", "does not list seeds. Expected whole numbers, each once"),
        ("--seeds=1,-1", "The field seed does not fit"),
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
    assert not list(tmp_path.iterdir())


def test_resume_takes_no_other_start(tmp_path):
    with pytest.raises(ValueError, match="Expected no --tiny beside it"):
        command_line.parse(["--resume", "--tiny"], tmp_path)


def test_a_network_that_cannot_train_is_refused(tmp_path):
    with pytest.raises(TypeError, match="build_model did not give a network that can train"):
        run(tmp_path, build_model=lambda config, dataset: None)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_learning_rate_that_climbs_is_refused(tmp_path, precision):
    with pytest.raises(ValueError, match=r"Expected a learning rate above 0. Received: -0.001"):
        run(
            tmp_path / "runs",
            "--cosine=False",
            "--learning_rate=-0.001",
            f"--precision={precision}",
        )
    assert not (tmp_path / "runs").exists()


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


@pytest.mark.parametrize("value", [float("nan"), (1.0, float("inf"))])
def test_numbers_that_config_json_cannot_hold_are_refused(value):
    with pytest.raises(ValueError, match=r"class_edges does not fit\. Expected finite numbers"):
        experiment.check_values(experiment.Config(class_edges=value))


def start(monkeypatch, folder, *arguments, **changes):
    """Runs the small experiment as its network.py does when it is a script."""
    monkeypatch.setattr(sys, "argv", ["network.py", f"--output={folder}", "--tiny", *arguments])
    module = loading.load_module(FOLDER / "network.py")
    parts = {"build_dataset": module.build_dataset, "build_model": module.build_model, **changes}
    return experiment.run(FOLDER / "network.py", **parts)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--epoch=3", "Did you mean --epochs?"),
        ("--samples=0", "The train split is empty"),
        ("--weights=nowhere", "There is no model at nowhere"),
    ],
)
def test_what_the_house_refuses_ends_a_script_with_its_message(
    tmp_path, monkeypatch, argument, message
):
    with pytest.raises(SystemExit) as ended:
        start(monkeypatch, tmp_path, argument)
    assert message in ended.value.code  # a text: Python writes it to stderr, with status 1


def test_errors_of_libraries_and_accidents_keep_their_traceback(tmp_path, monkeypatch):
    def too_few_filters(config, dataset):
        return keras.layers.Conv2D(0, 3)

    with pytest.raises(ValueError, match="Expected a strictly positive value"):
        start(monkeypatch, tmp_path, build_model=too_few_filters)
    with pytest.raises(ZeroDivisionError):
        start(monkeypatch, tmp_path, build_dataset=lambda config: 1 / 0)


def test_an_accident_in_a_line_of_the_house_is_no_refusal():
    with pytest.raises(AttributeError) as accident:  # a line of the house, but no refusal
        loading.config_from(None, experiment.Config)
    assert not refusals.is_refusal(accident.value)
    with pytest.raises(TypeError) as accident:  # pathlib refuses, not the house
        loading.load_module(None)
    assert not refusals.is_refusal(accident.value)
    with pytest.raises(FileNotFoundError) as refused:
        loading.load_config(FOLDER / "nowhere")
    assert refusals.is_refusal(refused.value)


def test_an_evaluator_is_asked_before_training(tmp_path):
    def evaluator(model, dataset, config):
        return {}

    def check(dataset, config):
        raise ValueError(f"{config.epochs} epochs of {dataset.size('train')} samples: never.")

    evaluator.check = check
    with pytest.raises(ValueError, match="1 epochs of 16 samples: never"):
        run(tmp_path / "runs", evaluators=[evaluator])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"No run folder can be made in .*file: Not a directory"):
        run(tmp_path / "file")


@pytest.mark.slow  # a process of its own
def test_a_script_without_data_ends_with_one_message(tmp_path):
    network = tools.REPOSITORY / "network_models" / "xray_flux_forecast" / "starting_point"
    ended = subprocess.run(
        [sys.executable, network / "network.py", f"--output={tmp_path}"],
        env={**os.environ, "FLARENET_DATA": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert "The index of the AIA samples was not found" in ended.stderr
    assert "Traceback" not in ended.stderr
