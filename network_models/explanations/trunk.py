"""A network from its whitened images up to one layer."""

import contextlib

import numpy as np
from keras import ops

from network_models.explanations import gradients, inspection, substitution
from network_models.explanations.methods.whitened_images import LARGEST_BATCH


class _ReachedError(BaseException):
    """Ends a run of the network; Keras catches and rewrites whatever is an Exception."""


class Trunk:
    """A network from its whitened images up to one layer: what that layer makes of an image.

    It takes images as they are after whitening, of any size that the layers below take, and runs
    nothing that lies above.

    Args:
        images: `WhitenedImages` of the network.
        layer: keras.layers.Layer in the network, whose output has rows, columns and filters.
    """

    def __init__(self, images, layer):
        self.images, self.model, self.layer = images, images.model, layer

    def __call__(self, x, training=False):
        """What the layer puts out: tensor, shape (batch, frame, row, column, filter).

        Args:
            x: dict of name to array, shape (batch, ...): whitened images, other inputs as they are.
            training: as of a keras.Model; a trunk always runs as in a forecast.
        """
        outputs = []

        def stop(layer, call):
            def stopping(*arguments, **options):
                outputs.append(call(*arguments, **options))
                raise _ReachedError

            return stopping

        with (
            substitution.times_as_samples(self.model),
            substitution.any_size(self.model),
            inspection.replaced(self.images.layers, self._whitened(x)),
            inspection.called_through([self.layer], stop),
            contextlib.suppress(_ReachedError),
        ):
            self.model(inspection.arranged(self.model, x), training=False)
        count = len(next(iter(x.values())))
        return ops.cast(ops.reshape(outputs[0], (count, -1, *outputs[0].shape[-3:])), "float32")

    def takes(self, x):
        """Whether the layers below take images of this size; `x` as of `__call__`."""
        try:
            self(x)
        except Exception:  # noqa: BLE001, each layer that insists on its size has its own error
            return False
        return True

    def outputs(self, x, places, weights):
        """What the layer puts out at one place of each sample.

        Args:
            x: as of `__call__`.
            places: int array, shape (batch, 3): frame, row and column of the layer's output.
            weights: float array, shape (batch, filter), by which the filters there are added up.

        Returns:
            float array, shape (batch,).
        """
        batches = self._batches(x, places, weights)
        return np.concatenate([inspection.as_numpy(_chosen(self(x), *at)) for x, at in batches])

    def gradients(self, x, places, weights):
        """Gradients of `outputs` with respect to every input.

        Returns:
            Dict of name to float array, shaped as in `x`.
        """
        found = [
            gradients.input_gradient(self, part, lambda output, at=at: _chosen(output, *at))
            for part, at in self._batches(x, places, weights)
        ]
        return {name: np.concatenate([one[name] for one in found]) for name in found[0]}

    def _whitened(self, x):
        names = {place: name for name, place in self.images.places.items()}

        def whitened(number, output):
            return ops.cast(x[names[number]], output.dtype) if number in names else output

        return whitened

    def _batches(self, x, places, weights):
        """The samples in parts that fit in memory, with their places and weights."""
        numbers = sum(x[name][0].size for name in self.images.names)
        size = max(1, LARGEST_BATCH // numbers)
        for start in range(0, len(places), size):
            part = slice(start, start + size)
            yield {name: array[part] for name, array in x.items()}, (places[part], weights[part])


def _chosen(output, places, weights):
    count, *shape, filters = output.shape
    flat = np.ravel_multi_index(tuple(np.asarray(places).T), tuple(shape))
    at_place = ops.take_along_axis(
        ops.reshape(output, (count, -1, filters)), flat[:, np.newaxis, np.newaxis], axis=1
    )
    return ops.sum(at_place[:, 0] * ops.convert_to_tensor(weights, "float32"), axis=-1)
