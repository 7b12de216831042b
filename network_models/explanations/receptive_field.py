"""Which pixels of an image the outputs of a layer depend on: measured, not computed.

Computing it from kernels, strides and paddings works only where every layer and every branch
between image and layer is known. Gradients know them all: those of an output are 0 outside of what
it sees. They are taken in the network without its non-linearities (`substitution.linear`), where no
dead unit and no pooling hides a pixel.
"""

import dataclasses
import math

import numpy as np

from network_models.explanations import substitution

PROBES = (0.0, 0.5, 1.0)  # where outputs are probed, from the first to the last


@dataclasses.dataclass(frozen=True)
class Field:
    """Which pixels each output of a layer sees, along one axis of the image.

    Args:
        size: int, pixels of the image.
        start: pixel at which the field of the first output begins; below 0 where it sees padding.
        stride: pixels from one output's field to the next one's.
        width: pixels that one output sees.
    """

    size: int
    start: float
    stride: float
    width: float

    def centre(self, index):
        """Pixel of the image, a whole number from 0, at the centre of what output `index` sees."""
        centre = math.floor(self.start + index * self.stride + self.width / 2)
        return int(np.clip(centre, 0, self.size - 1))

    def side(self, margin):
        """Pixels, in whole strides, that hold what some output sees and a `margin` in pixels."""
        stride = math.ceil(self.stride)
        return min(self.size, math.ceil((self.width + stride + margin) / stride) * stride)

    def window(self, index):
        """A piece of the image in which output `index` sees all that it sees in the whole.

        Returns:
            First pixel of the piece, its number of pixels, and the number that the output has among
            those of the piece: where the layer's outputs are equally spaced from the first pixel
            on. Whether they are, the output itself must tell.
        """
        side = self.side(margin=2)
        first = self.start + index * self.stride - (side - self.width) / 2
        first = round(np.clip(round(first / self.stride) * self.stride, 0, self.size - side))
        return first, side, max(0, round(index - first / self.stride))


@dataclasses.dataclass(frozen=True)
class ReceptiveField:
    """Which image a layer sees, and which of its pixels each output does.

    Args:
        image: name of the image.
        frames: `Field` along time; an image without time counts as one frame.
        rows: `Field` along the height.
        columns: `Field` along the width.
    """

    image: str
    frames: Field
    rows: Field
    columns: Field

    def centre(self, place):
        """(frame, row, column) of the image at the centre of what an output sees.

        Args:
            place: (frame, row, column) of the output.
        """
        fields = (self.frames, self.rows, self.columns)
        return tuple(field.centre(index) for field, index in zip(fields, place, strict=True))


def measured_field(trunk, x):
    """What the outputs of a layer see of the image.

    Fields are exact where outputs are equally spaced in the image, and where the image is so large
    that no output sees both of its ends; else they are those of the middle output, cut off at the
    ends.

    Args:
        trunk: `Trunk`.
        x: dict of name to array, a batch of one, whitened; its numbers play no part.

    Returns:
        `ReceptiveField`.
    """
    shape = trunk(x).shape[1:4]
    probes = np.array([[round(part * (count - 1)) for count in shape] for part in PROBES])
    probes = np.unique(probes, axis=0)
    name, pixels = seen(trunk, x, probes)
    along = [pixels.any(axis=axes) for axes in ((2, 3), (1, 3), (1, 2))]
    fields = [_field(*one) for one in zip(probes.T, along, shape, strict=True)]
    return ReceptiveField(name, *fields)


def seen(trunk, x, places):
    """Which pixels single outputs of a layer depend on.

    Args:
        trunk: `Trunk`.
        x: dict of name to array, a batch of one, whitened; the numbers in images play no part.
        places: int array, shape (output, 3): frame, row and column in the layer's output.

    Returns:
        Name of the image that the layer depends on, and a bool array, shape (output, frame, row,
        column), of its pixels in any channel.
    """
    generator, names = np.random.default_rng(0), trunk.images.names
    # Random weights, or the filters might cancel each other; noise, or gates might be closed.
    weights = generator.normal(size=(len(places), trunk(x).shape[-1]))
    x = x | {name: generator.standard_normal(x[name].shape, dtype="float32") for name in names}
    x = {name: np.repeat(array, len(places), axis=0) for name, array in x.items()}
    with substitution.linear(trunk.model):
        gradients = trunk.gradients(x, places, weights)
    name = max(names, key=lambda name: np.abs(gradients[name]).max())
    pixels = (gradients[name] != 0).any(axis=-1)
    return name, pixels.reshape(len(places), -1, *pixels.shape[-2:])


def _field(indices, seen, count):
    """Fits starts and ends of what some outputs see; `seen` has the shape (output, pixel)."""
    size = seen.shape[1]
    known = seen.any(axis=1)
    if not known.any():  # the layer sees nothing of this image: all its weights are 0
        return Field(size, 0.0, size / count, float(size))
    indices, seen = indices[known], seen[known]
    starts, stops = seen.argmax(axis=1), size - seen[:, ::-1].argmax(axis=1)
    every, inner = np.ones(2 * len(starts), bool), np.concatenate([starts > 0, stops < size])
    for edges, error in ((every, 0.01), (inner, 0.01), (inner, 1.0)):
        fitted = _fit(indices, starts, stops, edges, error)
        if fitted is not None:
            return Field(size, *fitted)
    middle, stride = len(indices) // 2, size / count
    start = float(starts[middle] - stride * indices[middle])
    return Field(size, start, stride, float(stops[middle] - starts[middle]))


def _fit(indices, starts, stops, within, largest_error):
    """(start, stride, width) that explain the edges `within`, or None if these differ by more."""
    ones, zeros = np.ones_like(indices), np.zeros_like(indices)
    matrix = np.concatenate(
        [np.stack([ones, indices, zeros], axis=-1), np.stack([ones, indices, ones], axis=-1)]
    )
    edges = np.concatenate([starts, stops])
    found, _, rank, _ = np.linalg.lstsq(matrix[within], edges[within])
    error = np.abs(matrix[within] @ found - edges[within]).max(initial=0.0)
    if rank < 3 or error > largest_error or found[1] <= 0.0:
        return None
    return tuple(np.round(found, 6).tolist())
