"""Makes the labels: for each sample, the largest X-ray flux of windows that lie ahead.

    python tools/xray_flux_forecast/v4_find_ys.py
    python tools/xray_flux_forecast/v4_find_ys.py --events flares.csv --scale operational
    python tools/xray_flux_forecast/v4_find_ys.py --flux goes15.csv --every 12 --output labels
    python tools/xray_flux_forecast/v4_find_ys.py --flux goes15.csv --events flares.csv

Without arguments: every file of goes/ in the data folder, the times of the sample index, and all
delays and catches, a file for each pair in y/, and beside them Light_Curve.csv: numbers of the flux
before each time (tools/label_history.py). Months with days that goes/ lacks, of the samples, of
their windows or of the ten days before them, are fetched (tools/goes_archive.py); nothing is
fetched beside SYNTHETIC flux, or flux of another cadence than a minute, but for samples that these
leave out. Rows of a flare list that tell of one flare count once (tools/flare_repeats.py). Where a
list is silent for so long that its own rate makes it hard to believe, that time is unknown, unless
--outages says when the list was blind; tools/xray_flux_forecast/join_flare_lists.py finds that by
other lists, too. With --flux and --events, the fluxes are those of the series, and the list tells
which flares are in progress; without either, flares/hek_flares.csv in the data folder does, where
it is. What the columns mean, and when a value is unknown, is said in tools/label_sources.py.
"""

import argparse
import gzip
import logging
import pathlib
import sys

import numpy as np
import pandas as pd

from tools.events import LIST_SCALES, PUBLISHED, read_events
from tools.flux import SCALES, read_flux
from tools.goes_archive import fetch_flux
from tools.label_history import FILE, LARGEST_MINUTE, LONGEST, write_history
from tools.label_sources import EventList, FluxSeries
from tools.label_windows import date_stamps
from tools.labels import label_file, write_labels
from tools.outages import improbable_quiet, read_outages
from tools.tools import data_folder

DELAYS = (0, 12, 24, 36, 60, 1440)  # minutes
CATCHES = (12, 24, 36, 60, 1440)
SCRIPT = "python tools/xray_flux_forecast/v4_find_ys.py"
FLUX_SUFFIXES = {".csv", ".fits", ".fts", ".nc"}  # also .gz; what else lies there is left alone
FLARES = "flares/hek_flares.csv"  # in the data folder; dataset_models/sdo/download fetches it
EMBEDDED_SAMPLE = "python dataset_models/synthetic/embedded_sample.py"
CADENCE = pd.Timedelta("1min")  # of what is fetched
_LOG = logging.getLogger(__name__)


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
        print(_told(error), file=sys.stderr)
        return 1
    print(f"The labels are in {folder}")
    return 0


def _told(error):
    path = getattr(error, "filename", None)  # of what the operating system refused
    if path is None:
        return error
    return (
        f"{path} cannot be used: {error.strerror}. Expected a file that can be read, and a folder "
        "that can be written to. Name another with --flux, --events, --outages or --output."
    )


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
    _check_options(options)
    if options.events and not options.flux:
        return _flares(options.events, options)
    flux_scale = options.scale if options.scale in SCALES else None
    if options.flux:
        flux = read_flux(options.flux, flux_scale, options.minute_means)
        flares = _flares(options.events, options) if options.events else None
        return FluxSeries(flux, flares=flares)
    path = data_folder() / FLARES
    flares = _flares(path, options) if path.is_file() else None
    return FluxSeries(_goes_flux(options, flux_scale, samples), flares=flares)


def _check_options(options):
    own_list = not options.flux and (data_folder() / FLARES).is_file()
    if options.outages and not options.events and not own_list:
        raise ValueError(
            f"--outages={options.outages} tells when a flare list was blind. Expected --events "
            "with it. A flux series shows its own gaps: leave --outages out."
        )
    if options.scale == PUBLISHED and not options.events:
        raise ValueError(
            f"--scale={PUBLISHED} is of flare lists, and none was named. Expected --events with "
            f"it, or one of {', '.join(SCALES)} for a flux series that does not say its scale."
        )


def _flares(paths, options):
    scale = options.scale if options.events else None  # the project's own list says its scale
    events = read_events(paths, scale)
    if options.outages:
        return EventList(events, read_outages(options.outages))
    silent = improbable_quiet(events)
    for start, end, flares in silent:
        _LOG.warning(
            "The flare list holds no flare from %s to %s, where its rate before and after lets "
            "expect %.0f of C1 or above: that time is unknown. If it was quiet, or to say when the "
            "list was blind, give --outages FILE (columns start,end; it may have no rows).",
            *(str(start)[:16], str(end)[:16], flares),
        )
    return EventList(events, [(start, end) for start, end, _ in silent])


def _goes_flux(options, scale, samples):
    # The user's own files first; the months of which they leave out days are fetched.
    folder, means = data_folder() / "goes", options.minute_means
    files = _own_files(folder)
    own = read_flux(files, scale, means) if files else None
    if samples is None:
        fetched = sorted(folder.glob("xrs/[!.]*.feather"))
    else:
        fetched = _fetched(folder, files, own, samples["time"], options)
    if not files and not fetched:
        commands = [EMBEDDED_SAMPLE, f"{SCRIPT} --flux FILE", f"{SCRIPT} --events FILE"]
        _not_found("A GOES flux series", folder, commands)
    return read_flux([*files, *fetched], scale, means) if fetched else own


def _own_files(folder):
    files = [path for path in sorted(folder.glob("[!.]*")) if path.is_file()]
    return [path for path in files if _suffix(path) in FLUX_SUFFIXES]


def _suffix(path):
    return pathlib.Path(path.name.lower().removesuffix(".gz")).suffix


def _fetched(folder, files, own, times, options):
    days = set() if own is None else set(own["time"].dt.to_period("D").unique())
    unseen = times[~times.dt.to_period("D").isin(days)]
    needed = _lacking_months(unseen, days, options)
    alone = own is not None and (_is_synthetic(files) or (own["cadence"] != CADENCE).any())
    wanted = needed if alone else _lacking_months(times, days, options)
    try:
        return fetch_flux(folder, wanted) if wanted else []
    except ConnectionError as error:
        if needed:
            raise
        _LOG.warning("The past or the windows of some samples stay unknown in part. %s", error)
        return []


def _lacking_months(times, days, options):
    """Months with days that are not held, of samples, of the past before and the windows ahead."""
    ahead = pd.Timedelta(minutes=max(options.delays) + max(options.catches))
    first, last = times - pd.Timedelta(minutes=LONGEST), times + ahead
    spans = zip(first.dt.to_period("D"), last.dt.to_period("D"), strict=True)
    needed = {day for start, end in set(spans) for day in pd.period_range(start, end)}
    return {day.asfreq("M") for day in needed - days}


def _is_synthetic(files):
    """Whether a file says in its first line that nobody observed what it holds."""
    for path in files:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            if file.readline(200).startswith(b"# SYNTHETIC"):
                return True
    return False


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
        (folder / FILE).unlink(missing_ok=True)  # of other labels, which these have replaced
        print(f"{FILE} was not made: a flare list holds no light curve; --flux beside it gives one")
        return
    write_history(folder / FILE, samples["id"].array, numbers)
    known = numbers[LARGEST_MINUTE].notna().sum()
    print(f"{FILE:34} rows {len(numbers)}  known {known}")


if __name__ == "__main__":
    raise SystemExit(main())
