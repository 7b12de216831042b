"""A tiny synthetic SDOML of both versions and its labels, made as the real ones were."""

import pathlib

import numcodecs
import numpy as np
import pandas as pd
import zarr
from scipy import ndimage

from dataset_models.sdo import sdoml_frames
from dataset_models.sdo.sdoml_v2 import MARK
from dataset_models.synthetic.archive_header import CHANNELS as ARCHIVE
from dataset_models.synthetic.archive_header import pointing
from dataset_models.synthetic.sun import Sun
from tools import tools
from tools.label_history import FILE, write_history
from tools.label_sources import FluxSeries
from tools.label_windows import date_stamps
from tools.labels import label_file, write_labels

WAVELENGTHS = tuple(ARCHIVE)  # the synthetic Sun has no 1700 A
TAI = np.timedelta64(35, "s")  # ahead of UTC in 2014
PACKED = numcodecs.Blosc(cname="zstd", clevel=5, shuffle=numcodecs.Blosc.BITSHUFFLE)
CHUNK = 15  # frames, as in version 2
SPOT = 2000.0  # G, of a region of strength 1
NOISE = 5.6  # G, of a pixel of Bz


def write(
    folder: pathlib.Path,
    lag_minutes: int,
    catch_minutes: int,
    start="2014-01-01",
    days: float = 40,
    cadence_minutes: int = 1440,
    size: int = 32,
    seed: int = 1,
) -> None:
    """Writes `sdoml_v1`, `sdoml_v2.zarr` and `sdoml_v2_hmi.zarr` of one Sun, and labels in `y`.

    Args:
        folder: the data folder.
        lag_minutes: of the labels, minutes.
        catch_minutes: of the labels, minutes.
        start: datetime64 or ISO text, UTC: the first frame, on a slot of 6 minutes.
        days: length of the series.
        cadence_minutes: between frames, a multiple of 12: then HMI has them all.
        size: pixels on a side, 512 in the real one.
        seed: which Sun.

    Raises:
        ValueError: for a cadence off HMI's.
    """
    if cadence_minutes <= 0 or cadence_minutes % 12:
        raise ValueError(
            "HMI has a frame each 12 minutes. Expected cadence_minutes above 0 and a multiple of "
            f"12. Received: cadence_minutes={cadence_minutes!r}."
        )
    sun, step = Sun(seed), np.timedelta64(cadence_minutes, "m")
    slots = np.datetime64(start, "m") + np.arange(round(days * 1440 / cadence_minutes)) * step
    frames = [frames_of(sun, slot, size) for slot in slots]
    _write_version_1(folder / "sdoml_v1", slots, frames)
    for name, channels in (("", WAVELENGTHS), ("_hmi", sdoml_frames.FIELDS)):
        planes = {channel: [frame[channel] for frame in frames] for channel in channels}
        write_version_2(folder / f"sdoml_v2{name}.zarr", slots, planes)
    _write_labels(folder / "y", sun, slots, lag_minutes, catch_minutes)


def frames_of(sun: Sun, slot: np.datetime64, size: int) -> dict:
    """Frames of one time as version 2 has them: channel -> float32, shape (size, size).

    AIA: DN/s, negative pixels 0. HMI: G, 0 outside the disk. The Sun is scaled to 976 arcsec.
    """
    geometry = pointing(slot, size)
    images = sun.images(slot, WAVELENGTHS, size)
    stretch = sdoml_frames.SOLAR_RADIUS / geometry["RSUN_OBS"]
    frames = {
        channel: np.maximum(_stretched(image, stretch), 0).astype("float32")
        for channel, image in zip(WAVELENGTHS, images, strict=True)
    }
    rng = np.random.default_rng([sun.seed, slot.astype("datetime64[m]").astype(int)])
    return frames | _field(sun.regions(slot), size, rng)


def write_version_2(path: pathlib.Path, slots: np.ndarray, planes: dict) -> None:
    """Writes a Zarr group of version 2, marked as synthetic.

    Args:
        path: of the group.
        slots: datetime64 array, shape (n,), UTC.
        planes: channel -> n arrays, shape (height, width). They are stored out of order, as in the
            real one.
    """
    group = zarr.open_group(path, mode="w", zarr_format=2, attributes={MARK: True})
    years = pd.DatetimeIndex(slots).year
    for year, channel in ((year, name) for year in years.unique() for name in planes):
        order = np.random.default_rng(0).permutation(np.flatnonzero(years == year))
        stack = np.stack([planes[channel][i] for i in order])
        array = group.create_array(
            f"{year}/{channel}A" if channel in sdoml_frames.WAVELENGTHS else f"{year}/{channel}",
            data=stack,
            chunks=(CHUNK, *stack.shape[1:]),
            compressors=PACKED,
            fill_value=0,
            attributes=_attributes(channel, slots[order], stack.shape[1]),
        )
        del array
    zarr.consolidate_metadata(group.store)


