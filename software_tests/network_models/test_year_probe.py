"""The probe finds the year where images age, and not where they are corrected."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from dataset_models.dataset import stack
from network_models.explanations import year_probe
from software_tests import known_archive
from software_tests.known_archive import SIZE, Archive

HEADER = "DATE T_START T_STOP VER_NUM WAVE_STR WAVELNTH EFF_AREA EFF_WVLN EFFA_P1 EFFA_P2 EFFA_P3"
TIMES = pd.date_range("2011-01-05", "2013-12-28", freq="4D")
AGEING = {94: -5e-4, 171: -1e-4}  # a day, of the throughput: 0.46 and 0.89 after three years


def table_text():
    rows = [
        f"2020-01-01T00:00:00 2010-03-24T00:00:00 2016-01-01T00:00:00 99 {channel}_THIN {channel} "
        f"1.0 {channel} {slope} 0 0"
        for channel, slope in AGEING.items()
    ]
    return "\n".join((HEADER, *rows))


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Three years of images of a Sun that varies at random, through telescopes that age."""
    activity = np.random.default_rng(1).lognormal(sigma=0.1, size=len(TIMES))
    days = (TIMES - pd.Timestamp("2010-03-24")).days

    def aged(row, channels):
        ramp = np.add.outer(np.arange(SIZE), np.arange(SIZE)) + 50.0
        return {
            c: (activity[row] * (1 + AGEING[c] * days[row]) * ramp).astype("float32")
            for c in channels
        }

    monkeypatch.setattr(known_archive, "planes", aged)
    made = Archive(tmp_path, TIMES)
    made.write()
    made.label()
    (tmp_path / "table.txt").write_text(table_text())
    return made


def brightness_model():
    """Sees the logarithm of each channel's mean brightness, and nothing else."""
    keras.utils.set_random_seed(2)
    entry = keras.Input((4, 4, 2), name="images")
    x = layers.Lambda(keras.ops.log)(layers.GlobalAveragePooling2D()(entry))
    return keras.Model({"images": entry}, layers.Dense(1)(layers.Dense(3)(x)))


def opened(archive, degradation):
    """Decoded batches of all splits, and their times."""
    dataset = archive.open(degradation=degradation, block_days=27.0)
    batches, times = [], []
    for split in dataset.splits:
        positions = range(dataset.size(split))
        samples = stack([dataset.sample(split, i, None) for i in positions])
        batches.append((dataset.decoder()(samples[0]),))
        times += [dataset.describe(split, i)["time"] for i in positions]
    return batches, np.array(times)


def test_the_year_is_read_from_ageing_and_not_without_it(archive):
    ways = {
        "uncorrected": opened(archive, ""),
        "corrected": opened(archive, str(archive.folder / "table.txt")),
    }
    batches, times = ({name: way[i] for name, way in ways.items()} for i in range(2))
    table = year_probe.probe(brightness_model(), batches, times, exchanges=5)
    assert table.index.tolist() == [
        (name, probed) for name in ways for probed in ("embedding", "channel means")
    ]
    aged, corrected = table.loc["uncorrected"], table.loc["corrected"]
    # log(94) - log(171) falls by 0.65 in three years with no noise but float16's.
    assert (aged["r2"] > 0.95).all()
    assert (aged["balanced_accuracy"] > 0.85).all()
    assert (aged["rmse_years"] < 0.2).all()
    # The rest is chance: one of three years, and an error of three years' standard deviation.
    assert (corrected["r2"] < 0.1).all()
    assert (corrected["balanced_accuracy"] < 0.5).all()
    np.testing.assert_allclose(corrected["rmse_years"], 3 / 12**0.5, atol=0.1)
    assert (table["chance_r2"] < 0.1).all()
    np.testing.assert_allclose(table["chance_balanced_accuracy"], 1 / 3, atol=0.15)
    assert (table["years"] == 3).all()
    assert table["samples"].nunique() == 1


# Pieces


def test_of_many_units_the_principal_components_are_probed():
    times = times_of()
    clock = year_probe.decimal_year(times) - 2012
    vectors = np.random.default_rng(1).normal(size=(300, 150))
    vectors[:, :120] += 2 * clock[:, None]
    told = year_probe.probe_year(vectors, times, exchanges=1)
    assert told["r2"] > 0.95
    assert told["balanced_accuracy"] > 0.8


def times_of(count=300, days=4):
    return np.datetime64("2011-01-01") + np.arange(count) * np.timedelta64(round(days * 1440), "m")


