"""Maps of where a network looks: numbers, FITS, and which files are written."""

import math
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import sunpy.map
from astropy.io import fits
from astropy.io.fits.verify import VerifyWarning
from keras import layers

from network_models.explanations import forecast_units, maps, saliency_map
from network_models.explanations.methods import Attribution, UnsuitableMethodError, explain
from network_models.layers.forecasts import (
    ExceedanceProbabilities,
    MeanAndDeviation,
    RisingQuantiles,
)

CARDS = {
    "CTYPE1": "HPLN-TAN",
    "CTYPE2": "HPLT-TAN",
    "CUNIT1": "arcsec",
    "CUNIT2": "arcsec",
    "CRPIX1": 3.25,
    "CRPIX2": 4.75,
    "CDELT1": 300.0,
    "CDELT2": 300.0,
    "CRVAL1": 1.5,
    "CRVAL2": -2.5,
    "CROTA2": 0.0,
    "DATE-OBS": "2014-01-01T00:00:11.34",
    "T_OBS": "2014-01-01T00:00:12.34Z",
    "TELESCOP": "SDO/AIA",
    "INSTRUME": "AIA_4",
    "WAVELNTH": 94,
    "WAVEUNIT": "angstrom",
    "DSUN_OBS": 147096679538.03,
    "RSUN_OBS": 975.962484,
    "RSUN_REF": 696000000.0,
    "CRLN_OBS": 189.476105,
    "CRLT_OBS": -3.004567,
    "DATAMIN": -5,  # of the image, not of its map
    "NAXIS1": 1024,
    "BUNIT": "DN",
    "OSCNMEAN": math.nan,  # FITS cannot hold it
}
UNITS = {"images": "DN / s", "target": "log10(W / m2)"}
GRADIENT = {"methods": ("gradient",)}


def described(number=0, channels=("94", "171"), wcs=None, marks=(), target=-4.5):
    return {
        "id": f"20140101_000{number}",
        "time": np.datetime64("2014-01-01T00:00:12"),
        "channels": channels,
        "unit": "DN / s",
        "wcs": wcs,
        "labels": {"target": target},
        "marks": marks,
    }


def images(*shape):
    return np.random.default_rng(1).normal(3.0, 1.0, shape).astype("float32")


def linear_model(weights):
    """Forecast = sum of weights x pixels; its gradient is the weights."""
    entry = keras.Input(weights.shape, name="images")
    dense = layers.Dense(1, use_bias=False)
    model = keras.Model({"images": entry}, dense(layers.Flatten()(entry)))
    dense.set_weights([weights.reshape(-1, 1)])
    return model


def convolutional_model(shape):
    entry = keras.Input(shape, name="images")
    x = layers.Conv2D(2, 3, padding="same", activation="softplus")(entry)
    output = layers.Dense(1)(layers.GlobalAveragePooling2D()(x))
    return keras.Model({"images": entry}, output)


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


def test_fits_opens_in_sunpy_with_the_wcs_of_the_image(tmp_path):
    weights = images(6, 6, 2)
    x, about = {"images": images(1, 6, 6, 2)}, [described(wcs=CARDS, marks=("SYNTHETIC",))]
    maps.write_maps(linear_model(weights), x, about, tmp_path, UNITS, **GRADIENT)
    opened = sunpy.map.Map(tmp_path / "20140101_0000_171_gradient.fits")
    plain = {key: card for key, card in CARDS.items() if key != "OSCNMEAN"}
    image = sunpy.map.Map(np.zeros((6, 6)), {**plain, "WAVELNTH": 171, "NAXIS1": 6})
    assert opened.wcs.wcs.compare(image.wcs.wcs)
    assert opened.wavelength == image.wavelength
    assert str(opened.unit) == "s / DN"  # dex / (DN / s): dex is a number to FITS
    np.testing.assert_allclose(opened.data, weights[..., 1], rtol=1e-6)
    header = fits.getheader(tmp_path / "20140101_0000_171_gradient.fits")
    assert header["CONTENT"] == "d forecast / d image, dex / (DN / s)"
    assert header["METHOD"] == "gradient"
    assert header["MARKS"] == "SYNTHETIC"
    assert header["CHANNEL"] == "171"
    assert header["TARGET"] == -4.5
    assert not {"DATAMIN", "BASELINE", "SUMERROR", "STEPS", "CONVERGD"} & set(header)


