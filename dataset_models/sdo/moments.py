"""Means and standard deviations of what is too large to hold at once."""

import numpy as np


class Moments:
    """Mean and standard deviation of columns, gathered part by part; missing values are left out.

    Parts are joined by the formula of Chan, Golub and LeVeque (1983, doi:10.2307/2683386), which
    keeps its digits where sums of squares lose them.

    Args:
        columns: int, how many.
    """

    def __init__(self, columns: int):
        self.count, self.mean, self._squares = (np.zeros(columns) for _ in range(3))

    def add(self, values: np.ndarray) -> None:
        """Adds rows, shape (n, columns), NaN where missing."""
        values = np.asarray(values, "float64")
        present = ~np.isnan(values)
        count = present.sum(0)
        mean = np.where(present, values, 0).sum(0) / np.maximum(count, 1)
        squares = np.where(present, (values - mean) ** 2, 0).sum(0)
        total = np.maximum(self.count + count, 1)
        step = np.where(count > 0, mean - self.mean, 0)
        self._squares += squares + step**2 * self.count * count / total
        self.mean = self.mean + step * count / total
        self.count = self.count + count

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of each column; 1 where it is constant, so that it may divide."""
        std = np.sqrt(self._squares / np.maximum(self.count, 1))
        return np.where(std > 1e-9 * np.abs(self.mean), std, 1.0)  # beyond what rounding makes


def moments(values: np.ndarray) -> dict:
    """Dict of "mean" and "std" over the first axis; NaN left out, std 1 where constant."""
    found = Moments(values.shape[1])
    found.add(values)
    return {"mean": found.mean, "std": found.std}
