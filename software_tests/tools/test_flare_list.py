import http.server
import json
import threading
import urllib.parse

import numpy as np
import pandas as pd
import pytest

from tools import flare_list
from tools.events import read_events
from tools.label_sources import EventList

NOW = pd.Timestamp("2014-03-20T06:00:00")
PAGE = 2  # flares in one answer; the HEK gives 120 to 200


def entry(start, peak, end, goes_class, region=None, name="SWPC"):
    """A flare as the HEK's JSON holds it, with the fields that sunpy needs."""
    return {
        "event_starttime": start,
        "event_peaktime": peak,
        "event_endtime": end,
        "fl_goescls": goes_class,
        "ar_noaanum": region,
        "frm_name": name,
        "event_type": "FL",
        "obs_observatory": "GOES",
        "event_coordsys": "UTC-HGS-TOPO",
        "event_coordunit": "degrees",
        "event_coord1": -12.0,
        "event_coord2": 34.0,
        "event_coord3": None,
        "hgs_coord": "POINT(-12 34)",
        "hgs_x": -12.0 if region else 0,
        "hgs_y": 34.0 if region else 0,
        "hgs_bbox": "",
        "fl_peakflux": None,
        "fl_peakfluxunit": None,
    }


FLARES = [
    entry("2013-12-31T23:55:00", "2014-01-01T00:05:00", "2014-01-01T00:20:00", "C3.3", 11936),
    entry("2014-01-01T18:40:00", "2014-01-01T18:52:00", "2014-01-01T19:03:00", "M9.9", 11936),
    entry("2014-01-07T18:04:00", "2014-01-07T18:32:00", "2014-01-07T18:58:00", "X1.2", 11944),
    entry("2014-01-07T18:04:00", "2014-01-07T18:32:00", "2014-01-07T18:58:00", "X1.2", 11944),
    entry("2014-01-09T00:00:00", "2014-01-09T00:10:00", "2014-01-09T00:20:00", "B8.1"),
    entry("2014-01-10T00:00:00", "", "2014-01-10T00:20:00", ""),
    entry("2014-01-11T00:00:00", "2014-01-11T00:05:00", "2014-01-11T00:20:00", "C1.0", name="SSW"),
    entry("2014-01-31T23:58:00", "2014-02-01T00:04:00", "2014-02-01T00:10:00", "C1.5", 11967),
    entry("2014-03-12T22:00:00", "2014-03-12T22:34:00", "2014-03-12T22:40:00", "M9.3", 12002),
]


class FakeHEK(http.server.BaseHTTPRequestHandler):
    """Answers as the HEK's `her` does: what touches the asked time, of the asked name, in pages."""

    def do_GET(self):
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        self.server.asked.append(asked)
        if self.server.faults:
            self._send(*self.server.faults.pop(0))
            return
        found = [flare for flare in FLARES if self._fits(flare, asked)]
        first = (int(asked["page"]) - 1) * PAGE
        more = len(found) > first + PAGE
        answer = {"result": found[first : first + PAGE], "overmax": more}
        self._send(200, json.dumps(answer).encode())

    def _fits(self, flare, asked):
        start, end = (
            asked[name].replace(" ", "T") for name in ("event_starttime", "event_endtime")
        )
        name = asked["value0"] if (asked["param0"], asked["op0"]) == ("FRM_Name", "=") else None
        inside = flare["event_endtime"] >= start[:19] and flare["event_starttime"] <= end[:19]
        return asked["event_type"] == "fl" and flare["frm_name"] == name and inside

    def _send(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hek():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeHEK)
    server.asked, server.faults = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/hek/her?"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(folder, hek, start="2014-01-01", end="2014-03-20", now=NOW):
    start, end = (np.datetime64(time, "m") for time in (start, end))
    return flare_list.fetch_flares(folder, start, end, now=now, url=hek.url, pause=0.001)


def months(hek):
    return [asked["event_starttime"][:7] for asked in hek.asked if asked["page"] == "1"]


def test_a_month_is_asked_for_page_by_page(hek):
    table = flare_list.search_month(2014, 1, hek.url)
    # Not the flare that started in December, nor the second X1.2, nor the one without a class, nor
    # the one of another name.
    assert table["goes_class"].to_list() == ["M9.9", "X1.2", "B8.1", "C1.5"]
    assert table["peak"][0] == pd.Timestamp("2014-01-01T18:52")
    assert table["noaa_active_region"].to_list() == [11936, 11944, 0, 11967]
    assert table["hgx"].to_list() == [-12, -12, 0, -12]
    assert set(table["scale"]) == {"operational"}
    assert [asked["page"] for asked in hek.asked] == ["1", "2", "3", "4"]
    assert hek.asked[0]["event_endtime"].startswith("2014-01-31T23:59:59")


