"""Occlusion: what the forecast loses when a region is covered. Slow, and true by construction."""

import itertools

import numpy as np

from network_models.explanations.methods.attribution import Attribution
from network_models.explanations.methods.baselines import whitened_baseline
from network_models.explanations.methods.whitened_images import WhitenedImages

TILES = 16  # along the width of an image


def occlusion(model, sample, *, output=0, baseline=None, tiles=TILES):
    """What the forecast changes by when a square region of one channel is covered by the baseline.

    Every square of every channel (and frame) is covered on its own, after whitening; the forecast
    with it less the forecast without it is dealt out evenly to its pixels. What a network reads
    from two places at once it need not lose with either, so the shares need not add up to the
    change of the forecast from the baseline.

    It costs a forecast for each square, channel and frame: 2048 for 16 x 16 squares of 8 channels.

    Args:
        model: keras.Model that takes physical units.
        sample: dict of name to array, a batch of one.
        output: which number is explained, as in `output_numbers.output_number`.
        baseline: as in `baselines.whitened_baseline`, where it stands which to choose.
        tiles: int, squares along the width of an image.

    Returns:
        `Attribution` of kind "share".

    Raises:
        ValueError: for a baseline that does not fit.

    Source:
        Zeiler & Fergus 2014, arXiv:1311.2901.
    """
    images = WhitenedImages(model, sample, output)
    cover = whitened_baseline(images, baseline)
    forecast, bare = (
        float(images.forecasts({name: one[name][None] for name in images.names})[0])
        for one in (images.values, cover)
    )
    values = {name: np.full(image.shape, np.nan) for name, image in images.values.items()}
    regions = [
        (name, region)
        for name, image in images.values.items()
        for region in squares(image.shape, tiles)
        if not images.missing[name][region].all()
    ]
    for start in range(0, len(regions), images.batch_size):
        batch = regions[start : start + images.batch_size]
        lost = forecast - images.forecasts(_covered(images, cover, batch))
        for (name, region), change in zip(batch, lost, strict=True):
            known = ~images.missing[name][region]
            values[name][region] = np.where(known, change / known.sum(), np.nan)
    return Attribution("occlusion", values, forecast, "share", baseline_forecast=bare)


def squares(shape, tiles=TILES):
    """Index of every square of every channel and frame of an image.

    Args:
        shape: ([time,] height, width, channel).
        tiles: int, squares along the width; those at the right and upper edge may be smaller.

    Returns:
        List of tuples that index an array of this shape.
    """
    *times, height, width, channels = shape
    side = max(1, round(width / tiles))
    rows, columns = (
        [slice(start, start + side) for start in range(0, size, side)] for size in (height, width)
    )
    frames = [range(count) for count in times]
    return list(itertools.product(*frames, rows, columns, range(channels)))


def _covered(images, cover, batch):
    """A copy of all images for each region, with that region covered."""
    copies = {
        name: np.repeat(image[None], len(batch), axis=0) for name, image in images.values.items()
    }
    for i, (name, region) in enumerate(batch):
        copies[name][i][region] = cover[name][region]
    return copies
