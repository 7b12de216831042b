"""Does the network read the date? How well its embedding tells the year.

AIA ages by up to a factor of 20 in ten years, so a network can read the date from brightness and
learn the solar cycle by heart in place of the Sun. The probe asks ridge regression for the decimal
year and a linear discriminant for the calendar year. It is trained on blocks of 27 days, one solar
rotation, and scored on the blocks between them: the question is where within known years a sample
lies, which a network that has kept nothing of the date cannot answer. Samples near in time are
never on both sides.

Two things stand beside each score. Chance: the same probe with the dates of whole blocks exchanged.
And the means of the channels: what the pixels give away, whatever the network makes of them. The
cycle itself dates an image too; what falls when degradation is corrected was the telescope's age.
"""

import keras
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeCV
from sklearn.metrics import balanced_accuracy_score, r2_score, root_mean_squared_error
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import StandardScaler

from network_models.explanations import embeddings, inspection

BLOCK_DAYS = 27.0  # one solar rotation
GAP_DAYS = 3.0  # an active region changes little in less
FOLDS = 5
EXCHANGES = 20  # of the blocks' dates, for chance
SHORTEST_DAYS = 2 * 365 - BLOCK_DAYS  # two years, of which a block may lack
LARGEST = 100  # components that are probed of vectors with more units: a fit's cost is their square
STRENGTHS = np.logspace(-2, 6, 9)  # of the ridge, chosen within the training blocks
YEAR = np.timedelta64(1, "Y")


def probe_year(vectors, times, block_days=BLOCK_DAYS, exchanges=EXCHANGES, seed=1):
    """How well a linear model tells the year from vectors.

    Args:
        vectors: float array, shape (sample, unit): activations, or means of channels. Samples with
            NaN are left out.
        times: datetime64 array, shape (sample,), UTC.
        block_days: length of the blocks that are left out in turn, days.
        exchanges: how many times the blocks' dates are exchanged, for chance.
        seed: of these exchanges.

    Returns:
        Dict: r2 and rmse_years of the decimal year, balanced_accuracy of the calendar year, the
        same as chance_r2, ... (means over the exchanges), samples, blocks and years (counts).

    Raises:
        ValueError: if the samples span less than two years or too few blocks, or differ in number.
    """
    vectors, times = _known(vectors, times)
    blocks = _blocks(times, block_days)
    _check(times, blocks, block_days)
    vectors, folds = _reduced(vectors), _folds(times, blocks)
    scores = _scores(vectors, times, folds)
    generator = np.random.default_rng(seed)
    chances = [
        _scores(vectors, _exchanged(times, blocks, block_days, generator), folds)
        for _ in range(exchanges)
    ]
    chance = {f"chance_{name}": np.mean([one[name] for one in chances]) for name in scores}
    years = len(np.unique(times.astype("datetime64[Y]")))
    return scores | chance | {"samples": len(times), "blocks": len(set(blocks)), "years": years}


def check_times(times, block_days=BLOCK_DAYS):
    """Refuses samples that cannot say whether the year can be read, before anything is embedded.

    Args:
        times: datetime64 array, shape (sample,), UTC.
        block_days: as of `probe_year`.

    Raises:
        ValueError: if they span less than two years or too few blocks.
    """
    times = np.sort(np.asarray(times, "datetime64[s]"))
    _check(times, _blocks(times, block_days), block_days)


def probe(model, batches_by_name, times_by_name, **options):
    """The probe of a network's embedding and of its images' channel means.

    Args:
        model: keras.Model that takes physical units.
        batches_by_name: dict of name ("uncorrected", "degradation corrected") to iterable of
            decoded batches: the same samples, opened in several ways.
        times_by_name: dict of the same names to datetime64 arrays, in the order of the samples.
        **options: of `probe_year`.

    Returns:
        DataFrame, a row for each (images, probed): the columns are those of `probe_year`.
    """
    rows = {}
    for name, batches in batches_by_name.items():
        activations, means = vectors_and_means(model, batches)
        rows[name, "embedding"] = probe_year(activations, times_by_name[name], **options)
        if means.shape[1]:
            rows[name, "channel means"] = probe_year(means, times_by_name[name], **options)
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = table.index.set_names(["images", "probed"])
    return table


def vectors_and_means(model, batches):
    """Penultimate activations and channel means of every sample, in one pass.

    Args:
        model: keras.Model that takes physical units.
        batches: iterable of (x,), (x, y) or (x, y, weight), decoded.

    Returns:
        Float arrays, shapes (sample, unit) and (sample, channel): see `channel_means`.
    """
    activations, means = [], []
    for batch in batches:
        x = keras.utils.unpack_x_y_sample_weight(batch)[0]
        activations.append(embeddings.penultimate(model, [x]))
        means.append(channel_means(x))
    if not activations:
        raise ValueError(
            "There is nothing to probe. Expected at least one batch. Received: none. An iterator "
            "that has been used up gives none: make it anew."
        )
    return np.concatenate(activations), np.concatenate(means)


