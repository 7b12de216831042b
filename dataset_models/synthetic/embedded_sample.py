"""Writes a miniature archive drawn from the synthetic Sun, so that every script runs anywhere.

    python dataset_models/synthetic/embedded_sample.py

The files have the names, folders, headers, axes and units of the real archives, and say in each of
them that they are synthetic.
"""

import argparse
import pathlib

import numpy as np
import pandas as pd
from astropy.io import fits
from tqdm import tqdm

from dataset_models.synthetic import magnetic_features
from dataset_models.synthetic.archive_header import CHANNELS, archive_header
from dataset_models.synthetic.sun import Sun
from tools import tools

QUANTUM = 0.0625  # DN, BSCALE of the archive
SATURATION = 16383.0  # DN, the top of the 14-bit camera
READ_NOISE = 1.3  # DN per original pixel: 0.33 after 4 x 4 means, as in the archive's dark sky
# DN per photon; SolarSoft aia_bp_estimate_error.pro (Boerner et al. 2012).
GAIN = {94: 2.128, 131: 1.523, 171: 1.168, 193: 1.024, 211: 0.946, 304: 0.658, 335: 0.596}
GAIN[1600] = 0.125
FEATURE_HOURS = 12  # between rows of side_channel/HMI_features.csv
WRITTEN = ("aia/raw", "goes", "flares", "side_channel", "README.txt")  # in the data folder
MARGIN_DAYS = 3  # of flux after the last image: the longest delay and catch are a day each

README = """SYNTHETIC: this data folder holds FlareNet's embedded sample.

Nothing here was observed. The images (aia/raw), the X-ray flux (goes), the flares (flares) and the
magnetic features (side_channel) were drawn from one synthetic Sun, with the names, headers, axes
and units of the real archives. Made by dataset_models/synthetic/embedded_sample.py with
{settings}
"""


def write_archive(
    folder,
    start="2014-01-01",
    days: float = 240,
    cadence_minutes: int = 1440,
    size: int = 128,
    seed: int = 1,
    channels=tuple(CHANNELS),
) -> pathlib.Path:
    """Writes the archive: images, flux, flares, magnetic features, and a README.txt.

    Args:
        folder: the data folder; made when it is not there.
        start: datetime64 or ISO text, UTC: the first image; on an even minute.
        days: length of the series.
        cadence_minutes: between images, even as in the archive.
        size: pixels on a side of the 2457.6 arcsec field of view.
        seed: which Sun.
        channels: AIA channels, Angstrom.

    Returns:
        The folder.

    Raises:
        ValueError: for a channel that AIA's archive does not have, an odd cadence or start, a
            length or size that holds nothing.
        FileExistsError: when the folder holds data without the mark of a synthetic archive, or
            images that were drawn with other settings: one archive shows one Sun.
    """
    folder = pathlib.Path(folder)
    slots = _slots(start, days, cadence_minutes)
    _check(size, channels)
    # In one spelling, so that the same settings give the same README.
    start, days, channels = str(slots[0]), float(days), tuple(int(one) for one in channels)
    sun = Sun(seed)
    settings = f"{start=}, {days=}, {cadence_minutes=}, {size=}, {seed=}, {channels=}."
    readme = README.format(settings=settings)
    _check_folder(folder, readme)
    tools.write_text(folder / "README.txt", readme)
    for slot in tqdm(slots, desc="Drawing the Sun", unit="time", disable=None):
        _write_images(folder / "aia" / "raw", sun, slot, channels, size)
    first, last = slots[0] - np.timedelta64(1, "D"), slots[-1] + np.timedelta64(MARGIN_DAYS, "D")
    _write_flux(folder / "goes" / "goes_flux.csv", sun, first, last)
    _write_flares(folder / "flares" / "flares.csv", sun, first, last)
    times = np.arange(first, last, np.timedelta64(FEATURE_HOURS, "h"))
    features = magnetic_features.table(sun, times)
    _write_table(folder / "side_channel" / "HMI_features.csv", features)
    return folder


def is_synthetic(folder) -> bool:
    """True when the data folder's README.txt says that `write_archive` made it."""
    readme = pathlib.Path(folder) / "README.txt"
    return readme.is_file() and readme.read_text(encoding="utf-8").startswith("SYNTHETIC")


def expose(brightness, channel: int, rng) -> np.ndarray:
    """What the camera makes of an image: photon and read noise, saturation.

    Args:
        brightness: shape (height, width), DN / s.
        channel: int, Angstrom.
        rng: numpy Generator.

    Returns:
        float64, shape (height, width), DN per original 0.6 arcsec pixel; the dark sky scatters
        about zero. Each value is the mean of (4096 / height) squared original pixels.
    """
    counts = brightness * CHANNELS[channel][0]
    averaged = 4096 / len(brightness)  # noise falls with the root of the number of pixels
    noise = np.sqrt(np.clip(counts, 0, None) * GAIN[channel] + READ_NOISE**2) / averaged
    return np.minimum(counts + noise * rng.standard_normal(counts.shape), SATURATION)


