"""What the methods of maps refuse, and that they leave a network as it was."""

import keras
import pytest
from keras import layers

from network_models.explanations import inspection
from network_models.explanations.methods import METHODS, UnsuitableMethodError, explain
from network_models.explanations.methods.attribution import Attribution
from software_tests.map_samples import images, linear_model
from software_tests.network_kinds import flat


def test_unknown_methods_and_layers_are_named_with_the_nearest():
    model, sample = flat(), {"images": images(1, 8, 8, 2)}
    with pytest.raises(ValueError, match=r"no method 'gradcam'.*Did you mean 'grad_cam'\?"):
        explain("gradcam", model, sample)
    name = next(one.name for one in model.layers if isinstance(one, layers.Conv2D))
    with pytest.raises(ValueError, match=rf"no layer '{name}x'.*Did you mean '{name}'\?"):
        explain("grad_cam", model, sample, layer=f"{name}x")
    with pytest.raises(ValueError, match=rf"'{model.layers[-1].name}' gives no planes"):
        explain("grad_cam", model, sample, layer=model.layers[-1].name)


def test_baselines_must_fit():
    model, sample = flat(), {"images": images(1, 8, 8, 2)}
    for method in ("integrated_gradients", "occlusion", "grad_cam"):
        with pytest.raises(ValueError, match=r"Expected shape \(8, 8, 2\).*shape \(4, 4, 2\)"):
            explain(method, model, sample, baseline={"images": images(4, 4, 2)})
        with pytest.raises(ValueError, match=r"'image' belongs to no image.*\['images'\]"):
            explain(method, model, sample, baseline={"image": images(8, 8, 2)})


def test_models_that_a_method_cannot_explain_say_what_would_do():
    entry = keras.Input((4,), name="fluxes")
    model = keras.Model({"fluxes": entry}, layers.Dense(1)(entry))
    for method in METHODS:
        with pytest.raises(UnsuitableMethodError, match=r"takes no images.*'fluxes': \(4,\)"):
            explain(method, model, {"fluxes": images(1, 4)})
    sample = {"images": images(1, 6, 6, 2)}
    with pytest.raises(UnsuitableMethodError, match=r"without a convolution.*Flatten.*occlusion"):
        explain("grad_cam", linear_model(images(6, 6, 2)), sample)


def test_one_sample_at_a_time():
    with pytest.raises(ValueError, match=r"One sample.*Received: \{'images': 2\} samples"):
        explain("gradient", flat(), {"images": images(2, 8, 8, 2)})
    with pytest.raises(ValueError, match="no kind 'sloppy'"):
        Attribution("gradient", {}, 0.0, "sloppy")


@pytest.mark.parametrize(("kind", "whitened"), [("slope", None), ("share", {})])
def test_slopes_alone_have_whitened_slopes(kind, whitened):
    with pytest.raises(ValueError, match="Slopes, and nothing else, have whitened slopes"):
        Attribution("own", {}, 0.0, kind, whitened=whitened)


def test_layers_are_themselves_again():
    model = flat()
    layer = model.layers[1]
    with inspection.recorded([layer]) as outer:
        with inspection.replaced([layer], lambda number, output: output + number):
            model({"images": images(1, 8, 8, 2)})
        model({"images": images(1, 8, 8, 2)})
    assert len(outer) == 2
    assert "call" not in vars(layer)
