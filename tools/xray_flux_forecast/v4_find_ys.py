"""Makes the labels: for each sample, the largest X-ray flux of windows that lie ahead.

    python tools/xray_flux_forecast/v4_find_ys.py
    python tools/xray_flux_forecast/v4_find_ys.py --events flares.csv --scale operational
    python tools/xray_flux_forecast/v4_find_ys.py --every 12 --start 2014-01-01 --end 2015-01-01
    python tools/xray_flux_forecast/v4_find_ys.py --flux goes15.csv --every 12 --output labels
    python tools/xray_flux_forecast/v4_find_ys.py --flux goes15.csv --events flares.csv

Without arguments: every file of goes/ in the data folder, the times of the sample index, and all
delays and catches, a file for each pair in y/, and beside them Light_Curve.csv, numbers of the flux
before each time (tools/label_history.py), and sources.json, what the labels were made of
(tools/label_record.py). Months with days that goes/ lacks, of the samples, of their windows or of
the ten days before them, are fetched (tools/goes_archive.py), and with them those of the flare list
(tools/label_inputs.py says when, and beside which flux nothing is). --every takes regular times in
place of the index: those from --start to --end, or else those of the series that is there, beside
which nothing is fetched. Rows of a flare list that tell of one flare count once
(tools/flare_repeats.py). Where a list is silent for so long that its own rate makes it hard to
believe, that time is unknown, unless --outages says when the list was blind;
tools/xray_flux_forecast/join_flare_lists.py finds that by other lists, too, and its outages.csv is
read where it lies beside its catalogue, if that is the only list. With --flux and
--events, the fluxes are those of the series, and the list tells which flares are in progress;
without either, flares/hek_flares.csv in the data folder does, where it is. What the columns mean,
and when a value is unknown, is said in tools/label_sources.py.
"""

import sys

import numpy as np
import pandas as pd

from tools import label_inputs, label_options, label_record
from tools.flux import SCALES, read_flux
from tools.label_history import FILE, LARGEST_MINUTE, write_history
from tools.label_windows import date_stamps
from tools.labels import label_file, write_labels
from tools.outages import read_outages
from tools.tools import data_folder, in_words

INDEX = "aia/index.feather"  # in the data folder
SCRIPT = "python tools/xray_flux_forecast/v4_find_ys.py"
JOIN = "python tools/xray_flux_forecast/join_flare_lists.py"
REGULAR = f"{SCRIPT} --every MINUTES --start TIME --end TIME"
EMBEDDED_SAMPLE = "python dataset_models/synthetic/embedded_sample.py"


def main(arguments=None):
    """Makes the label files that the command line asks for; returns the exit status."""
    options = label_options.parser(__doc__).parse_args(arguments)
    try:
        label_options.check(options)
        _take_outages_beside(options)
        samples = _samples(options)
        inputs = _inputs(options, samples)
        if samples is None:
            samples = _regular(*inputs.source.span, options.every)
        _check_span(inputs.source, samples["time"], options)
        folder = options.output or data_folder() / "y"
        _make_all(inputs, samples, options, folder)
    except (ValueError, OSError) as error:
        print(in_words(error, "--flux, --events, --outages or --output"), file=sys.stderr)
        return 1
    print(f"The labels are in {folder}")
    return 0


def _take_outages_beside(options):
    found = None if options.outages else label_inputs.outages_beside(options.events or ())
    if found:
        options.outages = found
        print(f"{found} beside that catalogue tells when it was blind.")


def _make_all(inputs, samples, options, folder):
    names = []
    for delay in options.delays:
        for catch in options.catches:
            labels = _make(inputs.source, samples, delay, catch, folder)
            names.append(label_file(delay, catch))
    if _make_history(inputs.source, samples, folder):
        names.append(FILE)
    rows = dict.fromkeys(names, len(samples))
    label_record.write_record(folder, _record(inputs, options), rows)
    _tell_what_lacks(labels, inputs, options)


