"""Full-disk images of SDO/AIA and the soft X-ray flux that follows them."""

import hashlib
import pathlib
from collections.abc import Callable

import keras
import numpy as np

from dataset_models.sdo import degradation as degradations
from dataset_models.sdo import image_statistics, layers, samples, side_inputs
from dataset_models.sdo import side_channels as side
from dataset_models.sdo.flux_forecasts import FluxForecasts
from dataset_models.sdo.flux_target import FluxTarget
from dataset_models.sdo.index import read_index
from dataset_models.sdo.moments import moments
from dataset_models.sdo.stored_images import StoredImages
from tools.tools import data_folder


class AIA(FluxForecasts):
    """AIA images as the archive's synoptic series gives them, and the GOES 1-8 A flux to come.

    A sample at time t is one image of all channels, or several with the last at t. Its target is
    the largest flux over t + lag <= time < t + lag + catch, or how much that exceeds the flux at t.

    Args:
        folder: the data folder; FLARENET_DATA, or `data/` in the checkout, unless given.
        channels: wavelengths in Angstrom, in the order of the images' last axis.
        image_size: pixels on a side, by exact average; it divides the store's.
        aia_image_count: images of a sample, 1 to 4, oldest first.
        image_spacing_minutes: time between two of them, minutes.
        dependent_variable: "forecast", or "flux delta" (less the flux at t).
        log_flux: whether the target is log10 of W m-2 (and the delta in dex), or W m-2.
        lag_minutes: from the image to the window's start, minutes.
        catch_minutes: length of the window, minutes.
        side_channels: any of "current_goes" (log10 of the flux at t), "true_value" (the target
            itself, to test a network with) and "hand_tailored" (25 magnetic features).
        allow_missing_channels: whether samples that lack channels stay, as NaN and with a mask.
        minimum_coverage: fraction of the window in which the flux must have been observed.
        quiet_flux: W m-2 that stand for "no flare" where labels come from a flare list, which is
            silent below its smallest flares (3e-7, say); None leaves such samples out.
        weigh_training: whether samples of training that were chosen by their flares count by the
            inverse of the probability of that choice, as those of validation and test always do.
            Without it a network sees more flares, and says higher probabilities than are true.
        split: "blocks", "periods", "random", or groups: "regions" (by NOAA's number) or "harps", as
            in `splits.make`, which also says what the next five mean: days, days, fractions of the
            samples, dict of split to (start, end) pairs, and bool.
        block_days: see `split`.
        embargo_days: see `split`.
        fractions: see `split`.
        periods: see `split`.
        allow_leak: see `split`.
        degradation: what undoes the ageing of the telescopes: "V10" or another table, as
            `response_table.read_table` takes it, or a function (channels, times) -> throughput
            relative to launch, shape (time, channel); "" takes the images as they are.
        correct_degradation: whether images are divided by it.
        solar_radius_arcsec: apparent radius of the Sun that images are scaled to, arcsec: 976, say,
            the largest of the year. 0 leaves them as observed, 943 to 976.
        split_seed: int, for "regions", "harps" and "random"; not the seed of training.

    Attributes:
        degradation: version and SHA-256 of the table that images are divided by; "" for none.

    Raises:
        DatasetNotFoundError: if the index or the labels are missing, with the commands for them.
        ValueError: if a setting does not fit, no sample is left, or a split is empty.

    Example:
        >>> dataset = AIA(channels=(171, 193), image_size=128)
        >>> images, log_flux, weight = dataset.batches("train", batch_size=16)[0]
    """

    available = (94, 131, 171, 193, 211, 304, 335, 1600)  # Angstrom
    cadence_minutes = 12  # FlareNet's; the synoptic archive itself has an image each 2 minutes
    plate_scale = 2.4  # arcsec per synoptic pixel, 4 x 4 of AIA's own
    field = 2457.6  # arcsec on a side: 1024 synoptic pixels
    unit = "DN / s"  # per original 0.6 arcsec pixel
    source = "https://jsoc1.stanford.edu/data/aia/synoptic/"  # Lemen et al. 2012
    mirrors = True  # mirrored east to west it is a Sun as well: EUV shows no polarity

    def __init__(
        self,
        *,
        folder: str | pathlib.Path | None = None,
        channels: tuple[int, ...] = available,
        image_size: int = 256,
        aia_image_count: int = 1,
        image_spacing_minutes: float = cadence_minutes,
        dependent_variable: str = "forecast",
        log_flux: bool = True,
        lag_minutes: int = 60,
        catch_minutes: int = 1440,
        side_channels: tuple[str, ...] = (),
        allow_missing_channels: bool = False,
        minimum_coverage: float = 0.95,
        quiet_flux: float | None = None,
        weigh_training: bool = True,
        split: str = "blocks",
        block_days: float = 27.0,
        embargo_days: float = 27.0,
        fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
        periods: dict | None = None,
        allow_leak: bool = False,
        degradation: Callable | str | None = "",
        correct_degradation: bool = True,
        solar_radius_arcsec: float = 0.0,
        split_seed: int = 1,
    ):
        self.folder = pathlib.Path(folder) if folder is not None else data_folder()
        self.channels, self.side_channels = tuple(channels), tuple(side_channels)
        self.solar_radius_arcsec, self.weigh_training = solar_radius_arcsec, weigh_training
        self._check_settings(aia_image_count, image_spacing_minutes)
        self.flux = FluxTarget(
            dependent_variable=dependent_variable,
            log_flux=log_flux,
            lag_minutes=lag_minutes,
            catch_minutes=catch_minutes,
            minimum_coverage=minimum_coverage,
            quiet_flux=quiet_flux,
        )
        self._table, rows = self._read_samples(
            aia_image_count, image_spacing_minutes, allow_missing_channels
        )
        self._side = side_inputs.values(self.side_channels, self._table, self.flux, self.folder)
        samples.check_any(self._table)
        factors = self._read_correction(degradation if correct_degradation else "")
        self.images = self._images(self._table, rows, image_size, allow_missing_channels, factors)
        self._target, self._weights = self.flux.values(self._table), samples.weights(self._table)
        self._statistics = {}
        self._deal(
            split,
            span_minutes=self._span_minutes(aia_image_count, image_spacing_minutes),
            block_days=block_days,
            embargo_days=embargo_days,
            fractions=fractions,
            periods=periods,
            allow_leak=allow_leak,
            seed=split_seed,
        )

    @classmethod
    def write_sample(
        cls, folder: str | pathlib.Path, lag_minutes=60, catch_minutes=1440, **archive
    ):
        """Writes a tiny synthetic archive into `folder` and prepares it, so that AIA opens it.

        Args:
            folder: a data folder, new or empty.
            lag_minutes: of the labels, minutes.
            catch_minutes: of the labels, minutes.
            **archive: of `embedded_sample.write_archive`, such as days, cadence_minutes and size.
        """
        from dataset_models.sdo import sample_files  # the synthetic Sun is needed here alone

        sample_files.write(pathlib.Path(folder), lag_minutes, catch_minutes, **archive)

    @property
    def units(self):
        every = {
            "images": self.images.unit,
            "current_goes": "log10(W / m2)",
            "true_value": self.flux.unit,
            "hand_tailored": "each its own",
        }
        names = self.images.shapes() | self._side_shapes()
        return {name: every.get(name, "") for name in names} | {"target": self.flux.unit}

    @property
    def input_shape(self):
        return self.images.decoded_shapes() | self._side_shapes()

    def sample(self, split, index, rng):
        row = self._rows[split][index]
        beside = {name: values[row] for name, values in self._side.items()}
        counts = self._weights[row] if self.weigh_training or split != "train" else np.float32(1)
        return self.images.arrays(row) | beside, self._target[row], counts

    def describe(self, split, index):
        row = self._rows[split][index]
        about, metadata = self._table.iloc[row], self.images.metadata(row)
        marks = {"SYNTHETIC": about["synthetic"], "APPROXIMATE WCS": metadata["wcs_approximate"]}
        return {
            "id": about["id"],
            "time": about["time"].to_datetime64(),
            "channels": tuple(map(str, self.channels)),
            "unit": self.images.unit,
            "wcs": self.images.wcs(metadata),
            "labels": {
                "target": float(self._target[row, 0]),
                "catch_flux": float(about["catch_flux"]),
                "current_flux": float(about["current_flux"]),
            },
            "marks": tuple(mark for mark, holds in marks.items() if holds),
        }

    def fingerprint(self):
        """SHA-256 over splits, targets, side inputs, what is done to images, and file sizes."""
        digest = hashlib.sha256(super().fingerprint().encode())
        if self.images.throughput is not None:
            digest.update(np.ascontiguousarray(self.images.throughput).tobytes())
        if self.solar_radius_arcsec:
            digest.update(f"{self.solar_radius_arcsec} arcsec".encode())
        for values in (self._target, self._weights, *self._side.values()):
            digest.update(np.ascontiguousarray(values).tobytes())
        for file in self._table.loc[self._table["split"] != "", "file"]:
            digest.update(f"{(self.folder / 'aia' / file).stat().st_size},".encode())
        return digest.hexdigest()

    def caveats(self):
        given = "hand_tailored" in self.side_channels
        foresight = side.foresight(self.folder / side.HMI_FEATURES) if given else ()
        return (*super().caveats(), *self._ageing, *foresight)

    def decoder(self):
        return self.images.decoder(self._side_shapes())

    def statistics(self, split="train"):
        """Numbers that whiten the inputs, of the training split unless asked by name.

        Returns:
            Dict of dicts of arrays: "images", as `image_statistics.whitening` computes them (not
            for browse images); "target" and each side channel with "mean" and "std".
        """
        if split not in self._statistics:
            rows = self._rows[split]
            arrays = {"target": self._target, **self._side}
            found = {name: moments(values[rows]) for name, values in arrays.items()}
            if self.images.unit != "browse":
                found["images"] = image_statistics.whitening(self.images, rows)
            self._statistics[split] = found
        return self._statistics[split]

    def whitening(self, name="images"):
        """The layer that whitens the input `name`, with statistics of the training split."""
        if name == "channel_mask":
            return keras.layers.Identity()
        if name == "images" and self.images.unit == "browse":
            return keras.layers.Rescaling(1 / 255)  # an 8-bit scale is a logarithm already
        numbers = self.statistics()[name]
        if name != "images":
            return layers.StandardScale(**numbers, name=f"whitened_{name}")
        return layers.AsinhWhiten(
            scale=numbers["scale"],
            mean=numbers["asinh_mean"],
            std=numbers["asinh_std"],
            name="whitened_images",
        )

    def _read_samples(self, count, spacing, allow_missing):
        """The table of samples, with why some are rejected, and the rows of their images."""
        table = samples.candidates(self._index(), self.flux.labels(self.folder))
        samples.reject_channels(table, self.channels, allow_missing)
        rows = samples.earlier_rows(table, count, spacing)
        self.flux.reject(table, "current_goes" in self.side_channels)
        return table, rows

    def _read_correction(self, degradation):
        """What images are divided by, shape (n, channel), or None; keeps what made it."""
        found = degradations.correction(degradation, self.channels, self._table, self.folder)
        self.degradation, self._ageing = found.maker, found.caveats
        return found.factors

    def _index(self):
        """A row per sample, as `read_index` gives them; other archives have their own."""
        return read_index(self.folder / "aia")

    def _images(self, table, rows, size, allow_missing, factors):
        """The images of the rows of `_index`; other archives have their own."""
        folder = self.folder / "aia"
        radius = self.solar_radius_arcsec
        return StoredImages(
            folder, table, rows, self.channels, size, allow_missing, factors, radius
        )

    def _side_shapes(self):
        return {name: values.shape[1:] for name, values in self._side.items()}

    def _span_minutes(self, count, spacing):
        """What a sample reads before its time, minutes: images, and features as old as may be."""
        return max((count - 1) * spacing, side_inputs.span_minutes(self.side_channels))

    def _check_settings(self, count, spacing):
        samples.check_among("channels", self.channels, self.available, needed=True)
        samples.check_among("side_channels", self.side_channels, side.SIDE_CHANNELS)
        if not 1 <= count <= 4 or spacing <= 0:
            raise ValueError(
                "AIA cannot give such a series of images. Expected aia_image_count from 1 to 4 and "
                f"image_spacing_minutes above 0. Received: aia_image_count={count!r}, "
                f"image_spacing_minutes={spacing!r}."
            )
