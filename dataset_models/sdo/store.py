"""The sample store: one Arrow file per time, read into batches without copying.

A file holds one column per channel, named by its wavelength, each a plane flattened row by row;
columns ascend by wavelength. It is uncompressed, so that a file is mapped into memory rather than
read, and the planes of neighbouring columns are one array there.
"""

import dataclasses
import itertools
import json
import math
import pathlib
import re
import warnings

import numpy as np
import pyarrow as pa
from pyarrow import feather

from tools.tools import written_whole

KEY = b"flarenet"  # of the JSON in the schema's metadata
ENCODINGS = {
    "root float16": np.float16,  # sign(x) sqrt(|x|)
    "uint8": np.uint8,  # as it is, for browse images
    "float32": np.float32,  # as it is, in the files of the first FlareNet
}
TOO_LARGE = 65520  # float16 ends at 65504; what rounds to it is below this
UNITS = ("DN / s", "browse")
DEFAULTS = {
    "exposures": {},
    "quality": {},
    "aec": {},
    "wcs": {},
    "wcs_approximate": False,
    "rsun_obs": None,
    "saturated": {},
    "degradation": {},
    "degradation_version": "",
    "degradation_corrected": False,
    "synthetic": False,
}
ORIGINAL_NAME = re.compile(r"AIA(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)")


@dataclasses.dataclass(frozen=True)
class StoredSample:
    """The planes of one time as they are stored.

    Attributes:
        planes: array (channel, height, width) in the file's encoding; read-only, and a view of the
            mapped file where the wanted channels lie side by side in the wanted order.
        channels: wavelengths in Angstrom, in the order of the first axis.
        metadata: what `write_sample` was given, with "shape" [height, width] and "encoding".
    """

    planes: np.ndarray
    channels: tuple[int, ...]
    metadata: dict


def sample_file(identifier: str) -> str:
    """Path of a sample relative to the index's folder; `identifier` is YYYYmmdd_HHMM."""
    year, month, day = identifier[:4], identifier[4:6], identifier[6:8]
    return f"store/{year}/{month}/{day}/AIA{identifier}.fthr"


def write_sample(
    path: str | pathlib.Path,
    planes: dict[int, np.ndarray],
    metadata: dict,
    encoding: str = "root float16",
    encoded: bool = False,
) -> None:
    """Writes one sample, whole.

    Args:
        path: file to write, `.fthr`.
        planes: wavelength in Angstrom -> array (height, width) in the unit of `metadata`.
        metadata: "unit" ("DN / s" or "browse") and "t_obs" (channel -> ISO time, UTC) are needed.
            The rest may be left out: "exposures" (channel -> s), "quality" (channel -> bits), "aec"
            (channel -> AECTYPE), "wcs" (channel -> FITS header cards), "wcs_approximate",
            "rsun_obs" (arcsec), "saturated" (channel -> number of pixels), "degradation" (channel
            -> throughput relative to launch), "degradation_version", "degradation_corrected" (the
            planes were divided by it), "synthetic".
        encoding: "root float16" keeps sign(x) sqrt(|x|) in float16: the relative error is at most
            2**-10 above 4e-9, the largest value 4.29e9; NaN stays NaN. "uint8" takes uint8 planes
            as they are.
        encoded: whether the planes are encoded already, by `encode`.

    Raises:
        ValueError: planes of unlike shape, a value the encoding cannot hold, metadata that lacks
            what is needed.
        OSError: the file could not be written; no part of it is left behind.
    """
    if not planes:
        raise ValueError(f"{path} would hold no channel. Expected at least one plane.")
    planes = {int(channel): np.asarray(planes[channel]) for channel in sorted(planes)}
    metadata = _complete(metadata, planes, encoding)
    if not encoded:
        planes = {channel: encode(plane, encoding) for channel, plane in planes.items()}
    columns = [pa.array(plane.reshape(-1)) for plane in planes.values()]
    text = json.dumps(metadata, allow_nan=False)
    schema = pa.schema(
        [(str(channel), column.type) for channel, column in zip(planes, columns, strict=True)],
        metadata={KEY: text.encode()},
    )
    with (
        written_whole(path) as temporary,
        pa.OSFile(str(temporary), "wb") as file,
        pa.ipc.new_file(file, schema) as writer,
    ):
        writer.write_batch(pa.record_batch(columns, schema=schema))


def read_sample(path: str | pathlib.Path, channels: tuple[int, ...] | None = None) -> StoredSample:
    """Reads one sample of the store, or one file of the first FlareNet.

    Args:
        path: a file of the store, or `*AIAyyyymmdd_HHMM_8chnls_1024_*.fthr`, whose planes are
            float32 DN/s that were already corrected for degradation.
        channels: wavelengths in Angstrom, in the order that is wanted; all of the file by default.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a file of the store, a channel that it lacks, or columns of a wrong length.
    """
    table = _table(path)
    metadata = _metadata(path, table)
    held = tuple(int(name) for name in table.schema.names)
    channels = held if channels is None else tuple(channels)
    lacking = [channel for channel in channels if channel not in held]
    if lacking or not channels:
        raise ValueError(
            f"{path} has no channel {lacking}. Expected some of {held} (Angstrom). Received: "
            f"channels={channels}. Build the store with structure_data.py --channels, or ask for "
            "the channels it holds."
        )
    columns = [table.column(held.index(channel)) for channel in channels]
    dtype = ENCODINGS[metadata["encoding"]]
    return StoredSample(_planes(path, columns, metadata["shape"], dtype), channels, metadata)


