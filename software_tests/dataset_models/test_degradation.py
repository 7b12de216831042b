"""AIA's throughput: against aiapy, the published curves, numbers by hand; and tables that fail."""

import pathlib

import aiapy
import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from aiapy.calibrate import degradation as reference
from aiapy.calibrate.util import get_correction_table
from astropy.time import Time

from dataset_models.dataset import DatasetNotFoundError
from dataset_models.sdo import response_table
from software_tests.contracts import assert_dataset_contract
from software_tests.known_archive import DAYS, Archive, decoded

SHIPPED = pathlib.Path(aiapy.__file__).parent / "tests/data" / response_table.KNOWN["V8"][0]
MISSING = "aiapy ships no table here"
EIGHT = (94, 131, 171, 193, 211, 304, 335, 1600)
HEADER = "DATE T_START T_STOP VER_NUM WAVE_STR WAVELNTH EFF_AREA EFF_WVLN EFFA_P1 EFFA_P2 EFFA_P3"
ROWS = (  # two epochs, straight and bent; 100 days in the first one
    "2020-01-01T00:00:00 2010-03-24T00:00:00 2010-07-02T00:00:00 99 171_THIN 171 2.0 171.1 "
    "-0.001 0 0",
    "2020-01-01T00:00:00 2010-07-02T00:00:00 2016-01-01T00:00:00 99 171_THIN 171 1.6 171.1 "
    "0.0001 -0.000001 0.000000001",
)


@pytest.fixture
def write(tmp_path):
    """Writes a small table; returns its path."""

    def written(*rows, header=HEADER):
        path = tmp_path / "table.txt"
        path.write_text("\n".join((header, *rows)))
        return path

    return written


@pytest.fixture(scope="module")
def shipped():
    if not SHIPPED.exists():
        pytest.skip(MISSING)
    return response_table.read_table(SHIPPED, ".")


