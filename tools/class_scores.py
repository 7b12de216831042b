"""Scores of probabilities that a flare class is reached, with what validation chose frozen."""

import dataclasses
import math

import numpy as np

from tools import calibration, probability_skill
from tools.skill import contingency

BY_CLASS = "class "  # begins the names of parts that are told apart by the class that came


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """Whether a class was reached.

    Args:
        came: 1 and 0, NaN where unknown, shape (n,).
        weight: how much each sample counts, shape (n,).
    """

    came: np.ndarray
    weight: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Which samples count, bool, shape (n,)."""
        return np.isfinite(self.came) & (self.weight > 0)

    def part(self, chosen: np.ndarray) -> "Outcomes":
        """Those that are chosen, bool, shape (n,)."""
        return Outcomes(self.came[chosen], self.weight[chosen])

    def counts(self) -> dict[str, float]:
        """Number of samples that count, events among them, and their frequency by weight."""
        came, weight = self.came[self.known], self.weight[self.known]
        frequency = float(np.average(came, weights=weight)) if len(came) else math.nan
        return {"samples": float(len(came)), "events": float(came.sum()), "frequency": frequency}


@dataclasses.dataclass(frozen=True)
class Choice:
    """What validation chose.

    Args:
        threshold: probability from which on there is an alarm; NaN where none could be chosen.
        calibrate: None where none could be fitted.
    """

    threshold: float = math.nan
    calibrate: calibration.Calibration | None = None


def choose(validation: Outcomes, said: np.ndarray, kind: str = "none") -> Choice:
    """The threshold with the best TSS (`probability_skill.frozen_threshold`), and a calibration.

    Args:
        validation: of the validation split.
        said: probabilities, shape (n,).
        kind: one of `calibration.KINDS`.

    Returns:
        `Choice`; an empty one if a forecast is NaN. If one outcome alone came there is no
        calibration, and no threshold but that of a forecast that says only yes and no.
    """
    if not _is_whole(validation, said):
        return Choice()
    came, weight = validation.came, validation.weight
    threshold = probability_skill.frozen_threshold(came, said, weight)
    if len(np.unique(came[validation.known])) < 2:
        return Choice(threshold)
    return Choice(threshold, calibration.fit(kind, came, said, weight))


def scores(
    outcomes: Outcomes, said: np.ndarray, choice: Choice, reference: float
) -> dict[str, float]:
    """Scores of one forecast on one split, or a part of it.

    Args:
        outcomes: n samples.
        said: probabilities, shape (n,).
        choice: what validation chose for this forecast.
        reference: probability that the Brier skill score is relative to.

    Returns:
        Dict of brier, bss, roc_area, tss, hss and the threshold of the alarms to number. NaN where
        a score is undefined: one outcome alone came, nothing was chosen, or a forecast is NaN.
    """
    came, weight = outcomes.came, outcomes.weight
    found = dict.fromkeys(("brier", "bss", "roc_area", "tss", "hss"), math.nan)
    found["threshold"] = choice.threshold
    if not _is_whole(outcomes, said):
        return found
    found["brier"] = probability_skill.brier(came, said, weight)
    found["bss"] = skill(outcomes, said, reference)
    found["roc_area"] = probability_skill.roc_area(came, said, weight)
    if not math.isnan(choice.threshold):
        table = contingency(came, said >= choice.threshold, weight)
        found |= {"tss": table.tss, "hss": table.hss}
    return found


def calibrated_scores(
    outcomes: Outcomes, said: np.ndarray, choice: Choice, reference: float
) -> dict[str, float]:
    """The brier and bss of a forecast after the calibration of `choice`, and what was fitted.

    Args:
        outcomes: as of `scores`.
        said: as of `scores`.
        choice: as of `scores`.
        reference: as of `scores`.

    Returns:
        Dict of brier, bss and `Calibration.numbers` to number; NaN as in `scores`.
    """
    calibrated = np.full(len(said), math.nan)
    if choice.calibrate is not None and _is_whole(outcomes, said):
        calibrated[outcomes.known] = choice.calibrate(said[outcomes.known])
    found = scores(outcomes, calibrated, Choice(), reference)
    numbers = {} if choice.calibrate is None else choice.calibrate.numbers
    return {"brier": found["brier"], "bss": found["bss"], **numbers}


def skill(outcomes: Outcomes, said: np.ndarray, reference: np.ndarray | float) -> float:
    """Brier skill score over a reference; NaN if that is perfect, or if one of the two is NaN.

    Args:
        outcomes: n samples.
        said: probabilities, shape (n,).
        reference: probabilities, shape (n,), or one number.
    """
    reference = np.broadcast_to(reference, np.shape(said))
    if not (_is_whole(outcomes, said) and _is_whole(outcomes, reference)):
        return math.nan
    return probability_skill.brier_skill(outcomes.came, said, reference, outcomes.weight)


def _is_whole(outcomes, said):
    """Whether there is a forecast for each outcome that is known, and one outcome at least."""
    known = np.asarray(said)[outcomes.known]
    return bool(len(known) and np.isfinite(known).all())
