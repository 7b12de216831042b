import pandas as pd
import pytest

from tools.events import read_events
from tools.label_sources import EventList

HEAD = """:Product: 20150301events.txt
:Created: 2015 Mar 04 0357 UT
:Date: {day}
# Missing data: ////
#Event    Begin    Max       End  Obs  Q  Type  Loc/Frq   Particulars       Reg#
#-------------------------------------------------------------------------------
"""
# The form is that of SWPC's reports; the flares of the first line are real.
FIRST = HEAD.format(day="2015 03 01") + (
    "\n"
    "4080       0158   0210      0232  G15  5   XRA  1-8A      C1.0    1.9E-03   2290\n"
    "4080       0158   0159      0211  LEA  3   FLA  N19W66    SF                2290\n"
    "\n"
    "4110       0508   ////      0509  LEA  C   RSP  027-047   III/1             2290\n"
    "4120 +     0855   0956      1021  G15  5   XRA  1-8A      B7.4    1.7E-03\n"
    "4130      B1701  U1744     A1817  G15  5   XRA  1-8A      M1.5    3.4E-02   2290\n"
    "4140       2350   0010      0020  G15  5   XRA  1-8A      C2.0    3.4E-02   2290\n"
    "4150       2355   ////      ////  G15  5   XRA  1-8A      C3.0    3.4E-02   2290\n"
)
NONE = HEAD.format(day="2015 03 02") + "NO EVENT REPORTS.\n"
LATER = HEAD.format(day="2015 03 03") + (
    "10         0100   0110      0120  G15  5   XRA  1-8A      C1.0    1.9E-03   2290\n"
)


def written(folder, *texts):
    paths = [folder / f"{number}events.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def test_the_x_ray_flares_of_a_report_are_read(tmp_path):
    table = read_events(written(tmp_path, FIRST))
    assert table["goes_class"].to_list() == ["C1.0", "B7.4", "M1.5", "C3.0", "C2.0"]
    assert table["peak"][0] == pd.Timestamp("2015-03-01 02:10")
    assert table["peak"].isna().to_list() == [False, False, False, True, False]
    assert table["peak"][4] == pd.Timestamp("2015-03-02 00:10")  # of the next day
    assert (table["satellite"] == "GOES-15").all()
    assert (table["class_scale"] == "operational").all()
    assert table["flux"][2] == pytest.approx(1.5e-5 / 0.7)
    assert table["noaa_active_region"].to_list() == [12290, 0, 12290, 12290, 12290]


def test_a_clock_time_just_before_the_start_is_not_of_the_next_day(tmp_path, caplog):
    text = LATER + "20         0724   0723      0722  G15  5   XRA  1-8A      C1.0    1.9E-03\n"
    flare = read_events(written(tmp_path, text)).iloc[1]
    assert flare["start"] == pd.Timestamp("2015-03-03 07:24")
    assert pd.isna(flare["peak"])
    assert pd.isna(flare["end"])
    assert "of 2 flares, 1 have a peak before their start or over a day after it, 1" in caplog.text


def test_a_day_without_flares_between_others_is_quiet(tmp_path):
    paths = written(tmp_path, FIRST, NONE, LATER)
    noon = pd.to_datetime(["2015-03-02 12:00"]).to_numpy()
    assert EventList(read_events(paths)).labels(noon, 0, 60)["Quiet"][0] == 1
    # Without the report of that day, nothing is known of it.
    apart = EventList(read_events([paths[0], paths[2]])).labels(noon, 0, 60)
    assert apart["Quiet"].isna().all()
    assert apart["Coverage"][0] == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 0158 0210 0232 G15 5 XRA 1-8A M 1.9E-03 2290", r"line 7: expected a flare class.*'M'"),
        ("1 0158 0210 0232 G15 5 XRA 1-8A Z1.2 1.9E-03", r"line 7: expected a flare class.*'Z1.2'"),
        ("1 0158 2510 0232 G15 5 XRA 1-8A C1.0 1.9E-03", r"line 7: no such time.*'2510'"),
        ("1 //// 0210 0232 G15 5 XRA 1-8A C1.0 1.9E-03", r"line 7: this is no X-ray flare"),
        ("1 0158 0210 G15 5 XRA 1-8A C1.0 1.9E-03", r"line 7: this is no X-ray flare"),
        ("1 0158 0210 0232 LEA 5 XRA 1-8A C1.0 1.9E-03", r"events.txt, line 7: 'LEA' is no satell"),
        ("", r"no X-ray flare. Expected at least one line of type XRA"),
    ],
)
def test_malformed_reports_are_refused_with_the_line(tmp_path, line, message):
    with pytest.raises(ValueError, match=message):
        read_events(written(tmp_path, HEAD.format(day="2015 03 01") + line + "\n"))


def test_days_that_are_none_are_refused(tmp_path):
    with pytest.raises(ValueError, match="line 3: no such day"):
        read_events(written(tmp_path, HEAD.format(day="2015 02 30")))
    with pytest.raises(ValueError, match=r"line 6: this is no X-ray flare.*under a line ':Date:"):
        read_events(
            written(tmp_path, FIRST.replace(":Date: 2015 03 01\n", "").replace("\n\n", "\n", 1))
        )


def test_a_report_that_is_no_text_is_refused_by_name(tmp_path):
    (path,) = written(tmp_path, FIRST)
    path.write_bytes(path.read_bytes().replace(b"4090", b"4\xff90").replace(b"III/1", b"III/\xe9"))
    with pytest.raises(ValueError, match=r"0events.txt, line 11: .* Received the byte b'\\xe9'. F"):
        read_events(path)
