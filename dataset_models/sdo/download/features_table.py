"""Rows of the table of magnetic features: from the JSOC or from files, and into the table."""

import pathlib

import numpy as np
import pandas as pd

from dataset_models.sdo import largest_region, sharp_keywords
from dataset_models.sdo.download.spotless import LONGEST, OLDEST, covered, spotless
from dataset_models.sdo.full_disk_features import (
    FORCES,
    KEYWORDS,
    OLDEST_HOURS,
    RATIOS,
    SPOTLESS,
    full_disk,
)
from dataset_models.sdo.sharp_segments import read_segments
from dataset_models.sdo.side_channels import HAND_TAILORED, read_table
from tools import monthly
from tools.tools import written_whole

SETTLED = pd.Timedelta("180D")  # after an hour, until what the JSOC has of it is taken as final
CONFIRMED = pd.Timedelta("7D")  # after an answer without any record, until the same one is final
TEXTS = ["SERIES", "FORCES_SERIES", "ASKED", "SILENT", "SILENT_SINCE"]  # columns, see `HEADING`
TERMS = [name for name in FORCES if name not in RATIOS]
MOST_MINUTES = 60  # between records that are asked for: the newest must be younger than OLDEST
OF_BOXES = (sharp_keywords.NEAR_REAL_TIME, sharp_keywords.DEFINITIVE)
HEADING = """\
# Hand-tailored magnetic features of the whole disk, made by download_sharp.py.
# T_REC: UTC; every region's newest record up to {hours:g} h older, none later, was taken.
# TOTFX, TOTFY, TOTFZ: dyn.
# SERIES: of the keywords; boxes of hmi.sharp_cea_720s know the region's later life, _nrt's do not.
# FORCES_SERIES: of the Lorentz terms, empty where there are none or an older version wrote the row;
# cgem.Lorentz has them for boxes of hmi.sharp_cea_720s alone, beside whichever SERIES. Those of
# files on disk are of the boxes of SERIES itself.
# hmi.M_720s in both: HMI saw the disk, and it had no region; totals are 0, means empty.
# That is known where regions were seen before and after, {longest} days apart at most, and else all
# is empty. So which of these hours are known, or a mask of what is missing, tells of what comes.
# ASKED: UTC, when the JSOC was asked; a row with nothing else: it knows nothing of that time. Empty
# for files on disk, and where a series lacked all of some days, which may be a fault, until it
# lacked them a week later, too.
# SILENT: the series that lacked all of these days {settled} days or more after; SILENT_SINCE: UTC,
# when the JSOC first said so.
# HARPNUM, NOAA_AR, LAT_FWT, LON_FWT: of the largest region; degrees, at T_REC. HARPNUM is of the
# definitive series, empty where only a near-real-time one is.
"""


def features_of_days(
    client, times: np.ndarray, cadence_minutes: int, now: pd.Timestamp
) -> pd.DataFrame:
    """The 25 features of the whole disk at some times of a few days, from the JSOC.

    A time without a record of a region, good or not, is one without regions where definitive ones
    have had the time to come, `SETTLED`, and `spotless` says so: totals are 0 and means NaN. Else
    nothing is known.

    Args:
        client: `drms.Client`.
        times: datetime64 array, shape (n,), UTC, ascending.
        cadence_minutes: of `times`; records are asked for at least each hour.
        now: UTC.

    Returns:
        DataFrame with a row for each time: "T_REC" (datetime64, UTC), `HAND_TAILORED`, the texts
        `TEXTS` (see `HEADING`), and `largest_region.KEYWORDS`. "ASKED" is empty where a series
        had no record at all, and times without features have no row then before `SETTLED`.

    Raises:
        ConnectionError, ValueError: as `sharp_keywords.query`.
    """
    span, minutes = (times[0] - OLDEST, times[-1]), min(cadence_minutes, MOST_MINUTES)
    (current, seen), (later, seen_later) = (
        sharp_keywords.query(client, series, *span, minutes) for series in OF_BOXES
    )
    forces = sharp_keywords.query_forces(client, later, *span, minutes)
    features = _preferred(current, later, times, KEYWORDS)
    features[list(FORCES)] = full_disk(forces, times, FORCES)
    features["FORCES_SERIES"] = _where_known(features, FORCES, sharp_keywords.LORENTZ)
    settled = times <= np.datetime64(now - SETTLED, "ns")
    unseen = settled & ~covered(times, pd.concat([seen["time"], seen_later["time"]]))
    _fill_spotless(features, spotless(client, times, unseen, seen_later, minutes))
    silent = _silent(times, seen, seen_later, forces)
    features["ASKED"] = "" if silent else monthly.stamp(now)
    features["SILENT"] = np.where(settled, silent, "")
    features["SILENT_SINCE"] = np.where(settled & bool(silent), monthly.stamp(now), "")
    return _rows(times, features, largest_region.of_series(later, current, times))


