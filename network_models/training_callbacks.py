"""What is written while a network trains, and what stops it.

All files are written whole, so that a run can be read, or resumed, at any instant.
"""

import inspect
import json
import math
import pathlib
import time
import zipfile

import keras
import numpy as np
import pandas as pd

from tools import tools


class TrainingDivergedError(ArithmeticError):
    """The loss is no longer a number."""


class StopOnNaN(keras.callbacks.Callback):
    """Ends training with an error as soon as the loss, or a number of an epoch, is not finite."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self._check({"loss": (logs or {}).get("loss", 0.0)}, f", step {batch + 1}")

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs or {})

    def _check(self, numbers, step=""):
        wrong = {name: float(n) for name, n in numbers.items() if not math.isfinite(float(n))}
        for name, number in wrong.items():
            raise TrainingDivergedError(
                f"The {name} is {number} in epoch {self.epoch + 1}{step}. "
                "Expected a finite number. Look for NaN in inputs without a whitening layer, lower "
                "--learning_rate, or clip gradients in the optimizer (clipnorm)."
            )


class History(keras.callbacks.Callback):
    """Writes history.csv (a row an epoch, as it ends) and timing.csv beside it.

    Args:
        folder: the run's performance/.
    """

    def __init__(self, folder):
        super().__init__()
        self.history_file = pathlib.Path(folder) / "history.csv"
        self.timing_file = pathlib.Path(folder) / "timing.csv"

    def on_epoch_begin(self, epoch, logs=None):
        self.steps, self.started = 0, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self.started
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        _append(self.history_file, {"epoch": epoch + 1, **numbers})
        timing = {"epoch": epoch + 1, "seconds": round(seconds, 3), "steps": self.steps}
        _append(self.timing_file, timing)


def _append(file, row):
    """Adds a row, in place of any row of this epoch or a later one (left by a killed run)."""
    table = pd.DataFrame([row])
    if file.exists():
        before = pd.read_csv(file, dtype=str, keep_default_na=False)  # digits stay as they are
        table = pd.concat([before[before["epoch"].astype(int) < row["epoch"]], table])
    tools.write_text(file, table.to_csv(index=False))


class EpochModels(keras.callbacks.Callback):
    """Saves one .keras an epoch and keeps the newest.

    Args:
        folder: the run's epochs/.
        keep: how many to keep; 0 keeps all.
    """

    def __init__(self, folder, keep):
        super().__init__()
        self.folder, self.keep = pathlib.Path(folder), keep

    def on_epoch_end(self, epoch, logs=None):
        save_model(self.model, self.folder / f"epoch_{epoch + 1:05d}.keras")
        saved = sorted(self.folder.glob("epoch_*.keras"))
        for file in saved[: -self.keep] if self.keep else []:
            file.unlink()


class BestModel(keras.callbacks.ModelCheckpoint):
    """Keeps the model with the best monitored number as best.keras.

    Args:
        folder: the run's epochs/.
        monitor: name of the number, "val_loss" say.
        mode: "min", "max" or "auto": which number is better.
    """

    def __init__(self, folder, monitor, mode="auto"):
        self.file = pathlib.Path(folder) / "best.keras"
        self.part = self.file.with_name(".best.part.keras")
        super().__init__(str(self.part), monitor=monitor, mode=mode, save_best_only=True)

    def on_epoch_end(self, epoch, logs=None):
        self.part.unlink(missing_ok=True)
        super().on_epoch_end(epoch, logs)
        if self.part.exists():
            with tools.written_whole(self.file) as temporary:
                self.part.replace(temporary)


def save_model(model, path):
    """Saves `model` to `path` whole."""
    with tools.written_whole(path) as temporary:
        model.save(temporary)


START = {"epoch": 0, "step": 0, "stopped": False, "callbacks": []}  # progress of a new run


class Recovery(keras.callbacks.Callback):
    """Saves all that a killed run needs to end as if it had never been killed, and restores it.

    That is every variable of the model (weights, batch-norm averages, the states of dropout and
    augmentation), of the optimizer and of the metrics, and the counters of the other callbacks.
    Keras' BackupAndRestore leaves out the order of the data, the random states and the counters.

    Args:
        file: where the state lies (.npz).
        batches: the training `Batches`, told here which epoch to give.
        checkpoint_steps: steps between two states.
        callbacks: the other callbacks; this one must come after them all.

    Attributes:
        progress: dict of the epoch and step to go on from, and whether training has stopped.
    """

    def __init__(self, file, batches, checkpoint_steps, callbacks):
        super().__init__()
        self.file, self.batches = pathlib.Path(file), batches
        self.checkpoint_steps, self.callbacks = checkpoint_steps, callbacks
        self.progress = read_state(self.file)["progress"]

    def on_train_begin(self, logs=None):
        self.state = read_state(self.file)
        _assign(self.model.variables, self.state["model"])
        _assign(self.model.optimizer.variables, self.state["optimizer"])
        for callback, counters in zip(self.callbacks, self.progress["callbacks"], strict=False):
            vars(callback).update(counters)  # none yet where nothing has been trained

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = self.batches.epoch = epoch
        if self.batches.first:  # Keras has just reset the metrics
            _assign(_metric_variables(self.model), self.state["metrics"])

    def on_train_batch_end(self, batch, logs=None):
        step = self.batches.first + batch + 1
        if step % self.checkpoint_steps == 0 and batch + 1 < self.batches.num_batches:
            self.save(self.epoch, step)

    def on_epoch_end(self, epoch, logs=None):
        self.save(epoch + 1, 0, stopped=bool(self.model.stop_training))

    def save(self, epoch, step, stopped=False):
        """Writes the state from which training goes on at `step` of `epoch`."""
        counters = [_counters(callback) for callback in self.callbacks]
        self.progress = {"epoch": epoch, "step": step, "stopped": stopped, "callbacks": counters}
        write_state(self.file, self.model, self.progress)


def write_state(file, model, progress):
    """Writes every variable of a built model, and the dict `progress`, to `file` (.npz), whole."""
    arrays = {
        f"{part}/{i}": keras.ops.convert_to_numpy(variable)
        for part, variables in _variables(model).items()
        for i, variable in enumerate(variables)
    }
    with tools.written_whole(file) as temporary:
        np.savez(temporary, progress=json.dumps(progress), **arrays)


def read_state(file):
    """The state in `file`: dict of "progress" and lists of arrays, in the order of `_variables`."""
    try:
        with np.load(file) as arrays:
            state = {"progress": json.loads(str(arrays["progress"]))}
            for part in ("model", "optimizer", "metrics"):
                names = [name for name in arrays.files if name.startswith(f"{part}/")]
                state[part] = [arrays[f"{part}/{i}"] for i in range(len(names))]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{file} is not a state of training: {error}. Expected the file that a run writes as "
            "epochs/state.npz. Start a new run with --weights to use the run's best weights."
        ) from error
    return state


def _variables(model):
    return {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "metrics": _metric_variables(model),
    }


def _metric_variables(model):
    return [variable for metric in model.metrics for variable in metric.variables]


def _assign(variables, arrays):
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _counters(callback):
    """The plain numbers among a callback's attributes: patience used up, best score, cooldown ...

    Its settings (the arguments it was made with) come from the config; Keras turns the sign of
    min_delta as it goes, which must not happen twice.
    """
    settings = inspect.signature(type(callback)).parameters
    plain = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in vars(callback).items()
        if name not in settings
    }
    return {name: value for name, value in plain.items() if isinstance(value, bool | int | float)}
