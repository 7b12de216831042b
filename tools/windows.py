"""Many windows of a series at once: the largest value in each, and the time that is covered."""

from collections.abc import Iterable

import numpy as np
import pandas as pd


class WindowMaxima:
    """Where the largest value of each window lies.

    A sparse table (Bender and Farach-Colton 2000, LATIN, 88-94): level k holds the maxima of all
    runs of 2**k values, and two runs that overlap fill a window. Levels are made when they are
    first needed, and kept: O(n log w) operations and 4 n log w bytes for windows of up to w values,
    however many windows there are.

    Args:
        values: float, shape (n,), without NaN.
    """

    def __init__(self, values: np.ndarray):
        self._order = np.argsort(values)
        # Ranks instead of values, so that a maximum also tells its place.
        ranks = np.empty(len(values), np.int32)
        ranks[self._order] = np.arange(len(values), dtype=np.int32)
        self._levels = [ranks]

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
        number, width, widest = 0, 1, length.max(initial=0)
        while width <= widest:
            here = np.flatnonzero((length >= width) & (length < 2 * width))
            if len(here):
                level = self._level(number)
                ranks = np.maximum(level[first[here]], level[last[here] - width])
                largest[here] = self._order[ranks]
            number, width = number + 1, 2 * width
        return largest

    def _level(self, number):
        while len(self._levels) <= number:
            below, half = self._levels[-1], 2 ** (len(self._levels) - 1)
            self._levels.append(np.maximum(below[:-half], below[half:]))
        return self._levels[number]


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

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(start, end) of each interval, in order; none touches another."""
        return list(zip(self._starts.tolist(), self._ends.tolist(), strict=True))

    @property
    def span(self) -> tuple[int, int]:
        """First start and last end; of an empty union (0, 0)."""
        return (self.pairs[0][0], self.pairs[-1][1]) if self.pairs else (0, 0)

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """What the union leaves of the interval from `start` to `end`: pairs, in order."""
        inside = [(a, b) for a, b in self.pairs if b > start and a < end]
        edges = [start, *(edge for pair in inside for edge in pair), end]
        return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]

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


def microseconds(times: np.ndarray | pd.Series) -> np.ndarray:
    """Times as int64 microseconds since 1970."""
    return np.asarray(times).astype("datetime64[us]").astype(np.int64)