def _slots(start, days, cadence_minutes):
    first = np.datetime64(start, "m")
    if cadence_minutes <= 0 or cadence_minutes % 2 or first.astype(int) % 2:
        raise ValueError(
            "The synoptic archive has images on even minutes. Expected an even start and an even "
            f"cadence above 0. Received: {start=}, {cadence_minutes=}."
        )
    last, step = np.timedelta64(round(days * 1440), "m"), np.timedelta64(cadence_minutes, "m")
    slots = np.arange(first, first + last, step)
    if not slots.size:
        raise ValueError(f"The archive would be empty. Expected days above 0. Received: {days=}.")
    return slots


def _check(size, channels):
    unknown = [channel for channel in channels if channel not in CHANNELS]
    if unknown or not channels:
        raise ValueError(
            f"The synthetic archive has no channel {unknown}. Expected some of {tuple(CHANNELS)} "
            f"(Angstrom). Received: {channels=}."
        )
    if size < 8 or 4096 % size:
        raise ValueError(
            "An image is the 4096-pixel one, averaged. Expected a size that divides 4096, from 8 "
            f"on. Received: {size=}."
        )


def _check_folder(folder, readme):
    held = [name for name in WRITTEN if (folder / name).exists()]
    if held and not is_synthetic(folder):
        raise FileExistsError(
            f"{folder} holds {', '.join(held)}, not marked as synthetic; all stays as it is. "
            "Expected a new folder, or one whose README.txt begins with SYNTHETIC. Name another "
            "one with --folder, or set FLARENET_DATA to it."
        )
    if "aia/raw" in held and (folder / "README.txt").read_text(encoding="utf-8") != readme:
        raise FileExistsError(
            f"{folder / 'aia' / 'raw'} holds an embedded sample drawn with other settings, which "
            "its README.txt names. Expected the same settings: images of two Suns would mix. "
            f"Received: {readme.splitlines()[-1]} Delete the old sample, or name another folder "
            "with --folder."
        )


def _write_images(folder, sun, slot, channels, size):
    day, hour = pd.Timestamp(slot).strftime("%Y/%m/%d"), pd.Timestamp(slot).strftime("%H")
    name = pd.Timestamp(slot).strftime("AIA%Y%m%d_%H%M")
    for channel, image in zip(channels, sun.images(slot, channels, size), strict=True):
        rng = np.random.default_rng([sun.seed, slot.astype(int) % 2**32, channel])
        counts = np.round(expose(image, channel, rng) / QUANTUM).astype("int32")
        header = archive_header(slot, channel, counts * QUANTUM)
        header["BLANK"] = -2147483648
        # Tiles of 16 rows where the archive has one: a third of the time, the same pixels.
        tile = (min(16, size), size)
        hdu = fits.CompImageHDU(counts, header, compression_type="RICE_1", tile_shape=tile)
        hdu.header["BZERO"], hdu.header["BSCALE"] = 0.0, QUANTUM
        path = folder / day / f"H{hour}00" / f"{name}_{channel:04d}.fits"
        with tools.written_whole(path) as temporary:
            hdu.writeto(temporary, output_verify="ignore")  # verified once, by the tests


def _write_flux(path, sun, first, last):
    times = np.arange(first, last, np.timedelta64(1, "m"))
    table = pd.DataFrame({"time": times, "flux": sun.flux(times)})
    _write_table(path, table, float_format="%.4e")


def _write_flares(path, sun, first, last):
    flares = sun.flares(first, last)[["start", "peak", "end", "goes_class"]]
    _write_table(path, flares.assign(scale="physical"))


def _write_table(path, table, float_format="%.6g"):
    text = table.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S", float_format=float_format)
    said = "# SYNTHETIC, drawn from the synthetic Sun\n# scale: physical\n"
    tools.write_text(path, said + text)


def _parser():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path, help="default: FLARENET_DATA, or data/")
    parser.add_argument("--start", default="2014-01-01", help="first image, UTC")
    parser.add_argument("--days", type=float, default=240, help="length of the series")
    parser.add_argument("--size", type=int, default=128, help="pixels on a side")
    parser.add_argument("--cadence-minutes", type=int, default=1440, help="between images")
    parser.add_argument("--seed", type=int, default=1, help="which Sun")
    return parser


def main(arguments=None):
    """Writes the embedded sample; returns the exit status."""
    settings = vars(_parser().parse_args(arguments))
    folder = settings.pop("folder") or tools.data_folder()
    try:
        write_archive(folder, **settings)
    except (ValueError, FileExistsError) as error:
        print(error)
        return 1
    print(f"SYNTHETIC data, drawn from the synthetic Sun, lies in {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
