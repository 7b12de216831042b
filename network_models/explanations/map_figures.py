"""The picture of one channel of a map, and what it shares with the sheet of all channels."""

import functools
import math

import numpy as np
from matplotlib.colors import Normalize

from network_models.explanations import figures
from network_models.explanations.saliency_map import smoothed
from network_models.explanations.strongest_regions import strongest_regions

ENCLOSED = (0.5, 0.2)  # contours enclose these fractions of the sensitivity
CONTOUR_WIDTHS = (0.9, 1.8)  # points, from the widest contour to the innermost
CONTOUR_SMOOTHING = 0.015  # of the image's width: contours of finer detail hide the Sun
LONGEST_UNIT = 6  # letters that fit above a panel of the sheet: "W / m2", not "probability"
QUANTITIES = {
    "slope": "|slope| × standard deviation",
    "share": "lowers (−) or raises (+) the forecast",
    "relevance": "relevance",
}
NAMES = {"grad_cam": "Grad-CAM"}  # where it is not the name of the method with spaces


class Drawing:
    """What the pictures of one map share, computed once.

    Args:
        saliency: `SaliencyMap`.
    """

    def __init__(self, saliency):
        self.saliency = saliency
        self.sensitivity = saliency.sensitivity
        self.signed = saliency.signed
        self.cards = saliency.about.get("wcs")
        self.extent = figures.solar_extent(self.cards, saliency.image.shape[:2])

    @functools.cached_property
    def regions(self):
        """DataFrame of the map's `strongest_regions`."""
        return strongest_regions(self.saliency, self.sensitivity)

    @functools.cached_property
    def shares(self):
        """The part of the sensitivity on each channel, shape (channel,); NaN if there is none."""
        totals = np.nansum(self.sensitivity, axis=(0, 1))
        return totals / (totals.sum() or math.nan)

    @property
    def marks(self):
        """What every picture must carry."""
        return self.saliency.about.get("marks", ())

    def panel(self, width):
        """Width and height of a panel in inches, as the image is wide and tall."""
        height, columns = self.saliency.image.shape[:2]
        return width, width * min(max(height / columns, 0.4), 2.0)

    def draw_image(self, axes, index):
        """Draws the image of one channel."""
        saliency, channel = self.saliency, self.saliency.channels[index]
        image = saliency.image[..., index]
        figures.draw_image(axes, image, channel, saliency.image_unit, self.extent)

    def draw_map(self, axes, index, top):
        """Draws what was found in one channel: with its sign where that says what it does."""
        shown = self.sensitivity if self.signed is None else self.signed
        name = figures.SEQUENTIAL if self.signed is None else figures.DIVERGING
        low = 0.0 if self.signed is None else -top
        drawn = axes.imshow(
            np.ma.masked_invalid(shown[..., min(index, shown.shape[-1] - 1)]),
            cmap=figures.scalar_table(name),
            norm=Normalize(low, top),
            origin="lower",
            extent=self.extent,
            interpolation="nearest",
        )
        axes.autoscale(False)
        figures.draw_limb(axes, self.cards, self.extent, "white" if low == 0.0 else "black")
        return drawn

    def draw_contours(self, axes, index):
        """Draws the contours that hold `ENCLOSED` of the sensitivity in one channel."""
        values = self.sensitivity[..., min(index, self.sensitivity.shape[-1] - 1)]
        values = smoothed(values[..., np.newaxis], CONTOUR_SMOOTHING * values.shape[1])[..., 0]
        if levels := enclosing_levels(values):
            lines = axes.contour(
                np.ma.masked_invalid(values),
                levels=levels,
                colors="white",
                linewidths=CONTOUR_WIDTHS[-len(levels) :],
                extent=self.extent,
                origin="lower",
            )
            lines.set_path_effects(figures.HALO)

    def draw_regions(self, axes):
        """Draws a circle around each region, with its rank."""
        shape = self.saliency.image.shape
        for region in self.regions.itertuples():
            circle = (region.row, region.column, region.radius_pixels)
            figures.draw_region(axes, circle, shape, self.extent, str(region.rank))

    def add_bar(self, figure, drawn):
        """Adds the bar of what `draw_map` drew."""
        extend = "max" if self.signed is None else "both"
        figures.add_bar(figure, drawn, self._quantity(), extend, gap=0.35)

    def add_title(self, figure, channel=""):
        """Writes channel, time and method; below them the forecast and what it compares with."""
        saliency = self.saliency
        frame = "" if saliency.frame is None else f"frame {saliency.frame}"
        name = NAMES.get(saliency.method, saliency.method.replace("_", " "))
        first = [channel, figures.time_title(saliency.about["time"]), frame, name]
        text = "\n".join(["  ·  ".join(filter(None, first)), self._numbers()])
        top = 1 - 0.12 / figure.get_size_inches()[1]
        figure.suptitle(text, y=top, va="top", fontsize=figures.TITLE, linespacing=1.35)

    def _numbers(self):
        found, unit = self.saliency.attribution, figures.unit_title(self.saliency.target_unit)
        name = f"{self.saliency.output_name}: " if self.saliency.output_name else ""
        parts = [f"{name}forecast {figures.number_title(found.forecast)}"]
        if found.baseline_forecast is not None:
            parts.append(f"baseline {figures.number_title(found.baseline_forecast)}")
        if self.saliency.has_target:
            parts.append(f"target {figures.number_title(self.saliency.target)}")
        if found.converged is False:
            parts.append(f"NOT CONVERGED, off by {found.error:.2g}")
        return ", ".join(parts) + (f"  [{unit}]" if unit else "")

    def _quantity(self):
        kind, unit = self.saliency.kind, figures.unit_title(self.saliency.unit)
        return f"{QUANTITIES[kind]} [{unit} per pixel]" if unit else QUANTITIES[kind]


