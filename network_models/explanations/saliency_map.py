"""What a network looks at in one image of the Sun, as numbers and as FITS."""

import dataclasses
import math

import numpy as np
from astropy import units
from astropy.io import fits
from scipy import ndimage

from network_models.explanations.methods.attribution import Attribution

SMOOTHING = 0.01  # of the image's width: standard deviation of the Gaussian drawn over pictures

# Cards of the observation that do not describe the pixels of its map.
FOREIGN_CARDS = {"SIMPLE", "XTENSION", "BITPIX", "EXTEND", "PCOUNT", "GCOUNT", "BSCALE", "BZERO"}
FOREIGN_CARDS |= {"BLANK", "BUNIT", "PIXLUNIT", "CHECKSUM", "DATASUM", "COMMENT", "HISTORY", "END"}
FOREIGN_PREFIXES = ("NAXIS", "DATAM", "DATAR", "DATAS", "DATAK", "DATAV", "DATAP", "HIERARCH")
CARD_ROOM = 67  # letters of value and comment, of the 80 of a card

# What the pictures show of each kind of attribution, for a header that may travel alone.
SHOWN = {
    "slope": "Pictures show |this x a deviation of the channel|, smoothed.",
    "share": "Pictures show this, smoothed; contours and regions are of its magnitude.",
    "relevance": "Pictures show this, smoothed.",
}


@dataclasses.dataclass(frozen=True)
class SaliencyMap:
    """What a method finds in one image, or in one frame of a series.

    Args:
        image: float array, shape (height, width, channel), in `image_unit`; NaN is missing.
        values: float array, shape (height, width, channel): what the method found. The last axis
            is 1 where the method tells no channels apart.
        magnitude: float array, shaped as `values`: how much each pixel matters, 0 or more.
        channels: names in the order of the image's last axis.
        about: dict, as from `Dataset.describe`.
        attribution: `Attribution` of the whole sample, which says how `values` were made.
        stem: str that the names of its files begin with.
        image_unit: str; empty if unknown.
        target_unit: str; empty if unknown.
        name: str, the image's name among the model's inputs.
        frame: int, index along the axis of time; None for a single image.
        model_file: str, the model that was asked.
        output_name: str, which of the model's numbers is explained; empty where it has but one.
    """

    image: np.ndarray
    values: np.ndarray
    magnitude: np.ndarray
    channels: tuple
    about: dict
    attribution: Attribution
    stem: str
    image_unit: str = ""
    target_unit: str = ""
    name: str = ""
    frame: int | None = None
    model_file: str = ""
    output_name: str = ""

    @property
    def sensitivity(self):
        """The magnitude, smoothed, shaped as `values`, in `unit`."""
        return smoothed(self.magnitude, self.deviation)

    @property
    def signed(self):
        """The values, smoothed, where their sign says what raises the forecast; else None."""
        if self.kind != "share":
            return None
        return smoothed(self.values, self.deviation)

    @property
    def deviation(self):
        """Standard deviation of the smoothing in pixels."""
        return SMOOTHING * self.image.shape[1]

    @property
    def kind(self):
        """What the values are: slope, share or relevance, as in `Attribution`."""
        return self.attribution.kind

    @property
    def method(self):
        """The method's name."""
        return self.attribution.method

    @property
    def forecast(self):
        """The number that is explained, in `target_unit`."""
        return self.attribution.forecast

    @property
    def tells_channels_apart(self):
        """Whether each channel has values of its own."""
        return self.values.shape[-1] == len(self.channels)

    @property
    def change_unit(self):
        """Unit of a change of the forecast: a difference of decimal logarithms is in dex."""
        return "dex" if self.target_unit.startswith(("log10", "dex")) else self.target_unit

    @property
    def unit(self):
        """Unit of `sensitivity` and `signed`; empty if there is none, or it is unknown."""
        return "" if self.kind == "relevance" else self.change_unit

    @property
    def target(self):
        """The true value of what was forecast, NaN where it is unknown or not one number."""
        target = np.ravel((self.about.get("labels") or {}).get("target", math.nan))
        return float(target[0]) if target.size == 1 else math.nan

    @property
    def has_target(self):
        """Whether the target, known or not, is the number that was forecast."""
        return "target" in (self.about.get("labels") or {})

    def hdu(self, index):
        """The values of channel `index` as a FITS image with the WCS of the observation.

        Without a WCS in `about` the image stands alone. Every frame of a series carries the WCS
        and the time of its sample; card FRAME says which one it is. Values that tell no channels
        apart have index 0, and no wavelength.
        """
        header = observation_cards(self.about.get("wcs"))
        channel = self.channels[index] if self.tells_channels_apart else "all"
        if "WAVELNTH" in header and channel.isdigit():
            header["WAVELNTH"] = int(channel)  # the cards are those of the first channel
        elif not self.tells_channels_apart:
            for card in ("WAVELNTH", "WAVE_STR", "INSTRUME"):  # sunpy: no AIA without wavelength
                header.remove(card, ignore_missing=True)
        for name, (value, comment) in self._own_cards(channel).items():
            room = max(0, CARD_ROOM - max(20, len(str(value)) + 2))
            header[name] = (value, comment[:room])
        header.add_comment("This is no image of the Sun but what a network looks at in one.")
        header.add_comment(SHOWN[self.kind])
        return fits.PrimaryHDU(self.values[..., index].astype("float32"), header)

    def _own_cards(self, channel):
        unit, content = self._content()
        found = self.attribution
        cards = {
            "BUNIT": (unit, "dex counts as a number"),
            "CONTENT": (content, "what the pixels are"),
            "METHOD": (self.method, "how they were made"),
            "MODEL": (self.model_file, "of which network"),
            "SAMPLE": (self.about["id"], "id of the sample"),
            "CHANNEL": (channel, "name of the channel"),
            "FRAME": (self.frame, "index along the axis of time"),
            "OUTPUT": (self.output_name, "which number of the forecast this explains"),
            "FORECAST": (self.forecast, self.target_unit),
            "TARGET": (self.target, self.target_unit),
            "BASELINE": (found.baseline_forecast, "forecast of the baseline"),
            "SUMERROR": (found.error, "|sum of all pixels - (FORECAST - BASELINE)|"),
            "STEPS": (found.steps, "of the path from the baseline"),
            "CONVERGD": (found.converged, "whether SUMERROR is small enough"),
            "MARKS": (", ".join(self.about.get("marks", ())), "what a reader must know"),
        }
        return {name: card for name, card in cards.items() if _is_writable(card[0])}

    def _content(self):
        """Unit of the values for FITS, and what they are in words."""
        change, image = self.change_unit or "forecast", self.image_unit or "image"
        if self.kind == "slope":
            unit = _fits_unit(self.change_unit, self.image_unit) if self.image_unit else ""
            return unit, f"d forecast / d image, {change} / ({image})"
        if self.kind == "share":
            return _fits_unit(self.change_unit), f"share of a change of the forecast, {change}"
        return "", "relevance, no unit"


