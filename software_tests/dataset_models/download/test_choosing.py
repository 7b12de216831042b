import datetime
import itertools

import numpy as np
import pandas as pd
import pytest

from dataset_models.sdo.download import archive, choosing
from tools.events import read_events

MINUTE, HOUR, DAY = (np.timedelta64(1, unit) for unit in "mhD")
START, END = np.datetime64("2014-01-01", "m"), np.datetime64("2014-03-31", "m")


def flares(*rows, span=("2013-12-01", "2014-04-30"), scale="physical"):
    """Flares (peak, class, or start, peak, end, class) of one list that covers `span`."""
    rows = [row if len(row) == 4 else (row[0], *row) for row in rows]
    rows = [(*row[:2], row[1] if len(row) == 3 else row[2], row[-1]) for row in rows]
    table = pd.DataFrame(rows, columns=["start", "peak", "end", "goes_class"])
    for name in ("start", "peak", "end"):
        table[name] = pd.to_datetime(table[name])
    published = table["goes_class"].map(lambda one: float(f"{one[1:]}e{'CMX'.find(one[0]) - 6}"))
    table["flux"] = published / (0.7 if scale == "operational" else 1.0)
    first, last = (pd.Timestamp(edge) for edge in span)
    return table.assign(class_scale=scale, list_start=first, list_end=last)


def slots(table, sampling):
    return table.loc[table["sampling"] == sampling, "slot"].dt.strftime("%Y-%m-%dT%H:%M").to_list()


@pytest.fixture
def three_lists():
    """Three short lists, 20 days apart, so that the flares of one see the next list and no more."""
    lists = []
    for day in ("2014-01-01", "2014-01-21", "2014-02-10"):
        peaks = [(f"{day}T01:30", "C2.0")] + [(f"{day}T02:10", "M1.0")] * (day == "2014-01-21")
        lists.append(flares(*peaks, span=(f"{day}T00:00", f"{day}T03:00")))
    return pd.concat(lists, ignore_index=True)


SHORT = {"start": START, "end": END, "offset_minutes": 24, "quiet_hours": (0.2, 0.4)}


def test_a_flare_case_lies_twelve_hours_before_its_peak_or_a_little_more():
    events = flares(("2014-01-10T18:52", "M9.9"), ("2014-01-12T00:00", "C1.0"))
    cases = choosing.flare_cases(events, START, END)
    # 18:52 less 12 h is 06:52, in the slot of 06:48; 00:00 less 12 h is a slot itself.
    assert slots(cases, "flare case") == ["2014-01-10T06:48", "2014-01-11T12:00"]
    assert cases["flare"].to_list() == ["2014-01-10T18:52 M9.9", "2014-01-12T00:00 C1.0"]
    other = choosing.flare_cases(events, START, END, offset_minutes=60)
    assert slots(other, "flare case")[0] == "2014-01-10T17:48"


def test_flares_of_one_slot_are_one_case_named_by_the_largest():
    events = flares(("2014-01-10T18:49", "C5.0"), ("2014-01-10T18:59", "M1.0"))
    cases = choosing.flare_cases(events, START, END)
    assert cases["flare"].to_list() == ["2014-01-10T18:59 M1.0"]
    again = choosing.flare_cases(events.iloc[::-1], START, END)
    pd.testing.assert_frame_equal(again, cases)


@pytest.mark.parametrize("scale", ["operational", "physical"])
def test_c1_is_that_of_the_published_class(scale):
    events = flares(("2014-01-10T12:00", "C1.0"), ("2014-01-11T12:00", "C0.99"), scale=scale)
    cases = choosing.flare_cases(events, START, END)
    assert slots(cases, "flare case") == ["2014-01-10T00:00"]


def test_flares_without_a_peak_or_outside_the_times_are_no_cases():
    rows = [("2014-01-01T11:59", "X1.0"), ("2014-01-10T12:00", "C1.0"), (None, "X1.0")]
    assert len(choosing.flare_cases(flares(*rows), START, END)) == 1
    with pytest.raises(ValueError, match=r"No flare of C1.0 or above asks for an image from 2014"):
        choosing.flare_cases(flares(*rows[::2]), START, END)


