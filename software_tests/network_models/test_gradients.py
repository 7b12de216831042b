"""Gradients of a forecast with respect to its inputs."""

import keras
import numpy as np
import pytest
from keras import layers

from network_models.explanations.gradients import (
    gradients,
    input_gradient,
    inputs_reaching,
    last_calls,
)
from network_models.explanations.inspection import recorded
from network_models.explanations.output_numbers import output_number
from software_tests.map_samples import images, linear_model


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


def test_gradients_at_layers_are_those_of_what_they_put_out():
    # f = sum of w x (2 x + 1): with respect to 2 x + 1 the gradient is w, to x it is 2 w.
    weights, x = images(3, 3, 1), {"images": images(2, 3, 3, 1)}
    entry = keras.Input(weights.shape, name="images")
    scaled, dense = layers.Rescaling(2.0, 1.0), layers.Dense(1, use_bias=False)
    model = keras.Model({"images": entry}, dense(layers.Flatten()(scaled(entry))))
    dense.set_weights([weights.reshape(-1, 1)])
    found = gradients(model, x, inputs=["images"], layers=[scaled])
    np.testing.assert_allclose(found.calls[0].output, 2 * x["images"] + 1, rtol=1e-6)
    np.testing.assert_allclose(found.calls[0].gradient, np.stack([weights] * 2), rtol=1e-6)
    np.testing.assert_allclose(found.inputs["images"], 2 * np.stack([weights] * 2), rtol=1e-6)
    np.testing.assert_allclose(found.forecasts, output_number(model, x), rtol=1e-6)
    # What goes on instead is what is differentiated: nothing reaches the input any more.
    found = gradients(
        model, x, inputs=["images"], layers=[scaled], change=lambda number, out: 0 * out
    )
    assert not found.forecasts.any()
    assert not found.inputs["images"].any()
    np.testing.assert_allclose(found.calls[0].gradient, np.stack([weights] * 2), rtol=1e-6)


def test_a_layer_called_twice_has_two_gradients_and_each_its_inputs():
    entries = {name: keras.Input((4,), name=name) for name in ("early", "late")}
    shared = layers.Rescaling(1.0)
    outputs = shared(entries["late"]) - 3.0 * shared(entries["early"])
    model = keras.Model(entries, layers.Dense(1, kernel_initializer="ones")(outputs))
    x = {"early": images(1, 4), "late": images(1, 4)}
    reached = inputs_reaching(model, x, ["early", "late"], [shared])
    calls = gradients(model, x, layers=[shared]).calls
    assert {
        name: float(call.gradient[0, 0]) for (name,), call in zip(reached, calls, strict=True)
    } == {
        "early": -3.0,
        "late": 1.0,
    }


def test_of_an_image_the_mean_of_a_channel_is_explained():
    entry = keras.Input((4, 4, 2), name="images")
    model = keras.Model({"images": entry}, entry * 2.0)
    x = {"images": images(2, 4, 4, 2)}
    expected = 2 * x["images"][..., 1].mean(axis=(1, 2))
    np.testing.assert_allclose(output_number(model, x, 1), expected, rtol=1e-6)
    gradient = input_gradient(model, x, 1)["images"]
    np.testing.assert_allclose(gradient[..., 1], 2 / 16)
    assert not gradient[..., 0].any()
    with pytest.raises(
        IndexError, match=r"no output number 2\. Expected 0 to 1, counted through .*"
    ):
        output_number(model, x, 2)
    with pytest.raises(ValueError, match=r"shape \(2,\)\. Received: shape \(2, 4, 4, 2\)"):
        output_number(model, x, lambda image: image)


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
    with pytest.raises(NotImplementedError, match="Received: 'numpy'"):
        inputs_reaching(model, x, ["images"], [])


def chain_and_branch():
    """Kernels 0 and 1 in a chain, 2 beside it; 1 and 2 meet."""
    entry = keras.Input((6,), name="fluxes")
    deep = layers.Dense(2)(layers.Dense(3)(entry))
    return keras.Model({"fluxes": entry}, layers.Add()([deep, layers.Dense(2)(entry)]))


def dense_layers(model):
    return [layer for layer in model.layers if isinstance(layer, layers.Dense)]


def test_the_last_calls_are_those_with_no_other_behind_them():
    model = chain_and_branch()
    with recorded(dense_layers(model)) as calls:
        model({"fluxes": images(1, 6)})
    wide = [i for i, (_, entering, _) in enumerate(calls) if entering.shape[-1] == 6]
    first = [i for i in wide if calls[i][2].shape[-1] == 3]
    found = last_calls(model, {"fluxes": images(1, 6)}, dense_layers(model))
    assert found == {0, 1, 2} - set(first)


def test_a_layer_that_is_called_twice_is_last_twice():
    entries = {name: keras.Input((4,), name=name) for name in ("early", "late")}
    shared = layers.Dense(2)
    change = layers.Subtract()([shared(entry) for entry in entries.values()])
    model = keras.Model(entries, change)
    assert last_calls(model, {name: images(1, 4) for name in entries}, [shared]) == {0, 1}


def test_outputs_without_a_gradient_have_the_last_call():
    entry = keras.Input((4,), name="fluxes")
    first, second = layers.Dense(3), layers.Dense(3)
    model = keras.Model({"fluxes": entry}, keras.ops.argmax(second(first(entry)), axis=-1))
    assert last_calls(model, {"fluxes": images(1, 4)}, [first, second]) == {1}


def test_no_last_calls_on_other_backends(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "numpy")
    with pytest.raises(NotImplementedError, match="Received: 'numpy'"):
        last_calls(None, {}, [])
