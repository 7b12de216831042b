"""The FITS files of maps: their numbers, headers and WCS."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import sunpy.map
from astropy.io import fits
from astropy.io.fits.verify import VerifyWarning
from keras import layers

from network_models.explanations import maps
from network_models.explanations.methods import Attribution
from software_tests.map_samples import CARDS, GRADIENT, UNITS, described, images, linear_model


def convolutional_model(shape):
    entry = keras.Input(shape, name="images")
    x = layers.Conv2D(2, 3, padding="same", activation="softplus")(entry)
    output = layers.Dense(1)(layers.GlobalAveragePooling2D()(x))
    return keras.Model({"images": entry}, output)


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


def test_the_header_names_the_output_that_is_explained(tmp_path):
    entry = keras.Input((6, 6, 1), name="images")
    last = layers.Dense(2, use_bias=False)
    model = keras.Model({"images": entry}, last(layers.Flatten()(entry)))
    x, about = {"images": images(1, 6, 6, 1)}, [described(channels=("94",))]
    options = {"output": 1, "output_name": "M1.0"} | GRADIENT
    maps.write_maps(model, x, about, tmp_path, UNITS, **options)
    file = tmp_path / "20140101_0000_94_gradient.fits"
    assert fits.getheader(file)["OUTPUT"] == "M1.0"
    kernel = np.asarray(last.kernel)
    np.testing.assert_allclose(fits.getdata(file).ravel(), kernel[:, 1], rtol=1e-6)


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
