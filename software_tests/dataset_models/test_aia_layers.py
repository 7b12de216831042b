import keras
import numpy as np
import pytest
from scipy import ndimage

from dataset_models.sdo import layers
from dataset_models.sdo.augmentation import SolarAugmentation
from dataset_models.sdo.decoding_layers import (
    AreaAverage,
    DegradationCorrection,
    RootDecode,
    check_image_size,
)
from software_tests.contracts import assert_layer_contract

NAN = np.nan
WHITENING = {
    "asinh": lambda: layers.AsinhWhiten(scale=(0.3, 0.45), mean=(1.0, 6.0), std=(0.8, 1.2)),
    "log": lambda: layers.LogWhiten(mean=(0.1, 3.7), std=(0.4, 1.7)),
    "standard": lambda: layers.StandardScale(mean=(1.0, 2.0), std=(3.0, 4.0)),
}


def numbers(layer, *x, **options):
    x = [np.asarray(one, "float32") for one in x]
    return keras.ops.convert_to_numpy(layer(*x, **options))


@pytest.fixture
def flare():
    """DN/s with what real images hold: negative and missing pixels, a flare beyond float16."""
    images = np.random.default_rng(1).normal(50, 60, (2, 4, 4, 2)).astype("float32")
    images[0, 0, 0] = (NAN, 3e6)
    images[1, 2, 3] = (-2.5, NAN)
    return images


@pytest.mark.parametrize("make", WHITENING.values(), ids=WHITENING)
def test_whitening_keeps_the_contract(make, flare):
    assert_layer_contract(make, inputs=flare)
    assert_layer_contract(make, (3, 4, 4, 2))


@pytest.mark.parametrize("make", WHITENING.values(), ids=WHITENING)
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_missing_is_the_mean_and_a_flare_stays_finite(make, policy, flare):
    keras.config.set_dtype_policy(policy)
    try:
        white = keras.ops.convert_to_numpy(make()(flare)).astype("float64")
    finally:
        keras.config.set_dtype_policy("float32")
    assert (white[np.isnan(flare)] == 0).all()
    if make is not WHITENING["standard"] or policy == "float32":  # 3e6 exceeds float16 itself
        assert np.isfinite(white).all()


def test_asinh_by_hand():
    # asinh(0.75) = ln(0.75 + sqrt(0.5625 + 1)) = ln 2; (ln 2 - 0.5) / 2 = 0.09657.
    layer = layers.AsinhWhiten(scale=4.0, mean=0.5, std=2.0)
    np.testing.assert_allclose(numbers(layer, [[3.0]]), [[(np.log(2) - 0.5) / 2]], rtol=1e-6)


def test_asinh_is_odd_linear_through_zero_and_a_logarithm_above():
    layer = layers.AsinhWhiten(scale=0.3)
    x = np.array([1e-4, 0.1, 30.0, 1e6], "float32")
    np.testing.assert_allclose(numbers(layer, -x), -numbers(layer, x), rtol=1e-6)
    np.testing.assert_allclose(numbers(layer, x[:1]), x[:1] / 0.3, rtol=1e-6)
    np.testing.assert_allclose(numbers(layer, x[3:]), np.log(2 * x[3:] / 0.3), rtol=1e-6)


def test_log_clips_at_one_and_uses_natural_logarithms():
    layer = layers.LogWhiten(mean=1.0, std=2.0)
    # ln(e^3) = 3; (3 - 1) / 2 = 1. Below 1 DN/s: ln 1 = 0, (0 - 1) / 2 = -0.5.
    np.testing.assert_allclose(numbers(layer, [np.exp(3), 0.5, -7.0]), [1, -0.5, -0.5], rtol=1e-6)


def test_log_has_flarenets_statistics_by_default():
    # A pixel at 10 ** 1.611 DN/s is FlareNet's mean at 171 A, the third channel: 0 there.
    image = np.full((1, 1, 1, 8), 10**1.611)
    white = numbers(layers.LogWhiten(), image)[0, 0, 0]
    assert abs(white[2]) < 1e-5
    # 193 A: (1.611 - 1.817) / 0.74238 in base 10, and the same in any other.
    np.testing.assert_allclose(white[3], (1.611 - 1.817) / 0.74238, rtol=1e-5)


def test_noise_scales_are_three_times_the_read_noise():
    # 1.2 DN of read noise over 4 x 4 pixels is 0.30 DN; 3 sigma over 2.9 s and 2.0 s of exposure.
    assert layers.NOISE_SCALE[94] == pytest.approx(3 * 0.30 / 2.9, rel=0.05)
    assert layers.NOISE_SCALE[171] == pytest.approx(3 * 0.30 / 2.0, rel=0.05)