def test_flares_without_a_class_are_counted(hek, caplog):
    flare_list.search_month(2014, 1, hek.url)
    assert "2014-01: 1 of 6 flares of the HEK have no GOES class" in caplog.text


def test_the_months_become_one_list(hek, tmp_path, caplog):
    path = fetch(tmp_path, hek)
    assert path == tmp_path / "hek_flares.csv"
    events = read_events(path)
    assert events["goes_class"].to_list() == ["M9.9", "X1.2", "B8.1", "C1.5", "M9.3"]
    # An operational M9.9 is 9.9e-5 / 0.7 W m-2.
    assert events["flux"][0] == pytest.approx(9.9e-5 / 0.7)
    assert events["noaa_active_region"][4] == 12002
    np.testing.assert_array_equal(events["longitude"], [-12, -12, np.nan, -12, -12])
    assert months(hek) == ["2014-01", "2014-02", "2014-03"]
    assert "2014-02: the HEK holds no flare" in caplog.text


def test_what_is_final_is_not_asked_for_again(hek, tmp_path):
    fetch(tmp_path, hek)
    hek.asked.clear()
    path = fetch(tmp_path, hek, now=NOW + pd.Timedelta("1D"))
    assert months(hek) == ["2014-02", "2014-03"]  # February is empty: perhaps the HEK lacks it
    # 2014-03 ends on the 31st, and is final from 7 April on.
    fetch(tmp_path, hek, now=pd.Timestamp("2014-04-08"))
    hek.asked.clear()
    fetch(tmp_path, hek, now=pd.Timestamp("2014-04-09"))
    assert months(hek) == ["2014-02"]
    assert len(read_events(path)) == 5


def test_a_month_without_flares_is_not_covered(hek, tmp_path):
    events = read_events(fetch(tmp_path, hek))
    spans = (
        events[["list_start", "list_end"]].drop_duplicates().to_numpy("datetime64[m]").astype(str)
    )
    # The first and last flares of January and of March, from start to end.
    assert spans.tolist() == [
        ["2014-01-01T18:40", "2014-02-01T00:10"],
        ["2014-03-12T22:00", "2014-03-12T22:40"],
    ]


def test_a_month_without_flares_is_unknown_to_labels_not_quiet(hek, tmp_path):
    events = EventList(read_events(fetch(tmp_path, hek)))
    days = pd.Series(pd.to_datetime(["2014-01-20", "2014-02-10", "2014-03-12"]))
    labels = events.labels(days, 0, 1440, days.dt.strftime("%Y%m%d_%H%M"), days.map(str))
    # January's list is complete then; nobody knows of February; the M9.3 peaks on 12 March.
    np.testing.assert_array_equal(labels["Quiet"], [1, np.nan, 0])
    np.testing.assert_array_equal(labels["In Progress"], [0, np.nan, np.nan])
    assert labels["Coverage"].iloc[1] == 0


def spans(path):
    table = read_events(path)[["list_start", "list_end"]].drop_duplicates()
    return table.to_numpy("datetime64[m]").astype(str).tolist()


def test_months_of_earlier_calls_stay_in_the_list(hek, tmp_path):
    fetch(tmp_path, hek, start="2014-03-01")
    path = fetch(tmp_path, hek, start="2014-01-01", end="2014-01-31")
    assert months(hek) == ["2014-03", "2014-01"]
    assert read_events(path)["goes_class"].to_list() == ["M9.9", "X1.2", "B8.1", "C1.5", "M9.3"]
    assert path.read_text() == fetch(tmp_path / "at once", hek).read_text()


def test_a_damaged_month_of_an_earlier_call_is_left_out(hek, tmp_path, caplog):
    path = fetch(tmp_path, hek)
    january = tmp_path / "hek" / "2014-01.csv"
    whole = january.read_text()
    for number, text in enumerate([whole[:-20], "garbage\n", whole.replace("T18:40", "T18:xx")]):
        january.write_text(text)
        caplog.clear()
        fetch(tmp_path, hek, start="2014-03-01")
        assert "2014-01.csv is left out of the flare list. " in caplog.text, number
        assert read_events(path)["goes_class"].to_list() == ["M9.3"]
    # What else lies there is no month.
    (tmp_path / "hek" / "old.csv").write_text("garbage\n")
    january.write_text(whole)
    fetch(tmp_path, hek, start="2014-03-01")
    assert len(read_events(path)) == 5


