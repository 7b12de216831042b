"""FITS files of one time as the input of a network, without store and labels."""

import shutil
import types

import numpy as np
import pytest
from astropy.io import fits

from dataset_models.sdo.aia import AIA
from dataset_models.sdo.fits_set import read_fits_set

CHANNELS = (171, 94, 304)  # not in the order of the files
SLOT = "aia/raw/2014/01/05/H0000"


def config(**fields):
    return types.SimpleNamespace(**{"channels": CHANNELS, "image_size": 32, **fields})


@pytest.fixture
def slot(sample_folder, tmp_path):
    """The eight files of one time, copied."""
    return shutil.copytree(sample_folder / SLOT, tmp_path / "slot")


def change(folder, channel, **cards):
    (path,) = folder.glob(f"*_{channel:04d}.fits")
    with fits.open(path, mode="update", disable_image_compression=True) as units:
        for name, value in cards.items():
            units[-1].header[name] = value


def test_pixels_are_exact_averages_in_the_order_of_the_network(slot, tmp_path):
    x, about, notes = read_fits_set([slot], config(), tmp_path)
    assert x["images"].shape == (1, 32, 32, 3)
    assert x["images"].dtype == np.float32
    for i, channel in enumerate(CHANNELS):
        (path,) = slot.glob(f"*_{channel:04d}.fits")
        with fits.open(path) as units:
            counts = units[-1].data / units[-1].header["EXPTIME"]
        blocks = counts.reshape(32, 2, 32, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(x["images"][0, ..., i], blocks, rtol=1e-5, atol=1e-4)
    assert about["channels"] == ("171", "94", "304")
    assert len(notes) == 5  # the files of the five others
    assert any("no channel 1600" in note for note in notes)


def test_a_set_is_described_as_the_store_describes_that_time(slot, embedded_sample, tmp_path):
    dataset = AIA(channels=CHANNELS, image_size=32, block_days=4, embargo_days=0)
    table = dataset.split_table()
    (row,) = table.index[table["id"] == "20140105_0000"]
    split = table["split"][row]
    index = int((table["split"][:row] == split).sum())
    stored = dataset.describe(split, index)
    _, about, _ = read_fits_set([slot], config(), tmp_path)
    for name in ("id", "channels", "unit", "wcs", "marks"):
        assert about[name] == stored[name], name
    assert abs(about["time"] - stored["time"]) <= np.timedelta64(60, "s")
    x = dataset.decoder()({"images": dataset.sample(split, index, None)[0]["images"][None]})[
        "images"
    ]
    received = read_fits_set([slot], config(), tmp_path)[0]["images"]
    np.testing.assert_allclose(received, np.array(x), rtol=2e-3, atol=1e-3)  # the store's float16


def test_missing_channels_are_refused_or_masked(slot, tmp_path):
    (path,) = slot.glob("*_0094.fits")
    path.unlink()
    with pytest.raises(ValueError, match=r"lacks channels \[94\].*Received: \[171, 304\].*allow_m"):
        read_fits_set([slot], config(), tmp_path)
    x, _, _ = read_fits_set([slot], config(allow_missing_channels=True), tmp_path)
    np.testing.assert_array_equal(x["channel_mask"], [[1, 0, 1]])
    assert np.isnan(x["images"][..., 1]).all()
    assert np.isfinite(x["images"][..., [0, 2]]).all()


def test_degradation_is_corrected_with_the_table_that_the_network_saw(slot, tmp_path, monkeypatch):
    seen = []

    def table(channels, times):
        seen.append((channels, times))
        return np.full((len(times), len(channels)), {171: 0.5, 94: 0.25, 304: 0.1}[channels[0]])

    monkeypatch.setattr("dataset_models.sdo.fits_set.read_table", lambda name, folder: table)
    plain, *_ = read_fits_set([slot], config(), tmp_path)
    synthetic, *_ = read_fits_set([slot], config(degradation="V10"), tmp_path)
    np.testing.assert_array_equal(synthetic["images"], plain["images"])  # it does not age
    for channel in CHANNELS:
        change(slot, channel, SYNTHETIC=False)
    corrected, about, _ = read_fits_set([slot], config(degradation="V10"), tmp_path)
    np.testing.assert_allclose(corrected["images"], plain["images"] * [2, 4, 10], rtol=1e-6)
    assert about["marks"] == ()
    assert [channels for channels, _ in seen] == [(channel,) for channel in sorted(CHANNELS)]


def test_files_of_several_times_or_twice_one_channel_are_refused(sample_folder, slot, tmp_path):
    later = sample_folder / "aia/raw/2014/01/05/H1200"
    with pytest.raises(ValueError, match=r"Two files are of channel 94.*one set"):
        read_fits_set([slot, later], config(), tmp_path)
    (path,) = slot.glob("*_0094.fits")
    path.unlink()
    (other,) = later.glob("*_0094.fits")
    with pytest.raises(ValueError, match=r"several times.*within 6 minutes.*T00.*T12"):
        read_fits_set([slot, other], config(), tmp_path)


def test_quality_is_told(slot, tmp_path):
    change(slot, 171, QUALITY=1 << 13)
    notes = read_fits_set([slot], config(), tmp_path)[2]
    assert any(note.startswith("QUALITY of") and "0171" in note for note in notes)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"aia_image_count": 2}, r"Expected one image.*aia_image_count=2"),
        ({"side_channels": ("current_goes",)}, r"side_channels=\('current_goes',\)"),
    ],
)
def test_networks_that_take_more_are_refused(slot, tmp_path, fields, words):
    with pytest.raises(ValueError, match=words):
        read_fits_set([slot], config(**fields), tmp_path)


def test_a_radius_that_images_cannot_be_scaled_to_is_refused(slot, tmp_path):
    with pytest.raises(ValueError, match=r"cannot be scaled.*900.*solar_radius_arcsec=15"):
        read_fits_set([slot], config(solar_radius_arcsec=15), tmp_path)


def test_a_config_without_channels_and_a_folder_without_files_are_refused(slot, tmp_path):
    with pytest.raises(ValueError, match=r"no channels and no image_size.*Choose samples"):
        read_fits_set([slot], types.SimpleNamespace(), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no FITS file in .*empty"):
        read_fits_set([tmp_path / "empty"], config(), tmp_path)


def test_the_real_sun_of_new_year_2014_is_read(real_data, tmp_path):
    channels = (94, 131, 171, 193, 211, 335)
    folder = real_data / "aia_synoptic_20140101"
    x, about, notes = read_fits_set([folder], config(channels=channels, image_size=128), tmp_path)
    assert x["images"].shape == (1, 128, 128, 6)
    assert about["id"] == "20140101_0000"
    assert notes == ()
    medians = dict(zip(channels, np.nanmedian(x["images"][0], axis=(0, 1)), strict=True))
    assert max(medians, key=medians.get) in (171, 193)  # the brightest channels of the quiet Sun
