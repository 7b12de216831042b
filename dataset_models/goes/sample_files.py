"""Writes a synthetic light curve with its flares, so that the experiment runs without real files.

python dataset_models/goes/sample_files.py
"""

import argparse
import pathlib

import numpy as np
import pandas as pd

from dataset_models.synthetic.sun import Sun
from tools import tools

SERIES, FLARES = "light_curve/synthetic_hourly.csv", "light_curve/synthetic_flares.csv"
STEP = np.timedelta64(10, "m")
SHORT_FRACTION = 0.03  # of the long channel's flux: that of a quiet corona of some 4 MK
GAP_HOURS = (400, 430)  # a stretch without data, as satellites have in eclipse


def write(folder: pathlib.Path, start="2011-10-01", end="2013-02-25", seed: int = 1) -> None:
    """Writes hourly fluxes (physical scale) and the flares of the synthetic Sun.

    Args:
        folder: the data folder.
        start: datetime64 or ISO text, UTC.
        end: likewise.
        seed: which Sun.
    """
    sun = Sun(seed)
    times = np.arange(np.datetime64(start, "m"), np.datetime64(end, "m"), STEP)
    flux = pd.Series(sun.flux(times), index=times).resample("h").mean()
    flux.iloc[slice(*GAP_HOURS)] = -99999  # as the archive writes what is missing
    table = pd.DataFrame({"time": flux.index + pd.Timedelta("30min"), "flux": flux.to_numpy()})
    table["short_flux"] = table["flux"].where(table["flux"] < 0, SHORT_FRACTION * table["flux"])
    flares = sun.flares(start, end)[["start", "peak", "end", "goes_class"]]
    for name, rows in ((SERIES, table), (FLARES, flares.assign(scale="physical"))):
        text = rows.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S", float_format="%.4e")
        tools.write_text(pathlib.Path(folder) / name, "# SYNTHETIC, drawn\n" + text)


def main(arguments=None):
    """Writes the synthetic light curve; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path, help="default: FLARENET_DATA, or data/")
    folder = parser.parse_args(arguments).folder or tools.data_folder()
    write(folder)
    print(f"SYNTHETIC: {folder / SERIES} and {folder / FLARES}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