def test_the_rest_of_a_month_fetched_before_its_end_is_not_covered(hek, monkeypatch, tmp_path):
    later = entry("2014-02-03T00:00:00", "2014-02-03T00:05:00", "2014-02-03T00:09:00", "C2.0")
    monkeypatch.setitem(globals(), "FLARES", [*FLARES[:4], later])
    fetch(tmp_path, hek, end="2014-01-31", now=pd.Timestamp("2014-01-08"))
    path = fetch(tmp_path, hek, start="2014-02-01", end="2014-02-28")
    january = ["2014-01-01T18:40", "2014-01-07T18:58"]
    assert spans(path) == [january, ["2014-02-03T00:00", "2014-02-03T00:09"]]
    # Asked for anew, it is whole.
    assert spans(fetch(tmp_path, hek, end="2014-02-28")) == [[january[0], "2014-02-03T00:09"]]


@pytest.mark.parametrize("goes_class", ["", "A0.0"])
def test_a_month_without_a_known_class_is_not_covered(hek, monkeypatch, tmp_path, goes_class):
    unknown = entry("2014-02-03T00:00:00", "2014-02-03T00:05:00", "2014-02-03T00:09:00", goes_class)
    monkeypatch.setitem(globals(), "FLARES", [*FLARES, unknown])
    path = fetch(tmp_path, hek)
    assert [start[:7] for start, _ in spans(path)] == ["2014-01", "2014-03"]
    # Nor is one whose file holds entries without a class.
    february = tmp_path / "hek" / "2014-02.csv"
    row = "2014-02-03T00:00:00,2014-02-03T00:05:00,2014-02-03T00:09:00,,0,0,0,operational\n"
    february.write_text(
        "# fetched: 2014-03-20T06:00:00\n" + ",".join(flare_list.COLUMNS) + f"\n{row}"
    )
    fetch(tmp_path, hek, start="2014-03-01")
    assert [start[:7] for start, _ in spans(path)] == ["2014-01", "2014-03"]


def test_a_negative_region_of_the_hek_is_unknown(hek, monkeypatch):
    start, end = "2014-01-01T18:40:00", "2014-01-01T19:03:00"
    monkeypatch.setitem(globals(), "FLARES", [entry(start, start, end, "C2.0", -1)])
    assert flare_list.search_month(2014, 1, hek.url)["noaa_active_region"].to_list() == [0]


def test_a_flare_that_ends_in_another_year_does_not_stretch_the_list(hek, monkeypatch, tmp_path):
    wrong = entry("2014-01-20T00:00:00", "2014-01-20T00:05:00", "2015-01-20T00:10:00", "C2.0")
    monkeypatch.setitem(globals(), "FLARES", [*FLARES, wrong])
    events = read_events(fetch(tmp_path, hek, end="2014-01-31"))
    assert events["list_end"].max() == pd.Timestamp("2014-02-01T00:10")


def test_a_month_fetched_just_after_its_end_is_asked_for_again(hek, tmp_path):
    fetch(tmp_path, hek, end="2014-01-31", now=pd.Timestamp("2014-02-05"))
    hek.asked.clear()
    fetch(tmp_path, hek, end="2014-01-31", now=pd.Timestamp("2014-02-20"))
    assert months(hek) == ["2014-01"]


def test_failures_are_tried_again(hek, tmp_path):
    hek.faults += [(503, b""), (200, b"<html>busy</html>"), (200, b"{}")]
    assert len(read_events(fetch(tmp_path, hek, end="2014-01-31"))) == 4


def test_a_dead_server_is_named_and_months_are_kept(hek, tmp_path):
    fetch(tmp_path, hek, end="2014-01-31")
    hek.faults += [(500, b"")] * 4
    with pytest.raises(
        ConnectionError, match=r"list of 2014-02 could not be fetched from http://127.0.0.1.* 4 att"
    ):
        fetch(tmp_path, hek)
    assert (tmp_path / "hek" / "2014-01.csv").exists()
    hek.asked.clear()
    fetch(tmp_path, hek)
    assert months(hek) == ["2014-02", "2014-03"]


def test_months_fetched_before_a_failure_are_joined(hek, monkeypatch, tmp_path):
    search = flare_list.search_month

    def refused_from_march_on(year, month, url):
        if month >= 3:
            raise OSError("refused")
        return search(year, month, url)

    monkeypatch.setattr(flare_list, "search_month", refused_from_march_on)
    for start in ("2014-01-01", "2014-03-01"):
        # Also where nothing comes, since what lies there was kept by a call that was killed.
        (tmp_path / "hek_flares.csv").unlink(missing_ok=True)
        with pytest.raises(ConnectionError, match="list of 2014-03 could not be fetched"):
            fetch(tmp_path, hek, start=start)
        events = read_events(tmp_path / "hek_flares.csv")
        assert events["goes_class"].to_list() == ["M9.9", "X1.2", "B8.1", "C1.5"]


