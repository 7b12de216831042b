"""Solar Region Summaries from a faulty server to the folder, and from there into the index."""

import pathlib

import numpy as np
import pandas as pd
import pytest
import sunpy
from sunpy.net.dataretriever import SRSClient

from dataset_models.sdo import index, largest_region, structure_data
from dataset_models.sdo.download import download_srs, region_summaries
from dataset_models.sdo.download.fetch_summaries import NOT_DOWNLOADED, fetch_summaries
from software_tests import raw_archive
from software_tests.dataset_models.download.faulty_archive import FaultyArchive
from tools import monthly

REAL = pathlib.Path(sunpy.__file__).parent / "data" / "test" / "SRS"  # NOAA's own summaries
LATER = pd.Timestamp("2020-01-01")  # than any day's absence takes to be final
DAYS = pd.date_range("2013-12-30", "2014-01-02")


def summary(day):
    """Bytes of the summary of a day, whose largest region is 11936 at S16W32."""
    return raw_archive.SUMMARY.replace("2013 Dec 31", f"{day:%Y %b %d}").encode()


def path_of(day):
    return f"{day:%Y/%m/%Y%m%d}SRS.txt"


def files_of(days):
    return {path_of(day): summary(day) for day in days}


@pytest.fixture
def archive():
    """All days but 2014-01-01."""
    with FaultyArchive(files_of(DAYS.delete(2))) as served:
        yield served


@pytest.fixture
def hurried(monkeypatch):
    """Waits of no length after a failure, and a server is silent after half a second."""
    monkeypatch.setattr(monthly.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(monthly, "TIMEOUT", 0.5)


def fetched(folder, archive, days=DAYS, **options):
    """Day of the month -> status."""
    table = fetch_summaries(folder, days, archive.url, **{"now": LATER, "pause": 0} | options)
    return {day.day: status for day, status in zip(table["day"], table["status"], strict=True)}


def listed(folder):
    table = pd.read_csv(folder / NOT_DOWNLOADED, keep_default_na=False)
    return list(table.itertuples(index=False, name=None))


def held(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != NOT_DOWNLOADED)


def test_summaries_come_and_a_second_run_asks_for_none(tmp_path, archive):
    assert fetched(tmp_path, archive) == {30: "came", 31: "came", 1: "absent", 2: "came"}
    assert held(tmp_path) == ["20131230SRS.txt", "20131231SRS.txt", "20140102SRS.txt"]
    assert (tmp_path / "20131231SRS.txt").read_bytes() == summary(DAYS[1])
    reason = "the archive does not have it"
    assert listed(tmp_path) == [("2014-01-01", "absent", "2020-01-01T00:00:00", reason)]
    assert fetched(tmp_path, archive) == {30: "here", 31: "here", 1: "absent", 2: "here"}
    assert set(archive.asked.values()) == {1}
    assert archive.connections == 1


def test_the_address_is_that_of_sunpy_s_client():
    found = region_summaries.address(region_summaries.ARCHIVE, pd.Timestamp("2014-01-05"))
    words = {"{{year:4d}}": "2014", "{{month:2d}}": "01", "{{day:2d}}": "05"}
    expected = SRSClient.pattern
    for word, number in words.items():
        expected = expected.replace(word, number)
    assert found == expected


def test_an_absent_day_of_long_ago_is_asked_for_again_only_by_request(tmp_path, archive):
    fetched(tmp_path, archive)
    archive.files |= files_of(DAYS[2:3])
    assert fetched(tmp_path, archive)[1] == "absent"
    assert fetched(tmp_path, archive, ask_again=True)[1] == "came"
    assert listed(tmp_path) == []


def test_a_recent_day_is_asked_for_until_it_comes(tmp_path, archive):
    recent = {"now": pd.Timestamp("2014-03-31T23:59")}  # 89 days later
    assert fetched(tmp_path, archive, **recent)[1] == "absent"
    archive.files |= files_of(DAYS[2:3])
    assert fetched(tmp_path, archive, **recent)[1] == "came"


def test_what_an_archive_that_gives_nothing_lacks_is_not_final(tmp_path, archive):
    assert fetched(tmp_path, archive, DAYS[2:3]) == {1: "absent"}
    ((_, status, asked, _),) = listed(tmp_path)
    assert (status, asked) == ("absent", "")
    archive.files |= files_of(DAYS[2:3])
    assert fetched(tmp_path, archive, DAYS[2:3]) == {1: "came"}


def test_days_that_are_not_asked_for_stay_in_the_list(tmp_path, archive):
    fetched(tmp_path, archive)
    archive.files.pop(path_of(DAYS[3]))
    (tmp_path / "20140102SRS.txt").unlink()
    fetched(tmp_path, archive, DAYS[3:])
    assert [row[0] for row in listed(tmp_path)] == ["2014-01-01", "2014-01-02"]
    assert [bool(row[2]) for row in listed(tmp_path)] == [True, False]


@pytest.mark.parametrize("fault", ["busy", "later", "drop", "close", "stall"])
def test_a_fault_is_asked_over(tmp_path, archive, hurried, fault):
    archive.script = {path_of(DAYS[0]): [fault]}
    assert fetched(tmp_path, archive)[30] == "came"
    assert archive.asked[path_of(DAYS[0])] == 2
    assert (tmp_path / "20131230SRS.txt").read_bytes() == summary(DAYS[0])


@pytest.mark.parametrize("fault", ["page", "too short"])
def test_a_whole_answer_that_is_no_summary_is_asked_for_once(tmp_path, archive, fault):
    archive.script = {path_of(DAYS[0]): [fault]}
    assert fetched(tmp_path, archive)[30] == "failed"
    assert archive.asked[path_of(DAYS[0])] == 1
    assert fetched(tmp_path, archive)[30] == "came"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("busy", "answers 429 Too Many Requests"),
        ("drop", "IncompleteRead|closed"),
    ],
)
def test_a_day_that_fails_is_listed_and_asked_for_again(tmp_path, archive, fault, reason):
    archive.script = {path_of(DAYS[0]): [fault] * monthly.ATTEMPTS}
    assert fetched(tmp_path, archive)[30] == "failed"
    assert held(tmp_path) == ["20131231SRS.txt", "20140102SRS.txt"]
    day, status, _, said = listed(tmp_path)[0]
    assert (day, status) == ("2013-12-30", "failed")
    assert pd.Series([said]).str.contains(reason).all(), said
    assert " at 0x" not in said
    assert fetched(tmp_path, archive)[30] == "came"
    assert [row[0] for row in listed(tmp_path)] == ["2014-01-01"]


