"""Samples per second of structure_data.py, beside three readers that only decompress its files.

    python software_tests/benchmarks/structure_speed.py --jobs 2

The readers are astropy; CFITSIO, where fitsio is installed; and the decompression of
structure_data.py with nothing around it. The CFITSIO in fitsio's wheels was compiled without
optimisation, and takes three times as long as it might; a fair one comes from
`CFLAGS="-O2 -fPIC" pip install --no-binary fitsio fitsio`.

All share the work among the same number of processes, and all times count the starting of those,
the less the more --samples there are. They take turns, and the medians count: other work on the
machine slows all. Where that work changes from turn to turn, the processor time is the number to
look at. The store holds one sample already, since the very first, whose shape decides about the
others, is made before the processes start. The files are made up, with the noise of the archive's,
or copied from a folder of real ones; they are in the page cache.
"""

import argparse
import io
import os
import pathlib
import shutil
import tempfile
import time
import warnings

import numpy as np
from astropy.io import fits

from dataset_models.sdo import workers
from dataset_models.sdo.decompression import stored_numbers
from dataset_models.sdo.header_cards import Cards
from dataset_models.sdo.structure_data import structure_archive

try:
    import fitsio
except ImportError:  # nothing else here wants it
    fitsio = None

CHANNELS = (94, 131, 171, 193, 211, 304, 335, 1600)
QUIET = (1.0, 6.0, 170.0, 200.0, 80.0, 30.0, 3.0, 60.0)  # DN/s of the quiet disk, about
EXPOSURE = 2.9  # s


def write_files(folder, side):
    """Writes one file of each channel: counts in steps of 1/16 DN, RICE-compressed by rows."""
    rng = np.random.default_rng(1)
    row, column = np.mgrid[:side, :side] / side - 0.5
    disk = np.where(np.hypot(row, column) < 0.4, 1.0, np.exp(-np.hypot(row, column) / 0.1))
    for level, channel in zip(QUIET, CHANNELS, strict=True):
        counts = level * EXPOSURE * disk
        # Level 1.5 averages 16 pixels, of which each holds Poisson noise and 1.2 DN of reading.
        counts = np.round(16 * rng.normal(counts, np.sqrt(counts + 1.4) / 4)).astype(np.int32)
        header = _header(side, channel)
        image = fits.CompImageHDU(counts, header)
        image.header["BSCALE"] = 1 / 16
        image.writeto(folder / f"AIA20140101_0000_{channel:04d}.fits")


def copy_to_slots(source, folder, samples):
    """Copies the files of one slot to as many slots as are wanted; lists the paths of each."""
    slots = [[] for _ in range(samples)]
    for path in sorted(pathlib.Path(source).glob("AIA????????_????_????.fits")):
        content, stamp = path.read_bytes(), _stamp(path)
        for number, slot in enumerate(slots):
            clock = f"{number // 30:02d}:{2 * (number % 30):02d}"
            copy = folder / f"AIA20140101_{clock.replace(':', '')}_{path.stem[-4:]}.fits"
            time_of_slot = f"2014-01-01T{clock}{stamp[16:]}".encode()
            copy.write_bytes(content.replace(stamp.encode(), time_of_slot))
            slot.append(copy)
    return slots


def _stamp(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fits.getval(path, "T_OBS", 1)


def _header(side, channel):
    cards = {
        "TELESCOP": "SDO/AIA",
        "INSTRUME": "AIA_3",
        "WAVELNTH": channel,
        "WAVEUNIT": "angstrom",
    }
    cards |= {"T_OBS": "2014-01-01T00:00:12.34Z", "EXPTIME": EXPOSURE, "QUALITY": 0}
    for axis in "12":
        cards |= {f"CRPIX{axis}": (side + 1) / 2, f"CDELT{axis}": 2457.6 / side}
        cards |= {f"CRVAL{axis}": 0.0, f"CUNIT{axis}": "arcsec"}
    cards |= {"CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN", "RSUN_OBS": 975.96, "DSUN_OBS": 1.47e11}
    return fits.Header(cards)


def astropy_alone(paths):
    """What astropy alone does with the files of one sample."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in paths:
            with fits.open(path) as units:
                units[1].data.shape  # noqa: B018 - reads the pixels


def cfitsio_alone(paths):
    """What CFITSIO alone does with them."""
    for path in paths:
        with fitsio.FITS(str(path)) as units:
            units[1].read()


def ours_alone(paths):
    """What our decompression alone does with them."""
    for path in paths:
        content = path.read_bytes()
        with fits.open(io.BytesIO(content), disable_image_compression=True) as units:
            stored_numbers(content, units, 1, Cards(path, units[1].header))


READERS = {"astropy alone": astropy_alone, "decompression.py alone": ours_alone}
if fitsio:
    READERS["CFITSIO alone"] = cfitsio_alone


def rates(slots, raw, folder, jobs):
    """Samples per second, and per second of processor time, of each reader and of our script."""
    structure_archive(folder / "first", folder / "store")
    slots = slots[1:]
    plain = [_timed(lambda r=r: list(workers.results(r, slots, jobs))) for r in READERS.values()]
    ours = _timed(lambda: structure_archive(raw, folder / "store", jobs=jobs))
    shutil.rmtree(folder / "store")
    return len(slots) / np.array([*plain, ours])


def _timed(work):
    """Seconds on the clock, and of the processor in this process and those it started."""
    clock, processor = time.perf_counter(), sum(os.times()[:4])
    work()
    return time.perf_counter() - clock, sum(os.times()[:4]) - processor


def main(arguments=None):
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024, help="pixels on a side")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--files", type=pathlib.Path, help="folder of real files of one slot")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in ("files", "first", "raw"):
            (folder / name).mkdir()
        if not options.files:
            write_files(folder / "files", options.side)
        files = options.files or folder / "files"
        copy_to_slots(files, folder / "first", 1)
        slots = copy_to_slots(files, folder / "raw", options.samples + 1)
        turns = [rates(slots, folder / "raw", folder, options.jobs) for _ in range(options.turns)]
    rate, ratio = np.median(turns, axis=0), np.median([turn[-1] / turn for turn in turns], axis=0)
    print(f"{len(slots[0])} channels, {options.jobs} processes: samples/s, and our multiple of it,")
    print("                           on the clock, and of processor time")
    for name, row, times in zip([*READERS, "structure_data.py"], rate, ratio, strict=True):
        print(f"{name:23} {row[0]:8.2f} {times[0]:6.2f} {row[1]:8.2f} {times[1]:6.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
