"""Maps of where a network looks: numbers, pictures, FITS."""

import math
import warnings

import keras
import numpy as np
import pytest
import sunpy.map
from astropy.io import fits
from astropy.io.fits.verify import VerifyWarning
from keras import layers

from network_models.explanations import figures, map_figures, maps, saliency_map

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


def test_a_known_pixel_is_the_only_one_seen():
    weights = np.zeros((6, 6, 2), "float32")
    weights[4, 1, 1] = 2.0
    image = images(1, 6, 6, 2)
    found = maps.gradient_maps(linear_model(weights), {"images": image}, described(), UNITS)[0]
    assert np.argwhere(found.values).tolist() == [[4, 1, 1]]
    assert np.unravel_index(found.sensitivity.argmax(), (6, 6, 2)) == (4, 1, 1)
    assert found.forecast == pytest.approx(2.0 * image[0, 4, 1, 1], rel=1e-6)
    assert found.change_unit == "dex"


def test_smoothing_keeps_a_constant_up_to_the_missing_pixels():
    values = np.full((16, 16, 2), 3.0)
    values[4:7, 5, 0] = np.nan
    result = saliency_map.smoothed(values, 2.0)
    np.testing.assert_allclose(result[np.isfinite(values)], 3.0)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(values))


def test_contours_enclose_the_fraction_they_claim():
    values = np.random.default_rng(2).exponential(size=(100, 100))
    low, high = map_figures.enclosing_levels(values, (0.5, 0.2))
    assert values[values >= low].sum() / values.sum() == pytest.approx(0.5, abs=1e-3)
    assert values[values >= high].sum() / values.sum() == pytest.approx(0.2, abs=1e-3)
    assert map_figures.enclosing_levels(np.zeros((4, 4))) == []
    assert map_figures.enclosing_levels(np.full((4, 4), np.nan)) == []


def test_fits_opens_in_sunpy_with_the_wcs_of_the_image(tmp_path):
    weights = images(6, 6, 2)
    about = [described(wcs=CARDS, marks=("SYNTHETIC",))]
    maps.write_maps(linear_model(weights), {"images": images(1, 6, 6, 2)}, about, tmp_path, UNITS)
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
    assert "DATAMIN" not in header


def test_fits_without_wcs_holds_the_gradient_alone(tmp_path):
    weights = images(6, 6, 1)
    about = [described(channels=("signal 0",)) | {"unit": "browse", "labels": {}}]
    maps.write_maps(linear_model(weights), {"images": images(1, 6, 6, 1)}, about, tmp_path)
    file = tmp_path / "20140101_0000_signal_0_gradient.fits"
    np.testing.assert_allclose(fits.getdata(file), weights[..., 0], rtol=1e-6)
    header = fits.getheader(file)
    assert "CTYPE1" not in header
    assert "BUNIT" not in header
    assert "TARGET" not in header


def test_long_texts_fit_into_fits(tmp_path):
    units = {"images": "DN / s per original pixel", "target": "W / m2, or what stands for it"}
    x, about = {"images": images(1, 6, 6, 1)}, [described(channels=("x" * 30,))]
    options = {"units": units, "model_file": "m" * 100}
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
    written = maps.write_maps(model, {"images": series}, [described()], tmp_path)
    assert len(written) == len(set(written)) == 2 * (2 * 2 + 1)
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
    names = {path.name for path in maps.write_maps(model, x, [described()], tmp_path)}
    assert "20140101_0000_late_171_gradient.png" in names
    assert "20140101_0000_early_all_gradient.png" in names
    assert len(names) == 10


def test_a_forecast_that_is_missing_still_gets_its_picture(tmp_path):
    image = images(1, 6, 6, 2)
    image[0, 0, 0, 0] = np.nan  # and this model does not replace it
    written = maps.write_maps(
        linear_model(images(6, 6, 2)), {"images": image}, [described(wcs=CARDS)], tmp_path
    )
    assert "FORECAST" not in fits.getheader(written[1])


def test_the_same_network_writes_the_same_bytes(tmp_path):
    model, x = linear_model(images(6, 6, 2)), {"images": images(1, 6, 6, 2)}
    for name in ("one", "two"):
        maps.write_maps(model, x, [described(wcs=CARDS)], tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_model_without_images_says_so(tmp_path):
    entry = keras.Input((4,), name="fluxes")
    model = keras.Model({"fluxes": entry}, layers.Dense(1)(entry))
    written = maps.write_maps(
        model, {"fluxes": images(2, 4)}, [described(), described(1)], tmp_path
    )
    assert "takes no images" in written[0].read_text()


def test_descriptions_must_fit(tmp_path):
    model, x = linear_model(images(6, 6, 2)), {"images": images(2, 6, 6, 2)}
    with pytest.raises(ValueError, match=r"1 descriptions, and arrays of \{'images': 2\} samples"):
        maps.write_maps(model, x, [described()], tmp_path)
    with pytest.raises(ValueError, match=r"Expected 2 names.*Received: channels=\('171',\)"):
        maps.write_maps(model, x, [described(channels=("171",))] * 2, tmp_path)


def test_axes_are_in_arcsec_where_the_wcs_is_plain():
    # Left edge: 1.5 + (0.5 - 3.25) * 300 = -823.5; lower edge: -2.5 + (0.5 - 4.75) * 300 = -1277.5.
    edges = figures.solar_extent(CARDS, (6, 6))
    assert edges == pytest.approx([-823.5, 976.5, -1277.5, 522.5])
    assert figures.solar_extent(CARDS | {"CROTA2": 30.0}, (6, 6)) is None
    assert figures.solar_extent(CARDS | {"CUNIT1": "deg"}, (6, 6)) is None
    assert figures.solar_extent(None, (6, 6)) is None


def test_marks_stand_in_every_panel_and_missing_pixels_are_grey():
    figure = figures.new_figure(4, 2)
    for axes in figure.subplots(1, 2):
        figures.draw_image(axes, images(8, 8), "171")
    figure.colorbar(figure.axes[0].images[0], ax=figure.axes[0])
    figures.add_marks(figure, ("SYNTHETIC", "APPROXIMATE WCS"))
    texts = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert texts == [["SYNTHETIC, APPROXIMATE WCS"]] * 2 + [[]]
    image = images(8, 8)
    scale = figures.image_scale(image)
    image[0, 0] = np.nan
    grey = figures.colour_table("171")(scale(np.ma.masked_invalid(image)), bytes=True)[0, 0]
    assert grey.tolist() == [128, 128, 128, 255]


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
    maps.write_maps(linear_model(images(128, 128, 6)), x, about, tmp_path, UNITS)
    opened = sunpy.map.Map(tmp_path / "20140101_0000_193_gradient.fits")
    assert opened.observer_coordinate.lat.deg == pytest.approx(cards["CRLT_OBS"])
    assert opened.wavelength.value == 193
    # The Sun's radius in pixels: 975.96 / 19.2 = 50.8.
    assert (opened.rsun_obs / opened.scale[0]).value == pytest.approx(50.8, abs=0.1)