def observation_cards(cards):
    """FITS header of an observation without the cards that describe its pixel values.

    Args:
        cards: dict of FITS cards, or None. Cards that FITS cannot hold (NaN, names of more than
            eight letters, nested values) are left out.
    """
    header = fits.Header()
    for name, value in (cards or {}).items():
        name = name.upper()
        known = name not in FOREIGN_CARDS and not name.startswith(FOREIGN_PREFIXES)
        if known and 0 < len(name) <= 8 and _is_writable(value):
            header[name] = value.item() if isinstance(value, np.generic) else value
    return header


def smoothed(values, deviation):
    """Gaussian average of the first two axes; missing pixels take no part and stay missing.

    Args:
        values: float array, shape (height, width, channel); NaN is missing.
        deviation: standard deviation in pixels.
    """
    known, deviations = np.isfinite(values), (deviation, deviation, 0)
    total = ndimage.gaussian_filter(np.where(known, values, 0.0), deviations)
    weight = ndimage.gaussian_filter(known.astype("float64"), deviations)
    return np.where(known, total / np.where(known, weight, 1.0), np.nan)


def _is_writable(value):
    if isinstance(value, str):
        return value.isascii() and value.isprintable() and value != ""
    if isinstance(value, (bool, np.bool_)):
        return True
    return isinstance(value, (int, float, np.number)) and math.isfinite(value)


def _fits_unit(change_unit, image_unit=""):
    """BUNIT, or an empty text where no FITS unit says it (browse images, images without unit)."""
    try:
        change = units.Unit("" if change_unit == "dex" else change_unit)
        return str(change / units.Unit(image_unit))
    except ValueError:  # not a unit of physics
        return ""