def _write_version_1(folder, slots, frames):
    tools.write_text(folder / "README.txt", "SYNTHETIC: drawn from the synthetic Sun.\n")
    for slot, frame in zip(pd.DatetimeIndex(slots), frames, strict=True):
        stamp, day = slot.strftime("%Y%m%d_%H%M"), slot.strftime("%Y/%m/%d")
        for channel, plane in frame.items():
            is_field = channel in sdoml_frames.FIELDS
            where = f"HMI_{channel}" if is_field else f"AIA_{channel:04d}"
            name = f"HMI{stamp}_{channel.lower()}" if is_field else f"AIA{stamp}_{channel:04d}"
            path = folder / where / day / f"{name}.npz"
            summed = plane if is_field else plane * sdoml_frames.VERSION_1_SUMMED
            with tools.written_whole(path) as temporary:
                np.savez_compressed(temporary, x=summed)


def _attributes(channel, slots, size):
    """Header cards of the frames of one array, each a list."""
    cards = [pointing(slot, size) for slot in slots]
    lists = {name: [card[name] for card in cards] for name in cards[0]}
    if channel in sdoml_frames.FIELDS:
        stamps = pd.DatetimeIndex(slots + np.timedelta64(4, "s"))  # as T_OBS lies by T_REC, TAI
        return lists | {
            "T_OBS": list(stamps.strftime("%Y.%m.%d_%H:%M:%S_TAI")),
            "PIXLUNIT": ["Gauss"] * len(slots),
        }
    exposure, delay, *_ = ARCHIVE[channel]
    times = slots.astype("datetime64[ms]") + np.timedelta64(round(1000 * delay), "ms")
    return lists | {
        "T_OBS": [f"{str(time)[:-1]}Z" for time in times],
        "WAVELNTH": [channel] * len(slots),
        "EXPTIME": [exposure] * len(slots),
        "DEG_COR": [1.0] * len(slots),
        "PIXLUNIT": ["DN/s"] * len(slots),
    }


def _stretched(image, factor):
    """An image magnified about its centre."""
    centre = (len(image) - 1) / 2
    offset = centre * (1 - 1 / factor)
    return ndimage.affine_transform(image, [1 / factor] * 2, offset, order=1, mode="nearest")


def _field(regions, size, rng):
    """Bx, By, Bz of pairs of spots, after Hale: northern ones lead with the same polarity."""
    pixel = sdoml_frames.FIELD_OF_VIEW / size / sdoml_frames.SOLAR_RADIUS  # solar radii
    y, x = (np.indices((size, size)) - (size - 1) / 2) * pixel
    field = rng.normal(0, NOISE, (3, size, size)) * np.array([10.0, 10.0, 1.0])[:, None, None]
    for region in regions[regions["mu"] > 0]:
        sign = np.sign(region["latitude"])
        for side in (-1, 1):  # following in the east, leading in the west
            east_west = x - region["x"] - side * region["size"]
            spot = np.exp(-(east_west**2 + (y - region["y"]) ** 2) / (2 * region["size"] ** 2))
            field[2] += side * sign * SPOT * min(region["strength"], 1) * region["mu"] * spot
    field[:, np.hypot(x, y) > 1] = sdoml_frames.BLANK_FIELD
    return dict(zip(sdoml_frames.FIELDS, field.astype("float32"), strict=True))


def _write_labels(folder, sun, slots, lag_minutes, catch_minutes):
    after = np.timedelta64(lag_minutes + catch_minutes + 60, "m")
    minutes = np.arange(slots[0] - np.timedelta64(1, "D"), slots[-1] + after)
    series = FluxSeries(pd.DataFrame({"time": minutes, "flux": sun.flux(minutes)}))
    labels = series.labels(slots, lag_minutes, catch_minutes)
    labels["Date Stamp"], labels["Filename"] = date_stamps(pd.Series(slots)), ""
    write_labels(folder / label_file(lag_minutes, catch_minutes), labels)
    write_history(folder / FILE, labels["Date Stamp"].array, series.history(slots))
