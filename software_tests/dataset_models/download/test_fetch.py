"""Fetching from an archive that answers as it should, or not at all."""

import dataclasses
import threading

import numpy as np
import pytest

from dataset_models.sdo.download import archive as layout
from dataset_models.sdo.download.fetch import UnreachableError, fetch
from dataset_models.sdo.download.manifest import NAME, Manifest
from dataset_models.sdo.download.retrieval import retrieve
from dataset_models.sdo.download.shared import Shared
from dataset_models.sdo.download.transfer import Connection
from software_tests.dataset_models.download.faulty_archive import (
    FaultyArchive,
    contents,
    slots,
    small_fits,
)

PAIRS = [(slot, channel) for slot in slots(4) for channel in (94, 171)]
PATHS = [layout.path(*pair) for pair in PAIRS]
NOWHERE = "http://127.0.0.1:1/synoptic/"  # nobody listens there


@pytest.fixture
def archive():
    with FaultyArchive.of(PAIRS) as found:
        yield found


@pytest.fixture
def get(archive, tmp_path, hasty):
    def get(pairs=PAIRS, archives=(archive.url,), patience=hasty, folder=tmp_path, **options):
        options = {"jobs": 3, "shape": None, "seed": 1, "progress": False} | options
        return fetch(pairs, folder, archives, patience=patience, **options)

    return get


def row(folder, path=PATHS[0]):
    with Manifest(folder / NAME) as manifest:
        return manifest.row(path)


def test_all_is_fetched_and_entered(get, archive, tmp_path):
    summary = get()
    assert contents(tmp_path) == archive.files
    assert summary.complete
    assert (summary.wanted, summary.verified, summary.fetched, summary.already) == (8, 8, 8, 0)
    assert summary.bytes == archive.served == sum(map(len, archive.files.values()))
    assert "8 of 8 files are there and verified" in str(summary)
    found = row(tmp_path)
    assert (found.status, found.attempts, found.error) == ("verified", 1, None)
    assert (found.url, found.bytes) == (archive.url + PATHS[0], len(archive.files[PATHS[0]]))
    assert len(found.sha256) == 64
    assert not list(tmp_path.rglob("*.part"))


def test_connections_are_as_many_as_jobs(get, archive):
    archive.pause = 0.005
    get(jobs=3)
    assert archive.most_at_once <= 3
    assert archive.connections <= 3


def test_nothing_is_fetched_twice(get, archive):
    get()
    again = get()
    assert (again.verified, again.fetched, again.already, again.bytes) == (8, 0, 8, 0)
    assert max(archive.asked.values()) == 1


def test_only_what_is_asked_for_is_fetched(get, archive, tmp_path):
    get(PAIRS[:3])
    summary = get(PAIRS[2:4])
    assert (summary.wanted, summary.fetched, summary.already) == (2, 1, 1)
    assert set(contents(tmp_path)) == set(PATHS[:4])


def test_a_file_that_was_deleted_or_cut_comes_again(get, archive, tmp_path):
    get()
    (tmp_path / PATHS[0]).unlink()
    (tmp_path / PATHS[1]).write_bytes(b"SIMPLE  =")
    assert get().fetched == 2
    assert contents(tmp_path) == archive.files


def test_a_file_that_lies_there_is_taken_if_it_is_good(get, archive, tmp_path):
    """A run may have been killed after the file took its name and before the manifest said so."""
    for path in PATHS[:2]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / PATHS[0]).write_bytes(archive.files[PATHS[0]])
    (tmp_path / PATHS[1]).write_bytes(archive.files[PATHS[1]][:-1])
    assert get().complete
    assert contents(tmp_path) == archive.files
    assert archive.asked[PATHS[0]] == 0


def test_what_the_archive_lacks_is_not_asked_for_again(get, archive, tmp_path):
    del archive.files[PATHS[0]]
    summary = get()
    assert (summary.absent, summary.failed, summary.complete) == (1, 0, False)
    assert f"{PATHS[0]}: absent, no archive has it" in str(summary)
    assert "1 absent from the archive" in str(summary)
    get()
    assert archive.asked[PATHS[0]] == 1
    get(ask_again=True)
    assert archive.asked[PATHS[0]] == 2
    assert row(tmp_path).url == archive.url


