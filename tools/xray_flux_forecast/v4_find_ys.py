"""Makes the labels: for each sample, the largest X-ray flux of windows that lie ahead.

    python tools/xray_flux_forecast/v4_find_ys.py
    python tools/xray_flux_forecast/v4_find_ys.py --events flares.csv --scale operational
    python tools/xray_flux_forecast/v4_find_ys.py --flux goes15.csv --every 12 --output labels

Without arguments: every file of goes/ in the data folder, the times of the sample index, and all
delays and catches, a file for each pair in y/. What the columns mean, and when a value is unknown,
is said in tools/label_sources.py.
"""

import argparse
import pathlib
import sys

import numpy as np
import pandas as pd

from tools.events import read_events, read_outages
from tools.flux import SCALES, read_flux
from tools.label_sources import EventList, FluxSeries
from tools.label_windows import date_stamps
from tools.labels import label_file, write_labels
from tools.tools import data_folder

DELAYS = (0, 12, 24, 36, 60, 1440)  # minutes
CATCHES = (12, 24, 36, 60, 1440)
SCRIPT = "python tools/xray_flux_forecast/v4_find_ys.py"
FLUX_SUFFIXES = {".csv", ".fits", ".fts", ".nc"}  # what else lies beside them is left alone
EMBEDDED_SAMPLE = "python dataset_models/synthetic/embedded_sample.py"


def main(arguments=None):
    """Makes the label files that the command line asks for; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        source = _source(options)
        samples = _regular(source, options.every) if options.every else _index()
        _check_span(source, samples["time"], options)
        folder = options.output or data_folder() / "y"
        for delay in options.delays:
            for catch in options.catches:
                _make(source, samples, delay, catch, folder)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The labels are in {folder}")
    return 0


def _parser():
    summary, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--flux", nargs="+", metavar="FILE", help="flux series: CSV, FITS, netCDF; primary first"
    )
    source.add_argument("--events", nargs="+", metavar="FILE", help="flare lists")
    parser.add_argument("--scale", choices=SCALES, help="of the files that do not say theirs")
    parser.add_argument(
        "--outages", metavar="FILE", help="CSV start,end: when the flare list was blind"
    )
    for name, default in (("--delays", DELAYS), ("--catches", CATCHES)):
        parser.add_argument(
            name, nargs="+", type=int, default=default, metavar="MINUTES", help=f"default {default}"
        )
    parser.add_argument(
        "--every", type=_minutes, metavar="MINUTES", help="times over the whole series"
    )
    parser.add_argument(
        "--output", type=pathlib.Path, metavar="FOLDER", help="default: y/ in the data folder"
    )
    return parser


def _minutes(text):
    minutes = int(text)
    if minutes < 1:
        raise argparse.ArgumentTypeError(f"expected 1 minute or more, received {text}")
    return minutes


def _source(options):
    if options.events:
        outages = read_outages(options.outages) if options.outages else ()
        return EventList(read_events(options.events, options.scale), outages)
    if options.outages:
        raise ValueError(
            f"--outages={options.outages} tells when a flare list was blind. Expected --events "
            "with it. A flux series shows its own gaps: leave --outages out."
        )
    return FluxSeries(read_flux(options.flux or _goes_files(), options.scale))


def _goes_files():
    folder = data_folder() / "goes"
    files = [path for path in sorted(folder.glob("[!.]*")) if path.is_file()]
    files = [path for path in files if path.suffix.lower() in FLUX_SUFFIXES]
    if not files:
        _not_found(
            "A GOES flux series",
            folder,
            [EMBEDDED_SAMPLE, f"{SCRIPT} --flux FILE", f"{SCRIPT} --events FILE"],
        )
    return files


def _index():
    path = data_folder() / "aia" / "index.feather"
    if not path.is_file():
        commands = [EMBEDDED_SAMPLE, "python dataset_models/sdo/structure_data.py"]
        _not_found("The index of the samples", path, [*commands, f"{SCRIPT} --every MINUTES"])
    index = pd.read_feather(path)
    if index.empty:
        raise ValueError(
            f"{path} holds no sample. Expected at least one. dataset_models/sdo/structure_data.py "
            "says in rejected.csv why files were rejected; or give --every MINUTES."
        )
    return index[["id", "time", "file"]]


def _not_found(what, where, commands):
    from dataset_models.dataset import DatasetNotFoundError  # brings Keras: seconds

    raise DatasetNotFoundError(what, where, commands)


def _regular(source, minutes):
    # Whole multiples of `minutes` since 1970, so midnight is one of them where they divide a day.
    first, last = (edge.astype("datetime64[m]").astype(np.int64) for edge in source.span)
    multiples = np.arange(-(-first // minutes), last // minutes + 1) * minutes
    times = pd.Series(multiples.astype("datetime64[m]").astype("datetime64[us]"))
    return pd.DataFrame({"id": date_stamps(times), "time": times, "file": ""})


def _check_span(source, times, options):
    first, last = source.span
    ahead = np.timedelta64(max(options.delays) + max(options.catches), "m")
    if times.empty or times.min() > last or times.max() < first - ahead:
        asked = "none" if times.empty else f"{times.min()} to {times.max()}"
        raise ValueError(
            f"The labels would all be empty. The series spans {first} to {last}. Received samples "
            f"at: {asked}. Give the series of those days with --flux or --events."
        )


def _make(source, samples, delay, catch, folder):
    times, stamps, files = (samples[column].to_numpy() for column in ("time", "id", "file"))
    labels = source.labels(times, delay, catch, stamps, files)
    name = label_file(delay, catch)
    write_labels(folder / name, labels)
    known, quiet = labels["Catch Flux"].notna().sum(), (labels["Quiet"] == 1).sum()
    print(
        f"{name:34} rows {len(labels)}  known {known}  quiet {quiet}  "
        f"coverage {labels['Coverage'].mean():.3f}",
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
