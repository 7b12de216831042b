"""What every picture shares: colour tables, stretches, axes, marks, and files written whole."""

import math

import matplotlib
import numpy as np
from astropy.visualization import AsinhStretch, ImageNormalize, LinearStretch
from matplotlib.figure import Figure
from sunpy.visualization.colormaps import cmlist

from tools import tools

MISSING = "#808080"  # NaN pixels: a grey that no solar colour table ends in
MARK = "#b00020"
TITLE, LABEL, SMALL = 15, 13, 11  # font sizes in points, read from the last row
RESOLUTION = 100  # dots per inch
LINEAR_UNITS = ("browse",)  # already stretched
SEQUENTIAL, DIVERGING = "inferno", "RdBu_r"  # both read by the colour-blind


def new_figure(width, height):
    """An empty figure of `width` by `height` inches; no global state of pyplot is touched."""
    return Figure(figsize=(width, height), dpi=RESOLUTION, layout="constrained")


def save(figure, path):
    """Writes a figure as PNG, whole; the same figure gives the same bytes."""
    with tools.written_whole(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    return path


def add_marks(figure, marks):
    """Writes `marks` ("SYNTHETIC", say) into every panel, so that no cut-out loses them."""
    for axes in figure.axes:
        if marks and axes.axison and axes.get_label() != "<colorbar>":
            add_mark(axes, marks)


def add_mark(axes, marks):
    """Writes `marks` into the lower right corner of one panel."""
    style = {"facecolor": MARK, "edgecolor": "none", "alpha": 0.85, "boxstyle": "round,pad=0.2"}
    axes.text(
        *(0.985, 0.015, ", ".join(marks)),
        transform=axes.transAxes,
        ha="right",
        va="bottom",
        color="white",
        fontsize=SMALL - 2,
        fontweight="bold",
        bbox=style,
        zorder=10,
    )


def colour_table(channel):
    """SunPy's colour table of an AIA channel, grey for anything else; missing pixels stand out."""
    table = cmlist.get(f"sdoaia{channel}", matplotlib.colormaps["gray"])
    return table.with_extremes(bad=MISSING)


def scalar_table(name):
    """Matplotlib's colour table `name`, with missing pixels grey."""
    return matplotlib.colormaps[name].with_extremes(bad=MISSING)


def channel_title(channel):
    """A channel's name as a reader wants it: "171 Å" for a wavelength."""
    return f"{channel} Å" if str(channel).isdigit() else str(channel)


def time_title(time):
    """A time to the second: "2014-01-01 00:00:12 UTC"."""
    return f"{np.datetime_as_string(np.datetime64(time), 's').replace('T', ' ')} UTC"


def image_scale(image, unit=""):
    """The brightness scale of an image: asinh, linear near the dark sky, a logarithm above.

    Args:
        image: float array, any shape; NaN is left out.
        unit: its unit; images in one of `LINEAR_UNITS` are stretched already.
    """
    finite = image[np.isfinite(image)]
    low, high = np.percentile(finite, (1, 99.9)) if finite.size else (0.0, 1.0)
    if not high > low:
        high = low + 1.0
    stretch = LinearStretch() if unit in LINEAR_UNITS else AsinhStretch(0.05)
    return ImageNormalize(vmin=low, vmax=high, stretch=stretch, clip=False, invalid=np.nan)


def draw_image(axes, image, channel, unit="", extent=None):
    """Draws one channel of the Sun in its colour table; returns the artist."""
    return axes.imshow(
        np.ma.masked_invalid(image),
        cmap=colour_table(channel),
        norm=image_scale(image, unit),
        origin="lower",
        extent=extent,
        interpolation="nearest",
    )


def solar_extent(cards, shape):
    """Left, right, bottom and top edge of an image in arcsec; None if the WCS is not that simple.

    Args:
        cards: dict of FITS WCS cards, or None.
        shape: (height, width) in pixels.
    """
    if not cards or abs(float(cards.get("CROTA2", 0.0))) > 0.1 or "PC1_2" in cards:
        return None  # turned by more than a reader sees: pixel numbers are the honest axes
    edges = []
    for axis, size in ((1, shape[1]), (2, shape[0])):
        if str(cards.get(f"CUNIT{axis}")).strip() != "arcsec":
            return None
        reference, step = cards[f"CRPIX{axis}"], cards[f"CDELT{axis}"]
        start = cards.get(f"CRVAL{axis}", 0.0) + (0.5 - reference) * step
        edges += [start, start + size * step]
    return edges


def label_axes(axes, extent):
    """Names the axes of an image: solar x and y in arcsec, or pixels."""
    names = ("solar x [arcsec]", "solar y [arcsec]") if extent else ("column", "row")
    axes.set_xlabel(names[0], fontsize=LABEL)
    axes.set_ylabel(names[1], fontsize=LABEL)
    axes.tick_params(labelsize=SMALL)
    axes.locator_params(nbins=5)


def mosaic(tiles, columns, gap=1, fill=np.nan):
    """Tiles of one shape in one array, row by row from the top, `gap` pixels apart.

    Args:
        tiles: sequence of arrays, shape (height, width) or (height, width, colour).
        columns: int, how many stand in a row.
        gap: int, pixels between and around them.
        fill: number that stands where no tile does.

    Returns:
        Array, shape (rows * (height + gap) + gap, columns * (width + gap) + gap[, colour]).
    """
    first = np.asarray(tiles[0])
    height, width = first.shape[0] + gap, first.shape[1] + gap
    rows = math.ceil(len(tiles) / columns)
    shape = (rows * height + gap, columns * width + gap, *first.shape[2:])
    sheet = np.full(shape, fill, dtype=np.result_type(first, type(fill)))
    for i, tile in enumerate(tiles):
        top, left = i // columns * height + gap, i % columns * width + gap
        sheet[top : top + height - gap, left : left + width - gap] = tile
    return sheet
