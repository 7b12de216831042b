"""The compiled metrics of any forecast, over all samples of a split or some of them."""

import math

import keras
import numpy as np
import pandas as pd

LARGEST_TARGET = 32  # numbers a target may have to be kept between two forecasts
NETWORK, OWN_MEAN = "network", "climatology of the subset"


class Targets:
    """Targets and weights of a split, batch by batch; numbers are read once, images each time.

    Args:
        data: `Batches` in the order of the samples.
    """

    def __init__(self, data):
        self.batch_size = data.batch_size
        self._data, self._kept = data, None
        _, first, _ = keras.utils.unpack_x_y_sample_weight(data[0])
        leaves = keras.tree.flatten(first)
        self.small = len(leaves) == 1 and np.prod(leaves[0].shape[1:], dtype=int) <= LARGEST_TARGET
        if self.small:
            self._kept = list(self._read())

    def __iter__(self):
        return iter(self._kept) if self.small else self._read()

    def __len__(self):
        return self._data.num_batches

    def values(self):
        """All targets, shape (n, ...), where they are small."""
        return np.concatenate([target for target, _ in self])

    def weights(self):
        """The weights of all samples, shape (n,); 1 where there are none."""
        pairs = ((target, weight) for target, weight in self)
        return np.concatenate([_column(target, weight) for target, weight in pairs])

    def _read(self):
        for i in range(self._data.num_batches):
            yield keras.utils.unpack_x_y_sample_weight(self._data[i])[1:]


def _column(target, weight):
    return np.ones(len(target)) if weight is None else np.reshape(weight, (len(target), -1))[:, 0]


def metrics(model, targets, forecast, chosen=None):
    """The compiled metrics of a forecast, computed as the network's own are: batch by batch.

    The inputs are not read: a model whose `compute_metrics` needs them gets None.

    Args:
        model: compiled model.
        targets: `Targets`.
        forecast: array, shape (n, ...), as the network's output or as the target.
        chosen: bool array, shape (n,): which samples count; all unless given.

    Returns:
        Dict of name to number, the loss left out; empty if no sample counts.
    """
    model.reset_metrics()
    results = {}
    for i, (target, weight) in enumerate(targets):
        batch = slice(i * targets.batch_size, i * targets.batch_size + len(target))
        part = np.asarray(forecast[batch], "float32")
        if chosen is not None:
            here = chosen[batch]
            if not here.any():
                continue
            target, part = target[here], part[here]
            weight = None if weight is None else weight[here]
        results = model.compute_metrics(None, target, part, sample_weight=weight)
    return {name: float(value) for name, value in results.items() if name != "loss"}


def judges_distributions(model):
    """Whether a compiled metric is of probabilities or quantiles (see `metrics`)."""
    compiled = [one for metric in model.metrics for one in getattr(metric, "metrics", [metric])]
    return any(getattr(one, "of_distributions", False) for one in compiled)


def skill(score, reference, perfect):
    """How much of the way from a reference to a perfect forecast is done, by each metric.

    Args:
        score: dict of name to number, of the forecast.
        reference: the same of the reference.
        perfect: the same of the target itself.

    Returns:
        Dict of name to (score - reference) / (perfect - reference): 1 is perfect, 0 no better than
        the reference, below 0 worse. For an error, that is 1 - error / the reference's error. NaN
        where the reference is perfect, or a number is not defined.
    """
    return {
        name: (score[name] - other) / (perfect[name] - other)
        if perfect[name] != other
        else math.nan
        for name, other in reference.items()
    }


def skills(model, targets, network, baselines):
    """The skill of the network relative to each baseline.

    Args:
        model: compiled model.
        targets: `Targets`.
        network: dict of metric to number.
        baselines: dict of name to such dicts.

    Returns:
        Dict of baseline to dict of metric to number, as `skill` says; none for images.
    """
    if not (targets.small and baselines):
        return {}
    perfect = metrics(model, targets, targets.values())
    return {name: skill(network, one, perfect) for name, one in baselines.items()}


def of_subsets(model, targets, forecasts, subsets, with_mean=True):
    """Scores of the network and the baselines on parts of a split.

    Beside them stands the mean of each part's own targets: what a forecaster who knew the part,
    and nothing else, would say.

    Args:
        model: compiled model.
        targets: `Targets`, of numbers.
        forecasts: dict of "network" and the baselines to arrays, shape (n, ...).
        subsets: dict of name to bool array, shape (n,).
        with_mean: whether that mean is scored, which must be a forecast of the network's form.

    Returns:
        DataFrame: subset, samples, forecast, and the compiled metrics.
    """
    rows, values, weight = [], targets.values().astype("float64"), targets.weights()
    for subset, chosen in subsets.items():
        known = chosen & (weight > 0) & np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        about = {"subset": subset, "samples": int(known.sum())}
        if not known.any():
            rows.append(about | {"forecast": NETWORK})
            continue
        mean = np.average(values[known], axis=0, weights=weight[known])
        own = {OWN_MEAN: np.broadcast_to(mean, values.shape)} if with_mean else {}
        rows += [
            about | {"forecast": name} | metrics(model, targets, forecast, known)
            for name, forecast in (forecasts | own).items()
        ]
    return pd.DataFrame(rows)
