"""A small archive on 127.0.0.1 that answers some of its requests wrongly."""

import collections
import contextlib
import http.server
import io
import math
import pathlib
import random
import re
import socket
import threading
import time

import numpy as np
from astropy.io import fits

from dataset_models.sdo.download import archive

FAULTS = (
    *("close", "stall", "drop", "too long", "too short", "page", "busy", "later"),
    *("other channel", "another time", "flipped"),
)
STALL_SECONDS = 6.0  # longer than the read timeout of the tests
MODIFIED = "Wed, 08 Jan 2014 09:44:14 GMT"
PAGE = b"<!DOCTYPE html><html><body><h1>Too many requests</h1></body></html>" * 20
_TEMPLATES = {}


def slots(number, start="2014-01-01T00:00", minutes=2):
    return np.datetime64(start, "m") + minutes * np.arange(number)


def small_fits(slot, channel, size=64, compressed=True, **cards):
    """Bytes of a file as in the archive: RICE in HDU 1 or plain, with DATASUM, and nan cards."""
    key = (channel, size, compressed)
    if key not in _TEMPLATES:
        _TEMPLATES[key] = _template(*key)
    stamp = str(np.datetime64(slot, "m")).encode() + b":12.34Z"
    content = _TEMPLATES[key].replace(b"2014-01-01T00:00:12.34Z", stamp)
    if not cards:
        return content
    with fits.open(io.BytesIO(content), disable_image_compression=True) as units:
        units[-1].header.update(cards)
        stream = io.BytesIO()
        units.writeto(stream, output_verify="silentfix")
    return stream.getvalue()


def _template(channel, size, compressed):
    counts = np.random.default_rng(channel).normal(300, 20, (size, size)).astype("int32")
    header = fits.Header({"TELESCOP": "SDO/AIA", "INSTRUME": "AIA_3", "WAVELNTH": channel})
    header.update({"T_OBS": "2014-01-01T00:00:12.34Z", "EXPTIME": 2.0, "QUALITY": 0})
    header.update({"CDELT1": 2457.6 / size, "CDELT2": 2457.6 / size, "RSUN_OBS": 975.96})
    header.update({"CRPIX1": (size + 1) / 2, "CRPIX2": (size + 1) / 2, "CTYPE1": "HPLN-TAN"})
    header.update({"CTYPE2": "HPLT-TAN", "CUNIT1": "arcsec", "CUNIT2": "arcsec"})
    header.update({"CRVAL1": 0.0, "CRVAL2": 0.0, "DSUN_OBS": 1.47e11, "HGLN_OBS": 0.0})
    header.update({"HGLT_OBS": -3.0, "OSCNMEAN": "nan", "AECTYPE": 0, "WAVEUNIT": "angstrom"})
    if compressed:
        units = [fits.PrimaryHDU(), fits.CompImageHDU(counts, header, compression_type="RICE_1")]
    else:
        units = [fits.PrimaryHDU(counts, header)]
    stream = io.BytesIO()
    fits.HDUList(units).writeto(stream, checksum=True)
    content = stream.getvalue()
    # As in the archive: a bare nan, and a CHECKSUM that does not match since cards were changed.
    content = content.replace(b"HDU checksum updated", b"hdu checksum updated")
    return content.replace(b"OSCNMEAN= 'nan     '" + b" " * 10, b"OSCNMEAN=" + b"nan".rjust(21), 1)


