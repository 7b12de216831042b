"""What store and index tell of AIA's ageing: how much light each channel still counted."""

import functools

import numpy as np
from tqdm import tqdm

from dataset_models.sdo.collection import Collection
from dataset_models.sdo.response_table import DegradationTable


def record(collection: Collection, table: DegradationTable | None) -> None:
    """Tells of the ageing of all samples that were stored without this table.

    Images stay as they are, so this takes no raw files.

    Args:
        collection: `Collection`.
        table: `DegradationTable`; None changes nothing.
    """
    if table is None:
        return
    old = [
        identifier
        for identifier, row in collection.rows.items()
        if row["degradation_version"] != table.label and not row["synthetic"]
    ]
    for identifier in tqdm(old, desc="Degradation", unit="sample", disable=None):
        collection.amend(identifier, functools.partial(told, table))


def told(table: DegradationTable, metadata: dict) -> dict:
    """What the store says about the ageing of a sample's images; they stay as they are.

    Args:
        table: `DegradationTable`.
        metadata: of the sample; "t_obs" (channel -> time), "synthetic" and
            "degradation_corrected" are looked at.

    Returns:
        "degradation" (channel -> throughput relative to launch; without the channels of which the
        table knows none above 0 at that time: a correction refuses these, the images are good) and
        "degradation_version"; nothing of a synthetic Sun, which does not age, and of images that
        were corrected already.
    """
    if metadata["synthetic"] or metadata.get("degradation_corrected"):
        return {}
    found = {channel: _factor(table, channel, time) for channel, time in metadata["t_obs"].items()}
    known = {channel: factor for channel, factor in found.items() if factor is not None}
    return {"degradation": known, "degradation_version": table.label}


def _factor(table, channel, time):
    try:
        return table((int(channel),), np.array([time], "datetime64[ms]")).item()
    except ValueError:  # a channel or a time that it does not know, or nothing is left of the light
        return None
