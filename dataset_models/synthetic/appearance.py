"""What the synthetic Sun looks like: a disk, a corona, and regions made of loops, in each channel.

Regions are points on loops in three dimensions. Seen from the Earth they are foreshortened near the
limb and stand above it, as optically thin loops do, without a formula for either.
"""

import dataclasses
import functools

import numpy as np
from scipy import ndimage

from dataset_models.synthetic.ephemeris import apparent_radius, ephemeris

FIELD_OF_VIEW = 2457.6  # arcsec on a side: 4096 pixels of 0.6 arcsec
LOOPS, POINTS = 14, 24  # loops of each part of a region, points on each loop
NETWORK = 6000  # bright points of the quiet Sun, on the whole sphere


@dataclasses.dataclass(frozen=True)
class Look:
    """How one channel sees the Sun.

    Args:
        quiet: float, brightness of the quiet disk centre, DN / s.
        limb: float, u of the limb law quiet * (1 - u (1 - mu)); negative for a bright limb.
        corona: float, e-folding height of the corona above the limb, solar radii; 0 for none.
        plage, loops, core: float, brightness of these parts of a region of strength 1, DN / s.
        flare: float, brightness that a flare of 1e-6 W m-2 (C1) adds to a core, DN / s.
        network: float, contrast of the quiet Sun's network.
        blur: float, standard deviation of the smoothing, solar radii.
    """

    quiet: float
    limb: float
    corona: float
    plage: float
    loops: float
    core: float
    flare: float
    network: float = 0.3
    blur: float = 0.012


# Disk and limb of 94 to 211 and 335 as measured in the synoptic images of 2014-01-01, rounded;
# 304 and 1600 and all the parts of regions are plausible values, not measurements.
LOOKS = {
    94: Look(0.7, -1.5, 0.06, 0.5, 3.0, 20.0, 40.0),
    131: Look(3.0, -1.5, 0.05, 5.0, 15.0, 15.0, 120.0),
    171: Look(100.0, -1.6, 0.05, 60.0, 600.0, 150.0, 400.0),
    193: Look(140.0, -1.2, 0.07, 80.0, 500.0, 700.0, 800.0),
    211: Look(50.0, -0.6, 0.08, 20.0, 200.0, 350.0, 300.0),
    304: Look(30.0, -0.5, 0.02, 200.0, 60.0, 80.0, 200.0),
    335: Look(1.4, -0.7, 0.06, 0.5, 3.0, 15.0, 10.0),
    1600: Look(60.0, 0.5, 0.0, 100.0, 0.0, 10.0, 60.0),
}


def draw(sun, time, channels, size) -> np.ndarray:
    """The Sun at one time, shape (channel, size, size), float32, DN / s; see `Sun.image`."""
    looks = [_look(channel) for channel in channels]
    canvas, regions, flaring = Canvas(time, size), sun.regions(time), sun.flaring(time)
    # Those too weak to see, or too far behind the limb even for their loops, are left out.
    regions = regions[(regions["strength"] > 0.005) & (regions["mu"] > -0.6)]
    flare = np.array([flaring.get(int(number), 0.0) for number in regions["number"]]) / 1e-6
    parts = _bright_parts(sun.seed, time, canvas, regions, flare)
    network = _network(sun.seed, time, canvas)
    return np.stack([_compose(look, canvas, parts, network) for look in looks]).astype(np.float32)


class Canvas:
    """A square of pixels that holds the Sun: where each pixel lies, and how points fall on it.

    Args:
        time: datetime64 or ISO text, UTC, for the apparent radius.
        size: int, pixels on a side.

    Attributes:
        radius: float, pixels per solar radius.
        distance: from the disk centre in solar radii, shape (size, size).
        mu: cosine to the line of sight, 0 off the disk, likewise.
        disk: fraction of each pixel that is disk, likewise.
    """

    def __init__(self, time, size):
        self.size = size
        self.radius = float(apparent_radius(time)) / FIELD_OF_VIEW * size
        axis = (np.arange(size) - (size - 1) / 2) / self.radius
        self.distance = np.hypot(axis, axis[:, None])
        self.mu = np.sqrt(np.clip(1 - self.distance**2, 0, None))
        self.disk = np.clip((1 - self.distance) * self.radius + 0.5, 0, 1)

    def splat(self, points, weights):
        """Weight per squared solar radius of points that are not behind the disk.

        Args:
            points: shape (..., 3): x, y, z in solar radii.
            weights: shape (...), broadcast to the points.
        """
        seen = (points[..., 2] > 0) | (np.hypot(points[..., 0], points[..., 1]) > 1)
        weights = np.broadcast_to(weights, seen.shape)[seen] * self.radius**2
        place = points[seen][:, :2] * self.radius + (self.size - 1) / 2
        corner = np.floor(place).astype(int)
        image = np.zeros(self.size**2)
        for step in ((0, 0), (0, 1), (1, 0), (1, 1)):  # shared among the four nearest pixels
            pixel = corner + step
            share = weights * (1 - np.abs(pixel - place)).prod(-1)
            inside = ((pixel >= 0) & (pixel < self.size)).all(-1)
            index = pixel[inside, 1] * self.size + pixel[inside, 0]
            image += np.bincount(index, share[inside], self.size**2)
        return image.reshape(self.size, self.size)

    def blur(self, image, width):
        """Gaussian smoothing by `width` solar radii."""
        return ndimage.gaussian_filter(image, width * self.radius, mode="constant")


