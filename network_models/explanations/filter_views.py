"""What there is to see of each filter of a layer: its ideal image, real patches, projections."""

import dataclasses
import math

import numpy as np

from network_models.explanations import (
    activation_maximisation,
    figures,
    inspection,
    receptive_field,
)
from network_models.explanations.deconvolution import patch, seen_deconvolutions
from network_models.explanations.methods.whitened_images import WhitenedImages
from network_models.explanations.saliency_map import smoothed
from network_models.explanations.trunk import Trunk

CONTEXT = 33  # pixels on a side of a patch, at least: what a filter of 3 x 3 sees shows nothing


@dataclasses.dataclass(frozen=True)
class View:
    """A convolution inside a network, and the images that it sees.

    Args:
        name: str, of the layer.
        trunk: `Trunk` up to it.
        x: dict of name to array, shape (batch, ...): the samples, images whitened.
        field: `ReceptiveField` of its outputs.
        filters: int, how many it has.
    """

    name: str
    trunk: Trunk
    x: dict
    field: receptive_field.ReceptiveField
    filters: int

    @property
    def has_time(self):
        """Whether its images are series."""
        return self.x[self.field.image].ndim == 5


@dataclasses.dataclass(frozen=True)
class Block:
    """What there is to see of one filter.

    Args:
        number: int, the filter.
        channel: name of the channel shown: the one with most of the deconvolution's energy.
        maximised: float array, shape (height, width), whitened brightness that it would respond to
            most; None where no image changes its output.
        patches: list of float arrays, shape (side, side), strongest first; NaN is no image.
        projections: list of float arrays, shape (height, width): the patches' deconvolution, just
            where the filter sees, as smooth as the ideal image.
        scale: brightness scale of the channel, as from `figures.image_scale`.
        seen: (height, width) in pixels of what the filter sees.
    """

    number: int
    channel: str
    maximised: np.ndarray | None
    patches: list
    projections: list
    scale: object
    seen: tuple


def views(model, layers, x):
    """The `View` of each of some layers.

    Args:
        model: keras.Model.
        layers: dict of name to layer, as from `convolution.convolutions`.
        x: dict of name to array, shape (batch, ...), in physical units.
    """
    images = WhitenedImages(model, inspection.one_sample(x, 0))
    white, found = _whitened(images, x), []
    first = inspection.one_sample(white, 0)
    for name, layer in layers.items():
        trunk = Trunk(images, layer)
        field = receptive_field.measured_field(trunk, first)
        found.append(View(name, trunk, white, field, trunk(first).shape[-1]))
    return found


def blocks(view, table, x, about, filters, steps, seed=0):
    """A `Block` for each of the first filters of a layer.

    Args:
        view: `View`.
        table: as from `features.strongest_activations`.
        x: dict of name to array, shape (batch, ...), in physical units.
        about: list of dicts, as from `Dataset.describe`.
        filters: int, how many filters.
        steps: int, of the ascent.
        seed: int, of the ascent.
    """
    numbers = range(min(filters, view.filters))
    first = inspection.one_sample(view.x, 0)
    ideal = activation_maximisation.maximised(view.trunk, first, view.field, numbers, steps, seed)
    known = table[(table["layer"] == view.name) & table["row"].notna()].fillna({"frame": 0})
    known = list(known[known["filter"] < len(numbers)].itertuples())
    projections = seen_deconvolutions(view.trunk, view.x, view.field, known)
    found = []
    for number in numbers:
        image = ideal.images[number] if ideal.moved[number] else None
        own = [pair for pair in zip(known, projections, strict=True) if pair[0].filter == number]
        channel = strongest_channel([values for _, values in own] or [ideal.images[number]])
        found.append(_block(view, number, channel, image, own, x, about[0]))
    return found


def _block(view, number, channel, image, own, x, about):
    """The `Block` of one filter in one channel; `own` are its places, each with its projection."""
    images = _with_time(inspection.as_numpy(x[view.field.image]))
    names = inspection.channel_names(about, images.shape[-1], view.field.image)
    return Block(
        number=number,
        channel=names[channel],
        maximised=None if image is None else image[len(image) // 2, ..., channel],
        patches=[_patch(view, images[..., channel], at) for at, _ in own],
        projections=[_smoothed(view, values[..., channel]) for _, values in own],
        scale=figures.image_scale(images[..., channel], about.get("unit") or ""),
        seen=(view.field.rows.width, view.field.columns.width),
    )


def strongest_channel(arrays):
    """Index of the channel, the last axis of each array, with the largest sum of squares."""
    squares = [np.square(array, dtype="float64") for array in arrays]
    sums = [np.nansum(one, axis=tuple(range(one.ndim - 1))) for one in squares]
    return int(np.sum(sums, axis=0).argmax())


def _patch(view, images, at):
    """The image around a place: what the filter sees, and more where that is little."""
    widest = max(view.field.rows.width, view.field.columns.width)
    half = math.ceil((max(CONTEXT, widest) - 1) / 2)
    return patch(images[at.sample, at.frame], at.row, at.column, half)


def _smoothed(view, projection):
    """Pooling passes single pixels back; what lies between them belongs to the same shape."""
    deviation = activation_maximisation.LAST_BLUR * view.field.rows.stride
    return smoothed(projection[..., np.newaxis], deviation)[..., 0]


def _with_time(images):
    """Images with an axis of time: (batch, frame, row, column, channel)."""
    return images.reshape(len(images), -1, *images.shape[-3:])


def _whitened(images, x):
    """All samples with their images whitened."""
    samples = [inspection.one_sample(x, i) for i in range(len(next(iter(x.values()))))]
    whole = [
        sample | {name: image[np.newaxis] for name, image in images.whitened(sample).items()}
        for sample in samples
    ]
    return {name: np.concatenate([sample[name] for sample in whole]) for name in x}
