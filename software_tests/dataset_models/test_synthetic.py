import concurrent.futures
import dataclasses

import numpy as np
import pytest
import sunpy.map
from astropy.io import fits

from dataset_models.dataset import Dataset
from dataset_models.synthetic.synthetic import MASKED_ABOVE, Synthetic
from software_tests import contracts

TINY = {"image_size": 16, "train_size": 12, "validation_size": 5, "test_size": 4}
MANY = {"image_size": 4, "train_size": 4000, "signal_channels": 1, "noise_channels": 1}
BOTH = pytest.mark.parametrize("active_regions", [False, True])


def targets(dataset, split="train"):
    return np.array([dataset.target(split, i)[0] for i in range(dataset.size(split))])


def images(dataset, split="train", index=0):
    return dataset.sample(split, index, rng=None)[0]["images"]


def same(one, other):
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def flat(sample):
    return sample[0]["images"], sample[1]


@BOTH
def test_it_keeps_the_contract(active_regions):
    contracts.assert_dataset_contract(Synthetic(**TINY, active_regions=active_regions))


@BOTH
def test_shapes_and_types(active_regions):
    dataset = Synthetic(**TINY, signal_channels=2, noise_channels=3, active_regions=active_regions)
    x, y = dataset.sample("validation", 1, rng=None)
    assert dataset.input_shape == {"images": (16, 16, 5)}
    assert (x["images"].shape, x["images"].dtype) == ((16, 16, 5), np.float32)
    assert (y.shape, y.dtype) == ((1,), np.float32)
    assert dataset.channels == ("signal 0", "signal 1", "noise 0", "noise 1", "noise 2")
    assert [dataset.size(split) for split in dataset.splits] == [12, 5, 4]


# Purity


@BOTH
def test_a_sample_depends_on_seed_split_and_index_alone(active_regions):
    asked = [(split, i) for split in Synthetic.splits for i in range(4)]
    first = Synthetic(**TINY, active_regions=active_regions, seed=5)
    expected = [flat(first.sample(split, i, np.random.default_rng(i))) for split, i in asked]
    other = Synthetic(**TINY, active_regions=active_regions, seed=5)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        received = list(pool.map(lambda one: flat(other.sample(*one, rng=None)), asked[::-1]))
    assert all(same(*pair) for pair in zip(expected, received[::-1], strict=True))
    values = [float(y[0]) for _, y in expected]
    assert len(set(values)) == len(values)  # and no two are the same
    changed = Synthetic(**TINY, active_regions=active_regions, seed=6)
    assert not same(expected[0], flat(changed.sample("train", 0, rng=None)))


@BOTH
def test_the_target_alone_is_that_of_the_sample(active_regions):
    dataset = Synthetic(**TINY, active_regions=active_regions)
    for index in range(5):
        _, y = dataset.sample("train", index, rng=None)
        np.testing.assert_array_equal(dataset.target("train", index), y)


def test_a_larger_split_begins_as_a_smaller_one():
    small, large = Synthetic(**TINY), Synthetic(**TINY | {"train_size": 40})
    assert same(flat(small.sample("train", 3, None)), flat(large.sample("train", 3, None)))


def test_who_was_seen_is_in_the_fingerprint():
    dataset = Synthetic(**TINY)
    assert dataset.fingerprint() == Synthetic(**TINY).fingerprint()
    for dial in ({"seed": 2}, {"additive_noise_variance": 0.0}, {"active_regions": True}):
        assert dataset.fingerprint() != dataclasses.replace(dataset, **dial).fingerprint()


# Plain images: numbers that follow from the definition


def test_the_variance_of_the_target_is_that_of_level_and_noise():
    # Var(2 level + noise) = 4 + 0.5; of a sample of 4000 normal numbers it is known to 2.2 %.
    dataset = Synthetic(**MANY, scale_dependent_variable=2.0, additive_noise_variance=0.5)
    assert targets(dataset).var() == pytest.approx(4.5, rel=0.09)
    assert targets(dataset).mean() == pytest.approx(0, abs=4 * np.sqrt(4.5 / 4000))


def test_the_level_is_in_the_signal_and_the_noise_is_the_floor():
    # The mean over one channel of 64 x 64 pixels is the level and noise of variance 1/4096; what
    # then remains of the target is the additive noise, 0.01.
    dataset = Synthetic(image_size=64, signal_channels=1, noise_channels=1)
    means = np.array([images(dataset, index=i).mean((0, 1)) for i in range(500)])
    signal, noise = means.T
    remains = targets(dataset)[:500] - signal
    assert np.mean(remains**2) == pytest.approx(0.01 + 1 / 4096, rel=0.2)
    assert signal.var() == pytest.approx(1, rel=0.2)
    assert abs(np.corrcoef(noise, targets(dataset)[:500])[0, 1]) < 0.15  # 1/sqrt(500) is 0.045


