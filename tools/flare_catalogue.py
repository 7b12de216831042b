"""Several flare lists joined to one, and what they disagree about."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from tools.events import SPAN
from tools.flare_classes import class_to_flux, flux_to_class
from tools.flare_disagreements import disagreements
from tools.flare_repeats import matches
from tools.flux import OPERATIONAL_SCALE, to_physical
from tools.outages import (
    SMALLEST,
    as_intervals,
    find_outages,
    improbable_quiet,
    spans,
    write_outages,
)
from tools.tools import write_text

WRITTEN = [  # of the catalogue
    "start",
    "peak",
    "end",
    "goes_class",
    "scale",
    "satellite",
    "noaa_active_region",
    "lists",
    *SPAN,
]


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Flares of several lists.

    Attributes:
        flares: columns start to longitude as `tools.events.read_events` gives them, lists (str,
            the names of those that hold the flare, joined by "+"), list_start and list_end (first
            and last time of the stretch around it that a list covers); sorted by peak.
        outages: for each list, when it lacks what another list holds and when it is silent beyond
            belief (`tools.outages`); under "all", when none of them was watching and when they are
            so silent together: pairs of datetime64, in order.
        disagreements: as `tools.flare_disagreements.disagreements` gives them.
        repeats: for each list, how many rows told of a flare that another row tells of.
    """

    flares: pd.DataFrame
    outages: Mapping[str, list]
    disagreements: pd.DataFrame
    repeats: Mapping[str, int]


def operational_flux(goes_class: str) -> float:
    """Peak flux of a class on the operational scale, physical W m-2, a hair below for rounding.

    Raises:
        ValueError: if it is no class.
    """
    return float(to_physical(class_to_flux(goes_class), "operational")) * (1 - 1e-6)


def join(
    lists: Mapping[str, pd.DataFrame],
    flux: pd.DataFrame | None = None,
    smallest: float = SMALLEST,
) -> Catalogue:
    """Joins flare lists.

    What the first list says of a flare holds, then the second, and so on: name the one that you
    trust most first. Lists are complete down to classes of their own: SWPC's holds C1.0 and above,
    the HEK's smaller flares, too. So that "no flare" means one thing at all times, the joined list
    holds flares of `smallest` and above, and those of unknown flux. Smaller ones do tell which rows
    are one flare, and that a list was watching.

    Args:
        lists: events as `tools.events.read_events` gives them, by the name of the list.
        flux: as `tools.flux.read_flux` gives it, to check the lists by; or None.
        smallest: least peak flux of a flare of the joined list, physical W m-2; by default C1.0 on
            the operational scale.

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
    flares = united[~(united["flux"] < smallest)].drop(columns="rows").reset_index(drop=True)
    return Catalogue(
        flares=_with_spans(flares, lists),
        outages=outages,
        disagreements=disagreements(lists, outages, flux),
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


def _with_spans(flares, lists):
    covered = as_intervals(pair for events in lists.values() for pair in spans(events))
    first, last = np.array(covered.pairs).astype("datetime64[us]").T
    at = np.searchsorted(first, flares["start"].to_numpy("datetime64[us]"), side="right") - 1
    return flares.assign(list_start=first[np.maximum(at, 0)], list_end=last[np.maximum(at, 0)])


def _outages(events, others):
    pairs = [pair for other in others for pair in find_outages(events, other)]
    return _as_pairs(as_intervals([*pairs, *_silences(events)]).pairs)


def _joined_outages(lists, outages, united):
    """Times from the first to the last of all lists at which none of them can be relied on."""
    watched = []
    for name, events in lists.items():
        blind = as_intervals(outages[name])
        for start, end in as_intervals(spans(events)).pairs:
            watched += _as_pairs(blind.gaps(start, end))
    first = min(events["list_start"].min() for events in lists.values())
    last = max(events["list_end"].max() for events in lists.values())
    gaps = _as_pairs(as_intervals(watched).gaps(*as_intervals([(first, last)]).span))
    return _as_pairs(as_intervals([*gaps, *_silences(united)]).pairs)


def _silences(events):
    return [(start, end) for start, end, _ in improbable_quiet(events)]


def _as_pairs(intervals):
    return [tuple(np.array(pair).astype("datetime64[us]")) for pair in intervals]
