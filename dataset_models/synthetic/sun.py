"""The synthetic Sun: active regions that emerge, rotate, flare and decay.

Everything is a pure function of (seed, time). Chance comes in blocks of 27 days since 2010-05-01,
each with its own source, so any time can be asked alone and in any order.
"""

import functools

import numpy as np
import pandas as pd

from dataset_models.synthetic import appearance
from dataset_models.synthetic.ephemeris import days_since, ephemeris

EPOCH = "2010-05-01"  # the first block begins here
BLOCK_DAYS = 27  # about one solar rotation
LIFE_DAYS = 54  # no region is older
BIRTHS = 0.2  # regions born per day on the whole Sun: half of the days have no C-class flare
FLARES = 10.0  # flares of B1 and above per day, of a region of strength 1
WEAKEST, STRONGEST = 1e-7, 3e-3  # W m-2, the ends of the power law of flares: B1 to X30
BACKGROUND = 5e-8  # W m-2, the flux of a Sun without regions
REGION_FLUX = 8e-8  # W m-2 added by a visible region of strength 1
MINUTE = 1 / 1440  # days

BIRTH = [
    ("number", "i8"),
    ("born", "f8"),
    ("rise", "f8"),
    ("decay", "f8"),
    ("longitude", "f8"),
    ("latitude", "f8"),
    ("size", "f8"),
    ("peak_strength", "f8"),
]
REGION = [*BIRTH, ("strength", "f8"), ("x", "f8"), ("y", "f8"), ("mu", "f8")]
FLARE = [("peak", "f8"), ("rise", "f8"), ("decay", "f8"), ("flux", "f8"), ("number", "i8")]


