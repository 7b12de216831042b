import concurrent.futures
import time

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from dataset_models.synthetic import appearance, sun
from dataset_models.synthetic.appearance import LOOKS, Canvas, Look
from dataset_models.synthetic.archive_header import pointing
from dataset_models.synthetic.ephemeris import SOLAR_RADIUS, apparent_radius, ephemeris
from dataset_models.synthetic.sun import Sun, goes_class
from tools.events import class_to_flux

MINUTE = np.timedelta64(1, "m")
NEW_YEAR = np.datetime64("2014-01-01T00:00", "m")
QUIET = Look(1.0, 0.6, 0.0, 0.0, 0.0, 0.0, 0.0, network=0.0)  # nothing but a disk
CORES = Look(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, network=0.0)  # nothing but regions


def minutes(days, start=NEW_YEAR):
    return np.arange(start, start + days * 1440 * MINUTE, MINUTE)


def one(region):
    """A born region as an array of one row."""
    row = np.zeros(1, sun.BIRTH)
    for name, value in region.items():
        row[name] = value
    return row


def alone(monkeypatch, **region):
    """A Sun with one region, born 2014-01-01, that stays as strong as it is."""
    row = one({"number": 1, "born": 1341.0, "rise": 1e-3, "decay": 1e6, "size": 0.05} | region)
    row["peak_strength"] = 1
    block = int(1341 // sun.BLOCK_DAYS)  # 1341 days after 2010-05-01 is 2014-01-01
    monkeypatch.setattr(sun, "_born", lambda seed, asked: row if asked == block else row[:0])
    return Sun(987654)  # a seed of its own: what it flares stays in the cache


# Where the Earth stands


@pytest.mark.parametrize("file", ["aia_synoptic_20140101", "aia_171_20110319"])
def test_the_disk_is_turned_and_sized_as_real_headers_say(real_data, file):
    # SDO's orbit of 42,000 km moves the longitude by 0.016 degree and the radius by 0.3 arcsec. The
    # Sun turns by 0.08 degree while light is on its way, 8 minutes; not everyone subtracts it.
    for path in sorted((real_data / file).glob("*.fits"))[:2]:
        with fits.open(path) as units:
            header = units[-1].header
            when = np.datetime64(header["T_OBS"].removesuffix("Z"), "ms")
            longitude, latitude, distance = ephemeris(when)
            assert longitude == pytest.approx(header["CRLN_OBS"], abs=0.1)
            assert latitude == pytest.approx(header["CRLT_OBS"], abs=0.05)
            assert distance == pytest.approx(header["DSUN_OBS"], rel=3e-4)
            assert apparent_radius(when) == pytest.approx(header["RSUN_OBS"], abs=0.3)
            assert pointing(when, 64)["CAR_ROT"] == header["CAR_ROT"]
            assert header["RSUN_REF"] == SOLAR_RADIUS


def test_carrington_rotation_2145_began_on_its_day():
    # Longitude 0 crossed the disk centre, and rotation 2146 began, on 2014-01-15 (CRLN_OBS 189.476
    # at 2014-01-01T00:00 and 13.2 degrees a day: 14.4 days later).
    before, after = (pointing(np.datetime64(day), 64) for day in ("2014-01-14", "2014-01-16"))
    assert (before["CAR_ROT"], after["CAR_ROT"]) == (2145, 2146)
    assert before["CRLN_OBS"] < 20 < 340 < after["CRLN_OBS"]


# Regions


def test_a_region_crosses_the_disk_at_13_degrees_a_day(monkeypatch):
    # Snodgrass 1983 at latitude 0: 2.902e-6 rad/s, 14.366 degrees a day; the Earth moves on by
    # 1.0194 degrees a day in early January (perihelion): 13.347 degrees a day. So x is
    # sin(13.347 t), and y only the Earth's latitude: -sin(B0) cos(13.347 t).
    start = NEW_YEAR + 1440 * MINUTE
    centre, tilt, _ = ephemeris(start)
    drift = np.degrees(2.902e-6 * 86400) - 360 / 25.38  # of the Carrington frame, degrees a day
    lonely = alone(monkeypatch, longitude=float(centre) - drift, latitude=0.0)
    for day in (-0.5, 0, 1, 2, 3, 5):
        region = lonely.regions(start + round(day * 1440) * MINUTE)
        angle = np.radians(13.347 * day)
        assert region["x"] == pytest.approx(np.sin(angle), abs=3e-3)
        assert region["mu"] == pytest.approx(np.cos(angle) * np.cos(np.radians(tilt)), abs=3e-3)
    assert (lonely.regions(start + 9 * 1440 * MINUTE)["mu"] < 0).all()  # 120 degrees: behind


def test_the_poles_turn_slower():
    # Snodgrass at 30 degrees: 2.902 - 0.464/4 - 0.328/16 = 2.7655e-6 rad/s, 13.690 degrees a day,
    # 0.676 less than at the equator.
    born = one({"latitude": 30.0})
    equator = one({"latitude": 0.0})
    behind = sun._carrington_longitude(10.0, equator) - sun._carrington_longitude(10.0, born)
    assert behind == pytest.approx(6.76, abs=0.01)


def test_regions_lie_on_the_unit_sphere_in_two_belts():
    regions = np.concatenate([Sun(4).regions(NEW_YEAR + day * 1440 * MINUTE) for day in (0, 60)])
    assert ((np.abs(regions["latitude"]) >= 10) & (np.abs(regions["latitude"]) <= 30)).all()
    assert set(np.sign(regions["latitude"])) == {-1, 1}
    length = regions["x"] ** 2 + regions["y"] ** 2 + regions["mu"] ** 2
    np.testing.assert_allclose(length, 1)
    assert (regions["strength"] > 0).all()
    assert (regions["strength"] <= regions["peak_strength"]).all()


def test_births_are_poisson():
    # Mean and variance of the number of births in 27 days are the same.
    counts = [len(sun._born(8, block)) for block in range(400)]
    expected = sun.BIRTHS * 27
    assert np.mean(counts) == pytest.approx(expected, abs=4 * np.sqrt(expected / 400))
    assert np.var(counts) == pytest.approx(expected, rel=0.3)


def test_a_region_rises_decays_and_ends():
    born = one({"born": 10.0, "rise": 4.0, "decay": 5.0})[0]
    # Half the rise: sin^2(45 degrees); a decay time after the peak: 1/e.
    days = np.array([9.9, 10, 12, 14, 19, 10 + sun.LIFE_DAYS + 0.1])
    np.testing.assert_allclose(sun.activity(days, born), [0, 0, 0.5, 1, np.exp(-1), 0], atol=1e-12)


# Images


def test_limb_darkening_follows_its_law_inside_the_disk():
    # 1 - 0.6 (1 - mu): 1 at the centre; at 0.8 radii mu is 0.6, which leaves 0.76.
    image = Sun().image(NEW_YEAR, QUIET, 256)
    distance = Canvas(NEW_YEAR, 256).distance
    assert image[distance < 0.02].mean() == pytest.approx(1.0, abs=1e-3)
    ring = image[np.abs(distance - 0.8) < 0.005]
    assert ring.mean() == pytest.approx(0.76, abs=0.005)
    assert (image[distance > 1.02] == 0).all()
    assert image.dtype == np.float32


@pytest.mark.parametrize("size", [64, 129])
def test_the_disk_has_the_area_of_its_radius(size):
    # 975.95 arcsec in a field of 2457.6: pi r^2 pixels.
    radius = 975.95 / 2457.6 * size
    assert Canvas(NEW_YEAR, size).disk.sum() == pytest.approx(np.pi * radius**2, rel=2e-3)


def test_a_region_is_drawn_where_the_world_coordinates_put_it(monkeypatch):
    centre = float(ephemeris(NEW_YEAR + 1440 * MINUTE)[0])
    lonely = alone(monkeypatch, longitude=centre + 25, latitude=20.0)
    when = NEW_YEAR + 1440 * MINUTE
    image = lonely.image(when, CORES, 256).astype(float)
    row, column = (np.average(grid, weights=image) for grid in np.indices(image.shape))
    cards = pointing(when, 256)
    west, north = WCS(fits.Header(cards)).pixel_to_world_values(column, row)
    west, north = np.array([west, north]) * 3600  # degrees to arcsec
    west = (west + 648000) % 1296000 - 648000
    region = lonely.regions(when)
    # The loops stand up to 2 % of a radius above their feet: two pixels of 9.6 arcsec.
    assert west == pytest.approx(float(region["x"][0] * cards["RSUN_OBS"]), abs=20)
    assert north == pytest.approx(float(region["y"][0] * cards["RSUN_OBS"]), abs=20)
    assert north > 300  # north is up, in the later rows


def test_a_region_behind_the_limb_is_not_drawn(monkeypatch):
    centre = float(ephemeris(NEW_YEAR + 1440 * MINUTE)[0])
    hidden = alone(monkeypatch, longitude=centre + 180, latitude=10.0)
    assert hidden.image(NEW_YEAR + 1440 * MINUTE, CORES, 64).max() == 0


def test_a_region_keeps_its_brightness_at_any_size(monkeypatch):
    centre = float(ephemeris(NEW_YEAR + 1440 * MINUTE)[0])
    lonely = alone(monkeypatch, longitude=centre, latitude=10.0)
    small, large = (lonely.image(NEW_YEAR + 1440 * MINUTE, CORES, size) for size in (64, 256))
    assert large.sum() == pytest.approx(small.sum() * 16, rel=1e-3)  # 16 times the pixels


@pytest.mark.parametrize("channel", [94, 131, 171, 193, 211, 335])
def test_channels_are_as_bright_as_on_the_real_sun(channel, real_data):
    path = real_data / "aia_synoptic_20140101" / f"AIA20140101_0000_{channel:04d}.fits"
    with fits.open(path) as units:
        units[-1].verify("silentfix")
        real = units[-1].data / units[-1].header["EXPTIME"]
    drawn = Sun().image(NEW_YEAR, channel, 64)
    real = real.reshape(64, 16, 64, 16).mean((1, 3))  # to 64 x 64
    disk = Canvas(NEW_YEAR, 64).distance < 0.9
    assert 0.4 < np.median(drawn[disk]) / np.median(real[disk]) < 2.5


def test_a_flare_brightens_the_sun_in_94():
    star = Sun(1)
    flare = star.flares("2014-01-01", "2014-02-01").nlargest(1, "flux").iloc[0]
    before, during = (
        star.image(when, 94, 64) for when in (flare["start"] - 60 * MINUTE, flare["peak"])
    )
    assert flare["flux"] > 1e-5
    assert during.max() > 5 * before.max()


def test_images_share_their_geometry_and_do_not_depend_on_each_other():
    together = Sun(2).images(NEW_YEAR, (171, 304), 32)
    np.testing.assert_array_equal(together[1], Sun(2).image(NEW_YEAR, 304, 32))
    assert (together > 0).any()
    assert np.isfinite(together).all()
    assert set(LOOKS) == {94, 131, 171, 193, 211, 304, 335, 1600}


def test_the_sun_turns_the_network_turns_and_seeds_differ():
    first, next_day = (Sun(1).image(NEW_YEAR + d * 1440 * MINUTE, 171, 64) for d in (0, 1))
    assert not np.allclose(first, next_day, rtol=0.1)
    assert not np.allclose(first, Sun(2).image(NEW_YEAR, 171, 64), rtol=0.1)


# Flux and flares


def test_the_background_is_the_sum_over_the_visible_regions():
    times = NEW_YEAR + np.arange(0, 60 * 1440, 701) * MINUTE
    background = Sun(3).background(times)
    for when, received in zip(times[::20], background[::20], strict=True):
        regions = Sun(3).regions(when)
        seen = 1 / (1 + np.exp(-regions["mu"] / 0.03))
        expected = 5e-8 + 8e-8 * sum(regions["strength"] * seen)
        assert received == pytest.approx(expected, rel=1e-6)


def test_the_flux_is_the_background_and_the_flares_under_way():
    times = NEW_YEAR + np.arange(0, 20 * 1440, 97) * MINUTE
    flux = Sun(3).flux(times)
    assert (flux >= Sun(3).background(times) * (1 - 1e-12)).all()
    for when, received in zip(times[::30], flux[::30], strict=True):
        flaring = sum(Sun(3).flaring(when).values())
        assert received == pytest.approx(Sun(3).background(when) + flaring, rel=1e-4)


def test_flux_peaks_where_flares_are_listed():
    star = Sun(1)
    flares = star.flares("2014-01-01", "2014-01-21")
    times = minutes(22, NEW_YEAR - 1440 * MINUTE)
    flux = star.flux(times)
    place = np.searchsorted(times, flares["peak"].to_numpy("datetime64[m]"))
    np.testing.assert_allclose(flux[place], flares["flux"])
    assert (flux[place] >= np.maximum(flux[place - 1], flux[place + 1])).all()
    start = np.searchsorted(times, flares["start"].to_numpy("datetime64[m]"))
    assert (flux[place] >= 1.4 * flux[start]).all()
    assert ((flares["start"] < flares["peak"]) & (flares["peak"] < flares["end"])).all()
    assert flares["peak"].is_monotonic_increasing
    assert flares["peak"].is_unique
    for flare in flares.itertuples():
        assert class_to_flux(flare.goes_class) == pytest.approx(flare.flux, rel=0.051)


def test_every_strong_peak_of_the_flux_is_in_the_list():
    # Above M1, as a reader of the flux alone finds them: maxima that overtop all of two hours.
    star = Sun(1)
    times = minutes(120)
    flux = star.flux(times)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(flux, 60), 121).max(-1)
    tops = times[(flux == around) & (flux > 1e-5)]
    listed = star.flares(times[0], times[-1])["peak"].to_numpy("datetime64[m]")
    assert len(tops) >= 5
    assert set(tops) <= set(listed)


