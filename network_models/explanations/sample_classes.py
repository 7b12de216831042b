"""What kind of sample each is, for the colours of a picture: flare classes where it can be."""

import itertools

import numpy as np
import pandas as pd

GOES_CLASSES = ("A", "B", "C", "M", "X")  # X from 1e-4 W m-2 on, each other a tenth of the next
GOES_BOUNDS = (-7, -6, -5, -4)  # log10 of W m-2, GOES 1-8 A, physical scale
FLUX_UNITS = ("W / m2", "log10(W / m2)")
FEW = 6  # distinct targets that are classes by themselves
UNKNOWN = "unknown"


def classes(target, unit=""):
    """The class of each sample by its target.

    Args:
        target: float array, shape (sample,); NaN where unknown.
        unit: of the target, as in `Dataset.units`. Fluxes ("W / m2" or "log10(W / m2)") have GOES
            classes; else few distinct values (numbered classes, say) stand for themselves, and
            many are divided into quarters of equally many samples.

    Returns:
        pandas Categorical, shape (sample,), ordered from the lowest; "unknown" comes last.
    """
    target = np.asarray(target, "float64")
    known = np.isfinite(target)
    if unit in FLUX_UNITS:
        found = _goes(target, known, unit)
    elif len(np.unique(target[known])) <= FEW:
        found = _distinct(target, known)
    else:
        found = _quarters(target, known)
    return found if known.all() else _with_unknown(found, known)


def _goes(target, known, unit):
    log_flux = np.full(len(target), np.nan)
    positive = known if unit.startswith("log10") else known & (target > 0)
    log_flux[positive] = (
        target[positive] if unit.startswith("log10") else np.log10(target[positive])
    )
    log_flux[known & ~positive] = -np.inf
    return pd.Categorical.from_codes(np.digitize(log_flux, GOES_BOUNDS), GOES_CLASSES, ordered=True)


def _distinct(target, known):
    values = np.unique(target[known])
    codes = np.where(known, np.searchsorted(values, np.where(known, target, 0)), -1)
    return pd.Categorical.from_codes(codes, [f"{value:g}" for value in values], ordered=True)


def _quarters(target, known):
    edges = np.unique(np.quantile(target[known], (0, 0.25, 0.5, 0.75, 1)))
    names = [f"{low:.3g} to {high:.3g}" for low, high in itertools.pairwise(edges)]
    if len(set(names)) < len(names):  # closer together than three digits tell
        names = [f"{name} ({i})" for i, name in enumerate(names, 1)]
    codes = np.digitize(target, edges[1:-1])
    return pd.Categorical.from_codes(codes, names, ordered=True)


def _with_unknown(found, known):
    codes = np.where(known, found.codes, len(found.categories))
    return pd.Categorical.from_codes(codes, [*found.categories, UNKNOWN], ordered=True)
