"""Finds samples of a dataset by time, by id, or spread over a split."""

import numpy as np
import pandas as pd

from network_models import explanation
from network_models.explanations import inspection
from network_models.finished_runs import nearest

TOLERANCE = pd.Timedelta(minutes=2)  # between a time that is asked for and the sample's
OFFERED = 3  # nearest samples that an error names


def find(dataset, times=(), identifiers=()):
    """Where samples stand in the splits of a dataset.

    Args:
        dataset: `Dataset`.
        times: texts such as 2014-01-01T00:00, UTC unless they name a zone (+01:00); the nearest
            sample within `TOLERANCE`.
        identifiers: ids of samples, 20140101_0000 say.

    Returns:
        List of (split, index), in the order asked for.

    Raises:
        ValueError: if there is no such sample, or it is in no split; with the nearest ones.
    """
    table = dataset.split_table().reset_index(drop=True)
    table["index"] = table.groupby("split").cumcount()
    rows = [_row_at(table, time) for time in times]
    rows += [_row_called(table, identifier) for identifier in identifiers]
    for row in rows:
        _check_dealt(row)
    return [(row["split"], int(row["index"])) for row in rows]


def gather(dataset, places):
    """Decoded samples from any splits, stacked, and what is known about each.

    Args:
        dataset: `Dataset`.
        places: list of (split, index).

    Returns:
        Dict of name to array, shape (sample, ...), and list of dicts as from `Dataset.describe`.
    """
    parts = [explanation.samples(dataset, split, [index]) for split, index in places]
    names = parts[0][0]
    x = {
        name: np.concatenate([inspection.as_numpy(part[name]) for part, _ in parts])
        for name in names
    }
    return x, [about for _, (about,) in parts]


def _row_at(table, text):
    distance = (table["time"].astype("datetime64[s]") - _time(text)).abs()
    closest = table.loc[distance.sort_values(kind="stable").index]
    if distance.min() <= TOLERANCE:
        return closest.iloc[0]
    raise ValueError(
        f"There is no sample at {text}. Expected a time within {TOLERANCE.seconds // 60} min of a "
        f"sample. The nearest: {_listed(closest)}."
    )


def _time(text):
    """A time as UTC without a zone; "now" and the like, which pandas knows, are none."""
    try:
        time = pd.Timestamp(text).as_unit("s") if text[:1].isdigit() else pd.NaT
    except (ValueError, OverflowError):
        time = pd.NaT
    if pd.isna(time):
        raise ValueError(f"{text!r} is no time. Expected one such as 2014-01-01T00:00, in UTC.")
    return time.tz_convert("UTC").tz_localize(None) if time.tzinfo else time


def _row_called(table, identifier):
    found = table[table["id"].astype(str) == identifier]
    if found.empty:
        raise ValueError(
            f"There is no sample {identifier!r}. Expected the id of one, as in split.csv, such as "
            f"{table['id'].iloc[0]!r}.{nearest(identifier, table['id'])}"
        )
    return found.iloc[0]


def _check_dealt(row):
    if row["split"] == "":
        raise ValueError(
            f"The sample {row['id']!r} is in no split: {row['reason']}. Expected a sample that the "
            "dataset gives. Choose another time, change the settings that leave it out with --set, "
            "or read its files with --fits."
        )


def _listed(rows):
    shown = rows[rows["split"] != ""].head(OFFERED)
    return ", ".join(f"{row.time:%Y-%m-%dT%H:%M:%S} ({row.split})" for row in shown.itertuples())
