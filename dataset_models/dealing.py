"""How samples are dealt to splits; `splits.make` then leaves out those that would leak.

Each function gives a str array, shape (n,): the name of each sample's split, "" for none.
Arguments are those of `splits.make`, and have been checked there.
"""

import difflib
import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

SPLITS = ("train", "validation", "test")
EPOCH = np.datetime64("2010-05-01")  # blocks are counted from here: AIA's first regular month


def by_block(times: np.ndarray, fractions: Sequence[float], block_days: float) -> np.ndarray:
    """Whole blocks of time, in one run for each split, the runs in the order of `SPLITS`."""
    blocks = (times - EPOCH) // np.timedelta64(round(block_days * 86400e6), "us")
    _, place, counts = np.unique(blocks, return_inverse=True, return_counts=True)
    wanted = positive(fractions)
    if len(counts) < len(wanted):
        raise ValueError(
            f"There are too few blocks to deal. Expected at least {len(wanted)}, one for each of "
            f"{wanted}. Received: {len(counts)} of block_days={block_days:g} in {len(times)} "
            f"samples from {times.min()} to {times.max()}. Lower block_days, or add data."
        )
    ends = _run_ends(np.cumsum(counts) / len(times), [f for f in fractions if f > 0])
    return np.array(wanted)[np.searchsorted(ends, place, side="right")]


def _run_ends(filled, fractions):
    """How many blocks lie before the end of each run but the last, none of the runs empty.

    `filled`: the fraction of all samples that lies in the blocks up to each one, and in it.
    """
    ends = [0]
    for run, goal in enumerate(np.cumsum(fractions)[:-1], start=1):
        first, last = ends[-1] + 1, len(filled) - (len(fractions) - run)
        ends.append(first + int(np.abs(filled[first - 1 : last] - goal).argmin()))
    return ends[1:]


def by_period(times: np.ndarray, periods: dict | None) -> np.ndarray:
    """The periods that `periods` names, as dict of split to (start, end) pairs."""
    if not periods:
        raise ValueError(
            "A split by periods needs them. Expected a dict of split to (start, end) pairs. "
            f"Received: periods={periods!r}. Pass "
            "periods={'train': [('2010-05-01', '2014-01-01')], ...}, or take kind='blocks'."
        )
    names = np.full(len(times), "", dtype="<U10")
    for split, pairs in periods.items():
        if split not in SPLITS:
            raise ValueError(f"No split {split!r} in periods. {near(split, SPLITS)}")
        inside = np.zeros(len(times), dtype=bool)
        for start, end in _pairs_of_times(split, pairs):
            inside |= (times >= start) & (times < end)
        if (taken := inside & (names != "")).any():
            raise ValueError(
                f"The periods overlap. Expected each time in one split. Received: "
                f"{times[taken][0]} in {names[taken][0]} and in {split}. Move an end of a period."
            )
        names[inside] = split
    return names


def _pairs_of_times(split, pairs):
    try:
        pairs = [(np.datetime64(start), np.datetime64(end)) for start, end in pairs]
        if all(start < end for start, end in pairs):
            return pairs
    except (ValueError, TypeError):
        pass  # one message for a wrong nesting, a wrong text and a wrong order
    raise ValueError(
        f"The periods of {split} do not read. Expected pairs of times, the first of each the "
        f"earlier. Received: {pairs!r}. Write [('2014-01-01', '2014-06-01')], end left out."
    )


def by_fold(times: np.ndarray, folds: int, fold: int) -> np.ndarray:
    """Stretch `fold` of `folds` is tested, the next one validates, the others train."""
    if not 3 <= folds <= len(times):
        raise ValueError(
            "A cross-validation needs stretches to train, validate and test on. Expected folds "
            f"from 3 to the number of samples, {len(times)}. Received: folds={folds!r}. The usual "
            "number is 5."
        )
    if not 1 <= fold <= folds:
        raise ValueError(
            f"There is no fold {fold!r}. Expected 1 to {folds}, the number of folds. Received: "
            f"fold={fold!r}. They are counted from 1."
        )
    place = np.argsort(np.argsort(times, kind="stable"), kind="stable")
    stretch = place * folds // len(times)
    names = np.full(len(times), "train", dtype="<U10")
    names[stretch == fold % folds] = "validation"
    names[stretch == fold - 1] = "test"
    return names


def by_group(groups: np.ndarray, fractions: Sequence[float], seed: int) -> np.ndarray:
    """Whole groups, by a hash of seed and name: no other group moves one to another split."""
    known, place = np.unique(groups[groups != ""], return_inverse=True)
    digests = [hashlib.sha256(f"{seed} {group}".encode()).digest()[:8] for group in known]
    chance = np.array([int.from_bytes(digest) / 2**64 for digest in digests])
    names = np.full(len(groups), "", dtype="<U10")
    names[groups != ""] = _at(chance, fractions)[place]
    return names


def by_chance(size: int, fractions: Sequence[float], seed: int, allow_leak: bool) -> np.ndarray:
    """Sample by sample, which leaks."""
    if not allow_leak:
        raise ValueError(
            "A random split leaks: images minutes apart, with the same regions and the same "
            "flare, land in training and in test, and the scores say nothing about new data. "
            "Expected kind='blocks', 'periods' or 'groups'. Received: kind='random'. To compare "
            "with FlareNet all the same, pass allow_leak=True (--allow_leak=True); the results "
            "are then marked as leaking."
        )
    return _at(np.random.default_rng(seed).permutation(size) / size, fractions)


def _at(chance, fractions):
    """Names of the splits at `chance`, each from 0 to below 1, when they lie end to end."""
    ends = np.cumsum([f for f in fractions if f > 0])[:-1]
    return np.array(positive(fractions))[np.searchsorted(ends, chance, side="right")]


def positive(fractions: Sequence[float]) -> list[str]:
    """Names of the splits that are asked for: those with a fraction above 0."""
    return [split for split, fraction in zip(SPLITS, fractions, strict=True) if fraction > 0]


def near(word: str, words: Iterable[str]) -> str:
    """For an error: the words that are known, and the one nearest to `word`."""
    close = difflib.get_close_matches(str(word), words, n=1)
    return f"Expected one of {tuple(words)}." + (f" Did you mean {close[0]!r}?" if close else "")