def test_flares_follow_a_power_law_of_index_2():
    # dN/dF ~ F^-2: log(F) has the distribution function 1 - 1e-7/F, so that half of the flares at
    # the disk centre are below 2e-7, and a tenth above 1e-6.
    flares = np.concatenate([sun._flares(5, block) for block in range(40, 80)])
    strong = flares["flux"][flares["flux"] > 1e-6]  # from here on the limb cuts the flux little
    assert len(strong) > 500
    assert (strong > 2e-6).mean() == pytest.approx(0.5, abs=0.05)
    assert (strong > 1e-5).mean() == pytest.approx(0.1, abs=0.03)


def test_strong_regions_flare_more():
    born = np.concatenate([sun._born(5, block) for block in range(40, 60)])
    flares = np.concatenate([sun._flares(5, block) for block in range(40, 60)])
    count = np.array([(flares["number"] == number).sum() for number in born["number"]])
    # Expected: 10 a day times the days' worth of full strength, half the rise and all of the decay.
    days = born["rise"] / 2 + born["decay"] * (1 - np.exp(-(54 - born["rise"]) / born["decay"]))
    expected = 10 * born["peak_strength"] * days
    assert np.corrcoef(expected, count)[0, 1] > 0.98
    assert count.sum() == pytest.approx(expected.sum(), rel=0.03)