def is_quiet(slot, events, before, after):
    """Brute force: minute by minute around one slot."""
    for at in (slot + datetime.timedelta(minutes=minute) for minute in range(-before, after + 1)):
        if not any(list_start <= at <= list_end for _, _, list_start, list_end in events):
            return False
        if any(start <= at <= end for start, end, _, _ in events):
            return False
    return True


def test_quiet_slots_are_those_of_a_search_minute_by_minute(three_lists):
    near = (
        START + (np.add.outer(np.array([0, 20, 40]) * DAY, np.arange(0, 240, 12) * MINUTE)).ravel()
    )
    names = ["start", "end", "list_start", "list_end"]
    rows = three_lists[names].to_numpy("datetime64[m]").tolist()
    expected = [t for t in near if is_quiet(t.item(), rows, before=12, after=24)]
    found = choosing.quiet_slots(three_lists, START, END, (0.2, 0.4))
    assert found.tolist() == [t.astype("datetime64[m]").item() for t in expected]
    assert 10 < len(found) < len(near)


def test_quiet_by_hand():
    flare = ("2014-01-10T12:00", "2014-01-10T12:10", "2014-01-10T13:00", "C1.0")
    events = flares(flare, span=("2014-01-09T00:00", "2014-01-12T00:00"))
    found = choosing.quiet_slots(events, START, END).astype(str)
    # Not before 24 h ahead of the start, nor until 12 h after the end; the window, 12 h before to
    # 24 h after, must lie in the list.
    assert found.size == 0
    events = flares(flare, span=("2014-01-08T00:00", "2014-01-13T00:00"))
    found = choosing.quiet_slots(events, START, END).astype(str)
    assert (found[0], found[-1]) == ("2014-01-08T12:00", "2014-01-12T00:00")
    assert "2014-01-09T11:48" in found
    assert "2014-01-09T12:00" not in found
    assert "2014-01-11T01:00" not in found
    assert "2014-01-11T01:12" in found


def test_an_unknown_class_is_not_quiet_and_b_flares_are():
    events = flares(("2014-01-10T12:00", "C0.5"))
    whole = choosing.quiet_slots(events, START, END)
    assert len(whole) == len(np.arange(START, END + MINUTE, 12 * MINUTE))
    unknown = events.assign(flux=np.nan)
    assert len(choosing.quiet_slots(unknown, START, END)) == len(whole) - 36 * 5 - 1


def test_the_grid_of_quiet_slots_begins_at_midnight():
    found = choosing.quiet_slots(flares(("2014-01-01", "C0.5")), START + 2 * MINUTE, START + HOUR)
    assert found.astype(str).tolist() == [f"2014-01-01T00:{m}" for m in (12, 24, 36, 48)] + [
        "2014-01-01T01:00"
    ]


def test_every_quiet_time_is_within_27_days_of_the_cases_that_drew_it(three_lists):
    for seed in range(5):
        table = choosing.case_control(three_lists, seed=seed, **SHORT)
        quiet = table[table["sampling"] == "matched quiet"]
        drew = " ".join(quiet["matched_with"]).split()
        cases = table.loc[table["sampling"] == "flare case", "slot"].dt.strftime("%Y%m%d_%H%M")
        assert sorted(drew) == cases.to_list()  # each case once
        for row in quiet.itertuples():
            for name in row.matched_with.split():
                apart = abs(pd.to_datetime(name, format="%Y%m%d_%H%M") - row.slot)
                assert apart <= pd.Timedelta("27D")
        assert not table["slot"].duplicated().any()
        assert table["slot"].is_monotonic_increasing


def outcomes(cases, quiet):
    """Every way in which the cases can draw a quiet slot each, all equally likely."""
    pools = [[q for q in quiet if abs(q - case) <= 27 * DAY] for case in cases]
    return [set(drawn) for drawn in itertools.product(*pools)]


