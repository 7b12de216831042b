"""A group that a split may keep together: the phase of the solar cycle."""

import numpy as np

# Extremes of the 13-month smoothed sunspot number, version 2.0 (SILSO, Royal Observatory of
# Belgium, https://www.sidc.be/SILSO/cyclesminmax and its monthly news).
EXTREMES = (
    ("2008-12-15", "minimum"),  # 2.2
    ("2014-04-15", "maximum"),  # 116.4
    ("2019-12-15", "minimum"),  # 1.8
    ("2024-10-15", "maximum"),  # 160.9
)
NEAR = np.timedelta64(365, "D")  # as long before and after an extreme is its phase
KNOWN_UNTIL = np.datetime64("2027-12-15")  # no cycle since 1755 was shorter than nine years


def cycle_phase(times: np.ndarray) -> np.ndarray:
    """The phase of the solar cycle: "minimum", "rising", "maximum" or "declining".

    A year before to a year after an extreme of the smoothed sunspot number is that extreme's
    phase; what lies between is rising or declining.

    Args:
        times: datetime64 array, any shape, UTC.

    Returns:
        str array of the same shape; "" before December 2007 and from December 2027 on, where the
        next minimum is not known yet.
    """
    times = np.asarray(times, "datetime64[ns]")
    phases = np.full(times.shape, "", "U9")
    for day, kind in EXTREMES:
        day = np.datetime64(day)
        phases[times >= day - NEAR] = kind
        phases[times > day + NEAR] = "rising" if kind == "minimum" else "declining"
    phases[times >= KNOWN_UNTIL] = ""
    return phases
