"""The convolutions of a network: which there are, what they put out, and their kernels."""

import difflib

import keras
import numpy as np

from network_models.explanations import inspection, substitution

WITH_KERNELS = (keras.layers.Conv2D, keras.layers.Conv3D, keras.layers.DepthwiseConv2D)
KINDS = (
    *WITH_KERNELS,
    keras.layers.SeparableConv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)


def convolutions(model, x):
    """The convolutions over images that a network calls.

    Args:
        model: keras.Model, of any kind.
        x: dict of name to array, shape (batch, ...); the first sample goes through the model.

    Returns:
        Dict of name to layer, in the order of their first calls. A convolution in a wrapper
        (TimeDistributed) has the wrapper's name; layers of the same name get numbers.
    """
    every = inspection.all_layers(model)
    found = [layer for layer in every if isinstance(layer, KINDS)]
    if not found or not inspection.spatial_inputs(x):
        return {}
    called = {id(layer): layer for layer, _, _ in _calls(model, found, x, 0)}
    wrappers = [layer for layer in every if isinstance(layer, keras.layers.Wrapper)]
    names = {id(wrapper.layer): wrapper.name for wrapper in wrappers}
    layers = {}
    for layer in called.values():
        name, number = names.get(id(layer), layer.name), 2
        unique = name
        while unique in layers:
            unique, number = f"{name}_{number}", number + 1
        layers[unique] = layer
    return layers


def chosen(layers, names):
    """Those of some layers that are asked for by name.

    Args:
        layers: dict of name to layer, as from `convolutions`.
        names: sequence of str.

    Raises:
        ValueError: for a name that none of them has; the nearest is offered.
    """
    if unknown := [name for name in names if name not in layers]:
        near = difflib.get_close_matches(str(unknown[0]), layers, n=1, cutoff=0.0)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"The model has no convolution of images called {unknown[0]!r}. Expected names among "
            f"{list(layers)}. Received: layers={tuple(names)}.{hint}"
        )
    return {name: layers[name] for name in names}


def spread(layers, most):
    """At most `most` of some layers, evenly spread from the first to the last."""
    names = list(layers)
    indices = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int))
    return {names[i]: layers[names[i]] for i in indices}


def outputs(model, layers, x, index):
    """What one sample evokes in some layers.

    Args:
        model: keras.Model.
        layers: list of keras.layers.Layer in it.
        x: dict of name to array, shape (batch, ...), in physical units.
        index: int, which sample.

    Returns:
        List of float32 arrays, shape (frame, row, column, filter), one for each layer: of its first
        call, where it is called several times.
    """
    first = {}
    for layer, _, output in _calls(model, layers, x, index):
        first.setdefault(id(layer), output)
    arrays = [inspection.as_numpy(first[id(layer)]) for layer in layers]
    return [array.reshape(-1, *array.shape[-3:]).astype("float32") for array in arrays]


def kernels(layer):
    """Kernels of a convolution, one for each of its filters.

    Args:
        layer: Conv2D, Conv3D or DepthwiseConv2D.

    Returns:
        Array, shape (filter, [time,] height, width, channel); channels that a filter of a grouped
        or depthwise convolution does not see have weight 0.
    """
    kernel, groups = inspection.as_numpy(layer.kernel), getattr(layer, "groups", 1)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        groups = kernel.shape[-2]
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    *window, seen, filters = kernel.shape
    whole = np.zeros((*window, seen * groups, filters), kernel.dtype)
    for group in range(groups):
        of_group = slice(group * filters // groups, (group + 1) * filters // groups)
        whole[..., group * seen : (group + 1) * seen, of_group] = kernel[..., of_group]
    return np.moveaxis(whole, -1, 0)


def _calls(model, layers, x, index):
    sample = inspection.one_sample(x, index)
    with substitution.times_as_samples(model), inspection.recorded(layers) as calls:
        model(inspection.arranged(model, sample), training=False)
    return calls
