import dataclasses
import importlib.util
import sys
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import sunpy.map
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from dataset_models import climatology
from dataset_models.sdo import geometry
from dataset_models.sdo.aia import AIA
from dataset_models.sdo.layers import NOISE_SCALE, AsinhWhiten
from dataset_models.sdo.moments import Moments
from software_tests.known_archive import CARDS, CHANNELS, DAYS, Archive, decoded
from tools.tools import REPOSITORY


def test_statistics_are_those_of_the_training_disk(archive):
    archive.features()
    dataset = archive.open(side_channels=("hand_tailored",))
    numbers = dataset.statistics()
    x = (np.arange(4) + 0.5) * 614.4 - (4.75 - 0.5) * 307.2  # arcsec from disk centre
    y = (np.arange(4) + 0.5) * 614.4 - (4.25 - 0.5) * 307.2
    inside = np.hypot(x[None], y[:, None]) < 1.2 * 960
    assert 0 < inside.sum() < 16
    pixels = np.concatenate(
        [decoded(dataset, "train", i)["images"][inside] for i in range(dataset.size("train"))]
    ).astype("float64")
    scale = [NOISE_SCALE[c] for c in CHANNELS]
    asinh, log = np.arcsinh(pixels / scale), np.log(np.maximum(pixels, 1))
    expected = {
        "scale": scale,
        "asinh_mean": asinh.mean(0),
        "asinh_std": asinh.std(0),
        "log_mean": log.mean(0),
        "log_std": log.std(0),
    }
    assert set(numbers["images"]) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(numbers["images"][name], values, rtol=1e-6)
    targets = np.stack([dataset.target("train", i) for i in range(dataset.size("train"))])
    np.testing.assert_allclose(numbers["target"]["mean"], targets.mean(0), rtol=1e-6)
    np.testing.assert_allclose(numbers["target"]["std"], targets.std(0), rtol=1e-5)
    assert numbers["hand_tailored"]["mean"].shape == (25,)
    assert dataset.statistics("test")["target"]["mean"] > numbers["target"]["mean"]
    white = dataset.whitening()
    assert isinstance(white, AsinhWhiten)
    images = np.stack([decoded(dataset, "train", i)["images"] for i in range(6)])
    white = keras.ops.convert_to_numpy(white(images))
    np.testing.assert_allclose(
        white[0], (np.arcsinh(images[0] / scale) - asinh.mean(0)) / asinh.std(0), atol=1e-4
    )


def test_moments_equal_numpy_part_by_part_and_leave_nan_out():
    values = np.random.default_rng(1).normal(1e6, 1, (100, 2))
    values[::7, 0] = np.nan
    found = Moments(2)
    for part in np.split(values, [1, 10, 40]):
        found.add(part)
    found.add(np.full((3, 2), np.nan))
    np.testing.assert_allclose(found.mean, np.nanmean(values, 0), rtol=1e-12)
    np.testing.assert_allclose(found.std, np.nanstd(values, 0), rtol=1e-9)
    constant = Moments(1)
    constant.add(np.full((5, 1), 0.1))
    assert constant.std == 1


def test_baselines(archive):
    dataset = archive.open()
    found = dataset.baselines("test")
    size = dataset.size("test")
    assert {values.shape for values in found.values()} == {(size, 1)}
    about = [dataset.describe("test", i) for i in range(size)]
    flux = [one["labels"]["current_flux"] for one in about]
    np.testing.assert_allclose(found["persistence"][:, 0], np.log10(flux), rtol=1e-5)
    train = [dataset.target("train", i) for i in range(dataset.size("train"))]
    np.testing.assert_allclose(found["climatology"], np.full((size, 1), np.mean(train)), rtol=1e-6)
    delta = archive.open(dependent_variable="flux delta").baselines("test")
    assert (delta["persistence"] == 0).all()