def test_what_another_archive_may_have_is_asked_for_there(get, archive, tmp_path):
    content = archive.files.pop(PATHS[0])
    with FaultyArchive({PATHS[0]: content}) as mirror:
        assert not get().complete
        assert get(archives=(archive.url, mirror.url)).complete
        assert sum(mirror.asked.values()) == 1
        assert row(tmp_path).url == mirror.url + PATHS[0]


def test_a_recent_image_may_still_come(get, archive):
    recent = (np.datetime64("now", "m") - np.timedelta64(2, "D"), 171)
    path = layout.path(*recent)
    assert get([recent]).absent == 1
    archive.files[path] = small_fits(*recent)
    assert get([recent]).complete
    assert archive.asked[path] == 2


@pytest.mark.parametrize("first", [0, 1])
def test_a_dead_mirror_does_not_hold_up_what_the_archive_lacks(
    get, archive, tmp_path, hasty, first
):
    del archive.files[PATHS[0]]
    # Waiting for the mirror would take an hour.
    slow = dataclasses.replace(hasty, first_rest=3600.0, longest_rest=3600.0)
    both = (archive.url, NOWHERE)[:: -1 if first else 1]
    summary = get(archives=both, patience=slow)
    assert (summary.verified, summary.absent) == (7, 1)
    host = archive.url.split("/")[2]
    assert row(tmp_path).error == f"absent at {host}; 127.0.0.1:1 did not answer"
    assert archive.asked[PATHS[0]] == 1  # not in the second turn, nor in a later run
    with FaultyArchive({PATHS[0]: small_fits(*PAIRS[0])}) as mirror:
        assert get(archives=(archive.url, mirror.url)).complete
    assert archive.asked[PATHS[0]] == 1


def test_a_mirror_that_failed_once_has_a_second_turn(get, archive):
    content = archive.files.pop(PATHS[0])
    with FaultyArchive({PATHS[0]: content}) as mirror:
        mirror.script = {PATHS[0]: ["busy"]}
        assert get(archives=(archive.url, mirror.url)).complete
        assert mirror.asked[PATHS[0]] == 2


def test_a_file_that_one_archive_has_wrong_is_not_absent(get, archive, tmp_path):
    with FaultyArchive({}) as mirror:
        archive.script = {PATHS[0]: ["flipped", "busy"] * 99}
        get(PAIRS[:1], (mirror.url, archive.url))
    assert row(tmp_path).status in ("refused", "failed")


def test_errors_alone_are_no_answer(get, archive, hasty):
    archive.script = {path: ["busy"] * 100_000 for path in PATHS}
    soon = dataclasses.replace(hasty, first_contact=0.2, attempts=100_000)
    with pytest.raises(UnreachableError, match="No archive answered, or only with errors"):
        get(patience=soon)
    archive.script, archive.later = {PATHS[0]: ["later"]}, "1"
    assert get(PAIRS[:1], patience=soon).complete  # one that says when to come again is there


@pytest.mark.parametrize(
    "fault", ["flipped", "another time", "other channel", "page", "too short", "busy"]
)
def test_a_wrong_answer_sends_us_to_the_next_archive(get, archive, tmp_path, fault):
    archive.script = {PATHS[0]: [fault] * 99}
    with FaultyArchive(archive.files) as mirror:
        assert get(archives=(archive.url, mirror.url)).complete
        assert mirror.asked[PATHS[0]] == 1
    assert contents(tmp_path) == archive.files
    assert row(tmp_path).url == mirror.url + PATHS[0]
    assert row(tmp_path).error.startswith("127.0.0.1:")  # the last one stays on record


def test_an_archive_that_is_down_is_left_alone(get, archive, tmp_path):
    assert get(archives=(NOWHERE, archive.url)).complete
    assert contents(tmp_path) == archive.files


def test_a_file_that_is_wrong_in_the_archive_is_refused_and_recorded(get, archive, tmp_path):
    archive.files[PATHS[0]] = archive.files[PATHS[0]][:-2880] + bytes(2880)
    summary = get()
    assert (summary.refused, summary.verified) == (1, 7)
    assert archive.asked[PATHS[0]] == 3  # then it is clear that it will not change
    assert not (tmp_path / PATHS[0]).exists()
    assert row(tmp_path).status == "refused"
    assert "DATASUM does not match" in row(tmp_path).error