def test_shares_say_how_well_they_add_up(tmp_path):
    weights, x = images(6, 6, 2), {"images": images(1, 6, 6, 2)}
    baseline = {"images": np.ones((6, 6, 2), "float32")}
    model = linear_model(weights)
    about = [described(wcs=CARDS)]
    options = {"methods": ("integrated_gradients",), "baseline": baseline}
    maps.write_maps(model, x, about, tmp_path, UNITS, **options)
    file = tmp_path / "20140101_0000_171_integrated_gradients.fits"
    header, shares = fits.getheader(file), fits.getdata(file)
    # Of a linear model: weight x (image - baseline).
    np.testing.assert_allclose(
        shares, weights[..., 1] * (x["images"][0, ..., 1] - 1.0), rtol=1e-4, atol=1e-5
    )
    assert header["CONTENT"] == "share of a change of the forecast, dex"
    assert header["BASELINE"] == pytest.approx(weights.sum(), rel=1e-5)
    assert header["FORECAST"] == pytest.approx((weights * x["images"][0]).sum(), rel=1e-5)
    assert header["SUMERROR"] < 1e-3
    assert header["STEPS"] == 16
    assert header["CONVERGD"] is True
    assert "BUNIT" not in header  # dex is a number
    assert sunpy.map.Map(file).wavelength.value == 171


def test_relevance_is_stored_once_and_drawn_over_every_channel(tmp_path):
    x, about = {"images": images(1, 16, 16, 2)}, [described(wcs=CARDS)]
    written = maps.write_maps(
        convolutional_model((16, 16, 2)), x, about, tmp_path, UNITS, methods=("grad_cam",)
    )
    assert {path.name for path in written} == {
        *("20140101_0000_94_grad_cam.png", "20140101_0000_171_grad_cam.png"),
        *("20140101_0000_all_grad_cam.png", "20140101_0000_all_grad_cam.fits"),
        "strongest_regions.csv",
    }
    file = tmp_path / "20140101_0000_all_grad_cam.fits"
    opened, header = sunpy.map.Map(file), fits.getheader(file)
    assert opened.reference_pixel.x.value == 2.25  # CRPIX1 less 1
    assert opened.data.shape == (16, 16)
    assert header["CHANNEL"] == "all"
    assert header["CONTENT"] == "relevance, no unit"
    assert "WAVELNTH" not in header
    table = pd.read_csv(tmp_path / "strongest_regions.csv")
    assert "share_94" not in table
    assert table["strongest_channel"].isna().all()


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


def test_fits_without_wcs_holds_the_gradient_alone(tmp_path):
    weights, x = images(6, 6, 1), {"images": images(1, 6, 6, 1)}
    about = [described(channels=("signal 0",)) | {"unit": "browse", "labels": {}}]
    maps.write_maps(linear_model(weights), x, about, tmp_path, **GRADIENT)
    file = tmp_path / "20140101_0000_signal_0_gradient.fits"
    np.testing.assert_allclose(fits.getdata(file), weights[..., 0], rtol=1e-6)
    header = fits.getheader(file)
    assert "CTYPE1" not in header
    assert "BUNIT" not in header
    assert "TARGET" not in header


def test_long_texts_fit_into_fits(tmp_path):
    units = {"images": "DN / s per original pixel", "target": "W / m2, or what stands for it"}
    x, about = {"images": images(1, 6, 6, 1)}, [described(channels=("x" * 30,))]
    options = {"units": units, "model_file": "m" * 100} | GRADIENT
    maps.write_maps(linear_model(images(6, 6, 1)), x, about, tmp_path, **options)
    header = fits.getheader(next(tmp_path.glob("*.fits")))
    assert header["MODEL"] == "m" * 100
    assert header["CONTENT"].endswith("(DN / s per original pixel)")


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


def test_an_attribution_that_did_not_converge_says_so_in_its_header():
    values = {"images": np.ones((6, 6, 1))}
    attribution = Attribution(
        "integrated_gradients", values, -5.0, "share", 0.25, -6.0, 512, converged=False
    )
    sample = {"images": images(1, 6, 6, 1)}
    about = described(channels=("94",))
    (found,) = maps.saliency_maps(attribution, sample, about, {"target": "W / m2"})
    header = found.hdu(0).header
    assert header["CONVERGD"] is False
    assert (header["SUMERROR"], header["STEPS"], header["BASELINE"]) == (0.25, 512, -6.0)
    assert header["BUNIT"] == "W / m2"


