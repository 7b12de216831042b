"""Intervals of scores that follow from sums over samples: each 27-day block is summed up once.

They are those of `intervals.bootstrap` with the blocks as groups, without its many passes over all
samples.
"""

import math
from collections.abc import Callable

import numpy as np

from tools.class_scores import Outcomes
from tools.forecast_tables import interval
from tools.intervals import Interval
from tools.skill import Contingency


def brier_skill(
    outcomes: Outcomes, said: np.ndarray, reference: np.ndarray | float, blocks: np.ndarray
) -> Interval:
    """Brier skill score over a reference, as `class_scores.skill` gives it, with its interval.

    Args:
        outcomes: n samples.
        said: probabilities, shape (n,).
        reference: probabilities, shape (n,), or one number.
        blocks: number of the block of each sample, shape (n,).
    """
    errors = [outcomes.weight * (one - outcomes.came) ** 2 for one in (said, reference)]

    def skill(ours, theirs):
        return 1 - ours / theirs if theirs > 0 else math.nan

    return _of_sums(skill, errors, outcomes.known, blocks)


def tss(outcomes: Outcomes, said: np.ndarray, threshold: float, blocks: np.ndarray) -> Interval:
    """True skill statistic of alarms at a frozen threshold, with its interval.

    Args:
        outcomes: n samples.
        said: probabilities, shape (n,).
        threshold: probability from which on there is an alarm; NaN gives an undefined score.
        blocks: number of the block of each sample, shape (n,).
    """
    came = outcomes.came
    alarm = np.where(np.isnan(said) | np.isnan(threshold), math.nan, said >= threshold)
    parts = [alarm * came, alarm * (1 - came), (1 - alarm) * came, (1 - alarm) * (1 - came)]
    counts = [outcomes.weight * part for part in parts]
    return _of_sums(lambda *sums: Contingency(*sums).tss, counts, outcomes.known, blocks)


def _of_sums(score: Callable, values: list, known: np.ndarray, blocks: np.ndarray) -> Interval:
    """The interval of a function of sums over the samples that count."""
    _, number = np.unique(blocks[known], return_inverse=True)
    each = np.stack([np.bincount(number, one[known]) for one in values], axis=1)
    return interval(lambda drawn: score(*each[drawn].sum(axis=0)), np.arange(len(each)), {})
