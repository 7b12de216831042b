"""What a network is made of, in words and as a picture."""

import math
import shutil

import keras

from tools import tools

NO_DRAWING = "No architecture.png: graphviz's `dot` is missing (apt-get install graphviz).\n"


def text(model, dataset):
    """The text of summary.txt: layers, parameters, multiply-adds, shapes and units."""
    lines = []
    model.summary(print_fn=lines.append, line_length=100, expand_nested=True)
    shapes = dataset.input_shape
    inputs = [f"  {name}: {shape}, {dataset.units[name]}" for name, shape in shapes.items()]
    lines += ["Inputs, a sample:", *inputs]
    shape = getattr(model, "output_shape", "known when it runs")
    lines += [f"Output: {shape}, {dataset.units.get('target', 'no target')}"]
    lines += [f"Multiply-adds a sample, kernels of layers: {multiply_adds(model):,}"]
    return "\n".join(lines) + "\n"


def multiply_adds(model):
    """Multiplications with the kernels of convolutions and dense layers, for one sample.

    Every kernel is applied once at each position of its layer's output. Products of two
    activations (attention) are not counted.
    """
    total = 0
    for layer in _leaves(model):
        kernel = getattr(layer, "kernel", None)
        if kernel is None or not hasattr(layer, "output"):
            continue
        positions = layer.output.shape[1:-1]
        total += math.prod(positions) * math.prod(kernel.shape)
    return total


def _leaves(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def draw(model, path):
    """Draws the layers to `path`; returns False where graphviz's `dot` is not installed."""
    if shutil.which("dot") is None:
        return False
    with tools.written_whole(path) as temporary:
        keras.utils.plot_model(model, temporary, show_shapes=True, show_layer_names=True, dpi=120)
    return True
