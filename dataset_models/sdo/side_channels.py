"""Numbers that stand beside the images: hand-tailored magnetic features and the current flux."""

import csv
import io
import pathlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from astropy.time import Time

# The 25 features of Bobra and Couvidat 2015 (doi:10.1088/0004-637X/798/2/135, table 1): first the
# SHARP keywords, then those of the field's energy and the Lorentz force.
# fmt: off
HAND_TAILORED = [
    "USFLUX", "MEANGAM", "MEANGBT", "MEANGBZ", "MEANGBH", "MEANJZD", "TOTUSJZ", "MEANALP",
    "MEANJZH", "TOTUSJH", "ABSNJZH", "SAVNCPP", "MEANPOT", "TOTPOT", "MEANSHR", "SHRGT45",
    "R_VALUE", "AREA_ACR", "TOTBSQ", "TOTFX", "TOTFY", "TOTFZ", "EPSX", "EPSY", "EPSZ",
]
# fmt: on
SIDE_CHANNELS = ("current_goes", "true_value", "hand_tailored")
HMI_FEATURES = "side_channel/HMI_features.csv"
# Series of the JSOC whose boxes are drawn when a region's whole life is known.
DRAWN_LATER = ("hmi.sharp_cea_720s", "cgem.Lorentz")
NEAR_REAL_TIME = "hmi.sharp_cea_720s_nrt"


def read_features(path: pathlib.Path | str, more: Sequence[str] = ()) -> pd.DataFrame:
    """Reads the hand-tailored features of the Sun.

    Args:
        path: as for `read_table`.
        more: further columns of numbers, NaN where the table does not have them.

    Returns:
        DataFrame in the order of time: "time" (datetime64, UTC) and the features of
        `HAND_TAILORED` and `more`, in their own units, NaN where empty. Where a time is there
        twice, the later row is taken: a corrected value follows what it corrects. Rows without any
        of these numbers are left out.

    Raises:
        DatasetNotFoundError: if there is no such file.
        ValueError: if it is damaged, a column is missing, or a time or number is none.
    """
    table = read_table(path)
    features = table[HAND_TAILORED].join(_numbers(table.reindex(columns=list(more)), path))
    features.insert(0, "time", table["T_REC"])
    features = features.drop_duplicates("time", keep="last")
    features = features.dropna(subset=[*HAND_TAILORED, *more], how="all")
    return features.sort_values("time", ignore_index=True)


