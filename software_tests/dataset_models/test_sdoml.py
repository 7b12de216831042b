"""SDOML as a dataset: the contract, samples and labels, what is left out, and a trained network."""

import dataclasses
import json
import runpy
import shutil
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import sunpy.map
from astropy import units

from dataset_models.dataset import DatasetNotFoundError
from dataset_models.sdo import sdoml_frames, sdoml_sample
from dataset_models.sdo.layers import NOISE_SCALE
from dataset_models.sdo.sdoml import SDOML
from dataset_models.synthetic.sun import Sun
from network_models import experiment
from software_tests import raw_archive
from software_tests.contracts import assert_dataset_contract
from software_tests.known_archive import decoded, rejected
from tools import labels
from tools.tools import REPOSITORY

SIZE, DAYS = 16, 24
CHANNELS = (171, 94, "Bz")
SETTINGS = {"channels": CHANNELS, "image_size": SIZE, "block_days": 2.0, "embargo_days": 0.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with SDOML of both versions: a frame a day of each channel."""
    path = tmp_path_factory.mktemp("sdoml")
    SDOML.write_sample(path, days=DAYS, size=SIZE)
    return path


@pytest.fixture
def changed(folder, tmp_path):
    """A copy that a test may change."""
    shutil.copytree(folder, tmp_path / "data", ignore=shutil.ignore_patterns("sdoml"))
    return tmp_path / "data"


def source(folder, version):
    if version == 1:
        return str(folder / "sdoml_v1")
    return tuple(str(folder / name) for name in ("sdoml_v2.zarr", "sdoml_v2_hmi.zarr"))


def opened(folder, version=1, **options):
    return SDOML(sdoml=source(folder, version), folder=folder, **(SETTINGS | options))


def frame_file(folder, day, channel):
    stamp, where = f"201401{day:02d}_0000", f"2014/01/{day:02d}"
    name = f"AIA_{channel:04d}/{where}/AIA{stamp}_{channel:04d}.npz"
    return folder / "sdoml_v1" / name


@pytest.mark.parametrize("version", [1, 2])
def test_it_keeps_the_contract(folder, version):
    dataset = opened(folder, version, side_channels=("current_goes",))
    assert_dataset_contract(dataset)
    assert dataset.units["images"] == "DN / s; G"


def test_a_series_with_missing_channels_keeps_the_contract(changed):
    frame_file(changed, 3, 171).unlink()
    options = {"aia_image_count": 2, "image_spacing_minutes": 1440, "allow_missing_channels": True}
    dataset = opened(changed, **options)
    assert_dataset_contract(dataset)
    assert dataset.input_shape == {"images": (2, SIZE, SIZE, 3), "channel_mask": (2, 3)}


@pytest.mark.parametrize("version", [1, 2])
def test_images_are_the_frames_that_were_written(folder, version):
    dataset = opened(folder, version)
    for position in range(3):
        slot = dataset.describe("train", position)["time"].astype("datetime64[m]")
        written = sdoml_sample.frames_of(Sun(1), slot, SIZE)
        written["Bz"][written["Bz"] == 0] = np.nan  # the sky
        image = decoded(dataset, position=position)["images"]
        for index, channel in enumerate(CHANNELS):
            np.testing.assert_array_equal(image[..., index], written[channel])
    assert dataset.describe("train", 0)["channels"] == ("171", "94", "Bz")


def test_a_smaller_image_averages_what_is_on_the_disk(folder):
    field = decoded(opened(folder, channels=("Bz",)))["images"][..., 0]
    small = decoded(opened(folder, channels=("Bz",), image_size=4))["images"][..., 0]
    blocks = field.reshape(4, 4, 4, 4).swapaxes(1, 2).reshape(4, 4, 16)
    known = ~np.isnan(blocks).all(-1)
    np.testing.assert_array_equal(np.isnan(small), ~known)
    np.testing.assert_allclose(small[known], np.nanmean(blocks[known], -1), rtol=1e-5)


def test_labels_are_those_of_the_slot(folder):
    table = labels.read_labels(folder / "y" / labels.label_file(60, 1440))
    dataset = opened(folder)
    for split in dataset.splits:
        for i in range(dataset.size(split)):
            about = dataset.describe(split, i)
            flux = table.loc[about["id"], "Catch Flux"]
            np.testing.assert_allclose(dataset.target(split, i), [np.log10(flux)], rtol=1e-6)


def test_the_time_is_the_latest_of_the_channels(folder):
    # T_OBS of 94 is 2.57 s after the slot, of 171 12.34 s, of HMI 4 s in TAI: 31 s before it.
    assert opened(folder, 2).describe("train", 0)["time"] == np.datetime64("2014-01-01T00:00:12.34")
    only = opened(folder, 2, channels=("Bz",)).describe("train", 0)
    assert only["time"] == np.datetime64("2013-12-31T23:59:29")
    assert only["id"] == "20140101_0000"
    assert only["unit"] == "G"


def test_a_frame_that_is_missing_costs_its_sample_alone(changed):
    frame_file(changed, 3, 171).unlink()
    reasons = rejected(opened(changed))
    assert reasons["20140103_0000"] == "lacks channel 171"
    assert "20140104_0000" not in reasons
    masked = opened(changed, allow_missing_channels=True)
    at = [masked.describe("train", i)["id"] for i in range(masked.size("train"))]
    found = decoded(masked, position=at.index("20140103_0000"))
    np.testing.assert_array_equal(found["channel_mask"], [0, 1, 1])
    assert np.isnan(found["images"][..., 0]).all()
    assert np.isfinite(found["images"][..., 1]).all()


def test_invalid_frames_are_left_out_counted_and_listed(changed):
    np.savez_compressed(frame_file(changed, 2, 171), x=np.zeros((SIZE, SIZE), "float32"))
    np.savez_compressed(frame_file(changed, 4, 94), x=np.full((SIZE, SIZE), np.nan))
    dataset = opened(changed)
    assert dataset.invalid["problem"].tolist() == ["no pixel is valid", "every pixel is 0"]
    assert set(dataset.invalid["channel"]) == {94, 171}
    reasons = rejected(dataset)
    assert reasons["20140102_0000"] == "lacks channel 171"
    assert reasons["20140104_0000"] == "lacks channel 94"
    assert dataset.caveats()[-1] == (
        "SDOML: 2 invalid frames were left out: 1 x every pixel is 0, 1 x no pixel is valid."
    )


def test_frames_without_a_label_are_not_looked_at(changed):
    path = changed / "y" / labels.label_file(60, 1440)
    table = labels.read_labels(path).iloc[5:].rename_axis("Date Stamp").reset_index()
    labels.write_labels(path, table)
    options = {"aia_image_count": 2, "image_spacing_minutes": 1440, "fractions": (1, 0, 0)}
    dataset = opened(changed, channels=(171,), **options)
    (record,) = (changed / "sdoml").glob("checked-*.csv")
    assert len(pd.read_csv(record)) == DAYS - 5 + 1  # and the image before the first label
    assert rejected(dataset)["20140103_0000"] == "no label"


def test_absurd_pixels_are_missing_and_the_others_stay(changed):
    path = frame_file(changed, 1, 171)
    with np.load(path) as arrays:
        plane = arrays["x"]
    plane[3, 5] = 4e9  # blown up by 1e8
    np.savez_compressed(path, x=plane)
    image = decoded(opened(changed))["images"][..., 0]
    assert np.isnan(image[3, 5])
    assert np.isnan(image).sum() == 1


def test_signed_fields_are_whitened_about_zero(folder):
    dataset = opened(folder)
    numbers = dataset.statistics()["images"]
    np.testing.assert_array_equal(numbers["scale"], [NOISE_SCALE[c] for c in CHANNELS])
    assert abs(numbers["asinh_mean"][2]) < 0.3
    images = decoded(dataset)["images"][None]
    white = keras.ops.convert_to_numpy(dataset.whitening()(images))[0]
    assert np.isfinite(white).all()
    sky = np.isnan(images[0, ..., 2])
    assert (white[sky, 2] == 0).all()
    assert white[..., 2].min() < 0 < white[..., 2].max()


def test_only_unsigned_images_are_mirrored(folder):
    assert not opened(folder).mirrors  # Hale's law
    assert opened(folder, channels=(171, 94)).mirrors


@pytest.mark.parametrize("version", [1, 2])
def test_the_wcs_is_that_of_the_scaled_sun(folder, version):
    dataset = opened(folder, version, channels=(171,), image_size=8)
    about = dataset.describe("train", 0)
    cards = about["wcs"]
    approximate = {"APPROXIMATE WCS"} if version == 1 else set()
    assert set(about["marks"]) == {"SYNTHETIC"} | approximate
    one = sunpy.map.Map(np.zeros((8, 8)), cards)
    centre = one.center  # the Sun is in the middle of the image
    assert abs(centre.Tx) < 0.01 * units.arcsec
    assert abs(centre.Ty) < 0.01 * units.arcsec
    # The limb lies at 976 / 4.8 of 512 pixels, whatever the Sun's distance.
    pixels = one.rsun_obs / one.scale.axis1 * 512 / 8
    assert pixels.value == pytest.approx(976 / 4.8, rel=1e-4)
    assert one.observer_coordinate.lat.deg == pytest.approx(-3.0, abs=0.1)  # B0 on 1 January
    distance = dataset.images.distance(0)
    edges = (np.arange(8) + 0.5) / 8 * 2457.6 / 976 - 2457.6 / 976 / 2
    np.testing.assert_allclose(distance, np.hypot(edges[None], edges[:, None]), rtol=1e-6)


def test_the_fingerprint_follows_the_frames(changed):
    before = opened(changed).fingerprint()
    assert before == opened(changed).fingerprint()
    frame_file(changed, 1, 94).unlink()
    assert opened(changed).fingerprint() != before
    assert opened(changed, version=2).fingerprint() != before


def test_it_is_not_corrected_twice(folder):
    with pytest.raises(ValueError, match=r"corrected for degradation already.*degradation='V10'"):
        opened(folder, degradation="V10")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": (171, "bz")}, r"channels does not know 'bz'.*'Bx', 'By', 'Bz'"),
        ({"channels": (1700,)}, r"lacks the channels \[1700\] here"),
        ({"image_size": 3}, r"among \[1, 2, 4, 8, 16\].*image_size=3"),
        ({"aia_image_count": 5}, "aia_image_count from 1 to 4"),
    ],
)
def test_settings_that_do_not_fit(folder, options, message):
    with pytest.raises(ValueError, match=message):
        opened(folder, **options)


def test_parts_of_two_sizes_are_not_mixed(folder, tmp_path):
    SDOML.write_sample(tmp_path, days=DAYS, size=32)
    mixed = (str(folder / "sdoml_v2.zarr"), str(tmp_path / "sdoml_v2_hmi.zarr"))
    dataset = SDOML(sdoml=mixed, folder=tmp_path, **SETTINGS)
    with pytest.raises(ValueError, match=r"not all of one size.*\(16, 16\).*\(32, 32\) for Bz"):
        dataset.sample("train", 0, None)


def test_labels_that_are_missing_name_their_command(folder):
    with pytest.raises(
        DatasetNotFoundError,
        match=r"12 min ahead(?s:.*)v4_find_ys\.py --every 6 --start 2014-01-01T00:00 --end",
    ):
        opened(folder, lag_minutes=12)


def test_a_sample_off_hmi_s_cadence(tmp_path):
    with pytest.raises(ValueError, match=r"multiple of 12.*cadence_minutes=6"):
        SDOML.write_sample(tmp_path, cadence_minutes=6)


def test_the_real_frame_makes_a_sample(real_data, tmp_path):
    times = pd.DatetimeIndex(["2013-01-31T00:00"])
    table = {"Date Stamp": times.strftime("%Y%m%d_%H%M"), "Catch Flux": 2e-6, "Current Flux": 1e-6}
    table |= {"Delta": 1e-6, "Coverage": 1.0, "Quiet": 0, "In Progress": 0, "Scale": "physical"}
    table = pd.DataFrame(table | {"Filename": "", "Satellite": ""})
    labels.write_labels(tmp_path / "y" / labels.label_file(60, 1440), table)
    dataset = SDOML(
        sdoml=str(real_data / "hmi_sdoml_bz"),
        folder=tmp_path,
        channels=("Bz",),
        image_size=512,
        fractions=(1.0, 0.0, 0.0),
    )
    field = decoded(dataset)["images"]
    assert field.shape == (512, 512, 1)
    assert np.nanmax(field) == pytest.approx(1664.7323)
    about = dataset.describe("train", 0)
    assert about["time"] == np.datetime64("2013-01-30T23:59:25")
    # The disk's edge in the frame lies where the WCS puts the limb, to a pixel.
    disk = dataset.images.distance(0) < 1
    assert np.isfinite(field[disk]).mean() > 0.995
    assert np.isfinite(field[~disk]).mean() < 0.005


def test_starting_point_trains_on_it_by_one_field(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("FLARENET_DATA", str(folder))
    script = REPOSITORY / "network_models/xray_flux_forecast/starting_point/network.py"
    arguments = ["--tiny", f"--image_size={SIZE}", f"--output={tmp_path}", "--block_days=2.0"]
    arguments += ["--explained_samples=0"]
    arguments += [f"--sdoml={','.join(source(folder, 2))}", "--channels=171,Bz"]
    monkeypatch.setattr(sys, "argv", [str(script), *arguments])
    runpy.run_path(str(script), run_name="__main__")
    (run,) = tmp_path.iterdir()
    assert json.loads((run / "config.json").read_text())["sdoml"] == list(source(folder, 2))
    assert (run / "performance" / "scores.json").stat().st_size > 0
    assert isinstance(experiment.load(run), keras.Model)


def test_the_config_s_own_correction_is_refused(folder, monkeypatch):
    monkeypatch.setenv("FLARENET_DATA", str(folder))
    script = REPOSITORY / "network_models/xray_flux_forecast/starting_point"
    tiny = runpy.run_path(str(script / "config.py"))["tiny"]
    config = dataclasses.replace(tiny, sdoml=source(folder, 2), degradation="V10")
    with pytest.raises(ValueError, match="corrected for degradation already"):
        SDOML.from_config(config)


def test_nothing_but_known_channels_is_in_the_facts():
    assert set(SDOML.available) == set(sdoml_frames.LARGEST) == set(NOISE_SCALE)


def test_the_largest_region_comes_from_the_data_folder(changed):
    assert not any("largest region" in name for name in opened(changed).subsets("train"))
    (changed / "srs").mkdir()
    (changed / "srs" / "20131231SRS.txt").write_text(raw_archive.SUMMARY)
    dataset = opened(changed)
    table = dataset.split_table()
    ids = table.loc[table["split"] == "train", "id"].to_numpy()
    # W32 on 2013-12-31, by some 13.2 degrees a day; the summary holds for 48 h.
    found = ids[dataset.subsets("train")["largest region on the disk"]]
    assert set(found) == {"20140101_0000", "20140102_0000"}