@pytest.mark.parametrize(
    ("flux", "name"),
    [
        (1.5e-5, "M1.5"),
        (9.96e-7, "C1.0"),  # rounds up into the next letter
        (9.94e-7, "B9.9"),
        (1e-4, "X1.0"),
        (2.83e-3, "X28.3"),
        (5e-8, "A5.0"),
    ],
)
def test_classes_of_flares(flux, name):
    assert goes_class(flux) == name
    assert class_to_flux(name) == pytest.approx(flux, rel=0.051)


# Purity


def test_any_time_can_be_asked_alone_and_in_any_order():
    times = minutes(3, np.datetime64("2014-01-26T00:00"))  # across the end of a 27-day block
    whole = Sun(1).flux(times)
    shuffled = np.random.default_rng(0).permutation(len(times))
    np.testing.assert_allclose(Sun(1).flux(times[shuffled]), whole[shuffled], rtol=1e-12)
    some = shuffled[:20]
    alone_each = [float(Sun(1).flux(when)) for when in times[some]]
    np.testing.assert_allclose(alone_each, whole[some], rtol=1e-6)
    assert Sun(1).flux(times[:0]).shape == (0,)


def test_threads_see_the_same_sun():
    days = [NEW_YEAR + day * 1440 * MINUTE for day in range(12)]
    expected = [Sun(9).image(day, 193, 32).tobytes() for day in days]
    for cache in (sun._born, sun._flares, appearance._structure, appearance._network_points):
        cache.cache_clear()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        received = list(pool.map(lambda day: Sun(9).image(day, 193, 32).tobytes(), days[::-1]))
    assert received[::-1] == expected


def test_times_before_the_first_block_have_a_sun_too():
    assert len(Sun(1).regions("2009-12-31")) > 5
    assert Sun(1).flux(np.datetime64("2009-12-31")) > 5e-8


def test_months_of_flux_are_quick():
    begun = time.process_time()
    Sun(6).flux(minutes(60))
    assert time.process_time() - begun < 10  # of one core, however busy it is; 1.5 were measured


def test_what_there_is_not():
    with pytest.raises(ValueError, match=r"no negative seed.*Received: seed=-1"):
        Sun(-1)
    with pytest.raises(ValueError, match=r"no channel 172. Expected one of \(94, 131"):
        Sun().image(NEW_YEAR, 172, 32)
