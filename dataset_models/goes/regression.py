"""The least that a network on the light curve must beat: a regression on a few numbers of it."""

import dataclasses

import numpy as np
from scipy import special
from sklearn.linear_model import LogisticRegression, Ridge

from dataset_models.sdo.moments import moments


@dataclasses.dataclass(frozen=True)
class Regression:
    """A linear function of whitened numbers, through a logistic function for a probability.

    Args:
        mean: of each number in training, shape (number,); it stands in where one is unknown.
        std: shape (number,).
        coefficients: shape (number,), of the whitened numbers.
        intercept: float.
        logistic: whether the forecast is a probability.
    """

    mean: np.ndarray
    std: np.ndarray
    coefficients: np.ndarray
    intercept: float
    logistic: bool

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        """Forecasts, float64, shape (n,), from numbers, shape (n, number), NaN where unknown."""
        linear = whitened(numbers, self.mean, self.std) @ self.coefficients + self.intercept
        return special.expit(linear) if self.logistic else linear


def fit(
    numbers: np.ndarray, target: np.ndarray, logistic: bool, weight: np.ndarray | None = None
) -> Regression:
    """A regression, fitted by scikit-learn with its default regularisation.

    Args:
        numbers: shape (n, number), NaN where unknown.
        target: shape (n,): 0 and 1 for a logistic regression, else any number.
        logistic: whether it forecasts a probability.
        weight: how much each sample counts, shape (n,); 1 unless given.

    Raises:
        ValueError: if a logistic regression is asked of one class alone.
    """
    if logistic and len(np.unique(target)) < 2:
        raise ValueError(
            "A logistic regression needs both outcomes. Expected 0 and 1 among the targets of "
            f"training. Received: only {target[0]:g}. Take a longer training period or a lower "
            "threshold."
        )
    known = moments(numbers)
    model = LogisticRegression(max_iter=1000) if logistic else Ridge()
    model.fit(whitened(numbers, **known), target, sample_weight=weight)
    return Regression(
        **known,
        coefficients=np.ravel(model.coef_),
        intercept=float(np.ravel(model.intercept_)[0]),
        logistic=logistic,
    )


def whitened(numbers: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Numbers less their mean, over their deviation; 0 where unknown."""
    return np.nan_to_num((np.asarray(numbers, "float64") - mean) / std, nan=0.0)
