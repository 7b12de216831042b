"""One answer of a server, and the part file that it leaves."""

import socket
import threading

import numpy as np
import pytest

from dataset_models.sdo.download import archive as layout
from dataset_models.sdo.download import patience, transfer
from dataset_models.sdo.download.checks import RefusedFileError
from dataset_models.sdo.download.transfer import Connection, Part
from software_tests.dataset_models.download.faulty_archive import (
    FaultyArchive,
    data_begin,
    small_fits,
)

SLOT = np.datetime64("2014-01-01T00:00", "m")
PATH = layout.path(SLOT, 171)
TRUTH = small_fits(SLOT, 171)


class Client:
    """A connection, a part, and what was noted."""

    def __init__(self, archive, folder, hasty):
        self.archive, self.stop = archive, threading.Event()
        self.connection = Connection(hasty, self.stop)
        self.part, self.notes = Part(folder / "hour" / "part"), []

    def fetch(self, path=PATH):
        def note(part, length):
            self.notes.append((part.url, part.validator, length))

        return self.connection.fetch(self.archive.url + path, self.part, note)

    def ask(self, error, match):
        with pytest.raises(error, match=match) as caught:
            self.fetch()
        return caught.value

    @property
    def content(self):
        return self.part.path.read_bytes()


@pytest.fixture
def archive():
    with FaultyArchive({PATH: TRUTH}) as found:
        yield found


@pytest.fixture
def client(archive, tmp_path, hasty):
    found = Client(archive, tmp_path, hasty)
    yield found
    found.connection.close()


def test_a_whole_answer(client, archive):
    assert client.fetch() == len(TRUTH)
    assert client.content == TRUTH
    assert client.connection.moved == archive.served == len(TRUTH)
    assert client.notes == [(archive.url + PATH, client.part.validator, len(TRUTH))]
    assert client.part.validator.startswith('"')


def test_requests_are_polite(client, archive):
    client.fetch()
    assert archive.headers[0]["User-Agent"].startswith("FlareNet/")
    assert archive.headers[0]["Accept-Encoding"] == "identity"
    assert "Range" not in archive.headers[0]


def test_one_connection_serves_many_files(client, archive):
    for _ in range(3):
        client.part.discard()
        client.fetch()
    assert archive.connections == 1


@pytest.mark.parametrize("fault", ["drop", "stall", "too long"])
def test_the_rest_is_fetched_after_an_answer_that_ended_early(client, archive, fault):
    archive.script = {PATH: [fault]}
    assert client.ask(transfer.CutShortError, ".").gained
    beginning = client.content
    assert TRUTH.startswith(beginning)
    assert client.fetch() == len(TRUTH)
    assert client.content == TRUTH
    assert archive.headers[1]["Range"] == f"bytes={len(beginning)}-"
    assert archive.headers[1]["If-Range"] == client.part.validator
    assert archive.served == len(TRUTH)  # no byte twice


def test_a_file_that_changed_meanwhile_is_begun_anew(client, archive):
    archive.script = {PATH: ["drop"]}
    client.ask(transfer.CutShortError, "closed after|IncompleteRead|Connection broken")
    archive.files[PATH] = newer = small_fits(SLOT, 193)
    assert client.fetch() == len(newer)
    assert client.content == newer


def test_a_server_without_ranges(client, archive):
    archive.ranges, archive.script = False, {PATH: ["drop"]}
    client.ask(transfer.CutShortError, ".")
    client.fetch()
    assert client.content == TRUTH


def test_a_part_that_nothing_identifies_is_not_continued(client, archive):
    archive.named, archive.script = False, {PATH: ["drop"]}
    client.ask(transfer.CutShortError, ".")
    client.fetch()
    assert "Range" not in archive.headers[1]
    assert client.content == TRUTH


def test_a_part_of_another_archive_is_not_continued(client, archive):
    archive.script = {PATH: ["drop"]}
    client.ask(transfer.CutShortError, ".")
    client.part.url = "http://elsewhere/"
    client.fetch()
    assert "Range" not in archive.headers[1]
    assert client.content == TRUTH


def test_the_beginning_of_another_file_is_not_completed_with_this_one(client, archive):
    """Its headers stop before WAVELNTH: all that would tell the two apart."""
    client.fetch()
    other = small_fits(SLOT, 193)
    assert other[:4096] != TRUTH[:4096]
    assert b"WAVELNTH" not in other[:4096]
    client.part.path.write_bytes(other[:4096])
    client.fetch()
    assert client.content == TRUTH


