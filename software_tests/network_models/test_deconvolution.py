"""Single outputs of a layer projected back to the image."""

import types

import keras
import numpy as np
import pytest
from keras import layers
from scipy import signal

from network_models.explanations import deconvolution, receptive_field, substitution
from software_tests.layer_chains import model_of, noise, trunk_of


def projected(trunk, image, place, number):
    places = np.array([(0, *place)])
    return deconvolution.deconvolutions(trunk, {"images": image[np.newaxis]}, places, [number])[
        "images"
    ][0]


def transposed(maps, kernel):
    """scipy's transposed convolution with a kernel (height, width, channel, filter)."""
    return np.stack(
        [
            sum(
                signal.convolve2d(maps[..., f], kernel[:, :, c, f], "full")
                for f in range(kernel.shape[-1])
            )
            for c in range(kernel.shape[2])
        ],
        axis=-1,
    )


def test_one_layer_is_a_transposed_convolution():
    layer = layers.Conv2D(2, 3, activation="relu")
    trunk, _ = trunk_of([layer], (8, 9, 2))
    alone = np.zeros((6, 7, 2))
    alone[4, 2, 1] = 1.0
    expected = transposed(alone, np.asarray(layer.kernel))
    np.testing.assert_allclose(projected(trunk, noise(8, 9, 2), (4, 2), 1), expected, atol=1e-6)


def test_the_signal_is_rectified_on_its_way_back():
    """Zeiler & Fergus: every relu is passed by what is positive in the signal, not in the image."""
    first, second = layers.Conv2D(3, 3, activation="relu"), layers.Conv2D(2, 3, activation="relu")
    trunk, _ = trunk_of([first, second], (9, 9, 1))
    alone = np.zeros((5, 5, 2))
    alone[2, 3, 0] = 1.0
    below = np.maximum(transposed(alone, np.asarray(second.kernel)), 0.0)
    expected = transposed(below, np.asarray(first.kernel))
    np.testing.assert_allclose(projected(trunk, noise(9, 9, 1), (2, 3), 0), expected, atol=1e-6)


@pytest.mark.parametrize("relu", [layers.ReLU, lambda: layers.Activation("relu")])
def test_pooling_remembers_where_its_largest_value_was(relu):
    convolution = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones")
    top = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones")
    trunk, _ = trunk_of([convolution, relu(), layers.MaxPooling2D(2), top], (4, 4, 1))
    image = np.zeros((4, 4, 1), "float32")
    image[3, 0], image[2, 1] = 5.0, 4.0
    expected = np.zeros((4, 4, 1))
    expected[3, 0] = 1.0
    np.testing.assert_array_equal(projected(trunk, image, (1, 0), 0), expected)


def test_other_activations_keep_their_gradient():
    first, second = layers.Conv2D(3, 3, activation="tanh"), layers.Conv2D(1, 3)
    (trunk, _), image = trunk_of([first, second], (7, 7, 1)), noise(7, 7, 1)
    x, places = {"images": image[np.newaxis]}, np.array([(0, 1, 1)])
    gradient = trunk.gradients(x, places, np.ones((1, 1)))["images"][0]
    np.testing.assert_array_equal(projected(trunk, image, (1, 1), 0), gradient)


def test_the_network_is_left_as_it_was():
    chain = [layers.Conv2D(2, 3, activation="relu"), layers.ReLU(), layers.MaxPooling2D(2)]
    model = model_of(chain, (8, 8, 1))
    before = np.asarray(model({"images": noise(2, 8, 8, 1)}))
    for change in (substitution.linear, substitution.rectified_backwards, substitution.any_size):
        with change(model):
            pass
    assert chain[0].activation is keras.activations.relu
    assert "call" not in vars(chain[1])
    np.testing.assert_array_equal(np.asarray(model({"images": noise(2, 8, 8, 1)})), before)
    with pytest.raises(ValueError, match="expected shape"):
        model({"images": noise(1, 6, 6, 1)})


def rows_of(trunk, x, places):
    """Rows as of the table of strongest activations."""
    output, field = np.asarray(trunk(x)), receptive_field.measured_field(trunk, first_of(x))
    rows = []
    for sample, place, number in places:
        frame, row, column = field.centre(place)
        activation = output[sample, *place, number]
        values = {"sample": sample, "output": place, "filter": number, "activation": activation}
        values |= {"frame": frame, "row": row, "column": column}
        rows.append(types.SimpleNamespace(**values))
    return field, rows


def first_of(x):
    return {name: array[:1] for name, array in x.items()}


@pytest.mark.parametrize("size", [64, 58])  # 58 is no multiple of the stride: no piece will do
def test_pieces_give_what_the_whole_image_gives(size):
    chain = [
        layers.Conv2D(4, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(4, padding="same"),
    ]
    chain.append(layers.Conv2D(3, 3, padding="same", activation="relu"))
    (trunk, _), x = trunk_of(chain, (size, size, 2)), {"images": noise(2, size, size, 2)}
    active = np.argwhere(np.asarray(trunk(x)) > 0)
    chosen = active[:: len(active) // 6]
    places = [(int(s), (int(f), int(r), int(c)), int(k)) for s, f, r, c, k in chosen]
    field, rows = rows_of(trunk, x, places)
    found = deconvolution.seen_deconvolutions(trunk, x, field, rows)
    for at, patch in zip(rows, found, strict=True):
        whole = projected(trunk, x["images"][at.sample], at.output[1:], at.filter)
        assert patch.shape == (15, 15, 2)  # 14 pixels, and one to have a middle
        cut = deconvolution.patch(whole, at.row, at.column, 7)
        np.testing.assert_allclose(patch, cut, atol=1e-6)
        # nothing lies outside of what is seen
        assert np.nansum(np.abs(patch)) == pytest.approx(np.abs(whole).sum(), rel=1e-5)


def test_nothing_asked_nothing_given():
    trunk, _ = trunk_of([layers.Conv2D(1, 3)], (8, 8, 1))
    assert deconvolution.seen_deconvolutions(trunk, {}, None, []) == []
