"""Parts of a forecast's samples that are told apart: by what came, what went before, and where."""

import numpy as np
import pandas as pd

from tools.class_scores import BY_CLASS
from tools.distributions import ROUNDING, reached
from tools.flare_classes import class_to_flux
from tools.flux import OPERATIONAL_SCALE
from tools.flux_skill import flare_class
from tools.label_history import LARGEST_MINUTE

LIMB_DEGREES = 60  # from the central meridian; foreshortening hides what lies beyond
THRESHOLDS = ("C1.0", "M1.0")  # of flares in the last 24 h, on the operational scale
SCALE = np.log10(OPERATIONAL_SCALE)


def of_rows(table: pd.DataFrame, light_curve: pd.DataFrame) -> dict[str, np.ndarray]:
    """Which samples belong to which part.

    Classes are those of the largest flux of the window, on the operational scale. A sample that
    nobody can place (no flare list, no light curve, no active region known) is in none of a pair.

    Args:
        table: rows of `samples.candidates`.
        light_curve: of `history.read_light_curve`, for the same rows.

    Returns:
        Dict of name to bool array, shape (n,); parts that hold no sample are left out.
    """
    log_flux = np.log10(table["catch_flux"].to_numpy("float64")) + SCALE
    letters = flare_class(log_flux + ROUNDING)
    found = {f"{BY_CLASS}{letter}": letters == letter for letter in "ABCMX"}
    progress = table["in_progress"].to_numpy("float64")
    found |= {"flare in progress": progress == 1, "no flare in progress": progress == 0}
    largest = light_curve[LARGEST_MINUTE].to_numpy("float64") + SCALE
    for name in THRESHOLDS:
        found[f"no {name} in the last 24 h"] = reached(largest, np.log10(class_to_flux(name))) == 0
    distance = np.abs(table["longitude"].to_numpy("float64"))
    found["largest region on the disk"] = distance <= LIMB_DEGREES
    found[f"largest region beyond {LIMB_DEGREES} degrees"] = distance > LIMB_DEGREES
    return {name: chosen for name, chosen in found.items() if chosen.any()}
