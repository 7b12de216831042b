"""Maps of where a network looks: which files are written, and the table of regions."""

import keras
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from keras import layers

from network_models.explanations import maps, saliency_map
from network_models.explanations.methods import UnsuitableMethodError, explain
from software_tests.map_samples import CARDS, GRADIENT, UNITS, described, images, linear_model


def test_a_known_pixel_is_the_only_one_seen():
    weights = np.zeros((6, 6, 2), "float32")
    weights[4, 1, 1] = 2.0
    sample = {"images": images(1, 6, 6, 2)}
    attribution = explain("gradient", linear_model(weights), sample)
    (found,) = maps.saliency_maps(attribution, sample, described(), UNITS)
    assert np.argwhere(found.values).tolist() == [[4, 1, 1]]
    assert np.unravel_index(found.sensitivity.argmax(), (6, 6, 2)) == (4, 1, 1)
    assert found.forecast == pytest.approx(2.0 * sample["images"][0, 4, 1, 1], rel=1e-6)
    assert found.change_unit == "dex"
    assert found.signed is None  # the sign of a slope does not say what this image does


def test_smoothing_keeps_a_constant_up_to_the_missing_pixels():
    values = np.full((16, 16, 2), 3.0)
    values[4:7, 5, 0] = np.nan
    result = saliency_map.smoothed(values, 2.0)
    np.testing.assert_allclose(result[np.isfinite(values)], 3.0)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(values))


def test_the_table_holds_every_method_and_sample(tmp_path):
    weights = np.zeros((32, 32, 2), "float32")
    weights[20, 9, 0] = 5.0
    x = {"images": images(2, 32, 32, 2)}
    about = [described(0), described(1)]
    methods = ("gradient", "integrated_gradients")
    written = maps.write_maps(
        linear_model(weights), x, about, tmp_path, UNITS, methods=methods, channels=("171",)
    )
    table = pd.read_csv(written[-1], parse_dates=["time"])
    assert table["method"].tolist() == [name for name in methods for _ in about]
    assert table["id"].tolist() == [one["id"] for one in about] * 2
    assert table[["row", "column"]].to_numpy().tolist() == [[20, 9]] * 4
    assert (table["time"] == about[0]["time"]).all()
    assert not list(tmp_path.glob("*_94_*"))  # only channel 171 was asked for
    assert len(list(tmp_path.glob("*_171_*.fits"))) == 4


def test_series_get_a_map_for_each_frame_and_missing_pixels_stay_missing(tmp_path):
    entry = keras.Input((2, 8, 8, 2), name="images")
    known = keras.ops.where(keras.ops.isnan(entry), 0.0, entry)
    x = layers.Conv3D(2, 3, padding="same")(known)
    model = keras.Model({"images": entry}, layers.Dense(1)(layers.GlobalAveragePooling3D()(x)))
    series = images(1, 2, 8, 8, 2)
    series[0, 1, 3, 4, 0] = np.nan
    written = maps.write_maps(model, {"images": series}, [described()], tmp_path, **GRADIENT)
    assert len(written) == len(set(written)) == 2 * (2 * 2 + 1) + 1
    assert all(path.exists() for path in written)
    values = fits.getdata(tmp_path / "20140101_0000_frame1_94_gradient.fits")
    assert np.argwhere(np.isnan(values)).tolist() == [[3, 4]]
    assert fits.getheader(tmp_path / "20140101_0000_frame1_94_gradient.fits")["FRAME"] == 1


def test_two_images_and_a_side_channel(tmp_path):
    entries = {name: keras.Input((6, 6, 2), name=name) for name in ("early", "late")}
    entries["side"] = keras.Input((1,), name="side")
    flat = [layers.Flatten()(entry) for entry in entries.values()]
    model = keras.Model(entries, layers.Dense(1)(layers.Concatenate()(flat)))
    x = {"early": images(1, 6, 6, 2), "late": images(1, 6, 6, 2), "side": images(1, 1)}
    written = maps.write_maps(model, x, [described()], tmp_path, channels=("171",), **GRADIENT)
    assert {path.name for path in written} == {
        *(f"20140101_0000_{name}_171_gradient.png" for name in ("early", "late")),
        *(f"20140101_0000_{name}_171_gradient.fits" for name in ("early", "late")),
        *(f"20140101_0000_{name}_all_gradient.png" for name in ("early", "late")),
        "strongest_regions.csv",
    }


