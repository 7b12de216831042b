"""Opens what lies in files: an experiment's config.py, a run's trained model."""

import dataclasses
import importlib
import importlib.util
import json
import pathlib
import sys
import zipfile

import keras

ROOMS = ("network_models.", "dataset_models.")


def load(path, compiled=False, names=None):
    """The trained model of a run folder, or in a .keras file; physical units in and out.

    The layers of the house that the file needs are imported first. Keras' safe mode stays on.

    Args:
        path: a run folder (its best model is taken) or a .keras file.
        compiled: whether with the loss and metrics that it was trained with.
        names: dict of name to function or class, for losses and the like that are not registered.

    Raises:
        FileNotFoundError: if there is no such run or file.
        ValueError: if the file is not a Keras model, needs what is not known here, or was saved
            without what `compiled` wants.
    """
    path = pathlib.Path(path)
    file = path / "epochs" / "best.keras" if path.is_dir() else path
    if not file.exists():
        raise FileNotFoundError(
            f"There is no model at {path}. Expected a run folder with epochs/best.keras, or a "
            ".keras file. Finished runs lie in an experiment's trained_models/."
        )
    config = _config(file)
    _import_layers(file, config)
    try:
        with keras.saving.custom_object_scope(names or {}):
            model = keras.saving.load_model(file, compile=False)
            if compiled:
                _compile(model, config, file)
    except TypeError as error:
        raise ValueError(
            f"{file} needs what is not known here: {str(error).split('.')[0]}. Expected layers, "
            "losses and metrics of Keras, of the house, or registered in the run's network.py: put "
            "@keras.saving.register_keras_serializable() above their definition."
        ) from error
    return model


def copy_weights(path, model):
    """Copies the weights of a trained model into the layers of `model` with the same name.

    Args:
        path: run folder or .keras file.
        model: built keras.Model.

    Returns:
        List of str: what was copied, and which layers keep their own start.

    Raises:
        ValueError: if no layer fits.
    """
    source = {layer.name: layer for layer in load(path).layers}
    weighted = [layer for layer in model.layers if layer.weights]
    fitting = [layer for layer in weighted if _shapes(layer) == _shapes(source.get(layer.name))]
    if not fitting:
        raise ValueError(
            f"No layer of {path} fits this network. Expected at least one of the same name and "
            f"shape among {[layer.name for layer in weighted]}. Received: {sorted(source)}. Train "
            "both from the same build_model, or give layers that should match the same name."
        )
    for layer in fitting:
        layer.set_weights(source[layer.name].get_weights())
    others = [layer.name for layer in weighted if layer not in fitting]
    return [
        f"Weights of {len(fitting)} layers come from {path}.",
        *([f"These start anew: {', '.join(others)}."] if others else []),
    ]


def _shapes(layer):
    return None if layer is None else [weight.shape for weight in layer.weights]


def load_module(file):
    """The module in `file`, under a name of its own, so that equal file names do not collide."""
    file = pathlib.Path(file).resolve()
    name = "flarenet_" + "_".join(file.with_suffix("").parts[-3:]).replace("-", "_")
    specification = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # dataclasses and help_text look their module up
    specification.loader.exec_module(module)
    return module


def load_config(folder):
    """The module config.py that lies in an experiment's folder.

    Raises:
        FileNotFoundError: if there is none.
        AttributeError: if it lacks `config` or `tiny`.
    """
    file = pathlib.Path(folder) / "config.py"
    if not file.exists():
        raise FileNotFoundError(
            f"There is no {file}. Expected config.py beside network.py. Copy the whole folder of "
            "an experiment: cp -r network_models/xray_flux_forecast/starting_point MY_FOLDER"
        )
    try:
        module = load_module(file)
    except TypeError as error:
        raise TypeError(
            f"{file} does not make a config: {error}. Expected only fields of its Config, spelt as "
            "there. --help of an experiment that works lists those of the runner."
        ) from error
    for name in ("config", "tiny"):
        if not dataclasses.is_dataclass(getattr(module, name, None)):
            raise AttributeError(
                f"{file} has no {name!r}. Expected an instance of its Config under that name: "
                "`config` for the real setting, `tiny` for the smallest that runs every line."
            )
    return module


def config_from(settings, kind):
    """The config that config.json recorded, as an instance of the dataclass `kind`."""
    names = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: _tuples(settings[name]) for name in names & settings.keys()})


def _tuples(value):
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _config(file):
    """What a .keras file says of its model."""
    try:
        with zipfile.ZipFile(file) as archive:
            return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{file} is not a Keras model: {error}. Expected a .keras file as a run writes it to "
            "epochs/. Give the run folder itself to get its best model."
        ) from error


def _compile(model, config, file):
    """Compiles a loaded model as it was; the state of its optimizer stays in the file."""
    if not config.get("compile_config"):
        raise ValueError(
            f"{file} holds no loss and no metrics. Expected a model that was saved after "
            "compile(...), as a run saves it. Name the run, or compile the model and save it anew."
        )
    model.compile_from_config(config["compile_config"])


def _import_layers(file, config):
    """Imports the modules that registered the custom layers of a .keras file."""
    for module in sorted(_modules(config)):
        if module.startswith(ROOMS):
            importlib.import_module(module)
        elif module.startswith(("__main__", "flarenet_")):  # layers of the experiment's own
            load_module(file.resolve().parents[1] / "network.py")


def _modules(config):
    """Set of the module names in a nested config."""
    if isinstance(config, list):
        return set().union(*map(_modules, config))
    if not isinstance(config, dict):
        return set()
    own = {config["module"]} if isinstance(config.get("module"), str) else set()
    return own.union(*map(_modules, config.values()))