def read_metadata(path: str | pathlib.Path) -> tuple[tuple[int, ...], dict]:
    """Channels and metadata of one sample, without its planes."""
    table = _table(path)
    metadata = _metadata(path, table)
    return tuple(int(name) for name in table.schema.names), metadata


def encode(planes: np.ndarray, encoding: str) -> np.ndarray:
    """Planes in their unit -> planes as they are stored, of the same shape."""
    dtype = _dtype(encoding)
    if encoding != "root float16":
        if planes.dtype != dtype:
            raise ValueError(
                f"The encoding {encoding!r} keeps values as they are. Expected planes of {dtype}. "
                f'Received: {planes.dtype}. Use encoding="root float16", or convert them.'
            )
        return np.ascontiguousarray(planes)
    values = np.asarray(planes, np.float32)
    root = np.sqrt(np.abs(values))
    if np.fmax.reduce(root, axis=None, initial=0) >= TOO_LARGE:
        raise ValueError(
            "A pixel is too large for the store. Expected values within ±4.29e9, the square of "
            f"float16's largest number. Received: {np.nanmin(values)} to {np.nanmax(values)}. "
            "Check the unit; missing pixels are NaN."
        )
    return np.copysign(root, values, out=root).astype(np.float16)


def decode(planes: np.ndarray, encoding: str) -> np.ndarray:
    """Planes as they are stored -> float32 planes in their unit, of the same shape."""
    _dtype(encoding)
    values = planes.astype(np.float32)
    return values * np.abs(values) if encoding == "root float16" else values


def _dtype(encoding):
    if encoding not in ENCODINGS:
        raise ValueError(
            f"No encoding {encoding!r}. Expected one of {tuple(ENCODINGS)}. "
            'Use "root float16" for DN / s and "uint8" for browse images.'
        )
    return np.dtype(ENCODINGS[encoding])


def _complete(metadata, planes, encoding):
    shapes = {plane.shape for plane in planes.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 2:
        raise ValueError(
            "The planes of a sample must be of one shape. Expected (height, width) for each. "
            f"Received: { {channel: plane.shape for channel, plane in planes.items()} }."
        )
    if metadata.get("unit") not in UNITS:
        raise ValueError(
            f"A sample states its unit. Expected one of {UNITS}. "
            f"Received: unit={metadata.get('unit')!r}. Divide AIA's DN by the exposure."
        )
    stamps = {str(channel) for channel in metadata.get("t_obs", ())}
    if not stamps >= {str(channel) for channel in planes}:
        raise ValueError(
            f"A sample states T_OBS of each channel. Expected times of {tuple(planes)}. "
            f"Received: t_obs={metadata.get('t_obs')!r}."
        )
    return DEFAULTS | metadata | {"shape": list(next(iter(shapes))), "encoding": encoding}


def _table(path):
    """The file as one record batch (of the store) or a table (of the first FlareNet)."""
    try:
        source = pa.memory_map(str(path))
        if source.read(4) == b"FEA1":
            return _first_feather(path)
        reader = pa.ipc.open_file(source)
        if reader.num_record_batches == 1:
            return reader.get_batch(0)
        return reader.read_all()
    except pa.ArrowInvalid as error:
        raise ValueError(_no_store_file(path)) from error


def _first_feather(path):
    with warnings.catch_warnings():  # pyarrow will drop version 1 one day
        warnings.filterwarnings("ignore", "Feather V1", DeprecationWarning)
        return feather.read_table(str(path))


def _no_store_file(path):
    with pathlib.Path(path).open("rb") as file:
        start = file.read(16)
    return (
        f"{path} is not a sample of the store, or was cut short. Expected an Arrow (Feather) file "
        "with a column per wavelength, as structure_data.py writes it. Received: a file of "
        f"{pathlib.Path(path).stat().st_size} bytes that begins with {start!r}."
    )


def _metadata(path, table):
    text = (table.schema.metadata or {}).get(KEY)
    if text is not None:
        return DEFAULTS | json.loads(text)
    name = ORIGINAL_NAME.search(pathlib.Path(path).name)
    side = math.isqrt(table.num_rows)
    if not name or side**2 != table.num_rows or not all(map(str.isdigit, table.schema.names)):
        raise ValueError(_no_store_file(path))
    time = "{}-{}-{}T{}:{}:00".format(*name.groups())
    original = {
        "shape": [side, side],
        "unit": "DN / s",
        "encoding": "float32",
        "t_obs": dict.fromkeys(table.schema.names, time),
        "degradation_version": "of the first FlareNet",
        "degradation_corrected": True,
    }
    return DEFAULTS | original


def _planes(path, columns, shape, dtype):
    height, width = shape
    sizes = {len(column) for column in columns}
    if sizes != {height * width}:
        raise ValueError(
            f"{path} has columns of {sorted(sizes)} pixels. Expected {height} x {width} = "
            f"{height * width}. Write the sample again with structure_data.py."
        )
    if isinstance(columns[0], pa.Array):
        size = height * width * np.dtype(dtype).itemsize
        addresses = [column.buffers()[1].address for column in columns]
        if all(after - before == size for before, after in itertools.pairwise(addresses)):
            whole = pa.foreign_buffer(addresses[0], size * len(columns), base=columns)
            return np.frombuffer(whole, dtype).reshape(-1, height, width)
    return np.stack([np.asarray(column, dtype).reshape(height, width) for column in columns])
