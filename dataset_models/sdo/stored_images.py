"""Images of the sample store, as a batch carries them, and the way back to physical units."""

import pathlib

import keras
import numpy as np
import pandas as pd

from dataset_models.sdo import decoding_layers, geometry, store


class StoredImages:
    """The images that belong to each row of an index, in the encoding of the store.

    Args:
        folder: the folder that the index's files are relative to.
        table: DataFrame with the index's columns; all rows share a unit and a shape.
        rows: int array, shape (n, time), the rows whose images make up each sample.
        channels: wavelengths in Angstrom, in the order that is wanted.
        image_size: pixels on a side after decoding.
        allow_missing: whether channels may lack; they are NaN then.
        throughput: array, shape (n, channel), relative to launch, or None to correct nothing.
        solar_radius_arcsec: apparent radius of the Sun that every image is scaled to, or 0 to leave
            them as they were observed.

    Attributes:
        unit: "DN / s" or "browse".
        dtype: numpy dtype of the planes.
        shape: of one sample's planes, (channel, height, width), a time axis first where there are
            several times.

    Raises:
        ValueError: if the rows mix units or shapes, or `image_size` does not divide the shape,
            or images are to be scaled that do not say how large the Sun is in them.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        table: pd.DataFrame,
        rows: np.ndarray,
        channels: tuple[int, ...],
        image_size: int,
        allow_missing: bool = False,
        throughput: np.ndarray | None = None,
        solar_radius_arcsec: float = 0.0,
    ):
        self.folder, self.rows = pathlib.Path(folder), rows
        self.channels, self.image_size = channels, image_size
        self.allow_missing, self.throughput = allow_missing, throughput
        self.solar_radius_arcsec = solar_radius_arcsec
        self._files = table["file"].to_numpy()
        self._held = [tuple(map(int, names.split())) for names in table["channels"]]
        self.unit, grid = _only(table, "unit"), int(_only(table, "shape"))
        decoding_layers.check_image_size(image_size, (grid, grid))
        geometry.check_solar_radius(solar_radius_arcsec)
        self.times = rows.shape[1]
        self.shape = (*self._times(), len(channels), grid, grid)
        first = int(rows[(rows >= 0).all(axis=1)][0, -1])
        metadata = self.metadata(first)
        self.encoding = metadata["encoding"]
        self._check_corrected(metadata)
        if solar_radius_arcsec:
            self._factors(metadata)  # refuses images that do not say how large the Sun is
        self.dtype = np.dtype(store.ENCODINGS[self.encoding])
        if allow_missing and self.dtype == np.uint8:
            self.dtype = np.dtype("float16")  # holds every uint8, and NaN

    def arrays(self, row: int) -> dict:
        """The named arrays of one sample, encoded: "images" and, where asked for, others.

        Returns:
            "images" (`shape`, `dtype`); "channel_mask" (float32, time and channel axes of
            `shape`, 1 where present) if channels may lack; "magnification" and "degradation"
            (float32, the same axes) if images are to be scaled, or corrected.
        """
        found = {"images": self._joined([self._planes(i) for i in self.rows[row]])}
        if self.allow_missing:
            found["channel_mask"] = self._joined([self._mask(i) for i in self.rows[row]])
        if self.solar_radius_arcsec:
            found["magnification"] = self._joined(
                [self._factors(self.metadata(i)) for i in self.rows[row]]
            )
        if self.throughput is not None:
            factors = self.throughput[self.rows[row]].astype("float32")
            found["degradation"] = self._joined(list(factors))
        return found

    def shapes(self) -> dict:
        """Dict of name to shape of the arrays that `arrays` gives."""
        names = {
            "channel_mask": self.allow_missing,
            "magnification": bool(self.solar_radius_arcsec),
            "degradation": self.throughput is not None,
        }
        per_channel = self.shape[:-2]
        return {"images": self.shape} | {name: per_channel for name, on in names.items() if on}

    def decoded_shapes(self) -> dict:
        """Dict of name to shape after decoding; images are (time,) height, width, channel."""
        consumed = ("magnification", "degradation")
        shapes = {name: shape for name, shape in self.shapes().items() if name not in consumed}
        size = self.image_size
        return shapes | {"images": (*self._times(), size, size, len(self.channels))}

    def decoder(self, others: dict) -> keras.Model:
        """Keras model from encoded arrays to physical units, channels last, float32.

        Args:
            others: dict of name to shape of arrays that go through as they are.
        """
        inputs = {
            name: keras.Input(shape, name=name, dtype=self._input_dtype(name))
            for name, shape in (self.shapes() | others).items()
        }
        outputs = dict(inputs)
        x = outputs.pop("images")
        if self.encoding == "root float16":
            x = decoding_layers.RootDecode()(x)
        if "magnification" in outputs:
            x = decoding_layers.Magnify()(x, outputs.pop("magnification"))
        x = decoding_layers.AreaAverage(self.image_size)(x)
        order = (2, 3, 1) if self.times == 1 else (1, 3, 4, 2)
        x = keras.layers.Permute(order, dtype="float32")(x)
        if "degradation" in outputs:
            x = decoding_layers.DegradationCorrection()(x, outputs.pop("degradation"))
        return keras.Model(inputs, {"images": x, **outputs}, name="decoder")

    def metadata(self, row: int) -> dict:
        """What the store says about the image of `row`, its last one where it has several."""
        return store.read_metadata(self.folder / self._files[row])[1]

    def wcs(self, metadata: dict) -> dict | None:
        """FITS header cards of a decoded image, of the first channel that is there, or None."""
        held = [channel for channel in self.channels if str(channel) in metadata["wcs"]]
        if not held:
            return None
        cards = metadata["wcs"][str(held[0])]
        stamp = metadata["t_obs"][str(held[0])]
        # What sunpy tells an AIA image by, where the file did not say it.
        facts = {
            "NAXIS1": self.shape[-1],
            "NAXIS2": self.shape[-1],
            "TELESCOP": "SDO/AIA",
            "INSTRUME": "AIA",
            "WAVELNTH": held[0],
            "WAVEUNIT": "angstrom",
            "DATE-OBS": stamp,
            "T_OBS": stamp,
        }
        cards = facts | cards
        if self.solar_radius_arcsec:
            cards = geometry.magnified(cards, self._factor(metadata, held[0]))
        return geometry.rescaled(cards, self.image_size)

    def distance(self, row: int) -> np.ndarray:
        """Distance from disk centre of each decoded pixel, solar radii, shape (size, size).

        Zero everywhere where the store knows no WCS.
        """
        metadata = self.metadata(row)
        cards = self.wcs(metadata)
        if cards is None or not metadata["rsun_obs"]:
            return np.zeros((self.image_size, self.image_size))
        return geometry.distance(cards, self.image_size, metadata["rsun_obs"])

    def _planes(self, row):
        held = [channel for channel in self.channels if channel in self._held[row]]
        planes = store.read_sample(self.folder / self._files[row], tuple(held)).planes
        if not self.allow_missing:
            return planes
        whole = np.full(self.shape[-3:], np.nan, self.dtype)
        whole[self._mask(row) > 0] = planes
        return whole

    def _mask(self, row):
        return np.isin(self.channels, self._held[row]).astype("float32")

    def _factors(self, metadata):
        factors = [self._factor(metadata, channel) for channel in self.channels]
        return np.array(factors, "float32")

    def _factor(self, metadata, channel):
        """How many times as wide the Sun becomes, by the image's own header where it says so."""
        if not metadata["rsun_obs"]:
            raise ValueError(
                "An image does not say how large the Sun is in it, so it cannot be scaled. "
                "Expected RSUN_OBS, as FITS files of the archive have it. Received: none, for "
                f"{metadata['t_obs']}. Set solar_radius_arcsec=0, or build the store from such "
                "files with structure_data.py."
            )
        cards = metadata["wcs"].get(str(channel), {})
        return self.solar_radius_arcsec / cards.get("RSUN_OBS", metadata["rsun_obs"])

    def _joined(self, parts):
        return parts[0] if self.times == 1 else np.stack(parts)

    def _times(self):
        return () if self.times == 1 else (self.times,)

    def _input_dtype(self, name):
        return self.dtype.name if name == "images" else "float32"

    def _check_corrected(self, metadata):
        if self.throughput is not None and metadata["degradation_corrected"]:
            raise ValueError(
                "The images are corrected for degradation already "
                f"({metadata['degradation_version']}). Expected uncorrected ones. Set "
                "correct_degradation=False, or build the store anew with structure_data.py."
            )


def _only(table, column):
    values = table[column].unique()
    if len(values) != 1:
        raise ValueError(
            f"The samples are of several kinds. Expected one {column} for all of them. Received: "
            f"{sorted(map(str, values))}. Build one store for each with structure_data.py --output."
        )
    return values[0]