def test_a_page_in_place_of_a_summary_is_listed_with_its_beginning(tmp_path, archive):
    archive.script = {path_of(DAYS[0]): ["page"]}
    fetched(tmp_path, archive)
    assert "20131230SRS.txt is no summary of that day: no line is such" in listed(tmp_path)[0][3]
    assert "it begins '<!DOCTYPE html>" in listed(tmp_path)[0][3]


def test_a_summary_that_is_cut_short_on_the_server_is_refused(tmp_path, archive):
    archive.files[path_of(DAYS[0])] = summary(DAYS[0])[:500]
    assert fetched(tmp_path, archive)[30] == "failed"
    assert "is no summary of that day: section IA, plages, is missing" in listed(tmp_path)[0][3]
    assert held(tmp_path) == ["20131231SRS.txt", "20140102SRS.txt"]


def test_another_day_s_summary_is_refused(tmp_path, archive):
    archive.files[path_of(DAYS[0])] = summary(DAYS[1])
    assert fetched(tmp_path, archive)[30] == "failed"
    assert "it was issued on 2013-12-31" in listed(tmp_path)[0][3]


def test_a_damaged_summary_is_replaced(tmp_path, archive, caplog):
    damaged = tmp_path / "20131230SRS.txt"
    damaged.write_bytes(summary(DAYS[0])[:500])
    assert fetched(tmp_path, archive)[30] == "came"
    assert damaged.read_bytes() == summary(DAYS[0])
    assert "20131230SRS.txt is asked for again: section I" in caplog.text


def test_a_damaged_summary_stays_until_a_good_one_comes(tmp_path, archive):
    damaged = tmp_path / "20140101SRS.txt"
    damaged.write_bytes(b"404")
    assert fetched(tmp_path, archive)[1] == "absent"
    assert damaged.read_bytes() == b"404"


def test_summaries_count_that_were_unpacked_below_the_folder(tmp_path, archive):
    (tmp_path / "2013_SRS").mkdir()
    (tmp_path / "2013_SRS" / "20131230SRS.txt").write_bytes(summary(DAYS[0]))
    (tmp_path / "20139999SRS.txt").write_bytes(b"no day")
    assert fetched(tmp_path, archive, DAYS[:2]) == {30: "here", 31: "came"}


