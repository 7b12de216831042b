"""The index: one table with a row per sample of the store.

It holds groups (block, active region, HARP, period), not splits: a run computes its own split from
them.
"""

import pathlib
import zlib

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather

from dataset_models.sdo.groups import cycle_phase
from tools.tools import written_whole

COLUMNS = {
    "id": "str",  # YYYYmmdd_HHMM, the archive's slot; unique
    "time": "datetime64[ns]",  # UTC, the latest T_OBS of the channels
    "file": "str",  # relative to the index's folder
    "channels": "str",  # "94 131 171", Angstrom
    "shape": "int64",  # pixels on a side
    "unit": "str",  # "DN / s" or "browse"
    "quality": "int64",  # QUALITY of all channels, joined by a bitwise or
    "exposures": "str",  # "94:2.900816 131:2.9", s
    "saturated": "float64",  # pixels, of the channel that has most; NaN where nobody counted
    "sampling": "str",  # "regular cadence", "flare case" or "matched quiet"
    "probability": "float64",  # with which that sampling chose this time
    "active_region": "int64",  # NOAA number of the largest, 0 where unknown or without spots
    "harp": "int64",  # number of the largest HMI active region patch, 0 where unknown
    "longitude": "float64",  # of `active_region`, else `harp`; degrees, west positive, NaN unknown
    "degradation": "str",  # "94:0.93 131:0.85", throughput relative to launch, as the store has it
    "degradation_version": "str",  # of the table that tells it, "V10 0a3f2db3"; "" where none did
    "block": "int64",  # whole 27-day blocks since 2010-05-01
    "period": "str",  # of the solar cycle: "minimum", "rising", "maximum" or "declining"
    "synthetic": "bool",
}
# What stands in columns that an index of an older version lacks.
ADDED = {
    "saturated": np.nan,
    "harp": 0,
    "longitude": np.nan,
    "degradation": "",
    "degradation_version": "",
}
NO_REGION = {"active_region": 0, "harp": 0, "longitude": np.nan}
CHOSEN = ("sampling", "probability", "active_region", "harp", "longitude")  # not in its own file
KEY = b"flarenet"  # of the checksum in the schema's metadata
BLOCK_EPOCH = np.datetime64("2010-05-01", "ns")  # AIA's science data begin in that month
BLOCK = np.timedelta64(27, "D")  # about one solar rotation


def read_index(folder: str | pathlib.Path) -> pd.DataFrame:
    """Reads the index of a sample store.

    Args:
        folder: the folder that holds `index.feather`, `aia` in the data folder.

    Returns:
        DataFrame with `COLUMNS`, ascending in time.

    Raises:
        DatasetNotFoundError: there is no index there.
        ValueError: the file is no index, is damaged, or lacks columns.
    """
    path = pathlib.Path(folder) / "index.feather"
    if not path.exists():
        from dataset_models.dataset import DatasetNotFoundError  # brings Keras: seconds

        commands = [
            "python dataset_models/synthetic/embedded_sample.py  # synthetic files, to try it out",
            "python dataset_models/sdo/structure_data.py  # files of the archive -> store, index",
        ]
        raise DatasetNotFoundError("The index of the AIA samples", path, commands)
    try:
        stored = feather.read_table(path)
        stored.validate(full=True)  # damaged bytes may still be laid out like a table
        written = stored.to_pandas()
        table = _checked(_with_unknown(written))
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise ValueError(_damaged(path, " ".join(str(error).split()))) from error
    expected = (stored.schema.metadata or {}).get(KEY)  # none in an index of an older version
    if expected not in (None, _checksum(written)):
        raise ValueError(_damaged(path, "values that differ from those that were written"))
    return table