def channel_means(x):
    """The mean brightness of each channel of the images, on a scale that is a logarithm above 1.

    Args:
        x: dict of name to array, (batch, [time,] height, width, channel) for images.

    Returns:
        Float array, shape (batch, channel): asinh of the mean over all pixels that are present (and
        frames), NaN where none is. No columns if there are no images.
    """
    means = []
    for name in inspection.spatial_inputs(x):
        images = np.asarray(inspection.as_numpy(x[name]), "float64")
        pixels = images.reshape(len(images), -1, images.shape[-1])
        present = np.isfinite(pixels)
        total = np.where(present, pixels, 0).sum(axis=1)
        count = present.sum(axis=1)
        means.append(
            np.arcsinh(np.divide(total, count, np.full_like(total, np.nan), where=count > 0))
        )
    return np.concatenate([np.zeros((len(next(iter(x.values()))), 0)), *means], axis=1)


def decimal_year(times):
    """Times as years and fractions of their own length: noon of 2 July 2014 is 2014.5."""
    start = np.asarray(times).astype("datetime64[Y]")
    length = (start + YEAR).astype("datetime64[s]") - start.astype("datetime64[s]")
    return 1970 + start.astype(int) + (times - start.astype(times.dtype)) / length


def _known(vectors, times):
    vectors, times = np.asarray(vectors, "float64"), np.asarray(times, "datetime64[s]")
    if vectors.ndim != 2 or len(vectors) != len(times):
        raise ValueError(
            "Expected vectors of the shape (sample, unit), and a time for each. Received: vectors "
            f"of {vectors.shape} and {len(times)} times."
        )
    known = np.isfinite(vectors).all(axis=1)
    order = np.argsort(times[known], kind="stable")
    return vectors[known][order], times[known][order]


def _reduced(vectors):
    """Each number with mean 0 and deviation 1, and of many the principal components."""
    scaled = StandardScaler().fit_transform(vectors)
    if vectors.shape[1] <= LARGEST:
        return scaled
    return PCA(min(LARGEST, len(vectors)), svd_solver="full").fit_transform(scaled)


def _blocks(times, block_days):
    """Number of each sample's block, from that of the first sample on."""
    days = (times - times[:1]) / np.timedelta64(1, "D")
    return (days // block_days).astype(int)


def _check(times, blocks, block_days):
    span = (times[-1] - times[0]) / np.timedelta64(1, "D") if len(times) else 0.0
    count = len(set(blocks))
    if span >= SHORTEST_DAYS and count >= 2 * FOLDS:
        return
    dates = f"{times[0]} to {times[-1]}, " if len(times) else ""
    raise ValueError(
        "These samples cannot say whether the year can be read. Expected samples over two years "
        f"({SHORTEST_DAYS:g} days) or more, in {2 * FOLDS} blocks of {block_days:g} days or more. "
        f"Received: {len(times)} samples with finite numbers, {dates}{span:.0f} days, {count} "
        "blocks. Take all splits, or data of more years."
    )


def _folds(times, blocks):
    """Pairs of training and test samples; training keeps its distance from every test block."""
    fold = np.unique(blocks, return_inverse=True)[1] % FOLDS
    gap, pairs = np.timedelta64(round(GAP_DAYS * 86400), "s"), []
    for number in range(FOLDS):
        test = fold == number
        asked = times[test]
        near = np.searchsorted(asked, times - gap) < np.searchsorted(asked, times + gap, "right")
        pairs.append((np.flatnonzero(~near), np.flatnonzero(test)))
    return pairs


def _scores(vectors, times, folds):
    years, calendar = decimal_year(times), times.astype("datetime64[Y]").astype(int)
    told = cross_val_predict(RidgeCV(STRENGTHS), vectors, years, cv=folds)
    named = _named_years(vectors, calendar, folds)
    return {
        "r2": r2_score(years, told),
        "rmse_years": root_mean_squared_error(years, told),
        "balanced_accuracy": balanced_accuracy_score(calendar, named),
    }


def _named_years(vectors, calendar, folds):
    """The calendar year that a linear discriminant gives each sample, all years equally likely."""
    named = np.empty_like(calendar)
    for train, test in folds:
        count = len(np.unique(calendar[train]))
        # Not a ridge: a line through ordered classes never names those in the middle.
        discriminant = LinearDiscriminantAnalysis(
            solver="lsqr", shrinkage="auto", priors=np.full(count, 1 / count)
        )
        named[test] = discriminant.fit(vectors[train], calendar[train]).predict(vectors[test])
    return named


def _exchanged(times, blocks, block_days, generator):
    """The times, with whole blocks in another order; a sample keeps its place in its block.

    The last block is a short one: what falls beyond the last time there is put on that time.
    """
    names, position = np.unique(blocks, return_inverse=True)
    moved = (generator.permutation(names)[position] - blocks) * block_days
    return np.minimum(times + np.round(moved * 86400).astype("timedelta64[s]"), times[-1])
