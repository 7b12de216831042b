"""Integrated gradients: the change of the forecast from a baseline, dealt out to the pixels."""

import math

import numpy as np

from network_models.explanations.methods.attribution import Attribution
from network_models.explanations.methods.baselines import whitened_baseline
from network_models.explanations.methods.whitened_images import WhitenedImages

FEWEST_STEPS = 16
MOST_STEPS = 512
TOLERANCE = 0.01  # of the change of the forecast
SMALLEST_CHANGE = 0.01  # of the deviation of the forecasts: less is no change worth dealing out


def integrated_gradients(model, sample, *, output=0, baseline=None, scale=None):
    """The share of each pixel in the change of the forecast from a baseline to the image.

    The gradient is integrated along the straight path from the baseline to the image, after
    whitening, by the trapezoidal rule; its steps are halved until the shares add up to the change
    of the forecast within 1 % of max(|change|, 0.01 `scale`), or there are 512. Then the
    attribution says that it did not converge, and its error.

    Args:
        model: keras.Model that takes physical units.
        sample: dict of name to array, a batch of one.
        output: which number is explained, as in `output_numbers.output_number`.
        baseline: as in `baselines.whitened_baseline`, where it stands which to choose.
        scale: standard deviation of the forecasts over many samples; None: left out above.

    Returns:
        `Attribution` of kind "share".

    Raises:
        ValueError: for a baseline that does not fit.

    Source:
        Sundararajan, Taly & Yan 2017, arXiv:1703.01365.
    """
    path = _Path(WhitenedImages(model, sample, output), baseline)
    steps, error = FEWEST_STEPS, math.inf
    path.add(np.linspace(0.0, 1.0, steps + 1))
    change = path.forecast - path.baseline_forecast
    allowed = TOLERANCE * max(abs(change), SMALLEST_CHANGE * (scale or 0.0))
    while (error := path.error(steps)) > allowed and steps < MOST_STEPS:
        path.add((np.arange(steps) + 0.5) / steps)  # the middle of every step
        steps *= 2
    return Attribution(
        "integrated_gradients",
        path.shares(steps),
        path.forecast,
        "share",
        error=error,
        baseline_forecast=path.baseline_forecast,
        steps=steps,
        converged=error <= allowed,
    )


class _Path:
    """Gradients summed along the way from the baseline (at 0) to the image (at 1).

    Args:
        images: `WhitenedImages`.
        baseline: as in `whitened_baseline`.
    """

    def __init__(self, images, baseline):
        self.images = images
        self.start = whitened_baseline(images, baseline)
        self.way = {name: image - self.start[name] for name, image in images.values.items()}
        self.sums = {name: np.zeros(image.shape) for name, image in images.values.items()}
        self.forecast = self.baseline_forecast = math.nan

    def add(self, places):
        """Adds the gradients at some places; the two ends count half, as the rule wants."""
        for first in range(0, len(places), self.images.batch_size):
            self._add_batch(places[first : first + self.images.batch_size])

    def shares(self, steps):
        """Dict of name to float array: what each pixel has in the change; NaN where missing."""
        return {
            name: np.where(self.images.missing[name], np.nan, self.way[name] * total / steps)
            for name, total in self.sums.items()
        }

    def error(self, steps):
        """|sum of the shares - change of the forecast|."""
        total = sum(float(np.nansum(share)) for share in self.shares(steps).values())
        return abs(total - (self.forecast - self.baseline_forecast))

    def _add_batch(self, places):
        copies = {
            name: np.stack([self.start[name] + np.float32(at) * way for at in places])
            for name, way in self.way.items()
        }
        forecasts, gradients = self.images.gradients(copies)
        for at, forecast in zip(places, forecasts, strict=True):
            if at == 0.0:
                self.baseline_forecast = float(forecast)
            if at == 1.0:
                self.forecast = float(forecast)
        weights = np.where((places == 0.0) | (places == 1.0), 0.5, 1.0)
        for name, gradient in gradients.items():
            self.sums[name] += np.tensordot(weights, gradient, axes=1)
