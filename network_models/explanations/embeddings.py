"""Where a network puts each sample before its last step: for TensorBoard, as a table, as a plot."""

import pathlib

import keras
import numpy as np
import pandas as pd
from google.protobuf import text_format
from tensorboard.plugins.projector import ProjectorConfig

from network_models.explanations import (
    embedding_figures,
    figures,
    gradients,
    inspection,
    neighbours,
)
from network_models.explanations.embedding_table import activations
from network_models.explanations.sample_classes import classes
from network_models.explanations.thumbnails import thumbnails, write_sprite
from tools import tools

COLUMNS = ("id", "time", "year", "split", "class", "target", "forecast", "marks")


def penultimate(model, x_batches):
    """The activations that enter the last layer with a kernel.

    Where branches meet behind their last kernels, what enters these stands side by side. Where no
    layer has a kernel, any weights count.

    Args:
        model: keras.Model of any kind, with any number of inputs.
        x_batches: iterable of dicts of name to array, shape (batch, ...), in physical units.

    Returns:
        Float32 array, shape (sample, unit). Axes of space and time are averaged over.

    Raises:
        NotImplementedError: on a backend that `gradients` does not know.
        ValueError: if no layer of the model has weights, or there are no batches.
    """
    return np.concatenate(_some([_embedded(model, x)[0] for x in x_batches]))


def write_embeddings(model, batches_by_split, about_by_split, folder, units=None):
    """Writes the penultimate activations of whole splits.

    vectors.tsv, metadata.tsv, sprite.png and projector_config.pbtxt open in TensorBoard's
    projector (`tensorboard --logdir FOLDER`); embeddings.feather holds the same as a table;
    pca.png shows the two directions of largest variance and tsne.png who is near whom, by class and
    by year; neighbours.png shows what the network finds alike. Where there are too few samples for
    one of these, a line of text says so.

    Args:
        model: keras.Model that takes physical units.
        batches_by_split: dict of split to iterable of (x,), (x, y) or (x, y, weight), decoded.
        about_by_split: dict of split to list of dicts, as from `Dataset.describe`, in the order of
            the samples.
        folder: where to; made if need be.
        units: dict of units, as `Dataset.units`; that of "target" says whether classes are flares'.

    Returns:
        DataFrame, a row per sample: id, time, split, class (ordered Categorical), target and
        forecast (NaN where they are not one number), marks, then activation_0 and on.

    Raises:
        ValueError: if a split has more or fewer descriptions than samples.
    """
    folder, tables, pictures = pathlib.Path(folder), [], []
    for split, batches in batches_by_split.items():
        table, small = _split(model, batches, about_by_split[split], split)
        tables.append(table)
        pictures += small
    table = pd.concat(tables, ignore_index=True)
    found = classes(table["target"], (units or {}).get("target", ""))
    table.insert(table.columns.get_loc("split") + 1, "class", found)
    _write_projector(table, pictures, folder)
    with tools.written_whole(folder / "embeddings.feather") as temporary:
        table.to_feather(temporary)
    marks = inspection.all_marks([one for about in about_by_split.values() for one in about])
    _write_figures(table, pictures, marks, folder)
    return table


def _split(model, batches, about, split):
    """Table and thumbnails of one split, in one pass over its batches."""
    parts, pictures, start = [], [], 0
    for batch in batches:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        vectors, outputs = _embedded(model, x)
        described = about[start : start + len(vectors)]
        pictures += thumbnails(x, described)
        parts.append((_one_number(y, vectors), _one_number(outputs, vectors), vectors))
        start += len(vectors)
    if start != len(about):
        raise ValueError(
            f"The samples and descriptions of {split!r} differ in number. Expected one "
            f"description for each sample. Received: {start} samples, {len(about)} descriptions."
        )
    target, forecast, vectors = (np.concatenate(part) for part in zip(*_some(parts), strict=True))
    return _table(split, about, target, forecast, vectors), pictures


