"""What flare lists, and the observed flux, disagree about."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tools.flare_repeats import CLASS_RATIO, SAME_FLARE, class_ratio, matches
from tools.flux_flares import flares_of_flux
from tools.outages import SMALLEST, as_intervals, spans
from tools.windows import Intervals, microseconds

PEAK_MINUTES = 2.0  # apart, above which two lists disagree about the time
FLUX_RATIO = 1.3  # between a list's class and the observed flux
NEAR_PEAK = pd.Timedelta("5min")  # where the observed flux is looked for
BESIDE_PEAK = pd.Timedelta("2min")  # on both sides of which it must have been observed
DISAGREEMENTS = [
    "kind",  # "missing", "class", "peak time" or "flux"
    "peak",
    "flux",  # W m-2, physical, by `list`
    "list",  # or "flux" for the observed one
    "other",  # the list that differs or lacks the flare, "all" of them, or "flux"
    "other_peak",
    "other_flux",
]


def disagreements(
    lists: Mapping[str, pd.DataFrame],
    outages: Mapping[str, Sequence],
    flux: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Differences about flares of C1.0 on the operational scale and above.

    Two lists differ about the class, the time of the peak, or one lacks a flare at a time at which
    it was watching. The observed flux differs from the class of a list ("flux"), where it was
    observed on both sides of the peak; or it shows a flare that no list holds ("missing", by the
    list "flux"): none has one that peaks within ten minutes or is in progress then, though one was
    watching.

    Args:
        lists: events as `tools.events.read_events` gives them, by the name of the list.
        outages: pairs of datetime64 at which each list was blind, and under "all", all were.
        flux: as `tools.flux.read_flux` gives it, or None.

    Returns:
        Columns `DISAGREEMENTS`, sorted by peak.
    """
    names = list(lists)
    found = [
        _compared(lists[a], lists[b], a, b, outages)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    ]
    if flux is not None:
        found += [_against_flux(events, flux, name) for name, events in lists.items()]
        found.append(_unlisted(lists.values(), flux, outages["all"]))
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
        both[large & (class_ratio(a["flux"], b["flux"]) > CLASS_RATIO)].assign(kind="class"),
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
    watching = as_intervals(spans(others)).contains(peak)
    blind = as_intervals(outages).contains(peak)
    rows = events[lacking & watching & ~blind & (events["flux"] >= SMALLEST)]
    return _rows(rows, name, other, pd.NaT, np.nan).assign(kind="missing")


def _against_flux(events, flux, name):
    known = flux[flux["flux"].notna()]
    times, values = microseconds(known["time"]), known["flux"].to_numpy()
    flares = events[events["peak"].notna() & (events["flux"] >= SMALLEST)]
    peak, reach = microseconds(flares["peak"]), NEAR_PEAK.value // 1000
    # In a gap the flux may have been larger than beside it.
    seen = _observed_beside(times, peak)
    flares, peak = flares[seen], peak[seen]
    first, stop = np.searchsorted(times, peak - reach), np.searchsorted(times, peak + reach)
    where = [a + int(np.argmax(values[a:b])) for a, b in zip(first, stop, strict=True)]
    at = known.iloc[where]
    rows = _rows(flares, name, "flux", at["time"].to_numpy(), at["flux"].to_numpy())
    return rows[class_ratio(rows["flux"], rows["other_flux"]) > FLUX_RATIO].assign(kind="flux")


def _observed_beside(times, peak):
    """Whether a time lies at most two minutes before each peak, and one as much after it."""
    reach = BESIDE_PEAK.value // 1000
    before = np.searchsorted(times, peak) - np.searchsorted(times, peak - reach)
    after = np.searchsorted(times, peak + reach, "right") - np.searchsorted(times, peak, "right")
    return (before > 0) & (after > 0)


def _unlisted(lists, flux, blind):
    flares = flares_of_flux(flux)
    peak, reach = microseconds(flares["peak"]), SAME_FLARE.value // 1000
    watching, listed = [], []
    for events in lists:
        watching += as_intervals(spans(events)).pairs
        start = microseconds(events["start"])
        when = microseconds(events["peak"].fillna(events["start"]))
        end = np.where(events["end"].notna(), microseconds(events["end"]), when)
        for first, last in ((start, end), (when - reach, when + reach)):
            listed += zip(first.tolist(), last.tolist(), strict=True)
    known = Intervals(listed).contains(peak) | as_intervals(blind).contains(peak)
    rows = flares[Intervals(watching).contains(peak) & ~known]
    return _rows(rows, "flux", "all", pd.NaT, np.nan).assign(kind="missing")


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
