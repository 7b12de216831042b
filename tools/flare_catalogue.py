"""Several flare lists joined to one, and what they disagree about."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from tools.flare_classes import flux_to_class
from tools.flare_repeats import SAME_FLARE
from tools.flux import OPERATIONAL_SCALE
from tools.outages import SMALLEST, find_outages, improbable_quiet, spans, write_outages
from tools.tools import write_text
from tools.windows import Intervals, microseconds

CLASS_RATIO = 1.15  # a larger one is no matter of rounding: C1.0 may stand for C1.05
PEAK_MINUTES = 2.0  # apart, above which two lists disagree about the time
FLUX_RATIO = 1.3  # between a list's class and the observed flux
NEAR_PEAK = pd.Timedelta("5min")  # where the observed flux is looked for
DISAGREEMENTS = [
    "kind",  # "missing", "class", "peak time" or "flux"
    "peak",
    "flux",  # W m-2, physical, by `list`
    "list",
    "other",  # the list that differs or lacks the flare, or "flux" for the observed one
    "other_peak",
    "other_flux",
]
WRITTEN = [  # of the catalogue
    "start",
    "peak",
    "end",
    "goes_class",
    "scale",
    "satellite",
    "noaa_active_region",
    "lists",
]


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Flares of several lists.

    Attributes:
        flares: columns start to longitude as `tools.events.read_events` gives them, and lists (str,
            the names of those that hold the flare, joined by "+"); sorted by peak.
        outages: for each list, when it lacks what another list holds and when it is silent beyond
            belief (`tools.outages`); under "all", when none of them was watching and when they are
            so silent together: pairs of datetime64, in order.
        disagreements: columns `DISAGREEMENTS`, sorted by peak.
        repeats: for each list, how many rows told of a flare that another row tells of.
    """

    flares: pd.DataFrame
    outages: Mapping[str, list]
    disagreements: pd.DataFrame
    repeats: Mapping[str, int]


def matches(first: pd.DataFrame, second: pd.DataFrame) -> np.ndarray:
    """Pairs of rows of two lists that are the same flare.

    Each is the other's nearest in time of peak (start, where the peak is missing), and they are
    within ten minutes.

    Returns:
        int64, shape (n, 2): places in `first` and in `second`.
    """
    there, back = _nearest(first, second), _nearest(second, first)
    places = np.arange(len(first))
    found = there >= 0
    mutual = found.copy()
    mutual[found] = back[there[found]] == places[found]
    return np.stack([places[mutual], there[mutual]], axis=1)


def join(lists: Mapping[str, pd.DataFrame], flux: pd.DataFrame | None = None) -> Catalogue:
    """Joins flare lists.

    What the first list says of a flare holds, then the second, and so on: name the one that you
    trust most first.

    Args:
        lists: events as `tools.events.read_events` gives them, by the name of the list.
        flux: as `tools.flux.read_flux` gives it, to check the classes by; or None.

    Raises:
        ValueError: if no list is given, or an empty one.
    """
    _check(lists)
    outages = {
        name: _outages(events, [other for key, other in lists.items() if key != name])
        for name, events in lists.items()
    }
    united = _united(lists)
    outages["all"] = _joined_outages(lists, outages, united)
    return Catalogue(
        flares=united.drop(columns=["list_start", "list_end", "rows"]),
        outages=outages,
        disagreements=_disagreements(lists, outages, flux),
        repeats={name: int(events["rows"].sum()) - len(events) for name, events in lists.items()},
    )


def write_catalogue(folder: str | pathlib.Path, catalogue: Catalogue) -> None:
    """Writes catalogue.csv, disagreements.csv, outages.csv and outages_NAME.csv, each whole.

    `tools.events.read_events` reads catalogue.csv. A flare of which only a flux was published gets
    the class of that flux, on the scale that it was published on; one without either stays away.
    """
    folder = pathlib.Path(folder)
    flares = catalogue.flares.rename(columns={"class_scale": "scale"})
    flares = flares[flares["flux"].notna() | (flares["goes_class"] != "")]
    published = flares["flux"].where(
        flares["scale"] == "physical", flares["flux"] * OPERATIONAL_SCALE
    )
    unnamed = flares["goes_class"] == ""
    flares.loc[unnamed, "goes_class"] = published[unnamed].map(flux_to_class)
    form = {"index": False, "date_format": "%Y-%m-%dT%H:%M:%S", "float_format": "%.4g"}
    write_text(folder / "catalogue.csv", flares[WRITTEN].to_csv(**form))
    write_text(folder / "disagreements.csv", catalogue.disagreements.to_csv(**form))
    for name, outages in catalogue.outages.items():
        suffix = "" if name == "all" else f"_{name}"
        write_outages(folder / f"outages{suffix}.csv", outages)


def _check(lists):
    if not lists:
        raise ValueError("No flare list was given. Expected at least one. Received: lists={}.")
    for name, events in lists.items():
        if events.empty:
            raise ValueError(
                f"The flare list {name!r} is empty. Expected at least one flare. Received: {name}="
                "a table without rows. Leave that list out."
            )


