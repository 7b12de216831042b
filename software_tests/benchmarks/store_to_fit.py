"""Samples per second from the sample store into `fit`, beside the first FlareNet's way.

    python software_tests/benchmarks/store_to_fit.py

The model is empty: it looks at one pixel of each sample, so that reading and handing over is all
that is measured; decoding is left out on both sides. The files are in the page cache.
"""

import argparse
import pathlib
import tempfile
import time

import keras
import numpy as np
import pandas as pd
from pyarrow import feather

from dataset_models.dataset import Dataset
from dataset_models.sdo import store

CHANNELS = (94, 131, 171, 193, 211, 304, 335, 1600)
QUIET = (1.0, 6.0, 170.0, 200.0, 80.0, 30.0, 3.0, 60.0)  # DN/s of the quiet disk, about


def example(side, rng):
    """Planes like the archive's: counts with Poisson noise, stored to 1/16 DN, over 2.9 s."""
    row, column = np.mgrid[:side, :side] / side - 0.5
    disk = np.where(np.hypot(row, column) < 0.4, 1.0, np.exp(-np.hypot(row, column) / 0.1))
    levels = np.array(QUIET)[:, None, None] * disk * 2.9
    # Level 1.5 averages 16 pixels, of which each holds Poisson noise and 1.2 DN of reading.
    counts = rng.normal(levels, np.sqrt(levels + 1.4) / 4)
    return (np.round(counts * 16) / 16 / 2.9).astype(np.float32)


class Files(Dataset):
    """The files of a folder in order, as the subclasses read them."""

    splits = ("train",)
    units = {"images": "DN / s", "target": "1"}

    def __init__(self, folder, side):
        self.files = sorted(pathlib.Path(folder).glob("*.fthr"))
        self.side = side

    def size(self, split):
        return len(self.files)

    def sample(self, split, index, rng):
        return {"images": self.read(self.files[index])}, np.zeros(1, np.float32)

    def describe(self, split, index):
        return {"id": self.files[index].stem, "time": np.datetime64("2014-01-01")}


class Store(Files):
    """The store's float16 planes, channel first, as they lie in the file."""

    dtype = "float16"

    @property
    def input_shape(self):
        return {"images": (len(CHANNELS), self.side, self.side)}

    @staticmethod
    def write(path, planes):
        stamps = dict.fromkeys(CHANNELS, "2014-01-01T00:00:00")
        planes = dict(zip(CHANNELS, planes, strict=True))
        store.write_sample(path, planes, {"unit": "DN / s", "t_obs": stamps})

    def read(self, path):
        return store.read_sample(path, CHANNELS).planes


class FirstFlareNet(Files):
    """LZ4-compressed float32, through a table of pixels."""

    dtype = "float32"

    @property
    def input_shape(self):
        return {"images": (self.side, self.side, len(CHANNELS))}

    @staticmethod
    def write(path, planes):
        names = [str(channel) for channel in CHANNELS]
        table = pd.DataFrame(planes.reshape(len(planes), -1).T, columns=names)
        feather.write_feather(table, path, compression="lz4")

    def read(self, path):
        return pd.read_feather(path).values.reshape((self.side, self.side, len(CHANNELS)))


def empty_model(dataset):
    """A compiled model that looks at the first number of each sample."""
    (shape,) = dataset.input_shape.values()
    images = keras.Input(shape, name="images", dtype=dataset.dtype)
    pixel = keras.ops.cast(images[:, 0, 0, :1], "float32")
    model = keras.Model({"images": images}, keras.layers.Dense(1)(pixel))
    model.compile(optimizer="sgd", loss="mse")
    return model


def fit_rate(dataset, batch_size, workers, epochs):
    """Samples per second into `fit`; the first epoch, which also compiles, is not counted."""
    ends = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter())
    )
    batches = dataset.batches("train", batch_size, workers=workers)
    empty_model(dataset).fit(batches, epochs=epochs + 1, verbose=0, callbacks=[clock])
    return epochs * batches.num_batches * batch_size / (ends[-1] - ends[0])


def batch_rate(dataset, batch_size, epochs):
    """Samples per second into batches, with no `fit` behind them: what one thread can read."""
    batches = dataset.batches("train", batch_size)
    start = time.perf_counter()
    for index in range(epochs * batches.num_batches):
        batches[index % batches.num_batches]
    return epochs * batches.num_batches * batch_size / (time.perf_counter() - start)


def measure(way, folder, options):
    """One row of the table: MiB of a file, and samples per second."""
    rng = np.random.default_rng(1)
    folder.mkdir()
    for number in range(options.samples):
        way.write(folder / f"AIA20140101_00{number:02d}_8.fthr", example(options.side, rng))
    dataset = way(folder, options.side)
    rates = [fit_rate(dataset, options.batch_size, n, options.epochs) for n in options.workers]
    megabytes = dataset.files[0].stat().st_size / 2**20
    return [megabytes, batch_rate(dataset, options.batch_size, options.epochs), *rates]


def main(arguments=None):
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024, help="pixels on a side")
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        first = measure(FirstFlareNet, folder / "first", options)
        ours = measure(Store, folder / "store", options)
    names = [f"fit, workers={number}" for number in options.workers]
    print(f"Samples/s of {len(CHANNELS)} x {options.side} x {options.side}, warm cache")
    for name, row in (
        ("", ["MiB a file", "batches alone", *names]),
        ("FlareNet's way", [f"{value:.1f}" for value in first]),
        ("sample store", [f"{value:.1f}" for value in ours]),
        ("ratio", [f"{new / old:.1f}" for new, old in zip(ours, first, strict=True)]),
    ):
        print(f"{name:16}" + "".join(f"{value:>16}" for value in row))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