def read_table(path: pathlib.Path | str) -> pd.DataFrame:
    """Reads the table of hand-tailored features as it stands, with whatever columns it has.

    Args:
        path: CSV with the column T_REC and one for each feature. T_REC is UTC
            (2014-01-01T00:00:00, `Z` allowed) or, as HMI writes it, TAI
            (2014.01.01_00:00:00_TAI).

    Returns:
        DataFrame in the order of the file: "T_REC" as datetime64, UTC, the features of
        `HAND_TAILORED` as float64, and the other columns as pandas reads them.

    Raises:
        DatasetNotFoundError, ValueError: as `read_features`.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        from dataset_models.dataset import DatasetNotFoundError  # brings Keras: seconds

        raise DatasetNotFoundError(
            "The table of hand-tailored features",
            path,
            [
                "python dataset_models/sdo/download/download_sharp.py  # SHARP keywords",
                "put a CSV file there: T_REC, then a column for each of HAND_TAILORED",
                "python dataset_models/synthetic/embedded_sample.py --folder ANOTHER_FOLDER",
            ],
        )
    table = _parsed(path)
    _check_columns(table, path)
    numbers = _numbers(table[HAND_TAILORED], path)
    return table.assign(T_REC=_times(table["T_REC"], path), **numbers)


def features_at(features: pd.DataFrame, times: np.ndarray, oldest_hours: float = 24) -> np.ndarray:
    """The newest features not later than each time.

    Args:
        features: what `read_features` returns.
        times: datetime64 array, shape (n,), UTC, in any order.
        oldest_hours: features older than this are not taken, hours.

    Returns:
        float32 array, shape (n, 25), in the order of `HAND_TAILORED`; a row of NaN where there are
        no features in time.
    """
    known = features["time"].to_numpy("datetime64[ns]")
    newest = np.searchsorted(known, np.asarray(times, "datetime64[ns]"), side="right") - 1
    values = features[HAND_TAILORED].to_numpy("float32")
    found = np.full((len(newest), len(HAND_TAILORED)), np.nan, "float32")
    has_one = newest >= 0
    age = np.asarray(times, "datetime64[ns]")[has_one] - known[newest[has_one]]
    has_one[has_one] = age <= pd.Timedelta(hours=oldest_hours)
    found[has_one] = values[newest[has_one]]
    return found


def foresight(path: pathlib.Path | str) -> tuple[str, ...]:
    """The sentence that must stand beside scores where features know something of the future.

    Args:
        path: of a table that `read_table` takes.
    """
    table = read_table(path)
    series = table.reindex(columns=["SERIES", "FORCES_SERIES"])
    # Tables of older versions do not name the forces' series: cgem.Lorentz, beside JSOC keywords.
    unnamed = series["FORCES_SERIES"].isna() & table[HAND_TAILORED[18:]].notna().any(axis=1)
    of_cgem = unnamed & (series["SERIES"] == NEAR_REAL_TIME)
    if not (series.isin(DRAWN_LATER).any(axis=None) or of_cgem.any()):
        return ()
    return (
        "FORESIGHT: hand-tailored features of definitive boxes (SERIES and FORCES_SERIES tell "
        "which) know a little of the regions' later life, by which these boxes were drawn.",
    )


def _parsed(path):
    """The table of a CSV file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = pd.read_csv(io.StringIO(text), comment="#", dtype={"T_REC": str})
    except ValueError as error:  # of pandas, or bytes that are no text
        raise ValueError(_damaged(path, " ".join(str(error).split()))) from error
    last = [line for line in text.splitlines() if line.strip() and line[0] != "#"][-1]
    fields = len(next(csv.reader([last])))
    if fields < len(table.columns):
        reason = f"{fields} fields of {len(table.columns)} in its last row, as if cut short"
        raise ValueError(_damaged(path, reason))
    if "ASKED" in table and not text.endswith("\n"):  # download_sharp.py ends each line
        raise ValueError(_damaged(path, "no end of its last line, as if cut short"))
    return table


def _damaged(path, received):
    return (
        f"{path} is no table of features, or is damaged. Expected a CSV file: T_REC, then a column "
        f"for each of HAND_TAILORED. Received: {received}. Mend it, or put it aside and run "
        "download_sharp.py, which makes such a table."
    )


def _check_columns(table, path):
    missing = [name for name in ("T_REC", *HAND_TAILORED) if name not in table]
    if missing:
        raise ValueError(
            f"{path} lacks the columns {missing}. Expected T_REC and {len(HAND_TAILORED)} "
            f"features: {HAND_TAILORED}. Received: {list(table)}. Add the columns; a feature that "
            "is not known stays empty."
        )


def _times(text, path):
    """UTC times of the column T_REC."""
    is_tai = text.str.endswith("_TAI", na=False).to_numpy(bool)
    plain = text.str.removesuffix("_TAI").str.replace(
        r"^(\d{4})\.(\d\d)\.(\d\d)_", r"\1-\2-\3T", regex=True
    )
    times = pd.to_datetime(plain, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    if times.isna().any():
        line = int(times.isna().to_numpy().argmax())
        raise ValueError(
            f"{path} has no time in its row {line + 1}. Expected T_REC as 2014-01-01T00:00:00 "
            f"(UTC) or 2014.01.01_00:00:00_TAI. Received: {text.iloc[line]!r}. Correct that row."
        )
    times = times.to_numpy("datetime64[ns]").copy()
    if is_tai.any():
        times[is_tai] = Time(times[is_tai], scale="tai").utc.datetime64
    return times


def _numbers(features, path):
    """The features as numbers, NaN where empty."""
    numbers = features.apply(pd.to_numeric, errors="coerce")
    wrong = numbers.isna() & features.notna()
    if wrong.to_numpy().any():
        row, column = np.argwhere(wrong.to_numpy())[0]
        raise ValueError(
            f"{path} has no number in its row {row + 1}, column {features.columns[column]}. "
            f"Expected a number, or nothing where it is not known. Received: "
            f"{features.iloc[row, column]!r}. Correct that row."
        )
    return numbers.astype("float64")
