"""A server on 127.0.0.1 that answers as the JSOC's jsoc_info does, from tables of a test."""

import contextlib
import http.server
import json
import re
import threading
import urllib.parse

SPAN = re.compile(r"(?P<series>[\w.]+)(?:\[\])?\[(?P<start>\S+?)-(?P<end>\S+?)@(?P<minutes>\d+)m\]")


@contextlib.contextmanager
def server_of(series, broken=""):
    """Serves `series`, name -> list of records (dicts of texts), until the block ends.

    Gives the address for `sharp_keywords.jsoc`, and a list that grows by the `ds` of each query.
    With `broken` it answers that text to everything.
    """
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
            asked.append(query["ds"])
            body = (broken or json.dumps(answer(series, query))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/cgi-bin/ajax/", asked
        finally:
            server.shutdown()
            thread.join()


def answer(series, query):
    """What jsoc_info says to op=rs_list: a list of texts for each keyword.

    T_REC is the second prime key of the series of regions, and the first one of the full disk's.
    """
    span = SPAN.fullmatch(query["ds"])
    if query["op"] != "rs_list" or not span or span["series"] not in series:
        return {"status": 4, "error": f"Invalid record set {query['ds']}"}
    records = [r for r in series[span["series"]] if span["start"] <= r["T_REC"] < span["end"]]
    records = [r for r in records if _minute(r["T_REC"]) % int(span["minutes"]) == 0]
    keys = query["key"].split(",")
    if not records:
        return {"status": 0, "count": 0}
    columns = [{"name": k, "values": [r.get(k, "MISSING") for r in records]} for k in keys]
    return {"status": 0, "count": len(records), "keywords": columns}


def _minute(stamp):
    """Of its TAI day; all spans begin with one."""
    hour, minute = stamp.split("_")[1].split(":")[:2]
    return 60 * int(hour) + int(minute)


def record(harp, stamp, longitude=10.0, quality="0x00000000", **values):
    """One record as the JSOC writes it; keywords that are not given are 1."""
    from dataset_models.sdo.side_channels import HAND_TAILORED

    return {
        **dict.fromkeys(HAND_TAILORED, "1.0"),
        **{"HARPNUM": str(harp), "T_REC": stamp, "QUALITY": quality, "CMASK": "100"},
        **{"LON_FWT": str(longitude)},
        **{name: str(value) for name, value in values.items()},
    }
