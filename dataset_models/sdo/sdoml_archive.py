"""Opens SDOML, in a folder, behind an address or in an object store, whichever version it is."""

import os
from collections.abc import Sequence

import fsspec
import numpy as np
import pandas as pd
import zarr

from dataset_models.dataset import DatasetNotFoundError
from dataset_models.sdo import sdoml_frames
from dataset_models.sdo.sdoml_v1 import Version1
from dataset_models.sdo.sdoml_v2 import Version2

ANONYMOUS = {"s3": {"anon": True}, "gs": {"token": "anon"}, "gcs": {"token": "anon"}}
PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}  # beside fsspec, where needed
ZARR_FILES = (".zmetadata", ".zgroup", "zarr.json")
WHERE_IT_IS = (  # addresses as of 2025
    "wget https://stacks.stanford.edu/file/druid:nk828sc2920/AIA_0171_201801.tar  # version 1",
    "--sdoml=s3://gov-nasa-hdrl-data1/contrib/fdl-sdoml/fdl-sdoml-v2/sdomlv2.zarr  # version 2",
    "SDOML.write_sample(FOLDER)  # in Python: a tiny synthetic one, to try it out",
)


class Archive:
    """The frames of one or more parts of SDOML: version 2 keeps AIA and HMI apart.

    Args:
        sources: folders, or addresses that fsspec knows (s3://, gs://, http://, memory://), each of
            a folder of version 1 or a Zarr group of version 2; or a single one. Object stores are
            read without signing in.
        channels: of `sdoml_frames.CHANNELS`, those that are wanted.

    Attributes:
        frames: DataFrame of the frames of `channels`: "channel", "time" (UTC), "part" (position in
            `sources`) and "key" (where the frame lies in it).
        synthetic: whether any part was drawn, not observed.
        versions: of the parts, tuple of int.

    Raises:
        DatasetNotFoundError: there is nothing at a source.
        ConnectionError: a source does not answer.
        ValueError: no source, or what is there is not SDOML, or lacks a channel.
        ImportError: the package for such an address is not installed.
    """

    def __init__(self, sources: Sequence[str] | str | os.PathLike, channels: Sequence):
        single = isinstance(sources, str | os.PathLike)
        self.sources = (str(sources),) if single else tuple(map(str, sources))
        if not all(source.strip() for source in self.sources) or not self.sources:
            raise ValueError(
                "No SDOML was named. Expected a folder or an address, or several. Received: "
                f"sdoml={sources!r}. Name one, as --sdoml=/data/sdoml_v1 does."
            )
        self._parts = [_opened(source) for source in self.sources]
        self.synthetic = any(part.synthetic for part in self._parts)
        self.versions = tuple(part.version for part in self._parts)
        tables = [part.frames().assign(part=i) for i, part in enumerate(self._parts)]
        every = pd.concat(tables, ignore_index=True)
        self._check_channels(every, channels)
        wanted = every["channel"].isin(list(channels)) & every["time"].notna()
        self.frames = every[wanted].reset_index(drop=True)

    def read(self, row: int) -> np.ndarray:
        """The frame of one row of `frames`: float32, shape (height, width), DN/s or G.

        Raises:
            ValueError: it is broken, or no image; `sdoml_frames.problem` says why.
        """
        frame = self.frames.iloc[row]
        part = self._parts[frame["part"]]
        plane = sdoml_frames.physical(part.read(frame["key"]), frame["channel"], part.summed)
        wrong = sdoml_frames.problem(plane)
        if wrong:
            raise ValueError(
                f"The frame {frame['key']} of {self.sources[frame['part']]} is invalid: {wrong}. "
                "Expected an image. It was valid when it was checked, so the files have changed "
                "since: delete the record of that check in sdoml/ in the data folder."
            )
        return plane

    def blocks(self, rows: np.ndarray) -> list[list[int]]:
        """`rows` of `frames` in groups that are read together."""
        groups = []
        for number, table in self.frames.iloc[rows].groupby("part"):
            row_of = dict(zip(table["key"], table.index, strict=True))
            keys = self._parts[number].blocks(list(row_of))
            groups += [[row_of[key] for key in group] for group in keys]
        return groups

    def problems(self, block: list[int]) -> list[str]:
        """For each frame of one of `blocks` why it is invalid, "" where it is an image."""
        frames = self.frames.iloc[block]
        part, channel = self._parts[frames["part"].iloc[0]], frames["channel"].iloc[0]
        return [
            str(plane).partition(". ")[0]
            if isinstance(plane, ValueError)
            else sdoml_frames.problem(sdoml_frames.physical(plane, channel, part.summed))
            for plane in part.read_block(list(frames["key"]))
        ]

    def header(self, row: int) -> dict:
        """Header cards of the frame of one row of `frames`; none in version 1."""
        frame = self.frames.iloc[row]
        return self._parts[frame["part"]].header(frame["key"])

    def _check_channels(self, frames, channels):
        held = [name for name in sdoml_frames.CHANNELS if (frames["channel"] == name).any()]
        lacking = [name for name in channels if name not in held]
        if lacking:
            raise ValueError(
                f"SDOML lacks the channels {lacking} here. Expected frames of {tuple(channels)}. "
                f"Received: {tuple(held)} in {', '.join(self.sources)}. Ask for channels that are "
                "there, or name the other part too: version 2 keeps AIA and HMI apart, "
                "--sdoml=.../sdomlv2.zarr,.../sdomlv2_hmi.zarr."
            )


def _opened(source):
    """One part of SDOML, as `Version1` or `Version2`."""
    protocol = source.partition("://")[0] if "://" in source else "file"
    options = ANONYMOUS.get(protocol, {})
    try:
        files, path = fsspec.core.url_to_fs(source, **options)
    except (ImportError, ValueError) as error:
        package = PACKAGES.get(protocol, f"the fsspec package for {protocol}://")
        raise type(error)(
            f"{source} cannot be opened: {error}. Expected a folder, or an address that fsspec can "
            f"read. Install what it needs: pip install {package}"
        ) from error
    if any(_is_there(files, f"{path.rstrip('/')}/{name}", source) for name in ZARR_FILES):
        part = Version2(zarr.open_group(source, mode="r", storage_options=options or None))
        received = "a Zarr group without such arrays"
    elif _is_there(files, path, source):
        part = Version1(files, path)
        received = "no such file"
    else:
        raise DatasetNotFoundError("SDOML", source, WHERE_IT_IS)
    if not len(part):
        raise ValueError(
            f"{source} is not SDOML. Expected files such as AIA20131125_0824_0171.npz (version 1) "
            "at any depth, or a Zarr group with arrays such as 2010/171A or 2010/Bz (version 2). "
            f"Received: {received}. Name the folder or group that holds them."
        )
    return part


def _is_there(files, path, source):
    """Whether something lies at `path`; ConnectionError where nobody can tell."""
    try:
        if not files.exists(path):
            files.cat_file(path, 0, 1)  # `exists` also denies what a silent server may have
    except (FileNotFoundError, NotADirectoryError):
        return False
    except Exception as error:  # each protocol has its own
        raise ConnectionError(
            f"{source} does not answer: {type(error).__name__}: {error}. Expected a server that "
            "can be reached, or a folder. Check the address and the network, or name a local copy."
        ) from error
    return True