def test_maps_of_the_real_sun_open_in_sunpy(real_data, tmp_path):
    planes = []
    for channel in (94, 131, 171, 193, 211, 335):
        file = real_data / "aia_synoptic_20140101" / f"AIA20140101_0000_{channel:04d}.fits"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VerifyWarning)  # cards with the bare value nan
            with fits.open(file) as opened:
                opened[1].verify("silentfix")
                header = opened[1].header
                planes.append(opened[1].data[::8, ::8] / header["EXPTIME"])
                cards = {key: header[key] for key in CARDS if key in header}
    cards |= {"CRPIX1": 64.5625, "CRPIX2": 64.5625, "CDELT1": 19.2, "CDELT2": 19.2}
    x = {"images": np.stack(planes, -1)[None].astype("float32")}
    about = [described(channels=("94", "131", "171", "193", "211", "335"), wcs=cards)]
    options = {"channels": ("193",), "methods": ("integrated_gradients",)}
    weights = np.zeros((128, 128, 6), "float32")
    weights[:, 64:, 0] = 1.0  # the western half at 94 A
    maps.write_maps(linear_model(weights), x, about, tmp_path, UNITS, **options)
    opened = sunpy.map.Map(tmp_path / "20140101_0000_193_integrated_gradients.fits")
    assert opened.observer_coordinate.lat.deg == pytest.approx(cards["CRLT_OBS"])
    assert opened.wavelength.value == 193
    # The Sun's radius in pixels: 975.96 / 19.2 = 50.8.
    assert (opened.rsun_obs / opened.scale[0]).value == pytest.approx(50.8, abs=0.1)
    # NOAA flares of that region: M6.4 at S15W36 on the evening before, M9.9 at S16W45 at 18:52.
    first = pd.read_csv(tmp_path / "strongest_regions.csv").iloc[0]
    assert first["stonyhurst_longitude_deg"] == pytest.approx(37, abs=3)
    assert first["latitude_deg"] == pytest.approx(-16, abs=3)
    assert first["strongest_channel"] == 94


def headed(last, columns):
    """A linear network of several outputs, `last` at its end."""
    entry = keras.Input((6, 6, 2), name="images")
    found = layers.Dense(columns)(layers.Flatten()(entry))
    return keras.Model({"images": entry}, last(found) if last else found)


@pytest.mark.parametrize(
    ("last", "columns", "unit"),
    [
        (ExceedanceProbabilities(), 1, "probability"),  # even where it is one number
        (ExceedanceProbabilities(), 3, "probability"),
        (RisingQuantiles((0.1, 0.5, 0.9)), 3, "log10(W / m2)"),
        (MeanAndDeviation(), 2, "log10(W / m2)"),
        (None, 2, ""),
    ],
)
def test_only_a_forecast_of_the_target_has_its_unit_and_stands_beside_it(last, columns, unit):
    sample, about = {"images": images(1, 6, 6, 2)}, [described()]
    found, units = forecast_units.compared(headed(last, columns), sample, about, UNITS)
    assert units == {"images": "DN / s", "target": unit}
    assert found[0]["labels"] == {}
    assert about == [described()]


def test_a_forecast_of_the_target_keeps_its_unit():
    model, sample = linear_model(np.ones((6, 6, 2), "float32")), {"images": images(1, 6, 6, 2)}
    assert forecast_units.compared(model, sample, [described()], UNITS) == ([described()], UNITS)


def test_maps_of_probabilities_say_so(tmp_path):
    model, sample = headed(ExceedanceProbabilities(), 2), {"images": images(1, 6, 6, 2)}
    maps.write_maps(model, sample, [described()], tmp_path, UNITS, **GRADIENT)
    header = fits.getheader(tmp_path / "20140101_0000_94_gradient.fits")
    assert header["CONTENT"] == "d forecast / d image, probability / (DN / s)"
    assert header.comments["FORECAST"] == "probability"
    assert "TARGET" not in header


def test_the_table_keeps_what_is_not_written_anew(tmp_path):
    weights = np.zeros((64, 64, 2), "float32")
    weights[20, 30] = 2.0
    model, about = linear_model(weights), [described(0), described(1)]
    sample = {"images": images(2, 64, 64, 2)}
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
