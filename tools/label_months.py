"""Days and months of flux and of flare lists that labels need, and those that are there."""

import numpy as np
import pandas as pd

from tools.label_history import LONGEST

NEAR = pd.Timedelta("1D")  # around a sample, of which the flare list is needed


def days_of(flux: pd.DataFrame | None, least: int = 1) -> set[pd.Timestamp]:
    """Days of which the flux is known in `least` minutes or more; none without any flux."""
    if flux is None:
        return set()
    minutes = flux.loc[flux["flux"].notna(), "time"].dt.floor("min").drop_duplicates()
    held = minutes.dt.floor("D").value_counts()
    return {*held.index[held >= least]}


def elsewhere(times: pd.Series, days: set[pd.Timestamp]) -> pd.Series:
    """Those of the times (datetime64) that lie on none of the days."""
    return times[~times.dt.floor("D").isin(days)]


def lacking_months(
    times: pd.Series, days: set[pd.Timestamp], ahead: pd.Timedelta
) -> set[pd.Period]:
    """Months with days that are not held, of samples, of the past before and the windows ahead.

    Args:
        times: of the samples, datetime64.
        days: that are held.
        ahead: from a sample to the end of its last window.
    """
    first, last = times - pd.Timedelta(minutes=LONGEST), times + ahead
    spans = pd.DataFrame({"first": first.dt.floor("D"), "last": last.dt.floor("D")})
    spans = spans.drop_duplicates().itertuples(index=False)
    needed = {day for start, end in spans for day in pd.date_range(start, end)}
    return {day.to_period("M") for day in needed - days}


def runs_of_months(times: pd.Series) -> list[tuple[pd.Period, pd.Period]]:
    """First and last of each run of months that hold or adjoin one of the times (datetime64)."""
    near = pd.concat([times - NEAR, times + NEAR])
    months = pd.Series(sorted(near.dt.to_period("M").unique()), dtype="period[M]")
    runs = np.cumsum(np.diff([month.ordinal for month in months], prepend=-1) > 1)
    return [(run.iloc[0], run.iloc[-1]) for _, run in months.groupby(runs)]