def test_the_trailing_climatology_knows_no_window_before_it_has_closed(archive):
    dataset = archive.open()
    found = dataset.baselines("test")["climatology 365 d"]
    # Row n looks to its time + 25 h, so at row m (12 h apart) rows up to m - 3 have closed.
    rows = np.log10(1e-6 * 1.1 ** np.arange(2 * DAYS))
    for position in range(dataset.size("test")):
        time = dataset.describe("test", position)["time"]
        own = int((time - np.datetime64("2014-01-01")) // np.timedelta64(12, "h"))
        np.testing.assert_allclose(found[position], rows[: own - 2].mean(), rtol=1e-5)
    first = dataset.baselines("train")["climatology 365 d"][0]
    np.testing.assert_allclose(first, dataset.baselines("train")["climatology"][0])


def test_trailing_mean_equals_a_loop():
    random = np.random.default_rng(3)
    known = np.datetime64("2014-01-01") + random.integers(0, 900 * 1440, 300).astype("m8[m]")
    targets = random.normal(size=300)
    targets[::10] = np.nan
    times = np.datetime64("2014-01-01") + random.integers(0, 900 * 1440, 50).astype("m8[m]")
    found = climatology.trailing_mean(times, known, targets, horizon_minutes=1500, days=100)
    for time, value in zip(times, found, strict=True):
        closed = known + np.timedelta64(1500, "m")
        use = (closed <= time) & (closed > time - np.timedelta64(100, "D")) & np.isfinite(targets)
        np.testing.assert_allclose(value, targets[use].mean() if use.any() else np.nan)


def test_a_description_opens_in_sunpy(archive):
    dataset = archive.open()
    about = dataset.describe("train", 1)
    assert about["id"] == "20140101_1200"
    assert about["time"] == np.datetime64("2014-01-01T12:00:11")
    assert about["channels"] == ("94", "171")
    assert about["unit"] == "DN / s"
    assert about["marks"] == ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sunpy speaks of deprecated cards
        sun = sunpy.map.Map(np.zeros((4, 4)), about["wcs"])
        assert type(sun).__name__ == "AIAMap"
        assert sun.wavelength.value == 94
        assert sun.rsun_obs.value == 960
        # Disk centre lies 4.75 - 0.5 = 4.25 pixels from the edge: 2.125 of the pixels twice as
        # large, which is 2.125 - 0.5 = 1.625 where the centre of the first pixel is 0.
        centre = sun.world_to_pixel(SkyCoord(0, 0, unit="arcsec", frame=sun.coordinate_frame))
    np.testing.assert_allclose([centre.x.value, centre.y.value], [1.625, 1.375], atol=1e-6)


def test_a_rescaled_wcs_keeps_every_place():
    cards = CARDS | {"NAXIS1": 8, "NAXIS2": 8, "CROTA2": 10.0}
    full, half = WCS(cards), WCS(geometry.rescaled(cards, 4))
    # The middle of a 2 x 2 block, (2 i + 0.5) of the full pixels, is the centre of half pixel i.
    for pixel in (0, 1, 3):
        np.testing.assert_allclose(
            half.wcs_pix2world([[pixel, pixel]], 0),
            full.wcs_pix2world([[2 * pixel + 0.5] * 2], 0),
            rtol=1e-10,
        )
    assert geometry.rescaled(cards, 4)["R_SUN"] == 3.125 / 2


def test_marks_and_caveats(tmp_path):
    archive = Archive(tmp_path, pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h"))
    archive.write(synthetic=True, wcs_approximate=True)
    archive.label()
    archive.change(sampling="flare case")
    dataset = archive.open(split="random", allow_leak=True)
    assert dataset.describe("test", 0)["marks"] == ("SYNTHETIC", "APPROXIMATE WCS")
    words = [sentence.split(":")[0] for sentence in dataset.caveats()]
    assert words == ["SYNTHETIC", "LEAKING", "CASE-CONTROL", "FEW SAMPLES", "NO LIGHT CURVE"]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("embedded")
    AIA.write_sample(folder, days=40, cadence_minutes=720, size=32, channels=(94, 171))
    return folder


def test_write_sample_writes_what_aia_opens(embedded):
    dataset = AIA(
        folder=embedded, channels=(94, 171), image_size=32, block_days=4.0, embargo_days=0.0
    )
    assert len(dataset.split_table()) == 80
    assert dataset.describe("test", 0)["marks"] == ("SYNTHETIC",)
    assert decoded(dataset)["images"].shape == (32, 32, 2)


@pytest.fixture
def starting_point(monkeypatch):
    """network.py and config.py of the starting point, as modules."""
    folder = REPOSITORY / "network_models/xray_flux_forecast/starting_point"

    def load(name):
        spec = importlib.util.spec_from_file_location(
            f"starting_point_{name}", folder / f"{name}.py"
        )
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load("network"), load("config")


def test_fed_the_answer_the_starting_point_gives_it_back(embedded, starting_point, monkeypatch):
    monkeypatch.setenv("FLARENET_DATA", str(embedded))
    network, settings = starting_point
    config = dataclasses.replace(
        settings.tiny,
        channels=(94, 171),
        image_size=16,
        side_channels=("true_value",),
        learning_rate=0.02,
    )
    keras.utils.set_random_seed(1)
    dataset = network.build_dataset(config)
    model = network.build_model(config, dataset)

    def all_of(split):
        x, y, _ = dataset.batches(split, dataset.size(split))[0]
        return dataset.decoder()(x), y

    model.fit(*all_of("train"), batch_size=8, epochs=60, verbose=0)
    scores = model.evaluate(*all_of("validation"), return_dict=True, verbose=0)
    assert scores["rmse"] < 0.05  # dex
