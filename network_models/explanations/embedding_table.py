"""The table of an embedding: its vectors, and its samples by their names."""

import difflib

import numpy as np
import pandas as pd

ID_TIME = "%Y%m%d_%H%M"  # ids of most datasets


def activations(table):
    """The vectors in a table of `write_embeddings`: float array, shape (sample, unit)."""
    return table[[name for name in table if name.startswith("activation_")]].to_numpy("float64")


def row_of(table, id):
    """The row of the sample called `id`.

    Raises:
        ValueError: if there is none, with the one that is nearest in time or in name.
    """
    rows = np.flatnonzero((table["id"] == str(id)).to_numpy())
    if len(rows):
        return int(rows[0])
    near = table.iloc[_nearest_row(table, str(id))]
    raise ValueError(
        f"There is no sample {str(id)!r}. Expected one of the {len(table)} ids of the embeddings. "
        f"Received: id={str(id)!r}. The nearest is {near['id']!r}, of "
        f"{near['time']:%Y-%m-%d %H:%M} UTC."
    )


def _nearest_row(table, text):
    """In time where `text` is one, else in spelling."""
    for form in (ID_TIME, "ISO8601"):
        time = pd.to_datetime(text, format=form, errors="coerce")
        if not pd.isna(time):
            return int((table["time"] - time.tz_localize(None)).abs().to_numpy().argmin())
    (closest,) = difflib.get_close_matches(text, table["id"], n=1, cutoff=0)
    return int((table["id"] == closest).to_numpy().argmax())
