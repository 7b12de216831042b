"""Image series that are not FITS files, into the store."""

import numpy as np
import pandas as pd
import pytest
import sunpy.map

from dataset_models.sdo import image_series, index, store, structure_data

SERIES = "aia_171_hourly_201708/aia171_20170807_0816_256.npz"


def _rejected(output):
    table = pd.read_csv(output / "rejected.csv", keep_default_na=False)
    return list(table.itertuples(index=False, name=None))


def _series(path, count=3, **arrays):
    rng = np.random.default_rng(4)
    times = np.datetime64("2017-08-08T00:00:30") + np.arange(count) * np.timedelta64(1, "h")
    content = {
        "images": rng.integers(0, 255, (count, 16, 16), dtype=np.uint8),
        "time": times.astype(str),
        "exptime": np.full(count, 2.0),
    }
    np.savez(path, **{name: value for name, value in (content | arrays).items() if len(value)})
    return content["images"]


def test_a_series_is_kept_as_it_is(tmp_path):
    images = _series(tmp_path / "a.npz")
    arguments = ["--arrays", str(tmp_path / "a.npz"), "--unit", "browse", "--channel", "171"]
    assert structure_data.main([*arguments, "--output", str(tmp_path)]) == 0
    table = index.read_index(tmp_path)
    assert table["id"].tolist() == ["20170808_0000", "20170808_0100", "20170808_0200"]
    assert set(table["unit"]) == {"browse"}
    assert table["saturated"].isna().all()  # pictures do not say what the camera counted
    sample = store.read_sample(tmp_path / table["file"][2])
    np.testing.assert_array_equal(sample.planes[0], images[2])
    assert sample.metadata["wcs_approximate"] is True
    assert sample.metadata["exposures"] == {"171": 2.0}


def test_the_made_up_coordinates_centre_the_disk(tmp_path):
    _series(tmp_path / "a.npz", exptime=[])
    image_series.structure_series(tmp_path / "a.npz", tmp_path, "browse", 171)
    sample = store.read_sample(tmp_path / store.sample_file("20170808_0000"))
    cards = sample.metadata["wcs"]["171"]
    sun = sunpy.map.Map(sample.planes[0], cards)
    centre = sun.center
    assert abs(centre.Tx.to_value("arcsec")) < 1e-6
    assert abs(centre.Ty.to_value("arcsec")) < 1e-6
    assert sun.scale.axis1.to_value("arcsec / pix") == 2457.6 / 16
    # The Almanac for 2017-08-08: semidiameter 15' 46.2", which is of 695,700 km within 0.1 %,
    # and B0 = 6.25 degrees.
    assert abs(sample.metadata["rsun_obs"] - 946.2) < 1.5
    assert abs(cards["HGLT_OBS"] - 6.25) < 0.02
    assert sample.metadata["exposures"] == {}


def test_a_series_goes_on_and_rejects_by_name(tmp_path):
    images = np.stack([np.full((16, 16), 7), *np.arange(3 * 256).reshape(3, 16, 16)])
    times = ["2017-08-08T00:00:30", "2017-08-08T00:00:40", "2017-08-08T00:00:50", "noon"]
    _series(tmp_path / "a.npz", images=images.astype(np.uint8), time=times, exptime=np.ones(4))
    for written in (1, 0):
        result = image_series.structure_series(tmp_path / "a.npz", tmp_path, "browse", 171)
        assert result.written == written
        assert [row[1:] for row in _rejected(tmp_path)] == [
            ("a.npz:0", "every pixel is the same, or NaN"),
            ("a.npz:2", "duplicate time: a.npz:1 has that slot"),
            ("a.npz:3", "'noon' is no time. Expected one such as 2014-01-01T00:00:01.07Z."),
        ]


def test_another_channel_of_a_series_is_refused_by_name(tmp_path):
    file = tmp_path / "series.npz"
    _series(file)
    image_series.structure_series(file, tmp_path, "browse", 171)
    again = image_series.structure_series(file, tmp_path, "browse", 193)
    assert again.written == 0
    assert all("the store holds other channels" in reason for _, _, reason in again.rejections)
    assert len(again.rejections) == 3


def test_browse_images_have_8_bits(tmp_path):
    file = tmp_path / "series.npz"
    _series(file, images=np.random.default_rng(0).random((3, 32, 32)))
    with pytest.raises(ValueError, match="Browse images are 8-bit pictures"):
        image_series.structure_series(file, tmp_path, "browse", 171)


@pytest.mark.parametrize(
    ("unit", "channel", "message"),
    [
        (None, 171, "The unit of .* must be stated.*--unit browse"),
        ("jpeg", 171, "unit='jpeg'"),
        ("browse", None, "The channel of .* must be stated"),
    ],
)
def test_a_series_states_unit_and_channel(tmp_path, unit, channel, message):
    _series(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=message):
        image_series.structure_series(tmp_path / "a.npz", tmp_path, unit, channel)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"time": []}, "is no image series.*time"),
        ({"images": np.zeros((3, 16, 8))}, r"float64 \(3, 16, 8\)"),
        ({"time": ["2017-08-08T00:00:30"]}, "3 images, 1 times, 3 exposures"),
    ],
)
def test_other_arrays_are_refused(tmp_path, arrays, message):
    _series(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        image_series.structure_series(tmp_path / "a.npz", tmp_path, "browse", 171)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04cut", b"<html>"])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match="is no image series"):
        image_series.structure_series(tmp_path / "a.npz", tmp_path, "browse", 171)


# Real files


def test_the_real_series_becomes_a_store(real_data, tmp_path):
    result = image_series.structure_series(real_data / SERIES, tmp_path, "browse", 171)
    table = index.read_index(tmp_path)
    assert (result.written, len(table), result.rejections) == (200, 200, [])
    with np.load(real_data / SERIES) as arrays:
        images, times = arrays["images"], arrays["time"]
    assert (table["time"] == pd.to_datetime(times)).all()
    sample = store.read_sample(tmp_path / table["file"][123])
    np.testing.assert_array_equal(sample.planes[0], images[123])
    # The limb of the mean image is brightest within 2 % of the apparent radius made up for it.
    row, column = np.mgrid[:256, :256] - 127.5
    ring = np.hypot(row, column).astype(int)
    profile = np.bincount(ring.ravel(), images.mean(axis=0).ravel()) / np.bincount(ring.ravel())
    limb = (80 + profile[80:120].argmax() + 0.5) * 9.6
    assert abs(limb / sample.metadata["rsun_obs"] - 1) < 0.02
