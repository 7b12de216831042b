"""Gradients of a forecast with respect to its inputs."""

import keras
import numpy as np
import pytest
from keras import layers

from network_models.explanations.gradients import input_gradient, output_number


def images(*shape):
    return np.random.default_rng(1).normal(3.0, 1.0, shape).astype("float32")


def linear_model(weights):
    """Forecast = sum of weights x pixels; its gradient is the weights."""
    entry = keras.Input(weights.shape, name="images")
    dense = layers.Dense(1, use_bias=False)
    model = keras.Model({"images": entry}, dense(layers.Flatten()(entry)))
    dense.set_weights([weights.reshape(-1, 1)])
    return model


def smooth_model(shape):
    """Several inputs, dropout and a batch norm: all that could go wrong in a forecast's mode."""
    keras.utils.set_random_seed(1)
    entry, side = keras.Input(shape, name="images"), keras.Input((3,), name="side")
    x = layers.Conv2D(4, 3, activation="tanh")(keras.ops.arcsinh(entry))
    x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(layers.Dropout(0.5)(x))
    x = layers.Concatenate()([x, side])
    return keras.Model({"images": entry, "side": side}, layers.Dense(2)(x))


def test_the_gradient_of_a_linear_model_is_its_weights():
    weights = images(6, 6, 2)
    gradient = input_gradient(linear_model(weights), {"images": images(3, 6, 6, 2)})["images"]
    np.testing.assert_allclose(gradient, np.broadcast_to(weights, (3, 6, 6, 2)), rtol=1e-6)


@pytest.mark.parametrize("output", [0, 1, lambda outputs: outputs[:, 0] - outputs[:, 1]])
def test_the_gradient_equals_finite_differences(output):
    model = smooth_model((6, 6, 2))
    x = {"images": images(2, 6, 6, 2), "side": images(2, 3)}
    gradients = input_gradient(model, x, output)
    for name, place in (("images", (1, 2, 3, 1)), ("side", (0, 2))):
        step, values = 1e-2, []
        for sign in (1, -1):
            moved = {key: array.copy() for key, array in x.items()}
            moved[name][place] += sign * step
            values.append(float(output_number(model, moved, output)[place[0]]))
        # float32 forecasts near 1 differ by 1e-7, so the quotient is good to about 1e-5.
        difference = (values[0] - values[1]) / (2 * step)
        assert gradients[name][place] == pytest.approx(difference, abs=5e-5)


def test_samples_do_not_touch_each_other():
    model, x = smooth_model((6, 6, 2)), {"images": images(2, 6, 6, 2), "side": images(2, 3)}
    alone = input_gradient(model, {name: array[1:] for name, array in x.items()})
    together = input_gradient(model, x)
    np.testing.assert_allclose(together["images"][1:], alone["images"], atol=1e-7)


def test_inputs_of_whole_numbers_have_no_gradient_and_unused_ones_zero():
    entry, count = keras.Input((4,), name="level"), keras.Input((1,), dtype="int32", name="count")
    unused = keras.Input((2,), name="unused")
    outputs = layers.Dense(1)(entry) + keras.ops.cast(count, "float32")
    model = keras.Model({"level": entry, "count": count, "unused": unused}, outputs)
    x = {"level": images(2, 4), "count": np.ones((2, 1), "int32"), "unused": images(2, 2)}
    gradients = input_gradient(model, x)
    assert set(gradients) == {"level", "unused"}
    assert not gradients["unused"].any()


def test_half_precision_does_not_lose_the_gradient_of_a_mean():
    keras.utils.set_random_seed(1)
    gradients = []
    for policy in ("float32", "mixed_float16"):
        entry = keras.Input((64, 64, 1), name="images")
        pooled = layers.GlobalAveragePooling2D(dtype=policy)(entry)
        dense = layers.Dense(1, kernel_initializer=keras.initializers.Constant(1e-3), dtype=policy)
        model = keras.Model({"images": entry}, dense(pooled))
        gradients.append(input_gradient(model, {"images": images(1, 64, 64, 1)})["images"])
    # 1e-3 / 4096 = 2.4e-7 is a few steps of the smallest float16, 6e-8, if nothing lifts it.
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=2e-3)


def test_a_model_of_one_tensor_and_a_subclassed_one_are_called_as_they_want():
    class Scaled(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, inputs, training=False):
            return self.dense(inputs["images"] * (2.0 if training else 1.0))

    entry = keras.Input((4,), name="images")
    x = {"images": images(2, 4)}
    for model in (keras.Model(entry, layers.Dense(1)(entry)), Scaled()):
        model(x["images"] if not isinstance(model, Scaled) else x)
        gradient = input_gradient(model, x)["images"]
        kernel = model.layers[-1].get_weights()[0]
        np.testing.assert_allclose(gradient, np.broadcast_to(kernel[:, 0], (2, 4)), rtol=1e-6)


def test_wrong_requests_are_named(monkeypatch):
    model, x = linear_model(images(6, 6, 2)), {"images": images(1, 6, 6, 2)}
    with pytest.raises(IndexError, match=r"no output number 1\. Expected 0 to 0"):
        input_gradient(model, x, output=1)
    two = smooth_model((6, 6, 2))
    with pytest.raises(ValueError, match=r"inputs \['side'\] have no array"):
        input_gradient(two, x)
    monkeypatch.setattr(keras.config, "backend", lambda: "numpy")
    with pytest.raises(NotImplementedError, match=r"one of \['tensorflow'\]. Received: 'numpy'"):
        input_gradient(model, x)
