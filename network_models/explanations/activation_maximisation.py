"""Images that filters of a network would respond to most: activation maximisation.

Gradient ascent in whitened brightness, where 1 is one standard deviation of every channel, from
faint noise, for the output in the middle of a small image (Erhan et al. 2009, Univ. Montreal tech.
report 1341). Left alone it ends in noise that no eye can read. Three things keep it readable (Olah,
Mordvintsev & Schubert 2017, doi:10.23915/distill.00007):

- the contrast is bounded: the mean square over all pixels and channels stays 1 or less;
- the image is shifted at random before each step, so that nothing depends on the grid of pixels;
- gradients are blurred, strongly at first: coarse shapes come before fine ones.

Shifts and blur grow with what the layer sees. Filters of a few pixels are neither shifted nor
blurred, and a linear one ends at its own kernel.
"""

import dataclasses

import keras
import numpy as np
from scipy import ndimage

from network_models.explanations import receptive_field, substitution

STEPS = 48
LARGEST_SIDE = 128  # pixels; of fields wider than that only the middle is shown
FIRST_STEP, LAST_STEP = 0.5, 0.05  # length of a step, in the largest contrast
START = 0.01  # standard deviation of the noise at the start
SHIFT = 1 / 16  # largest shift, of the field's width
FIRST_BLUR, LAST_BLUR = 1 / 12, 1 / 5  # in the field's width, and in the stride


@dataclasses.dataclass(frozen=True)
class MaximisedImages:
    """What some filters respond to most.

    Args:
        images: float array, shape (filter, frame, row, column, channel), whitened brightness; just
            the pixels that the filters see.
        outputs: float array, shape (filter,): what they evoke, before the activation function.
        moved: bool array, shape (filter,): False where no pixel changes the output.
    """

    images: np.ndarray
    outputs: np.ndarray
    moved: np.ndarray


def maximised(trunk, x, field, filters, steps=STEPS, seed=0):
    """Images that excite filters of a layer most, one for each.

    Args:
        trunk: `Trunk` up to the layer.
        x: dict of name to array, a batch of one, whitened: tells shapes, and all inputs other than
            the image.
        field: `ReceptiveField` of the layer.
        filters: sequence of int.
        steps: int.
        seed: int; equal seeds give equal images.

    Returns:
        `MaximisedImages`.
    """
    x, place = _canvas(trunk, x, field)
    inside = receptive_field.seen(trunk, x, place)[1][0].any(axis=0)
    inside = (inside if inside.any() else ~inside)[..., np.newaxis]
    x = {name: np.repeat(array, len(filters), axis=0) for name, array in x.items()}
    at = np.repeat(place, len(filters), axis=0), _one_hot(filters, trunk(x).shape[-1])
    with substitution.activations([trunk.layer], lambda activation: keras.activations.linear):
        images, moved = _ascent(trunk, x, at, field, inside, (filters, steps, seed))
        outputs = trunk.outputs(x | {field.image: images}, *at)
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in ((1, 2), (0, 2)))
    images = images[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, :]
    images = images.reshape(len(filters), -1, *images.shape[-3:])
    return MaximisedImages(images, outputs, moved)


def _canvas(trunk, x, field):
    """A small image of zeros around one output, and the place of that; the whole one if need be."""
    *times, _, _, channels = x[field.image].shape
    sides = [_side(field.rows), _side(field.columns)]
    small = x | {field.image: np.zeros((*times, *sides, channels), "float32")}
    if not trunk.takes(small):
        small = x | {field.image: np.zeros_like(x[field.image], "float32")}
    return small, np.array([[count // 2 for count in trunk(small).shape[1:4]]])


def _side(field):
    return min(field.side(margin=2 * _largest_shift(field)), LARGEST_SIDE)


def _largest_shift(field):
    return int(SHIFT * min(field.width, LARGEST_SIDE))


def _ascent(trunk, x, at, field, inside, settings):
    """The images after the last step, and which of them ever had a gradient."""
    filters, steps, seed = settings
    generators = [np.random.default_rng((seed, number)) for number in filters]
    shape = x[field.image].shape[1:]
    images = inside * START * _noise(generators, shape)
    moved, shifts = np.zeros(len(filters), bool), np.random.default_rng(seed)
    for part in np.linspace(0.0, 1.0, steps):
        shift = [_random_shift(shifts, field.rows), _random_shift(shifts, field.columns)]
        shifted = np.roll(images, shift, axis=(-3, -2)).astype("float32")
        slope = trunk.gradients(x | {field.image: shifted}, *at)[field.image]
        slope = np.roll(slope, np.negative(shift), axis=(-3, -2))
        known = _root_mean_square(slope, inside) > 0
        moved |= known.ravel()
        if not known.all():  # a random step may come to where something answers
            slope = np.where(known, slope, _noise(generators, shape))
        slope = inside * _blurred(slope, part, field)
        step = FIRST_STEP * (LAST_STEP / FIRST_STEP) ** part
        images = images + step * slope / _root_mean_square(slope, inside)
        images = images / np.maximum(_root_mean_square(images, inside), 1.0)
    return images.astype("float32"), moved


def _blurred(slope, part, field):
    widths = (field.rows, field.columns)
    first = [FIRST_BLUR * min(one.width, LARGEST_SIDE) for one in widths]
    last = [LAST_BLUR * one.stride for one in widths]
    deviations = [a + (b - a) * part for a, b in zip(first, last, strict=True)]
    return ndimage.gaussian_filter(slope, (*[0] * (slope.ndim - 3), *deviations, 0))


def _random_shift(generator, field):
    largest = _largest_shift(field)
    return int(generator.integers(-largest, largest + 1))


def _root_mean_square(images, inside):
    """Of each image, over the pixels inside; shape (filter, 1, ...)."""
    axes = tuple(range(1, images.ndim))
    part = inside.mean(dtype="float64")
    return np.sqrt(((images * inside) ** 2).mean(axis=axes, keepdims=True) / part)


def _noise(generators, shape):
    return np.stack([generator.normal(size=shape) for generator in generators])


def _one_hot(filters, count):
    return np.eye(count, dtype="float32")[np.asarray(filters)]
