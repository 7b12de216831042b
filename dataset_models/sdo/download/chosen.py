"""How each time was chosen: the table `chosen.csv`, beside the raw files of an archive.

`download_aia.py` writes it before it downloads, `structure_data.py` reads it into the index.
"""

import contextlib
import fcntl
import os
import pathlib

import pandas as pd

from dataset_models.sdo.download.choosing import COLUMNS, REGULAR
from tools import tables
from tools.tools import written_whole

NAME = "chosen.csv"
_SLOT = "%Y%m%d_%H%M"  # as the archive's files, the store and the index name a time


def write_chosen(folder: str | pathlib.Path, table: pd.DataFrame) -> pd.DataFrame:
    """Adds chosen times to `chosen.csv` in `folder`, whole.

    Where a time was chosen before, a regular cadence stays or takes over (it would be there
    whatever the Sun did), then the larger probability, then what was there first.

    Args:
        folder: that holds `raw`; made when it is not there.
        table: of `choosing.case_control` or `choosing.regular_series`.

    Returns:
        The table as it now stands, in order of time.

    Raises:
        ValueError: what is there is no such table.
    """
    folder = pathlib.Path(folder)
    with _alone(folder):
        both = _merged(read_chosen(folder), table)
        with written_whole(folder / NAME) as temporary:
            both.to_csv(temporary, index=False, date_format="%Y-%m-%dT%H:%M")
    return both


@contextlib.contextmanager
def _alone(folder):
    """Lets one program at a time read the table and write it: else rows of another one are lost."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)  # the table itself is replaced: no lock on it would last
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # ends the lock


def _merged(before, table):
    both = pd.concat([before, table], ignore_index=True)
    both = both.assign(chosen_anyway=both["sampling"] == REGULAR)
    order = ["slot", "chosen_anyway", "probability"]
    both = both.sort_values(order, ascending=[True, False, False], kind="stable")
    return both.drop_duplicates("slot", ignore_index=True)[list(COLUMNS)]


def read_chosen(folder: str | pathlib.Path) -> pd.DataFrame:
    """Reads `chosen.csv` in `folder`: the columns of `choosing.COLUMNS`; no rows where it is not.

    Raises:
        ValueError: it lacks columns, or a row cannot be read (with its line).
    """
    path = pathlib.Path(folder) / NAME
    if not path.is_file():
        return pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
    heading = tables.read_heading(path)
    if not set(COLUMNS) <= set(heading.columns):
        raise ValueError(
            f"{path} does not say how times were chosen. Expected the columns {','.join(COLUMNS)}. "
            f"Received: {','.join(heading.columns)[:120]}. Move it away; "
            "dataset_models/sdo/download/download_aia.py writes it anew."
        )
    rows = tables.read_rows(heading).fillna({"sampling": "", "flare": "", "matched_with": ""})
    rows["slot"] = tables.times(rows["slot"], heading)
    given = rows["probability"]
    rows["probability"] = tables.numbers(given, heading)
    fit = rows["probability"].between(0, 1, inclusive="right")
    tables.refuse_rows(~fit, given, heading, "a probability above 0, at most 1")
    return rows[list(COLUMNS)].astype(COLUMNS)


def choices(folder: str | pathlib.Path) -> dict[str, dict]:
    """Identifier YYYYmmdd_HHMM -> sampling and probability, as a row of the index holds them.

    Raises:
        ValueError: as `read_chosen`.
    """
    table = read_chosen(folder)
    held = table[["sampling", "probability"]].to_dict("records")
    return dict(zip(slot_names(table["slot"]), held, strict=True))


def slot_names(slots: pd.Series) -> pd.Series:
    """YYYYmmdd_HHMM of each time."""
    return slots.dt.strftime(_SLOT)
