"""Many windows of a series at once: the largest value in each, and the time that is covered."""

from collections.abc import Iterable

import numpy as np


class WindowMaxima:
    """Where the largest value of each window lies.

    A sparse table (Bender and Farach-Colton 2000, LATIN, 88-94): level k holds the maxima of all
    runs of 2**k values, and two runs that overlap fill a window. Only one level is held at a time:
    O(n log w) operations for windows of up to w values.

    Args:
        values: float, shape (n,), without NaN.
    """

    def __init__(self, values: np.ndarray):
        self._order = np.argsort(values, kind="stable")
        # Ranks instead of values, so that a maximum also tells its place.
        self._ranks = np.empty(len(values), np.int32)
        self._ranks[self._order] = np.arange(len(values), dtype=np.int32)

    def index(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Index of the largest of values[first:last] for each window, -1 where it is empty.

        Args:
            first: int, shape (m,), from 0 to n.
            last: int, shape (m,), from `first` to n.

        Returns:
            int64, shape (m,).
        """
        length = last - first
        largest = np.full(len(length), -1, np.int64)
        level, width, widest = self._ranks, 1, length.max(initial=0)
        while width <= widest:
            here = np.flatnonzero((length >= width) & (length < 2 * width))
            ranks = np.maximum(level[first[here]], level[last[here] - width])
            largest[here] = self._order[ranks]
            level = np.maximum(level[:-width], level[width:])
            width *= 2
        return largest


class Intervals:
    """The union of closed intervals, which may overlap.

    Args:
        pairs: (start, end) of each, int.
    """

    def __init__(self, pairs: Iterable[tuple[int, int]]):
        pairs = np.array(sorted(pairs), np.int64).reshape(-1, 2)
        reach = np.maximum.accumulate(pairs[:, 1]) if len(pairs) else pairs[:, 1]
        new = np.ones(len(pairs), bool)
        new[1:] = pairs[1:, 0] > reach[:-1]
        self._starts = pairs[new, 0]
        self._ends = reach[np.append(new[1:], True)] if len(pairs) else reach
        self._before = np.concatenate([[0], np.cumsum(self._ends - self._starts)])

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Whether each point lies in the union, ends included; bool, as `points`."""
        if not len(self._starts):
            return np.zeros(np.shape(points), bool)
        at = np.searchsorted(self._starts, points, side="right") - 1
        return (at >= 0) & (points <= self._ends[np.maximum(at, 0)])

    def length_before(self, points: np.ndarray) -> np.ndarray:
        """Length of the part of the union that lies before each point; int64, as `points`."""
        if not len(self._starts):
            return np.zeros(np.shape(points), np.int64)
        at = np.searchsorted(self._starts, points, side="right") - 1
        there = np.maximum(at, 0)
        inside = np.minimum(points, self._ends[there]) - self._starts[there]
        return np.where(at >= 0, self._before[there] + inside, 0)