def features_of_segments(folder: str | pathlib.Path, cadence_minutes: int) -> pd.DataFrame:
    """The 25 features of the whole disk from SHARP-CEA files on disk.

    Args:
        folder: as `read_segments` takes it. It must hold every region of the disk. Near-real-time
            regions are preferred, as in `features_of_days`.
        cadence_minutes: of the rows; they begin with the first record.

    Returns:
        As `features_of_days`; FORCES_SERIES is that of the boxes, and ASKED is empty.

    Raises:
        FileNotFoundError, ValueError: as `read_segments`.
    """
    records = read_segments(folder)
    step = np.timedelta64(cadence_minutes, "m")
    first, last = records["time"].min().ceil("min"), records["time"].max().ceil("min")
    times = np.arange(first, last + step, step, dtype="datetime64[ns]")
    definitive = records["series"] == sharp_keywords.DEFINITIVE
    later, current = records[definitive], records[~definitive]
    features = _preferred(current, later, times, (*KEYWORDS, *FORCES))
    features[["ASKED", "SILENT", "SILENT_SINCE"]] = ""
    features["FORCES_SERIES"] = _where_known(features, FORCES, features["SERIES"])
    return _rows(times, features, largest_region.of_series(later, current, times))


def add_features(path: str | pathlib.Path, rows: pd.DataFrame) -> None:
    """Adds rows to the table of features, whole.

    A row replaces an older one of its time if it comes from a whole answer of the JSOC (ASKED);
    else if the older one is not settled, and knows no more numbers. An answer of which series had
    no record at all counts as whole where they had none `CONFIRMED` or more before, either.

    Raises:
        ValueError: what is there is no such table.
    """
    path = pathlib.Path(path)
    if path.is_file() and len(before := read_table(path)):
        before = before.drop_duplicates("T_REC", keep="last")
        if "SILENT" in rows and "SILENT" in before:
            rows = _confirmed(rows, before)
        last = np.concatenate([_is_settled(before), _asked(rows).notna()])
        rows = pd.concat([before, rows], ignore_index=True)
    else:
        last = _asked(rows).notna()
    known = rows.reindex(columns=[*HAND_TAILORED, *largest_region.KEYWORDS]).notna().sum(axis=1)
    rows = rows.loc[known.mask(last, np.inf).sort_values(kind="stable").index]
    rows = rows.drop_duplicates("T_REC", keep="last").sort_values("T_REC", ignore_index=True)
    text = rows.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S")
    heading = HEADING.format(hours=OLDEST_HOURS, settled=SETTLED.days, longest=LONGEST.astype(int))
    with written_whole(path) as temporary:
        temporary.write_text(heading + text, encoding="utf-8")


def settled_times(path: pathlib.Path) -> np.ndarray:
    """Times of the table that need not be asked for again.

    They were asked for `SETTLED` or more after their time: what the JSOC lacked then, it is taken
    to lack for good. Before, other definitive regions may still come. Where a series of the JSOC
    had nothing at all, ASKED is empty, and they are asked for again, until `add_features` takes
    that as confirmed. Features that are not of the JSOC, but of files on disk or of another hand,
    stay.

    Args:
        path: as `read_table` takes it; it may be missing.

    Returns:
        datetime64 array in ns, UTC.

    Raises:
        ValueError: what is there is no such table.
    """
    if not path.is_file():
        return np.array([], "datetime64[ns]")
    table = read_table(path)
    others = table[HAND_TAILORED].notna().any(axis=1) & ~_of_jsoc(table)
    settled = others | _is_settled(table)
    return table["T_REC"].to_numpy("datetime64[ns]")[settled]


def lacking(path: pathlib.Path, times: np.ndarray) -> dict[str, int]:
    """How many of some times lack features, Lorentz forces and a HARPNUM in the table.

    Args:
        path: as `read_table` takes it; it may be missing.
        times: datetime64 array, shape (n,), UTC.

    Returns:
        What is lacking -> number of times; a Sun without regions lacks no HARPNUM.
    """
    table = read_table(path) if path.is_file() else pd.DataFrame(columns=["T_REC"])
    table = table.drop_duplicates("T_REC", keep="last").set_index("T_REC").reindex(times)
    table = table.reindex(columns=[*HAND_TAILORED, "HARPNUM", "SERIES"])
    spotless = table["SERIES"] == sharp_keywords.FULL_DISK
    return {
        "features": int(table[HAND_TAILORED].isna().all(axis=1).sum()),
        "Lorentz forces": int(table[TERMS].isna().any(axis=1).sum()),
        "HARPNUM": int((table["HARPNUM"].isna() & ~spotless).sum()),
    }


