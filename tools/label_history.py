"""The light curve before each sample, as a few numbers: what one knows without any image.

`Light_Curve.csv` lies beside the label files, with their times. A network that sees images has to
do better than a regression on these numbers.

A value of a series is taken to be the mean of one cadence from its stamp on. It counts when that
has ended: for the minute that ends then, or, of a cadence above a minute, for as many minutes from
there on. Values within one minute are averaged. A window ends at t. All are log10 of W m-2,
physical, GOES 1-8 A, but for the rise, which is a difference of two.

Mean: of the logarithms of the minutes. Largest Hour: the largest mean flux of 60 minutes in a row.
Largest Minute: of one minute. Rise: Mean 24hr less that of the 24 h before.
What is unknown is NaN: where less than half of a window's minutes are known (of 60 in a row: 30),
and for Largest Minute, which says "no flare", where less than 20 hours of 24 are.
"""

import pathlib

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from tools import tables
from tools.tools import written_whole
from tools.windows import microseconds

FILE = "Light_Curve.csv"
LARGEST_MINUTE = "Largest Minute 24hr"
NUMBERS = [
    "Mean 12min",
    "Mean 3hr",
    "Mean 6hr",
    "Mean 24hr",
    "Mean 10day",
    "Largest Hour 24hr",
    "Largest Hour 72hr",
    "Largest Hour 10day",
    "Rise 24hr",
    LARGEST_MINUTE,
]
STAMP = "Date Stamp"  # YYYYmmdd_HHMM, as in the label files
HOUR, DAY = 60, 1440  # minutes
LONGEST = 10 * DAY  # window
STRETCH = 280 * DAY  # of the series that is in work at a time, so that memory stays small
LARGEST_MINUTE_KNOWN = 20 / 24  # of its window
_MINUTE = 60_000_000  # microseconds


def history(
    times: np.ndarray, series_times: np.ndarray, flux: np.ndarray, cadence: np.ndarray
) -> pd.DataFrame:
    """Numbers of a series before each time, from what had been measured by then.

    Args:
        times: datetime64, UTC, shape (n,), any order.
        series_times: microseconds since 1970, shape (m,), sorted.
        flux: physical W m-2, above 0, shape (m,).
        cadence: microseconds that each value stands for, shape (m,).

    Returns:
        A row for each time, with the columns `NUMBERS`; NaN where too little is known.
    """
    now = microseconds(times) // _MINUTE
    found = np.full((len(now), len(NUMBERS)), np.nan)
    stretch = now // STRETCH
    for one in np.unique(stretch):
        rows = np.flatnonzero(stretch == one)
        first, last = now[rows].min() - LONGEST, now[rows].max()
        minutes = _by_minute(series_times, flux, cadence, first, last)
        found[rows] = _numbers(pd.Series(minutes), now[rows] - first)
    return pd.DataFrame(found, columns=NUMBERS)


def write_history(path: str | pathlib.Path, stamps: np.ndarray, numbers: pd.DataFrame) -> None:
    """Writes numbers whole, as CSV: `STAMP` and `NUMBERS`; what is unknown is empty.

    Args:
        path: the file.
        stamps: YYYYmmdd_HHMM, str, shape (n,).
        numbers: of `history`, n rows; seven digits are kept.
    """
    columns = {STAMP: pa.array(stamps, pa.string())}
    columns |= {
        name: pa.array(numbers[name].astype("float32"), from_pandas=True) for name in NUMBERS
    }
    with written_whole(path) as temporary:
        options = csv.WriteOptions(quoting_style="none", quoting_header="none")
        csv.write_csv(pa.table(columns), temporary, options)


def read_history(path: str | pathlib.Path) -> pd.DataFrame:
    """Reads what `write_history` wrote.

    Returns:
        Indexed by Date Stamp (str), with the columns `NUMBERS`, float64, NaN where empty.

    Raises:
        ValueError: if columns are missing, a value cannot be read or a Date Stamp is there twice.
        FileNotFoundError: if the file is not there.
    """
    heading = tables.read_heading(path)
    missing = [name for name in (STAMP, *NUMBERS) if name not in heading.columns]
    if missing:
        raise ValueError(
            f"{path} is no table of the light curve: the columns {', '.join(missing)} are missing. "
            f"Expected {STAMP}, {', '.join(NUMBERS)}. Received the header: "
            f"{','.join(heading.columns)[:120]}. Make it anew with "
            "tools/xray_flux_forecast/v4_find_ys.py."
        )
    rows = tables.read_rows(heading, dtype={STAMP: str})
    tables.refuse_rows(rows[STAMP].duplicated(), rows[STAMP], heading, "each time once")
    found = {name: tables.numbers(rows[name], heading).to_numpy() for name in NUMBERS}
    return pd.DataFrame(found, index=pd.Index(rows[STAMP], name=STAMP))


def _by_minute(times, flux, cadence, first, last):
    """Mean flux of each minute that ends in [first, last], minutes since 1970; NaN without any."""
    near = slice(*np.searchsorted(times, [(first - LONGEST) * _MINUTE, (last + 1) * _MINUTE]))
    times, flux, cadence = times[near], flux[near], cadence[near]
    filled = np.maximum(1, np.round(cadence / _MINUTE).astype(int))  # minutes, by each value
    known = np.repeat(-(-(times + cadence) // _MINUTE) - first, filled)
    place = known + np.arange(len(known)) - np.repeat(np.cumsum(filled) - filled, filled)
    size = last - first + 1
    held = (place >= 0) & (place < size)
    count = np.bincount(place[held], minlength=size)
    total = np.bincount(place[held], np.repeat(flux, filled)[held], minlength=size)
    return np.divide(total, count, out=np.full(size, np.nan), where=count > 0)


def _numbers(minutes, rows):
    """`NUMBERS` at `rows` of a series of minutes, whose first `LONGEST` lie before all of them."""
    logs, hours = np.log10(minutes), np.log10(minutes.rolling(HOUR, min_periods=HOUR // 2).mean())

    def rolled(values, width, what, known=0.5):
        window = values.rolling(width, min_periods=int(known * width))
        return getattr(window, what)().to_numpy()

    def largest_hour(days):
        return rolled(hours, days * DAY - HOUR + 1, "max")  # hours that lie wholly in the window

    day = rolled(logs, DAY, "mean")
    columns = [
        rolled(logs, 12, "mean")[rows],
        rolled(logs, 3 * HOUR, "mean")[rows],
        rolled(logs, 6 * HOUR, "mean")[rows],
        day[rows],
        rolled(logs, 10 * DAY, "mean")[rows],
        *(largest_hour(days)[rows] for days in (1, 3, 10)),
        day[rows] - day[rows - DAY],
        rolled(logs, DAY, "max", LARGEST_MINUTE_KNOWN)[rows],
    ]
    return np.stack(columns, axis=-1)
