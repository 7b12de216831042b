"""What passes through the layers of any Keras model: functional, nested or subclassed."""

import contextlib
import itertools

import keras
import numpy as np

SPATIAL_RANKS = (4, 5)  # (batch, height, width, channel), with time after the batch or without


def arranged(model, x):
    """Named arrays in the structure that `model` was built with.

    Args:
        model: keras.Model.
        x: dict of name to array; names that the model does not know are left out.

    Returns:
        What `model` is to be called with: a tensor, a list, or a dict.

    Raises:
        ValueError: if an input of the model has no array.
    """
    try:
        structure = model.input
    except (AttributeError, ValueError):  # subclassed: it takes what its dataset yields
        return x
    if isinstance(structure, keras.KerasTensor) and len(x) == 1:
        return next(iter(x.values()))
    names = structure if isinstance(structure, dict) else None
    wanted = list(names) if names else [tensor.name for tensor in keras.tree.flatten(structure)]
    if missing := [name for name in wanted if name not in x]:
        raise ValueError(
            f"The model's inputs {missing} have no array. Expected arrays named {wanted}. "
            f"Received: {list(x)}. Name each keras.Input as the dataset names its array."
        )
    if names:
        return {name: x[name] for name in wanted}
    return keras.tree.map_structure(lambda tensor: x[tensor.name], structure)


def layers_of(model):
    """The layers of a model that hold no other model, in order; a wrapper counts as one layer."""
    found = []
    for layer in model.layers:
        found += layers_of(layer) if isinstance(layer, keras.Model) else [layer]
    return found


def all_layers(model):
    """Every layer in a model at any depth, each once: also those inside wrappers and own blocks."""
    # Keras offers no public walk through the layers inside a layer.
    layers = model._flatten_layers(include_self=False, recursive=True)
    return list({id(layer): layer for layer in layers}.values())


def kinds(model):
    """Names of the classes of a model's layers at any depth, each once, in order."""
    return list(dict.fromkeys(type(layer).__name__ for layer in all_layers(model)))


@contextlib.contextmanager
def recorded(layers, only=None):
    """Writes down the calls of some layers while a model runs eagerly.

    It sees into nested and subclassed models, where a Keras model from `layer.output` cannot.

    Args:
        layers: list of keras.layers.Layer.
        only: set of int, the numbers of the calls that are kept, from 0; all if None. Each holds
            its arrays.

    Yields:
        Sequence that fills with (layer, first argument, output), in the order of the calls.
    """
    calls, numbers = [], itertools.count()

    def keeps():
        number = next(numbers)
        return only is None or number in only

    with called_through(layers, lambda layer, call: _recording(layer, call, calls, keeps)):
        yield calls


@contextlib.contextmanager
def replaced(layers, change):
    """Changes what comes out of some layers while a model runs eagerly.

    Args:
        layers: list of keras.layers.Layer.
        change: function of the number of the call (from 0, counted over all these layers in the
            order of their calls, as in `recorded`) and its output; gives what goes on instead.
    """
    numbers = itertools.count()

    def changing(layer, call):
        return lambda *arguments, **options: change(next(numbers), call(*arguments, **options))

    with called_through(layers, changing):
        yield


@contextlib.contextmanager
def called_through(layers, wrap):
    """Lets the calls of some layers pass through functions of ours; nests.

    Args:
        layers: list of keras.layers.Layer.
        wrap: function of a layer and its `call`; gives what is called instead.
    """
    former = [(layer, vars(layer).get("call")) for layer in layers]
    for layer in layers:
        layer.call = wrap(layer, layer.call)
    try:
        yield
    finally:
        for layer, call in former:
            del layer.call  # uncovers the method of the class
            if call is not None:
                layer.call = call


def spatial_inputs(x):
    """Names of the arrays in `x` that are images or series of images."""
    return [
        name for name, array in x.items() if len(array.shape) in SPATIAL_RANKS and is_float(array)
    ]


def is_float(array):
    """Whether an array or tensor holds floating point numbers."""
    return "float" in keras.backend.standardize_dtype(array.dtype)


def one_sample(x, index):
    """Sample `index` of a batch as a batch of one, as NumPy arrays."""
    return {name: as_numpy(array[index : index + 1]) for name, array in x.items()}


def as_numpy(array):
    """Array or tensor of any backend as NumPy; bfloat16, which NumPy lacks, as float32."""
    array = keras.ops.convert_to_numpy(array)
    return array if array.dtype.kind in "biufSUO" else np.asarray(array, dtype="float32")


def channel_names(about, count, array):
    """Names of the `count` channels of an array; numbers where nothing is known of them.

    Raises:
        ValueError: if `about` names another number of channels than the array has.
    """
    names = tuple(str(name) for name in about.get("channels") or range(count))
    if len(names) != count:
        raise ValueError(
            f"The channels of {array!r} are not those described. Expected {count} names, one for "
            f"each index of its last axis. Received: channels={names} for {about['id']!r}. "
            "Correct `describe` of the dataset."
        )
    return names


def check_described(x, about):
    """Refuses descriptions that are not one for each sample of `x`."""
    sizes = {name: len(array) for name, array in x.items()}
    if set(sizes.values()) != {len(about)}:
        raise ValueError(
            f"Samples and their descriptions differ in number. Expected one description for each "
            f"sample. Received: {len(about)} descriptions, and arrays of {sizes} samples. Pass "
            "`describe(split, index)` of just these samples, in their order."
        )


def all_marks(about):
    """The marks of several samples together, each once: what a picture of them all must carry."""
    return tuple(dict.fromkeys(mark for one in about for mark in one.get("marks", ())))


def _recording(layer, call, calls, keeps):
    def recording_call(*arguments, **options):
        output = call(*arguments, **options)
        if keeps():
            first = arguments[0] if arguments else next(iter(options.values()))
            calls.append((layer, first, output))
        return output

    return recording_call
