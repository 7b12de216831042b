"""The record of a download."""

import dataclasses
import sqlite3

import numpy as np
import pytest

from dataset_models.sdo.download import database
from dataset_models.sdo.download.manifest import STATUSES, Manifest, Rate
from software_tests.dataset_models.download.faulty_archive import slots

PAIRS = [(slot, 171) for slot in slots(3)]
PATH = "2014/01/01/H0000/AIA20140101_0000_0171.fits"


@pytest.fixture
def manifest(tmp_path):
    with Manifest(tmp_path / "manifest.sqlite") as found:
        yield found


def test_a_file_is_entered_once(manifest):
    paths = manifest.add([*PAIRS, PAIRS[0]])
    assert paths[0] == PATH
    assert len(paths) == 3
    assert manifest.record(PATH, status="verified", bytes=10)
    assert manifest.add(PAIRS) == paths
    assert manifest.row(PATH).status == "verified"
    assert manifest.row(PATH).slot == "2014-01-01T00:00"
    assert manifest.row("nowhere") is None
    assert [row.path for row in manifest.rows()] == paths
    assert [row.path for row in manifest.rows("wanted")] == paths[1:]


def test_what_is_written_is_read_by_the_next(manifest, tmp_path):
    manifest.add(PAIRS)
    manifest.record(PATH, status="failed", error="why", attempts=4, url="http://a")
    with Manifest(tmp_path / "manifest.sqlite") as other:
        row = other.row(PATH)
    assert (row.status, row.error, row.attempts, row.url) == ("failed", "why", 4, "http://a")


def test_only_one_run_gets_a_file(manifest, tmp_path):
    manifest.add(PAIRS)
    with Manifest(tmp_path / "manifest.sqlite") as other:
        one, two = manifest.begin_run(), other.begin_run()
        assert manifest.claim(PATH, one, 60).run == one
        assert other.claim(PATH, two, 60) is None
        assert not other.record(PATH, two, status="verified")
        manifest.end_run(one)
        assert other.claim(PATH, two, 60).run == two


def test_what_did_not_come_is_listed_while_nobody_else_writes(manifest, tmp_path, monkeypatch):
    paths = manifest.add(PAIRS)
    manifest.record(paths[1], status="failed", error="silent")
    manifest.record(paths[0], status="absent")  # the third is wanted: a run may be at it
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with Manifest(tmp_path / "manifest.sqlite") as other:
        with manifest.not_there() as rows:
            assert [row.path for row in rows] == paths[:2]
            with pytest.raises(OSError, match="locked"):
                other.record(paths[0], status="verified")
        assert other.record(paths[0], status="verified")
        with manifest.not_there() as rows:
            assert [row.path for row in rows] == paths[1:2]


def test_a_dead_run_loses_its_claim(manifest):
    manifest.add(PAIRS)
    one, two = manifest.begin_run(), manifest.begin_run()
    manifest.claim(PATH, one, 60)
    manifest.execute("update runs set seen = seen - 61 where id = ?", one)
    assert manifest.claim(PATH, two, 60)
    assert not manifest.record(PATH, one, status="verified")
    assert manifest.record(PATH, two, status="part", part="name")
    assert manifest.row(PATH).run == two


def test_a_sign_of_life_keeps_the_claim(manifest):
    manifest.add(PAIRS)
    one, two = manifest.begin_run(), manifest.begin_run()
    manifest.claim(PATH, one, 60)
    manifest.execute("update runs set seen = seen - 61 where id = ?", one)
    manifest.keep_alive(one)
    assert manifest.claim(PATH, two, 60) is None


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {"part"}))
def test_a_last_word_ends_the_claim(manifest, status):
    manifest.add(PAIRS)
    run = manifest.begin_run()
    manifest.claim(PATH, run, 60)
    manifest.record(PATH, run, status=status)
    assert manifest.row(PATH).run is None
    assert (manifest.claim(PATH, run, 60) is None) == (status == "verified")


def test_a_failed_transaction_leaves_nothing(manifest):
    manifest.add(PAIRS)
    with pytest.raises(ValueError, match="no channel"), manifest.transaction():
        _record_and_fail(manifest)
    assert manifest.row(PATH).status == "wanted"
    with manifest.transaction():  # it can go on
        manifest.record(PATH, status="verified")


def _record_and_fail(manifest):
    manifest.record(PATH, status="verified")
    manifest.add([(np.datetime64("2014-01-01"), 172)])


def test_counts_and_means(manifest):
    paths = manifest.add([*PAIRS, (PAIRS[0][0], 94)])
    assert manifest.mean_bytes() == {}
    for path, length in zip(paths[:2], (10, 20), strict=True):
        manifest.record(path, status="verified", bytes=length)
    manifest.record(paths[2], status="absent")
    assert manifest.mean_bytes() == {171: 15.0}
    assert manifest.summary() == dict.fromkeys(STATUSES, 0) | {
        **{"verified": 2, "absent": 1, "wanted": 1}
    }


def test_the_rate_is_that_of_runs_that_moved_something(manifest):
    assert manifest.rate() is None
    for seconds, files, moved in ((10, 5, 4000), (30, 15, 8000), (100, 0, 0)):
        run = manifest.begin_run()
        manifest.end_run(run, files, moved)
        manifest.execute("update runs set seen = started + ? where id = ?", seconds, run)
    # 12,000 bytes and 20 files in 40 s
    rate = manifest.rate()
    assert rate.bytes_per_second == pytest.approx(300, rel=1e-6)
    assert rate.files_per_second == pytest.approx(0.5, rel=1e-6)
    assert [field.name for field in dataclasses.fields(Rate)] == [
        *("bytes_per_second", "files_per_second")
    ]


def test_another_version_is_refused(manifest, tmp_path):
    manifest.execute("pragma user_version = 7")
    manifest.close()
    with pytest.raises(
        ValueError, match=r"another version. Expected version 1.*version 7.*--verify"
    ):
        Manifest(tmp_path / "manifest.sqlite")


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "manifest.sqlite"
    path.write_text("a table of files" * 100)
    with pytest.raises(ValueError, match=r"is no manifest.*Move it away"):
        Manifest(path)
    assert path.read_text().startswith("a table")


def test_another_programs_database_is_refused(tmp_path):
    connection = sqlite3.connect(tmp_path / "manifest.sqlite")
    connection.execute("create table flares (peak)")
    connection.close()
    with pytest.raises(ValueError, match="version 0"):
        Manifest(tmp_path / "manifest.sqlite")


def test_a_program_that_never_lets_go_is_named(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with (
        manifest.transaction(),
        Manifest(tmp_path / "manifest.sqlite") as other,
        pytest.raises(OSError, match=r"cannot be written: database is locked.*run again"),
    ):
        other.add(PAIRS)


def test_times_may_be_finer_than_minutes(manifest):
    assert manifest.add([(np.datetime64("2014-01-01T00:00:00.000"), 171)]) == [PATH]
    assert manifest.row(PATH).slot == "2014-01-01T00:00"