def test_the_probability_is_that_of_all_possible_draws(three_lists):
    table = choosing.case_control(three_lists, **SHORT)
    cases = [t.to_datetime64() for t in table.loc[table["sampling"] == "flare case", "slot"]]
    quiet = choosing.quiet_slots(three_lists, START, END, (0.2, 0.4))
    quiet = [t for t in quiet if t not in cases]
    possible = outcomes(cases, quiet)
    assert len(possible) > 1000
    for row in table[table["sampling"] == "matched quiet"].itertuples():
        share = sum(row.slot.to_datetime64() in drawn for drawn in possible) / len(possible)
        assert row.probability == pytest.approx(share, rel=1e-12)


def test_times_are_drawn_as_often_as_their_probability_says(three_lists):
    seeds, counts, said = 60, {}, {}
    for seed in range(seeds):
        table = choosing.case_control(three_lists, seed=seed, **SHORT)
        for row in table[table["sampling"] == "matched quiet"].itertuples():
            counts[row.slot] = counts.get(row.slot, 0) + 1
            said[row.slot] = row.probability
    for slot, probability in said.items():
        spread = np.sqrt(seeds * probability * (1 - probability))
        assert abs(counts[slot] - seeds * probability) < 4 * spread


def test_with_a_limit_the_probability_is_that_of_all_choices_and_draws(three_lists):
    quiet = choosing.quiet_slots(three_lists, START, END, (0.2, 0.4))
    cases = choosing.flare_cases(three_lists, START, END, 24)["slot"].to_numpy()
    quiet = [t for t in quiet if t not in cases]
    # A choice is as likely as another, and within it all draws are.
    lots = [outcomes(taken, quiet) for taken in itertools.combinations(cases, 2)]
    assert len(lots) == 6
    seen = 0
    for seed in range(5):
        table = choosing.case_control(three_lists, limit=2, seed=seed, **SHORT)
        for row in table[table["sampling"] == "matched quiet"].itertuples():
            slot = row.slot.to_datetime64()
            share = np.mean([np.mean([slot in drawn for drawn in draws]) for draws in lots])
            assert row.probability == pytest.approx(share, rel=1e-12)
            seen += 1
    assert seen > 5


def test_weights_by_the_probability_count_the_same_whatever_the_limit(three_lists):
    # The sum of 1 / p over what was chosen estimates how many could have been (Horvitz and
    # Thompson 1952): 4 cases, and the quiet slots within reach of any, for every limit.
    quiet = choosing.quiet_slots(three_lists, START, END, (0.2, 0.4))
    cases = choosing.flare_cases(three_lists, START, END, 24)["slot"].to_numpy()
    expected = {"flare case": len(cases), "matched quiet": len(quiet[~np.isin(quiet, cases)])}
    for limit in (2, 3, None):
        sums = {name: [] for name in expected}
        for seed in range(40):
            table = choosing.case_control(three_lists, limit=limit, seed=seed, **SHORT)
            for name, received in sums.items():
                received.append((1 / table.loc[table["sampling"] == name, "probability"]).sum())
        for name, number in expected.items():
            assert np.mean(sums[name]) == pytest.approx(number, rel=0.2)  # 40 seeds spread by 10 %


def many_flares(days=60):
    rng = np.random.default_rng(5)
    peaks = START + np.sort(rng.integers(0, days * 1440, days)) * MINUTE
    return flares(*((str(peak), "C1.0") for peak in peaks))


def test_the_choice_repeats_and_does_not_depend_on_the_order_of_the_list():
    events = many_flares()
    first = choosing.case_control(events, START, END, seed=3)
    shuffled = events.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(choosing.case_control(shuffled, START, END, seed=3), first)
    other = choosing.case_control(events, START, END, seed=4)
    assert slots(other, "flare case") == slots(first, "flare case")
    assert slots(other, "matched quiet") != slots(first, "matched quiet")


