"""Pictures of maps: contours, scales, titles, the limb, numbered regions."""

import matplotlib.patches
import numpy as np
import pytest

from network_models.explanations import figures, map_figures, map_sheet
from network_models.explanations.methods import Attribution
from network_models.explanations.saliency_map import SaliencyMap
from software_tests.map_samples import WCS

CARDS = {**WCS, "RSUN_OBS": 975.0}
UNKNOWN = {"target": np.nan}


def drawing(
    kind="share", values=None, channels=("94", "171"), wcs=None, labels=UNKNOWN, own=None, **options
):
    """A drawing of a map; `own` are options of the map, and `options` those of the attribution."""
    if values is None:
        values = np.zeros((40, 40, len(channels)))
        values[10, 30] = -1.0
    if kind == "slope":
        options["whitened"] = {"images": values}
    found = Attribution("integrated_gradients", {"images": values}, -5.0, kind, **options)
    return map_figures.Drawing(
        SaliencyMap(
            image=np.random.default_rng(1).normal(3.0, 1.0, (*values.shape[:2], len(channels))),
            values=values,
            magnitude=np.abs(values),
            channels=channels,
            about={
                "id": "one",
                "time": np.datetime64("2014-01-01"),
                "wcs": wcs,
                "labels": labels,
                "marks": ("SYNTHETIC",),
            },
            attribution=found,
            stem="one",
            **{"target_unit": "log10(W / m2)", **(own or {})},
        )
    )


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def circles(axes):
    return [one for one in axes.patches if isinstance(one, matplotlib.patches.Circle)]


def test_contours_enclose_the_fraction_they_claim():
    values = np.random.default_rng(2).exponential(size=(100, 100))
    low, high = map_figures.enclosing_levels(values, (0.5, 0.2))
    assert values[values >= low].sum() / values.sum() == pytest.approx(0.5, abs=1e-3)
    assert values[values >= high].sum() / values.sum() == pytest.approx(0.2, abs=1e-3)
    assert map_figures.enclosing_levels(np.zeros((4, 4))) == []
    assert map_figures.enclosing_levels(np.full((4, 4), np.nan)) == []


def test_shares_are_drawn_with_their_sign_and_slopes_without():
    signed = map_figures.channel_figure(drawing(), 0).axes[1].images[0]
    assert signed.norm.vmin == -signed.norm.vmax
    assert signed.get_array().min() < 0
    assert signed.cmap.name == figures.DIVERGING
    slope = map_figures.channel_figure(drawing("slope"), 0).axes[1].images[0]
    assert slope.norm.vmin == 0.0
    assert slope.get_array().min() >= 0
    assert slope.cmap.name == figures.SEQUENTIAL


def test_titles_say_what_a_channel_does_and_whether_the_shares_add_up():
    options = {"error": 0.25, "baseline_forecast": -6.0, "steps": 512, "converged": False}
    figure = map_figures.channel_figure(drawing(**options), 1)
    title = figure.get_suptitle()
    assert "171 Å" in title
    assert "integrated gradients" in title
    assert "forecast −5.00, baseline −6.00, target unknown" in title
    assert "NOT CONVERGED, off by 0.25" in title
    # The one pixel of each channel is -1, so each lowers the forecast by 1 dex.
    assert "50 % of all sensitivity" in figure.axes[1].get_title()
    assert "−1" in figure.axes[1].get_title()
    assert "NOT CONVERGED" not in map_figures.channel_figure(drawing(), 1).get_suptitle()


def test_titles_name_the_output_and_leave_out_what_is_not_its_target():
    own = {"output_name": "M1.0", "target_unit": "probability"}
    figure = map_figures.channel_figure(drawing(labels={}, own=own), 1)
    assert figure.get_suptitle().endswith("M1.0: forecast −5.00  [probability]")
    # The unit is too long to stand over a panel of the sheet.
    assert figure.axes[1].get_title() == "50 % of all sensitivity  ·  −1"


def test_the_sheet_numbers_the_regions_on_every_channel():
    figure = map_sheet.sheet(drawing())
    upper = figure.axes[:2]
    assert [len(circles(axes)) for axes in upper] == [1, 1]
    assert [axes.texts[0].get_text() for axes in upper] == ["1", "1"]
    assert circles(upper[0])[0].center == (30, 10)  # column and row of the pixel
    assert circles(upper[0])[0].radius == pytest.approx(0.04 * 40)
    assert texts(figure).count("SYNTHETIC") == 4


