"""Which samples a network finds alike: the nearest by what enters its last layer."""

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from network_models.explanations import figures
from network_models.explanations.embedding_table import activations, row_of

METRICS = ("cosine", "euclidean")
KEPT = ("id", "time", "split", "class", "target", "forecast")
QUERIES = 4  # rows of an overview, from the lowest target to the highest
COUNT = 7  # neighbours of each


def nearest(table, id, count=COUNT, metric="cosine", apart_days=0.0):
    """The samples whose activations are nearest to those of one.

    Each activation is brought to mean 0 and deviation 1 over the table first, so that none counts
    for more because its numbers are larger.

    Args:
        table: DataFrame of `write_embeddings`.
        id: of the sample to compare with.
        count: int, at most how many neighbours.
        metric: "cosine" (1 less the cosine of the angle: 0 to 2), or "euclidean" (in deviations).
        apart_days: leaves out samples less than this far in time from the one asked for: images an
            hour apart are alike whatever the network has learnt.

    Returns:
        DataFrame, the sample itself first, then its neighbours: rank (0 is itself), distance, id,
        time, split, class, target, forecast, row (in `table`) and index (in its split).

    Raises:
        ValueError: if there is no such sample or metric, `count` is below 1, its activations are
            missing, or none is far enough.
    """
    _check(metric, count)
    query, vectors = row_of(table, id), activations(table)
    known = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    if query not in known:
        raise ValueError(
            f"The activations of {str(id)!r} are not finite, so nothing is near it. Expected a "
            "sample with finite ones. Received: NaN or infinity; its image may lack pixels."
        )
    scaled = StandardScaler().fit_transform(vectors[known])
    search = NearestNeighbors(n_neighbors=len(known), metric=metric).fit(scaled)
    distances, found = search.kneighbors(scaled[known == query])
    distances, rows = distances[0], known[found[0]]
    far = _far(table, query, rows, apart_days)
    if not far.any():
        raise ValueError(
            f"No other sample is {apart_days:g} days or more from {str(id)!r}. Expected at least "
            f"one. Received: apart_days={apart_days:g} and samples from {table['time'].min()} to "
            f"{table['time'].max()}. Lower apart_days."
        )
    chosen = np.flatnonzero(far)[:count]
    return _described(table, [query, *rows[chosen]], [0.0, *distances[chosen]])


def neighbour_sheet(found, pictures, title="", marks=()):
    """Pictures of samples and of their neighbours, a row for each sample.

    Args:
        found: list of DataFrames of `nearest`.
        pictures: dict or sequence, from the "row" of `nearest` to a picture, as from
            `thumbnails.thumbnails`.
        title: str.
        marks: words that every picture must carry, where they do not carry them.
    """
    columns = max(len(one) for one in found)
    figure = figures.new_figure(1.9 * columns + 0.3, 2.7 * len(found) + 0.5)
    panels = figure.subplots(len(found), columns, squeeze=False)
    for row, samples in zip(panels, found, strict=True):
        for axes in row:
            axes.set_axis_off()
        for axes, (_, sample) in zip(row, samples.iterrows(), strict=False):
            _draw(axes, sample, pictures[sample["row"]], marks)
    figure.suptitle(title, fontsize=figures.TITLE)
    return figure


def overview(table, vectors, pictures):
    """A sheet of a few samples, from the lowest target to the highest, and their neighbours.

    Args:
        table: DataFrame of `write_embeddings`.
        vectors: float array, shape (sample, unit).
        pictures: list of pictures, one for each row.

    Returns:
        Figure, or None if there are no pictures, or fewer than three samples to compare.
    """
    known = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    if len(pictures) != len(table) or len(known) < 3:
        return None
    ranked = known[np.argsort(table["target"].to_numpy()[known], kind="stable")]
    queries = ranked[np.unique(np.linspace(0, len(ranked) - 1, QUERIES).astype(int))]
    span = (table["time"].iloc[known].max() - table["time"].iloc[known].min()).total_seconds()
    days = min(3.0, span / 86400 / 10)  # each query keeps most of the others
    found = [nearest(table, table["id"].iloc[row], apart_days=days) for row in queries]
    apart = f", {days:.2g} days or more apart" if days else ""
    title = f"samples (left) and the nearest by the cosine of what enters the last layer{apart}"
    return neighbour_sheet(found, pictures, title)


def _check(metric, count):
    if metric not in METRICS:
        raise ValueError(
            f"There is no such metric. Expected one of {METRICS}. Received: metric={metric!r}."
        )
    if count < 1:
        raise ValueError(f"Expected a count of neighbours of 1 or more. Received: count={count!r}.")


def _far(table, query, rows, apart_days):
    times = table["time"].to_numpy()
    apart = np.abs(times[rows] - times[query]) / np.timedelta64(1, "D")
    return (rows != query) & (apart >= apart_days)


def _described(table, rows, distances):
    order = {"rank": range(len(rows)), "distance": distances}
    found = pd.concat(
        [pd.DataFrame(order), table.iloc[rows][list(KEPT)].reset_index(drop=True)], axis=1
    )
    positions = table.groupby("split").cumcount().to_numpy()
    return found.assign(row=rows, index=positions[rows])


def _draw(axes, sample, picture, marks):
    axes.imshow(picture, interpolation="bilinear")
    itself = sample["rank"] == 0
    distance = "" if itself else f"distance {sample['distance']:.2f}"
    text = f"{sample['time']:%Y-%m-%d %H:%M}\n{sample['class'] or 'unknown'}\n{distance}"
    axes.set_title(text, fontsize=figures.SMALL, fontweight="bold" if itself else "normal")
    if marks:
        figures.add_mark(axes, marks)