@pytest.mark.parametrize("compressed", [True, False])
def test_headers_come_from_one_answer(client, archive, compressed):
    content = small_fits(SLOT, 171, compressed=compressed)
    begin = data_begin(content)
    archive.files[PATH] = content
    client.fetch()
    validator = client.part.validator
    for size in range(0, begin, 160):
        client.part.path.write_bytes(content[:size])
        assert client.part.request(client.part.url) == {}
    for size in (begin, begin + 1, len(content)):
        client.part.path.write_bytes(content[:size])
        asked = {"Range": f"bytes={size}-", "If-Range": validator}
        assert client.part.request(client.part.url) == asked


def test_broken_headers_are_asked_for_anew(client, archive):
    client.fetch()
    value = TRUTH.index(b"NAXIS   =") + 10
    broken = TRUTH[:value] + b"\0 no number \0".rjust(20) + TRUTH[value + 20 :]
    client.part.path.write_bytes(broken[:12_000])
    client.fetch()
    assert "Range" not in archive.headers[1]
    assert client.content == TRUTH


def test_a_page_in_place_of_the_rest_leaves_the_part(client, archive):
    archive.script = {PATH: ["drop", "page"]}
    client.ask(transfer.CutShortError, ".")
    beginning = client.content
    client.ask(RefusedFileError, "a page .*not a FITS file")
    assert client.content == beginning
    client.fetch()
    assert client.content == TRUTH
    assert archive.served - archive.wasted == len(TRUTH)


def test_a_rest_of_another_place_is_refused(client, archive):
    archive.script = {PATH: ["drop", "shifted"]}
    client.ask(transfer.CutShortError, ".")
    client.ask(RefusedFileError, r"Content-Range is 'bytes \d+-\d+/\d+', expected from byte \d+")
    client.fetch()
    assert client.content == TRUTH


def test_a_part_that_is_longer_than_the_file(client, archive):
    client.fetch()
    client.part.path.write_bytes(TRUTH + b"x")
    client.ask(transfer.CutShortError, "status 416")
    client.fetch()
    assert client.content == TRUTH


def test_a_file_that_is_not_there(client, archive):
    del archive.files[PATH]
    client.ask(transfer.AbsentError, "status 404")


@pytest.mark.parametrize(("later", "pause"), [("120", 120), ("0", 0), ("soon", None)])
def test_a_busy_server_says_how_long(client, archive, later, pause):
    archive.later, archive.script = later, {PATH: ["later", "busy"]}
    assert client.ask(transfer.BusyError, "status 503").pause == pause
    assert client.ask(transfer.BusyError, "status 429").pause is None


def test_a_busy_server_may_name_a_time(client, archive, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1389174244.0)  # 2014-01-08T09:44:04
    archive.later, archive.script = "Wed, 08 Jan 2014 09:44:14 GMT", {PATH: ["later"]}
    assert client.ask(transfer.BusyError, "status 503").pause == 10


def test_no_answer(client, archive):
    archive.script = {PATH: ["close"]}
    client.ask(transfer.NoAnswerError, "Connection aborted")
    with pytest.raises(transfer.NoAnswerError, match="refused") as caught:
        client.connection.fetch("http://127.0.0.1:1/x", client.part, print)
    assert " at 0x" not in str(caught.value)


def test_a_trickle_is_broken_off(archive, tmp_path):
    client = Client(archive, tmp_path, patience.Patience(longest_answer=0.0))
    assert client.ask(transfer.CutShortError, "trickled for more than 0 s").gained
    client.connection.close()


def test_a_silent_server_does_not_hold_up_a_stop(tmp_path):
    stop, ends = threading.Event(), []
    connection = Connection(patience.Patience(read_timeout=600.0), stop)

    def ask(url):
        with pytest.raises(transfer.TransferError) as caught:
            connection.fetch(url, Part(tmp_path / "part"), print)
        ends.append(caught.value)

    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.fits"
        thread = threading.Thread(target=ask, args=(url,), daemon=True)
        thread.start()
        with server.accept()[0] as client:
            assert client.recv(4096).startswith(b"GET /a.fits")  # and no answer
            stop.set()
            connection.hang_up()
            thread.join(30)
    connection.close()
    assert len(ends) == 1


def test_a_stop_breaks_off(client):
    client.stop.set()
    assert not client.ask(transfer.CutShortError, "stopped").gained
    assert not client.part.path.exists()