class FaultyArchive:
    """Serves files, with a fault in a share of the answers; use it in a `with` statement.

    Which answer is faulty depends on the seed, the file and how often it was asked for, not on the
    order of threads. Bits are flipped in the data: DATASUM guards them, nothing guards the header.

    Attributes:
        url: the archive's address.
        served: bytes of file bodies sent.
        wasted: of them, those that no client could use, by a fault; with the beginning that the
            client had, where the fault comes in the rest of it. An answer that ends within the
            headers is of no use.
        asked: Counter of requests for each file.
        faults_made: Counter of faults.
        connections: number of connections that were opened.
        most_at_once: the most requests that were under way at the same time.
        held: event, set once an answer was held back.
    """

    def __init__(
        self, files, share=0.0, seed=0, faults=FAULTS, ranges=True, pause=0.0, later="0", named=True
    ):
        self.files, self.share, self.seed, self.faults = dict(files), share, seed, faults
        self.ranges, self.pause, self.later, self.named = ranges, pause, later, named
        self.served = self.wasted = self.connections = self.busy = self.most_at_once = 0
        self.asked, self.faults_made = collections.Counter(), collections.Counter()
        self.headers, self.script, self.open = [], {}, set()
        self.lock, self.closing = threading.Lock(), threading.Event()
        self.limit, self.held, self.client_ended = math.inf, threading.Event(), threading.Event()

    @classmethod
    def of(cls, pairs, size=64, **options):
        """An archive of small files, one for each pair of slot and channel."""
        pairs = list(pairs)
        files = {archive.path(*pair): small_fits(*pair, size=size) for pair in pairs}
        return cls(files, **options)

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"archive": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/synoptic/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.server.shutdown()
        with self.lock:
            for connection in self.open:  # clients that keep theirs open
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
        self.server.server_close()
        self.thread.join()

    @contextlib.contextmanager
    def holding_back(self, served):
        """Once so many bytes were served no more come, and what was held back breaks off.

        What a test does to its client in the block thus always comes before the client is done.
        """
        self.held.clear()
        self.client_ended.clear()
        self.limit = served
        try:
            yield
        finally:
            self.limit = math.inf
            self.client_ended.set()

    def count(self, size, useless):
        """Enters a block that is about to be sent, or breaks off its answer."""
        with self.lock:
            if held := self.served >= self.limit:
                self.held.set()
            else:
                self.served += size
                self.wasted += size * useless
        if held:
            self.client_ended.wait()
            raise ConnectionAbortedError

    def fault(self, path):
        """The fault of the next answer to a request for this file, or None."""
        with self.lock:
            count = self.asked[path]
            self.asked[path] += 1
        if path in self.script:
            return self.script[path][count] if count < len(self.script[path]) else None
        rng = random.Random(f"{self.seed} {path} {count}")
        return rng.choice(self.faults) if rng.random() < self.share else None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    archive = None

    def setup(self):
        super().setup()
        with self.archive.lock:
            self.archive.connections += 1
            self.archive.open.add(self.connection)

    def finish(self):
        with self.archive.lock:
            self.archive.open.remove(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        with contextlib.suppress(OSError):  # the client was killed, or gave up
            super().handle_one_request()
            return
        self.close_connection = True

    def do_GET(self):
        archive = self.archive
        with archive.lock:
            archive.busy += 1
            archive.most_at_once = max(archive.most_at_once, archive.busy)
            archive.headers.append(dict(self.headers))
        try:
            self.answer(self.path.removeprefix("/synoptic/"))
        finally:
            with archive.lock:
                archive.busy -= 1

    def answer(self, path):
        fault = self.archive.fault(path)
        if fault:
            with self.archive.lock:
                self.archive.faults_made[fault] += 1
        if fault == "close":
            self.close_connection = True
        elif fault in ("busy", "later"):
            after = {"Retry-After": self.archive.later} if fault == "later" else {}
            self.head(429 if fault == "busy" else 503, 0, after)
        elif fault == "page":
            self.body(200, PAGE, fault, 0)
        elif path not in self.archive.files:
            self.head(404, 0, {})
        else:
            self.file(path, self.archive.files[path], fault)

    def file(self, path, content, fault):
        start = self.start(content)
        if start >= len(content):
            self.head(416, 0, {"Content-Range": f"bytes */{len(content)}"})
            return
        length = len(content)
        if fault in ("other channel", "another time"):
            content = self.other(path, fault)[:length].ljust(length, b"\0")
        elif fault == "flipped":
            content = _flipped(content, start, random.Random(f"{path} {self.archive.asked[path]}"))
        status = 206 if start else 200
        begin = start + (fault == "shifted")
        extra = {"Content-Range": f"bytes {begin}-{length - 1}/{length}"} if start else {}
        self.body(status, content[start:], fault, start, extra)

    def other(self, path, fault):
        slot, channel = archive.identify(path)
        if fault == "another time":  # the next file's image
            return small_fits(slot + np.timedelta64(2, "m"), channel)
        return small_fits(slot, 193 if channel != 193 else 211)

    def start(self, content):
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        good = self.headers.get("If-Range") in (None, self.etag(content))
        return int(found[1]) if found and good and self.archive.ranges else 0

    def etag(self, content):
        return f'"{len(content):x}-{hash(content) & 0xFFFFFF:x}"'

    def head(self, status, length, extra):
        self.send_response(status)
        for name, value in (extra | {"Content-Length": str(length)}).items():
            self.send_header(name, value)
        self.end_headers()

    def body(self, status, content, fault, start, extra=None):
        stated, sent = len(content), content
        if fault == "too long":
            stated += 500
        elif fault == "too short":
            stated = max(1, stated - 700)
            sent = content[:stated]
        elif fault in ("drop", "stall"):
            sent = content[: random.Random(f"{self.path} {start}").randrange(len(content))]
        whole = self.archive.files.get(self.path.removeprefix("/synoptic/"), b"")
        named = {"ETag": self.etag(whole), "Last-Modified": MODIFIED} if self.archive.named else {}
        self.head(status, stated, named | (extra or {}))
        wrong = fault in ("page", "other channel", "another time", "flipped")
        # The rest of another time's file is the same: times stand in the header.
        useless = (wrong and content != whole[start:]) or (fault == "too short" and not start)
        useless |= fault in ("drop", "stall") and start + len(sent) < data_begin(whole)
        for begin in range(0, len(sent), 4096):
            block = sent[begin : begin + 4096]
            self.archive.count(len(block), useless)
            self.wfile.write(block)
            time.sleep(self.archive.pause)
        if useless and fault != "page":
            with self.archive.lock:
                self.archive.wasted += start
        if fault == "stall":
            self.archive.closing.wait(STALL_SECONDS)
        if fault in ("drop", "stall", "too long", "too short"):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_WR)


def _flipped(content, start, rng):
    """One bit of the data turned over, in what is sent."""
    byte = rng.randrange(max(start, data_begin(content)), len(content))
    return content[:byte] + bytes([content[byte] ^ 1 << rng.randrange(8)]) + content[byte + 1 :]


def data_begin(content):
    """Where the headers of a FITS file end, and its image begins: bytes."""
    with fits.open(io.BytesIO(content), disable_image_compression=True) as units:
        return units[-1].fileinfo()["datLoc"]


def contents(folder):
    """Path below the folder -> bytes, of all images that lie there."""
    folder = pathlib.Path(folder)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("AIA*.fits")}
