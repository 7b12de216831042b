import numpy as np
import pandas as pd
import pytest

from tools.events import read_events
from tools.flare_repeats import matches, without_repeats

DAY = pd.Timestamp("2014-01-01")
MINUTE = pd.Timedelta("1min")


def flares(*rows):
    """Flares of (start, peak, end in minutes of the day, flux, longitude if known)."""
    columns = ["start", "peak", "end", "flux", "longitude"]
    table = pd.DataFrame([(*row, np.nan)[:5] for row in rows], columns=columns).astype(float)
    for name in ("start", "peak", "end"):
        table[name] = (DAY + pd.to_timedelta(table[name], unit="min")).astype("datetime64[us]")
    return table


def peaks(table):
    return ((table["peak"] - DAY) / MINUTE).to_list()


def test_what_two_lists_cover_together_is_kept():
    when = pd.Timestamp("2015-03-05T10:00")
    flare = {"start": when, "peak": when, "end": when, "flux": 1e-5, "longitude": np.nan}
    days = [pd.Timestamp(f"2015-03-0{day}") for day in (4, 6, 5, 7)]
    spans = (
        {"list_start": days[0], "list_end": days[1]},
        {"list_start": days[2], "list_end": days[3]},
    )
    (row,) = without_repeats(pd.DataFrame([flare | span for span in spans])).to_dict("records")
    assert (row["list_start"], row["list_end"], row["rows"]) == (days[0], days[3], 2)


def test_two_rows_are_one_flare_if_each_peaks_within_the_other():
    table = flares(
        (0, 10, 30, 2e-6),
        (5, 12, 25, 3e-6),  # the same flare again: the larger stays
        (100, 105, 108, 2e-6),
        (109, 113, 118, 4e-6),  # another one, though its peak is 8 minutes later
        (200, 210, 260, 2e-6),
        (215, 221, 250, 2e-6),  # 11 minutes apart
        (300, 305, 310, 2e-6),
        (308, 311, 318, 2e-6),  # they overlap a little: it peaks after the end of the first
    )
    unique = without_repeats(table)
    assert peaks(unique) == [12, 105, 113, 210, 221, 305, 311]
    assert unique["rows"].to_list() == [2, 1, 1, 1, 1, 1, 1]


def test_two_rows_that_start_together_are_one_flare():
    table = flares(
        (0, 5, 8, 2e-6),
        (0.9, 12, 20, 3e-6),  # it peaks after the end of the first, which started with it
        (100, 105, 108, 2e-6),
        (101, 112, 120, 3e-6),  # another one
        (200, 205, 208, 2e-6),
        (200, 215.1, 220, 3e-6),  # peaks over ten minutes apart
    )
    assert peaks(without_repeats(table)) == [12, 105, 112, 205, 215.1]


def test_what_peaks_in_one_minute_is_one_flare():
    # Without ends, and with spans that do not meet; of equal ones the earlier stays.
    table = flares((4, 5.2, None, 2e-6), (5.3, 5.7, None, 2e-6), (6, 6.1, None, 2e-6))
    assert peaks(without_repeats(table)) == [5.2, 6.1]


def test_a_chain_of_flares_is_not_drawn_into_one():
    # 8 minutes apart, each inside the span of the next: the largest takes both of its neighbours,
    # and what is 16 minutes away from it stays.
    table = flares(*((0, 10 + 8 * i, 60, flux) for i, flux in enumerate([1e-6, 2e-6, 9e-6, 3e-6])))
    unique = without_repeats(table)
    assert peaks(unique) == [10, 26]
    assert unique["rows"].to_list() == [1, 3]


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        ((0, 5, 7, 1.8e-6), (8, 10, 15, 7.8e-5), False),
        ((8, 10, 15, 7.8e-5), (0, 5, 7, 1.8e-6), False),
        ((0, 5, 7, 1.8e-6), (7, 10, 15, 7.8e-5), False),  # one ends as the other starts
        ((0, 5, 7, 1.8e-6), (6, 10, 15, 7.8e-5), True),  # their spans overlap
        ((0, 5, 7, 1.8e-6), (8, 10, 15, 2.0e-6), True),  # of one class, but for rounding
        ((0, 5, 7, 1.8e-6), (8, 10, 15, np.nan), True),
        ((0, 5, None, 1.8e-6), (8, 10, 15, 7.8e-5), True),  # who knows when the first ended
        ((0, 5, 5, 1.8e-6), (8, 10, 15, 7.8e-5), True),  # nor here
    ],
)
def test_one_flare_after_another_is_not_the_same(first, second, one):
    assert len(matches(flares(first), flares(second))) == one


def test_a_longitude_is_taken_from_a_repeat():
    table = flares((0, 10, 20, 3e-6), (0, 11, 20, 2e-6, 40), (0, 12, 20, 1e-6, 50))
    assert without_repeats(table)["longitude"].to_list() == [40]
    table = flares((0, 10, 20, 3e-6, 30), (0, 11, 20, 2e-6, 40))
    assert without_repeats(table)["longitude"].to_list() == [30]


def test_a_flare_without_a_peak_repeats_only_others_without_one():
    table = flares((0, None, 20, 5e-6), (0, 5, 20, 2e-6), (0, None, 25, np.nan), (8, None, 9, 1e-6))
    unique = without_repeats(table)
    assert unique["rows"].to_list() == [2, 1, 1]  # by start, or the peak where it is known
    assert unique["flux"].to_list() == [5e-6, 2e-6, 1e-6]


