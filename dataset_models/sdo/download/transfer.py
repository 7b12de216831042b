"""One answer of a server, written to a part file that a later answer can continue."""

import contextlib
import importlib.metadata
import pathlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator

import requests
import urllib3

from dataset_models.sdo.download.checks import (
    FIRST_BYTES,
    RefusedFileError,
    has_headers,
    wrong_beginning,
)
from dataset_models.sdo.download.patience import Patience, retry_after

BLOCK = 65536  # bytes at most that are read before they are written
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_NETWORK = (requests.RequestException, urllib3.exceptions.HTTPError)


class TransferError(Exception):
    """An answer that did not bring the whole file; another one may."""


class NoAnswerError(TransferError):
    """No connection, or one that ended before any answer."""


class CutShortError(TransferError):
    """An answer that ended or stalled on the way; `gained` tells whether it brought any bytes."""

    def __init__(self, message, gained):
        super().__init__(message)
        self.gained = gained


class BusyError(TransferError):
    """A status other than success; `pause` is the wait (s) that the server asks for, or None."""

    def __init__(self, message, pause):
        super().__init__(message)
        self.pause = pause


class AbsentError(TransferError):
    """The server says that it has no such file: status 404 or 410."""


class Part:
    """The beginning of a file, as far as it came.

    Args:
        path: the part file.
        url: that its bytes are from.
        validator: ETag or Last-Modified of what they are from; None where they cannot be trusted
            to go with what a later answer brings.
    """

    def __init__(self, path: pathlib.Path, url: str | None = None, validator: str | None = None):
        self.path, self.url, self.validator = path, url, validator

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def request(self, url: str) -> dict[str, str]:
        """Request headers that ask for the rest, where `url` can give it; else none.

        FITS headers that came in part are asked for anew: nothing guards them, and the beginning
        of another file's, which an archive gave by mistake, must not be completed with this one's.
        """
        if url != self.url or not self.validator or not self.has_headers():
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": self.validator}

    def has_headers(self) -> bool:
        """Whether the FITS headers are there, up to that of the image."""
        return self.path.exists() and has_headers(self.path.read_bytes())

    def discard(self) -> None:
        """Deletes what is there."""
        self.path.unlink(missing_ok=True)
        self.url = self.validator = None


class Connection:
    """One connection at a time, for one thread.

    Args:
        patience: a `Patience`.
        stop: breaks an answer off when it is set.

    Attributes:
        moved: bytes of files received so far.
    """

    def __init__(self, patience: Patience, stop: threading.Event):
        self.patience, self.stop, self.moved = patience, stop, 0
        self._session = requests.Session()
        # As they lie on the server: a compressed answer has another length, and no ranges.
        self._session.headers.update({"User-Agent": user_agent(), "Accept-Encoding": "identity"})
        self._adapter = _Adapter()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, self._adapter)

    def close(self) -> None:
        """Ends the connection."""
        self._session.close()

    def hang_up(self) -> None:
        """Ends what another thread waits for, once `stop` is set: a silent server holds nobody."""
        if self._adapter.socket is not None:
            with contextlib.suppress(OSError):  # closed already
                socket.socket.shutdown(self._adapter.socket, socket.SHUT_RDWR)

    def fetch(self, url: str, part: Part, note: Callable[[Part, int | None], None]) -> int | None:
        """Adds to a part file what it still lacks; or begins it anew, where it must.

        Args:
            url: of the file.
            part: what is there; a wrong answer that is recognised at once leaves it as it is.
            note: is called with the part and the length of the whole file (None: not known) before
                bytes are written.

        Returns:
            The length of the whole file as the server says it, bytes; None where it does not.

        Raises:
            TransferError: the file is not whole; one of the subclasses above.
            RefusedFileError: the answer is not a FITS file.
            OSError: the part file cannot be written.
        """
        with self._ask(url, part) as answer:
            if answer.status_code == 416:
                return _complete(answer, part)
            _refuse_status(answer)
            start, length = _place(answer, part)
            self._write(url, answer, part, start, length, note)
        if length is not None and part.size < length:
            raise CutShortError(f"closed after {part.size} of {length} bytes", part.size > start)
        return length

    def _ask(self, url, part):
        if self.stop.is_set():
            raise CutShortError("stopped", False)
        timeout = (self.patience.connect_timeout, self.patience.read_timeout)
        try:
            headers = part.request(url)
            return self._session.get(url, headers=headers, stream=True, timeout=timeout)
        except _NETWORK as error:
            raise NoAnswerError(_words(error)) from error

    def _write(self, url, answer, part, start, length, note):
        blocks = self._blocks(answer, time.monotonic())
        if start == 0:
            blocks = _only_fits(blocks, url)
            first = next(blocks)  # before the old part is given up
            part.discard()
            part.url, part.validator = url, _validator(answer)
            note(part, length)
            blocks = _chain(first, blocks)
        part.path.parent.mkdir(parents=True, exist_ok=True)
        with part.path.open("ab") as file:
            for block in blocks:
                file.write(block)
                file.flush()  # a kill loses nothing that has arrived

    def _blocks(self, answer, begun) -> Iterator[bytes]:
        gained = False
        while True:
            if self.stop.is_set():
                raise CutShortError("stopped", gained)
            try:
                block = answer.raw.read1(BLOCK, decode_content=False)
            except _NETWORK as error:
                raise CutShortError(_words(error), gained) from error
            if not block:
                return
            gained = True
            self.moved += len(block)
            yield block
            if time.monotonic() - begun > self.patience.longest_answer:
                limit = f"{self.patience.longest_answer:.0f} s"
                raise CutShortError(f"trickled for more than {limit}", gained)