def test_image_to_image_of_a_wide_patch(tmp_path):
    entry = keras.Input((8, 20, 1), name="images")
    model = keras.Model({"images": entry}, layers.Conv2D(2, 3, padding="same")(entry))
    about = described(channels=("Bz",)) | {"unit": "G", "labels": {"target": np.ones((8, 20, 2))}}
    x = {"images": images(1, 8, 20, 1)}
    maps.write_maps(model, x, [about], tmp_path, **GRADIENT)
    header = fits.getheader(tmp_path / "20140101_0000_Bz_gradient.fits")
    assert (header["NAXIS1"], header["NAXIS2"]) == (20, 8)
    assert "TARGET" not in header  # an image, not one number


def test_a_forecast_that_is_missing_still_gets_its_picture(tmp_path):
    image = images(1, 6, 6, 2)
    image[0, 0, 0, 0] = np.nan  # and this model does not replace it
    model, about = linear_model(images(6, 6, 2)), [described(wcs=CARDS)]
    maps.write_maps(model, {"images": image}, about, tmp_path, **GRADIENT)
    assert "FORECAST" not in fits.getheader(tmp_path / "20140101_0000_94_gradient.fits")
    assert pd.read_csv(tmp_path / "strongest_regions.csv").empty


def test_the_same_network_writes_the_same_bytes(tmp_path):
    model, x = linear_model(images(6, 6, 2)), {"images": images(1, 6, 6, 2)}
    for name in ("one", "two"):
        maps.write_maps(model, x, [described(wcs=CARDS)], tmp_path / name, **GRADIENT)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_model_without_images_is_refused_or_skipped(tmp_path):
    entry = keras.Input((4,), name="fluxes")
    model = keras.Model({"fluxes": entry}, layers.Dense(1)(entry))
    x, about = {"fluxes": images(2, 4)}, [described(), described(1)]
    with pytest.raises(UnsuitableMethodError, match="image"):
        maps.write_maps(model, x, about, tmp_path)
    (written,) = maps.write_maps(model, x, about, tmp_path, skip_unsuitable=True)
    assert written.name == "skipped.txt"
    assert "\ngradient: " in written.read_text()
    assert "\nintegrated_gradients: " in written.read_text()


def test_a_method_that_does_not_fit_leaves_the_others(tmp_path):
    model, x = linear_model(images(6, 6, 2)), {"images": images(1, 6, 6, 2)}
    options = {"methods": ("grad_cam", "gradient"), "skip_unsuitable": True}
    names = {path.name for path in maps.write_maps(model, x, [described()], tmp_path, **options)}
    assert {"skipped.txt", "20140101_0000_all_gradient.png"} <= names
    assert "grad_cam: " in (tmp_path / "skipped.txt").read_text()


def test_descriptions_and_channels_must_fit(tmp_path):
    model, x = linear_model(images(6, 6, 2)), {"images": images(2, 6, 6, 2)}
    with pytest.raises(ValueError, match=r"1 descriptions, and arrays of \{'images': 2\} samples"):
        maps.write_maps(model, x, [described()], tmp_path)
    with pytest.raises(ValueError, match=r"Expected 2 names.*Received: channels=\('171',\)"):
        maps.write_maps(model, x, [described(channels=("171",))] * 2, tmp_path)
    with pytest.raises(ValueError, match=r"no channel '304'. Expected any of \['94', '171'\]"):
        maps.write_maps(model, x, [described()] * 2, tmp_path, channels=("171", "304"))
    with pytest.raises(ValueError, match="Did you mean 'gradient'"):
        maps.write_maps(model, x, [described()] * 2, tmp_path, methods=("gradiant",))


def test_the_table_keeps_what_is_not_written_anew(tmp_path):
    weights = np.zeros((32, 32, 1), "float32")
    weights[20, 30] = 2.0
    model, about = linear_model(weights), [described(0, ("94",)), described(1, ("94",))]
    sample = {"images": images(2, 32, 32, 1)}
    first = {name: array[:1] for name, array in sample.items()}
    file = tmp_path / "strongest_regions.csv"
    maps.write_maps(model, sample, about, tmp_path, UNITS, **GRADIENT)
    both = file.read_bytes()
    maps.write_maps(model, first, about[:1], tmp_path, UNITS, methods=("occlusion",))
    table = pd.read_csv(file)
    assert set(zip(table["id"], table["method"], strict=True)) == {
        ("20140101_0000", "gradient"),
        ("20140101_0001", "gradient"),
        ("20140101_0000", "occlusion"),
    }
    (tmp_path / "strongest_regions.csv").write_bytes(both)
    maps.write_maps(model, sample, about, tmp_path, UNITS, **GRADIENT)
    assert file.read_bytes() == both
