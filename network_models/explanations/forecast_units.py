"""What unit a forecast is in, and whether the target is the number that it should have been."""

import keras
import numpy as np

from network_models.explanations import inspection, output_numbers

TARGET = "target"  # what a layer says that forecasts in the target's unit


def compared(model, x, about, units=None):
    """Descriptions and units without what does not belong to a network's forecast.

    A last layer that gives several numbers for one target says in its attribute `forecast_unit`
    what these are in: "target", or a unit of its own, such as "probability". Where it says nothing,
    and a sample has another number of outputs than of targets, the unit is unknown; so is
    that of several outputs.

    Args:
        model: keras.Model.
        x: dict of name to array, shape (sample, ...), in physical units.
        about: list of dicts, as from `Dataset.describe`.
        units: dict of units, as `Dataset.units`.

    Returns:
        List of dicts, as `about`, without targets where the forecast is not of them; and dict, as
        `units`, with the unit of the forecast for "target" ("" if it is unknown).
    """
    units, outputs = units or {}, _outputs(model, x)
    own = _own_unit(model) if len(outputs) == 1 else None
    if own is None and _columns(outputs) in (None, _targets(about)):
        return about, units
    unit = {None: "", TARGET: units.get("target", "")}.get(own, own)
    return [_without_target(one) for one in about], {**units, "target": unit}


def _own_unit(model):
    return getattr(inspection.layers_of(model)[-1], "forecast_unit", None)


def _outputs(model, x):
    sample = inspection.one_sample(x, 0)
    return keras.tree.flatten(model(inspection.arranged(model, sample), training=False))


def _columns(outputs):
    """How many numbers there are for each sample; None for one image."""
    if len(outputs) == 1 and output_numbers.is_image(outputs[0]):
        return None
    return sum(int(np.prod(output.shape)) for output in outputs)


def _targets(about):
    return np.size((about[0].get("labels") or {}).get("target", np.nan))


def _without_target(about):
    labels = about.get("labels") or {}
    return {**about, "labels": {name: one for name, one in labels.items() if name != "target"}}