def _record(inputs, options):
    index = data_folder() / INDEX
    files = {"flux": inputs.flux_files, "flare_lists": inputs.flare_files}
    files["index"] = [] if options.every else [index]
    files["outages_files"] = [options.outages] if options.outages else []
    said = {name: getattr(options, name) for name in ("every", "minute_means")}
    times = {name: str(getattr(options, name) or "") or None for name in ("start", "end")}
    return {
        **{kind: [_file(path) for path in paths] for kind, paths in files.items()},
        **said,
        **times,
        "catches": list(options.catches),
        "delays": list(options.delays),
        "outages": label_record.time_pairs(inputs.outages),
        "scale_of_labels": "physical",
        "scale_said": options.scale,
        "superseded": dict(inputs.superseded),
    }


def _file(path):
    return label_record.file_record(path, data_folder())


def _tell_what_lacks(labels, inputs, options):
    unknown = int(labels["In Progress"].isna().sum())
    if unknown:
        print(
            f"In Progress is unknown for {unknown} of {len(labels)} samples: no flare list covers "
            "their times; --events FILE names one."
        )
    if not inputs.flux_files and options.outages is None:
        print(
            "Quiet is told by a flare list that was not checked against another one. To find when "
            f"it was blind: {JOIN} one=FILE two=FILE, and then --events CATALOGUE"
        )


def _inputs(options, samples):
    outages = read_outages(options.outages) if options.outages else None
    scale = options.scale if options.scale in SCALES else None
    if options.events and not options.flux:
        return label_inputs.of_flares(options.events, options.scale, outages)
    if options.flux:
        flux, files = read_flux(options.flux, scale, options.minute_means), options.flux
        lists, superseded = options.events, {}
    else:
        held = _held_flux(options, scale, samples)
        flux, files, superseded = held.table, held.files, held.superseded
        path = label_inputs.held_flares(data_folder() / "flares", held.asked)
        lists = path and [path]
    flares = label_inputs.of_flares(lists, options.scale, outages) if lists else None
    return label_inputs.of_flux(flux, files, flares, superseded)


def _held_flux(options, scale, samples):
    folder, times = data_folder() / "goes", None if samples is None else samples["time"]
    held = label_inputs.held_flux(folder, times, _ahead(options), scale, options.minute_means)
    if held is None:
        others = [f"{SCRIPT} --flux FILE", f"{SCRIPT} --events FILE"]
        _not_found(
            "A GOES flux series", folder, [EMBEDDED_SAMPLE, f"{REGULAR}  # fetched", *others]
        )
    return held


def _ahead(options):
    return pd.Timedelta(minutes=max(options.delays) + max(options.catches))


def _samples(options):
    # None: the regular times that the series has, which is to be read first.
    if not options.every:
        return _index()
    if options.start is None:
        return None
    samples = _regular(options.start, options.end, options.every)
    if samples.empty:
        raise ValueError(
            f"No time lies from {options.start} to {options.end}. Expected a whole multiple of "
            f"{options.every} minutes since 1970. Name an earlier --start or a later --end."
        )
    return samples


def _index():
    path = data_folder() / INDEX
    if not path.is_file():
        commands = [EMBEDDED_SAMPLE, "python dataset_models/sdo/structure_data.py"]
        _not_found("The index of the samples", path, [*commands, REGULAR])
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


def _regular(first, last, minutes):
    # Whole multiples of `minutes` since 1970, so midnight is one of them where they divide a day.
    start, end = (edge.astype("datetime64[m]").astype(np.int64) for edge in (first, last))
    multiples = np.arange(-(-start // minutes), end // minutes + 1) * minutes
    times = pd.Series(multiples.astype("datetime64[m]").astype("datetime64[us]"))
    return pd.DataFrame({"id": date_stamps(times), "time": times, "file": ""})


def _check_span(source, times, options):
    first, last = source.span
    if times.empty or times.min() > last or times.max() < first - _ahead(options):
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
    return labels


def _make_history(source, samples, folder):
    numbers = source.history(samples["time"].array)
    if numbers is None:
        (folder / FILE).unlink(missing_ok=True)  # of other labels, which these have replaced
        print(f"{FILE} was not made: a flare list holds no light curve; --flux beside it gives one")
        return False
    write_history(folder / FILE, samples["id"].array, numbers)
    known = numbers[LARGEST_MINUTE].notna().sum()
    print(f"{FILE:34} rows {len(numbers)}  known {known}")
    return True


if __name__ == "__main__":
    raise SystemExit(main())
