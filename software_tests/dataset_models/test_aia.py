import keras
import numpy as np
import pandas as pd
import pytest

from dataset_models.dataset import DatasetNotFoundError
from dataset_models.sdo import index
from dataset_models.sdo.aia import AIA
from software_tests.contracts import assert_dataset_contract
from software_tests.known_archive import CHANNELS, DAYS, Archive, decoded, planes, rejected


def test_it_keeps_the_contract(archive):
    archive.features()
    sides = ("current_goes", "true_value", "hand_tailored")
    assert_dataset_contract(archive.open(side_channels=sides))


def test_a_series_with_missing_channels_and_degradation_keeps_the_contract(tmp_path):
    times = pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h")
    archive = Archive(tmp_path, times)
    archive.write(lacking={3: (94,), 20: (171,)})
    archive.label()
    dataset = archive.open(
        aia_image_count=2,
        image_spacing_minutes=720,
        allow_missing_channels=True,
        degradation=lambda channels, times: np.full((len(times), len(channels)), 0.5),
    )
    assert_dataset_contract(dataset)
    assert dataset.input_shape == {"images": (2, 4, 4, 2), "channel_mask": (2, 2)}
    assert dataset.size("train") > 0


def test_images_are_the_area_average_in_dn_per_second(archive):
    dataset = archive.open(channels=(171, 94))
    image = decoded(dataset)["images"]
    assert image.shape == (4, 4, 2)
    assert image.dtype == np.float32
    for position, channel in enumerate((171, 94)):
        exact = planes(0, (channel,))[channel].reshape(4, 2, 4, 2).mean(axis=(1, 3))
        # The root is kept to 2**-11, its square to 2**-10 of each pixel; the largest is 18.
        np.testing.assert_allclose(image[..., position], exact, atol=20 * 2**-10)
    assert image.min() < 0  # negative pixels are real


def test_a_series_runs_from_the_oldest_image_to_the_sample_s_own(archive):
    dataset = archive.open(aia_image_count=3, image_spacing_minutes=720, image_size=8)
    images = decoded(dataset)["images"]
    assert images.shape == (3, 8, 8, 2)
    for step in range(3):  # the first sample with two earlier images is row 2
        exact = planes(step, (171,))[171]
        np.testing.assert_allclose(images[step, :, :, 1], exact, atol=0.1)
    reasons = rejected(dataset)
    assert reasons["20140101_0000"] == "no image 1440 min earlier"
    assert reasons["20140101_1200"] == "no image 1440 min earlier"
    assert dataset.split.span_minutes == 1440