class _Adapter(requests.adapters.HTTPAdapter):
    """Keeps one connection, and knows its socket."""

    def __init__(self):
        super().__init__(pool_connections=1, pool_maxsize=1)
        self.socket = None

    def get_connection_with_tls_context(self, *arguments, **options):
        pool = super().get_connection_with_tls_context(*arguments, **options)
        if not issubclass(pool.ConnectionCls, _Noted):
            bases = (_Noted, pool.ConnectionCls)
            pool.ConnectionCls = type("NotedConnection", bases, {"adapter": self})
        return pool


class _Noted:
    """A connection of urllib3 that tells its adapter which socket it uses."""

    def connect(self):
        super().connect()
        self.adapter.socket = self.sock


def user_agent() -> str:
    """How the program names itself to servers."""
    try:
        version = importlib.metadata.version("flarenet")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        version = "0"
    return f"FlareNet/{version} (research on solar flares; python-requests/{requests.__version__})"


def _refuse_status(answer):
    status = answer.status_code
    if status in (404, 410):
        raise AbsentError(f"status {status}: not there")
    if status >= 400:
        pause = retry_after(answer.headers.get("Retry-After"))
        raise BusyError(f"status {status} {answer.reason}", pause)
    if status not in (200, 206):
        raise RefusedFileError(answer.url, f"status {status}, expected 200 or 206")


def _place(answer, part):
    """First byte that the answer holds, and length of the whole file or None."""
    if answer.status_code == 200:
        length = answer.headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() else None
    given = answer.headers.get("Content-Range", "")
    found = _RANGE.fullmatch(given)
    if not found or found[1] is None or int(found[1]) != part.size:
        size = part.size
        part.discard()
        raise RefusedFileError(answer.url, f"Content-Range is {given!r}, expected from byte {size}")
    return part.size, None if found[2] == "*" else int(found[2])


def _complete(answer, part):
    """Length of the file, where a part turns out to be all of it; status 416."""
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if found and found[2] == str(part.size):
        return part.size
    part.discard()
    raise CutShortError("status 416: the part is longer than the file; begun anew", False)


def _validator(answer):
    etag = answer.headers.get("ETag")
    if etag and not etag.startswith("W/"):  # If-Range takes strong ones only: RFC 9110, 13.1.5
        return etag
    return answer.headers.get("Last-Modified")


def _only_fits(blocks, url):
    beginning = b""
    for block in blocks:
        beginning += block
        if len(beginning) >= len(FIRST_BYTES):
            break
    reason = wrong_beginning(beginning)
    if reason:
        raise RefusedFileError(url, reason)
    yield beginning
    yield from blocks


def _chain(first, others):
    yield first
    yield from others


def _words(error):
    """What went wrong, without the addresses in memory that urllib3 puts in."""
    return re.sub(r"<[^>]* at 0x[0-9a-f]+>:? ?", "", " ".join(str(error).split()))