def test_a_folder_named_like_a_summary_is_none(tmp_path, archive):
    (tmp_path / "old" / "20131230SRS.txt").mkdir(parents=True)
    assert fetched(tmp_path, archive, DAYS[:1]) == {30: "came"}


def test_a_server_that_fails_day_after_day_is_given_up(tmp_path):
    days = pd.date_range("2014-01-01", periods=9)
    with FaultyArchive(files_of(days), faults=["busy"]) as archive:
        archive.script = {path_of(day): ["busy"] * 9 for day in days[1:]}
        with pytest.raises(ConnectionError, match=r"3 days in a row .* What came") as e:
            fetched(tmp_path, archive, days)
        assert "Received: http://127.0.0.1" in str(e.value)
        assert len(archive.asked) == 4
    assert held(tmp_path) == ["20140101SRS.txt"]
    assert [row[0] for row in listed(tmp_path)] == ["2014-01-02", "2014-01-03", "2014-01-04"]


@pytest.mark.parametrize("fault", ["page", "busy"])
def test_days_that_are_always_wrong_stop_no_other(tmp_path, fault):
    """Three wrong ones end a run, and the next begins with those that were asked longest ago."""
    days = pd.date_range("2014-01-01", periods=9)
    with FaultyArchive(files_of(days)) as archive:
        archive.script = {path_of(day): [fault] * 99 for day in days[:4]}
        archive.script[path_of(days[4])] = [fault] * (monthly.ATTEMPTS if fault == "busy" else 1)
        for minute in range(4):
            with pytest.raises(ConnectionError, match="3 days in a row"):
                fetched(tmp_path, archive, days, now=LATER + pd.Timedelta(minutes=minute))
    assert held(tmp_path) == [f"{day:%Y%m%d}SRS.txt" for day in days[4:]]


def test_what_is_here_hides_no_dead_server(tmp_path):
    days = pd.date_range("2014-01-01", periods=9)
    for day in days[::2]:
        (tmp_path / f"{day:%Y%m%d}SRS.txt").write_bytes(summary(day))
    with FaultyArchive({}) as archive:
        archive.script = {path_of(day): ["busy"] * 9 for day in days}
        with pytest.raises(ConnectionError, match="3 days in a row"):
            fetched(tmp_path, archive, days)


def test_an_archive_that_ends_before_the_range_is_not_called_useless(tmp_path, archive):
    fetched(tmp_path, archive)
    days = pd.date_range("2014-01-03", periods=99)
    assert set(fetched(tmp_path, archive, days).values()) == {"absent"}


def test_no_server_is_told_in_one_line(tmp_path, archive, hurried, capsys):
    archive.server.server_close()
    arguments = ["--start", "2013-12-30", "--end", "2014-01-02", "--server", "http://127.0.0.1:9"]
    assert download_srs.main([*arguments, "--output", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "3 days in a row could not be fetched" in error
    assert "refused" in error
    assert " at 0x" not in error


def test_an_archive_that_has_moved_is_told(tmp_path):
    with (
        FaultyArchive({}) as archive,
        pytest.raises(ConnectionError, match=r"none of the first 60 days.*--server"),
    ):
        fetched(tmp_path, archive, pd.date_range("2014-01-01", periods=99))
    assert len(archive.asked) == 60
    assert {row[2] for row in listed(tmp_path)} == {""}  # asked for again


def test_a_damaged_list_is_begun_anew(tmp_path, archive, caplog):
    (tmp_path / NOT_DOWNLOADED).write_text("<html>404</html>")
    fetched(tmp_path, archive)
    assert "not_downloaded.csv is damaged, and begun anew" in caplog.text
    assert len(listed(tmp_path)) == 1


def test_a_folder_that_cannot_be_written_is_no_fault_of_the_server(tmp_path, archive):
    (tmp_path / "srs").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="srs"):
        fetched(tmp_path / "srs", archive)
    assert set(archive.asked.values()) == {1}


@pytest.mark.parametrize("path", sorted(REAL.glob("*SRS.txt")), ids=lambda path: path.name)
def test_real_summaries_are_such(path):
    day, content = pd.Timestamp(path.name[:8]), path.read_bytes()
    assert region_summaries.wrong_summary(content, day) is None
    assert "was issued on" in region_summaries.wrong_summary(content, day + pd.Timedelta("1D"))
    half = content[: content.index(b"\nII.")]
    assert "section II, regions due to return" in region_summaries.wrong_summary(half, day)


# The script


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path))
    return tmp_path


