"""SDOML, the SDO of machine learning, in place of the sample store."""

import hashlib
import inspect
import pathlib

import numpy as np
import pandas as pd

from dataset_models.dataset import Dataset
from dataset_models.sdo import index, largest_region, sdoml_check, sdoml_frames
from dataset_models.sdo.aia import AIA
from dataset_models.sdo.samples import SLOT
from dataset_models.sdo.sdoml_archive import Archive
from dataset_models.sdo.sdoml_images import SDOMLImages
from dataset_models.sdo.side_channels import HMI_FEATURES


class SDOML(AIA):
    """Frames of SDOML, 512 x 512, of AIA and HMI, and the GOES 1-8 A flux to come.

    It is `AIA` in everything but where its images come from: labels, side channels and splits are
    the same. A sample lies at each slot of 6 minutes; a channel belongs to it if a frame lies
    within 2 minutes. Labels of these slots: `v4_find_ys.py --every 6 --start TIME --end TIME`
    (or a multiple of 6).

    The Sun was scaled to a radius of 976 arcsec, so its distance does not show; AIA is corrected
    for degradation by the makers, in DN/s per original 0.6 arcsec pixel (version 1, which has sums
    of 4, is divided by 4), and its negative pixels are 0. HMI is in G, NaN outside the disk: Bz
    towards the observer, Bx and By across it (westward and northward); each is a mean over 12
    minutes about its time, so it holds up to 6 minutes of what comes after.

    When it is opened, each frame with a label is looked at, once: the record lies in `sdoml/` in
    the data folder. Frames that are no image are left out, listed in `invalid` and counted in
    `caveats()`. Pixels beyond what the instruments can measure are NaN. A frame takes 7 ms of one
    core in version 1, 17 ms in version 2 at random (a chunk of 15 is unpacked for it); structure
    a store with structure_data.py where that is too slow.

    Args:
        sdoml: folders or addresses, as `sdoml_archive.Archive` takes them.
        channels: AIA wavelengths in Angstrom, and "Bx", "By", "Bz".
        folder: the data folder, of labels and side channels.
        degradation: must be empty: the images are corrected already.
        solar_radius_arcsec: 976, as the images are, or 0, which leaves them so.
        **options: the other settings of `AIA`.

    Attributes:
        invalid: DataFrame of the frames left out: "channel", "time", "key", "problem".
        mirrors: whether an image mirrored east to west is still the Sun: not with HMI, whose
            polarities then break Hale's law.

    Raises:
        DatasetNotFoundError: if there is no SDOML or there are no labels, with what makes them.
        ImportError: if an address needs a package that is not installed.
        ValueError: if a setting does not fit, or no sample is left.

    Example:
        >>> SDOML.write_sample("/tmp/tiny")
        >>> few_days = {"image_size": 32, "block_days": 4.0, "embargo_days": 0.0}
        >>> dataset = SDOML(sdoml="/tmp/tiny/sdoml_v1", folder="/tmp/tiny", **few_days)

    Source:
        Galvez et al. 2019, ApJS 242, 7; see `sdoml_frames`.
    """

    available = sdoml_frames.CHANNELS
    cadence_minutes = sdoml_frames.CADENCE_MINUTES
    plate_scale = 4.8  # arcsec per pixel, of a Sun of 976 arcsec
    unit = "DN / s"  # AIA; HMI is in G
    source = "https://sdoml.github.io"

    def __init__(
        self,
        *,
        sdoml: tuple[str, ...] | str,
        channels: tuple[int | str, ...] = AIA.available,
        folder: str | pathlib.Path | None = None,
        degradation: str | None = "",
        solar_radius_arcsec: float = 0.0,
        **options,
    ):
        if degradation:
            raise ValueError(
                "SDOML is corrected for degradation already, by its makers. Expected no other "
                f"correction. Received: degradation={degradation!r}. Leave it out, or correct the "
                "archive's own images with AIA."
            )
        if solar_radius_arcsec not in (0, sdoml_frames.SOLAR_RADIUS):
            raise ValueError(
                "SDOML was scaled to one apparent radius already, by its makers. Expected "
                f"solar_radius_arcsec={sdoml_frames.SOLAR_RADIUS}, or 0. Received: "
                f"{solar_radius_arcsec!r}. Leave it out, or scale images of the archive with AIA."
            )
        self._sources = sdoml
        self._count = options.get("aia_image_count", 1)
        self._spacing = options.get("image_spacing_minutes", AIA.cadence_minutes)
        super().__init__(channels=channels, folder=folder, **options)

    @classmethod
    def from_config(cls, config):
        names = {"sdoml", *inspect.signature(AIA).parameters}
        return cls(**{name: getattr(config, name) for name in names if hasattr(config, name)})

    @classmethod
    def write_sample(cls, folder: str | pathlib.Path, lag_minutes=60, catch_minutes=1440, **sun):
        """Writes a tiny synthetic SDOML of both versions, and its labels, into a data folder.

        Args:
            folder: a data folder, new or empty: `sdoml_v1`, `sdoml_v2.zarr`, `sdoml_v2_hmi.zarr`.
            lag_minutes: of the labels, minutes.
            catch_minutes: of the labels, minutes.
            **sun: of `sdoml_sample.write`, such as days, cadence_minutes and size.
        """
        from dataset_models.sdo import sdoml_sample  # the synthetic Sun is needed here alone

        sdoml_sample.write(pathlib.Path(folder), lag_minutes, catch_minutes, **sun)

    def caveats(self):
        found = super().caveats()
        if len(self.invalid):
            count = self.invalid.groupby("problem").size()
            reasons = ", ".join(f"{number} x {problem}" for problem, number in count.items())
            found += (f"SDOML: {len(self.invalid)} invalid frames were left out: {reasons}.",)
        return found

    def fingerprint(self):
        """SHA-256 over splits, targets, side inputs, and which frames the samples have."""
        digest = hashlib.sha256(Dataset.fingerprint(self).encode())
        for values in (self._target, *self._side.values()):
            digest.update(np.ascontiguousarray(values).tobytes())
        dealt = self._frames[(self._table["split"] != "").to_numpy()]
        frames = self.images.archive.frames.iloc[dealt[dealt >= 0]]
        digest.update(frames[["channel", "time", "key"]].to_csv(index=False).encode())
        return digest.hexdigest()

    @property
    def mirrors(self):
        return not set(self.channels) & set(sdoml_frames.FIELDS)

    def _index(self):
        archive = self._archive = Archive(self._sources, self.channels)
        slots, self._frames = sdoml_frames.join(archive.frames, self.channels)
        ids = pd.DatetimeIndex(slots).strftime(SLOT)
        self._drop_invalid(self._used(slots, ids))
        held = self._frames >= 0
        times = archive.frames["time"].to_numpy("datetime64[ns]")[self._frames]
        times = np.where(held, times, slots[:, None]).max(axis=1)
        names = np.array(self.channels, dtype=object).astype(str)
        table = {
            "id": ids,
            "time": times,
            "channels": [" ".join(names[row]) for row in held],
            "sampling": "regular cadence",
            "probability": 1.0,
            **self._regions(times),
            "block": index.block(times),
            "synthetic": archive.synthetic,
        }
        return pd.DataFrame(table)

    def _regions(self, times):
        """What is known of the largest region at each time, as the index of a store says it."""
        spots, _ = largest_region.of_summaries(self.folder / largest_region.SUMMARIES)
        harps, _ = largest_region.of_features(self.folder / HMI_FEATURES)
        found = largest_region.at(times, spots, harps)
        return found.fillna({"active_region": 0, "harp": 0}).to_dict("series")

    def _used(self, slots, ids):
        """Which slots have a label, or are the earlier images of one that has."""
        first, last = np.datetime_as_string([slots.min(), slots.max()], unit="m")
        times = f"--every {self.cadence_minutes} --start {first} --end {last}"
        labels = self.flux.labels(self.folder, times)
        labelled = slots[ids.isin(labels.index)]
        seconds = [round(60 * step * self._spacing) for step in range(self._count)]
        earlier = [labelled - np.timedelta64(number, "s") for number in seconds]
        return np.isin(slots, np.concatenate(earlier))

    def _drop_invalid(self, used):
        """Leaves out the frames of the slots `used` that are no images, and lists them."""
        frames = self._archive.frames
        looked_at = np.unique(self._frames[used])
        looked_at = looked_at[looked_at >= 0]
        problems = sdoml_check.find_problems(self._archive, looked_at, self.folder / "sdoml")
        wrong = looked_at[problems != ""]
        self._frames[np.isin(self._frames, wrong)] = -1
        listed = frames.loc[wrong, ["channel", "time", "key"]]
        self.invalid = listed.assign(problem=problems[problems != ""]).reset_index(drop=True)

    def _images(self, table, rows, size, allow_missing, factors):
        archive, frames, times = self._archive, self._frames, table["time"].to_numpy()
        kept = frames[(table["reason"] == "").to_numpy()]
        grid = archive.read(int(kept[kept >= 0][0])).shape
        return SDOMLImages(archive, times, frames, grid, rows, self.channels, size, allow_missing)
