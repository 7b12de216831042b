"""What download_sharp.py asks for once more: days of which a series has no record at all."""

import pandas as pd
import pytest

from dataset_models.sdo.download import download_sharp
from dataset_models.sdo.sharp_keywords import DEFINITIVE, FULL_DISK, LORENTZ, NEAR_REAL_TIME
from dataset_models.sdo.side_channels import HMI_FEATURES
from software_tests import jsoc
from tools import monthly

HOURS = ["--start", "2014-01-01T00:00", "--end", "2014-01-01T03:00"]


def records(first, last, harp="1"):
    times = pd.date_range(first, last, freq="h")
    return [jsoc.record(harp, f"{time:%Y.%m.%d_%H}:00:00_TAI") for time in times]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the script on a day, against these series; the number of questions that it asks."""
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path))

    def ask(day, series, *arguments):
        monkeypatch.setattr(monthly, "utc_now", lambda: pd.Timestamp(day))
        with jsoc.server_of(series) as (address, questions):
            assert download_sharp.main([*(arguments or HOURS), "--server", address]) == 0
        return len(questions)

    return ask


def table_of(folder):
    return pd.read_csv(folder / HMI_FEATURES, comment="#")


DAY = records("2013-12-31T20:00", "2014-01-01T12:00")
WHOLE = dict.fromkeys((NEAR_REAL_TIME, DEFINITIVE, LORENTZ), DAY) | {FULL_DISK: []}


@pytest.mark.parametrize("silent", [[LORENTZ], [NEAR_REAL_TIME], [DEFINITIVE, LORENTZ]])
def test_days_that_a_series_lacks_are_settled_by_a_second_answer(run, tmp_path, silent):
    lacking = WHOLE | {name: [] for name in silent}
    for day in ("2015-01-01", "2015-01-07"):
        assert run(day, lacking) == 3
    assert table_of(tmp_path)["SILENT"].tolist() == [" ".join(silent)] * 3
    assert set(table_of(tmp_path)["SILENT_SINCE"]) == {"2015-01-01T00:00:00"}
    assert run("2015-01-08", lacking) == 3
    assert run("2015-01-09", lacking) == 0
    assert run("2016-01-01", WHOLE, *HOURS[:3], "2014-01-01T04:00") == 3  # an hour that is new
    assert run("2016-01-01", WHOLE, *HOURS, "--ask-again") == 3
    assert table_of(tmp_path)["SILENT"].isna().all()
    assert table_of(tmp_path)[["TOTFZ", "HARPNUM"]].notna().all(axis=None)


def test_answers_of_the_first_half_year_do_not_count(run):
    lacking = WHOLE | {LORENTZ: []}
    for day in ("2014-02-01", "2014-06-29", "2014-07-01", "2014-07-07", "2014-07-08"):
        assert run(day, lacking) == 3
    assert run("2014-07-09", lacking) == 0


def test_another_series_that_is_silent_is_asked_for_a_second_time(run):
    assert run("2015-01-01", WHOLE | {LORENTZ: []}) == 3
    assert run("2015-02-01", WHOLE | {NEAR_REAL_TIME: []}) == 3
    assert run("2015-02-08", WHOLE | {NEAR_REAL_TIME: []}) == 3
    assert run("2015-03-01", WHOLE) == 0


def test_a_series_that_comes_after_all_is_taken(run, tmp_path):
    assert run("2015-01-01", WHOLE | {LORENTZ: []}) == 3
    assert run("2015-01-02", WHOLE) == 3
    assert table_of(tmp_path)["TOTFZ"].notna().all()
    assert table_of(tmp_path)["SILENT"].isna().all()
    assert run("2015-01-03", WHOLE) == 0


def test_a_spotless_sun_between_two_questions_is_known(run, tmp_path):
    # The days of a question are tens since 1970: one ends with 9 January 2014.
    regions = records("2014-01-07T00:00", "2014-01-08T02:00", "1")
    regions += records("2014-01-12T03:00", "2014-01-13T00:00", "2")
    disk = records("2014-01-07T00:00", "2014-01-13T00:00")
    series = dict.fromkeys((NEAR_REAL_TIME, DEFINITIVE, LORENTZ), regions) | {FULL_DISK: disk}
    span = ["--start", "2014-01-07T02:00", "--end", "2014-01-13T00:00"]
    assert run("2015-01-01", series, *span) == 2 * 5
    table = table_of(tmp_path)
    assert len(table) == 142
    assert (table["SERIES"] == FULL_DISK).sum() == 95  # 8 January 04:00 to 12 January 02:00
    assert table["USFLUX"].eq(0).sum() == 95
    assert table["USFLUX"].notna().all()


BLOCK = pd.Timestamp("2014-01-10")  # the first of the ten days of one question
BY_HALF_DAYS = ["--start", "2014-01-10", "--end", "2014-01-20", "--cadence", "720"]


def days_of_block(first, last, harp="1"):
    """Hourly records from one day of the block to another."""
    return records(BLOCK + pd.Timedelta(first, "D"), BLOCK + pd.Timedelta(last, "D"), harp)


DISK = {FULL_DISK: days_of_block(-3, 14)}
EMPTY_END = [*days_of_block(-3, 3), *days_of_block(12, 14, "2")]
WITHOUT_REGIONS = dict.fromkeys((NEAR_REAL_TIME, DEFINITIVE, LORENTZ), EMPTY_END) | DISK
WITH_REGIONS = dict.fromkeys((NEAR_REAL_TIME, DEFINITIVE), days_of_block(-3, 14)) | DISK
END_OF_FORCES = WITH_REGIONS | {LORENTZ: days_of_block(-3, 3)}


@pytest.mark.parametrize("series", [WITHOUT_REGIONS, END_OF_FORCES])
def test_the_table_does_not_depend_on_how_often_it_is_asked_for(run, tmp_path, series):
    def known_after(*days):
        for day in days:
            questions = run(BLOCK + pd.Timedelta(day, "D"), series, *BY_HALF_DAYS)
        table = table_of(tmp_path)
        (tmp_path / HMI_FEATURES).unlink()
        return questions, table.drop(columns=["ASKED", "SILENT", "SILENT_SINCE"])

    _, once = known_after(300)
    assert once["USFLUX"].notna().all()
    # An hour of day 6 is 180 days old on day 186, to the second; the last of the block on day 190.
    questions, often = known_after(100, 186, 189, 191, 198, 300)
    assert questions == 0
    pd.testing.assert_frame_equal(often, once)