class Sun:
    """A Sun whose regions, images, X-ray flux and flares belong together.

    Args:
        seed: int, not negative: which Sun.

    Example:
        >>> sun = Sun(seed=1)
        >>> image = sun.image("2014-01-01", 171, 128)  # (128, 128), DN / s
        >>> flux = sun.flux(np.arange("2014-01-01", "2014-01-02", dtype="datetime64[m]"))  # W m-2
    """

    def __init__(self, seed: int = 1):
        if seed < 0:
            raise ValueError(f"A Sun has no negative seed. Expected 0 or more. Received: {seed=}.")
        self.seed = int(seed)

    def regions(self, time) -> np.ndarray:
        """The active regions alive at one time, those on the far side too.

        Args:
            time: datetime64 or ISO text, UTC.

        Returns:
            Structured array, one row per region: number (unique); born (days since 2010-05-01);
            rise and decay (days); longitude and latitude now (degrees, Carrington); size (radius
            in solar radii); peak_strength and strength now (1 is typical); x, y (solar radii from
            the disk centre, west and north) and mu (cosine of the angle to the line of sight,
            negative behind the limb).
        """
        day = days_since(time, EPOCH)
        born = np.concatenate([_born(self.seed, block) for block in _blocks(day, day)])
        born = born[activity(day, born) > 0]
        regions = np.zeros(len(born), REGION)
        for name in born.dtype.names:
            regions[name] = born[name]
        regions["strength"] = born["peak_strength"] * activity(day, born)
        regions["longitude"] = _carrington_longitude(day, born)
        regions["x"], regions["y"], regions["mu"] = _on_disk(time, regions)
        return regions

    def image(self, time, channel, size: int) -> np.ndarray:
        """Brightness at one time, shape (size, size), float32, DN / s, row 0 in the south.

        Args:
            time: datetime64 or ISO text, UTC.
            channel: int, one of the AIA channels in `appearance.LOOKS`, or a `appearance.Look`.
            size: int, pixels on a side of the 2457.6 arcsec field of view.
        """
        return self.images(time, (channel,), size)[0]

    def images(self, time, channels, size: int) -> np.ndarray:
        """`image` in several channels, which share their geometry, shape (channel, size, size)."""
        return appearance.draw(self, time, channels, size)

    def background(self, times) -> np.ndarray:
        """GOES 1-8 Å flux between flares, W m-2: the quiet Sun and each visible region's strength.

        Args:
            times: datetime64, shape (n,) or (), UTC.
        """
        times = np.asarray(times, "datetime64[ns]")
        days, flux = days_since(times, EPOCH), np.full(times.shape, BACKGROUND)
        block = np.floor(days / BLOCK_DAYS)
        for one in np.unique(block):  # one block at a time bounds the memory
            here = block == one
            born = np.concatenate([_born(self.seed, b) for b in _blocks(days[here], days[here])])
            strength = born["peak_strength"] * activity(days[here][:, None], born)
            seen = visibility(_mu(times[here], days[here], born))
            flux[here] += REGION_FLUX * (strength * seen).sum(-1)
        return flux

    def flux(self, times) -> np.ndarray:
        """GOES 1-8 Å flux on the physical scale, W m-2: the background and all flares under way.

        Args:
            times: datetime64, shape (n,) or (), UTC.
        """
        shape = np.shape(times)
        times = np.atleast_1d(np.asarray(times, "datetime64[ns]"))
        if not times.size:
            return np.zeros(shape)
        order = np.argsort(times, kind="stable")
        days, flux = days_since(times[order], EPOCH), self.background(times[order])
        for flare in self._flares(days[0], days[-1]):
            first, last = np.searchsorted(days, flare["peak"] + _extent(flare))
            flux[first:last] += flare["flux"] * profile(days[first:last], flare)
        unsorted = np.empty_like(flux)
        unsorted[order] = flux
        return unsorted.reshape(shape)

    def flaring(self, time) -> dict[int, float]:
        """Flare flux of each region that flares at one time, number to W m-2 on the near side."""
        day, fluxes = days_since(time, EPOCH), {}
        flares = self._flares(day, day)
        for flare in flares[np.abs(day - flares["peak"]) < 1]:
            number = int(flare["number"])
            fluxes[number] = fluxes.get(number, 0.0) + float(flare["flux"] * profile(day, flare))
        return fluxes

    def flares(self, start, end) -> pd.DataFrame:
        """The flares that an observer of `flux` would list, by the rules of NOAA's SWPC.

        A flare is listed when the flux at its peak is a maximum and at least 1.4 times that at its
        start. It ends where the flux of its own has halved.

        Args:
            start: datetime64 or ISO text, UTC, the earliest peak.
            end: likewise; peaks are before it.

        Returns:
            DataFrame sorted by peak: start, peak, end (datetime64, whole minutes), flux (W m-2,
            physical scale, the total at the peak), goes_class ("M1.5"), active_region (int).

        Source:
            NOAA SWPC, "Edited Solar Event Lists": the definition of an XRA event.
        """
        first, last = days_since(start, EPOCH), days_since(end, EPOCH)
        flares = self._flares(first, last)
        flares = flares[(flares["peak"] >= first) & (flares["peak"] < last)]
        begin, peak = _minutes(flares["peak"] - 2 * flares["rise"]), _minutes(flares["peak"])
        at_start, at_peak = self.flux(begin), self.flux(peak)
        minute = np.timedelta64(1, "m")
        around = np.maximum(self.flux(peak - minute), self.flux(peak + minute))
        table = pd.DataFrame({"start": begin, "peak": peak})
        table["end"] = np.maximum(
            _minutes(flares["peak"] + np.log(2) * flares["decay"]), peak + minute
        )
        table["flux"], table["goes_class"] = at_peak, [goes_class(flux) for flux in at_peak]
        table["active_region"] = flares["number"]
        listed = table[(at_peak >= 1.4 * at_start) & (at_peak >= around)]
        return listed.drop_duplicates("peak").reset_index(drop=True)

    def _flares(self, first, last):
        """Flares that matter between two days, sorted by peak."""
        flares = np.concatenate(
            [_flares(self.seed, block) for block in _blocks(first - 1, last + 1)]
        )
        flares = flares[(flares["peak"] > first - 1) & (flares["peak"] < last + 1)]
        return flares[np.argsort(flares["peak"], kind="stable")]


def activity(day, born) -> np.ndarray:
    """Strength over peak strength: a rise, then an exponential decay."""
    age = day - born["born"]
    rising = np.sin(np.pi / 2 * np.clip(age / born["rise"], 0, 1)) ** 2
    decaying = np.exp(-np.clip(age - born["rise"], 0, None) / born["decay"])
    return np.where((age > 0) & (age < LIFE_DAYS), rising * decaying, 0.0)


def visibility(mu) -> np.ndarray:
    """Fraction of a region's X-rays that reach the Earth; loops show some way behind the limb."""
    return 1 / (1 + np.exp(-np.asarray(mu) / 0.03))


def profile(day, flare) -> np.ndarray:
    """Flux of a flare over its peak's: a Gaussian rise of minutes, an exponential decay."""
    since = np.asarray(day) - flare["peak"]
    rising = np.exp(-((np.minimum(since, 0) / flare["rise"]) ** 2))
    return rising * np.exp(-np.maximum(since, 0) / flare["decay"])


