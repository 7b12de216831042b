"""The strongest regions of a map, and where on the Sun they lie."""

import astropy.units as u
import numpy as np
import pytest
import sunpy.map

from network_models.explanations.methods import Attribution
from network_models.explanations.saliency_map import SaliencyMap
from network_models.explanations.strongest_regions import (
    RADIUS,
    inside,
    solar_positions,
    strongest_regions,
)

SIZE = 100
CARDS = {
    "CTYPE1": "HPLN-TAN",
    "CTYPE2": "HPLT-TAN",
    "CUNIT1": "arcsec",
    "CUNIT2": "arcsec",
    "CRPIX1": 50.5,
    "CRPIX2": 50.5,
    "CDELT1": 24.0,
    "CDELT2": 24.0,
    "CRVAL1": 0.0,
    "CRVAL2": 0.0,
    "DATE-OBS": "2014-01-01T00:00:12.34",
    "DSUN_OBS": 147096679538.03,
    "RSUN_OBS": 975.962484,
    "RSUN_REF": 696000000.0,
    "CRLN_OBS": 189.476105,
    "CRLT_OBS": -3.004567,
    "TELESCOP": "SDO/AIA",
}


def saliency(values, kind="share", channels=("94", "171"), wcs=None):
    attribution = Attribution("occlusion", {"images": values}, -5.0, kind)
    return SaliencyMap(
        image=np.ones((*values.shape[:2], len(channels))),
        values=values,
        magnitude=np.abs(values),
        channels=channels,
        about={"id": "one", "time": np.datetime64("2014-01-01"), "wcs": wcs},
        attribution=attribution,
        stem="one",
        target_unit="log10(W / m2)",
        name="images",
    )


def spots(*places, channels=2):
    """Round spots: (row, column, channel, height)."""
    rows, columns = np.ogrid[:SIZE, :SIZE]
    values = np.zeros((SIZE, SIZE, channels))
    for row, column, channel, height in places:
        distance = np.hypot(rows - row, columns - column)
        values[..., channel] += height * np.exp(-0.5 * (distance / 1.5) ** 2)
    return values


def found(values, **options):
    one = saliency(values, **options)
    return strongest_regions(one, one.sensitivity), one


def test_spots_come_in_the_order_of_their_strength():
    table, _ = found(spots((30, 70, 0, 1.0), (60, 20, 1, -3.0), (80, 80, 0, 2.0)))
    assert table["rank"].tolist() == [1, 2, 3]
    assert table[["row", "column"]].to_numpy().tolist() == [[60, 20], [80, 80], [30, 70]]
    assert table["strongest_channel"].tolist() == ["171", "94", "94"]
    # A spot that lowers the forecast counts as much as one that raises it, and says so:
    # the integral of the Gaussian inside 4 pixels is 2 pi 1.5^2 (1 - exp(-(4 / 1.5)^2 / 2)) =
    # 13.73 per unit of height.
    np.testing.assert_allclose(table["change"], [-3 * 13.73, 2 * 13.73, 13.73], rtol=0.01)
    assert set(table["unit"]) == {"dex"}


def test_shares_are_sums_inside_the_circles():
    values = spots((30, 70, 0, 1.0), (60, 20, 1, 3.0), (60, 22, 0, 1.0)) + 0.001
    table, one = found(values)
    total, radius = one.sensitivity.sum(), RADIUS * SIZE
    for _, region in table.iterrows():
        circle = np.array(
            [
                [
                    (row - region["row"]) ** 2 + (column - region["column"]) ** 2 <= radius**2
                    for column in range(SIZE)
                ]
                for row in range(SIZE)
            ]
        )
        part = one.sensitivity[circle].sum(axis=0)
        assert region["share"] == pytest.approx(part.sum() / total)
        assert region["share_94"] == pytest.approx(part[0] / part.sum())
        assert region["share_94"] + region["share_171"] == pytest.approx(1.0)
        # Contrast: share of the sensitivity over share of the pixels.
        assert region["contrast"] == pytest.approx(region["share"] * SIZE**2 / circle.sum())
    assert table["share"].sum() <= 1.0
    assert table["radius_pixels"].tolist() == [radius] * len(table)


