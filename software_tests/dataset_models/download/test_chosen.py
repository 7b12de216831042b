import threading

import numpy as np
import pandas as pd
import pytest

from dataset_models.sdo.download import choosing, chosen

DAYS = 15


def table(*rows):
    """Rows of (minute of 2014-01-01, sampling, probability)."""
    held = pd.DataFrame(rows, columns=["slot", "sampling", "probability"])
    held["slot"] = pd.Timestamp("2014-01-01") + pd.to_timedelta(held["slot"], unit="min")
    return held.assign(flare="", matched_with="")[list(choosing.COLUMNS)].astype(choosing.COLUMNS)


def write_days(folder, first):
    """Every second day from one, each added alone."""
    for day in np.datetime64("2014-01-01", "m") + np.arange(first, 2 * DAYS, 2) * 1440:
        chosen.write_chosen(folder, choosing.regular_series(day, day, 12))


def test_a_table_goes_to_disk_and_back(tmp_path):
    held = table((0, "flare case", 0.1), (12, "matched quiet", 1 / 3))
    held["flare"] = ["2014-01-01T12:05 M9.9", ""]
    held["matched_with"] = ["", "20140101_0000 20140102_0000"]
    pd.testing.assert_frame_equal(chosen.write_chosen(tmp_path, held), held)
    pd.testing.assert_frame_equal(chosen.read_chosen(tmp_path), held)
    assert chosen.choices(tmp_path)["20140101_0012"] == {
        "sampling": "matched quiet",
        "probability": 1 / 3,
    }


def test_no_table_is_an_empty_one(tmp_path):
    assert chosen.read_chosen(tmp_path).empty
    assert chosen.choices(tmp_path) == {}


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_choices_the_surer_one_stays(turned, tmp_path):
    first = table((0, "flare case", 0.1), (12, "flare case", 1.0), (24, "matched quiet", 0.5))
    second = table((0, "flare case", 1.0), (12, "regular cadence", 1.0), (36, "flare case", 0.2))
    for each in (second, first) if turned else (first, second):
        both = chosen.write_chosen(tmp_path, each)
    pd.testing.assert_frame_equal(
        both,
        table(
            (0, "flare case", 1.0),
            (12, "regular cadence", 1.0),
            (24, "matched quiet", 0.5),
            (36, "flare case", 0.2),
        ),
    )


def test_the_regular_series_of_another_day_is_added(tmp_path):
    for day in ("2014-01-02", "2014-01-01"):
        start = np.datetime64(day, "m")
        chosen.write_chosen(tmp_path, choosing.regular_series(start, start, 12))
    assert list(chosen.choices(tmp_path)) == ["20140101_0000", "20140102_0000"]


def test_of_two_programs_at_once_none_loses_rows(tmp_path):
    threads = [threading.Thread(target=write_days, args=(tmp_path, first)) for first in (0, 1)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(chosen.read_chosen(tmp_path)) == 2 * DAYS


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("probability", "chance", "does not say how times were chosen. Expected the columns slot,"),
        ("0.5", "0", "line 2, column 'probability': expected a probability above 0, at most 1"),
        ("0.5", "half", "line 2, column 'probability': expected a number"),
        ("2014-01-01", "today", "line 2, column 'slot': expected a time"),
    ],
)
def test_a_damaged_table_is_refused(old, new, said, tmp_path):
    chosen.write_chosen(tmp_path, table((0, "flare case", 0.5)))
    path = tmp_path / "chosen.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=said):
        chosen.read_chosen(tmp_path)
