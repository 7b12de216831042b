"""Classes of unequal size made even in training: by weights in the loss, or by repetition.

What is forecast is never balanced: its classes come as often as they do on the Sun. Probabilities
of a network that was trained on even classes are too high for the rare ones until they are
calibrated (`tools.calibration`).
"""

from collections.abc import Sequence

import keras
import numpy as np

TRAIN = "train"


class Balance:
    """Which class each training sample is in, and how often or how heavily it counts.

    Args:
        targets: of the training split, shape (n,) or (n, 1); NaN is in no class: its weight
            stays, and it is not repeated (with `oversample` it is left out).
        edges: rising numbers between the classes, in the unit of the target; a target at an edge is
            in the class above. (0.5,) parts 0 from 1; (-6, -5) parts B, C and M flares in log10 of
            W m-2.
        weights: whether samples weigh n / (classes * samples of their class), 1 in the mean.
        oversample: splits in which each class comes as often as the largest: ("train",) or none.

    Raises:
        ValueError: if edges are missing or leave one class alone, both ways are asked for, or
            another split is to be oversampled.

    Example:
        >>> Balance(np.array([0, 0, 0, 1]), (0.5,), weights=True).weight(3)
        2.0
    """

    def __init__(
        self,
        targets: np.ndarray,
        edges: Sequence[float],
        *,
        weights: bool = False,
        oversample: Sequence[str] = (),
    ):
        _check_ways(weights, oversample)
        targets = _one_number(targets)
        self._classes = _classes(targets, edges)
        self._repeats, self._weights = bool(oversample), np.ones(len(targets))
        known = self._classes >= 0
        if weights:
            _, place, counts = np.unique(
                self._classes[known], return_inverse=True, return_counts=True
            )
            self._weights[known] = known.sum() / len(counts) / counts[place]

    @property
    def size(self) -> int:
        """Number of samples in an epoch."""
        return len(self._repeated(np.random.default_rng(0)))

    def order(self, chance: np.random.Generator) -> np.ndarray:
        """Indices of the samples of an epoch, in an order that `chance` draws."""
        return chance.permutation(self._repeated(chance))

    def weight(self, index: int) -> float:
        """What the sample's own weight is multiplied by."""
        return float(self._weights[index])

    def weighted(self, sample: tuple, index: int) -> tuple:
        """A sample `(x, y)` or `(x, y, weight)` with the weight of its class."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(sample)
        weight = np.float32(1) if weight is None else weight
        return x, y, np.asarray(weight * self.weight(index), "float32")

    def _repeated(self, chance):
        """Each class as often as the largest: whole repetitions, and a draw for what is left."""
        if not self._repeats:
            return np.arange(len(self._classes))
        members = [np.flatnonzero(self._classes == one) for one in np.unique(self._classes)]
        members = [part for part in members if self._classes[part[0]] >= 0]
        largest = max(map(len, members))
        parts = [np.tile(part, largest // len(part)) for part in members]
        rest = [chance.choice(part, largest % len(part), replace=False) for part in members]
        return np.concatenate([*parts, *rest])


def _check_ways(weights, oversample):
    others = [split for split in oversample if split != TRAIN]
    if others:
        raise ValueError(
            f"{', '.join(others)} cannot be oversampled. Expected ('{TRAIN}',) or (). With flares "
            "repeated, a score would be that of a Sun that flares more often than ours, and its "
            f"thresholds and probabilities would not hold. Take --oversample={TRAIN}."
        )
    if weights and oversample:
        raise ValueError(
            "Class weights and oversampling together would count rare classes twice over. Expected "
            "one of them. Leave out --class_weights or --oversample."
        )


def _one_number(targets):
    targets = np.asarray(targets, "float64")
    if targets.size != len(targets):
        raise ValueError(
            "Classes are those of one number. Expected a target of one number for each sample. "
            f"Received: targets of shape {targets.shape[1:]}. Weigh such a target in the dataset."
        )
    return targets.reshape(-1)


def _classes(targets, edges):
    """Number of the class of each target, -1 where it is unknown."""
    edges = np.asarray(edges, "float64")
    if not len(edges) or not (np.diff(edges) > 0).all():
        raise ValueError(
            "The classes to be balanced have no edges, or edges that do not rise. Expected numbers "
            f"of the target's unit. Received: class_edges={tuple(edges.tolist())}. Set "
            "--class_edges=0.5 for targets of 0 and 1, or -6,-5 for log10 of a flux."
        )
    found = np.where(np.isnan(targets), -1, np.searchsorted(edges, targets, side="right"))
    if len(np.unique(found[found >= 0])) < 2:
        known = targets[found >= 0]
        raise ValueError(
            "Training holds one class alone, which nothing can balance. Expected targets on both "
            f"sides of an edge. Received: {len(known)} known targets from "
            f"{known.min(initial=np.inf):g} to {known.max(initial=-np.inf):g}, class_edges="
            f"{tuple(edges.tolist())}. Move the edges, or take a longer training split."
        )
    return found