def test_the_script_fetches_what_the_index_takes_its_regions_from(
    data, archive, write_fits, capsys
):
    archive.files[path_of(DAYS[2])] = summary(DAYS[2]).replace(b"1936", b"1944")
    arguments = ["--start", "2013-12-30", "--end", "2014-01-01", "--server", archive.url]
    assert download_srs.main(arguments) == 0
    said = capsys.readouterr().out
    assert said == f"3 of 3 days are in {data / 'srs'}: 3 came now, 0 were there before.\n"
    table, problems = largest_region.of_summaries(data / "srs")
    assert problems == []
    assert table["active_region"].tolist() == [11936, 11936, 11944]
    assert table["longitude"].tolist() == [32] * 3
    raw_archive.write(data / "aia" / "raw", write_fits, minutes=(0, 36))
    assert structure_data.main([]) == 0
    found = index.read_index(data / "aia")
    # The image of 00:00 may not know the summary of 00:30.
    assert found["active_region"].tolist() == [11936, 11944]
    # 13.169 degrees a day at S16 (test_largest_region.py): 24 h, and 36 min and 19 s.
    np.testing.assert_allclose(found["longitude"], [32 + 13.17, 32 + 0.33], atol=0.01)


def test_without_dates_the_days_of_the_index_are_fetched(data, archive, write_fits, capsys):
    raw_archive.write(data / "aia" / "raw", write_fits)  # 2014-01-01
    assert structure_data.main([]) == 0
    assert download_srs.main(["--server", archive.url]) == 0
    assert sorted(archive.asked) == [path_of(day) for day in DAYS[:3]]
    said = capsys.readouterr().out
    assert "2 of 3 days" in said
    assert "Not there: 1 absent from the archive, 0 failed" in said
    assert "    2014-01-01: absent, the archive does not have it" in said


def test_a_day_that_failed_is_told_by_the_exit_status(data, archive, capsys):
    archive.script = {path_of(DAYS[0]): ["page"]}
    arguments = ["--start", "2013-12-30", "--end", "2014-01-02", "--server", archive.url]
    assert download_srs.main(arguments) == 1
    assert "1 absent from the archive, 1 failed" in capsys.readouterr().out
    assert download_srs.main(arguments) == 0


def test_only_absent_days_are_no_success(data, archive):
    arguments = ["--start", "2014-01-01", "--end", "2014-01-01", "--server", archive.url]
    assert download_srs.main(arguments) == 1


def test_without_dates_and_index_the_way_out_is_told(data, capsys):
    assert download_srs.main([]) == 1
    assert "python dataset_models/sdo/structure_data.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    "span",
    [("2014-01-02", "2014-01-01"), ("1995-12-31", "1996-01-02"), ("2014-01-01", "2999-01-01")],
)
def test_an_impossible_range_is_refused(data, capsys, span):
    assert download_srs.main(["--start", span[0], "--end", span[1]]) == 1
    error = capsys.readouterr().err
    assert "There are no summaries of that range. Expected a start from 1996-01-01" in error
    assert f"Received: {span[0]} to {span[1]}" in error


def test_a_wrong_day_or_address_is_refused(data, capsys):
    with pytest.raises(SystemExit):
        download_srs.main(["--start", "2014-13-01"])
    assert "such as 2014-01-01, received '2014-13-01'" in capsys.readouterr().err
    arguments = ["--start", "2014-01-01", "--end", "2014-01-01", "--server", "ftp://example.org"]
    assert download_srs.main(arguments) == 1
    assert "Received: 'ftp://example.org'" in capsys.readouterr().err


def test_an_interrupted_run_goes_on(data, archive, monkeypatch, capsys):
    wrong_summary = region_summaries.wrong_summary

    def interrupted(content, day):
        if day == DAYS[3]:
            raise KeyboardInterrupt
        return wrong_summary(content, day)

    arguments = ["--start", "2013-12-30", "--end", "2014-01-02", "--server", archive.url]
    with monkeypatch.context() as patch:
        patch.setattr("dataset_models.sdo.download.fetch_summaries.wrong_summary", interrupted)
        assert download_srs.main(arguments) == 1
    assert "Stopped. What came is kept" in capsys.readouterr().err
    assert held(data / "srs") == ["20131230SRS.txt", "20131231SRS.txt"]
    assert [row[0] for row in listed(data / "srs")] == ["2014-01-01"]
    assert download_srs.main(arguments) == 0
    assert archive.asked[path_of(DAYS[0])] == 1
