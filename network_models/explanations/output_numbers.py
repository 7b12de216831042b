"""Which number of a network's output is explained, and what it is called."""

import keras

from network_models.explanations import inspection
from network_models.finished_runs import nearest

IMAGE_RANK = 4  # (batch, height, width, channel): outputs of this rank and above are images
LISTED = 12  # names in a message


def output_number(model, x, output=0):
    """The one number of a model's output that is explained, for each sample.

    Args:
        model: keras.Model.
        x: dict of name to array, shape (batch, ...), in physical units.
        output: int, index into the output of a sample, flattened; where that is an image,
            (..., height, width, channel), index of a channel, and its mean over all pixels is
            explained. Of several outputs the numbers follow each other. Or a function from the
            model's outputs to a tensor of shape (batch,).

    Returns:
        float array, shape (batch,), in the unit of the target.

    Raises:
        IndexError: if the output has no such number.
        ValueError: if a function gives anything but one number for each sample.
    """
    return inspection.as_numpy(chosen(_outputs(model, x), output))


def chosen(outputs, output):
    """The number as in `output_number`, of what a model gave: a tensor of shape (batch,)."""
    tensors = keras.tree.flatten(outputs)
    if callable(output):
        return _one_each(output(outputs), tensors[0].shape[0])
    first = 0  # number of the tensor's first column
    for columns in map(_columns, tensors):
        if first <= output < first + columns.shape[1]:
            return columns[:, output - first]
        first += columns.shape[1]
    shapes = ", ".join(str(tuple(tensor.shape[1:])) for tensor in tensors)
    raise IndexError(
        f"The model has no output number {output}. Expected 0 to {first - 1}, counted through "
        f"{_counted(tensors)} of shape {shapes}. Received: output={output}."
    )


def names(model, x, columns=()):
    """What each number of a model's output is called, counted as in `output_number`.

    Args:
        model: keras.Model.
        x: dict of name to array, shape (sample, ...), in physical units.
        columns: names of the columns of a single output, as `column_names` gives them.

    Returns:
        List of str: `columns`, where there is a single output of as many; else the names of
        several outputs; else "output 0" and on.
    """
    sample = inspection.one_sample(x, 0)
    found = [
        (_output_name(path), _columns(tensor).shape[1])
        for path, tensor in keras.tree.flatten_with_path(_outputs(model, sample))
    ]
    if len(found) == 1:
        count = found[0][1]
        own = [str(name) for name in columns]
        return own if len(own) == count else [f"output {number}" for number in range(count)]
    return [
        name if count == 1 else f"{name} {number}"
        for name, count in found
        for number in range(count)
    ]


def column_names(config):
    """Names of the columns that a head of `network_models.heads` gives; () for other networks.

    Args:
        config: of a run: its fields head, thresholds and levels say what the columns are.
    """
    head = getattr(config, "head", "")
    if head == "class":
        return tuple(config.thresholds)
    if head == "quantiles":
        return tuple(f"{level:g}" for level in config.levels)
    return ("mean", "deviation") if head == "gaussian" else ()


def name_of(number, model, x, config):
    """What a number of a run's network is called, for titles; "" where it is the only one.

    Args:
        number: int, as in `output_number`.
        model: keras.Model.
        x: dict of name to array, shape (sample, ...), in physical units.
        config: the run's config.
    """
    known = names(model, x, column_names(config))
    return known[number] if len(known) > 1 else ""


def find(asked, known):
    """The number of an output that is asked for by its number or by its name.

    Args:
        asked: str, such as "2" or "X1.0".
        known: list of str, from `names`.

    Raises:
        ValueError: if there is no such output; it lists those that there are.
    """
    if asked.isdecimal() and int(asked) < len(known):
        return int(asked)
    for number, name in enumerate(known):
        if name.casefold() == asked.casefold():
            return number
    raise ValueError(
        f"The network gives no {asked!r}. Expected a number or a name of its output: "
        f"{_listed(known)}. Received: {asked}.{nearest(asked, known)}"
    )


def is_image(tensor):
    """Whether an output, with its axis of the batch, is an image or a series of images."""
    return len(tensor.shape) >= IMAGE_RANK


def _outputs(model, x):
    return model(inspection.arranged(model, x), training=False)


def _columns(tensor):
    """The numbers of one output, shape (batch, number)."""
    if is_image(tensor):
        pixels = tuple(range(1, len(tensor.shape) - 1))
        return keras.ops.mean(keras.ops.cast(tensor, "float32"), axis=pixels)
    return keras.ops.reshape(tensor, (tensor.shape[0], -1))


def _counted(tensors):
    if len(tensors) > 1:
        return "the outputs"
    return "the channels of an output" if is_image(tensors[0]) else "an output"


def _output_name(path):
    """The name of one of several outputs; those of a list have numbers alone."""
    name = "/".join(map(str, path))
    return f"output {name}" if name.isdecimal() else name


def _listed(known):
    shown = [f"{number} ({name})" for number, name in enumerate(known)][:LISTED]
    left = len(known) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")


def _one_each(numbers, samples):
    if tuple(numbers.shape) != (samples,):
        raise ValueError(
            "The function that chooses what is explained gives no number for each sample. Expected "
            f"a tensor of shape {(samples,)}. Received: shape {tuple(numbers.shape)}. Let `output` "
            "average or index all axes but the first."
        )
    return numbers
