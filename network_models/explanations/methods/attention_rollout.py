"""Attention rollout: which parts of the image the tokens of a transformer come from."""

import math

import keras
import numpy as np

from network_models.explanations import inspection
from network_models.explanations.gradients import inputs_reaching
from network_models.explanations.methods.attribution import Attribution, UnsuitableMethodError
from network_models.explanations.methods.planes import laid_over
from network_models.explanations.output_numbers import output_number

ATTENTION = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
MOST_CLASS_TOKENS = 2  # one for the class, and one for distillation
OTHERS = (
    "The methods gradient, smooth_gradient, integrated_gradients and occlusion explain any model."
)


def attention_rollout(model, sample, *, output=0):
    """Which parts of the image the tokens of a transformer come from.

    In every self-attention layer half of a token is itself, through the residual connection, and
    half is what it attends to, in the mean over heads. The product over all layers says how much
    of each first token is in each last one: read in the row of the class token, or in the mean
    over rows where there is none. It knows no channels, and nothing of what comes after attention:
    not which number is forecast, nor whether a part raises or lowers it. On synthetic Suns it
    found the known regions with a ROC area of 0.87: a map is as coarse as the tokens.

    Tokens must be laid out row by row, in a grid with the image's ratio of height to width, frames
    of a series one after the other; class tokens come first.

    Args:
        model: keras.Model that takes physical units.
        sample: dict of name to array, a batch of one.
        output: which number is forecast, as in `output_numbers.output_number`.

    Returns:
        `Attribution` of kind "relevance", last axis 1, adding up to 1 over the tokens of the grid.

    Raises:
        UnsuitableMethodError: if the model has no self-attention, or its tokens are no grid over
            one image.

    Source:
        Abnar & Zuidema 2020, arXiv:2005.00928.
    """
    forecast, scores = _attention(model, sample, output)
    name = _attended_image(model, sample)
    image = sample[name][0]
    relevance = _rollout(scores)
    grid = token_grid(len(relevance), image.shape[:-1])
    if grid is None:
        raise UnsuitableMethodError(
            f"The tokens of the model are no grid over {name!r}. Expected rows x columns in the "
            f"ratio of its height to its width, {image.shape[-3]} : {image.shape[-2]}, perhaps for "
            f"each frame, and at most {MOST_CLASS_TOKENS} class tokens. Received: {len(relevance)} "
            f"tokens. {OTHERS}"
        )
    first = len(relevance) - math.prod(grid)  # class tokens
    tokens = relevance[0 if first else slice(None), first:].reshape(-1, math.prod(grid))
    planes = tokens.mean(axis=0).reshape(grid)
    values = {name: laid_over(planes / planes.sum(), image)}
    return Attribution("attention_rollout", values, forecast, "relevance")


def token_grid(count, shape):
    """How tokens are laid out over an image.

    Args:
        count: int, number of tokens, class tokens among them.
        shape: ([time,] height, width) of the image.

    Returns:
        (frames, rows, columns) with the fewest class tokens and the most frames; None if the
        tokens are no such grid.
    """
    *times, height, width = shape
    most = times[0] if times else 1
    frames = [frame for frame in range(most, 0, -1) if most % frame == 0]
    for class_tokens in range(MOST_CLASS_TOKENS + 1):
        for frame in frames:
            each, rest = divmod(count - class_tokens, frame)
            rows = math.isqrt(max(each, 0) * height // width)
            columns = each // rows if rows else 0
            fits = rows * columns == each and rows * width == columns * height
            if columns and not rest and fits:
                return frame, rows, columns
    return None


def _attention(model, sample, output):
    """The forecast, and the scores of each self-attention: arrays (heads, token, token)."""
    layers = [layer for layer in inspection.all_layers(model) if isinstance(layer, ATTENTION)]
    found = []

    def looking(layer, call):
        def looking_call(query, value, *arguments, **options):
            options["return_attention_scores"] = True
            out, scores = call(query, value, *arguments, **options)
            if np.array_equal(*(inspection.as_numpy(one) for one in (query, value))):
                found.append(inspection.as_numpy(scores).astype("float64"))
            return out

        return looking_call

    with inspection.called_through(layers, looking):
        forecast = float(output_number(model, sample, output)[0])
    if not found:
        raise UnsuitableMethodError(
            "Attention rollout cannot explain a model without self-attention. Expected a "
            "MultiHeadAttention or GroupQueryAttention of one sequence with itself. Received: "
            f"layers {inspection.kinds(model)}. {OTHERS}"
        )
    shapes = list(dict.fromkeys(scores.shape[:1] + scores.shape[2:] for scores in found))
    if len(shapes) > 1 or len(shapes[0]) != 3 or shapes[0][0] != 1:
        raise UnsuitableMethodError(
            "Attention rollout follows the same tokens through all layers. Expected scores of one "
            f"shape (1, token, token). Received: {shapes}, as where tokens are merged or attend in "
            f"groups. {OTHERS}"
        )
    return forecast, [scores[0] for scores in found]


def _attended_image(model, sample):
    """Name of the one image that the attention looks at."""
    names = inspection.spatial_inputs(sample)
    if len(names) > 1:
        layers = [layer for layer in inspection.all_layers(model) if isinstance(layer, ATTENTION)]
        reaching = inputs_reaching(model, sample, names, layers)
        names = [name for name in names if any(name in inputs for inputs in reaching)]
    if len(names) != 1:
        raise UnsuitableMethodError(
            "Attention rollout cannot tell which tokens belong to which image. Expected one image "
            f"that passes through attention. Received: {names}. {OTHERS}"
        )
    return names[0]


def _rollout(scores):
    """How much of each first token is in each last one, shape (last, first); rows add up to 1."""
    rolled = np.eye(scores[0].shape[-1])
    for heads in scores:
        mixed = heads.mean(axis=0) + np.eye(len(rolled))
        rolled = mixed / mixed.sum(axis=-1, keepdims=True) @ rolled
    return rolled