def test_a_file_that_never_comes_fails_and_is_recorded(get, archive, tmp_path, hasty):
    archive.script = {PATHS[0]: ["busy"] * 99}
    summary = get()
    assert (summary.failed, summary.verified) == (1, 7)
    assert row(tmp_path).status == "failed"
    assert "status 429" in row(tmp_path).error
    assert archive.asked[PATHS[0]] == row(tmp_path).attempts == 2 * hasty.attempts  # two turns
    archive.script = {}
    assert get().complete
    assert row(tmp_path).attempts == 2 * hasty.attempts + 1


def test_without_a_network_the_hosts_are_named(get, tmp_path, hasty):
    hosts = ("http://127.0.0.1:1/a", "http://127.0.0.1:2/b")
    soon = dataclasses.replace(hasty, first_contact=0.1, attempts=10_000)
    for patience in (hasty, soon):
        with pytest.raises(
            UnreachableError, match=r"No archive answered.*127.0.0.1:1, 127.0.0.1:2"
        ):
            get(PAIRS[:2], hosts, patience, tmp_path / str(patience.attempts))


def test_an_outage_ends_the_run_at_last(get, archive, hasty):
    archive.script = {path: ["close"] * 100_000 for path in PATHS[1:]}
    patience = dataclasses.replace(hasty, outage=0.3, attempts=100_000)
    with pytest.raises(UnreachableError, match=r"gave anything for 0\.0 hours"):
        get(patience=patience)
    archive.script = {}
    assert get().complete


def test_two_runs_at_once_share_the_work(get, archive, tmp_path, hasty):
    archive.pause = 0.003
    patience = dataclasses.replace(hasty, claim=60.0)  # neither takes the other for dead
    pairs = [(slot, 171) for slot in slots(40)]
    archive.files = {layout.path(*pair): small_fits(*pair) for pair in pairs}
    summaries = []

    def run():
        summaries.append(get(pairs, patience=patience))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(summary.complete for summary in summaries)
    assert sum(summary.fetched for summary in summaries) == 40
    assert max(archive.asked.values()) == 1
    assert contents(tmp_path) == archive.files


def test_a_run_that_slept_leaves_the_file_to_the_one_that_took_over(archive, tmp_path, hasty):
    with Manifest(tmp_path / NAME) as manifest:
        manifest.add(PAIRS)
        sleeper, other = manifest.begin_run(), manifest.begin_run()
        shared = Shared(tmp_path, manifest, sleeper, (archive.url,), None, hasty)
        claimed = manifest.claim(PATHS[0], sleeper, 60)
        assert manifest.claim(PATHS[0], other, -1).run == other
        connection = Connection(hasty, shared.stop)
        assert retrieve(shared, claimed, connection, None) is None
        connection.close()
        assert manifest.row(PATHS[0]).run == other
    assert contents(tmp_path) == {}


def test_the_rate_is_measured(get, tmp_path, archive):
    get()
    with Manifest(tmp_path / NAME) as manifest:
        assert manifest.rate().bytes_per_second > 0
        assert manifest.mean_bytes()[94] == len(archive.files[PATHS[0]])


def test_real_files_of_the_archives_size(real_data, tmp_path, hasty):
    files = sorted((real_data / "aia_synoptic_20140101").glob("*.fits"))
    pairs = [layout.identify(file) for file in files]
    served = {layout.path(*pair): f.read_bytes() for pair, f in zip(pairs, files, strict=True)}
    with FaultyArchive(served, share=0.5, seed=5) as archive:
        summary = fetch(pairs, tmp_path, [archive.url], patience=hasty, progress=False)
    assert summary.complete
    assert contents(tmp_path) == served


def test_nothing_asked_for_is_complete(get):
    assert get([]).complete


def test_bad_requests(get, tmp_path):
    with pytest.raises(ValueError, match=r"at least one address such as https.*Received: none"):
        get(archives=())
    for wrong in ("jsoc1.stanford.edu/data", "ftp://a.org/", "http://"):
        with pytest.raises(ValueError, match=f"Received: '{wrong}'.*with http"):
            get(archives=(NOWHERE, wrong))
    with pytest.raises(ValueError, match=r"jobs of at least 1\. Received: jobs=0"):
        get(jobs=0)
    with pytest.raises(ValueError, match="no channel 172"):
        get([(PAIRS[0][0], 172)])


def test_a_folder_that_cannot_be_written_is_named(get, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file/raw cannot be written: Not a directory.*Make room"):
        get(folder=tmp_path / "file" / "raw")