@pytest.mark.parametrize(
    "channel", [94, 131, 171, 193, 211, 335], ids=lambda channel: f"{channel}A"
)
def test_noise_scales_are_those_of_the_dark_sky(real_data, channel):
    from astropy.io import fits
    from astropy.stats import sigma_clipped_stats

    path = real_data / f"aia_synoptic_20140101/AIA20140101_0000_{channel:04d}.fits"
    with fits.open(path, checksum=False) as file:
        header, image = file[1].header, file[1].data / file[1].header["EXPTIME"]
    y, x = np.indices(image.shape)
    radius = np.hypot(x + 1 - header["CRPIX1"], y + 1 - header["CRPIX2"]) * header["CDELT1"]
    sky = radius[:, 1:] > 1.6 * header["RSUN_OBS"]
    difference = np.diff(image, axis=1)[sky]
    sigma = sigma_clipped_stats(difference, sigma=4)[2] / np.sqrt(2)
    assert layers.NOISE_SCALE[channel] == pytest.approx(3 * sigma, rel=0.05)


def test_whitening_refuses_statistics_that_do_not_fit():
    with pytest.raises(ValueError, match="divides by std"):
        layers.StandardScale(mean=0.0, std=(1.0, 0.0))
    with pytest.raises(ValueError, match="divides by scale"):
        layers.AsinhWhiten(scale=-1.0)
    with pytest.raises(ValueError, match="cannot use mean"):
        layers.LogWhiten(mean=NAN, std=1.0)
    with pytest.raises(ValueError, match="8 values of mean for images of 3 channels"):
        layers.LogWhiten()(np.zeros((1, 2, 2, 3)))


def test_root_decode_undoes_the_store():
    assert_layer_contract(RootDecode, (2, 4, 4), mixed_dtype="float32")
    root = np.array([3.0, -2.0, 0.0, NAN, 1500.0], "float16")
    decoded = keras.ops.convert_to_numpy(RootDecode()(root))
    assert decoded.dtype == np.float32
    np.testing.assert_array_equal(decoded, [9, -4, 0, NAN, 2.25e6])  # beyond float16's 65504


def test_area_average_by_hand():
    plane = [[[1.0, 3.0, NAN, NAN], [5.0, 7.0, NAN, NAN], [0, 0, 1, NAN], [0, 4, -4, NAN]]]
    # (1+3+5+7)/4 = 4; all missing; (0+0+0+4)/4 = 1; (1-4)/2 = -1.5 of the two that are there.
    averaged = numbers(AreaAverage(2), [plane])
    np.testing.assert_array_equal(averaged, [[[[4, NAN], [1, -1.5]]]])


def test_area_average_keeps_the_contract_and_equals_scipy():
    assert_layer_contract(lambda: AreaAverage(3), (2, 12, 12), mixed_dtype="float32")
    planes = np.random.default_rng(2).normal(size=(2, 3, 5, 12, 12)).astype("float32")
    averaged = numbers(AreaAverage(4), planes)
    smooth = ndimage.uniform_filter(planes.astype("float64"), (0, 0, 0, 3, 3))[..., 1::3, 1::3]
    np.testing.assert_allclose(averaged, smooth, atol=1e-6)
    np.testing.assert_array_equal(numbers(AreaAverage(12), planes), planes)


def test_image_size_must_divide_the_grid():
    with pytest.raises(ValueError, match=r"among \[1, 2, 4, 8\].*image_size=3"):
        check_image_size(3, (8, 8))
    with pytest.raises(ValueError, match="8 x 6 pixels cannot be averaged"):
        AreaAverage(2)(np.zeros((1, 1, 8, 6), "float32"))


def test_degradation_divides_and_an_unknown_factor_is_missing():
    def make():
        return DegradationCorrection()

    images = np.ones((1, 2, 2, 3), "float32")
    corrected = numbers(make(), images, [[0.5, 1.0, 0.0]])
    np.testing.assert_array_equal(corrected[0, 1, 1], [2, 1, NAN])
    series = numbers(make(), np.ones((1, 2, 4, 4, 1)), [[[0.5], [0.25]]])
    np.testing.assert_array_equal(series[0, :, 3, 3, 0], [2, 4])


def test_times_become_channels():
    assert_layer_contract(layers.TimesAsChannels, (2, 4, 4, 3))
    assert_layer_contract(layers.TimesAsChannels, (4, 4, 3))
    series = np.arange(2 * 2 * 3 * 3 * 2).reshape(2, 2, 3, 3, 2)
    flat = numbers(layers.TimesAsChannels(), series)
    np.testing.assert_array_equal(flat, np.concatenate([series[:, 0], series[:, 1]], axis=-1))


