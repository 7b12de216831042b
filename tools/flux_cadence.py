"""Readings of seconds are not mixed with means of minutes, whose peaks are lower."""

import pathlib

import numpy as np
import pandas as pd

from tools.windows import microseconds

FAST = pd.Timedelta("30s")  # a shorter step is that of single readings: 1, 2 or 3 s
MIXED = 4  # steps whose ratio is larger are of different kinds; 1, 2 and 3 s are of one
OUT_OF_STEP = 0.05  # of a cadence; readings of GOES 13-18 keep to 0.004, their gaps too
IRREGULAR = 0.01  # of the steps: where more are out of step, there is none to fall out of
MINUTE = 60_000_000  # microseconds
ONE_KIND = (
    "The peaks of readings are higher than those of means: name files of one kind, or have "
    "readings averaged over minutes with minute_means=True (--minute_means on the command line)."
)


def steps_of(table: pd.DataFrame) -> list[np.ndarray]:
    """Microseconds between the rows of each satellite; those of several may lie side by side."""
    return [np.diff(times) for times in _series(table)]


def check_kinds(table: pd.DataFrame, path: pathlib.Path) -> None:
    """Refuses a file that holds readings beside means, or means of several lengths.

    Four even steps in a row tell of a kind. A mean now and then among readings is found where it
    lies on a full minute, as NOAA stamps it, and out of the readings' step: anywhere among those of
    2.048 s, but for one in ten that falls in step by chance, and for one in the place of a single
    missing reading; nowhere among readings of full seconds.

    Args:
        table: time (datetime64) and satellite, sorted by time within each satellite.
        path: the file, for the message.

    Raises:
        ValueError: if there are several kinds.
    """
    series, kinds = _series(table), []
    for times in series:
        steps = np.diff(times) / 1e6
        even = np.abs(np.diff(steps)) <= 0.1 * steps[:-1]
        four = even[:-2] & even[1:-1] & even[2:]  # in a row make a cadence; gaps are not that even
        kinds += [steps[: len(four)][four]]
    kinds = np.concatenate([[], *kinds])
    if len(kinds) and kinds.max() > MIXED * kinds.min():
        raise ValueError(
            f"{path} holds fluxes of different cadences. Expected one in a file. Received: every "
            f"{kinds.min():g} s and every {kinds.max():g} s. Put each kind into a file of its own. "
            f"{ONE_KIND}"
        )
    strays = np.concatenate([np.empty(0, np.int64), *map(_strays, series)])
    if len(strays):
        raise ValueError(
            f"{path} holds means among readings. Expected one kind in a file. Received: "
            f"{len(strays)} rows on full minutes that fall out of the readings' step, the first of "
            f"{strays[0].astype('datetime64[us]')}. Take out all means, not these alone: others "
            "fall in step by chance. Name no means beside it."
        )


def check_cadences(files: dict[pathlib.Path, pd.DataFrame]) -> None:
    """Refuses files whose cadences (their column, timedelta64) are of several kinds.

    Raises:
        ValueError: with the fastest and the slowest file.
    """
    steps = [(file["cadence"].iloc[0], path) for path, file in files.items()]
    steps = [step for step in steps if step[0] > pd.Timedelta(0)]
    if not steps:
        return
    (short, fast), (long, slow) = min(steps), max(steps)
    if long > MIXED * short:
        raise ValueError(
            f"The flux files are of different cadences. Expected one. Received: {fast} every "
            f"{short.total_seconds():g} s, {slow} every {long.total_seconds():g} s. {ONE_KIND}"
        )


def _series(table):
    times = table.groupby("satellite", sort=False)["time"]
    return [microseconds(one) for _, one in times]


def _strays(times):
    """Times of the means among readings of one satellite."""
    steps = np.diff(times)
    if len(steps) < 2 or np.median(steps) >= FAST // pd.Timedelta("1us"):
        return times[:0]
    cadence = steps[np.abs(steps / np.median(steps) - 1) < 0.1].mean()
    off = np.abs(steps / cadence - np.round(steps / cadence)) > OUT_OF_STEP
    # Two cadences from the one before to the one after: a reading that is stamped late or early.
    jitters = np.abs((times[2:] - times[:-2]) / cadence - 2) <= 0.5
    minute = np.abs((times[1:-1] + MINUTE // 2) % MINUTE - MINUTE // 2) <= 1000
    found = off[:-1] & off[1:] & minute & ~jitters
    others = off.sum() - 2 * found.sum()
    return times[1:-1][found & (others <= IRREGULAR * len(steps))]
