"""What every picture shares: colour tables, stretches, axes, marks, and files written whole."""

import math

import matplotlib
import matplotlib.patheffects
import numpy as np
from astropy import units
from astropy.visualization import AsinhStretch, ImageNormalize, LinearStretch
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from sunpy.visualization.colormaps import cmlist

from tools import tools

MISSING = "#808080"  # NaN pixels: a grey that no solar colour table ends in
MARK = "#b00020"
TITLE, LABEL, SMALL = 15, 13, 11  # font sizes in points, read from the last row
RESOLUTION, FINE_RESOLUTION = 100, 160  # dots per inch; fine for pages of many small panels
LINEAR_UNITS = ("browse",)  # already stretched
SEQUENTIAL, DIVERGING = "inferno", "RdBu_r"  # both read by the colour-blind
HALO = (matplotlib.patheffects.withStroke(linewidth=2.6, foreground="black"),)  # on any brightness


def new_figure(width, height):
    """An empty figure of `width` by `height` inches; no global state of pyplot is touched."""
    return Figure(figsize=(width, height), dpi=RESOLUTION, layout="constrained")


def new_panels(rows, columns, panel, gaps, margins):
    """A figure of equal panels at fixed places: drawn in half the time that a layout engine takes.

    Args:
        rows: int, from the top.
        columns: int.
        panel: width and height of one, inches.
        gaps: width and height between two, inches.
        margins: left, right, bottom and top, inches.

    Returns:
        The figure, and an array of axes, shape (rows, columns).
    """
    (width, height), (left, right, bottom, top) = panel, margins
    whole = left + columns * (width + gaps[0]) - gaps[0] + right
    tall = bottom + rows * (height + gaps[1]) - gaps[1] + top
    figure = Figure(figsize=(whole, tall), dpi=RESOLUTION)
    grid = figure.add_gridspec(
        *(rows, columns),
        left=left / whole,
        right=1 - right / whole,
        bottom=bottom / tall,
        top=1 - top / tall,
        wspace=gaps[0] / width,
        hspace=gaps[1] / height,
    )
    return figure, grid.subplots(squeeze=False)


def add_bar(figure, drawn, label, extend, gap):
    """Adds a colour bar in the right margin, `gap` inches beside the panels, as tall as they are.

    Args:
        figure: of `new_panels`.
        drawn: what `imshow` returned.
        label: str.
        extend: "max" or "both": which ends have colours for what lies beyond.
        gap: float, inches.
    """
    places = [axes.get_position() for axes in figure.axes]
    right, bottom = max(place.x1 for place in places), min(place.y0 for place in places)
    tall = max(place.y1 for place in places) - bottom
    width, height = figure.get_size_inches()
    length = min(tall, 5.0 / height)
    place = (right + gap / width, bottom + (tall - length) / 2, 0.17 / width, length)
    bar = figure.colorbar(drawn, cax=figure.add_axes(place, label="<colorbar>"), extend=extend)
    bar.set_label(label, fontsize=LABEL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.formatter.set_powerlimits((-2, 3))
    bar.formatter.set_useMathText(True)


def save(figure, path, resolution=RESOLUTION):
    """Writes a figure as PNG, whole; the same figure gives the same bytes.

    Args:
        figure: matplotlib figure.
        path: of the file.
        resolution: dots per inch.
    """
    with tools.written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=resolution, metadata={"Software": None})
    return path


def add_marks(figure, marks):
    """Writes `marks` ("SYNTHETIC", say) into every panel, so that no cut-out loses them."""
    for axes in figure.axes:
        if axes.axison and axes.get_label() != "<colorbar>":
            add_mark(axes, marks)


def add_mark(axes, marks):
    """Writes `marks` into the lower right corner of one panel; nothing where there are none."""
    style = {"facecolor": MARK, "edgecolor": "none", "alpha": 0.85, "boxstyle": "round,pad=0.2"}
    if not marks:
        return
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


def number_title(number):
    """A number to three digits; "unknown" if it is missing."""
    return printed(f"{number:#.3g}") if math.isfinite(number) else "unknown"


def printed(text):
    """Text of numbers with the minus sign of printed books."""
    return text.replace("-", "\N{MINUS SIGN}")


def unit_title(unit):
    """A unit as a paper writes it; texts that are no unit, such as "arbitrary", stay."""
    if not unit:
        return ""
    logarithm = unit.startswith("log10(") and unit.endswith(")")
    try:
        text = units.Unit(unit[6:-1] if logarithm else unit).to_string("latex_inline")
    except ValueError:
        return unit
    return rf"$\log_{{10}}$ {text}" if logarithm else text


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
    drawn = axes.imshow(
        np.ma.masked_invalid(image),
        cmap=colour_table(channel),
        norm=image_scale(image, unit),
        origin="lower",
        extent=extent,
        interpolation="nearest",
    )
    axes.autoscale(False)  # what is drawn over it does not widen the field
    return drawn


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


def draw_limb(axes, cards, extent, color="white"):
    """Draws the edge of the Sun where `solar_extent` is known and the cards tell its radius."""
    radius = (cards or {}).get("RSUN_OBS")
    if extent and radius:
        limb = Circle((0.0, 0.0), float(radius), fill=False, color=color, linewidth=0.7, alpha=0.6)
        axes.add_patch(limb)


def draw_region(axes, region, shape, extent, text, size=SMALL):
    """Draws a numbered circle on an image.

    Args:
        axes: of `draw_image`.
        region: (row, column, radius) in pixels.
        shape: (height, width) of the image in pixels.
        extent: as from `solar_extent`, or None.
        text: the number.
        size: of the text, points.
    """
    left, right, bottom, top = extent or (-0.5, shape[1] - 0.5, -0.5, shape[0] - 0.5)
    step = (right - left) / shape[1], (top - bottom) / shape[0]
    row, column, radius = region
    centre = left + (column + 0.5) * step[0], bottom + (row + 0.5) * step[1]
    style = {"fill": False, "edgecolor": "white", "linewidth": 1.1, "path_effects": HALO}
    axes.add_patch(Circle(centre, radius * abs(step[0]), **style))
    side = -1 if column > 0.9 * shape[1] else 1  # the number stays inside the image
    axes.annotate(
        *(text, (centre[0] + side * radius * step[0], centre[1] + radius * step[1])),
        ha="right" if side < 0 else "left",
        va="center",
        color="white",
        fontsize=size,
        fontweight="bold",
        path_effects=HALO,
        clip_on=True,
    )


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
