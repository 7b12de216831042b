"""Images of SDOML, as a batch carries them, and where the Sun lies in them."""

import math

import numpy as np

from dataset_models.sdo import decoding_layers, geometry, sdoml_frames
from dataset_models.sdo.sdoml_archive import Archive
from dataset_models.sdo.stored_images import StoredImages
from dataset_models.synthetic.ephemeris import SOLAR_RADIUS, ephemeris

OBSERVER = ("DSUN_OBS", "RSUN_OBS", "RSUN_REF", "CRLN_OBS", "CRLT_OBS", "CAR_ROT")  # cards


class SDOMLImages(StoredImages):
    """The frames that belong to each row of an index, float32 in DN/s and G, channel first.

    It is read as `StoredImages` is; only the files and the geometry differ.

    Args:
        archive: where the frames are.
        times: datetime64 array, shape (n,), UTC, of the rows.
        frames: int array, shape (n, channel), rows of `archive.frames`; -1 where missing.
        grid: (height, width) of the frames, pixels.
        rows: int array, shape (n, time), the rows whose images make up each sample.
        channels: of `sdoml_frames.CHANNELS`.
        image_size: pixels on a side after decoding.
        allow_missing: whether channels may lack; they are NaN then.

    Raises:
        ValueError: if `image_size` does not divide the frames' side.
    """

    encoding, throughput, dtype = "float32", None, np.dtype("float32")
    solar_radius_arcsec = 0.0  # the frames were scaled by their makers

    def __init__(
        self,
        archive: Archive,
        times: np.ndarray,
        frames: np.ndarray,
        grid: tuple[int, int],
        rows: np.ndarray,
        channels: tuple[int | str, ...],
        image_size: int,
        allow_missing: bool = False,
    ):
        self.archive, self.rows, self.channels = archive, rows, channels
        self.image_size, self.allow_missing = image_size, allow_missing
        self._instants, self._frames = times, frames
        decoding_layers.check_image_size(image_size, grid)
        self.times = rows.shape[1]
        self.shape = (*self._times(), len(channels), *grid)
        units = {"G" if name in sdoml_frames.FIELDS else "DN / s": None for name in channels}
        self.unit = "; ".join(units)

    def metadata(self, row: int) -> dict:
        """Which `row` it is, and whether its geometry is known but for the observer's place."""
        return {"row": row, "wcs_approximate": not self._header(row)}

    def wcs(self, metadata: dict) -> dict:
        """FITS header cards of a decoded image, of the first channel that is there.

        The Sun is in the middle by construction, to 0.01 pixels. (CRPIX in the headers of version 2
        is a quarter of a pixel off: halved, where averaging moves it to (CRPIX - 0.5) / 2 + 0.5.)
        The observer is the header's, or for version 1 the Earth. The scale is that of the true
        apparent radius.
        """
        row = metadata["row"]
        cards = self._observer(row)
        side = self.shape[-1]
        step = sdoml_frames.FIELD_OF_VIEW / side * cards["RSUN_OBS"] / sdoml_frames.SOLAR_RADIUS
        channel = self.channels[int(np.argmax(self._frames[row] >= 0))]
        cards |= _instrument(channel) | {"NAXIS1": side, "NAXIS2": side, "CROTA2": 0.0}
        cards |= dict.fromkeys(("DATE-OBS", "T_OBS"), str(self._instants[row])[:23])
        for axis, name in (("1", "HPLN-TAN"), ("2", "HPLT-TAN")):
            cards |= {f"CTYPE{axis}": name, f"CUNIT{axis}": "arcsec", f"CRVAL{axis}": 0.0}
            cards |= {f"CDELT{axis}": step, f"CRPIX{axis}": (side + 1) / 2}
        return geometry.rescaled(cards, self.image_size)

    def distance(self, row: int) -> np.ndarray:
        """Distance from disk centre of each decoded pixel, solar radii, shape (size, size)."""
        cards = self.wcs(self.metadata(row))
        return geometry.distance(cards, self.image_size, cards["RSUN_OBS"])

    def _planes(self, row):
        planes = np.full(self.shape[-3:], np.nan, "float32")
        for channel in np.flatnonzero(self._frames[row] >= 0):
            plane = self.archive.read(int(self._frames[row, channel]))
            _check_shape(plane.shape, self.shape[-2:], self.channels[channel])
            planes[channel] = plane
        return planes

    def _mask(self, row):
        return (self._frames[row] >= 0).astype("float32")

    def _header(self, row):
        """What the frames' headers say about the observer; empty where they say nothing."""
        found = self._frames[row]
        cards = self.archive.header(int(found[found >= 0][0]))
        cards = {name: cards[name] for name in OBSERVER if _is_number(cards.get(name))}
        return cards if {"DSUN_OBS", "RSUN_OBS", "CRLN_OBS", "CRLT_OBS"} <= set(cards) else {}

    def _observer(self, row):
        cards = self._header(row)
        if not cards:
            longitude, latitude, distance = map(float, ephemeris(self._instants[row]))
            radius = math.degrees(math.asin(SOLAR_RADIUS / distance)) * 3600
            cards = {"CRLN_OBS": longitude, "CRLT_OBS": latitude, "DSUN_OBS": distance}
            cards["RSUN_OBS"] = radius
        return {"RSUN_REF": SOLAR_RADIUS, **cards}


def _instrument(channel):
    if channel in sdoml_frames.FIELDS:
        return {"TELESCOP": "SDO/HMI", "INSTRUME": "HMI", "BUNIT": "G"}
    known = {"TELESCOP": "SDO/AIA", "INSTRUME": "AIA", "BUNIT": "DN / s"}
    return known | {"WAVELNTH": channel, "WAVEUNIT": "angstrom"}


def _check_shape(shape, grid, channel):
    if shape != grid:
        raise ValueError(
            f"The frames of SDOML are not all of one size. Expected {grid} pixels. Received: "
            f"{shape} for {channel}. Use parts of one size."
        )


def _is_number(value):
    return isinstance(value, int | float) and math.isfinite(value)
