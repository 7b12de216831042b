"""NOAA's numbers of active regions, of which lists often give the last four digits alone."""

import numpy as np
import pandas as pd

# Numbers seen on these days, between which they grow about evenly. 10000 was given on 2002-06-14;
# SWPC's lists write 0000 to 9999 from then on. The others are of well-known regions.
SEEN = (
    ("1996-01-01", 7939),
    ("2002-06-14", 10000),
    ("2003-10-28", 10486),
    ("2011-02-15", 11158),
    ("2014-10-24", 12192),
    ("2017-09-06", 12673),
    ("2022-03-28", 12975),
    ("2024-05-10", 13664),
)
_DAYS = np.array([day for day, _ in SEEN], "datetime64[D]").astype(float)
_NUMBERS = np.array([number for _, number in SEEN], float)
_GROWTH = (_NUMBERS[-1] - _NUMBERS[1]) / (_DAYS[-1] - _DAYS[1])  # regions a day, over two cycles


def full_region_number(
    numbers: np.ndarray, times: np.ndarray | pd.Series, least: int = 1
) -> np.ndarray:
    """Active region numbers with all their digits: 1158 in February 2011 is 11158.

    Numbers below 10000 get the multiple of 10000 that brings them nearest to the numbers in use at
    their time; others stay, and so does 0 where it stands for unknown.

    Args:
        numbers: int, shape (n,).
        times: datetime64, UTC, shape (n,); where it is missing (NaT), the number stays.
        least: the smallest number there is: 1 where 0 means unknown; 0 where every number is one,
            and 0 the last four digits of 10000.

    Returns:
        int64, shape (n,).
    """
    numbers = np.asarray(numbers).astype(np.int64)
    times = np.asarray(times).astype("datetime64[us]")
    days = times.astype("datetime64[D]").astype(float)
    expected = np.interp(days, _DAYS, _NUMBERS)
    expected += np.maximum(days - _DAYS[-1], 0) * _GROWTH
    short = (numbers >= least) & (numbers < 10_000) & ~np.isnat(times)
    wraps = np.zeros(len(numbers), np.int64)
    wraps[short] = np.rint((expected[short] - numbers[short]) / 10_000).astype(np.int64)
    return numbers + 10_000 * np.maximum(wraps, 0)
