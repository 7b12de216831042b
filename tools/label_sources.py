"""What labels are made of: a flux series or a flare list, made ready for many windows.

Quiet means the same for both: no flare of `outages.SMALLEST` or above, C1.0 on the operational
scale, which is 1.43e-6 W m-2 on the physical one. That holds from GOES-16 on, too, when flares that
are published as C1.0 to C1.4 are smaller.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tools import label_history
from tools.flux_flares import LONGEST
from tools.label_windows import LabelSource
from tools.outages import SMALLEST, as_intervals, spans
from tools.windows import Intervals, microseconds


class FluxSeries(LabelSource):
    """A flux series. What was not observed is unknown, never quiet.

    Coverage: each valid sample stands for the time to the next one where that is at most 1.5
    cadences, else for one cadence; their sum over the window's length, at most 1. In a regular
    series that is the fraction of the expected samples that are valid.
    Current Flux: the newest valid sample stamped not later than t and not older than 2 cadences.
    NOAA stamps a mean of a minute with the minute's start ("Record start time" in its netCDF
    files), so that of the minute of t holds up to a minute after t, and is known when it ends; no
    later minute enters. A mean stamped with the middle of its bin holds half a bin after t. Numbers
    of what had ended by t are those of `label_history`.
    Censored: 1 if the window runs over a gap or an end of the series of a sample or more: a larger
    flux may have been missed, so Catch Flux is a lower bound; without any sample it is unknown.
    Quiet: 1 if the window is not censored and stayed under `SMALLEST`; 0 if the flux reached it,
    by a flare or by the background; else unknown.
    In Progress: by the flare list, where one is given and covers t; else unknown.
    Satellite: that of Catch Flux.

    Args:
        flux: columns time (datetime64, UTC) and flux (physical W m-2, NaN where missing), as
            `tools.flux.read_flux` gives them; satellite and cadence are used where present.
        cadence: timedelta64 between samples; by default the column, else the median step.
        flares: what tells which flares are under way, or None.

    Raises:
        ValueError: if no flux is known.
    """

    def __init__(
        self,
        flux: pd.DataFrame,
        cadence: np.timedelta64 | None = None,
        flares: "EventList | None" = None,
    ):
        known = flux[flux["flux"].notna()]
        if not known["time"].is_monotonic_increasing:
            known = known.sort_values("time", kind="stable")
        if known.empty:
            raise ValueError(
                f"None of the {len(flux)} fluxes is known. Expected at least one above 0. Give the "
                "files of days that were observed."
            )
        satellites = known["satellite"] if "satellite" in known else [""] * len(known)
        super().__init__(microseconds(known["time"]), known["flux"].to_numpy(float), satellites)
        self._cadence = _cadence(known, flux["time"], cadence)
        self._flares = flares
        step = np.diff(self._times, append=np.iinfo(np.int64).max)
        stands_for = np.where(step <= 1.5 * self._cadence, step, self._cadence)
        self._observed_before = np.concatenate([[0], np.cumsum(stands_for)])

    @property
    def span(self):
        return tuple(self._times[[0, -1]].astype("datetime64[us]"))

    def history(self, times):
        return label_history.history(times, self._times, self._flux[:-1], self._cadence)

    def _observed(self, windows):
        return self._observed_before[windows.last] - self._observed_before[windows.first]

    def _current(self, windows):
        newest = np.searchsorted(self._times, windows.now, side="right") - 1
        there = np.maximum(newest, 0)
        age = windows.now - self._times[there]
        fresh = (newest >= 0) & (age <= 2 * self._cadence[there])
        return np.where(fresh, self._flux[there], np.nan)

    def _whole(self, windows):
        cadence = self._cadence[np.minimum(windows.first, len(self._cadence) - 1)]
        # A regular series lacks less than a cadence of a window, whatever its phase, and a whole
        # one where a sample is missing; a hundredth is left to stamps that jitter.
        return self._observed(windows) > windows.length - 0.99 * cadence

    def _quiet(self, windows, catch_flux):
        quiet = np.where(self._whole(windows) & (catch_flux < SMALLEST), 1.0, np.nan)
        return np.where(catch_flux >= SMALLEST, 0.0, quiet)

    def _in_progress(self, windows):
        return np.nan if self._flares is None else self._flares.in_progress(windows.now)


class EventList(LabelSource):
    """A flare list. It holds no flux between flares: Current Flux and Delta are unknown.

    A flare counts where its peak lies. The list is taken as complete over the stretches that it
    says to cover, else from its first start to its last end, but for `outages`; a flare whose peak
    or flux is unknown makes the time from its start to its end an outage, and eight hours where
    its end is unknown, too. Outside, and in outages, nothing is known.
    Catch Flux: of the largest flare in the window; unknown without one.
    Coverage: fraction of the window in which the list is complete. Censored: 1 if that is not all.
    Quiet: 1 if the list is complete over the window and holds no flare of `SMALLEST` or above in
    it, 0 if it holds one, else unknown. Lists hold smaller ones or not; they do not count.
    In Progress: 1 if start <= t <= end (peak, where the end is missing), 0 if not, else unknown.
    Satellite: that of Catch Flux.

    Args:
        events: columns start, peak, end, flux, satellite, and maybe list_start and list_end, as
            `tools.events.read_events` gives them.
        outages: pairs of datetime64 between which the list is blind.

    Raises:
        ValueError: if the list is empty.
    """

    def __init__(
        self,
        events: pd.DataFrame,
        outages: Sequence[tuple[np.datetime64, np.datetime64]] = (),
    ):
        if events.empty:
            raise ValueError("The flare list is empty. Expected at least one flare. Name another.")
        complete = events["peak"].notna() & events["flux"].notna()
        known = events[complete].sort_values("peak", kind="stable")
        super().__init__(
            microseconds(known["peak"]), known["flux"].to_numpy(float), known["satellite"]
        )
        starts = microseconds(events["start"])
        ends = microseconds(events["end"].fillna(events["peak"]).fillna(events["start"]))
        self._flares = Intervals(zip(starts, ends, strict=True))
        blind = [tuple(microseconds(np.array(pair))) for pair in outages]
        lasts = np.where(events[["peak", "end"]].isna().all(axis=1), starts + LONGEST, ends)
        blind += zip(starts[~complete], lasts[~complete], strict=True)
        if "list_start" in events:
            covered = as_intervals(spans(events))
        else:
            covered = Intervals([(starts.min(), ends.max())])
        self._first, self._last = covered.span
        blind += covered.gaps(*covered.span)
        self._blind = Intervals(blind)

    @property
    def span(self):
        return tuple(np.array([self._first, self._last]).astype("datetime64[us]"))

    def _observed(self, windows):
        start = np.clip(windows.start, self._first, self._last)
        stop = np.clip(windows.stop, self._first, self._last)
        blind = self._blind.length_before(stop) - self._blind.length_before(start)
        return stop - start - blind

    def _current(self, windows):
        return np.full(len(windows.now), np.nan)

    def in_progress(self, times: np.ndarray) -> np.ndarray:
        """Whether a flare is under way at each time (microseconds since 1970): 1.0, 0.0 or NaN."""
        outside = (times < self._first) | (times > self._last)
        unknown = outside | self._blind.contains(times)
        return np.where(self._flares.contains(times), 1.0, np.where(unknown, np.nan, 0.0))

    def _whole(self, windows):
        return self._observed(windows) == windows.length

    def _quiet(self, windows, catch_flux):
        whole = self._whole(windows)
        return np.where(catch_flux >= SMALLEST, 0.0, np.where(whole, 1.0, np.nan))

    def _in_progress(self, windows):
        return self.in_progress(windows.now)


def _cadence(known, times, cadence):
    # Microseconds between samples, for each known one.
    if cadence is None and "cadence" in known:
        return known["cadence"].fillna(pd.Timedelta(0)).to_numpy("timedelta64[us]").astype(np.int64)
    if cadence is None:
        step = np.diff(np.sort(microseconds(times)))
        step = step[step > 0]
        cadence = np.timedelta64(int(np.median(step)) if len(step) else 0, "us")
    return np.full(len(known), np.timedelta64(cadence, "us").astype(np.int64))