def refuse_rows_of_jsoc(path: pathlib.Path, times: np.ndarray) -> None:
    """Refuses to replace rows of the whole disk by those of files, which may lack regions.

    Args:
        path: as `read_table` takes it; it may be missing.
        times: datetime64 array, UTC, of the rows that are to enter the table.

    Raises:
        ValueError: the table has rows of the JSOC at these times.
    """
    if not path.is_file():
        return
    table = read_table(path)
    held = table["T_REC"][_of_jsoc(table) & table["T_REC"].isin(times)]
    if len(held):
        raise ValueError(
            f"{path} has features from the JSOC at {len(held)} times of these files, from "
            f"{held.min()} to {held.max()} (UTC). Expected times without, for files on disk may "
            "lack regions. Nothing was changed: name another table with --output FILE."
        )


def _asked(rows):
    """When the JSOC was asked for rows; NaT for those that are not of a whole answer."""
    asked = rows["ASKED"] if "ASKED" in rows else pd.Series("", rows.index)
    return pd.to_datetime(asked, format="%Y-%m-%dT%H:%M:%S", errors="coerce")


def _is_settled(rows):
    """Which rows are of a whole answer that came late enough to be final."""
    return _asked(rows) >= rows["T_REC"] + SETTLED


def _of_jsoc(table):
    """Which rows the JSOC was asked for: those of files have the forces of their own boxes."""
    series = table.reindex(columns=["SERIES", "FORCES_SERIES"])
    of_files = series["SERIES"].isin(OF_BOXES) & (series["SERIES"] == series["FORCES_SERIES"])
    return series["SERIES"].isin((*OF_BOXES, sharp_keywords.FULL_DISK)) & ~of_files


def _confirmed(rows, before):
    """Rows that tell since when their series are silent; where that is long, ASKED stands."""
    held = before.set_index("T_REC")[["SILENT", "SILENT_SINCE"]].reindex(rows["T_REC"])
    held.index = rows.index
    again = (rows["SILENT"] != "") & (rows["SILENT"] == held["SILENT"])
    asked, since = rows["SILENT_SINCE"], held["SILENT_SINCE"]
    for_long = again & (pd.to_datetime(asked) - pd.to_datetime(since) >= CONFIRMED)
    return rows.assign(
        SILENT_SINCE=asked.mask(again, since), ASKED=rows["ASKED"].mask(for_long, asked)
    )


def _preferred(current, later, times, names):
    """Features of near-real-time regions, or of definitive ones for want of them; and SERIES."""
    features, stand_in = full_disk(current, times, names), full_disk(later, times, names)
    lacks = features.isna().all(axis=1)
    features[lacks] = stand_in[lacks]
    series = np.where(lacks, sharp_keywords.DEFINITIVE, sharp_keywords.NEAR_REAL_TIME)
    return features.assign(SERIES=_where_known(features, names, series))


def _silent(times, seen, seen_later, forces):
    """Names of the series that had no record at all, though they had begun; empty for none."""
    began = times[-1] >= sharp_keywords.NEAR_REAL_TIME_FROM
    brought = {
        sharp_keywords.NEAR_REAL_TIME: len(seen) or not began,
        sharp_keywords.DEFINITIVE: len(seen_later),
        sharp_keywords.LORENTZ: forces["TOTBSQ"].notna().any(),
    }
    return " ".join(name for name, has_some in brought.items() if not has_some)


def _fill_spotless(features, spotless):
    values = SPOTLESS | dict.fromkeys(["SERIES", "FORCES_SERIES"], sharp_keywords.FULL_DISK)
    for name, value in values.items():
        features.loc[spotless, name] = value


def _where_known(features, names, series):
    return np.where(features[list(names)].notna().any(axis=1), series, "")


def _rows(times, features, regions):
    rows = features[[*HAND_TAILORED, *TEXTS]].join(regions)
    rows.insert(0, "T_REC", times)
    is_told = (rows[["ASKED", "SILENT"]] != "").any(axis=1)
    return rows[features[HAND_TAILORED].notna().any(axis=1) | is_told]
