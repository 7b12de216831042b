"""Flares in a series of X-ray flux, by the definition that SWPC's list of flares follows."""

import numpy as np
import pandas as pd

from tools.outages import SMALLEST
from tools.windows import microseconds

STEEP = 1.4  # times the flux of three minutes before
STEPS = 3  # of a minute each, in which the flux rises steeply
MINUTE = 60_000_000  # microseconds
GAP = 1.5 * MINUTE  # a longer step is a gap
LONGEST = 8 * 60 * MINUTE  # the longest flare of SWPC's list of 2010 to 2021: 7.25 hours
BEFORE = 3 * 60 * MINUTE  # an eclipse of the satellite lasts up to 72 minutes


def flares_of_flux(flux: pd.DataFrame, smallest: float = SMALLEST) -> pd.DataFrame:
    """Flares of a flux series of minutes; it rather misses one than to take for one what is none.

    A flare begins with the first minute of four in which the flux rises steeply and without a
    break, peaks at its largest flux, and ends when the flux has fallen halfway back to that of the
    beginning (SWPC, GOES X-ray flux, on the times of an X-ray event; NOAA's flare summary files
    have the same end). A rise in a flare that has not ended is part of it. Left out is what does
    not end within eight hours and without a gap, and a rise out of a dip, as after an eclipse: one
    that begins 1.4 times or more under the median of the three hours before, or whose three hours
    before were observed for less than half.

    In GOES-15's July 2015 that finds 39 of the 46 flares of C1 and above of SWPC's list, and no
    other.

    Args:
        flux: columns time (datetime64, UTC, sorted) and flux (physical W m-2, NaN where missing).
        smallest: least peak flux, physical W m-2.

    Returns:
        In order: start, peak, end (datetime64[us], UTC), flux (of the peak, physical W m-2). Of
        other cadences than a minute, no row.

    Source:
        NOAA SWPC, GOES X-ray flux; Ryan et al. 2012 (doi:10.1088/0067-0049/202/2/11) for the factor
        of 1.4.
    """
    known = flux[flux["flux"].notna()]
    times, values = microseconds(known["time"]), known["flux"].to_numpy(float)
    found, reached = [], 0
    stops = np.flatnonzero(np.diff(times, append=np.iinfo(np.int64).max) > GAP) + 1
    for first in _steep_rises(times, values):
        if first < reached:
            continue
        stop = min(stops[np.searchsorted(stops, first, "right")], first + LONGEST // MINUTE)
        length = _length(values[first:stop])
        if not length:
            continue
        reached = first + length
        peak = first + int(np.argmax(values[first:reached]))
        if values[peak] >= smallest and not _out_of_a_dip(times, values, first):
            found.append((times[first], times[peak], times[reached], values[peak]))
    table = pd.DataFrame(found, columns=["start", "peak", "end", "flux"])
    moments = {name: table[name].astype("datetime64[us]") for name in ("start", "peak", "end")}
    return table.assign(**moments)


def _steep_rises(times, values):
    """Places at which the flux begins to rise steeply."""
    step = np.diff(times)
    up = (np.diff(values) > 0) & (step > MINUTE // 2) & (step <= GAP)
    if len(up) < STEPS:
        return np.empty(0, np.int64)
    rises = np.lib.stride_tricks.sliding_window_view(up, STEPS).all(axis=1)
    return np.flatnonzero(rises & (values[STEPS:] >= STEEP * values[:-STEPS]))


def _length(values):
    """How many values pass until the flux is halfway back to the first; 0 where it never is."""
    return int(np.argmax(values < (np.maximum.accumulate(values) + values[0]) / 2))


def _out_of_a_dip(times, values, first):
    before = values[np.searchsorted(times, times[first] - BEFORE) : first]
    return len(before) < BEFORE // MINUTE / 2 or STEEP * values[first] <= np.median(before)