def test_one_map_of_all_channels_stands_last_on_its_sheet():
    values = np.zeros((40, 40, 1))
    values[10, 30] = 1.0
    figure = map_sheet.sheet(drawing("relevance", values, ("94", "131", "171", "193", "211")))
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 6
    assert [axes.get_title() for axes in shown[-2:]] == ["211 Å", "all channels together"]
    assert figure.axes[-1].get_ylabel() == "relevance"
    one = map_figures.channel_figure(drawing("relevance", values), 1)
    assert one.axes[1].get_title() == "all channels together"


def test_what_is_drawn_over_an_image_does_not_widen_the_field():
    values = np.zeros((40, 40, 2))
    values[0, 0] = 1.0  # the circle of this region lies half outside
    figure = map_sheet.sheet(drawing(values=values))
    for axes in figure.axes[:4]:
        assert axes.get_xlim() == (-0.5, 39.5)


def test_the_limb_is_drawn_where_the_header_tells_its_radius():
    shown = drawing(wcs=CARDS)
    figure = map_figures.channel_figure(shown, 0)
    (limb,) = circles(figure.axes[1])
    assert limb.center == (0.0, 0.0)
    assert limb.radius == 975.0
    assert not circles(map_figures.channel_figure(drawing(), 0).axes[1])


def test_axes_are_in_arcsec_where_the_wcs_is_plain():
    # Left edge: 1.5 + (0.5 - 3.25) * 300 = -823.5; lower edge: -2.5 + (0.5 - 4.75) * 300 = -1277.5.
    edges = figures.solar_extent(CARDS, (6, 6))
    assert edges == pytest.approx([-823.5, 976.5, -1277.5, 522.5])
    assert figures.solar_extent(CARDS | {"CROTA2": 30.0}, (6, 6)) is None
    assert figures.solar_extent(CARDS | {"CUNIT1": "deg"}, (6, 6)) is None
    assert figures.solar_extent(None, (6, 6)) is None


def test_a_numbered_circle_lies_on_its_pixel_in_arcsec():
    (axes,) = figures.new_figure(2, 2).subplots(1, 1, squeeze=False).flat
    extent = figures.solar_extent(CARDS, (6, 6))
    figures.draw_region(axes, (4, 1, 1.5), (6, 6), extent, "7")
    # Column 1 is FITS pixel 2: 1.5 + (2 - 3.25) * 300 = -373.5; row 4 is 5: -2.5 + 75 = 72.5.
    assert circles(axes)[0].center == pytest.approx((-373.5, 72.5))
    assert circles(axes)[0].radius == pytest.approx(450.0)
    assert axes.texts[0].get_text() == "7"


def test_units_and_numbers_are_printed_as_in_a_paper():
    assert figures.unit_title("log10(W / m2)") == r"$\log_{10}$ $\mathrm{W\,m^{-2}}$"
    assert figures.unit_title("DN / s") == r"$\mathrm{DN\,s^{-1}}$"
    assert figures.unit_title("arbitrary") == "arbitrary"
    assert figures.unit_title("") == ""
    assert figures.number_title(-5.0) == "−5.00"
    assert figures.number_title(np.nan) == "unknown"


def test_panels_stand_where_the_inches_say():
    figure, panels = figures.new_panels(
        2, 3, panel=(2.0, 1.0), gaps=(0.5, 0.25), margins=(1, 2, 3, 4)
    )
    # Wide: 1 + 3 x 2 + 2 x 0.5 + 2 = 10; tall: 3 + 2 x 1 + 0.25 + 4 = 9.25.
    assert figure.get_size_inches().tolist() == [10.0, 9.25]
    place = panels[0, 2].get_position()  # from 1 + 2 x 2.5 = 6 inches; the upper edge 4 below top
    assert (place.x0 * 10, place.x1 * 10) == pytest.approx((6.0, 8.0))
    assert (place.y0 * 9.25, place.y1 * 9.25) == pytest.approx((4.25, 5.25))


def test_marks_stand_in_every_panel_and_missing_pixels_are_grey():
    figure = figures.new_figure(4, 2)
    image = np.random.default_rng(1).normal(3.0, 1.0, (8, 8))
    for axes in figure.subplots(1, 2):
        figures.draw_image(axes, image, "171")
    figure.colorbar(figure.axes[0].images[0], ax=figure.axes[0])
    figures.add_marks(figure, ("SYNTHETIC", "APPROXIMATE WCS"))
    found = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert found == [["SYNTHETIC, APPROXIMATE WCS"]] * 2 + [[]]
    scale = figures.image_scale(image)
    image[0, 0] = np.nan
    grey = figures.colour_table("171")(scale(np.ma.masked_invalid(image)), bytes=True)[0, 0]
    assert grey.tolist() == [128, 128, 128, 255]