def test_regions_do_not_overlap_and_there_are_few():
    noise = np.random.default_rng(0).exponential(size=(SIZE, SIZE, 2)) ** 6
    table, _ = found(noise)
    assert 2 <= len(table) <= 5
    assert table["share"].is_monotonic_decreasing
    circles = [
        inside((SIZE, SIZE), (region["row"], region["column"]), region["radius_pixels"])
        for _, region in table.iterrows()
    ]
    assert np.sum(circles, axis=0).max() == 1


def test_what_does_not_stand_out_is_no_region():
    table, _ = found(np.ones((SIZE, SIZE, 2)))
    assert table.empty
    assert {"rank", "latitude_deg", "share_94"} <= set(table.columns)
    assert found(np.zeros((SIZE, SIZE, 2)))[0].empty
    assert found(np.full((SIZE, SIZE, 2), np.nan))[0].empty


def test_a_plateau_is_one_region_and_missing_pixels_take_no_part():
    values = np.zeros((SIZE, SIZE, 2))
    values[40:43, 40:43] = 1.0
    values[:, 45:] = np.nan
    table, _ = found(values)
    assert table[["row", "column"]].to_numpy().tolist() == [[41, 41]]


def test_a_method_without_channels_or_signs_leaves_those_columns_empty():
    table, _ = found(spots((30, 70, 0, 1.0), channels=1), kind="relevance")
    assert table["strongest_channel"].tolist() == [""]
    assert np.isnan(table["change"]).all()
    assert "share_94" not in table
    assert np.isnan(table["solar_x_arcsec"]).all()  # there is no WCS


def test_the_disk_centre_has_the_coordinates_that_the_header_says():
    # Pixel (49.5, 49.5) from 0 is CRPIX; B0 and L0 of the header are its latitude and longitude.
    (place,) = solar_positions(CARDS, [(49.5, 49.5)])
    assert place["solar_x_arcsec"] == pytest.approx(0.0, abs=1e-9)
    assert place["radii_from_centre"] == pytest.approx(0.0, abs=1e-9)
    assert place["latitude_deg"] == pytest.approx(CARDS["CRLT_OBS"], abs=1e-6)
    assert place["carrington_longitude_deg"] == pytest.approx(CARDS["CRLN_OBS"], abs=1e-3)
    # SDO circles the Earth, which stands at Stonyhurst longitude 0.
    assert place["stonyhurst_longitude_deg"] == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("rotation", [0.0, 30.0])
def test_positions_are_those_of_sunpy(rotation):
    cards = CARDS | {"CROTA2": rotation}
    centres = [(40, 75), (70, 30), (2, 2)]
    image = sunpy.map.Map(np.zeros((SIZE, SIZE)), cards)
    places = solar_positions(cards, centres)
    for (row, column), place in zip(centres[:2], places[:2], strict=True):
        wanted = image.pixel_to_world(column * u.pix, row * u.pix)
        assert place["solar_x_arcsec"] == pytest.approx(wanted.Tx.value)
        assert place["solar_y_arcsec"] == pytest.approx(wanted.Ty.value)
        stonyhurst = wanted.heliographic_stonyhurst
        assert place["stonyhurst_longitude_deg"] == pytest.approx(stonyhurst.lon.deg, abs=1e-6)
        assert place["latitude_deg"] == pytest.approx(stonyhurst.lat.deg, abs=1e-6)
        # Carrington less Stonyhurst longitude is the same all over the Sun: L0 of the Earth.
        difference = place["carrington_longitude_deg"] - place["stonyhurst_longitude_deg"]
        assert difference % 360 == pytest.approx(CARDS["CRLN_OBS"], abs=0.1)
    off = places[2]  # (2, 2) lies 1611 arcsec from the centre
    assert off["radii_from_centre"] == pytest.approx(1611 / 975.96, rel=1e-3)
    assert np.isnan([off["latitude_deg"], off["stonyhurst_longitude_deg"]]).all()


@pytest.mark.parametrize(
    "cards",
    [
        None,
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CUNIT1": "deg", "CUNIT2": "deg"},
        {name: card for name, card in CARDS.items() if not name.startswith(("DSUN", "CRL"))},
        {name: card for name, card in CARDS.items() if name != "DATE-OBS"},
        {"TELESCOP": "SDO/AIA"},
    ],
    ids=["no WCS", "stars", "no observer", "no time", "no axes"],
)
def test_a_wcs_that_does_not_say_where_on_the_sun_leaves_positions_unknown(cards):
    (place,) = solar_positions(cards, [(40, 75)])
    assert np.isnan(list(place.values())).all()
