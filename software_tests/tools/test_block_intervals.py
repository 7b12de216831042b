"""Intervals from sums of blocks are those that a bootstrap of all samples gives."""

import math

import numpy as np
import pytest

from tools import block_intervals, intervals, probability_skill
from tools.class_scores import Outcomes
from tools.skill import contingency

THRESHOLD = 0.5


@pytest.fixture
def samples():
    chance = np.random.default_rng(4)
    said = chance.uniform(0, 1, 300)
    came = (chance.random(300) < said).astype(float)
    came[::7] = np.nan
    outcomes = Outcomes(came, chance.uniform(0.5, 2, 300))
    return outcomes, said, chance.uniform(0, 1, 300), np.arange(300) // 30


def twin(score, blocks):
    return intervals.bootstrap(score, blocks)


def same(found, expected):
    for part in ("value", "low", "high", "groups", "undefined"):
        assert getattr(found, part) == pytest.approx(getattr(expected, part), nan_ok=True)


def test_brier_skill_of_many_passes(samples):
    outcomes, said, other, blocks = samples

    def score(i):
        return probability_skill.brier_skill(
            outcomes.came[i], said[i], other[i], outcomes.weight[i]
        )

    found = block_intervals.brier_skill(outcomes, said, other, blocks)
    same(found, twin(score, blocks))
    assert found.low < found.value < found.high


def test_tss_of_many_passes(samples):
    outcomes, said, _, blocks = samples
    alarm = said >= THRESHOLD

    def score(i):
        return contingency(outcomes.came[i], alarm[i], outcomes.weight[i]).tss

    same(block_intervals.tss(outcomes, said, THRESHOLD, blocks), twin(score, blocks))


def test_a_block_without_events_is_left_out_where_the_score_is_undefined(samples):
    outcomes, said, _, blocks = samples
    came = np.where(blocks == 3, outcomes.came, 0 * outcomes.came)  # events in one of 10 blocks
    rare = Outcomes(came, outcomes.weight)
    found = block_intervals.tss(rare, said, THRESHOLD, blocks)
    # The chance that one block of ten is never drawn in ten draws: 0.9**10 = 0.349.
    assert found.undefined == pytest.approx(0.349, abs=0.05)


def test_few_blocks_and_undefined_scores_have_no_interval(samples):
    outcomes, said, other, blocks = samples
    few = block_intervals.brier_skill(outcomes, said, other, blocks // 3)
    assert few.groups == 4
    assert math.isnan(few.low)
    expected = probability_skill.brier_skill(outcomes.came, said, other, outcomes.weight)
    assert few.value == pytest.approx(expected)
    missing = np.where(np.arange(300) == 5, np.nan, said)
    for found in (
        block_intervals.tss(outcomes, said, math.nan, blocks),
        block_intervals.tss(outcomes, missing, THRESHOLD, blocks),
        block_intervals.brier_skill(outcomes, missing, other, blocks),
        block_intervals.brier_skill(outcomes, said, outcomes.came, blocks),  # perfect
    ):
        assert math.isnan(found.value)
    unknown = Outcomes(np.full(300, np.nan), outcomes.weight)
    assert math.isnan(block_intervals.tss(unknown, said, THRESHOLD, blocks).value)