def frames(time, longitude, latitude) -> np.ndarray:
    """Axes of places on the Sun as the Earth sees them at `time`.

    Args:
        time: datetime64 or ISO text, UTC.
        longitude: Carrington longitude in degrees, shape (n,).
        latitude: in degrees, shape (n,).

    Returns:
        shape (n, 3, 3): [:, :, 0] points to solar west there, [:, :, 1] north, [:, :, 2] up; rows
        are x (west), y (north), z (to the Earth). Column 2 is thus also the place, in solar radii.
    """
    centre, tilt, _ = ephemeris(np.asarray(time, "datetime64[ns]"))
    angle, latitude, tilt = np.radians(longitude - centre), np.radians(latitude), np.radians(tilt)
    sin, cos, sin_b, cos_b = np.sin(angle), np.cos(angle), np.sin(latitude), np.cos(latitude)
    zero = np.zeros_like(sin)
    west = np.stack([cos, zero, -sin], -1)
    north = np.stack([-sin_b * sin, cos_b, -sin_b * cos], -1)
    up = np.stack([cos_b * sin, sin_b, cos_b * cos], -1)
    tip = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    return tip @ np.stack([west, north, up], -1)


def _look(channel):
    if isinstance(channel, Look):
        return channel
    if channel not in LOOKS:
        raise ValueError(
            f"The synthetic Sun has no channel {channel!r}. Expected one of {tuple(LOOKS)} "
            "(Angstrom), or a Look that says how the channel sees the Sun."
        )
    return LOOKS[channel]


def _compose(look, canvas, parts, network):
    """One channel: limb law and network, the corona, and the blurred parts of the regions."""
    surface = look.quiet * (1 - look.limb * (1 - canvas.mu)) * (1 + look.network * (network - 1))
    height = np.clip(canvas.distance - 1, 0, None) / (look.corona or np.inf)
    corona = look.quiet * (1 - look.limb) * np.exp(-height) if look.corona else 0.0
    bright = sum(getattr(look, name) * image for name, image in parts.items())
    return canvas.disk * surface + (1 - canvas.disk) * corona + canvas.blur(bright, look.blur)


def _bright_parts(seed, time, canvas, regions, flare):
    """Dict of the parts that a `Look` weighs to their images at weight 1, shape (size, size)."""
    points = _parts(seed, time, regions)
    # Brightness times area, shared by the points: regions keep their brightness at any size.
    area = np.pi * regions["size"][:, None] ** 2 / (LOOPS * POINTS)
    strength = area * regions["strength"][:, None]
    images = {name: canvas.splat(points[name], strength) for name in points}
    return {**images, "flare": canvas.splat(points["core"], area * flare[:, None])}


def _parts(seed, time, regions):
    """Dict of part to the points of all regions, shape (region, LOOPS * POINTS, 3), solar radii."""
    frame = frames(time, regions["longitude"], regions["latitude"])
    tilt = np.radians(-0.5 * regions["latitude"])  # Joy's law: the leading side nearer the equator
    turn = np.zeros((len(regions), 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(tilt)
    turn[:, 0, 1], turn[:, 1, 0], turn[:, 2, 2] = -np.sin(tilt), np.sin(tilt), 1
    axes = frame @ turn * regions["size"][:, None, None]
    structures = [_structure(seed, int(number)) for number in regions["number"]]
    parts = {}
    for name in ("plage", "loops", "core"):
        local = np.reshape([one[name] for one in structures], (-1, LOOPS * POINTS, 3))
        parts[name] = np.einsum("nij,npj->npi", axes, local) + frame[:, None, :, 2]
    return parts


@functools.lru_cache(maxsize=4096)
def _structure(seed, number):
    """Parts of one region to points (west, north, up), in units of its size, before Joy's tilt."""
    rng = np.random.default_rng([seed, number % 2**32, 2])
    count = LOOPS * POINTS
    plage = rng.normal(0, 0.35, (count, 3)) + [0.6, 0, 0] * rng.choice([-1, 1], (count, 1))
    plage[:, 2] = 0
    return {"plage": plage, "loops": _arcs(rng, 0.5, 1.3), "core": _arcs(rng, 0.15, 0.5)}


def _arcs(rng, shortest, longest):
    """Points on semicircular loops that span the neutral line, shape (LOOPS * POINTS, 3)."""
    radius = rng.uniform(shortest, longest, (LOOPS, 1))
    heading = rng.normal(0, 0.4, (LOOPS, 1))  # away from west, radians
    centre = rng.normal(0, [0.1, 0.35], (LOOPS, 1, 2))
    angle = np.linspace(0, np.pi, POINTS)
    along = radius * np.cos(angle)
    west, north = along * np.cos(heading), along * np.sin(heading)
    west, north = west + centre[..., 0], north + centre[..., 1]
    return np.stack([west, north, radius * np.sin(angle)], -1).reshape(-1, 3)


def _network(seed, time, canvas):
    """Brightness of the quiet Sun's network over its mean, shape (size, size); it rotates."""
    longitude, latitude, weight = _network_points(seed)
    points = frames(time, longitude, latitude)[..., 2]
    density = NETWORK / (4 * np.pi)  # per squared solar radius of the surface
    bright = canvas.splat(points, weight * np.clip(points[:, 2], 0, None))
    width = 0.025  # solar radii, about a supergranule
    # The disk is blurred likewise, so that the ratio stays level towards the limb.
    even = canvas.blur(canvas.disk, width) + 0.1
    return (canvas.blur(bright, width) / density + 0.1) / even


@functools.lru_cache(maxsize=8)
def _network_points(seed):
    rng = np.random.default_rng([seed, 3])
    longitude, sine = rng.uniform(0, 360, NETWORK), rng.uniform(-1, 1, NETWORK)
    return longitude, np.degrees(np.arcsin(sine)), rng.exponential(1, NETWORK)
