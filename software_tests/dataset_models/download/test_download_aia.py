import errno
import functools
import sqlite3

import numpy as np
import pandas as pd
import pytest

from dataset_models.sdo import index, structure_data
from dataset_models.sdo.download import archive, choosing, chosen, download_aia, options
from dataset_models.sdo.download.patience import Patience
from dataset_models.synthetic import embedded_sample
from software_tests.dataset_models.download import faulty_archive

FLARES = """start,peak,end,goes_class,scale
2014-01-01T00:00,2014-01-01T00:01,2014-01-01T00:02,B1.0,physical
2014-01-10T18:40,2014-01-10T18:52,2014-01-10T19:03,M9.9,physical
2014-01-12T00:10,2014-01-12T00:12,2014-01-12T00:20,C1.0,physical
2014-01-20T00:00,2014-01-20T00:01,2014-01-20T00:02,B1.0,physical
"""
CASES = ["20140110_0648", "20140111_1212"]
QUICK = Patience(
    connect_timeout=2.0,
    read_timeout=1.0,
    attempts=4,
    base_delay=0.01,
    longest_delay=0.05,
    first_rest=0.05,
    longest_rest=0.1,
    first_contact=1.0,
)
TIMES = ["--start", "2014-01-02", "--end", "2014-01-19"]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder, quick patience, small images, and no archive but those that a test names."""
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(download_aia, "ARCHIVES", ())
    for name in ("fetch", "repair"):
        whole = getattr(download_aia, name)
        small = functools.partial(whole, shape=None, patience=QUICK, progress=False)
        monkeypatch.setattr(download_aia, name, small)
    (tmp_path / "flares.csv").write_text(FLARES)
    return tmp_path / "data"


@pytest.fixture
def flares(data):
    return ["--flares", str(data.parent / "flares.csv"), *TIMES]


def server_of(table, channels=(171, 193), lacking=()):
    """An archive with the images of these times, but for some (identifier, channel)."""
    pairs = [(slot, c) for slot in table["slot"].to_numpy("datetime64[m]") for c in channels]
    names = chosen.slot_names(table["slot"]).repeat(len(channels))
    held = [pair for pair, name in zip(pairs, names, strict=True) if (name, pair[1]) not in lacking]
    return faulty_archive.FaultyArchive.of(held)


def expected(data, **settings):
    events = download_aia.read_events(data.parent / "flares.csv")
    start, end = (np.datetime64(time, "m") for time in TIMES[1::2])
    return choosing.case_control(events, start, end, **settings)


def test_from_flares_to_the_index(data, flares, capsys):
    table = expected(data)
    assert chosen.slot_names(table["slot"][table["sampling"] == "flare case"]).to_list() == CASES
    with server_of(table) as server:
        arguments = [*flares, "--channels", "171,193", "--archive", server.url]
        assert download_aia.main(arguments) == 0
    said = capsys.readouterr().out
    assert "2 flare cases, 2 matched quiet times. Channels: 171, 193." in said
    assert "8 files, 0 of them there already. To download: 8 files, about 0.008 GB" in said
    assert "8 of 8 files are there and verified" in said
    assert "Next: python dataset_models/sdo/structure_data.py" in said

    assert structure_data.main([]) == 0
    rows = index.read_index(data / "aia")
    assert rows["id"].to_list() == chosen.slot_names(table["slot"]).to_list()
    assert rows["channels"].to_list() == ["171 193"] * 4
    assert rows["sampling"].to_list() == table["sampling"].to_list()
    np.testing.assert_allclose(rows["probability"], table["probability"], rtol=1e-12)
    assert sorted(set(rows["sampling"])) == ["flare case", "matched quiet"]

    # A sample that is in the store already learns of a later choice, too.
    chosen.write_chosen(data / "aia", choosing.regular_series(*table["slot"].iloc[[0, 0]], 12))
    assert structure_data.main([]) == 0
    assert index.read_index(data / "aia")["sampling"][0] == "regular cadence"


def test_a_second_run_fetches_nothing_and_the_plan_knows_it(data, flares, capsys):
    arguments = [*flares, "--channels", "171"]
    with server_of(expected(data)) as server:
        arguments += ["--archive", server.url]
        assert download_aia.main(arguments) == 0
        before = server.served
        assert download_aia.main(arguments) == 0
        assert server.served == before
        capsys.readouterr()
        assert download_aia.main([*flares, "--channels", "171,193", "--dry-run"]) == 0
        assert server.served == before
    said = capsys.readouterr().out
    assert "8 files, 4 of them there already. To download: 4 files" in said
    assert "the rate of earlier downloads" in said


def test_a_dry_run_writes_nothing(data, flares, capsys):
    assert download_aia.main([*flares, "--dry-run"]) == 0
    assert not data.exists()
    said = capsys.readouterr().out
    assert (
        "32 files, 0 of them there already. To download: 32 files, about 0.032 GB, taking" in said
    )
    assert "No rate was measured yet" in said


def test_what_the_archive_lacks_is_listed_and_fails(data, flares, capsys):
    arguments = [*flares, "--channels", "171,193"]
    with server_of(expected(data), lacking=[(CASES[0], 193)]) as server:
        assert download_aia.main([*arguments, "--archive", server.url]) == 1
        listed = pd.read_csv(data / "aia" / "not_downloaded.csv")
        assert listed["path"].to_list() == ["2014/01/10/H0600/AIA20140110_0648_0193.fits"]
        assert listed["status"].to_list() == ["absent"]
        assert "not_downloaded.csv lists all files that are not there" in capsys.readouterr().out
        path = archive.path(np.datetime64("2014-01-10T06:48"), 193)
        assert server.asked[path] == 1
        assert download_aia.main([*arguments, "--archive", server.url, "--dry-run"]) == 0
        assert (
            "8 files, 7 of them there already. 1 are absent from the archive. To download: 0 files"
        ) in capsys.readouterr().out
        assert download_aia.main([*arguments, "--archive", server.url]) == 1
        assert server.asked[path] == 1  # is not asked for again unless told
        server.files[path] = faulty_archive.small_fits(np.datetime64("2014-01-10T06:48"), 193)
        assert download_aia.main([*arguments, "--archive", server.url, "--ask-again"]) == 0
    assert pd.read_csv(data / "aia" / "not_downloaded.csv").empty


def test_the_list_of_what_did_not_come_keeps_what_other_runs_asked_for(data, flares):
    lacking = [(case, channel) for case in CASES for channel in (171, 193)]
    with server_of(expected(data), lacking=lacking) as server:
        for channel in ("171", "193"):
            arguments = [*flares, "--channels", channel, "--archive", server.url]
            assert download_aia.main(arguments) == 1
    listed = pd.read_csv(data / "aia" / "not_downloaded.csv")
    wanted = ["0648_0171", "0648_0193", "1212_0171", "1212_0193"]
    assert listed["path"].str[-14:-5].to_list() == wanted


def test_a_regular_series_through_a_faulty_archive(data):
    table = choosing.regular_series(np.datetime64("2014-01-01"), np.datetime64("2014-01-01T02"), 12)
    faults = ("close", "page", "busy", "flipped", "other channel", "too long")
    series = ["--start", "2014-01-01T00:00Z", "--end", "2014-01-01T02:00", "--cadence", "12"]
    with server_of(table, channels=(171,)) as server:
        server.share, server.faults = 1 / 3, faults
        arguments = [*series, "--channels", "171", "--jobs", "2", "--archive", server.url]
        assert download_aia.main(arguments) == 0
        assert len(faulty_archive.contents(data / "aia" / "raw")) == 11
        assert server.most_at_once <= 2
        assert sum(server.faults_made.values()) > 0
    held = chosen.read_chosen(data / "aia")
    pd.testing.assert_frame_equal(held, table.astype(held.dtypes))
    assert download_aia.main([*series, "--channels", "171", "--dry-run", "--limit", "3"]) == 0


def test_verify_and_repair(data, flares, capsys, monkeypatch):
    with server_of(expected(data)) as server:
        arguments = [*flares, "--channels", "171", "--archive", server.url]
        assert download_aia.main(arguments) == 0
        assert download_aia.main(["--verify"]) == 0
        path = next((data / "aia" / "raw").rglob("*.fits"))
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        assert download_aia.main(["--verify"]) == 1
        assert "1 are damaged" in capsys.readouterr().out
        assert download_aia.main(["--repair", "--archive", server.url]) == 0
        assert download_aia.main(["--verify"]) == 0


def test_near_real_time_images_stay_apart(data, capsys):
    series = ["--nrt", "--start", "2014-01-01T00:03", "--end", "2014-01-01T00:03"]
    assert download_aia.main([*series, "--cadence", "3", "--dry-run"]) == 0
    asked = options.parser("").parse_args([*series, "--archive", "http://127.0.0.1:1/synoptic"])
    assert download_aia._archives(asked) == ("http://127.0.0.1:1/synoptic/nrt/",)


def test_no_network_names_the_hosts(data, flares, capsys):
    hosts = ["127.0.0.1:1", "127.0.0.1:9"]
    mirrors = [part for host in hosts for part in ("--archive", f"http://{host}/synoptic/")]
    assert download_aia.main([*flares, "--channels", "171", "--limit", "1", *mirrors]) == 1
    said = capsys.readouterr().err
    assert "127.0.0.1:1, 127.0.0.1:9" in said
    assert said.count("\n") == 1


def test_without_a_flare_list_it_is_fetched(data, monkeypatch, capsys):
    asked = []

    def fetched(folder, start, end):
        asked.append((folder, str(start), str(end)))
        return data.parent / "flares.csv"

    monkeypatch.setattr(download_aia, "fetch_flares", fetched)
    assert download_aia.main([*TIMES, "--dry-run"]) == 0
    # From 12 h before the first image to 24 h after the last.
    assert asked == [(data / "flares", "2014-01-01T12:00", "2014-01-20T00:00")]


def test_without_arguments_the_whole_archive_is_meant(data, monkeypatch, capsys):
    monkeypatch.setattr(options, "now", lambda: np.datetime64("2014-02-01T00:01"))
    monkeypatch.setattr(download_aia, "fetch_flares", lambda *_: data.parent / "flares.csv")
    asked = []
    monkeypatch.setattr(
        download_aia, "fetch", lambda wanted, *_, **__: asked.append(wanted) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        download_aia.main([])
    ((*_, (slot, channel)),) = asked
    assert len(asked[0]) == 4 * 8
    assert channel == 1600
    held = chosen.read_chosen(data / "aia")
    assert held["slot"].max() == pd.Timestamp(slot)
    assert sorted(held["sampling"]) == ["flare case"] * 2 + ["matched quiet"] * 2


def test_the_synthetic_sample_is_left_alone(data, capsys):
    embedded_sample.write_archive(data, days=1, size=8, channels=(171,))
    assert download_aia.main(["--dry-run"]) == 1
    said = capsys.readouterr().err
    assert "holds the embedded sample, which is synthetic" in said
    assert "Set FLARENET_DATA to one" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--start", "2010-05-12"],
            "There are no images of that range. Expected a start from 2010",
        ),
        (["--start", "2014-01-02", "--end", "2014-01-01"], "There are no images of that range"),
        (["--end", "2100-01-01"], "There are no images of that range"),
        ([*TIMES, "--cadence", "3"], "The archive has images on even minutes. Expected a start"),
        (["--start", "2014-01-02T00:01", "--end", "2014-01-03", "--cadence", "2"], "even minutes"),
        ([*TIMES, "--cadence", "2", "--nrt"], "on every third minute near real time"),
        (["--nrt"], "Near-real-time images are asked for as a regular series"),
        (["--cadence", "12"], "A regular series lacks its times. Expected --start and --end"),
        (["--cadence", "0", *TIMES], "--cadence cannot be 0. Expected 1 or more"),
        (["--offset-minutes", "-2"], "--offset-minutes cannot be -2. Expected 0 or more"),
        (["--limit", "0"], "--limit cannot be 0"),
        (["--jobs", "0"], "--jobs cannot be 0"),
        (["--seed", "-1"], "--seed cannot be -1"),
        (["--quiet-hours", "-1", "24"], "--quiet-hours cannot be"),
        (["--quiet-hours", "inf", "24"], "--quiet-hours cannot be [inf, 24.0]. Expected two"),
        (["--quiet-hours", "12", "nan"], "--quiet-hours cannot be"),
        (["--offset-minutes", "9" * 20], "Expected 527040, a year, or less"),
        (["--cadence", "9" * 20, *TIMES], "Expected 527040, a year, or less"),
        (["--archive", "ftp://a.org", "--dry-run"], "Received: 'ftp://a.org'. Write it with http"),
        (["--flares", "/", *TIMES], "The flare list / cannot be read: Is a directory. Expected a"),
        (["--channels", "171,172"], "AIA has no channel 172. Expected some of 94,131,171"),
        (["--verify"], "There is no folder"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(arguments, said, data, capsys):
    assert download_aia.main(arguments) == 1
    received = capsys.readouterr().err
    assert said in received
    assert received.count("\n") == 1
    assert not data.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        *(
            (["--start", text], f"such as 2014-01-01 or 2014-01-01T18:52, received '{text}'")
            for text in ("yesterday night", "13/05/2014", "now", "NaT", "", "2014-01-01T00:00:30")
        ),
        (["--channels", "red"], "expected wavelengths such as 94,171, received 'red'"),
    ],
)
def test_what_is_no_time_or_number_is_refused(arguments, said, data, capsys):
    with pytest.raises(SystemExit) as status:
        download_aia.main(arguments)
    assert status.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "flares.csv is empty. Expected a header line and rows"),
        (FLARES.splitlines()[0] + "\n", "has a header and no rows"),
        (FLARES + "2014-01-30T00:00,noon,,C1.0,physical\n", "flares.csv, line 6, column 'peak'"),
        (FLARES.replace("M9.9", "M"), "flares.csv, line 3, column 'goes_class'"),
        ("when,what\n2014,C1\n", "flares.csv, line 1: this header is of no flare list known"),
        (FLARES.replace("M9.9", "B9.9").replace("C1.0", "B1.0"), "No flare of C1.0 or above"),
        ("\n".join(line.rpartition(",")[0] for line in FLARES.splitlines()), "--scale"),
    ],
)
def test_a_bad_flare_list_is_refused_with_its_line(text, said, data, flares, capsys):
    (data.parent / "flares.csv").write_text(text)
    assert download_aia.main(flares) == 1
    assert said in capsys.readouterr().err
    assert not data.exists()


def test_a_folder_that_cannot_be_written(data, flares, capsys):
    data.write_text("a file, where a folder should be")
    assert download_aia.main([*flares, "--channels", "171", "--archive", "http://127.0.0.1:1"]) == 1
    received = capsys.readouterr().err
    assert f"Expected the data folder {data} to have free space" in received
    assert received.count("\n") == 1


def test_what_cannot_be_fetched_is_not_entered_as_chosen(data, flares, monkeypatch):
    (data / "aia").mkdir(parents=True)
    (data / "aia" / "raw").write_text("a file, where a folder should be")
    assert download_aia.main(flares) == 1
    assert not (data / "aia" / "chosen.csv").exists()


def test_a_full_disk(data, flares, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download_aia, "write_chosen", full)
    assert download_aia.main(flares) == 1
    received = capsys.readouterr().err
    assert "No space left on device. Expected the data folder" in received
    assert "make room and run again, or set FLARENET_DATA to another folder" in received


def test_a_flare_list_that_is_not_there(data, capsys):
    assert download_aia.main(["--flares", "nowhere.csv", *TIMES]) == 1
    assert "nowhere.csv" in capsys.readouterr().err


def test_a_manifest_of_another_version(data, flares, capsys):
    (data / "aia" / "raw").mkdir(parents=True)
    with sqlite3.connect(data / "aia" / "raw" / "manifest.sqlite") as connection:
        connection.execute("create table files (a)")
        connection.execute("pragma user_version = 99")
    connection.close()
    assert download_aia.main(flares) == 1
    assert "is a manifest of another version. Expected version" in capsys.readouterr().err


def test_an_interruption_says_how_to_go_on(data, flares, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(download_aia, "fetch", interrupted)
    assert download_aia.main(flares) == 1
    assert "Stopped. What came is kept: the same command goes on" in capsys.readouterr().err
