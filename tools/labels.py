"""Label files: for each sample, the largest X-ray flux of a window that lies ahead.

One file holds one delay and one catch. `tools.label_windows.COLUMNS` lists its columns;
`FluxSeries` and `EventList` in `tools.label_sources` say what they mean.
"""

import pathlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from tools import tables
from tools.label_sources import EventList, FluxSeries
from tools.label_windows import COLUMNS
from tools.tools import written_whole

WORDS = ["Date Stamp", "Filename", "Satellite", "Scale"]
FLAGS = ["Quiet", "In Progress", "Censored"]
OPTIONAL = ["Censored"]  # not in files of version 1


def duration_token(minutes: int) -> str:
    """How the names of files write a duration: 0 is 00min, 36 is 36min, 60 is 01hr, 1440 is 24hr.

    Raises:
        ValueError: if it is negative or not a whole number of minutes.
    """
    if minutes < 0 or minutes != int(minutes):
        raise ValueError(
            f"{minutes} is no duration. Expected whole minutes, 0 or more. Round it to minutes."
        )
    hours, rest = divmod(int(minutes), 60)
    return f"{hours:02d}hr" if hours and not rest else f"{int(minutes):02d}min"


def label_file(delay: int, catch: int) -> str:
    """Name of the label file of a delay and a catch, both in minutes."""
    return f"All_Ys_{duration_token(delay)}Delay_{duration_token(catch)}Max.csv"


def labels_from_flux(
    times: np.ndarray,
    flux: pd.DataFrame,
    delay: int,
    catch: int,
    cadence: np.timedelta64 | None = None,
) -> pd.DataFrame:
    """Labels of `times` from a flux series; for many windows make one `FluxSeries`."""
    return FluxSeries(flux, cadence).labels(times, delay, catch)


def labels_from_events(
    times: np.ndarray,
    events: pd.DataFrame,
    delay: int,
    catch: int,
    outages: Sequence[tuple[np.datetime64, np.datetime64]] = (),
) -> pd.DataFrame:
    """Labels of `times` from a flare list; for many windows make one `EventList`."""
    return EventList(events, outages).labels(times, delay, catch)


def write_labels(path: str | pathlib.Path, labels: pd.DataFrame) -> None:
    """Writes labels whole, as CSV with the columns `COLUMNS`; what is unknown is empty.

    A table without Censored gets it empty.

    Numbers keep the seven digits of float32, which is more than the instruments give. Words with a
    comma in them, names of files say, are refused with pyarrow's ArrowInvalid, a ValueError.
    """
    columns = {}
    for name in COLUMNS:
        values = labels[name] if name in labels else pd.Series(np.nan, labels.index)
        if name in WORDS:
            values = values.astype(object).where(values.notna() & (values != ""), None)
            columns[name] = pa.array(values, pa.string())
        else:
            kind = pa.int8() if name in FLAGS else pa.float32()
            columns[name] = pa.array(values, pa.float64(), from_pandas=True).cast(kind)
    with written_whole(path) as temporary:
        options = csv.WriteOptions(quoting_style="none", quoting_header="none")
        csv.write_csv(pa.table(columns), temporary, options)


def read_labels(path: str | pathlib.Path) -> pd.DataFrame:
    """Reads a label file.

    Returns:
        Indexed by Date Stamp (str, YYYYmmdd_HHMM), the other `COLUMNS` in their order: float64, or
        str for Filename, Satellite and Scale; NaN where empty.

    Raises:
        ValueError: if columns are missing, a value cannot be read or a Date Stamp is there twice.
        FileNotFoundError: if the file is not there.
    """
    heading = tables.read_heading(path)
    missing = [n for n in COLUMNS if n not in heading.columns and n not in OPTIONAL]
    if missing:
        raise ValueError(
            f"{path} is not a label file: the columns {', '.join(missing)} are missing. Expected "
            f"{', '.join(COLUMNS)}. Received the header: {','.join(heading.columns)[:120]}. Make "
            "it anew with tools/xray_flux_forecast/v4_find_ys.py."
        )
    rows = tables.read_rows(heading, dtype=dict.fromkeys(WORDS, str))
    rows = rows.assign(**{name: np.nan for name in OPTIONAL if name not in rows})
    stamps = rows["Date Stamp"]
    odd = pd.to_datetime(stamps, format="%Y%m%d_%H%M", errors="coerce").isna()
    tables.refuse_rows(odd, stamps, heading, "a time as YYYYmmdd_HHMM")
    tables.refuse_rows(stamps.duplicated(), stamps, heading, "each time once")
    for name in COLUMNS:
        if name not in WORDS:
            rows[name] = tables.numbers(rows[name], heading)
    return rows[COLUMNS].set_index("Date Stamp")