def test_without_noise_the_target_is_the_level():
    dataset = Synthetic(**TINY, additive_noise_variance=0.0, scale_dependent_variable=3.0)
    level = Synthetic(**TINY, additive_noise_variance=0.0)
    np.testing.assert_allclose(targets(dataset), 3 * targets(level), rtol=1e-6)


@BOTH
def test_scales_of_the_pixels(active_regions):
    # The same world, seen with other factors.
    plain = Synthetic(**TINY, active_regions=active_regions)
    scaled = dataclasses.replace(plain, scale_signal_pixels=3.0, scale_noise_pixels=0.5)
    ratio = np.array([3.0] * 4 + [0.5] * 4)
    np.testing.assert_allclose(images(scaled), images(plain) * ratio, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(targets(scaled), targets(plain))


def test_the_noise_of_pixels_has_unit_variance():
    dataset = Synthetic(image_size=128)
    image = images(dataset)
    np.testing.assert_allclose(image.var((0, 1)), 1, rtol=0.06)  # 1.1 % each
    np.testing.assert_allclose(image[..., 4:].mean((0, 1)), 0, atol=0.04)


# Active regions


def test_the_target_follows_from_the_visible_regions():
    # log10 of (5e-8 and 8e-8 for each unit of strength in sight), above 1e-6.
    dataset = Synthetic(**TINY, active_regions=True, additive_noise_variance=0.0)
    for index in range(dataset.size("train")):
        regions = dataset._sun.regions(dataset.describe("train", index)["time"])
        seen = regions["strength"] / (1 + np.exp(-regions["mu"] / 0.03))
        expected = np.log10((5e-8 + 8e-8 * seen.sum()) / 1e-6)
        assert dataset.target("train", index)[0] == pytest.approx(expected, abs=1e-5)


def test_a_brighter_sun_has_a_larger_target():
    dataset = Synthetic(image_size=16, train_size=300, active_regions=True)
    chosen = range(0, 300, 4)
    brightness = [np.log(images(dataset, index=i)[..., 1].mean()) for i in chosen]
    assert np.corrcoef(brightness, targets(dataset)[::4])[0, 1] > 0.7


def test_splits_follow_each_other_with_a_rotation_between_them():
    dataset = Synthetic(**TINY, active_regions=True)
    times = {
        split: np.array([dataset.describe(split, i)["time"] for i in range(dataset.size(split))])
        for split in dataset.splits
    }
    for values in times.values():
        assert (np.diff(values) == np.timedelta64(12, "h")).all()
    for before, after in (("train", "validation"), ("validation", "test")):
        assert times[after].min() - times[before].max() >= np.timedelta64(27, "D")


def test_a_quiet_disk_has_its_centre_at_one():
    # Far from the regions the first channel is the disk: about 1 at the centre and 0 in the sky.
    dataset = Synthetic(image_size=64, active_regions=True, signal_channels=1, noise_channels=0)
    quiet = [i for i in range(40) if not dataset.signal_mask("train", i)[28:36, 28:36].any()]
    image = images(dataset, index=quiet[0])[..., 0]
    assert image[28:36, 28:36].mean() == pytest.approx(1, abs=0.1)
    assert image[0].max() < 0.01


# Where the signal is


def test_the_mask_of_plain_images_is_every_pixel_of_the_signal_channels():
    mask = Synthetic(**TINY, signal_channels=3, noise_channels=2).signal_mask("train", 0)
    assert (mask.shape, mask.dtype) == ((16, 16, 5), bool)
    assert mask[..., :3].all()
    assert not mask[..., 3:].any()


def test_the_mask_of_active_regions_is_where_a_region_brightens_the_disk():
    dataset = Synthetic(image_size=64, active_regions=True, train_size=400)
    found = 0
    for index in range(0, 400, 20):
        mask = dataset.signal_mask("train", index)
        image = images(dataset, index=index)
        assert not mask[..., 4:].any()
        assert mask[..., :4].mean() < 0.3
        assert (image[mask] >= MASKED_ABOVE).all()
        # What is left is the disk and its network, at most 1 and a tenth's excess, and the rest
        # of a region, below the tenth.
        assert image[..., :4][~mask[..., :4]].max() < 2
        about = dataset.describe("train", index)
        regions = dataset._sun.regions(about["time"])
        radius = about["wcs"]["R_SUN"]
        for region in regions[(regions["mu"] > 0.5) & (regions["strength"] > 0.5)]:
            column, row = (round(31.5 + region[axis] * radius) for axis in ("x", "y"))
            assert mask[row - 2 : row + 3, column - 2 : column + 3, 1].any()
            found += 1
    assert found >= 3


def test_no_signal_channels_leave_a_mask_of_nothing():
    dataset = Synthetic(**TINY, signal_channels=0, active_regions=True)
    assert not dataset.signal_mask("train", 0).any()
    assert images(dataset).shape == (16, 16, 4)


# What is said about a sample


@BOTH
def test_a_sample_is_described(active_regions):
    dataset = Synthetic(**TINY, active_regions=active_regions)
    about = dataset.describe("validation", 2)
    assert about["marks"] == ("SYNTHETIC",)
    assert about["channels"] == dataset.channels
    assert about["labels"] == {"target": float(dataset.target("validation", 2)[0])}
    assert about["unit"] == dataset.units["images"]
    # 12 samples of 12 hours from 2010-05-01 and 27 days of gap: 06-03; the third is a day later.
    assert about["time"] == np.datetime64("2010-06-04T00:00")
    assert about["id"] == "20100604_0000"
    assert (about["wcs"] is None) == (not active_regions)


def test_its_coordinates_make_a_map_of_the_sun():
    dataset = Synthetic(**TINY, active_regions=True)
    cards = fits.Header(dataset.describe("train", 0)["wcs"])
    solar = sunpy.map.GenericMap(images(dataset)[..., 0], cards)
    centre = solar.reference_coordinate
    assert (centre.Tx.value, centre.Ty.value) == (0, 0)
    assert solar.reference_pixel.x.value == 7.5  # the middle of 16 pixels, counted from 0
    assert solar.scale.axis1.value == pytest.approx(153.6)  # 2457.6 / 16
    assert solar.date.isot.startswith("2010-05-01T00:00:00")


def test_scores_carry_a_caveat():
    (caveat,) = Synthetic(**TINY).caveats()
    assert caveat.startswith("SYNTHETIC: ")


def test_the_baseline_is_the_mean_of_training_and_draws_no_image(monkeypatch):
    dataset = Synthetic(**TINY)
    monkeypatch.setattr(Synthetic, "sample", lambda *_: pytest.fail("drew an image"))
    forecast = dataset.baselines("validation")["climatology"]
    np.testing.assert_allclose(forecast, np.full((5, 1), targets(dataset).mean()), rtol=1e-5)


def test_it_has_no_files_and_says_so():
    assert not hasattr(Dataset, "write_sample")
    assert "nothing for a `write_sample` to write" in Synthetic.__doc__


# Mistakes


@pytest.mark.parametrize(
    ("dials", "received"),
    [
        ({"image_size": 0}, "'image_size': 0"),
        ({"signal_channels": 0, "noise_channels": 0}, "'channels': 0"),
        ({"noise_channels": -1}, "'noise_channels': -1"),
        ({"train_size": -3}, "'train_size': -3"),
        ({"additive_noise_variance": -0.1}, "'additive_noise_variance': -0.1"),
        ({"additive_noise_variance": float("nan")}, "'additive_noise_variance': nan"),
        ({"seed": -1}, "'seed': -1"),
    ],
)
def test_dials_that_make_no_images(dials, received):
    with pytest.raises(ValueError, match=rf"The dials make no images\. Expected .*{received}"):
        Synthetic(**dials)


@pytest.mark.parametrize("index", [-1, 12])
def test_samples_that_are_not_there(index):
    with pytest.raises(IndexError, match=f"Sample {index} of 12 samples of train"):
        Synthetic(**TINY).sample("train", index, rng=None)


@BOTH
@pytest.mark.parametrize("index", [-1, 12])
def test_targets_that_are_not_there(index, active_regions):
    with pytest.raises(IndexError, match=f"Sample {index} of 12 samples of train"):
        Synthetic(**TINY, active_regions=active_regions).target("train", index)


def test_an_empty_split_has_no_batches():
    with pytest.raises(ValueError, match="The test split is empty"):
        Synthetic(**TINY | {"test_size": 0}).batches("test", 2)


def test_dials_are_keywords_and_known():
    with pytest.raises(TypeError, match="positional"):
        Synthetic(64)
    with pytest.raises(TypeError, match="unexpected keyword argument 'image_sise'"):
        Synthetic(image_sise=64)
