"""The numbers beside the images of each sample, and how far back they look."""

import pathlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from dataset_models.sdo import samples, side_channels
from dataset_models.sdo.flux_target import FluxTarget, current_goes

FEATURES_OLDEST_HOURS = 24  # hand-tailored features older than this are not of the same Sun


def values(
    names: Sequence[str], table: pd.DataFrame, flux: FluxTarget, folder: pathlib.Path
) -> dict[str, np.ndarray]:
    """The side channels of each row of a table of samples; rejects rows without them.

    Args:
        names: any of `side_channels.SIDE_CHANNELS`.
        table: DataFrame of `samples.candidates`, n rows.
        flux: what is to be forecast.
        folder: the data folder.

    Returns:
        Dict of name to float32 array, shape (n, number), in the order of `names`.
    """
    found = {}
    if "current_goes" in names:
        found["current_goes"] = current_goes(table)
    if "true_value" in names:
        found["true_value"] = flux.values(table)
    if "hand_tailored" in names:
        found["hand_tailored"] = _hand_tailored(table, folder)
    return {name: found[name].astype("float32") for name in names}


def span_minutes(names: Sequence[str]) -> int:
    """How long before a sample's time its side channels may be from, minutes."""
    return 60 * FEATURES_OLDEST_HOURS if "hand_tailored" in names else 0


def _hand_tailored(table, folder):
    """The latest features before each row; rejects rows without any."""
    features = side_channels.read_features(folder / side_channels.HMI_FEATURES)
    times = table["time"].to_numpy()
    found = side_channels.features_at(features, times, FEATURES_OLDEST_HOURS)
    reason = f"no hand-tailored features of the last {FEATURES_OLDEST_HOURS} h"
    samples.reject(table, np.isnan(found).all(axis=1), reason)
    return found
