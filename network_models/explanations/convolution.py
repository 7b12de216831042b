"""The first convolution of a network: its kernels, and which pixels each of its outputs sees."""

import dataclasses
import functools
import math

import keras
import numpy as np

from network_models.explanations import inspection

KINDS = (keras.layers.Conv2D, keras.layers.Conv3D, keras.layers.DepthwiseConv2D)


@dataclasses.dataclass(frozen=True)
class Field:
    """Which pixels one output of a convolution sees, along one axis of the image.

    Args:
        size: int, pixels of the convolution's input.
        kernel: int, weights along the axis.
        stride: int.
        dilation: int.
        padding: "same" or "valid".
        scale: float, image pixels per pixel of the convolution's input.
    """

    size: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: str = "valid"
    scale: float = 1.0

    @property
    def reach(self):
        """Pixels of the convolution's input from the first to the last that one output sees."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def width(self):
        """Pixels of the image that one output sees."""
        return self.reach * self.scale

    def centre(self, index):
        """Pixel of the image, a whole number from 0, at the centre of what output `index` sees."""
        outputs = math.ceil(self.size / self.stride)
        padded = max((outputs - 1) * self.stride + self.reach - self.size, 0)
        start = index * self.stride - (padded // 2 if self.padding == "same" else 0)
        centre = math.floor((start + self.reach / 2) * self.scale)
        return int(np.clip(centre, 0, self.size * self.scale - 1))


@dataclasses.dataclass(frozen=True)
class Convolution:
    """A convolution inside a model, and the images that it sees.

    Args:
        model: keras.Model.
        layer: a convolution in it, or a TimeDistributed one.
        image: name of the array that it sees.
        shape: of one image, ([time,] height, width, channel).
        seen: shape in which the layer receives one sample, (batch, [time,] height, width, channel).
        channels: names of the image's channels.
    """

    model: keras.Model
    layer: keras.layers.Layer
    image: str
    shape: tuple
    seen: tuple
    channels: tuple

    @functools.cached_property
    def kernels(self):
        """Array, shape (filter, [time,] height, width, channel)."""
        return kernels(unwrapped(self.layer))

    @property
    def fields(self):
        """The `Field` along each axis that the kernels have: ([time,] height, width)."""
        layer = unwrapped(self.layer)
        return [
            Field(
                size=self.seen[axis - 1],
                kernel=layer.kernel_size[axis],
                stride=layer.strides[axis],
                dilation=layer.dilation_rate[axis],
                padding=layer.padding,
                scale=self.shape[axis - 1] / self.seen[axis - 1],
            )
            for axis in range(-len(layer.kernel_size), 0)
        ]

    @property
    def inputs(self):
        """Names of what the kernels weigh: the channels, or numbers where it sees other planes."""
        count = self.kernels.shape[-1]
        if count == len(self.channels):
            return self.channels
        return tuple(f"input {i}" for i in range(count))

    @property
    def heaviest(self):
        """Index of the channel that each filter weighs most, shape (filter,).

        By the root of the sum of squares. The first channel stands for all where the convolution
        sees other planes than the image's.
        """
        if self.inputs != self.channels:
            return np.zeros(len(self.kernels), dtype=int)
        axes = tuple(range(1, self.kernels.ndim - 1))
        return (self.kernels**2).sum(axis=axes).argmax(axis=-1)

    def outputs(self, x, index):
        """What sample `index` of `x` evokes: array, shape (frame, row, column, filter)."""
        output = _passed(self.model, self.layer, x, index)[1]
        return inspection.as_numpy(output).reshape(-1, *output.shape[-3:]).astype("float32")

    def place(self, position):
        """Where in the image an output lies.

        Args:
            position: (frame, row, column) in `outputs`.

        Returns:
            (frame, row, column) of the image; frame 0 for an image without time.
        """
        fields = self.fields
        apart = 3 - len(fields)  # frames that pass one by one
        centres = [field.centre(i) for field, i in zip(fields, position[apart:], strict=True)]
        return [*(int(i) for i in position[:apart]), *centres]


def first_convolution(model, x, about):
    """The first convolution over images in a model; None without one.

    Args:
        model: keras.Model.
        x: dict of name to array, shape (batch, ...).
        about: list of dicts, as from `Dataset.describe`.

    Returns:
        `Convolution`.
    """
    found = [one for one in inspection.layers_of(model) if isinstance(unwrapped(one), KINDS)]
    names = inspection.spatial_inputs(x)
    if not found or not names:
        return None
    seen = tuple(_passed(model, found[0], x, 0)[0].shape)
    name = max(names, key=lambda name: tuple(x[name].shape[-3:-1]) == seen[-3:-1])
    shape = tuple(x[name].shape[1:])
    channels = inspection.channel_names(about[0], shape[-1], name)
    return Convolution(model, found[0], name, shape, seen, channels)


def unwrapped(layer):
    """The layer that does the work: the one inside a TimeDistributed, else the layer itself."""
    return layer.layer if isinstance(layer, keras.layers.Wrapper) else layer


def kernels(layer):
    """Kernels of a convolution, one for each of its filters.

    Args:
        layer: Conv2D, Conv3D or DepthwiseConv2D.

    Returns:
        Array, shape (filter, [time,] height, width, channel); channels that a filter of a grouped
        or depthwise convolution does not see have weight 0.
    """
    kernel, groups = layer.kernel.numpy(), getattr(layer, "groups", 1)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        groups = kernel.shape[-2]
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    *window, seen, filters = kernel.shape
    whole = np.zeros((*window, seen * groups, filters), kernel.dtype)
    for group in range(groups):
        of_group = slice(group * filters // groups, (group + 1) * filters // groups)
        whole[..., group * seen : (group + 1) * seen, of_group] = kernel[..., of_group]
    return np.moveaxis(whole, -1, 0)


def _passed(model, layer, x, index):
    """What goes into a layer and what comes out of it, for one sample."""
    sample = inspection.one_sample(x, index)
    with inspection.recorded([layer]) as calls:
        model(inspection.arranged(model, sample), training=False)
    return calls[0][1:]
