"""Makes the labels: for each sample, the largest X-ray flux of windows that lie ahead.

    python tools/xray_flux_forecast/v4_find_ys.py
    python tools/xray_flux_forecast/v4_find_ys.py --events flares.csv --scale operational
    python tools/xray_flux_forecast/v4_find_ys.py --flux goes15.csv --every 12 --output labels
    python tools/xray_flux_forecast/v4_find_ys.py --flux goes15.csv --events flares.csv

Without arguments: every file of goes/ in the data folder, the times of the sample index, and all
delays and catches, a file for each pair in y/, and beside them Light_Curve.csv: numbers of the flux
before each time (tools/label_history.py). Months of samples of which goes/ holds nothing are
fetched (tools/goes_archive.py). With --flux and --events, the fluxes are those of the series, and
the list tells which flares are in progress; without either, flares/hek_flares.csv in the data
folder does, where it is. What the columns mean, and when a value is unknown, is said in
tools/label_sources.py.
"""

import argparse
import pathlib
import sys

import numpy as np
import pandas as pd

from tools.events import LIST_SCALES, read_events
from tools.flux import SCALES, read_flux
from tools.goes_archive import fetch_flux
from tools.label_history import FILE, LARGEST_MINUTE, LONGEST, write_history
from tools.label_sources import EventList, FluxSeries
from tools.label_windows import date_stamps
from tools.labels import label_file, write_labels
from tools.outages import read_outages
from tools.tools import data_folder

DELAYS = (0, 12, 24, 36, 60, 1440)  # minutes
CATCHES = (12, 24, 36, 60, 1440)
SCRIPT = "python tools/xray_flux_forecast/v4_find_ys.py"
FLUX_SUFFIXES = {".csv", ".fits", ".fts", ".nc"}  # also .gz; what else lies there is left alone
FLARES = "flares/hek_flares.csv"  # in the data folder; dataset_models/sdo/download fetches it
EMBEDDED_SAMPLE = "python dataset_models/synthetic/embedded_sample.py"


def main(arguments=None):
    """Makes the label files that the command line asks for; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        samples = None if options.every else _index()
        source = _source(options, samples)
        if samples is None:
            samples = _regular(source, options.every)
        _check_span(source, samples["time"], options)
        folder = options.output or data_folder() / "y"
        for delay in options.delays:
            for catch in options.catches:
                _make(source, samples, delay, catch, folder)
        _make_history(source, samples, folder)
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
    parser.add_argument("--flux", nargs="+", metavar="FILE", help="flux: CSV, FITS, netCDF, .gz")
    parser.add_argument("--events", nargs="+", metavar="FILE", help="flare lists")
    parser.add_argument(
        "--scale",
        choices=LIST_SCALES,
        help="of files that do not say theirs; published (of lists): as SWPC did at the time",
    )
    parser.add_argument(
        "--minute_means", action="store_true", help="average readings of 1 to 3 s over minutes"
    )
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


def _source(options, samples):
    if options.outages and not options.events:
        raise ValueError(
            f"--outages={options.outages} tells when a flare list was blind. Expected --events "
            "with it. A flux series shows its own gaps: leave --outages out."
        )
    if options.events and not options.flux:
        return _flares(options.events, options)
    flux_scale = options.scale if options.scale in SCALES else None
    if options.flux:
        flux = read_flux(options.flux, flux_scale, options.minute_means)
        flares = _flares(options.events, options) if options.events else None
        return FluxSeries(flux, flares=flares)
    flares = data_folder() / FLARES
    flux = _goes_flux(options, flux_scale, samples)
    return FluxSeries(flux, flares=EventList(read_events(flares)) if flares.is_file() else None)


def _flares(paths, options):
    outages = read_outages(options.outages) if options.outages else ()
    return EventList(read_events(paths, options.scale), outages)


def _goes_flux(options, scale, samples):
    # The user's own files first; what they leave out of the samples' months is fetched.
    folder, means = data_folder() / "goes", options.minute_means
    files = _own_files(folder)
    own = read_flux(files, scale, means) if files else None
    if samples is None:
        fetched = sorted(folder.glob("xrs/[!.]*.feather"))
    else:
        months = _lacking_months(samples["time"], own, options)
        fetched = fetch_flux(folder, months) if months else []
    if not files and not fetched:
        commands = [EMBEDDED_SAMPLE, f"{SCRIPT} --flux FILE", f"{SCRIPT} --events FILE"]
        _not_found("A GOES flux series", folder, commands)
    return read_flux([*files, *fetched], scale, means) if fetched else own


def _own_files(folder):
    files = [path for path in sorted(folder.glob("[!.]*")) if path.is_file()]
    return [path for path in files if _suffix(path) in FLUX_SUFFIXES]


def _suffix(path):
    return pathlib.Path(path.name.lower().removesuffix(".gz")).suffix


def _lacking_months(times, held, options):
    """Months with samples of which `held` says nothing, and those of their past and windows."""
    there = set() if held is None else set(held["time"].dt.to_period("M").unique())
    lacking = times[~times.dt.to_period("M").isin(there)]
    ahead = pd.Timedelta(minutes=max(options.delays) + max(options.catches))
    edges = (lacking - pd.Timedelta(minutes=LONGEST), lacking, lacking + ahead)
    return {month for edge in edges for month in edge.dt.to_period("M")} - there


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
    times, stamps, files = (samples[column].array for column in ("time", "id", "file"))
    labels = source.labels(times, delay, catch, stamps, files)
    name = label_file(delay, catch)
    write_labels(folder / name, labels)
    known, quiet = labels["Catch Flux"].notna().sum(), (labels["Quiet"] == 1).sum()
    print(
        f"{name:34} rows {len(labels)}  known {known}  quiet {quiet}  "
        f"coverage {labels['Coverage'].mean():.3f}",
        flush=True,
    )


def _make_history(source, samples, folder):
    numbers = source.history(samples["time"].array)
    if numbers is None:
        print(f"{FILE} was not made: a flare list holds no light curve; --flux beside it gives one")
        return
    write_history(folder / FILE, samples["id"].array, numbers)
    known = numbers[LARGEST_MINUTE].notna().sum()
    print(f"{FILE:34} rows {len(numbers)}  known {known}")


if __name__ == "__main__":
    raise SystemExit(main())