def test_a_sample_that_lacks_a_channel_is_rejected_or_masked(tmp_path):
    archive = Archive(tmp_path, pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h"))
    archive.write(lacking={1: (94,)})
    archive.label()
    assert rejected(archive.open())["20140101_1200"] == "lacks channel 94"
    found = decoded(archive.open(allow_missing_channels=True), position=1)
    np.testing.assert_array_equal(found["channel_mask"], [0, 1])
    assert np.isnan(found["images"][..., 0]).all()
    assert np.isfinite(found["images"][..., 1]).all()


def test_no_channel_at_all_is_rejected_even_where_some_may_be_missing(tmp_path):
    archive = Archive(tmp_path, pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h"))
    archive.write(lacking={1: (171,)})
    archive.label()
    dataset = archive.open(channels=(171,), allow_missing_channels=True)
    assert rejected(dataset)["20140101_1200"] == "has none of the channels"


def test_targets_by_hand(archive):
    catch, current = 1e-6 * 1.1**2, 5e-7 * 1.05**2  # of row 2
    targets = {
        ("forecast", True): np.log10(catch),
        ("forecast", False): catch,
        ("flux delta", True): np.log10(catch) - np.log10(current),
        ("flux delta", False): catch - current,
    }
    for (variable, log), expected in targets.items():
        dataset = archive.open(dependent_variable=variable, log_flux=log)
        _, y, weight = dataset.sample("train", 2, None)
        assert (y.dtype, y.shape, weight) == (np.float32, (1,), 1)
        np.testing.assert_allclose(y, [expected], rtol=1e-5)
        np.testing.assert_array_equal(dataset.target("train", 2), y)
    assert archive.open().units["target"] == "log10(W / m2)"
    assert archive.open(dependent_variable="flux delta").units["target"] == "dex"
    assert archive.open(log_flux=False).units["target"] == "W / m2"


def test_side_channels_by_hand(archive):
    archive.features()
    dataset = archive.open(side_channels=("hand_tailored", "true_value", "current_goes"))
    x, y, _ = dataset.sample("train", 3, None)  # 2014-01-02T12:00:11
    np.testing.assert_allclose(x["current_goes"], [np.log10(5e-7 * 1.05**3)], rtol=1e-6)
    np.testing.assert_array_equal(x["true_value"], y)
    # The newest row is that of 2014-01-02T06:00, the third: 2 + k. For 00:00 it is the second.
    np.testing.assert_array_equal(x["hand_tailored"], 2 + np.arange(25))
    earlier = dataset.sample("train", 2, None)[0]["hand_tailored"]
    np.testing.assert_array_equal(earlier, 1 + np.arange(25))


@pytest.mark.parametrize(
    ("series", "knows"),
    [
        *[("cgem.Lorentz", True), ("hmi.M_720s", False), ("", True)],
        *[("hmi.sharp_cea_720s_nrt", False), ("hmi.sharp_cea_720s", True)],
    ],
)
def test_features_of_boxes_that_know_the_future_are_told_of(archive, series, knows):
    archive.features()
    path = archive.folder / "side_channel/HMI_features.csv"
    table = pd.read_csv(path).assign(SERIES="hmi.sharp_cea_720s_nrt", FORCES_SERIES=series)
    table.to_csv(path, index=False)
    said = archive.open(side_channels=("hand_tailored",)).caveats()
    assert any(caveat.startswith("FORESIGHT") for caveat in said) == knows
    assert not any(caveat.startswith("FORESIGHT") for caveat in archive.open().caveats())


def test_what_is_unknown_is_rejected_with_its_reason(archive):
    number = np.arange(len(archive.times))
    catch, current = 1e-6 * 1.1**number, 5e-7 * 1.05**number
    coverage, quiet = np.ones(len(number)), np.zeros(len(number))
    catch[[0, 1]], current[2], coverage[3], quiet[1] = np.nan, np.nan, 0.9, 1
    stamps = archive.times.strftime("%Y%m%d_%H%M").to_numpy().copy()
    stamps[4] = "20131231_0000"
    columns = {"Catch Flux": catch, "Current Flux": current, "Coverage": coverage, "Quiet": quiet}
    archive.label(**columns, **{"Date Stamp": stamps})
    reasons = rejected(archive.open(side_channels=("current_goes",)))
    assert reasons["20140101_0000"] == "flux of the window unknown"
    assert reasons["20140101_1200"] == "quiet: no flux in an event list; quiet_flux sets one"
    assert reasons["20140102_0000"] == "current flux unknown"
    assert reasons["20140102_1200"] == "less than 0.95 of the label's window observed"
    assert reasons["20140103_0000"] == "no label"
    dataset = archive.open(quiet_flux=3e-7, minimum_coverage=0.5)
    assert set(reasons.index[:5]) - set(rejected(dataset).index) == {
        "20140101_1200",
        "20140102_0000",
        "20140102_1200",
    }
    np.testing.assert_allclose(dataset.target("train", 0), [np.log10(3e-7)], rtol=1e-6)


def test_hand_tailored_features_that_are_too_old_are_no_features(archive):
    archive.features()
    path = archive.folder / "side_channel/HMI_features.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:5]))  # to 01-03T06:00
    reasons = rejected(archive.open(side_channels=("hand_tailored",), fractions=(1, 0, 0)))
    assert reasons["20140104_1200"] == "no hand-tailored features of the last 24 h"
    assert "20140104_0000" not in reasons


def test_degradation_is_divided_out_unless_it_is_not_wanted(archive):
    def degradation(channels, times):
        assert channels == CHANNELS
        return np.tile([0.5, 0.25], (len(times), 1))

    plain = decoded(archive.open())["images"]
    corrected = archive.open(degradation=degradation)
    np.testing.assert_allclose(decoded(corrected)["images"], plain * (2, 4), rtol=1e-6)
    assert "degradation" not in corrected.input_shape
    uncorrected = archive.open(degradation=degradation, correct_degradation=False)
    np.testing.assert_array_equal(decoded(uncorrected)["images"], plain)


def test_browse_images_stay_as_they_are(tmp_path):
    archive = Archive(tmp_path, pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h"))
    archive.write(unit="browse")
    archive.label()
    dataset = archive.open(channels=(171,), image_size=8)
    assert dataset.sample("train", 0, None)[0]["images"].dtype == np.uint8
    exact = np.clip(planes(0, (171,))[171], 0, 255).astype("uint8")
    np.testing.assert_array_equal(decoded(dataset)["images"][..., 0], exact)
    assert dataset.units["images"] == "browse"
    white = dataset.whitening()
    assert isinstance(white, keras.layers.Rescaling)
    assert white.scale == 1 / 255
    assert "images" not in dataset.statistics()
    masked = archive.open(channels=(171, 94), image_size=8, allow_missing_channels=True)
    np.testing.assert_array_equal(decoded(masked)["images"][..., 0], exact)


def test_regions_and_periods(archive):
    archive.change(active_region=np.repeat(np.arange(1, 2 * DAYS // 2 + 1), 2))
    with pytest.raises(ValueError, match="regions leaks for images of the whole disk"):
        archive.open(split="regions")
    regions = archive.open(split="regions", allow_leak=True)
    assert regions.split.kind == "groups"
    assert any(caveat.startswith("LEAKING") for caveat in regions.caveats())
    archive.change(active_region=0, harp=np.repeat(np.arange(1, 2 * DAYS // 2 + 1), 2))
    with pytest.raises(ValueError, match=r"harps leaks for images.*Received: split='harps'"):
        archive.open(split="harps")
    harps = archive.open(split="harps", allow_leak=True)
    assert harps.leaks
    np.testing.assert_array_equal(harps.split.names, regions.split.names)
    periods = {
        "train": [("2014-01-01", "2014-01-10")],
        "validation": [("2014-01-13", "2014-01-16")],
        "test": [("2014-01-19", "2014-01-25")],
    }
    dataset = archive.open(split="periods", periods=periods)
    assert dataset.size("train") == 18
    assert rejected(dataset)["20140112_0000"] == "outside every period"


def test_the_fingerprint_follows_the_labels(archive):
    before = archive.open().fingerprint()
    archive.label(**{"Catch Flux": 3e-5})
    assert archive.open().fingerprint() != before


def test_hand_tailored_features_widen_what_a_sample_reads(archive):
    assert archive.open()._span_minutes(3, 12) == 24
    dataset = archive.open()
    dataset.side_channels = ("hand_tailored",)
    assert dataset._span_minutes(3, 12) == 24 * 60  # features may be a day old


def test_the_fingerprint_follows_the_split(archive):
    assert archive.open().fingerprint() == archive.open().fingerprint()
    assert archive.open().fingerprint() != archive.open(block_days=3.0).fingerprint()


def test_missing_files_name_the_commands_that_make_them(tmp_path, archive):
    with pytest.raises(DatasetNotFoundError, match=r"(?s)embedded_sample\.py.*structure_data\.py"):
        AIA(folder=tmp_path / "none")
    message = r"(?s)12 min ahead, over 1440 min, was not found.*v4_find_ys\.py --delays 12"
    with pytest.raises(DatasetNotFoundError, match=message):
        archive.open(lag_minutes=12)


def test_labels_of_other_times(archive):
    times = archive.times + pd.Timedelta(days=1000)
    archive.label(**{"Date Stamp": times.strftime("%Y%m%d_%H%M")})
    with pytest.raises(ValueError, match=r"do not cover the images.*20140101_0000.*20160927_0000"):
        archive.open()


def test_no_sample_left(archive):
    archive.label(Coverage=0.5)
    with pytest.raises(ValueError, match=r"No sample is left of 48 in the index.*48 x less than"):
        archive.open()


def test_an_image_size_that_does_not_divide(archive):
    with pytest.raises(ValueError, match=r"among \[1, 2, 4, 8\].*image_size=3"):
        archive.open(image_size=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": (171, 172)}, r"channels does not know 172.*94, 131, 171"),
        ({"channels": (171, 171)}, "channels takes each only once"),
        ({"channels": ()}, "channels needs one at least"),
        ({"side_channels": ("goes",)}, r"side_channels does not know 'goes'.*current_goes"),
        ({"dependent_variable": "flux"}, "dependent_variable does not know 'flux'.*flux delta"),
        ({"aia_image_count": 5}, "aia_image_count from 1 to 4.*aia_image_count=5"),
        ({"image_spacing_minutes": 0}, "image_spacing_minutes above 0"),
        ({"quiet_flux": 0.0}, r"quiet_flux above 0 W m-2"),
        ({"degradation": lambda channels, times: np.ones(3)}, r"\(48, 2\)\. Received: \(3,\)"),
        ({"split": "random"}, "allow_leak"),
    ],
)
def test_settings_that_do_not_fit(archive, options, message):
    with pytest.raises(ValueError, match=message):
        archive.open(**options)


def test_stores_of_two_units_are_not_mixed(archive):
    table = index.read_index(archive.folder / "aia")
    archive.change(unit=["browse", *table["unit"][1:]])
    with pytest.raises(ValueError, match=r"one unit for all.*\['DN / s', 'browse'\]"):
        archive.open()


def test_images_are_not_corrected_twice(tmp_path):
    archive = Archive(tmp_path, pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h"))
    archive.write(degradation_corrected=True, degradation_version="V9")
    archive.label()
    with pytest.raises(ValueError, match=r"corrected for degradation already \(V9\)"):
        archive.open(degradation=lambda channels, times: np.ones((len(times), len(channels))))
