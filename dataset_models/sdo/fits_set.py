"""One sample from FITS files of one time, a file per channel, without a store or labels."""

import pathlib
from typing import Any

import keras
import numpy as np

from dataset_models.sdo import decoding_layers, geometry, quality
from dataset_models.sdo.fits_image import read_image
from dataset_models.sdo.response_table import read_table

TOGETHER = np.timedelta64(6, "m")  # between the first and the last image of a set
NEEDED = ("channels", "image_size")  # fields of a config that say what a network takes


def read_fits_set(
    files: list[pathlib.Path], config: Any, folder: str | pathlib.Path
) -> tuple[dict[str, np.ndarray], dict, tuple[str, ...]]:
    """Reads the images of one time as a network takes them.

    Args:
        files: FITS files as the JSOC's synoptic archive has them, or folders of some (*.fits).
        config: settings of the network's run: `channels` (Angstrom, in the network's order),
            `image_size`, and where there are such fields `allow_missing_channels`, `degradation`
            (the table that images are divided by) and `solar_radius_arcsec` (to scale them to).
        folder: the data folder, where the degradation table lies.

    Returns:
        Dict of "images", float32 (1, height, width, channel) in DN/s, and "channel_mask" (1,
        channel) where channels may lack; what is known of the sample, as from `Dataset.describe`;
        and sentences about files that were not used, or that their QUALITY speaks against.

    Raises:
        FileNotFoundError: if there is no such file, or no FITS file in a folder.
        BadImageError: if a file holds no image of the whole Sun.
        ValueError: if files are of several times, or of one channel twice, a channel lacks, the
            network takes more than one image of each channel, or no Sun can be scaled as it says.
    """
    _check_config(config)
    images, notes = _by_channel(_expanded(files), tuple(config.channels))
    missing = [channel for channel in config.channels if channel not in images]
    may_lack = getattr(config, "allow_missing_channels", False)
    if not images or (missing and not may_lack):
        raise ValueError(
            f"The FITS set lacks channels {missing}. Expected an image of each of "
            f"{tuple(config.channels)} (Angstrom). Received: {sorted(images)}. Add the files, or "
            "use a network that was trained with --allow_missing_channels=True."
        )
    planes = _planes(images, tuple(config.channels), _throughput(images, config, folder))
    scaled = _scaled(planes, images, config)
    averaged = decoding_layers.AreaAverage(config.image_size)(scaled[None])
    x = {"images": np.moveaxis(keras.ops.convert_to_numpy(averaged), 1, -1)}
    if may_lack:
        mask = [float(channel in images) for channel in config.channels]
        x["channel_mask"] = np.array([mask], "float32")
    return x, _description(images, config), notes


def _check_config(config):
    lacking = [name for name in NEEDED if not hasattr(config, name)]
    if lacking:
        raise ValueError(
            f"The config of this network has no {' and no '.join(lacking)}, so nothing says how "
            "FITS files become its input. Expected a network of AIA images, such as "
            "xray_flux_forecast/starting_point. Choose samples of its dataset instead."
        )
    geometry.check_solar_radius(_solar_radius(config))
    others = tuple(getattr(config, "side_channels", ()))
    count = getattr(config, "aia_image_count", 1)
    if others or count != 1:
        raise ValueError(
            "FITS files of one time are not all that this network takes. Expected one image of "
            f"each channel and nothing beside it. Received: aia_image_count={count}, "
            f"side_channels={others}. Choose samples of its dataset instead."
        )


def _expanded(files):
    found = []
    for path in map(pathlib.Path, files):
        inside = sorted(path.rglob("*.fits")) if path.is_dir() else [path]
        if not inside:
            raise FileNotFoundError(
                f"There is no FITS file in {path}. Expected *.fits, one for each channel."
            )
        found += inside
    return found


def _by_channel(files, channels):
    """Channel -> `Image` of those that are wanted, and sentences about the others."""
    images, paths, notes = {}, {}, []
    for path in files:
        shape = next(iter(images.values())).data.shape if images else None
        image = read_image(path, shape=shape)
        if image.channel not in channels:
            notes.append(f"Not used: {path}, since the network takes no channel {image.channel}.")
            continue
        if image.channel in images:
            raise ValueError(
                f"Two files are of channel {image.channel}. Expected one image of each channel, of "
                f"one time. Received: {paths[image.channel]} and {path}. Name the files of one set."
            )
        images[image.channel], paths[image.channel] = image, path
        if bits := quality.rejected_bits(image.quality, "definitive"):
            notes.append(f"QUALITY of {path}: {', '.join(bits)}.")
    times = [image.t_obs for image in images.values()]
    if times and max(times) - min(times) > TOGETHER:
        raise ValueError(
            f"The FITS files are of several times. Expected images within {TOGETHER}. Received: "
            f"{min(times)} to {max(times)}. Name the files of one time."
        )
    return images, tuple(notes)


def _planes(images, channels, throughput):
    """Float32 array (channel, height, width), NaN where a channel lacks."""
    side = next(iter(images.values())).data.shape
    missing = np.full(side, np.nan, "float32")
    planes = [images[c].data / throughput[c] if c in images else missing for c in channels]
    return np.stack(planes).astype("float32")


def _scaled(planes, images, config):
    """The planes with a Sun of the size that the network is used to."""
    radius = _solar_radius(config)
    if not radius:
        return planes
    factors = [radius / images[c].rsun_obs if c in images else 1.0 for c in config.channels]
    return decoding_layers.Magnify()(planes, np.array(factors, "float32"))


def _solar_radius(config):
    return getattr(config, "solar_radius_arcsec", 0.0)


def _throughput(images, config, folder):
    """Channel -> what its image is divided by: 1 where the network saw images as they are."""
    name = getattr(config, "degradation", "")
    if not name or any(image.synthetic for image in images.values()):
        return dict.fromkeys(images, 1.0)
    table = read_table(name, folder)
    return {c: float(table((c,), np.array([image.t_obs]))[0, 0]) for c, image in images.items()}


def _description(images, config):
    first = next(images[channel] for channel in config.channels if channel in images)
    time = max(image.t_obs for image in images.values())
    slot = str(first.t_obs.astype("datetime64[m]")).translate(str.maketrans("T", "_", "-:"))
    side = {"NAXIS1": first.data.shape[1], "NAXIS2": first.data.shape[0]}
    synthetic = any(image.synthetic for image in images.values())
    cards = first.wcs | side
    if _solar_radius(config):
        cards = geometry.magnified(cards, _solar_radius(config) / first.rsun_obs)
    return {
        "id": slot,
        "time": time,
        "channels": tuple(map(str, config.channels)),
        "unit": "DN / s",
        "wcs": geometry.rescaled(cards, config.image_size),
        "labels": {},
        "marks": ("SYNTHETIC",) if synthetic else (),
    }
