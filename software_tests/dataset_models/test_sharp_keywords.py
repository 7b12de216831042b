"""Keywords of active regions, asked of a server that answers as the JSOC does."""

import numpy as np
import pytest

from dataset_models.sdo import sharp_keywords
from dataset_models.sdo.sharp_keywords import DEFINITIVE, LORENTZ, NEAR_REAL_TIME
from software_tests import jsoc

DAY = np.datetime64("2014-01-01T12:00"), np.datetime64("2014-01-01T13:00")
STAMP = "2014.01.01_12:00:00_TAI"


def asked(series, *records):
    """What `query` makes of the records of one series."""
    with jsoc.server_of({series: list(records)}) as (address, _):
        return sharp_keywords.query(sharp_keywords.jsoc(address), series, *DAY)[0]


def test_a_record_becomes_numbers():
    place = {"LAT_FWT": 17.25, "NOAA_AR": 11943}
    record = jsoc.record(3, STAMP, -12.5, USFLUX="2.714760e+22", **place)
    (row,) = asked(NEAR_REAL_TIME, record).to_dict("records")
    assert (row["region"], row["longitude"], row["pixels"]) == (3, -12.5, 100)
    assert (row["latitude"], row["active_region"]) == (17.25, 11943)
    assert row["USFLUX"] == 2.71476e22
    assert str(row["time"]) == "2014-01-01 11:59:25"  # TAI was 35 s ahead of UTC


@pytest.mark.parametrize(
    ("quality", "count"),
    [
        *[("0x00000400", 1), ("1024", 1), ("0x00010000", 0), ("MISSING", 0), ("", 0), ("nan", 0)],
        ("-2147483648", 0),  # bit 31 as a signed word: there are no data
    ],
)
def test_quality_rejects(quality, count):
    assert len(asked(NEAR_REAL_TIME, jsoc.record(3, STAMP, quality=quality))) == count


@pytest.mark.parametrize("text", ["MISSING", "nan", "-nan", "inf", ""])
def test_what_is_no_number_is_missing(text):
    table = asked(NEAR_REAL_TIME, jsoc.record(3, STAMP, R_VALUE=text))
    assert np.isnan(table["R_VALUE"][0])
    assert table["USFLUX"][0] == 1


def test_a_region_without_a_place_is_left_out():
    assert asked(NEAR_REAL_TIME, jsoc.record(3, STAMP, "MISSING")).empty


def test_times_of_all_records_are_told():
    records = [jsoc.record(3, "2014.01.01_13:00:00_TAI", quality="0x80000000")]
    records += [jsoc.record(harp, STAMP, "MISSING") for harp in (3, 4)]
    with jsoc.server_of({DEFINITIVE: records}) as (address, _):
        table, seen = sharp_keywords.query(sharp_keywords.jsoc(address), DEFINITIVE, *DAY)
    assert table.empty
    # TAI was 35 s ahead of UTC.
    expected = [f"2014-01-01T{clock}:59:25" for clock in (12, 11, 11)]
    np.testing.assert_array_equal(seen["time"], np.array(expected, "datetime64[ns]"))
    assert seen["region"].astype(int).tolist() == [3, 3, 4]


def test_the_question():
    with jsoc.server_of({NEAR_REAL_TIME: []}) as (address, questions):
        client = sharp_keywords.jsoc(address)
        table, seen = sharp_keywords.query(client, NEAR_REAL_TIME, *DAY, cadence_minutes=24)
    assert (len(table), len(seen)) == (0, 0)
    span = "2014.01.01_00:00:00_TAI-2014.01.02_00:00:00_TAI@24m"
    assert questions == [f"hmi.sharp_cea_720s_nrt[][{span}]"]


def test_times_of_good_magnetograms():
    records = [("02", "0x00000000"), ("01", "0x00000400"), ("03", "0x80000000"), ("04", "MISSING")]
    records = [{"T_REC": f"2014.01.01_{hour}:00:00_TAI", "QUALITY": word} for hour, word in records]
    with jsoc.server_of({sharp_keywords.FULL_DISK: records}) as (address, questions):
        times = sharp_keywords.query_full_disk(sharp_keywords.jsoc(address), *DAY)
    assert times.astype(str).tolist() == [
        "2014-01-01T00:59:25.000000000",
        "2014-01-01T01:59:25.000000000",
    ]
    span = "2014.01.01_00:00:00_TAI-2014.01.02_00:00:00_TAI@60m"
    assert questions == [f"hmi.M_720s[{span}]"]


def test_no_magnetogram():
    with jsoc.server_of({sharp_keywords.FULL_DISK: []}) as (address, _):
        assert len(sharp_keywords.query_full_disk(sharp_keywords.jsoc(address), *DAY)) == 0


def test_forces_are_dynes_and_belong_to_definitive_regions():
    forces = jsoc.record(7, STAMP, "MISSING", TOTFX=-1497.0, TOTBSQ=4e10)
    del forces["LON_FWT"]
    series = {DEFINITIVE: [jsoc.record(7, STAMP), jsoc.record(8, STAMP)], LORENTZ: [forces]}
    with jsoc.server_of(series) as (address, _):
        client = sharp_keywords.jsoc(address)
        regions, _ = sharp_keywords.query(client, DEFINITIVE, *DAY)
        table = sharp_keywords.query_forces(client, regions, *DAY)
    assert table["region"].tolist() == [7, 8]
    assert table["longitude"].tolist() == [10, 10]
    np.testing.assert_allclose(table["TOTFX"], [-1.497e23, np.nan])
    np.testing.assert_allclose(table["TOTBSQ"], [4e10, np.nan])


def test_no_network():
    client = sharp_keywords.jsoc("http://127.0.0.1:9/cgi-bin/ajax/")  # where nobody listens
    with pytest.raises(ConnectionError, match=r"could not be reached.*Run the same command again"):
        sharp_keywords.query(client, DEFINITIVE, *DAY)


def test_a_series_that_is_not_there():
    with (
        jsoc.server_of({}) as (address, _),
        pytest.raises(ValueError, match=r"gave no records.*Invalid record set"),
    ):
        sharp_keywords.query(sharp_keywords.jsoc(address), DEFINITIVE, *DAY)


def test_a_page_in_place_of_an_answer():
    with (
        jsoc.server_of({}, broken="<html>maintenance</html>") as (address, _),
        pytest.raises(ValueError, match=r"gave no records.*Expecting value"),
    ):
        sharp_keywords.query(sharp_keywords.jsoc(address), DEFINITIVE, *DAY)


def test_without_an_address_it_is_the_jsoc():
    assert "jsoc" in repr(sharp_keywords.jsoc()).lower()