def goes_class(flux: float) -> str:
    """GOES class of a flux in W m-2, "M1.5" for 1.5e-5."""
    exponent = int(f"{flux:.1e}".partition("e")[2])  # of the rounded flux: 9.96e-7 is C1.0
    exponent = min(max(exponent, -8), -4)
    return f"{'XMCBA'[-4 - exponent]}{flux / 10.0**exponent:.1f}"


@functools.lru_cache(maxsize=1024)
def _born(seed, block):
    """Regions born in one block of 27 days."""
    rng = np.random.default_rng([seed, block % 2**32, 0])
    born = np.zeros(rng.poisson(BIRTHS * BLOCK_DAYS), BIRTH)
    count = len(born)
    born["number"] = 10000 + 100 * block + np.arange(count)
    born["born"] = BLOCK_DAYS * (block + np.sort(rng.random(count)))
    born["rise"], born["decay"] = rng.uniform(1, 5, count), rng.uniform(4, 12, count)
    born["longitude"] = rng.uniform(0, 360, count)
    born["latitude"] = rng.choice([-1, 1], count) * rng.uniform(10, 30, count)
    born["peak_strength"] = rng.lognormal(0, 0.8, count)
    born["size"] = 0.08 * born["peak_strength"] ** 0.25
    return born


@functools.lru_cache(maxsize=256)
def _flares(seed, block):
    """Flares of the regions born in one block, over all their lives: a thinned Poisson process."""
    rng = np.random.default_rng([seed, block % 2**32, 1])
    born = _born(seed, block)
    mother = np.repeat(born, rng.poisson(FLARES * LIFE_DAYS * born["peak_strength"]))
    days = np.round((mother["born"] + LIFE_DAYS * rng.random(len(mother))) * 1440) * MINUTE
    kept = rng.random(len(mother)) < activity(days, mother)
    mother, days = mother[kept], days[kept]
    flares = np.zeros(len(mother), FLARE)
    flares["peak"], flares["number"] = days, mother["number"]
    # A power law of index 2, dN/dF ~ F**-2, by its inverse distribution function.
    size = 1 / (1 / WEAKEST - rng.random(len(days)) * (1 / WEAKEST - 1 / STRONGEST))
    seen = visibility(_mu(_minutes(days), days, mother, paired=True))
    flares["rise"] = rng.uniform(2, 8, len(days)) * MINUTE
    flares["decay"] = rng.uniform(5, 40, len(days)) * (size / 1e-6) ** 0.1 * MINUTE
    flares["flux"] = size * seen
    return flares[np.argsort(days, kind="stable")]


def _extent(flare):
    """Days before and after the peak outside which a flare is below a millionth of its peak."""
    return np.array([-4 * flare["rise"], 14 * flare["decay"]])


def _blocks(first, last):
    """Blocks whose regions can be alive between two days."""
    low, high = np.min(first) - LIFE_DAYS, np.max(last)
    return range(int(np.floor(low / BLOCK_DAYS)), int(np.floor(high / BLOCK_DAYS)) + 1)


def _minutes(days):
    """Whole minutes, datetime64, nearest to days since the epoch."""
    minutes = np.round(np.asarray(days) * 1440).astype("timedelta64[m]")
    return (np.datetime64(EPOCH, "m") + minutes).astype("datetime64[ns]")


def _carrington_longitude(day, born):
    """Carrington longitude now, degrees: differential rotation since birth.

    Source: Snodgrass 1983, ApJ 270, 288: magnetic features, microradians per second, sidereal;
    the Carrington frame itself turns once in 25.38 days.
    """
    sine = np.sin(np.radians(born["latitude"])) ** 2
    sidereal = np.degrees((2.902 - 0.464 * sine - 0.328 * sine**2) * 1e-6 * 86400)
    return born["longitude"] + (sidereal - 360 / 25.38) * (day - born["born"])


def _on_disk(time, born):
    """x, y, mu of regions whose `longitude` is that of `time`."""
    frame = appearance.frames(time, born["longitude"], born["latitude"])
    return np.moveaxis(frame[..., 2], -1, 0)


def _mu(times, days, born, paired=False):
    """Cosine to the line of sight, shape (time, region), or (region,) when they come in pairs."""
    if not paired:
        times, days = times[..., None], days[..., None]
    centre, tilt, _ = ephemeris(times)
    longitude = np.radians(_carrington_longitude(days, born) - centre)
    latitude, tilt = np.radians(born["latitude"]), np.radians(tilt)
    along = np.cos(latitude) * np.cos(longitude)
    return np.sin(latitude) * np.sin(tilt) + along * np.cos(tilt)
