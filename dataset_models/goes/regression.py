"""The least that a network on the light curve must beat: a regression on a few numbers of it."""

from collections.abc import Callable

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def fit(numbers: np.ndarray, target: np.ndarray, logistic: bool) -> Callable:
    """A regression, fitted by scikit-learn with its default regularisation.

    Args:
        numbers: shape (n, number), NaN where unknown: the training mean stands in.
        target: shape (n,): 0 and 1 for a logistic regression, else any number.
        logistic: whether it forecasts a probability.

    Returns:
        Function of numbers, shape (m, number), to forecasts, float64, shape (m,).

    Raises:
        ValueError: if a logistic regression is asked of one class alone.
    """
    if logistic and len(np.unique(target)) < 2:
        raise ValueError(
            "A logistic regression needs both outcomes. Expected 0 and 1 among the targets of "
            f"training. Received: only {target[0]:g}. Take a longer training period or a lower "
            "threshold."
        )
    last = LogisticRegression(max_iter=1000) if logistic else Ridge()
    fitted = make_pipeline(SimpleImputer(), StandardScaler(), last).fit(numbers, target)
    if logistic:
        return lambda numbers: fitted.predict_proba(numbers)[:, 1]
    return fitted.predict
