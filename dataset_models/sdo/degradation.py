"""What undoes AIA's ageing in the images of an index: factors by a table, or by any function."""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from dataset_models.sdo.response_table import DegradationTable, read_table


class Correction(NamedTuple):
    """What images are divided by.

    Attributes:
        factors: float array, shape (n, channel), of the rows of an index; None for nothing.
        maker: what made them, in words: table and SHA-256, or the function's name; "" for nothing.
        caveats: what a reader of the results must know of them.
    """

    factors: np.ndarray | None = None
    maker: str = ""
    caveats: tuple[str, ...] = ()


def correction(
    degradation: Callable | str | None,
    channels: tuple[int, ...],
    table: pd.DataFrame,
    folder: pathlib.Path,
) -> Correction:
    """What the images of an index are to be divided by.

    Images of the synthetic Sun, which does not age, are divided by 1.

    Args:
        degradation: name of a table as in `read_table`, function (channels, times) -> throughput of
            shape (time, channel), or None or "" to correct nothing.
        channels: wavelengths, Angstrom.
        table: DataFrame with the index's columns, n rows.
        folder: the data folder.

    Returns:
        `Correction`.

    Raises:
        ValueError: if images have a browse scale, which no factor corrects.
    """
    if not degradation:
        return Correction()
    if (table["unit"] == "browse").any():
        raise ValueError(
            "Browse images cannot be corrected for degradation: their 8-bit scale is not linear. "
            f"Expected images in DN / s. Received: browse images and degradation={degradation!r}. "
            "Set degradation=''."
        )
    function = degradation if callable(degradation) else read_table(degradation, folder)
    found = throughput(function, channels, table["time"].to_numpy())
    real = ~table["synthetic"].to_numpy(bool)
    caveats = _caveats(function, table["time"][real])
    return Correction(np.where(real[:, None], found, 1.0), _maker(function), caveats)


def throughput(degradation: Callable, channels: tuple[int, ...], times: np.ndarray) -> np.ndarray:
    """What the function `degradation` says of each time and channel, relative to launch.

    Raises:
        ValueError: if it does not give an array of shape (time, channel).
    """
    factors = np.asarray(degradation(channels, times))
    if factors.shape != (len(times), len(channels)):
        raise ValueError(
            "The degradation function gave factors of a wrong shape. Expected (time, channel) = "
            f"{(len(times), len(channels))}. Received: {factors.shape}."
        )
    return factors


def _caveats(function, times):
    """That a table knows nothing of the last years, if images are of them."""
    last = getattr(function, "constant_from", None)
    if last is None or not (times > last).any():
        return ()
    text = f"AGEING: {function.version} knows none after {last}; later images are divided by the "
    return (text + "factors of that day.",)


def _maker(function):
    if isinstance(function, DegradationTable):
        return str(function)
    return getattr(function, "__name__", type(function).__name__)
