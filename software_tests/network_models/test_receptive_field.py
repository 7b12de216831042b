"""Which pixels the outputs of a layer see."""

import keras
import numpy as np
import pytest
from keras import layers

from network_models.explanations import receptive_field
from network_models.explanations.methods.whitened_images import WhitenedImages
from network_models.explanations.trunk import Trunk
from software_tests.layer_chains import noise, trunk_of


def changed_by(trunk, sample, place):
    """Rows and columns whose pixels change an output: each pixel is changed, one at a time."""
    image = sample["images"][0]
    copies = np.repeat(image[np.newaxis], image[..., 0].size, axis=0)
    pixels = list(np.ndindex(image.shape[:-1]))
    for copy, pixel in zip(copies, pixels, strict=True):
        copy[pixel] += 10.0
    before, after = np.asarray(trunk(sample)), np.asarray(trunk({"images": copies}))
    changed = (after[:, *place] != before[0, *place]).any(axis=-1)
    return np.array([pixel for pixel, seen in zip(pixels, changed, strict=True) if seen])


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("size", "strides", "width", "chain"),
    [
        (24, 2, 5, lambda padding: [layers.Conv2D(3, 5, strides=2, padding=padding)]),
        # 3, then a pool of 2 adds 1, then 3 at a stride of 2 add 2 * 2: 3 + 1 + 4.
        (
            24,
            2,
            8,
            lambda padding: [
                layers.Conv2D(4, 3, padding=padding),
                layers.AveragePooling2D(2),
                layers.Conv2D(3, 3, padding=padding),
            ],
        ),
        # Dilated by 2, a kernel of 3 sees 5, of which two rows and columns are left out.
        (20, 1, 5, lambda padding: [layers.Conv2D(2, 3, dilation_rate=2, padding=padding)]),
    ],
)
def test_a_field_is_what_changes_an_output(padding, size, strides, width, chain):
    trunk, sample = trunk_of(chain(padding), (size, size, 2))
    field = receptive_field.measured_field(trunk, sample)
    assert (field.rows.stride, field.rows.width) == (strides, width)
    middle = (0, *(count // 2 for count in trunk(sample).shape[2:4]))
    changed = changed_by(trunk, sample, middle)
    for axis, along in enumerate((field.rows, field.columns)):
        start = along.start + middle[axis + 1] * along.stride
        assert (changed[:, axis].min(), changed[:, axis].max()) == (start, start + width - 1)


def test_dead_units_and_largest_pooling_hide_no_pixel():
    silent = keras.initializers.Constant(-99.0)
    chain = [
        layers.Conv2D(2, 3, padding="same", activation="relu", bias_initializer=silent),
        layers.MaxPooling2D(4),
        layers.ReLU(),
        layers.Conv2D(2, 3, padding="same"),
    ]
    trunk, sample = trunk_of(chain, (40, 40, 1))
    field = receptive_field.measured_field(trunk, sample)
    assert field.rows == receptive_field.Field(40, -5.0, 4.0, 14.0)  # 3, + 3 of the pool, + 2 * 4


def test_the_field_beyond_the_edges_is_known_from_other_outputs():
    chain = [layers.Conv2D(2, 3, padding="same"), layers.MaxPooling2D(4)]
    chain += [layers.Conv2D(2, 3, padding="same"), layers.MaxPooling2D(4)]
    chain += [layers.Conv2D(2, 3, padding="same")]
    trunk, sample = trunk_of(chain, (64, 64, 1))
    rows = receptive_field.measured_field(trunk, sample).rows
    assert rows == receptive_field.Field(64, -21.0, 16.0, 58.0)  # 3 + 3 + 2*4 + 3*4 + 2*16
    assert [rows.centre(index) for index in range(4)] == [8, 24, 40, 56]


def test_transposed_convolutions_see_less_than_a_pixel_further():
    chain = [layers.Conv2D(2, 3, strides=2, padding="same")]
    chain += [layers.Conv2DTranspose(2, 2, strides=2, padding="same")]
    trunk, sample = trunk_of(chain, (16, 16, 1))
    rows = receptive_field.measured_field(trunk, sample).rows
    assert rows.stride == pytest.approx(1.0, abs=0.1)
    middle = changed_by(trunk, sample, (0, 8, 8))[:, 0]
    assert rows.centre(8) in range(middle.min(), middle.max() + 1)


def test_time_has_a_field_too():
    trunk, sample = trunk_of([layers.Conv3D(2, (3, 1, 1), padding="same")], (5, 6, 6, 1))
    field = receptive_field.measured_field(trunk, sample)
    assert (field.frames.stride, field.frames.width) == (1.0, 3.0)
    assert field.centre((2, 4, 5)) == (2, 4, 5)
    trunk, sample = trunk_of([layers.TimeDistributed(layers.Conv2D(2, 3))], (4, 6, 6, 1))
    trunk = Trunk(trunk.images, trunk.layer.layer)
    field = receptive_field.measured_field(trunk, sample)
    assert (field.frames.stride, field.frames.width) == (1.0, 1.0)
    assert field.centre((3, 0, 2)) == (3, 1, 3)


def test_of_two_images_the_one_seen_is_told():
    keras.utils.set_random_seed(1)
    entries = {name: keras.Input((8, 8, 1), name=name) for name in ("near", "far")}
    layer = layers.Conv2D(1, 3)
    joined = layers.Concatenate()(
        [layers.Flatten()(layer(entries["far"])), layers.Flatten()(entries["near"])]
    )
    model = keras.Model(entries, layers.Dense(1)(joined))
    sample = {"near": noise(1, 8, 8, 1), "far": noise(1, 8, 8, 1)}
    trunk = Trunk(WhitenedImages(model, sample), layer)
    assert receptive_field.measured_field(trunk, sample).image == "far"


def test_a_layer_without_weights_sees_nothing_in_particular():
    trunk, sample = trunk_of([layers.Conv2D(2, 3, kernel_initializer="zeros")], (8, 8, 1))
    field = receptive_field.measured_field(trunk, sample)
    assert (field.rows.start, field.rows.width) == (0.0, 8.0)


def test_a_window_holds_what_an_output_sees():
    field = receptive_field.Field(64, -21.0, 16.0, 58.0)
    assert field.side(margin=2) == 64  # the whole image
    wide = receptive_field.Field(256, -21.0, 16.0, 58.0)
    assert wide.side(margin=2) == 80  # 58 and a stride of 16 and 2, in whole strides
    for index in range(16):
        first, side, number = wide.window(index)
        assert first % 16 == 0
        assert number == index - first // 16
        begin = wide.start + 16 * index
        assert first <= max(begin, 0)
        assert first + side >= min(begin + 58, 256)