@pytest.fixture
def archive(tmp_path):
    made = Archive(tmp_path, pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h"))
    made.write()
    made.label()
    return made


# Numbers


def test_numbers_by_hand(write):
    table = response_table.read_table(write(*ROWS), ".")
    times = np.array(
        ["2010-03-24", "2010-04-03", "2010-07-02", "2010-07-12T12:00"], "datetime64[s]"
    )
    # 10 days at -0.001; a new epoch at 1.6 / 2; then 10.5 days of
    # 1 + 0.00105 - 1e-6 x 110.25 + 1e-9 x 1157.625 = 1.000940907625.
    expected = [1.0, 0.99, 0.8, 0.8 * 1.000940907625]
    received = table((171,), times)
    assert received.shape == (4, 1)
    np.testing.assert_allclose(received[:, 0], expected, rtol=1e-12)
    assert str(table).startswith("V99, SHA-256 ")


def test_it_equals_aiapy(shipped):
    times = np.datetime64("2010-05-13T00:14") + np.arange(0, 2900, 97.3) * np.timedelta64(1440, "m")
    times = times.astype("datetime64[s]")
    table = get_correction_table(SHIPPED)
    received = shipped(EIGHT, times)
    for position, channel in enumerate(EIGHT):
        expected = reference(channel * u.angstrom, Time(times), correction_table=table)
        # Leap seconds in an epoch's length: 1e-5 days at up to 1e-3 a day.
        np.testing.assert_allclose(received[:, position], expected.value, rtol=1e-7)
    assert shipped.version == "V8"
    assert received.shape == (len(times), 8)


def test_sixteen_years_every_twelve_minutes_are_quick_to_ask_for(real_data):
    folder = real_data / "aia_lightcurves_goes_20250729"
    table = response_table.read_table(folder / response_table.KNOWN["V10"][0], ".")
    times = pd.date_range("2010-05-13", "2026-01-01", freq="12min").to_numpy()
    received = table((304,), times)
    assert received.shape == (len(times), 1)
    assert received.min() > 0.005


def test_the_published_curves(real_data):
    folder = real_data / "aia_lightcurves_goes_20250729"
    table = response_table.read_table(folder / response_table.KNOWN["V10"][0], ".")
    assert table.version == "V10"
    times = np.array(["2014-01-01T12:00"], "datetime64[m]")
    for channel, factor in zip(EIGHT, table(EIGHT, times)[0], strict=True):
        curve = pd.read_csv(
            real_data / "aia_degradation_curves" / f"degrad_{channel}.csv", header=None, index_col=0
        )
        (published,) = curve.loc[curve.index.str.startswith("2014-01-01"), 1]
        assert factor == pytest.approx(published, rel=0.05), channel


# In the dataset


def test_images_are_divided_by_the_table(archive, write):
    path = write(*ROWS)
    plain, corrected = archive.open(), archive.open(channels=(171,), degradation=str(path))
    assert_dataset_contract(corrected)
    time = corrected.describe("train", 0)["time"]
    (factor,) = response_table.read_table(path, ".")((171,), np.array([time]))[0]
    assert 0.5 < factor < 10
    expected = decoded(plain)["images"][..., 1:] / factor
    np.testing.assert_allclose(decoded(corrected)["images"], expected, rtol=1e-6)
    assert corrected.degradation.startswith("V99, SHA-256 ")
    assert plain.degradation == ""
    uncorrected = archive.open(channels=(171,), degradation=str(path), correct_degradation=False)
    assert corrected.fingerprint() != uncorrected.fingerprint()
    assert uncorrected.degradation == ""


def test_the_version_of_the_data_folder_is_named_only(archive, shipped):
    folder = archive.folder / response_table.FOLDER
    folder.mkdir()
    (folder / SHIPPED.name).write_bytes(SHIPPED.read_bytes())
    dataset = archive.open(degradation="V8")
    assert dataset.degradation == f"V8, SHA-256 {shipped.sha256}"


def test_the_synthetic_sun_does_not_age(tmp_path, write):
    archive = Archive(tmp_path, pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h"))
    archive.write(synthetic=True)
    archive.label()
    plain = archive.open(channels=(171,))
    corrected = archive.open(channels=(171,), degradation=str(write(*ROWS)))
    for position in (0, 5):
        expected, received = (decoded(one, "train", position) for one in (plain, corrected))
        np.testing.assert_array_equal(received["images"], expected["images"])


def test_a_function_is_named(archive):
    def half(channels, times):
        return np.full((len(times), len(channels)), 0.5)

    assert archive.open(degradation=half).degradation == "half"


def test_it_says_that_later_images_are_corrected_by_the_last_factors_known(archive, write):
    level = ROWS[1].replace("0.0001 -0.000001 0.000000001", "0 0 0")
    dataset = archive.open(channels=(171,), degradation=str(write(ROWS[0], level)))
    said = "AGEING: V99 knows none after 2010-07-02; later images are divided by the factors of "
    assert dataset.caveats()[-1] == said + "that day."
    later = level.replace("2010-07-02", "2014-03-01")
    ahead = ROWS[0].replace("2010-07-02", "2014-03-01").replace("-0.001 0 0", "-0.0001 0 0")
    uncertain = archive.open(channels=(171,), degradation=str(write(ahead, later)))
    for dataset in (uncertain, archive.open(channels=(171,))):
        assert not any(caveat.startswith("AGEING") for caveat in dataset.caveats())


# What is refused


def test_browse_images_are_not_divided(tmp_path, write):
    archive = Archive(tmp_path, pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h"))
    archive.write(unit="browse")
    archive.label()
    with pytest.raises(ValueError, match="8-bit scale is not linear"):
        archive.open(channels=(171,), degradation=str(write(*ROWS)))


def test_a_throughput_below_nothing(shipped):
    times = np.array(["2014-01-01", "2024-06-01"], "datetime64[D]")
    with pytest.raises(ValueError, match=r"V8 gives 304 A a throughput .* from 2024-06-01 on"):
        shipped((171, 304), times)


@pytest.mark.parametrize("area", ["nan", "inf", "0.0"])
def test_an_area_that_is_no_area(write, area):
    table = response_table.read_table(write(ROWS[0], ROWS[1].replace(" 1.6 ", f" {area} ")), ".")
    times = np.array(["2010-04-03", "2014-01-01"], "datetime64[D]")
    assert table((171,), times[:1])[0, 0] == pytest.approx(0.99)
    with pytest.raises(ValueError, match="throughput that is not above 0, from 2014-01-01 on"):
        table((171,), times)


def test_from_when_on_a_table_knows_nothing_new(write, shipped):
    level = ROWS[1].replace("0.0001 -0.000001 0.000000001", "0 0 0")
    of_other = level.replace("171_THIN 171", "193_THIN 193").replace("2010-07-02", "2010-07-01")
    table = response_table.read_table(write(ROWS[0], level, of_other), ".")
    assert table.constant_from == np.datetime64("2010-07-02")  # of the last channel that aged
    assert response_table.read_table(write(*ROWS), ".").constant_from is None
    assert shipped.constant_from is None


def test_the_newest_table_knows_nothing_new_since_june_2020(real_data):
    folder = real_data / "aia_lightcurves_goes_20250729"
    newest = response_table.read_table(folder / response_table.KNOWN["V10"][0], ".")
    assert newest.constant_from == np.datetime64("2020-06-01")
    factors = newest(EIGHT, np.array(["2020-06-02", "2026-01-01"], "datetime64[D]"))
    np.testing.assert_array_equal(*factors)


def test_several_versions_mixed(write):
    other = ROWS[1].replace(" 99 ", " 98 ")
    with pytest.raises(ValueError, match=r"mixes several versions.*one VER_NUM.*\[98, 99\]"):
        response_table.read_table(write(ROWS[0], other), ".")
    with pytest.raises(ValueError, match=r"overlap.*2016-01-01 before one .* 2010-07-02"):
        response_table.read_table(write(*ROWS, ROWS[1]), ".")


def test_times_and_channels_that_it_does_not_know(write):
    table = response_table.read_table(write(*ROWS), ".")
    with pytest.raises(ValueError, match=r"Expected 2010-03-24 to 2016-01-01.*2009-12-31"):
        table((171,), np.array(["2009-12-31T23:00"], "datetime64[m]"))
    with pytest.raises(ValueError, match="2016-01-01 to 2016-01-01"):
        table((171,), np.array(["2016-01-01"], "datetime64[D]"))
    with pytest.raises(ValueError, match=r"no channel 1600. Expected one of \['171_THIN'\]"):
        table((1600,), np.array(["2014-01-01"], "datetime64[D]"))


def test_files_that_are_no_table(write, tmp_path):
    with pytest.raises(ValueError, match="is not a response table"):
        response_table.read_table(write("1 2", header="a b"), ".")
    with pytest.raises(ValueError, match=r"table.txt: EFF_AREA holds no number.*'1,6'"):
        response_table.read_table(write(ROWS[0], ROWS[1].replace(" 1.6 ", " 1,6 ")), ".")
    with pytest.raises(
        ValueError, match=r"no degradation table 'V11'. Expected one of \['V8', 'V10'"
    ):
        response_table.read_table("V11", tmp_path)
    with pytest.raises(DatasetNotFoundError, match=r"curl --fail .*aia_V10_20201119_190000_resp"):
        response_table.read_table("V10", tmp_path)


def test_a_known_table_that_was_changed(write):
    changed = [row.replace(" 99 ", " 10 ") for row in ROWS]
    with pytest.raises(ValueError, match=r"table V10: it was changed or cut short.*0a3f2db39d"):
        response_table.read_table(write(*changed), ".")
