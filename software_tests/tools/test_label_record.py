import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from tools import flare_list
from tools.label_record import FILE, file_record, time_pairs, write_record
from tools.xray_flux_forecast import join_flare_lists, v4_find_ys

ONE = ["--delays", "0", "--catches", "12"]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with a day of flux, an index of one sample, and a flare list."""
    folder = tmp_path / "data"
    monkeypatch.setenv("FLARENET_DATA", str(folder))
    for name in ("goes", "aia", "flares"):
        (folder / name).mkdir(parents=True)
    times = pd.date_range("2014-01-01", periods=1440, freq="min")
    lines = [f"{time.isoformat()},1e-6\n" for time in times]
    text = "# SYNTHETIC\n# scale: operational\ntime,flux\n" + "".join(lines)
    (folder / "goes" / "flux.csv").write_text(text, encoding="utf-8")
    index = pd.DataFrame({"id": ["20140101_1200"], "time": times[[720]], "file": ["a.fthr"]})
    index.to_feather(folder / "aia" / "index.feather")
    (folder / "flares" / flare_list.FILE).write_text(
        "start,peak,end,goes_class,scale\n"
        "2014-01-01T00:00,2014-01-01T00:10,2014-01-01T00:20,M1.0,physical\n"
        "2014-01-02T00:00,2014-01-02T00:10,2014-01-02T00:20,C2.0,physical\n",
        encoding="utf-8",
    )
    return folder


def runs(data):
    return json.loads((data / "y" / FILE).read_text(encoding="utf-8"))["runs"]


def test_it_says_what_the_labels_were_made_of(data, tmp_path):
    outages = tmp_path / "blind.csv"
    outages.write_text("start,end\n2014-01-01T03:00,2014-01-01T04:30\n", encoding="utf-8")
    assert v4_find_ys.main([*ONE, "--outages", str(outages)]) == 0
    names = ("goes/flux.csv", "flares/hek_flares.csv", "aia/index.feather")
    flux, flares, index = ([{"name": n, "sha256": digest(data / n)}] for n in names)
    labels = [
        {"name": name, "rows": 1, "sha256": digest(data / "y" / name)}
        for name in ("All_Ys_00minDelay_12minMax.csv", "Light_Curve.csv")
    ]
    assert runs(data) == [
        {
            "catches": [12],
            "delays": [0],
            "end": None,
            "every": None,
            "flare_lists": flares,
            "flux": flux,
            "index": index,
            "labels": labels,
            "minute_means": False,
            "outages": [["2014-01-01T03:00:00", "2014-01-01T04:30:00"]],
            "outages_files": [{"name": "blind.csv", "sha256": digest(outages)}],
            "scale_of_labels": "physical",
            "scale_said": None,
            "start": None,
            "superseded": {},
        }
    ]
    text = (data / "y" / FILE).read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True)


def test_outages_beside_a_catalogue_are_told_of(data, capsys):
    lists = [f"{name}={data / 'flares' / flare_list.FILE}" for name in ("one", "two")]
    assert join_flare_lists.main(lists) == 0
    folder = data / "flares" / "joined"
    blind = "start,end\n2014-01-01T11:00,2014-01-01T12:30\n"
    (folder / "outages.csv").write_text(blind, encoding="utf-8")
    events = ["--events", str(folder / "catalogue.csv")]
    assert v4_find_ys.main([*ONE, *events]) == 0
    assert f"{folder / 'outages.csv'} beside that catalogue" in capsys.readouterr().out
    beside = runs(data)[-1]
    assert beside["outages"] == [["2014-01-01T11:00:00", "2014-01-01T12:30:00"]]
    assert beside["outages_files"][0]["name"] == "flares/joined/outages.csv"
    (folder / "none.csv").write_text("start,end\n", encoding="utf-8")
    assert v4_find_ys.main([*ONE, *events, "--outages", str(folder / "none.csv")]) == 0
    assert "beside that catalogue" not in capsys.readouterr().out
    assert runs(data)[-1]["outages"] == []


def test_the_same_run_writes_the_same_bytes(data):
    assert v4_find_ys.main(ONE) == 0
    first = (data / "y" / FILE).read_bytes()
    assert v4_find_ys.main(ONE) == 0
    assert (data / "y" / FILE).read_bytes() == first


def test_each_label_file_is_listed_with_the_run_that_wrote_it_last(data):
    assert v4_find_ys.main(["--delays", "0", "12", "--catches", "12"]) == 0
    times = ["--every", "60", "--start", "2014-01-01", "--end", "2014-01-01T03:00"]
    events = ["--events", str(data / "flares" / flare_list.FILE)]
    assert v4_find_ys.main([*times, *events, *ONE]) == 0
    first, second = runs(data)
    # A flare list has no light curve: that of the first run is gone.
    assert [one["name"] for one in first["labels"]] == ["All_Ys_12minDelay_12minMax.csv"]
    assert [one["name"] for one in second["labels"]] == ["All_Ys_00minDelay_12minMax.csv"]
    assert second["labels"][0]["rows"] == 4
    assert (second["flux"], second["index"], second["every"]) == ([], [], 60)
    assert second["start"] == "2014-01-01T00:00"
    assert v4_find_ys.main(["--delays", "12", "--catches", "12"]) == 0
    assert [run["delays"] for run in runs(data)] == [[0], [12]]


def test_a_damaged_record_is_told_and_written_anew(data, caplog):
    assert v4_find_ys.main(ONE) == 0
    whole = (data / "y" / FILE).read_bytes()
    labels = (b"[1]", b"[{}]", b'[{"name": []}]')
    others = (b'{"runs": [{"labels": %s}]}' % one for one in labels)
    for damaged in (whole[:40], b"\xff\x00", b"[]", b"null", b'{"runs": [{}]}', *others):
        (data / "y" / FILE).write_bytes(damaged)
        caplog.clear()
        assert v4_find_ys.main(ONE) == 0
        assert "sources.json is damaged, and written anew" in caplog.text
        assert (data / "y" / FILE).read_bytes() == whole


def test_files_elsewhere_are_told_by_their_name(tmp_path):
    path = tmp_path / "elsewhere.csv"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    record = file_record(path, tmp_path / "data")
    assert record == {"name": "elsewhere.csv", "sha256": expected}
    assert file_record(path, tmp_path.parent)["name"] == f"{tmp_path.name}/elsewhere.csv"


def test_undefined_numbers_are_null(tmp_path):
    write_record(tmp_path, {"b": np.nan, "a": 1}, {})
    assert (tmp_path / FILE).read_text(encoding="utf-8").count("null") == 1


def test_outages_are_told_to_the_second():
    pair = (np.datetime64("2014-04-18T00:00", "us"), np.datetime64("2014-05-23T12:30:01", "ns"))
    assert time_pairs([pair]) == [["2014-04-18T00:00:00", "2014-05-23T12:30:01"]]