def test_a_vector_that_is_the_time_tells_it_and_noise_does_not():
    times = times_of()
    clock = year_probe.decimal_year(times)[:, None]
    told = year_probe.probe_year(clock, times, exchanges=3)
    assert told["r2"] > 0.999
    assert told["rmse_years"] < 0.01
    noise = np.random.default_rng(3).normal(size=(300, 4))
    received = year_probe.probe_year(noise, times, exchanges=3)
    assert received["r2"] < 0.05
    assert received["balanced_accuracy"] < 0.5  # of four years
    assert year_probe.probe_year(noise, times, exchanges=3) == received


def test_samples_out_of_order_and_missing_ones_change_nothing():
    times, vectors = times_of(), np.random.default_rng(3).normal(size=(300, 2))
    expected = year_probe.probe_year(vectors, times, exchanges=2)
    order = np.random.default_rng(4).permutation(301)
    vectors = np.concatenate([vectors, [[np.nan, 0]]])[order]
    times = np.concatenate([times, times[:1]])[order]
    received = year_probe.probe_year(vectors, times, exchanges=2)
    assert received == pytest.approx(expected)
    assert received["samples"] == 300


def test_training_keeps_its_distance_from_what_is_asked():
    times = times_of(3000, days=0.3).astype("datetime64[s]")
    blocks = year_probe._blocks(times, 27.0)
    seen = []
    for train, test in year_probe._folds(times, blocks):
        apart = np.abs(times[train][:, None] - times[test][None]).min()
        assert apart > np.timedelta64(3, "D")
        assert not set(blocks[train]) & set(blocks[test])
        seen += test.tolist()
        # Of each five blocks (135 days) four less 3 days on either side are trained on.
        assert len(train) / len(times) == pytest.approx((4 * 27 - 6) / 135, abs=0.03)
    assert sorted(seen) == list(range(3000))


def test_exchanged_blocks_keep_the_place_within_them():
    times = times_of(99, days=3).astype("datetime64[s]")
    blocks = year_probe._blocks(times, 27.0)
    exchanged = year_probe._exchanged(times, blocks, 27.0, np.random.default_rng(1))
    np.testing.assert_array_equal(np.sort(year_probe._blocks(np.sort(exchanged), 27.0)), blocks)
    shift = (exchanged - times) / np.timedelta64(27, "D")
    np.testing.assert_array_equal(shift, np.round(shift))
    assert all(len(set(shift[blocks == block])) == 1 for block in set(blocks))
    assert (shift != 0).any()


def test_decimal_years_by_hand():
    # 2014 has 365 days: 2 July, 12:00 is its day 182.5. 2012 has 366: 2 July is its day 183.
    times = np.array(["2014-07-02T12:00", "2012-07-02", "2012-01-01"], "datetime64[s]")
    np.testing.assert_allclose(year_probe.decimal_year(times), [2014.5, 2012.5, 2012.0])


def test_channel_means_leave_missing_pixels_out():
    images = np.ones((2, 2, 4, 4, 2), "float32")  # two frames
    images[0, :, :, :2, 0] = np.nan
    images[0, :, :, 2:, 0] = 3.0
    images[1, ..., 1] = np.nan
    received = year_probe.channel_means({"images": images, "flux": np.ones((2, 1))})
    np.testing.assert_allclose(received, np.arcsinh([[3, 1], [1, np.nan]]))
    assert year_probe.channel_means({"flux": np.ones((2, 1))}).shape == (2, 0)


def test_a_network_without_images_is_probed_too():
    entry = keras.Input((1,), name="flux")
    model = keras.Model({"flux": entry}, layers.Dense(1)(entry))
    clock = year_probe.decimal_year(times_of())[:, None].astype("float32") - 2012
    table = year_probe.probe(
        model, {"as it is": [({"flux": clock},)]}, {"as it is": times_of()}, exchanges=1
    )
    assert table.index.tolist() == [("as it is", "embedding")]
    assert table["r2"].iloc[0] > 0.999


def test_samples_that_cannot_answer():
    vectors = np.zeros((300, 2))
    with pytest.raises(ValueError, match=r"over two years \(703 days\).*598 days, 23 blocks"):
        year_probe.probe_year(vectors, times_of(days=2))
    with pytest.raises(ValueError, match=r"in 10 blocks of 27 days.*4 samples.*900 days, 4 blocks"):
        year_probe.probe_year(vectors[:4], times_of(4, days=300))
    with pytest.raises(ValueError, match=r"0 samples with finite numbers, 0 days"):
        year_probe.probe_year(vectors * np.nan, times_of())
    with pytest.raises(ValueError, match=r"a time for each.*\(300, 2\) and 299 times"):
        year_probe.probe_year(vectors, times_of(299))
    with pytest.raises(ValueError, match="nothing to probe"):
        year_probe.probe(brightness_model(), {"a": []}, {"a": []})
