"""Pixels as a file keeps them, and the fast way to whatever is computed of each."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

PIECE = 1 << 16  # pixels


@dataclasses.dataclass(frozen=True)
class Pixels:
    """Numbers of a file that stand for values in a unit.

    Attributes:
        stored: array as it lies in the file.
        scale: a value is stored * scale + zero.
        zero: in the unit of the values.
        blank: the stored whole number that marks a missing pixel; None where there is none.
    """

    stored: np.ndarray
    scale: float = 1.0
    zero: float = 0.0
    blank: int | None = None

    def values(self) -> np.ndarray:
        """The values: float32, of the shape of `stored`, NaN where missing."""
        values = self.stored.astype(np.float32)
        if self.blank is not None:
            values[~self._present()] = np.nan
        values *= self.scale
        if self.zero:
            values += self.zero
        return values

    def each(
        self, function: Callable[[np.ndarray], np.ndarray], found: np.ndarray | None = None
    ) -> np.ndarray:
        """What `function` makes of each value.

        Whole numbers are few and repeat: it is computed for each that may occur, and looked up.

        Args:
            function: takes float32 values of any shape, gives an array of the same shape; each of
                its elements must depend on one value alone.
            found: array to put it in; a new one by default.

        Returns:
            `found`.
        """
        levels = self._levels()
        table = function((self if levels is None else self._of(levels)).values())
        if found is None:
            found = np.empty(self.stored.shape, table.dtype)
        if levels is None:
            found[...] = table
            return found
        for piece in self._pieces():  # negative numbers count from the table's end
            found[piece] = np.take(table, self.stored[piece])
        return found

    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest value; NaN where all are missing."""
        low, high = self._range or (None, None)
        if low is None or (self.blank is not None and low <= self.blank <= high):
            values = self.values()
        else:
            values = self._of(np.array([low, high])).values()
        return np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)

    def count_above(self, value: float) -> int:
        """Number of pixels of more than `value`; missing ones are not."""
        limit = round((value - self.zero) / self.scale, 6)  # whole again where it should be
        if self._range is not None and self._range[1] <= limit:
            return 0
        above = self.stored > limit
        return int(np.count_nonzero(above if self.blank is None else above & self._present()))

    def _of(self, stored):
        return dataclasses.replace(self, stored=stored)

    def _present(self):
        return self.stored != self.blank

    @functools.cached_property
    def _range(self):
        """The smallest and the largest whole number; None where numbers are not whole."""
        if self.stored.dtype.kind not in "iu":
            return None
        ends = [(self.stored[piece].min(), self.stored[piece].max()) for piece in self._pieces()]
        return int(min(low for low, _ in ends)), int(max(high for _, high in ends))

    def _pieces(self):
        """Slices of rows that stay in the processor's cache while they are looked at."""
        rows = max(1, PIECE // max(1, self.stored[:1].size))
        return [slice(row, row + rows) for row in range(0, len(self.stored), rows)]

    def _levels(self):
        """Every whole number from 0 up, then from the smallest to -1; None where too many."""
        if self._range is None:
            return None
        low, high = min(self._range[0], 0), max(self._range[1], 0)
        if high - low >= self.stored.size:
            return None
        return np.concatenate([np.arange(high + 1), np.arange(low, 0)], dtype=np.int32)