def test_lists_without_any_peak_of_one_flare_and_of_none():
    unique = without_repeats(flares((0, None, None, 1e-6), (0, None, None, 1e-6), (9, None, 20, 1)))
    assert unique["peak"].isna().all()
    assert unique["rows"].to_list() == [2, 1]
    assert without_repeats(flares((0, 5, 9, np.nan)))["rows"].to_list() == [1]
    none = without_repeats(flares())
    assert none.empty
    assert "rows" in none


def repeats(first, second):
    """The rule by the letter, for two rows."""
    if pd.isna(first["peak"]) != pd.isna(second["peak"]):
        return False
    spans = []
    for row in (first, second):
        peak = row["start"] if pd.isna(row["peak"]) else row["peak"]
        spans.append((row["start"], peak, peak if pd.isna(row["end"]) else row["end"]))
    (start_a, peak_a, end_a), (start_b, peak_b, end_b) = spans
    if peak_a.floor("min") == peak_b.floor("min"):
        return True
    near = abs(peak_a - peak_b) <= 10 * MINUTE
    inside = start_a <= peak_b <= end_a and start_b <= peak_a <= end_b
    return near and (inside or start_a.floor("min") == start_b.floor("min"))


def brute_force(table):
    """Places of the rows that stay in `table`, and how many rows told of each."""
    rows = table.to_dict("records")

    def rank(place):
        row = rows[place]
        time = row["start"] if pd.isna(row["peak"]) else row["peak"]
        return (-row["flux"] if row["flux"] > 0 else 1, time, place)

    told = {}
    for place in sorted(range(len(rows)), key=rank):
        for kept in told:  # the largest comes first
            if repeats(rows[place], rows[kept]):
                told[kept] += 1
                break
        else:
            told[place] = 1
    return told


@pytest.mark.parametrize("seed", range(8))
def test_a_brute_force_twin(seed):
    rng = np.random.default_rng(seed)
    number = 120
    peak = rng.integers(0, 900, number) + rng.choice([0, 0.5], number)
    start, end = peak - rng.integers(0, 30, number), peak + rng.integers(0, 30, number)
    flux = rng.choice([1e-6, 2e-6, 3e-6, 5e-6, np.nan], number)
    peak[rng.random(number) < 0.1] = np.nan
    end[rng.random(number) < 0.2] = np.nan
    table = flares(*zip(start, peak, end, flux, np.arange(number), strict=True))
    told = brute_force(table)
    assert 20 < len(told) < 110
    unique = without_repeats(table)
    # The longitude is the row's number.
    assert dict(zip(unique["longitude"], unique["rows"], strict=True)) == told
    when = unique["peak"].fillna(unique["start"])
    assert when.is_monotonic_increasing
    assert (without_repeats(unique)["rows"] == 1).all()  # nothing is left


# --- real lists

SWPC = "flare_lists/swpc_flarelist_20100101-20210810.csv"


def test_real_repeats_of_swpc_are_flares_told_by_two_satellites(real_data):
    repeated = read_events(real_data / SWPC).query("rows > 1")
    assert len(repeated) == 11
    raw = pd.read_csv(real_data / SWPC, index_col=0, dtype=str)
    day = pd.to_datetime(raw["date"]).dt.strftime("%Y-%m-%d ")
    raw["peak"] = pd.to_datetime(
        day + raw["max_time"].str[:2] + ":" + raw["max_time"].str[2:], errors="coerce"
    )
    for flare in repeated.to_dict("records"):
        pair = raw[(raw["peak"] - flare["peak"]).abs() <= MINUTE]
        assert len(pair) == 2
        flux = pair["goes_class"].str[1:].astype(float)
        assert set(pair["goes_class"].str[0]) == {"C"}
        assert flux.max() <= 1.2 * flux.min()
        # Two satellites, or one that is listed with and without a region, or with another start.
        assert pair["start_time"].nunique() == 2


def test_real_rows_that_start_together(real_data):
    # HEK's table gives each of these with two peaks; of the first two, SWPC's list holds the later.
    hek = read_events(real_data / "goes/fl_sle.csv", scale="published")
    swpc = read_events(real_data / SWPC)
    starts = ["2011-01-31 13:51", "2013-01-11 03:51", "2014-12-04 16:32", "2022-09-26 08:16"]
    flares = hek[hek["start"].isin(pd.to_datetime(starts))]
    assert flares["goes_class"].to_list() == ["B1.7", "C1.8", "C1.6", "C4.7"]
    assert flares["rows"].to_list() == [2, 2, 3, 3]
    listed = swpc[swpc["start"].isin(flares["start"])]
    assert listed["peak"].to_list() == flares["peak"].to_list()[1:3]


def test_no_two_flares_of_swpc_are_one_of_the_hek(real_data):
    """HEK's 1,970 repeats hide none of the flares that SWPC's list holds apart."""
    swpc = read_events(real_data / SWPC)
    hek = read_events(real_data / "goes/fl_sle.csv", scale="published")
    columns = {"start_time": "start", "peak_time": "peak"}
    raw = pd.read_csv(real_data / "goes/fl_sle.csv", parse_dates=[*columns]).rename(columns=columns)
    listed = swpc.merge(raw[["start", "peak"]].drop_duplicates(), on=["start", "peak"])
    assert len(listed) > 7400
    # Each of them has a flare of its own in what is left.
    assert len(matches(listed, hek)) == len(listed)


def test_real_flares_that_follow_each_other_at_once_both_stay(real_data):
    # A C4.7 of 13:47, which ended at 13:51, and the X1.5 of 13:55, which began at 13:50.
    hek = read_events(real_data / "goes/fl_sle.csv", scale="published")
    near = hek[hek["peak"].between("2022-05-10 13:40", "2022-05-10 14:00")]
    assert near["goes_class"].to_list() == ["C4.7", "X1.5"]