@pytest.mark.parametrize("shape", [(8, 8, 3), (2, 8, 8, 3)], ids=["image", "series"])
def test_augmentation_keeps_the_contract(shape):
    assert_layer_contract(lambda: SolarAugmentation(seed=3), shape, mixed_dtype="float32")


def test_augmentation_is_off_unless_training():
    images = np.random.default_rng(3).normal(size=(4, 8, 8, 2)).astype("float32")
    layer = SolarAugmentation(north_south_mirror=True, seed=1)
    np.testing.assert_array_equal(numbers(layer, images), images)
    assert (numbers(layer, images, training=True) != images).any()


def test_east_west_mirror_is_exact_and_shared_by_channels_and_times():
    images = np.random.default_rng(4).normal(size=(64, 2, 6, 6, 3)).astype("float32")
    images[:, 0, 2, 1, 0] = NAN
    layer = SolarAugmentation(shift=0.0, rotation=0.0, seed=5)
    changed = numbers(layer, images, training=True)
    mirrored = 0
    for before, after in zip(images, changed, strict=True):
        same = np.array_equal(before, after, equal_nan=True)
        mirrored += not same
        assert same or np.array_equal(before[:, :, ::-1], after, equal_nan=True)
    assert 16 < mirrored < 48  # of 64, each with a chance of 1/2: within four sigma
    assert layer.supports_jit


def test_north_south_mirror_is_made_by_name_only():
    images = np.random.default_rng(5).normal(size=(64, 4, 4, 1)).astype("float32")
    options = {"east_west_mirror": False, "shift": 0.0, "rotation": 0.0, "seed": 1}
    np.testing.assert_array_equal(
        numbers(SolarAugmentation(**options), images, training=True), images
    )
    changed = numbers(SolarAugmentation(north_south_mirror=True, **options), images, training=True)
    kinds = {
        "same" if np.array_equal(a, b) else "mirrored" if np.array_equal(a[::-1], b) else "other"
        for a, b in zip(images, changed, strict=True)
    }
    assert kinds == {"same", "mirrored"}


def test_movement_equals_scipy(monkeypatch):
    image = ndimage.gaussian_filter(np.random.default_rng(6).normal(size=(16, 16)), 2)
    layer = SolarAugmentation(east_west_mirror=False, rotation=30.0, shift=0.2)
    angle, right, down = np.deg2rad(20), 1.5, -2.25
    draws = [np.array([value], "float32") for value in (angle, right, down)]
    monkeypatch.setattr(layer, "_draws", lambda *_: draws)
    changed = numbers(layer, image[None, :, :, None], training=True)[0, :, :, 0]
    # Each output pixel is read at R (pixel - centre) + centre + shift, as scipy has it in (y, x).
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = np.array([7.5, 7.5])
    offset = centre + np.array([down, right]) - turn @ centre
    expected = ndimage.affine_transform(image, turn, offset, order=1, mode="grid-constant")
    np.testing.assert_allclose(changed, expected, atol=1e-5)


def test_movements_stay_within_their_limits_and_mark_what_was_missing():
    layer = SolarAugmentation(shift=0.1, rotation=5.0, seed=2)
    angle, right, down = (keras.ops.convert_to_numpy(d) for d in layer._draws(1000, 20, 40))
    assert 0.9 * np.deg2rad(5) < np.abs(angle).max() <= np.deg2rad(5)
    assert 0.9 * 4 < np.abs(right).max() <= 4
    assert 0.9 * 2 < np.abs(down).max() <= 2
    image = np.ones((8, 16, 16, 1), "float32")
    image[:, 8, 8] = NAN
    changed = numbers(layer, image, training=True)
    assert (np.isnan(changed).sum(axis=(1, 2, 3)) >= 1).all()
    assert (np.isnan(changed).sum(axis=(1, 2, 3)) <= 9).all()


def test_augmentation_repeats_with_its_seed():
    images = np.random.default_rng(7).normal(size=(4, 8, 8, 2)).astype("float32")
    first, again, other = (
        numbers(SolarAugmentation(seed=seed), images, training=True) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("options", [{"shift": 0.5}, {"rotation": -1}, {"shift": -0.1}])
def test_augmentation_refuses_movements_that_make_no_sense(options):
    with pytest.raises(ValueError, match="cannot move an image so"):
        SolarAugmentation(**options)
