"""The text of Solar Region Summaries, against sunpy's reader and by hand."""

import datetime
import pathlib

import numpy as np
import pytest
import sunpy
from sunpy.io.special import read_srs

from dataset_models.sdo import region_summary
from software_tests.raw_archive import SUMMARY

REAL = sorted((pathlib.Path(sunpy.__file__).parent / "data" / "test" / "SRS").glob("*SRS.txt"))


@pytest.mark.filterwarnings("ignore")  # of astropy and sunpy, about empty columns and open files
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_real_summaries_read_as_sunpy_reads_them(path):
    text, table = path.read_text(), read_srs(path)
    assert region_summary.issued(text) == table.meta["issued"]
    table = table[table["ID"] == "I"]
    twin = []
    if len(table):
        places = table["Latitude"].value, table["Longitude"].value
        columns = [table["Number"], *places, table["Area"].value]
        twin = np.array([np.ma.filled(column, -1) for column in columns]).T.tolist()
    assert [list(region) for region in region_summary.spots(text)] == twin


def test_there_are_real_summaries():
    assert len(REAL) >= 12


def test_the_regions_of_a_summary():
    assert region_summary.issued(SUMMARY) == datetime.datetime(2013, 12, 31, 0, 30)
    first, second = region_summary.spots(SUMMARY)
    assert first == (11934, -16, 25, 90)
    assert second == (11936, -16, 32, 150)


@pytest.mark.parametrize(
    ("issued", "written", "number"),
    [
        ("2001 Dec 31", "9754", 9754),
        ("2002 Jun 14", "0000", 10000),  # the day on which NOAA gave that number
        ("2013 Dec 31", "1934", 11934),
        ("2013 Dec 31", "11934", 11934),  # in full already
        ("2065 Dec 31", "0934", 20934),  # at the 167 a year of 2002 to 2024, 20000 comes by 2062
    ],
)
def test_numbers_get_the_digits_that_summaries_leave_out(issued, written, number):
    text = SUMMARY.replace("2013 Dec 31", issued).replace("\n1934", f"\n{written}")
    assert region_summary.spots(text)[0].number == number


def test_notes_between_the_lines_are_let_pass():
    noted = SUMMARY.replace("\n1936", "\nCorrected area of the next region\n1936")
    noted = "::::::::::Corrected Copy::::::::::\n" + noted.replace("\n", "\r\n")
    assert region_summary.spots(noted) == region_summary.spots(SUMMARY)


def test_a_plage_is_no_region_with_spots():
    assert 11937 not in [region.number for region in region_summary.spots(SUMMARY)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html>\n404</html>", "no line is such as ':Issued: .* it begins '<html> 404</html>'"),
        (SUMMARY.replace("2013 Dec 31", "2013 Foo 31"), "time data '2013 Foo 31 0030 UTC'"),
        (SUMMARY[:450], "section IA, plages, is missing or cut short"),
        (SUMMARY.replace("S16W25", "S16Wxx"), "no place and area .* line '1934 S16Wxx"),
        (SUMMARY.replace("140  0090", "140"), "no place and area"),
    ],
)
def test_another_text_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        region_summary.spots(text)
