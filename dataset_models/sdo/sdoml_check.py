"""Finds the frames of SDOML that are no images, once, and keeps a record of it.

Version 2 has invalid frames, in 171 and 193 A of 2020 for one (issue 1 of SDOML/SDOMLv2), and a
Zarr store gives zeros where a chunk is missing. Looking costs a pass over the frames; so what was
seen stands in a table in the data folder, and only frames that are not in it are read.
"""

import concurrent.futures
import hashlib
import pathlib

import numpy as np
import pandas as pd
from tqdm import tqdm

from dataset_models.sdo.sdoml_archive import Archive
from tools.tools import written_whole

READERS = 4  # at a time: an object store answers in tens of milliseconds
SAVED_EVERY = 2000  # frames


def find_problems(archive: Archive, rows: np.ndarray, folder: pathlib.Path) -> np.ndarray:
    """Why frames of an archive are invalid.

    Args:
        archive: where they are.
        rows: int array, shape (n,), rows of `archive.frames`.
        folder: where the record lies, `sdoml` in the data folder.

    Returns:
        str array, shape (n,), such as "every pixel is 0"; "" where a frame is an image.
    """
    rows = np.asarray(rows, int)
    path = folder / record_name(archive)
    known = _read(path)
    names = (archive.frames["part"].astype("str") + ":" + archive.frames["key"]).to_numpy(object)
    new = np.array([row for row in rows if names[row] not in known], int)
    try:
        for found in _looked_at(archive, new):
            known |= {names[row]: problem for row, problem in found.items()}
            if len(known) % SAVED_EVERY < len(found):
                _write(path, known)
    finally:  # what was seen is kept when someone stops it
        if len(new):
            _write(path, known)
    return np.array([known[names[row]] for row in rows], object)


def record_name(archive: Archive) -> str:
    """File name of the record of an archive's check: its own for each list of sources."""
    digest = hashlib.sha256("\n".join(archive.sources).encode()).hexdigest()[:8]
    return f"checked-{pathlib.PurePosixPath(archive.sources[0]).stem}-{digest}.csv"


def _looked_at(archive, rows):
    """Dict of row to problem, one for each group of frames that are read together."""
    blocks = archive.blocks(rows)
    with (
        concurrent.futures.ThreadPoolExecutor(READERS) as readers,
        tqdm(total=len(rows), desc="Checking SDOML", unit="frame", disable=None) as bar,
    ):
        try:
            for block, problems in zip(blocks, readers.map(archive.problems, blocks), strict=True):
                bar.update(len(problems))
                yield dict(zip(block, problems, strict=True))
        finally:
            readers.shutdown(wait=False, cancel_futures=True)


def _read(path):
    if not path.is_file():
        return {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return dict(zip(table["frame"], table["problem"], strict=True))


def _write(path, known):
    table = pd.DataFrame(sorted(known.items()), columns=["frame", "problem"])
    with written_whole(path) as temporary:
        table.to_csv(temporary, index=False)
