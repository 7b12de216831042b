import numpy as np
import pandas as pd

from tools.active_regions import full_region_number


def test_numbers_get_the_digits_that_lists_leave_out():
    numbers = [1158, 11158, 0, 9999, 1, 3664, 12192, 4366]
    times = pd.to_datetime(
        ["2011-02-15", "2011-02-15", "2011-02-15", "2002-06-13", "2002-06-15", "2024-05-10",
         "2014-10-24", "2026-02-01"]
    )  # fmt: skip
    expected = [11158, 11158, 0, 9999, 10001, 13664, 12192, 14366]
    assert full_region_number(numbers, times).tolist() == expected


def test_where_every_number_is_one_nought_is_ten_thousand():
    # NOAA gave 10000 on 2002-06-14.
    days = pd.to_datetime(["2002-06-14", "2002-06-14", "2002-06-14"])
    assert full_region_number([9999, 0, 1], days, least=0).tolist() == [9999, 10000, 10001]


def test_without_a_time_the_number_stays():
    assert full_region_number([1158], np.array(["NaT"], "M8[us]")).tolist() == [1158]


def test_the_real_list_is_found_again_from_four_digits(real_data):
    path = real_data / "flare_lists/swpc_flarelist_20100101-20210810.csv"
    table = pd.read_csv(path, dtype=str)
    full = pd.to_numeric(table["noaa_ar"].str.strip(), errors="coerce").fillna(0).astype(int)
    times = pd.to_datetime(table["date"])
    assert (full > 11_000).sum() == 7878
    np.testing.assert_array_equal(full_region_number(full % 10_000, times), full)


def test_the_real_dirty_list_resolves_to_regions_of_its_years(real_data):
    path = real_data / "flare_lists/dirty_all_events_list.txt"
    table = pd.read_csv(path, header=None, names=["day", "peak", "region", "what"], dtype=str)
    table = table[table["what"].str.fullmatch(r"[CMX]\d+\.\d") & table["region"].str.isdigit()]
    found = full_region_number(table["region"].astype(int), pd.to_datetime(table["day"]))
    assert len(found) > 10_000
    assert ((found > 11_000) & (found < 14_000)).mean() > 0.999
