"""Pictures of an embedding: its principal components, and a sprite of thumbnails."""

import math

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from sklearn.decomposition import PCA

from network_models.explanations import figures, inspection
from tools import tools

THUMBNAIL = 64  # pixels on a side
LARGEST_SPRITE = 8192  # pixels on a side that TensorBoard's projector accepts
PREFERRED = "171"  # Angstrom; shows the most structure in a small picture
MARKERS = "o^sDv"  # one for each split
UNKNOWN = "#808080"


def pca_figure(table, vectors, marks=()):
    """The two directions of largest variance, coloured by target and by year.

    Args:
        table: DataFrame with time, split and target, a row per sample.
        vectors: float array, shape (sample, unit).
        marks: words that every panel must carry.
    """
    positions, explained = principal_components(vectors)
    figure = figures.new_figure(14, 6.2)
    by_target, by_year = figure.subplots(1, 2, sharex=True, sharey=True)
    _draw_by_target(figure, by_target, positions, table)
    _draw_by_year(by_year, positions, table)
    for axes in (by_target, by_year):
        axes.set_xlabel(
            f"component 1 ({100 * explained[0]:.0f} % of the variance)", fontsize=figures.LABEL
        )
        axes.tick_params(labelsize=figures.SMALL)
    by_target.set_ylabel(f"component 2 ({100 * explained[1]:.0f} %)", fontsize=figures.LABEL)
    missing = int(np.isnan(positions[:, 0]).sum())
    note = f", {missing} with missing activations left out" if missing else ""
    title = f"what enters the last layer: {len(table)} samples{note}"
    figure.suptitle(title, fontsize=figures.TITLE)
    figures.add_marks(figure, marks)
    return figure


def principal_components(vectors):
    """The two directions of largest variance.

    Args:
        vectors: float array, shape (sample, unit).

    Returns:
        Positions, shape (sample, 2): NaN for a vector with NaN, 0 along directions that there are
        not; and the fractions of the variance that the two explain, shape (2,).
    """
    known = np.isfinite(vectors).all(axis=1)
    positions, explained = np.full((len(vectors), 2), np.nan), np.zeros(2)
    positions[known] = 0.0
    if known.any() and np.ptp(vectors[known], axis=0).any():
        count = min(2, *vectors[known].shape)
        pca = PCA(n_components=count, svd_solver="full").fit(vectors[known])
        positions[known, :count] = pca.transform(vectors[known])
        explained[:count] = pca.explained_variance_ratio_
    return positions, explained


def thumbnails(x, about):
    """A small picture of each sample, in the colours of its channel, with its marks.

    Args:
        x: dict of name to array, (batch, [time,] height, width, channel) for images.
        about: list of dicts, as from `Dataset.describe`.

    Returns:
        List of uint8 arrays, shape (64, 64, 3); empty if there are no images.
    """
    names = inspection.spatial_inputs(x)
    if not names:
        return []
    images = inspection.as_numpy(x[names[0]])
    images = images if images.ndim == 4 else images[:, -1]  # the latest frame
    return [_thumbnail(*pair, names[0]) for pair in zip(images, about, strict=False)]


def write_sprite(pictures, path):
    """Writes thumbnails as one square sheet, row by row, and returns the side of each in pixels.

    They shrink where the sheet would outgrow what TensorBoard accepts.

    Args:
        pictures: list of uint8 arrays, shape (side, side, 3).
        path: of the PNG file.
    """
    columns = math.ceil(math.sqrt(len(pictures)))
    side = min(len(pictures[0]), LARGEST_SPRITE // columns)
    tiles = [np.asarray(Image.fromarray(picture).resize((side, side))) for picture in pictures]
    sheet = np.zeros((columns * side, columns * side, 3), dtype="uint8")
    for i, tile in enumerate(tiles):
        top, left = i // columns * side, i % columns * side
        sheet[top : top + side, left : left + side] = tile
    with tools.written_whole(path) as temporary:
        Image.fromarray(sheet).save(temporary)
    return side


def _draw_by_target(figure, axes, positions, table):
    target = table["target"].to_numpy("float64")
    known = np.isfinite(target)
    axes.scatter(*positions[~known].T, s=22, color=UNKNOWN, label="unknown")
    if known.any():
        for split, marker in _splits(table):
            of_split = known & (table["split"] == split).to_numpy()
            drawn = axes.scatter(
                *positions[of_split].T,
                c=target[of_split],
                vmin=target[known].min(),
                vmax=target[known].max(),
                cmap="viridis",
                marker=marker,
                s=26,
            )
        bar = figure.colorbar(drawn, ax=axes, pad=0.02)
        bar.ax.tick_params(labelsize=figures.SMALL)
    axes.set_title("by target" if known.any() else "target unknown", fontsize=figures.LABEL)


def _draw_by_year(axes, positions, table):
    years = table["time"].dt.year
    distinct = sorted(years.unique())
    shades = matplotlib.colormaps["cividis"](np.linspace(0, 1, len(distinct)))
    for split, marker in _splits(table):
        for year, shade in zip(distinct, shades, strict=True):
            chosen = ((table["split"] == split) & (years == year)).to_numpy()
            label = f"{year} {split}"
            if chosen.any():
                axes.scatter(*positions[chosen].T, s=26, marker=marker, color=[shade], label=label)
    axes.legend(fontsize=figures.SMALL, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    axes.set_title("by year", fontsize=figures.LABEL)


def _splits(table):
    return [(split, MARKERS[i % len(MARKERS)]) for i, split in enumerate(pd.unique(table["split"]))]


def _thumbnail(image, about, name):
    channels = inspection.channel_names(about, image.shape[-1], name)
    channel = PREFERRED if PREFERRED in channels else channels[0]
    plane = Image.fromarray(image[..., channels.index(channel)].astype("float32"))
    small = np.asarray(plane.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))
    scale = figures.image_scale(small, about.get("unit") or "")
    colours = figures.colour_table(channel)(scale(np.ma.masked_invalid(small)), bytes=True)
    picture = Image.fromarray(np.ascontiguousarray(colours[::-1, :, :3]))
    if marks := " ".join(about.get("marks", ())):
        font = ImageFont.load_default(size=9)
        ImageDraw.Draw(picture).text((1, THUMBNAIL - 12), marks, fill="white", font=font)
    return np.asarray(picture)
