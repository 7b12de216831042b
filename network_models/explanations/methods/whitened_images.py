"""The images of one sample as a network sees them: after its whitening.

Raw pixels of the Sun span six decades, and a straight path or equal noise in them would be spent on
the brightest alone. After whitening every channel has mean 0 and deviation 1. Whitening is done
pixel by pixel, so what is found out there holds for the same pixel of the image.
"""

import functools

import keras
import numpy as np

from network_models.explanations import gradients, inspection, output_numbers

LARGEST_BATCH = 2**24  # numbers in the images of a batch: two of 1024 x 1024 x 8


class WhitenedImages:
    """The images of one sample after the whitening layers of a model, and what they forecast.

    A whitening layer is one with a true attribute `whitens`, a keras.layers.Normalization or a
    keras.layers.Rescaling. An image that no such layer receives in its own shape counts as it is.

    Args:
        model: keras.Model, of any kind.
        sample: dict of name to array, a batch of one, in physical units.
        output: which number is forecast, as in `output_numbers.output_number`.
    """

    def __init__(self, model, sample, output=0):
        self.model, self.output = model, output
        self.sample = inspection.one_sample(sample, 0)
        self.names = inspection.spatial_inputs(self.sample)
        self.layers = [layer for layer in inspection.all_layers(model) if whitens(layer)]
        self.places = self._found_places()

    @functools.cached_property
    def values(self):
        """Dict of name to float array, shape ([time,] height, width, channel); 0 where missing."""
        return self.whitened(self.sample)

    @functools.cached_property
    def missing(self):
        """Dict of name to bool array, shaped as `values`: where the image has no number."""
        return {name: np.isnan(self.sample[name][0]) for name in self.names}

    @property
    def batch_size(self):
        """How many changed copies go through the network at once."""
        return max(1, LARGEST_BATCH // sum(self.sample[name].size for name in self.names))

    def is_whitened(self, name):
        """Whether a whitening layer receives this image."""
        return name in self.places

    def whitened(self, sample):
        """Images in physical units after whitening, as in `values`."""
        with inspection.recorded(self.layers) as calls:
            self.model(inspection.arranged(self.model, sample), training=False)
        images = {name: sample[name] for name in self.names}
        images |= {name: calls[place][2] for name, place in self.places.items()}
        return {name: inspection.as_numpy(image)[0] for name, image in images.items()}

    def forecasts(self, images):
        """What changed images forecast.

        Args:
            images: dict of name to float array, shape (copy, [time,] height, width, channel),
                after whitening. All else is as in the sample.

        Returns:
            float array, shape (copy,).
        """
        with inspection.replaced(self.layers, self._put_in(images)):
            return output_numbers.output_number(self.model, self._copies(images), self.output)

    def gradients(self, images):
        """What changed images forecast, and the gradients with respect to them.

        Args:
            images: as in `forecasts`.

        Returns:
            float array, shape (copy,); and a dict of name to float array, shaped as in `images`.
        """
        found = gradients.gradients(
            self.model,
            self._copies(images),
            self.output,
            inputs=[name for name in self.names if not self.is_whitened(name)],
            layers=self.layers,
            change=self._put_in(images),
        )
        at_places = {name: found.calls[place].gradient for name, place in self.places.items()}
        return found.forecasts, found.inputs | at_places

    def slopes(self, images):
        """Gradients at changed images with respect to the sample's own.

        Args:
            images: as in `forecasts`.

        Returns:
            Two dicts of name to float array, shaped as in `images`: before whitening, per physical
            unit of the image; and after it, per standard deviation of the channel.
        """
        shifts = {name: images[name] - self.values[name] for name in self.places}
        found = gradients.gradients(
            self.model,
            self._copies(images),
            self.output,
            inputs=self.names,
            layers=self.layers,
            change=self._added(shifts),
        )
        at_places = {name: found.calls[place].gradient for name, place in self.places.items()}
        others = {
            name: found.inputs[name] * self.deviations(name)
            for name in self.names
            if not self.is_whitened(name)
        }
        return found.inputs, at_places | others

    def deviations(self, name):
        """Deviation of the pixels of each channel, float32: 1 after whitening."""
        if self.is_whitened(name):
            return np.float32(1.0)
        image = self.values[name]
        return np.nanstd(image, axis=tuple(range(image.ndim - 1))).astype("float32")

    def _found_places(self):
        """For each image the number of the call of a whitening layer that ends its whitening."""
        with inspection.recorded(self.layers) as calls:
            self.model(inspection.arranged(self.model, self.sample), training=False)
        if len(self.names) == 1:
            reaching = [set(self.names)] * len(calls)
        else:
            reaching = gradients.inputs_reaching(self.model, self.sample, self.names, self.layers)
        places = {}
        for number, (_, seen, output) in enumerate(calls):
            for name in self.names:
                if name in places:
                    goes_on = seen is calls[places[name]][2]
                else:
                    goes_on = reaching[number] == {name} and _is_image(seen, self.sample[name])
                if goes_on and output.shape == self.sample[name].shape:
                    places[name] = number
        return places

    def _copies(self, images):
        """The sample once for each copy; images that nothing whitens are put in here."""
        count = len(images[self.names[0]])
        copies = {name: np.repeat(array, count, axis=0) for name, array in self.sample.items()}
        return copies | {
            name: images[name].astype(copies[name].dtype)
            for name in self.names
            if not self.is_whitened(name)
        }

    def _put_in(self, images):
        names = {place: name for name, place in self.places.items()}

        def put_in(number, output):
            if number not in names:
                return output
            return keras.ops.convert_to_tensor(images[names[number]], output.dtype)

        return put_in

    def _added(self, shifts):
        names = {place: name for name, place in self.places.items()}

        def added(number, output):
            if number not in names:
                return output
            return output + keras.ops.convert_to_tensor(shifts[names[number]], output.dtype)

        return added


def whitens(layer):
    """Whether a layer says that it whitens, or is one of Keras' own that do."""
    own = (keras.layers.Normalization, keras.layers.Rescaling)
    return bool(getattr(layer, "whitens", False)) or isinstance(layer, own)


def _is_image(seen, image):
    """Whether a layer receives the image itself; at most rounded, or with missing pixels filled."""
    known = np.isfinite(image)
    return seen.shape == image.shape and np.allclose(
        inspection.as_numpy(seen)[known], image[known], rtol=0.01
    )
