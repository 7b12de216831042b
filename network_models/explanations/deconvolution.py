"""What in an image made one output of a layer large, projected back to the pixels.

Deconvolution (Zeiler & Fergus 2014, arXiv:1311.2901) sends a signal from one output of a layer back
to the image: through transposed convolutions, through the places where pooling found its largest
values, and through relus that rectify the signal itself.

It is a view of the filter, not a proof of what the network has learned: such projections keep much
of their looks when the weights become random (Nie, Zhang & Patel 2018, arXiv:1805.07039; Adebayo et
al. 2018, arXiv:1810.03292, on guided backpropagation). In `starting_point` trained on the embedded
sample, |projections| of the second and third layer before and after had rank correlations of 0.37
and 0.54; those of plain gradients had 0.34 and 0.38, but are 0 behind silent units; gradient x
image had 0.62 and 0.58, and is no better view. What a forecast rests on stands in maps/.
"""

import math

import numpy as np

from network_models.explanations import inspection, substitution

ALIKE = 0.02  # relative difference of outputs that are the same in half precision


def deconvolutions(trunk, x, places, filters):
    """Projects single outputs of a layer back to the whitened images that evoked them.

    Args:
        trunk: `Trunk` up to the layer.
        x: dict of name to array, shape (output, ...): for each output the sample that evoked it,
            images whitened.
        places: int array, shape (output, 3): frame, row and column in the layer's output.
        filters: int array, shape (output,).

    Returns:
        Dict of name to float array, shaped as in `x`: positive where a brighter pixel raises the
        output. Each is the projection of a signal of 1.
    """
    weights = _weights(trunk, x, filters)
    with substitution.rectified_backwards(trunk.model):
        return trunk.gradients(x, places, weights)


def seen_deconvolutions(trunk, x, field, rows):
    """Projects the outputs listed in a table, each to just the pixels that it sees.

    The network runs on a small piece of each image, which is many times faster for large ones; or
    on the whole, where pieces are not possible or evoke other outputs than the whole.

    Args:
        trunk: `Trunk` up to the layer.
        x: dict of name to array, shape (sample, ...), images whitened.
        field: `ReceptiveField` of the layer.
        rows: list of rows of the table from `features.strongest_activations`.

    Returns:
        List of float arrays, shape (height, width, channel), of the frame in the middle of what
        the output sees; NaN outside of the image.
    """
    if not rows:
        return []
    windows = [[axis.window(at.output[i]) for axis, i in _axes(field)] for at in rows]
    pieces = _pieces(x, field.image, rows, windows)
    places = np.array(
        [(at.output[0], *(one[2] for one in w)) for at, w in zip(rows, windows, strict=True)]
    )
    filters = [at.filter for at in rows]
    if _alike(trunk, pieces, places, rows):
        found = _with_time(deconvolutions(trunk, pieces, places, filters)[field.image])
        corners = [[first for first, _, _ in window] for window in windows]
        return [_seen(*one, field) for one in zip(found, rows, corners, strict=True)]
    return [_in_whole(trunk, x, field, at) for at in rows]


def patch(image, row, column, half):
    """The pixels around one, `half` of them on each side; NaN where they leave the image.

    Args:
        image: float array, shape (height, width) or (height, width, channel).
        row: int, pixel from 0.
        column: int, pixel from 0.
        half: int, or two of them for height and width.
    """
    above, beside = np.broadcast_to(half, 2)
    edges = ((above, above), (beside, beside), (0, 0))[: image.ndim]
    padded = np.pad(np.asarray(image, dtype="float64"), edges, constant_values=np.nan)
    return padded[row : row + 2 * above + 1, column : column + 2 * beside + 1]


def _axes(field):
    """Fields of height and width, with their numbers among (frame, row, column)."""
    return ((field.rows, 1), (field.columns, 2))


def _pieces(x, image, rows, windows):
    """The sample of each row, its image cut to a window."""
    pieces = {name: array[[at.sample for at in rows]] for name, array in x.items() if name != image}
    cut = [
        x[image][at.sample, ..., top : top + height, left : left + width, :]
        for at, ((top, height, _), (left, width, _)) in zip(rows, windows, strict=True)
    ]
    return pieces | {image: np.stack(cut)}


def _alike(trunk, pieces, places, rows):
    """Whether the pieces evoke what the whole images did."""
    if not trunk.takes(inspection.one_sample(pieces, 0)):
        return False
    weights = _weights(trunk, pieces, [at.filter for at in rows])
    activations = [at.activation for at in rows]
    return np.allclose(trunk.outputs(pieces, places, weights), activations, rtol=ALIKE)


def _in_whole(trunk, x, field, at):
    sample = inspection.one_sample(x, at.sample)
    found = deconvolutions(trunk, sample, np.array([at.output]), [at.filter])
    return _seen(_with_time(found[field.image])[0], at, (0, 0), field)


def _seen(values, at, corner, field):
    """What an output sees, of its frame in an image whose first pixel is `corner`."""
    half = [math.ceil((axis.width - 1) / 2) for axis, _ in _axes(field)]
    return patch(values[at.frame], at.row - corner[0], at.column - corner[1], half)


def _weights(trunk, x, filters):
    return np.eye(trunk(inspection.one_sample(x, 0)).shape[-1], dtype="float32")[list(filters)]


def _with_time(images):
    return images.reshape(len(images), -1, *images.shape[-3:])
