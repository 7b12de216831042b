"""Seconds that labels take at full scale, beside a rolling maximum of pandas.

    python software_tests/benchmarks/label_speed.py

The series: 1-minute X-ray flux of 2010 to 2025 (8.4 million rows) with gaps; the samples: every 12
minutes (0.7 million), with all of FlareNet's delays and catches (30 files). pandas is given the
series on a regular grid, and gives the maxima alone: no coverage, no flux at t, no flags. The
maxima are compared.
"""

import argparse
import contextlib
import pathlib
import tempfile
import time

import numpy as np
import pandas as pd

from tools.flux import read_flux
from tools.label_sources import EventList, FluxSeries
from tools.label_windows import date_stamps
from tools.labels import label_file, write_labels

DELAYS = (0, 12, 24, 36, 60, 1440)  # minutes
CATCHES = (12, 24, 36, 60, 1440)
MINUTE = np.timedelta64(60_000_000, "us")


def series(years, random):
    """A flux of 1 minute with flares, without 2 % of its rows: single ones and long gaps."""
    times = np.arange(np.datetime64("2010-01-01", "us"), np.datetime64(f"{2010 + years}"), MINUTE)
    flux = 10 ** (-6.5 + 0.2 * np.sin(np.arange(len(times)) / 1.4e6))
    flux = flux * (1 + random.pareto(1.8, len(times)))
    keep = random.random(len(times)) > 0.01
    for start in random.integers(0, len(times), years * 10):
        keep[start : start + random.integers(10, 1000)] = False
    table = pd.DataFrame({"time": times[keep], "flux": flux[keep], "satellite": "GOES-15"})
    return table.assign(cadence=MINUTE), flux, keep


def flares(times, random, count=20_000):
    """A list of flares of ten minutes each."""
    peak = pd.Series(np.sort(random.choice(times, count)))
    start, end = peak - pd.Timedelta("4min"), peak + pd.Timedelta("6min")
    return pd.DataFrame({"start": start, "peak": peak, "end": end, "flux": 1e-6, "satellite": ""})


def rolling(flux, keep, catch, delays, step):
    """Maxima of pandas: of each window's end, read at the samples. A dict by delay."""
    values = pd.Series(np.where(keep, flux, np.nan))
    largest = values.rolling(catch, min_periods=1).max().to_numpy()
    rows = np.arange(0, len(flux), step)
    # The window of a sample at row r ends before r + delay + catch; past the end it is unknown.
    found = {}
    for delay in delays:
        ends = rows + delay + catch - 1
        inside = ends < len(flux)
        found[delay] = np.where(inside, largest[np.minimum(ends, len(flux) - 1)], np.nan), inside
    return found


@contextlib.contextmanager
def timed(what):
    """Prints the seconds that the block takes: by the clock, and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    yield
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    print(f"{what:28} {clock:6.1f} s   processor {processor:6.1f} s", flush=True)


def measured(folder, years, every):
    """Prints the seconds of each part, and checks the maxima against those of pandas."""
    random = np.random.default_rng(0)
    table, flux, keep = series(years, random)
    file = folder / "flux.feather"
    table.drop(columns="cadence").assign(quality=0, scale="physical").to_feather(file)
    times = np.datetime64("2010-01-01", "us") + np.arange(0, len(flux), every) * MINUTE
    print(f"{len(table)} rows, {len(times)} samples, {len(DELAYS) * len(CATCHES)} windows")
    with timed("reading the series"):
        held = read_flux(file)
    with timed("making ready"):
        source = FluxSeries(held, flares=EventList(flares(table["time"], random)))
        stamps = pd.array(date_stamps(times), dtype=str)
    with timed("labels, all windows"):
        for catch in CATCHES:
            for delay in DELAYS:
                labels = source.labels(times, delay, catch, stamps)
    with timed("writing one file of 30"):
        write_labels(folder / label_file(60, 1440), labels)
    with timed("pandas, the maxima alone"):
        pandas = {catch: rolling(flux, keep, catch, DELAYS, every) for catch in CATCHES}
    for catch in CATCHES:
        for delay in DELAYS:
            labels = source.labels(times, delay, catch, stamps)
            expected, inside = pandas[catch][delay]
            np.testing.assert_array_equal(labels["Catch Flux"][inside], expected[inside])
    print("the maxima are equal")


def main(arguments=None):
    """Measures what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", type=int, default=16)
    parser.add_argument("--every", type=int, default=12, help="minutes")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        measured(pathlib.Path(folder), options.years, options.every)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