def write_index(folder: str | pathlib.Path, table: pd.DataFrame) -> None:
    """Writes `index.feather` and its twin for people, `index.csv`, each whole.

    Args:
        folder: where to.
        table: DataFrame with `COLUMNS`, in any order.

    Raises:
        ValueError: missing columns, two rows of one id, or a row without a time.
    """
    table = _checked(table)
    folder = pathlib.Path(folder)
    stored = pa.Table.from_pandas(table, preserve_index=False)
    stored = stored.replace_schema_metadata(stored.schema.metadata | {KEY: _checksum(table)})
    with written_whole(folder / "index.feather") as temporary:
        feather.write_feather(stored, temporary, compression="uncompressed")
    with written_whole(folder / "index.csv") as temporary:
        table.to_csv(temporary, index=False, date_format="%Y-%m-%dT%H:%M:%S.%f")


def row(identifier: str, file: str, channels: tuple[int, ...], metadata: dict) -> dict:
    """The index row of one stored sample, sampled at a regular cadence.

    Args:
        identifier: YYYYmmdd_HHMM.
        file: path of the sample relative to the index's folder.
        channels: wavelengths in Angstrom.
        metadata: of the sample, as `store.read_sample` gives it.
    """
    time = max(np.datetime64(metadata["t_obs"][str(channel)], "ns") for channel in channels)
    saturated = metadata["saturated"].values()
    return {
        "id": identifier,
        "time": time,
        "file": file,
        "channels": " ".join(map(str, channels)),
        "shape": metadata["shape"][0],
        "unit": metadata["unit"],
        "quality": int(np.bitwise_or.reduce([0, *metadata["quality"].values()])),
        "exposures": _by_channel(metadata["exposures"]),
        "saturated": float(max(saturated, default=np.nan)),
        "sampling": "regular cadence",
        "probability": 1.0,
        **NO_REGION,
        "degradation": _by_channel(metadata["degradation"]),
        "degradation_version": metadata["degradation_version"],
        "block": int(block(time)),
        "period": str(cycle_phase(time)),
        "synthetic": metadata["synthetic"],
    }


def block(times: np.ndarray) -> np.ndarray:
    """Number of the 27-day block that each time lies in, int64; 0 begins on 2010-05-01."""
    return (np.asarray(times, "datetime64[ns]") - BLOCK_EPOCH) // BLOCK


def _by_channel(numbers):
    return " ".join(f"{channel}:{number:.7g}" for channel, number in numbers.items())


def _with_unknown(table):
    """The table with NaN for a `saturated` of 0 that an older version wrote in whole numbers.

    It did so where nobody had counted too; structure_data.py then looks into the store.
    """
    if "saturated" not in table or table["saturated"].dtype.kind == "f":
        return table
    return table.assign(saturated=table["saturated"].replace(0, np.nan).astype("float64"))


def _damaged(path, received):
    return (
        f"{path} is not an index, or is damaged. Expected a Feather file that structure_data.py "
        f"wrote. Received: {received}. Run structure_data.py again; it reads the store."
    )


def _checksum(table):
    """CRC-32 of the values of `COLUMNS`, as far as the table has them, in ASCII."""
    check = 0
    for name, kind in COLUMNS.items():
        if name not in table:
            continue
        values = table[name]
        content = "\n".join(values).encode() if kind == "str" else values.to_numpy().tobytes()
        check = zlib.crc32(content, check)
    return str(check).encode()


def _checked(table):
    table = table.assign(**{name: value for name, value in ADDED.items() if name not in table})
    lacking = [name for name in COLUMNS if name not in table.columns]
    if lacking:
        raise ValueError(
            f"The index lacks the columns {lacking}. Expected {list(COLUMNS)}. Received: "
            f"{list(table.columns)}. Run structure_data.py again; it reads the store."
        )
    if table["time"].isna().any():
        raise ValueError(
            "A sample of the index has no time. Expected T_OBS of each. Received none for: "
            f"{table['id'][table['time'].isna()].tolist()[:5]}."
        )
    twice = table["id"][table["id"].duplicated()].unique().tolist()
    if twice:
        raise ValueError(
            f"The index has several rows of one sample. Expected each id once. Received: "
            f"{twice[:5]} more than once. Leave the repeated ones out."
        )
    table = table.astype(COLUMNS).sort_values(["time", "id"], ignore_index=True)
    return table[[*COLUMNS, *(name for name in table.columns if name not in COLUMNS)]]