def channel_figure(drawing, index):
    """The image of one channel with contours of the sensitivity, and beside it what was found.

    Args:
        drawing: `Drawing`.
        index: int, which channel.
    """
    figure, (panels,) = figures.new_panels(
        *(1, 2), drawing.panel(5.0), gaps=(0.3, 0), margins=(0.95, 1.35, 0.65, 1.15)
    )
    left, right = panels
    drawing.draw_image(left, index)
    drawing.draw_contours(left, index)
    own = drawing.sensitivity[..., min(index, drawing.sensitivity.shape[-1] - 1)]
    drawing.add_bar(figure, drawing.draw_map(right, index, brightest(own)))
    percents = " and ".join(f"{100 * fraction:.0f} %" for fraction in ENCLOSED)
    left.set_title(f"contours hold {percents} of the sensitivity", fontsize=figures.LABEL)
    right.set_title(share_title(drawing, index), fontsize=figures.LABEL)
    for axes in panels:
        figures.label_axes(axes, drawing.extent)
    right.set_ylabel("")
    right.tick_params(labelleft=False)
    channel = figures.channel_title(drawing.saliency.channels[index])
    drawing.add_title(figure, channel)
    figures.add_marks(figure, drawing.marks)
    return figure


def share_title(drawing, index):
    """How much of the sensitivity is in one channel, and what it does to the forecast in all."""
    if not drawing.saliency.tells_channels_apart:
        return "all channels together"
    if len(drawing.shares) == 1 or not math.isfinite(drawing.shares[index]):
        return "sensitivity"
    text = f"{100 * drawing.shares[index]:.0f} % of all sensitivity"
    if drawing.signed is None:
        return text
    change = np.nansum(drawing.saliency.values[..., index])
    unit = drawing.saliency.unit  # of a change; long ones stand beside the bar alone
    unit = figures.unit_title(unit) if len(unit) <= LONGEST_UNIT else ""
    return f"{text}  ·  {figures.printed(f'{change:+.2g}')} {unit}".rstrip()


def enclosing_levels(values, fractions=ENCLOSED):
    """Levels above which lie the given fractions of the sum of `values`, ascending.

    Args:
        values: float array, not negative; NaN is left out.
        fractions: in descending order.

    Returns:
        List of floats; fewer than `fractions` where they would coincide or enclose nothing.
    """
    ordered = np.sort(values[np.isfinite(values)])[::-1]
    if not ordered.size or not ordered[0] > ordered[-1] >= 0:
        return []
    share = np.cumsum(ordered) / ordered.sum()
    levels = ordered[np.minimum(np.searchsorted(share, fractions), ordered.size - 1)]
    return sorted({level for level in levels.tolist() if ordered[-1] < level < ordered[0]})


def brightest(values):
    """Upper end of the scale of sensitivity; the brightest 0.3 % do not set it."""
    finite = values[np.isfinite(values)]
    top = np.percentile(finite, 99.7) if finite.size else 0.0
    return float(top if top > 0 else finite.max(initial=0.0) or 1.0)
