"""The one runner: from an experiment's two files to a trained network and an honest score.

It knows no task and no instrument: the loss lives in the model, units in the dataset, scores in
evaluators.
"""

import dataclasses
import fnmatch
import pathlib
import sys
import time
from collections.abc import Callable

import keras

from network_models import (
    command_line,
    decoding,
    evaluation,
    explanation,
    loading,
    refusals,
    run_folder,
)
from network_models import training_callbacks as written
from network_models.explanations import maps
from network_models.field_values import check_values

load = loading.load


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """The runner's settings; an experiment adds its own."""

    seed: int = 1  # of the weights, the order of samples, dropout and augmentation
    epochs: int = 100  # most passes over the training split
    batch_size: int = 16  # samples in a step
    workers: int = 1  # threads that read ahead; the numbers do not depend on it
    monitor: str = "val_loss"  # the number that says which epoch is best
    monitor_mode: str = "auto"  # min or max, where Keras does not know which is better
    patience: int = 20  # epochs without a better one before training stops; 0: never
    plateau_patience: int = 8  # epochs without a better one before learning slows; 0: never
    plateau_factor: float = 0.5  # what the learning rate is then multiplied by
    checkpoint_steps: int = 200  # steps between two states that --resume can start from
    keep_epochs: int = 3  # newest models kept in epochs/ beside best.keras; 0: all
    precision: str = "float32"  # float32, mixed_bfloat16 or mixed_float16
    jit_compile: bool = False  # compile the training step with XLA
    folds: int = 0  # stretches of a purged cross-validation; 0: the dataset's own split
    fold: int = 1  # which of them is tested, from 1
    class_edges: tuple[float, ...] = ()  # of the target, between the classes of the next two
    class_weights: bool = False  # training samples weigh the more, the rarer their class
    oversample: tuple[str, ...] = ()  # ("train",): samples of rare classes come more often
    freeze: tuple[str, ...] = ()  # layers that do not learn, by name or pattern ("conv*")
    explained_samples: int = 2  # validation samples in maps/; 0: nothing is explained
    explanations: tuple[str, ...] = explanation.PARTS  # of maps, features, embeddings; (): none
    map_methods: tuple[str, ...] = (
        maps.USUAL_METHODS
    )  # also smooth_gradient, grad_cam, occlusion ...


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A folder with config.py and network.py, and what its network.py hands to the runner."""

    folder: pathlib.Path
    build_dataset: Callable
    build_model: Callable
    evaluators: tuple = ()


def run(file, *, build_dataset, build_model, evaluators=(), arguments=None):
    """Trains, scores and explains the experiment whose network.py is `file`.

    Args:
        file: `__file__` of network.py; its config.py is read from the same folder.
        build_dataset: function (config) -> `Dataset`.
        build_model: function (config, dataset) -> compiled keras.Model, in physical units.
        evaluators: functions (model, dataset, config) -> dict of name to number. Where one has an
            attribute `check`, that is called with (dataset, config) before training, to refuse
            settings that could not be scored.
        arguments: list of str; the command line's unless given. Then what the house refuses is
            told on stderr without a traceback, and the process ends with status 1.

    Returns:
        List of the paths of the run folders, one a seed; empty after --help.
    """
    folder = pathlib.Path(file).resolve().parent
    experiment = Experiment(folder, build_dataset, build_model, tuple(evaluators))
    if arguments is not None:
        return _run(experiment, arguments)
    with refusals.without_traceback():
        return _run(experiment, sys.argv[1:])


def _run(experiment, arguments):
    """Trains once for each seed, or resumes, as the command line asks."""
    folder = experiment.folder
    options = command_line.parse(arguments, folder / "trained_models")
    settings = loading.load_config(folder)
    if options.help:
        print(command_line.help_text(settings.config))
        return []
    policy = keras.config.dtype_policy()
    try:
        if options.resume is not None:
            return [_resume(experiment, settings, options)]
        config = settings.tiny if options.tiny else settings.config
        config = command_line.override(config, options)
        seeds = options.seeds or (config.seed,)
        configs = [check_values(dataclasses.replace(config, seed=seed)) for seed in seeds]
        return [_start(experiment, config, options) for config in configs]
    finally:
        keras.config.set_dtype_policy(policy)


def _start(experiment, config, options):
    """Trains anew, in a new run folder."""
    dataset, model = _build(experiment, config)
    if options.weights:
        print(*loading.copy_weights(command_line.find_weights(options), model), sep="\n")
    run = run_folder.create(options.output)
    with run.locked():
        # The state comes first: whatever --resume finds has the weights that the run began with.
        written.write_state(run.state_file, model, written.START)
        run.record(experiment.folder, config, dataset, model)
        return _finish(experiment, run, config, dataset, model)


def _resume(experiment, settings, options):
    """Goes on with an unfinished run, in its own folder."""
    run = command_line.find_run(options)
    recorded = loading.config_from(run.settings, type(settings.config))
    config = check_values(command_line.override(recorded, options))
    if config.epochs < recorded.epochs:
        raise ValueError(
            f"A resumed run can't have fewer epochs. Expected at least {recorded.epochs}, as it "
            f"was started. Received: --epochs={config.epochs}. Leave --epochs out."
        )
    dataset, model = _build(experiment, config)
    with run.locked():
        run.check_unchanged(experiment.folder, config, dataset)
        if config.epochs > recorded.epochs:
            run.write_settings(config)
            run.reopen()
        return _finish(experiment, run, config, dataset, model)


def _build(experiment, config):
    """The dataset, and the model with its decoder in front, both fixed by the seed."""
    keras.utils.clear_session(free_memory=False)  # layers get the same names in every run
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    dataset = experiment.build_dataset(config).arranged(config)
    for evaluator in experiment.evaluators:
        if check := getattr(evaluator, "check", None):
            check(dataset, config)
    train, *_ = [evaluation.batches(dataset, split, config) for split in dataset.splits]
    model = experiment.build_model(config, dataset)
    if not isinstance(model, keras.Model) or model.optimizer is None:
        raise TypeError(
            "build_model did not give a network that can train. Expected a keras.Model on which "
            f"compile(optimizer=..., loss=...) was called. Received: {model!r}. End build_model "
            "with model.compile(...) and return model."
        )
    _freeze(model, config.freeze)
    model.jit_compile = config.jit_compile
    decoding.prepare(model, dataset, train[0])
    _check_monitor(config.monitor, model)
    _check_learning_rate(model, config.plateau_patience)
    return dataset, model


def _freeze(model, patterns):
    for pattern in patterns:
        layers = [layer for layer in model.layers if fnmatch.fnmatch(layer.name, pattern)]
        if not layers:
            raise ValueError(
                f"No layer is called {pattern!r}. Expected names or patterns among "
                f"{[layer.name for layer in model.layers]}. Received: freeze={patterns}."
            )
        for layer in layers:
            layer.trainable = False


def _finish(experiment, run, config, dataset, model):
    """Does the stages of a run that are not done yet, and says where the results lie."""
    stages = {
        "training": lambda: _train(run, config, dataset, model),
        "evaluation": lambda: evaluation.evaluate(
            run, model, dataset, config, experiment.evaluators
        ),
        "explanations": lambda: explanation.explain(run, model, dataset, config),
    }
    for stage, work in stages.items():
        if stage == "evaluation":
            model.load_weights(run.best_model)
        if not run.done(stage):
            started = time.perf_counter()
            work()
            run.finish(stage, time.perf_counter() - started)
    print(evaluation.report(run))
    return run.path


def _train(run, config, dataset, model):
    train, validation = (evaluation.batches(dataset, split, config) for split in dataset.splits[:2])
    callbacks = _callbacks(run, config)
    recovery = written.Recovery(run.state_file, train, config.checkpoint_steps, callbacks)
    if recovery.progress["stopped"]:
        print(f"Training stopped by itself after epoch {recovery.progress['epoch']}.")
    while recovery.progress["epoch"] < config.epochs and not recovery.progress["stopped"]:
        epoch, train.first = recovery.progress["epoch"], recovery.progress["step"]
        model.fit(
            train,
            validation_data=validation,
            # Keras counts the steps of an epoch once: what is left of a broken one is its own fit.
            epochs=epoch + 1 if train.first else config.epochs,
            initial_epoch=epoch,
            shuffle=False,  # of batches; `Batches` permutes the samples
            callbacks=[*callbacks, recovery],
            verbose=1 if sys.stdout.isatty() else 2,
        )


def _callbacks(run, config):
    """The callbacks of every run, those that others lean on first."""
    watch = {"monitor": config.monitor, "mode": config.monitor_mode}
    callbacks = [written.StopOnNaN()]
    if config.plateau_patience:
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                factor=config.plateau_factor, patience=config.plateau_patience, **watch
            )
        )
    if config.patience:
        callbacks.append(keras.callbacks.EarlyStopping(patience=config.patience, **watch))
    return [
        *callbacks,
        written.History(run.performance),
        written.EpochModels(run.epochs, config.keep_epochs),
        written.BestModel(run.epochs, **watch),
        keras.callbacks.TensorBoard(run.tensorboard, write_graph=False),
    ]


def _check_monitor(monitor, model):
    names = [m for n in model.get_metrics_result() for m in (n, f"val_{n}")]
    if monitor not in names:
        raise ValueError(
            f"There is no number {monitor!r} to monitor. Expected one of {names}. Set --monitor, "
            "or compile the model with that metric."
        )


def _check_learning_rate(model, plateau_patience):
    # In mixed_float16 another optimizer, which scales the loss, is around it.
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    rate = optimizer.get_config().get("learning_rate")
    if isinstance(rate, float) and not rate > 0:
        raise ValueError(
            "The optimizer would climb, or stay. Expected a learning rate above 0. Received: "
            f"{rate:g}. Set --learning_rate=1e-3, say, or correct it in build_model."
        )
    if isinstance(rate, dict) and plateau_patience:
        raise ValueError(
            "The optimizer follows a learning-rate schedule, which a plateau cannot lower. "
            "Expected a plain learning rate, or --plateau_patience=0."
        )