def test_a_larger_limit_keeps_what_a_smaller_one_chose():
    events = many_flares()
    ten, twenty, whole = (
        choosing.case_control(events, START, END, limit=limit) for limit in (10, 20, None)
    )
    for few, more in ((ten, twenty), (twenty, whole)):
        assert set(few["slot"]) < set(more["slot"])
    cases = ten[ten["sampling"] == "flare case"]
    assert len(cases) == 10
    total = len(slots(whole, "flare case"))
    assert cases["probability"].to_list() == [10 / total] * 10
    assert set(whole.loc[whole["sampling"] == "flare case", "probability"]) == {1.0}


def test_a_longer_list_keeps_the_earlier_choices():
    events = many_flares()
    cut = START + 40 * DAY
    short = events[events["peak"] < cut].assign(list_end=cut)
    before, after = (choosing.case_control(one, START, END) for one in (short, events))
    settled = before["slot"] < cut - 30 * DAY
    early = set(before.loc[settled & (before["sampling"] == "flare case"), "slot"])
    kept = before[(before["sampling"] == "matched quiet")]
    kept = kept[[any(pd.Timestamp(name[:8]) < cut - 30 * DAY for name in row.split())
                 for row in kept["matched_with"]]]  # fmt: skip
    assert early
    assert len(kept)
    assert early | set(kept["slot"]) <= set(after["slot"])


def test_a_case_without_a_quiet_time_has_none():
    # A flare every 30 hours leaves no 36 quiet ones.
    peaks = START + np.arange(0, 40 * 1440, 30 * 60) * MINUTE
    events = flares(*((str(peak), "C1.0") for peak in peaks), span=(START, peaks[-1]))
    table = choosing.case_control(events, START, END)
    assert set(table["sampling"]) == {"flare case"}


def test_a_flare_case_is_never_its_own_quiet_time():
    # 40 h before the peak lies outside the 24 h after a quiet time.
    events = flares(("2014-01-10T00:00", "C1.0"), span=("2014-01-07T20:00", "2014-01-10T00:00"))
    quiet = choosing.quiet_slots(events, START, END)
    assert np.datetime64("2014-01-08T08:00") in quiet
    for seed in range(20):
        table = choosing.case_control(events, START, END, offset_minutes=2400, seed=seed)
        assert len(table) == 2
        assert not table["slot"].duplicated().any()


def test_a_regular_series():
    table = choosing.regular_series(START, START + HOUR, 12)
    assert slots(table, "regular cadence")[::5] == ["2014-01-01T00:00", "2014-01-01T01:00"]
    assert set(table["probability"]) == {1.0}
    assert len(choosing.regular_series(START, START + HOUR, 12, limit=2)) == 2
    assert list(table.columns) == list(choosing.COLUMNS)


def test_a_real_list_gives_cases_and_quiet_times_of_every_year(real_data):
    events = read_events(real_data / "flare_lists" / "swpc_flarelist_20100101-20210810.csv")
    end = np.datetime64("2021-08-01", "m")
    table = choosing.case_control(events, archive.FIRST_SLOT, end)
    cases = slots(table, "flare case")
    # Independent: the text of the published class and of the time.
    said = events[
        events["goes_class"].str.match("[CMX][1-9]") & events["peak"].notna()
    ]  # one is C0.9
    early = (said["peak"] - pd.Timedelta("12h")).dt.strftime("%Y%m%d%H") + (
        (said["peak"].dt.minute // 12).astype(str)
    )
    inside = (said["peak"] >= "2010-05-13T12:00") & (said["peak"] < "2021-08-01T12:12")
    assert len(cases) == early[inside].nunique()
    quiet = table[table["sampling"] == "matched quiet"]
    assert 0.6 < len(quiet) / len(cases) <= 1  # at solar maximum few quiet times are left
    years = set(pd.DatetimeIndex(table["slot"]).year)
    assert set(pd.DatetimeIndex(quiet["slot"]).year) == years == set(range(2010, 2022))