def _nearest(first, second):
    when = [t["peak"].fillna(t["start"]).astype("datetime64[us]") for t in (first, second)]
    if not len(second):
        return np.full(len(first), -1)
    left, right = (
        pd.DataFrame({"time": times.to_numpy(), "place": np.arange(len(times))}) for times in when
    )
    near = pd.merge_asof(
        left.sort_values("time", kind="stable"),
        right.sort_values("time", kind="stable").rename(columns={"place": "other"}),
        on="time",
        direction="nearest",
        tolerance=SAME_FLARE,
    )
    found = np.full(len(first), -1)
    found[near["place"]] = near["other"].fillna(-1)
    return found


def _united(lists):
    united = None
    for name, events in lists.items():
        events = events.assign(lists=name)
        if united is None:
            united = events
            continue
        pairs = matches(united, events)
        both = united.index[pairs[:, 0]]
        united.loc[both, "lists"] += f"+{name}"
        new = np.ones(len(events), bool)
        new[pairs[:, 1]] = False
        united = pd.concat([united, events[new]], ignore_index=True)
    order = united["peak"].fillna(united["start"]).sort_values(kind="stable").index
    return united.loc[order].reset_index(drop=True)


def _outages(events, others):
    pairs = [pair for other in others for pair in find_outages(events, other)]
    return _as_pairs(Intervals([*_as_numbers(pairs), *_silences(events)]))


def _joined_outages(lists, outages, united):
    """Times from the first to the last of all lists at which none of them can be relied on."""
    watched = []
    for name, events in lists.items():
        blind = Intervals(_as_numbers(outages[name]))
        for start, end in _as_numbers(spans(events)):
            watched += blind.gaps(start, end)
    first = min(events["list_start"].min() for events in lists.values())
    last = max(events["list_end"].max() for events in lists.values())
    gaps = Intervals(watched).gaps(*_as_numbers([(first, last)])[0])
    return _as_pairs(Intervals([*gaps, *_silences(united)]))


def _silences(events):
    return _as_numbers([(start, end) for start, end, _ in improbable_quiet(events)])


def _as_numbers(pairs):
    return [(int(microseconds(start)), int(microseconds(end))) for start, end in pairs]


def _as_pairs(intervals):
    return [tuple(np.array(pair).astype("datetime64[us]")) for pair in intervals.pairs]


def _disagreements(lists, outages, flux):
    names = list(lists)
    found = [
        _compared(lists[a], lists[b], a, b, outages)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    ]
    if flux is not None:
        found += [_against_flux(events, flux, name) for name, events in lists.items()]
    empty = pd.DataFrame(columns=DISAGREEMENTS)
    table = pd.concat([rows for rows in found if len(rows)] or [empty], ignore_index=True)
    return table.sort_values("peak", kind="stable", ignore_index=True)


def _compared(first, second, name, other, outages):
    pairs = matches(first, second)
    a = first.iloc[pairs[:, 0]].reset_index(drop=True)
    b = second.iloc[pairs[:, 1]].reset_index(drop=True)
    both = _rows(a, name, other, b["peak"], b["flux"])
    large = np.maximum(a["flux"], b["flux"]) >= SMALLEST
    apart = (a["peak"] - b["peak"]).abs() > pd.Timedelta(minutes=PEAK_MINUTES)
    found = [
        both[large & (_ratio(a["flux"], b["flux"]) > CLASS_RATIO)].assign(kind="class"),
        both[large & apart].assign(kind="peak time"),
        _missing(first, second, pairs[:, 0], name, other, outages[other]),
        _missing(second, first, pairs[:, 1], other, name, outages[name]),
    ]
    return pd.concat([table for table in found if len(table)] or [both.iloc[:0]])[DISAGREEMENTS]


def _missing(events, others, matched, name, other, outages):
    # Flares of one list that the other lacks, though it was watching.
    lacking = np.ones(len(events), bool)
    lacking[matched] = False
    peak = microseconds(events["peak"].fillna(events["start"]))
    watching = Intervals(_as_numbers(spans(others))).contains(peak)
    blind = Intervals(_as_numbers(outages)).contains(peak)
    rows = events[lacking & watching & ~blind & (events["flux"] >= SMALLEST)]
    return _rows(rows, name, other, pd.NaT, np.nan).assign(kind="missing")


def _against_flux(events, flux, name):
    known = flux[flux["flux"].notna()]
    times, values = microseconds(known["time"]), known["flux"].to_numpy()
    flares = events[events["peak"].notna() & (events["flux"] >= SMALLEST)]
    peak, reach = microseconds(flares["peak"]), NEAR_PEAK.value // 1000
    first, stop = np.searchsorted(times, peak - reach), np.searchsorted(times, peak + reach)
    # A peak is told only where the flux before it and after it was observed, too.
    seen = (stop - first) >= 2
    flares, first, stop = flares[seen], first[seen], stop[seen]
    where = [a + int(np.argmax(values[a:b])) for a, b in zip(first, stop, strict=True)]
    at = known.iloc[where]
    rows = _rows(flares, name, "flux", at["time"].to_numpy(), at["flux"].to_numpy())
    return rows[_ratio(rows["flux"], rows["other_flux"]) > FLUX_RATIO].assign(kind="flux")


def _rows(flares, name, other, other_peak, other_flux):
    return pd.DataFrame(
        {
            "kind": "",
            "peak": flares["peak"].fillna(flares["start"]),
            "flux": flares["flux"],
            "list": name,
            "other": other,
            "other_peak": other_peak,
            "other_flux": other_flux,
        }
    )


def _ratio(first, second):
    return np.maximum(first / second, second / first)