def test_without_any_month_the_failure_is_told(hek, tmp_path):
    hek.faults += [(500, b"")] * 4
    told = r"2014-01 could not .* --flares \(download_aia.py\) or --events \(v4_find_ys.py\)"
    with pytest.raises(ConnectionError, match=told):
        fetch(tmp_path, hek)
    assert not (tmp_path / "hek_flares.csv").exists()


@pytest.mark.parametrize(
    "text",
    [
        b"start,peak,end,goes_class,scale\n2014-01-01,2014-01-01,,C1.0,physical\n",
        ",".join(flare_list.COLUMNS).encode() + b"\n",
        b"",
        b"\xff\xfe",
    ],
    ids=["another form", "without what it covers", "empty", "no text"],
)
def test_the_users_own_list_is_not_overwritten(hek, tmp_path, text):
    path = tmp_path / "hek_flares.csv"
    path.write_bytes(text)
    assert not flare_list.is_joined(path)
    with pytest.raises(ValueError, match=r"hek_flares.csv is another list.*Move it .*--flares"):
        fetch(tmp_path, hek)
    assert path.read_bytes() == text
    assert not hek.asked


def test_the_joined_list_is_known_by_its_header(hek, tmp_path):
    path = fetch(tmp_path, hek)
    assert flare_list.is_joined(path)
    assert not flare_list.is_joined(tmp_path / "missing.csv")
    assert not flare_list.is_joined(tmp_path / "hek" / "2014-01.csv")
    assert not flare_list.is_joined(tmp_path)
    more = tmp_path / "more.csv"
    pd.read_csv(path).assign(note="mine").to_csv(more, index=False)
    assert not flare_list.is_joined(more)


def test_an_answer_of_another_form_is_refused(hek, tmp_path):
    answer = json.dumps({"result": [{"event_coordunit": "deg"}], "overmax": False}).encode()
    hek.faults += [(200, answer)] * 4
    with pytest.raises(ConnectionError, match=r"Expected SWPC's flares of that month. Received: "):
        fetch(tmp_path, hek, end="2014-01-31")


def test_an_empty_list_is_refused(hek, tmp_path):
    with pytest.raises(ValueError, match=r"flare list is empty: the HEK has no flare of SWPC in 2"):
        fetch(tmp_path, hek, start="2014-02-01", end="2014-02-28")


def test_a_month_of_another_form_is_fetched_again(hek, tmp_path, caplog):
    january = tmp_path / "hek" / "2014-01.csv"
    path = fetch(tmp_path, hek)
    joined, whole = path.read_text(), january.read_text()
    january.write_text(whole.replace("goes_class", "class"))
    hek.asked.clear()
    assert fetch(tmp_path, hek).read_text() == joined
    assert "2014-01" in months(hek)
    assert january.read_text() == whole
    assert "2014-01.csv is fetched again. It is no month of the flare list. Expec" in caplog.text


def test_the_scale_is_the_one_that_lists_without_a_scale_get(hek, monkeypatch, tmp_path):
    """Operational until GOES-16 became primary, on 2019-12-09 at 17:30: one rule for all lists."""
    times = ["2019-12-09T17:29:00", "2019-12-09T17:31:00"]
    monkeypatch.setitem(globals(), "FLARES", [entry(*[time] * 3, "M1.0") for time in times])
    path = fetch(tmp_path, hek, start="2019-12-01", end="2019-12-31")
    fetched = read_events(path)
    assert fetched["class_scale"].to_list() == ["operational", "physical"]
    unsaid = tmp_path / "unsaid.csv"
    pd.read_csv(path).drop(columns="scale").to_csv(unsaid, index=False)
    again = read_events(unsaid, scale="published")
    pd.testing.assert_frame_equal(again, fetched, check_dtype=False)


def test_no_flare_of_c1_lies_near_the_change_of_scale(real_data):
    """Of two makers' lists: the day on which the scale changes does not matter."""
    lists = ["flare_lists/swpc_flarelist_20100101-20210810.csv", "goes/fl_sle.csv"]
    for path in lists:
        events = read_events(real_data / path, "operational")
        near = events["peak"].between("2019-05-16", "2020-05-28")
        assert not events["goes_class"][near].str.match("[CMX][1-9]").any()


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: b"\xff\xfe" + whole,
        lambda whole: whole.replace(b"# fetched: 2014", b"# fetched: garbage"),
    ],
    ids=["empty", "no text", "no time"],
)
def test_a_damaged_month_is_fetched_again(hek, tmp_path, damage):
    january = tmp_path / "hek" / "2014-01.csv"
    fetch(tmp_path, hek)
    whole = january.read_bytes()
    january.write_bytes(damage(whole))
    hek.asked.clear()
    fetch(tmp_path, hek)
    assert "2014-01" in months(hek)
    assert january.read_bytes() == whole