def _embedded(model, x):
    """What enters the last layers with a kernel, shape (batch, unit), and the model's outputs."""
    if not model.built:  # a subclassed model has no weights before its first call
        model(inspection.arranged(model, x), training=False)
    mixing = _mixing_layers(model)
    last = gradients.last_calls(model, inspection.one_sample(x, 0), mixing)
    with inspection.recorded(mixing, only=last) as calls:
        outputs = model(inspection.arranged(model, x), training=False)
    entering = {id(value): value for _, value, _ in calls}  # once, where two layers share it
    return np.concatenate([_averaged(value) for value in entering.values()], axis=1), outputs


def _averaged(value):
    """Means over all axes but the first and the last, shape (batch, unit)."""
    array = inspection.as_numpy(value).astype("float32")
    return array.reshape(len(array), -1, array.shape[-1]).mean(axis=1)


def _mixing_layers(model):
    """Layers with a kernel: those that whiten or normalise have weights, but mix nothing."""
    layers = inspection.layers_of(model)
    weighted = [layer for layer in layers if layer.weights]
    if not weighted:
        raise ValueError(
            "The model has no layer with weights, so it embeds nothing. Expected at least one, a "
            f"Dense layer say. Received: layers {[type(layer).__name__ for layer in layers]}."
        )
    named = [one for one in weighted if any("kernel" in weight.name for weight in one.weights)]
    return named or weighted


def _one_number(values, vectors):
    """Targets or forecasts where they are one number per sample, else NaN; shape (batch,)."""
    arrays = [] if values is None else keras.tree.flatten(values)
    if len(arrays) == 1 and np.prod(arrays[0].shape) == len(vectors):
        return inspection.as_numpy(arrays[0]).reshape(-1).astype("float64")
    return np.full(len(vectors), np.nan)


def _table(split, about, target, forecast, vectors):
    columns = {
        "id": [str(one["id"]) for one in about],
        "time": pd.to_datetime([one["time"] for one in about]),
        "split": split,
        "target": target,
        "forecast": forecast,
        "marks": [", ".join(one.get("marks", ())) for one in about],
    }
    names = [f"activation_{i}" for i in range(vectors.shape[1])]
    return pd.concat([pd.DataFrame(columns), pd.DataFrame(vectors, columns=names)], axis=1)


def _write_figures(table, pictures, marks, folder):
    vectors = activations(table)
    figures.save(embedding_figures.pca_figure(table, vectors, marks), folder / "pca.png")
    why = "too few samples, or numbers of each, that differ"
    _save(embedding_figures.tsne_figure(table, vectors, marks), folder / "tsne.png", why)
    sheet = neighbours.overview(table, vectors, pictures)
    _save(sheet, folder / "neighbours.png", "no images, or too few samples with activations")


def _save(figure, path, why):
    """Writes a figure, or else a line that says why there is none."""
    if figure is not None:
        figures.save(figure, path)
        return
    tools.write_text(path.with_name(f"no_{path.stem}.txt"), f"No {path.name}: {why}.\n")


def _write_projector(table, pictures, folder):
    vectors = pd.DataFrame(activations(table)).to_csv(sep="\t", header=False, index=False)
    tools.write_text(folder / "vectors.tsv", vectors)
    form = {"sep": "\t", "index": False, "na_rep": "nan", "date_format": "%Y-%m-%dT%H:%M:%S"}
    metadata = table.assign(year=table["time"].dt.year)[list(COLUMNS)].to_csv(**form)
    tools.write_text(folder / "metadata.tsv", metadata)
    config = ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name = "penultimate"
    embedding.tensor_shape.extend(activations(table).shape)
    embedding.tensor_path, embedding.metadata_path = "vectors.tsv", "metadata.tsv"
    if len(pictures) == len(table):
        side = write_sprite(pictures, folder / "sprite.png")
        embedding.sprite.image_path = "sprite.png"
        embedding.sprite.single_image_dim.extend((side, side))
    tools.write_text(folder / "projector_config.pbtxt", text_format.MessageToString(config))


def _some(parts):
    if not parts:
        raise ValueError(
            "There is nothing to embed. Expected at least one batch. Received: none. An iterator "
            "that has been used up gives none: make it anew."
        )
    return parts
