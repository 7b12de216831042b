"""What Grad-CAM and attention rollout say of networks made by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from network_models.explanations.methods import UnsuitableMethodError, explain
from network_models.explanations.methods.attention_rollout import token_grid
from software_tests.map_samples import images


def test_grad_cam_by_hand():
    # Two planes: the image, and its negative; f = 2 x mean(plane 0) - 1 x mean(plane 1) over 16
    # pixels, so the weights are 2/16 and -1/16, and the sum is (2 x + x) / 16.
    entry = keras.Input((4, 4, 1), name="images")
    convolution = layers.Conv2D(2, 1, use_bias=False)
    dense = layers.Dense(1, use_bias=False)
    pooled = layers.GlobalAveragePooling2D()(convolution(entry))
    model = keras.Model({"images": entry}, dense(pooled))
    convolution.set_weights([np.array([[[[1.0, -1.0]]]])])
    dense.set_weights([np.array([[2.0], [-1.0]])])
    image = images(1, 4, 4, 1) - 3
    found = explain("grad_cam", model, {"images": image})
    np.testing.assert_allclose(found.values["images"], np.maximum(3 * image[0] / 16, 0), atol=1e-6)
    # Beside a baseline the difference counts, up or down.
    other = images(4, 4, 1)[::-1] - 3
    found = explain("grad_cam", model, {"images": image}, baseline={"images": other})
    expected = np.abs(3 * (image[0] - other) / 16)
    np.testing.assert_allclose(found.values["images"], expected, atol=1e-6)


def test_grad_cam_lies_over_the_image_that_the_convolution_saw():
    # A plane of 2 x 2 over 8 x 8: centres at rows 1.5 and 5.5; beyond them it is constant.
    entry = keras.Input((8, 8, 1), name="images")
    x = layers.Conv2D(1, 4, strides=4, kernel_initializer="ones", name="patches")(entry)
    model = keras.Model({"images": entry}, layers.Flatten()(layers.GlobalAveragePooling2D()(x)))
    image = np.zeros((1, 8, 8, 1), "float32")
    image[0, :4, :4] = 1.0  # upper left cell: 16 x weight 1/4 = 4
    found = explain("grad_cam", model, {"images": image}, layer="patches").values["images"][..., 0]
    np.testing.assert_allclose(found[:2, :2], 4.0)
    assert found[2, 0] == pytest.approx(4.0 * (5.5 - 2) / 4)
    np.testing.assert_allclose(found[6:], 0.0, atol=1e-7)


class Scores(layers.MultiHeadAttention):
    """Attention whose scores are given: what rollout multiplies."""

    def __init__(self, scores, **options):
        super().__init__(num_heads=len(scores), key_dim=2, **options)
        self.scores = scores

    def _compute_attention(self, query, key, value, *arguments, **options):
        return value, keras.ops.convert_to_tensor(self.scores[None], "float32")


def attending_model(scores, shape, class_token=False):
    entry = keras.Input(shape, name="images")
    tokens = layers.Reshape((-1, 1))(entry)
    if class_token:
        tokens = layers.ZeroPadding1D((1, 0))(tokens)
    for one in scores:
        tokens = tokens + Scores(one)(tokens, tokens)
    return keras.Model({"images": entry}, layers.Dense(1)(layers.Flatten()(tokens)))


def test_rollout_by_hand():
    # One layer, two heads, four tokens: head 0 looks at token 3, head 1 at itself. The mean with
    # the identity is (1/4) e_3 + (3/4) e_i for token i: the mean over rows is 3/16 for tokens 0
    # to 2 and 3/16 + 4/16 for token 3.
    first = np.zeros((2, 4, 4))
    first[0, :, 3], first[1] = 1.0, np.eye(4)
    sample = {"images": images(1, 2, 2, 1)}
    found = explain("attention_rollout", attending_model([first], (2, 2, 1)), sample)
    np.testing.assert_allclose(found.values["images"].ravel(), np.array([3, 3, 3, 7]) / 16)
    assert found.kind == "relevance"


def test_rollout_reads_the_row_of_the_class_token():
    # Layer 1: token 1 looks at token 4, others at themselves. Layer 2: the class token looks at
    # tokens 1 and 2. Half of each is itself: the class token is 1/2 itself, 1/4 token 1, 1/4 token
    # 2 after layer 1, and token 1 is 1/2 itself and 1/2 token 4. So 1/8 of token 1, 1/4 of token
    # 2, 0 of token 3, 1/8 of token 4; without the class token 1/4, 1/2, 0, 1/4.
    first, second = np.eye(5)[None].copy(), np.eye(5)[None].copy()
    first[0, 1] = np.eye(5)[4]
    second[0, 0] = [0, 0.5, 0.5, 0, 0]
    model = attending_model([first, second], (2, 2, 1), class_token=True)
    found = explain("attention_rollout", model, {"images": images(1, 2, 2, 1)})
    np.testing.assert_allclose(found.values["images"].ravel(), [0.25, 0.5, 0, 0.25], atol=1e-7)


@pytest.mark.parametrize(
    ("count", "shape", "grid"),
    [
        (16, (32, 32), (1, 4, 4)),
        (17, (32, 32), (1, 4, 4)),
        (18, (32, 32), (1, 4, 4)),
        (8, (16, 32), (1, 2, 4)),
        (64, (4, 32, 32), (4, 4, 4)),
        (33, (4, 32, 32), (2, 4, 4)),  # frames two by two, and a class token
        (15, (32, 32), None),
        (7, (16, 32), None),
    ],
)
def test_tokens_are_a_grid_over_the_image(count, shape, grid):
    assert token_grid(count, shape) == grid


def test_tokens_that_are_no_grid_are_refused():
    entry = keras.Input((4, 4, 1), name="images")
    x = layers.Reshape((16, 1))(entry)[:, :15]
    odd = keras.Model({"images": entry}, layers.Flatten()(layers.MultiHeadAttention(1, 2)(x, x)))
    with pytest.raises(UnsuitableMethodError, match=r"no grid over 'images'.*Received: 15 tokens"):
        explain("attention_rollout", odd, {"images": images(1, 4, 4, 1)})
    x = layers.Reshape((16, 1))(entry)
    x = layers.AveragePooling1D(4)(layers.MultiHeadAttention(1, 2)(x, x))
    merged = keras.Model({"images": entry}, layers.Flatten()(layers.MultiHeadAttention(1, 2)(x, x)))
    with pytest.raises(UnsuitableMethodError, match=r"same tokens through all layers"):
        explain("attention_rollout", merged, {"images": images(1, 4, 4, 1)})


def test_rollout_needs_one_image():
    entries = {name: keras.Input((4, 4, 2), name=name) for name in ("early", "late")}
    x = layers.Reshape((16, 2))(entries["early"] + entries["late"])
    x = layers.Flatten()(layers.MultiHeadAttention(1, 2)(x, x))
    model = keras.Model(entries, layers.Dense(1)(x))
    sample = {"early": images(1, 4, 4, 2), "late": images(1, 4, 4, 2)}
    with pytest.raises(UnsuitableMethodError, match=r"which tokens belong.*\['early', 'late'\]"):
        explain("attention_rollout", model, sample)
