"""Images whose answer is known, with a dial for every difficulty."""

import dataclasses
import hashlib

import numpy as np

from dataset_models.dataset import Dataset
from dataset_models.synthetic.appearance import Look
from dataset_models.synthetic.archive_header import pointing
from dataset_models.synthetic.sun import Sun

START = np.datetime64("2010-05-01T00:00", "m")
CADENCE = np.timedelta64(12, "h")
GAP = np.timedelta64(27, "D")  # between splits: one solar rotation
REFERENCE_FLUX = 1e-6  # W m-2, C1: the level of active regions is in dex above it
MASKED_ABOVE = 0.1  # brightness of a region, quiet disk centre 1, from which a pixel is signal

# The parts of regions (plage, loops, core) that the signal channels show, in turn.
PARTS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.4, 0.4, 0.4))


@dataclasses.dataclass(eq=False, kw_only=True)
class Synthetic(Dataset):
    """Signal channels, noise channels, and a number that the signal channels know.

    Each sample has a level, drawn from N(0, 1). Every pixel of a signal channel is the level and
    unit noise; every pixel of a noise channel is unit noise; the dependent variable is the level
    and a little noise. With `active_regions` the signal channels show the synthetic Sun: bright
    regions on a limb-darkened disk that emerge, rotate and decay. The level is then log10 of the
    X-ray flux that follows from those regions, above 1e-6 W m-2, and splits follow each other in
    time with a gap of 27 days.

    A sample is a pure function of (seed, split, index). Everything is drawn when it is asked for:
    there are no files, and so nothing for a `write_sample` to write.

    Args:
        image_size: pixels on a side.
        train_size, validation_size, test_size: number of samples.
        signal_channels: number of channels that know the level; they come first.
        noise_channels: number of channels that do not.
        scale_signal_pixels: factor on the pixels of signal channels.
        scale_noise_pixels: factor on the pixels of noise channels.
        scale_dependent_variable: factor on the level in the dependent variable.
        additive_noise_variance: variance of the noise in the dependent variable. No network can
            have a smaller mean squared error.
        active_regions: whether the signal is arranged as on the Sun.
        seed: which world; also the seed of the `Sun`.

    Raises:
        ValueError: for a size, a number of channels or a variance that makes no images.

    Example:
        >>> data = Synthetic(image_size=32, active_regions=True)
        >>> x, y = data.sample("train", 0, rng=None)
        >>> x["images"].shape
        (32, 32, 8)
    """

    image_size: int = 64
    train_size: int = 1000
    validation_size: int = 200
    test_size: int = 200
    signal_channels: int = 4
    noise_channels: int = 4
    scale_signal_pixels: float = 1.0
    scale_noise_pixels: float = 1.0
    scale_dependent_variable: float = 1.0
    additive_noise_variance: float = 0.01
    active_regions: bool = False
    seed: int = 1

    def __post_init__(self):
        self._check()
        target = "dex above 1e-6 W m-2" if self.active_regions else "arbitrary"
        self.units = {"images": "quiet disk centre", "target": target}
        if not self.active_regions:
            self.units["images"] = "arbitrary"
            return
        self._sun = Sun(self.seed)
        fluxes = {split: self._sun.background(self._times(split)) for split in self.splits}
        self._levels = {split: np.log10(flux / REFERENCE_FLUX) for split, flux in fluxes.items()}

    @property
    def channels(self):
        """Names of the channels, in the order of the last axis."""
        signal = tuple(f"signal {i}" for i in range(self.signal_channels))
        return signal + tuple(f"noise {i}" for i in range(self.noise_channels))

    @property
    def input_shape(self):
        return {"images": (self.image_size, self.image_size, len(self.channels))}

    def size(self, split):
        return getattr(self, f"{split}_size")

    def sample(self, split, index, rng):
        level, target, chance = self._answer(split, index)
        shape = (self.image_size, self.image_size)
        signal = self._signal(split, index, level, chance) * self.scale_signal_pixels
        noise = chance.standard_normal((*shape, self.noise_channels)) * self.scale_noise_pixels
        images = np.concatenate([signal, noise], axis=-1).astype("float32")
        return {"images": images}, target

    def target(self, split, index):
        return self._answer(split, index)[1]

    def describe(self, split, index):
        time = self._time(split, index)
        cards = pointing(time, self.image_size) | {"DATE-OBS": f"{time}:00"}
        return {
            "id": str(time).replace("-", "").replace("T", "_").replace(":", ""),
            "time": time.astype("datetime64[ns]"),
            "channels": self.channels,
            "unit": self.units["images"],
            "wcs": cards if self.active_regions else None,
            "labels": {"target": float(self.target(split, index)[0])},
            "marks": ("SYNTHETIC",),
        }

    def signal_mask(self, split: str, index: int) -> np.ndarray:
        """Where the signal of a sample lies: what a map of a network's attention should find.

        Returns:
            bool, shape (height, width, channel): the signal channels, and of these, with
            `active_regions`, the pixels to which a region adds a tenth of the quiet disk or more.
        """
        mask = np.zeros(self.input_shape["images"], bool)
        mask[..., : self.signal_channels] = True
        if self.active_regions:
            alone = self._draw(split, index, quiet=0.0)
            mask[..., : self.signal_channels] = alone > MASKED_ABOVE
        return mask

    def caveats(self):
        return ("SYNTHETIC: every image was drawn; the scores say nothing about the Sun.",)

    def fingerprint(self):
        dials = repr(dataclasses.asdict(self)) + super().fingerprint()
        return hashlib.sha256(dials.encode()).hexdigest()

    def _answer(self, split, index):
        """Level, target (float32, shape (1,)), and the source of the sample's remaining chance."""
        if not 0 <= index < self.size(split):
            raise IndexError(f"Sample {index} of {self.size(split)} samples of {split}.")
        chance = np.random.default_rng([self.seed, self.splits.index(split), int(index)])
        level, error = chance.standard_normal(2)
        if self.active_regions:
            level = self._levels[split][index]
        target = self.scale_dependent_variable * level
        target += np.sqrt(self.additive_noise_variance) * error
        return level, np.array([target], "float32"), chance

    def _signal(self, split, index, level, chance):
        if self.active_regions:
            return self._draw(split, index, quiet=1.0)
        shape = (self.image_size, self.image_size, self.signal_channels)
        return level + chance.standard_normal(shape)

    def _draw(self, split, index, quiet):
        """The Sun in the signal channels, shape (height, width, signal channel)."""
        if not self.signal_channels:
            return np.zeros((self.image_size, self.image_size, 0))
        parts = (PARTS[i % len(PARTS)] for i in range(self.signal_channels))
        looks = [Look(quiet, 0.6, 0.0, *part, flare=0.0, network=0.1) for part in parts]
        images = self._sun.images(self._time(split, index), looks, self.image_size)
        return np.moveaxis(images, 0, -1)

    def _times(self, split):
        """Times of a split at a regular cadence, after the splits before it and a gap each."""
        before = self.splits[: self.splits.index(split)]
        first = START + sum((self.size(one) * CADENCE + GAP for one in before), 0 * CADENCE)
        return first + np.arange(self.size(split)) * CADENCE

    def _time(self, split, index):
        return self._times(split)[index]

    def _check(self):
        dials = dataclasses.asdict(self)
        counted = [name for name in dials if not name.startswith("scale_")]
        wrong = {name: dials[name] for name in counted if not dials[name] >= 0}
        channels = self.signal_channels + self.noise_channels
        if wrong or self.image_size < 1 or channels < 1:
            raise ValueError(
                "The dials make no images. Expected image_size of at least 1, at least one "
                "channel, and no negative size, number, variance or seed. Received: "
                f"{wrong or {'image_size': self.image_size, 'channels': channels}}."
            )
