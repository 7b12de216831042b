import logging
import re

import numpy as np
import pandas as pd
import pytest
import sunpy.map
from astropy.io import fits
from sunpy.map.sources import AIAMap

from dataset_models.sdo import fits_image, side_channels
from dataset_models.synthetic import embedded_sample, magnetic_features
from dataset_models.synthetic.archive_header import CHANNELS
from dataset_models.synthetic.sun import Sun
from tools.events import class_to_flux, read_events
from tools.flux import read_flux

SMALL = {"days": 0.5, "size": 32, "channels": (94, 171)}
TABLES = ("goes/goes_flux.csv", "flares/flares.csv", "side_channel/HMI_features.csv")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Two days of all channels, every 12 hours, 64 x 64."""
    folder = tmp_path_factory.mktemp("archive") / "data"
    return embedded_sample.write_archive(folder, days=2, cadence_minutes=720, size=64, seed=3)


def image_file(archive, slot, channel):
    when = pd.Timestamp(slot)
    return archive / when.strftime(f"aia/raw/%Y/%m/%d/H%H00/AIA%Y%m%d_%H%M_{channel:04d}.fits")


def contents(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# Names, folders, headers


def test_it_holds_what_an_archive_holds(archive):
    slots = pd.date_range("2014-01-01", "2014-01-03", freq="12h", inclusive="left")
    expected = {image_file(archive, slot, channel) for slot in slots for channel in CHANNELS}
    assert set(archive.rglob("*.fits")) == expected
    assert len(expected) == 4 * 8
    assert all((archive / name).is_file() for name in (*TABLES, "README.txt"))
    assert (archive / "aia/raw/2014/01/01/H0000/AIA20140101_0000_0094.fits").is_file()
    assert not list(archive.rglob("*.part*"))


@pytest.mark.parametrize("channel", list(CHANNELS))
def test_sunpy_opens_an_image_without_a_warning(archive, channel):
    # pytest makes errors of warnings.
    solar = sunpy.map.Map(image_file(archive, "2014-01-02T12:00", channel))
    assert isinstance(solar, AIAMap)
    assert solar.wavelength.to_value("angstrom") == channel
    assert solar.data.shape == (64, 64)
    assert solar.scale.axis1.value == pytest.approx(38.4)  # 2457.6 / 64
    assert solar.exposure_time.value == CHANNELS[channel][0]
    # The exposure may begin before the slot, as that of 211 does in the archive.
    assert abs(solar.date.datetime64 - np.datetime64("2014-01-02T12:00")) < np.timedelta64(30, "s")
    assert solar.observer_coordinate.lat.deg == pytest.approx(solar.meta["crlt_obs"], abs=0.1)
    assert solar.rsun_obs.value == pytest.approx(975.95, abs=0.1)
    assert solar.meta["synthetic"] is True


def test_its_cards_are_those_of_the_real_archive(archive, real_data):
    real_file = real_data / "aia_synoptic_20140101" / "AIA20140101_0000_0171.fits"
    with fits.open(real_file) as units:
        units[-1].verify("silentfix")
        real = units[-1].header.copy()
    with fits.open(image_file(archive, "2014-01-01", 171)) as units:
        assert isinstance(units[1], fits.CompImageHDU)
        assert units[1].compression_type == "RICE_1"
        drawn = units[1].header.copy()
    ours = set(drawn) - {"SYNTHETIC", "COMMENT", "BZERO", "XTENSION"}
    assert ours <= set(real), f"cards that the archive lacks: {ours - set(real)}"
    differ = {"ORIGIN", "NAXIS1", "NAXIS2", "CDELT1", "CDELT2", "CRPIX1", "CRPIX2", "R_SUN"}
    differ |= {name for name in ours if name.startswith("DATA")}
    for name in ours - differ:
        if isinstance(real[name], str):
            assert drawn[name].strip() == real[name].strip(), name
        else:
            assert drawn[name] == pytest.approx(real[name], rel=1e-4, abs=0.05), name
    assert drawn["R_SUN"] * drawn["CDELT1"] == pytest.approx(drawn["RSUN_OBS"])
    assert drawn["OSCNMEAN"].strip() == drawn["HCIEC_Z"].strip() == "nan"


def test_everything_says_that_it_is_synthetic(archive):
    for path in archive.rglob("*.fits"):
        header = fits.getheader(path, 1)
        assert header["SYNTHETIC"] is True
        assert header["ORIGIN"] == "FLARENET SYNTHETIC SUN"
        assert "SYNTHETIC" in str(header["COMMENT"])
    for name in TABLES:
        assert (archive / name).read_text().startswith("# SYNTHETIC")
        assert "\n# scale: physical\n" in (archive / name).read_text()
    readme = (archive / "README.txt").read_text()
    assert readme.startswith("SYNTHETIC")
    assert "seed=3" in readme
    assert embedded_sample.is_synthetic(archive)


def test_each_channel_has_its_time_within_the_minute(archive):
    slot = np.datetime64("2014-01-01T12:00", "ms")
    delays = []
    for channel in CHANNELS:
        image = fits_image.read_image(image_file(archive, "2014-01-01T12:00", channel))
        delays.append((image.t_obs - slot) / np.timedelta64(1, "s"))
        assert image.synthetic
        assert (image.channel, image.quality) == (channel, 0)
        assert image.exposure == pytest.approx(CHANNELS[channel][0])
    assert len(set(delays)) == len(CHANNELS)
    assert 0 < min(delays) < max(delays) < 60


# Values


def test_an_image_is_the_sun_within_its_noise_and_quantum(archive):
    # 64 x 64 pixels are means of 64 x 64 original ones: the noise is sqrt(counts gain + 1.3^2) / 64
    # and the quantum of 0.0625 DN adds 0.0625 / sqrt(12). Of 4096 pixels none is 6 sigma off.
    for channel in CHANNELS:
        path = image_file(archive, "2014-01-01", channel)
        exposure, gain = CHANNELS[channel][0], embedded_sample.GAIN[channel]
        counts = fits.getdata(path, 1).astype(float)
        expected = Sun(3).image("2014-01-01", channel, 64).astype(float) * exposure
        noise = np.sqrt((expected * gain + 1.3**2) / 64**2 + 0.0625**2 / 12)
        deviation = (counts - expected) / noise
        assert np.abs(deviation).max() < 6
        assert deviation.std() == pytest.approx(1, abs=0.1)
        np.testing.assert_array_equal(counts / 0.0625, np.round(counts / 0.0625))


def test_reading_gives_dn_per_second(archive):
    image = fits_image.read_image(image_file(archive, "2014-01-01", 193))
    expected = Sun(3).image("2014-01-01", 193, 64)
    assert image.data.sum() == pytest.approx(expected.sum(), rel=1e-3)
    assert np.isfinite(image.data).all()


def test_the_statistics_in_the_header_are_those_of_the_image(archive):
    with fits.open(image_file(archive, "2014-01-01", 171)) as units:
        header, counts = units[1].header, units[1].data.astype(float)
    assert header["DATAMEAN"] == pytest.approx(counts.mean(), rel=1e-6)
    assert header["DATAMEDN"] == pytest.approx(np.median(counts), rel=1e-6)
    assert (header["DATAMIN"], header["DATAMAX"]) == (counts.min(), counts.max())


def test_the_dark_sky_scatters_about_zero():
    # Read noise alone: 1.3 DN of one original pixel, 0.325 of the mean of 16 (1024 pixels a side).
    dark = embedded_sample.expose(np.zeros((1024, 1024)), 94, np.random.default_rng(0))
    assert dark.std() == pytest.approx(0.325, rel=0.01)
    assert dark.mean() == pytest.approx(0, abs=0.002)
    assert (dark < 0).mean() == pytest.approx(0.5, abs=0.01)


def test_photon_noise_follows_the_gain():
    # 100 DN/s for 2 s in 171: 200 DN at 1.168 DN a photon, variance 233.6 and 1.69 for reading;
    # the mean of 16 has a sixteenth of it, sigma 3.835.
    bright = np.full((1024, 1024), 100 / 1.999597 * 2)
    exposed = embedded_sample.expose(bright, 171, np.random.default_rng(0))
    assert exposed.mean() == pytest.approx(200, abs=0.02)
    assert exposed.std() == pytest.approx(3.835, rel=0.01)


def test_the_camera_saturates():
    exposed = embedded_sample.expose(np.full((8, 8), 1e6), 171, np.random.default_rng(0))
    assert (exposed == 16383).all()


# Flux, flares, features


def test_the_flux_reads_as_minutes_on_the_physical_scale(archive):
    flux = read_flux(archive / "goes/goes_flux.csv")
    assert (flux["scale"] == "physical").all()
    # From a day before the first image to three days after the last.
    assert flux["time"].iloc[0] == pd.Timestamp("2013-12-31T00:00")
    assert flux["time"].iloc[-1] == pd.Timestamp("2014-01-05T11:59")
    assert (flux["time"].diff().dropna() == pd.Timedelta("1min")).all()
    # Written with five digits.
    np.testing.assert_allclose(flux["flux"], Sun(3).flux(flux["time"]), rtol=6e-5)


def test_the_list_of_flares_is_that_of_the_flux(archive, caplog):
    with caplog.at_level(logging.WARNING):
        flares = read_events(archive / "flares/flares.csv")
    assert not caplog.records
    flux = read_flux(archive / "goes/goes_flux.csv").set_index("time")["flux"]
    assert len(flares) > 5
    for flare in flares.itertuples():
        # Classes have one decimal: half of a tenth of at least 1.
        assert flux[flare.peak] == pytest.approx(class_to_flux(flare.goes_class), rel=0.051)
        assert flux[flare.peak] >= 1.4 * flux[flare.start] * 0.999
        assert flux[flare.peak] >= flux[flare.start : flare.peak].max() * 0.999
        minute = pd.Timedelta("1min")
        assert flux[flare.peak] >= max(flux[flare.peak - minute], flux[flare.peak + minute])
        assert flare.start < flare.peak < flare.end


def test_the_features_are_25_and_follow_the_regions(archive):
    features = side_channels.read_features(archive / "side_channel/HMI_features.csv")
    assert list(features.columns[1:]) == list(side_channels.HAND_TAILORED)
    assert set(features.columns[1:]) == set(magnetic_features.FEATURES)
    assert len(magnetic_features.FEATURES) == 25
    assert (features["time"].diff().dropna() == pd.Timedelta("12h")).all()
    assert np.isfinite(features.drop(columns="time").to_numpy()).all()
    times = np.datetime64("2014-01-01") + np.arange(0, 300, 5)
    flux = magnetic_features.table(Sun(3), times)["USFLUX"]
    strength = [r["strength"][r["mu"] > 0].sum() for r in map(Sun(3).regions, times)]
    assert np.corrcoef(flux, strength)[0, 1] > 0.95
    np.testing.assert_array_equal(
        magnetic_features.table(Sun(3), times[7:8]), magnetic_features.table(Sun(3), times)[7:8]
    )


# The whole


def test_the_same_settings_write_the_same_bytes(tmp_path):
    first = contents(embedded_sample.write_archive(tmp_path / "a", **SMALL))
    again = contents(
        embedded_sample.write_archive(tmp_path / "b", start="2014-01-01T00:00", **SMALL)
    )
    assert first == again
    other = contents(embedded_sample.write_archive(tmp_path / "c", seed=2, **SMALL))
    assert set(other) == set(first)
    assert all(other[name] != first[name] for name in first)


def test_an_image_depends_on_its_own_time_alone(tmp_path, archive):
    # Drawn alone, and among other channels and times.
    settings = {"days": 0.5, "cadence_minutes": 720, "size": 64, "seed": 3}
    alone = embedded_sample.write_archive(
        tmp_path, start="2014-01-02T12:00", channels=(171,), **settings
    )
    files = [image_file(folder, "2014-01-02T12:00", 171) for folder in (alone, archive)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_sample_can_be_written_again_over_itself(tmp_path):
    first = contents(embedded_sample.write_archive(tmp_path, **SMALL))
    assert contents(embedded_sample.write_archive(tmp_path, **SMALL)) == first


# Mistakes


@pytest.mark.parametrize("held", ["aia/raw/2014/01/01/H0000/AIA20140101_0000_0094.fits", *TABLES])
def test_real_data_stay_as_they_are(tmp_path, held):
    path = tmp_path / held
    path.parent.mkdir(parents=True)
    path.write_text("observed")
    message = rf"(?s){re.escape(str(tmp_path))} holds \S+, not marked as synthetic.*--folder"
    with pytest.raises(FileExistsError, match=message):
        embedded_sample.write_archive(tmp_path, **SMALL)
    assert contents(tmp_path) == {held: b"observed"}


def test_another_readme_marks_nothing(tmp_path):
    (tmp_path / "aia" / "raw").mkdir(parents=True)
    (tmp_path / "README.txt").write_text("From the JSOC.")
    assert not embedded_sample.is_synthetic(tmp_path)
    with pytest.raises(FileExistsError, match=r"holds aia/raw, README\.txt, not marked"):
        embedded_sample.write_archive(tmp_path, **SMALL)


def test_two_suns_do_not_mix(tmp_path):
    before = contents(embedded_sample.write_archive(tmp_path, **SMALL))
    with pytest.raises(FileExistsError, match=r"drawn with other settings.*seed=2.*Delete"):
        embedded_sample.write_archive(tmp_path, seed=2, **SMALL)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": (94, 172)}, r"no channel \[172\]. Expected some of \(94, 131.*Received"),
        ({"channels": ()}, r"no channel \[\].*Received: channels=\(\)"),
        ({"size": 100}, r"Expected a size that divides 4096.*Received: size=100"),
        ({"size": 4}, r"from 8 on. Received: size=4"),
        ({"cadence_minutes": 7}, r"even cadence above 0. Received: .*cadence_minutes=7"),
        ({"cadence_minutes": 0}, r"even cadence above 0. Received: .*cadence_minutes=0"),
        ({"start": "2014-01-01T00:01"}, r"even start.*start='2014-01-01T00:01'"),
        ({"days": 0}, r"would be empty. Expected days above 0. Received: days=0"),
        ({"seed": -1}, r"no negative seed"),
    ],
)
def test_settings_that_make_no_archive_write_nothing(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        embedded_sample.write_archive(tmp_path, **SMALL | settings)
    assert contents(tmp_path) == {}


# The command


def test_the_command_writes_into_the_data_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "data"))
    options = ["--days=0.5", "--size=16", "--cadence-minutes=720", "--seed=4"]
    assert embedded_sample.main(options) == 0
    assert f"SYNTHETIC data, drawn from the synthetic Sun, lies in {tmp_path / 'data'}" in (
        capsys.readouterr().out
    )
    assert len(list(tmp_path.rglob("*.fits"))) == len(CHANNELS)
    assert "seed=4" in (tmp_path / "data" / "README.txt").read_text()
    assert embedded_sample.main(options) == 0  # nothing but itself is there


def test_the_command_names_a_folder_and_says_what_is_wrong(tmp_path, capsys):
    options = [f"--folder={tmp_path}", "--start=2012-06-06", "--days=0.25", "--size=16"]
    assert embedded_sample.main(options) == 0
    assert image_file(tmp_path, "2012-06-06", 1600).is_file()
    assert embedded_sample.main([f"--folder={tmp_path / 'b'}", "--size=17"]) == 1
    assert "Received: size=17" in capsys.readouterr().out
    (tmp_path / "README.txt").unlink()
    assert embedded_sample.main(options) == 1
    assert "not marked as synthetic" in capsys.readouterr().out
