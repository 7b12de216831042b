"""SDOML version 2: Zarr arrays of frames, one for each year and channel."""

import itertools
import re

import numpy as np
import pandas as pd
import zarr

from dataset_models.sdo import sdoml_frames

NAME = re.compile(r"(?:.*/)?(?:(?P<wavelength>\d+)A|(?P<field>B[xyz]))")
MARK = "SYNTHETIC"  # attribute of the group, where it was drawn


class Version2:
    """A Zarr group such as 2010/171A, 2010/Bz: float32 arrays (frame, height, width).

    The header cards of all frames of an array are its attributes, each a list. Frames are not in
    the order of time.

    Args:
        group: a zarr.Group, open for reading.

    Attributes:
        version: 2.
        summed: how many pixels AIA's values are the sum of.
        synthetic: whether the group says that it was drawn.
    """

    version = 2
    summed = 1

    def __init__(self, group: zarr.Group):
        self._arrays = {
            name: member
            for name, member in group.members(max_depth=1)
            if isinstance(member, zarr.Array) and member.ndim == 3 and _channel(name) is not None
        }
        self.synthetic = bool(group.attrs.get(MARK, False))

    def __len__(self):
        return len(self._arrays)

    def frames(self) -> pd.DataFrame:
        """One row per frame: "channel", "time" (T_OBS, UTC, NaT where unknown) and "key".

        Raises:
            ValueError: an array whose T_OBS are not one for each frame.
        """
        tables = []
        for name, array in self._arrays.items():
            stamps, count = array.attrs.get("T_OBS", []), array.shape[0]
            if len(stamps) != count:
                raise ValueError(
                    f"The array {name} of SDOML has {count} frames and {len(stamps)} times. "
                    "Expected an attribute T_OBS with one time for each frame. Fetch its .zattrs "
                    "anew."
                )
            table = pd.DataFrame({"time": sdoml_frames.utc_times(stamps)})
            table["channel"] = pd.Series([_channel(name)] * len(table), dtype=object)
            table["key"] = [f"{name}#{index}" for index in range(len(table))]
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def read(self, key: str) -> np.ndarray:
        """The array of one frame as it is stored; 0 where the store lacks its chunk.

        Raises:
            ValueError: its chunk is broken.
        """
        (found,) = self.read_block([key])
        if isinstance(found, ValueError):
            raise found
        return found

    def blocks(self, keys: list[str]) -> list[list[str]]:
        """`keys` in groups that are read together: those of one chunk, in the order of storage."""
        order = sorted(keys, key=_place)
        groups = itertools.groupby(order, lambda key: (_place(key)[0], self._chunk(key)))
        return [list(group) for _, group in groups]

    def read_block(self, keys: list[str]):
        """The arrays of one group of `blocks`, one by one; ValueError in place of broken ones."""
        name, first = _place(keys[0])
        last = _place(keys[-1])[1]
        try:
            planes = self._arrays[name][first : last + 1]
        except (RuntimeError, ValueError) as error:  # of the decompression
            wrong = ValueError(
                f"The frames {keys[0]} to {keys[-1]} of SDOML cannot be read. Expected a chunk "
                f"that Blosc packed. Received: {type(error).__name__}: {error}. Fetch it anew."
            )
            yield from [wrong] * len(keys)
            return
        for key in keys:
            yield planes[_place(key)[1] - first]

    def header(self, key: str) -> dict:
        """Header cards of a frame, those that are known."""
        name, index = _place(key)
        lists = self._arrays[name].attrs
        cards = {
            card: values[index]
            for card, values in lists.items()
            if isinstance(values, list) and len(values) == self._arrays[name].shape[0]
        }
        return {card: value for card, value in cards.items() if value is not None}

    def _chunk(self, key):
        name, index = _place(key)
        return index // self._arrays[name].chunks[0]


def _channel(name):
    found = NAME.fullmatch(name)
    if found is None:
        return None
    return int(found["wavelength"]) if found["wavelength"] else found["field"]


def _place(key):
    name, _, index = key.rpartition("#")
    return name, int(index)
