"""SDOML version 1: a compressed NumPy file for each frame."""

import io
import re

import fsspec
import numpy as np
import pandas as pd

from dataset_models.sdo import sdoml_frames

NAME = re.compile(
    r"(?:AIA(?P<day>\d{8})_(?P<clock>\d{4})_(?P<wavelength>\d{4})"
    r"|HMI(?P<hmi_day>\d{8})_(?P<hmi_clock>\d{4})_(?P<field>b[xyz]))\.npz"
)
KEY = "x"  # of the array in a file


class Version1:
    """A folder of frames such as AIA20131125_0824_0171.npz and HMI20130131_0000_bz.npz.

    The name alone says what a frame is, so the folders may lie as Stanford's tar files make them
    (AIA_0171/2013/11/25, from https://purl.stanford.edu/nk828sc2920) or otherwise.

    Args:
        files: fsspec file system.
        folder: str, path in it.

    Attributes:
        version: 1.
        summed: how many pixels AIA's values are the sum of.
        synthetic: whether its README.txt says that it was drawn.
    """

    version = 1
    summed = sdoml_frames.VERSION_1_SUMMED

    def __init__(self, files: fsspec.AbstractFileSystem, folder: str):
        self._files, self._folder = files, folder.rstrip("/")
        self._names = [path for path in files.find(folder) if NAME.fullmatch(_name(path))]
        readme = f"{self._folder}/README.txt"
        self.synthetic = files.exists(readme) and files.cat_file(readme).startswith(b"SYNTHETIC")

    def __len__(self):
        return len(self._names)

    def frames(self) -> pd.DataFrame:
        """One row per frame: "channel", "time" (UTC) and "key".

        AIA's time is the slot in its name; HMI's is TAI there, and the middle of 12 minutes.
        """
        found = pd.Series([_name(path) for path in self._names], dtype="str")
        parts = found.str.extract(NAME)
        is_field = parts["field"].notna()
        stamps = parts["day"].fillna(parts["hmi_day"]) + parts["clock"].fillna(parts["hmi_clock"])
        iso = stamps.str.replace(r"(....)(..)(..)(..)(..)", r"\1-\2-\3T\4:\5:00", regex=True)
        channels = [
            int(wavelength) if isinstance(wavelength, str) else field.capitalize()
            for wavelength, field in zip(parts["wavelength"], parts["field"], strict=True)
        ]
        return pd.DataFrame(
            {
                "channel": pd.Series(channels, dtype=object),
                "time": sdoml_frames.utc_times(iso.where(~is_field, iso + "_TAI")),
                "key": [path.removeprefix(f"{self._folder}/") for path in self._names],
            }
        )

    def read(self, key: str) -> np.ndarray:
        """The array of one frame as it lies in its file.

        Raises:
            ValueError: the file is broken, or holds no array `KEY`.
        """
        content = self._files.cat_file(f"{self._folder}/{key}")
        try:
            with np.load(io.BytesIO(content)) as arrays:
                return arrays[KEY]
        except Exception as error:  # whatever broken bytes do to zip and NumPy
            raise ValueError(
                f"{key} is no frame of SDOML. Expected an .npz file with the array {KEY!r}. "
                f"Received {len(content)} bytes: {type(error).__name__}: {error}. Fetch it anew."
            ) from error

    def blocks(self, keys: list[str]) -> list[list[str]]:
        """`keys` in groups that are read together: each alone."""
        return [[key] for key in keys]

    def read_block(self, keys: list[str]):
        """The arrays of one group of `blocks`, one by one; ValueError in place of a broken one."""
        for key in keys:
            try:
                yield self.read(key)
            except ValueError as error:
                yield error

    def header(self, key: str) -> dict:
        """Header cards of a frame: version 1 keeps none."""
        return {}


def _name(path):
    return path.rpartition("/")[2]
