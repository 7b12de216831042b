"""v4_find_ys.py: what it makes labels of: flux and flare lists, held, fetched and named."""

import gzip

import numpy as np
import pandas as pd
import pytest

from software_tests.label_folder import (
    ONE,
    archive_of_asked_months,
    flare_list,
    own_day,
    read_labels_of_default_run,
    unanswered,
)
from tools import label_inputs, monthly
from tools.label_history import read_history
from tools.labels import read_labels
from tools.xray_flux_forecast import v4_find_ys


def test_other_files_beside_the_flux_are_left_alone(data):
    (data / "goes" / "README.txt").write_text("not a flux")
    assert v4_find_ys.main(["--delays", "0", "--catches", "12"]) == 0


def test_a_flare_list_has_no_light_curve_and_says_so(data, tmp_path, capsys):
    assert v4_find_ys.main(["--events", str(flare_list(tmp_path)), *ONE]) == 0
    assert not (data / "y" / "Light_Curve.csv").exists()
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("Light_Curve.csv was not made: a flare list holds no light curve")


def test_a_flare_list_with_outages(data, tmp_path):
    outages = tmp_path / "outages.csv"
    outages.write_text("start,end\n2014-01-01T12:00,2014-01-01T12:30\n", encoding="utf-8")
    arguments = ["--events", str(flare_list(tmp_path)), "--delays", "0", "--catches", "60"]
    assert v4_find_ys.main([*arguments, "--outages", str(outages)]) == 0
    labels = read_labels(data / "y" / "All_Ys_00minDelay_01hrMax.csv")
    assert labels["Catch Flux"].notna().to_list() == [True, False, False, False, True, False]
    np.testing.assert_array_equal(labels["Quiet"], [0, 1, np.nan, 1, 0, np.nan])
    np.testing.assert_array_equal(labels["In Progress"], [1, 0, np.nan, 0, 1, np.nan])


def test_quiet_of_one_list_says_that_no_other_was_asked(data, tmp_path, capsys):
    events = ["--events", str(flare_list(tmp_path)), *ONE]
    told = "Quiet is told by a flare list that was not checked against another one."
    assert v4_find_ys.main([*events, "--delays", "0", "12"]) == 0
    output = capsys.readouterr().out
    assert output.count(told) == 1
    assert "join_flare_lists.py one=FILE two=FILE, and then --events CATALOGUE\n" in output
    (tmp_path / "none.csv").write_text("start,end\n", encoding="utf-8")
    assert v4_find_ys.main([*events, "--outages", str(tmp_path / "none.csv")]) == 0
    assert v4_find_ys.main([*events, "--flux", str(data / "goes" / "goes_flux.csv")]) == 0
    assert told not in capsys.readouterr().out


def test_a_flare_that_is_listed_twice_counts_once(data, tmp_path):
    path = flare_list(tmp_path)
    again = "2014-01-01T00:02,2014-01-01T00:18,2014-01-01T00:25,C9.5,physical\n"  # M1.0 of 00:10
    path.write_text(path.read_text(encoding="utf-8") + again, encoding="utf-8")
    assert v4_find_ys.main(["--events", str(path), "--every", "12", *ONE]) == 0
    labels = read_labels(data / "y" / "All_Ys_00minDelay_12minMax.csv")
    assert labels["Catch Flux"]["20140101_0000"] == 1e-5
    assert labels["Quiet"]["20140101_0012"] == 1  # at 00:18 nothing peaked


def test_a_flare_list_beside_the_flux_tells_what_is_in_progress(data, tmp_path):
    flux = str(data / "goes" / "goes_flux.csv")
    assert v4_find_ys.main(["--flux", flux, "--events", str(flare_list(tmp_path)), *ONE]) == 0
    labels = read_labels(data / "y" / "All_Ys_00minDelay_12minMax.csv")
    assert labels["Current Flux"].notna().all()
    assert labels["In Progress"].to_list()[:5] == [1, 0, 0, 0, 1]
    without = read_labels_of_default_run(data)
    assert without["In Progress"].isna().all()
    (data / "flares").mkdir()
    flare_list(tmp_path).rename(data / "flares" / "hek_flares.csv")
    beside = read_labels_of_default_run(data)
    np.testing.assert_array_equal(beside["In Progress"], labels["In Progress"])


def test_a_silence_of_the_list_that_is_hard_to_believe_is_unknown(data, tmp_path, caplog):
    # Four flares a day for 27 days, 20 days of none, where 80 are expected, and 27 days again.
    hours = np.concatenate([np.arange(0, 648, 6), 1122 + np.arange(0, 648, 6)])
    peaks = pd.Timestamp("2014-01-01") + pd.to_timedelta(hours, unit="h")
    rows = [f"{t.isoformat()},{t.isoformat()},{t.isoformat()},C5.0,physical\n" for t in peaks]
    path = tmp_path / "list.csv"
    path.write_text("start,peak,end,goes_class,scale\n" + "".join(rows), encoding="utf-8")
    arguments = ["--events", str(path), "--every", "1440", "--delays", "0", "--catches", "1440"]
    name = data / "y" / "All_Ys_00minDelay_24hrMax.csv"
    assert v4_find_ys.main(arguments) == 0
    labels = read_labels(name)
    assert np.isnan(labels["Quiet"]["20140210_0000"])
    assert np.isnan(labels["In Progress"]["20140210_0000"])
    assert labels["Coverage"]["20140210_0000"] == 0
    assert labels["Quiet"]["20140110_0000"] == 0
    assert "from 2014-01-27T18:00 to 2014-02-16T18:00, where its rate" in caplog.text
    (tmp_path / "none.csv").write_text("start,end\n", encoding="utf-8")
    assert v4_find_ys.main([*arguments, "--outages", str(tmp_path / "none.csv")]) == 0
    assert read_labels(name)["Quiet"]["20140210_0000"] == 1


def test_outages_of_the_list_in_the_data_folder(data, tmp_path):
    (data / "flares").mkdir()
    flare_list(tmp_path).rename(data / "flares" / "hek_flares.csv")
    outages = tmp_path / "outages.csv"
    outages.write_text("start,end\n2014-01-01T12:00,2014-01-01T12:30\n", encoding="utf-8")
    assert v4_find_ys.main([*ONE, "--outages", str(outages)]) == 0
    labels = read_labels(data / "y" / "All_Ys_00minDelay_12minMax.csv")
    np.testing.assert_array_equal(labels["In Progress"], [1, 0, np.nan, 0, 1, np.nan])


def test_the_scale_of_an_own_flare_list_can_be_said(data, tmp_path, capsys):
    (data / "flares").mkdir()
    text = flare_list(tmp_path).read_text(encoding="utf-8").replace(",physical", "")
    (data / "flares" / "hek_flares.csv").write_text(text.replace(",scale", ""), encoding="utf-8")
    assert v4_find_ys.main(ONE) == 1
    assert "--scale" in capsys.readouterr().err
    for scale in ("operational", "published"):
        assert v4_find_ys.main([*ONE, "--scale", scale]) == 0
        labels = read_labels(data / "y" / "All_Ys_00minDelay_12minMax.csv")
        assert labels["In Progress"].to_list()[:5] == [1, 0, 0, 0, 1]


def test_the_published_scale_is_of_flare_lists(data, capsys):
    flux = str(data / "goes" / "goes_flux.csv")
    assert v4_find_ys.main(["--flux", flux, "--scale", "published", *ONE]) == 1
    assert "--scale=published is of flare lists, and none was named" in capsys.readouterr().err


def test_a_light_curve_of_earlier_labels_does_not_stay(data, tmp_path):
    assert v4_find_ys.main(ONE) == 0
    assert (data / "y" / "Light_Curve.csv").is_file()
    assert v4_find_ys.main(["--events", str(flare_list(tmp_path)), *ONE]) == 0
    assert not (data / "y" / "Light_Curve.csv").exists()


def test_every_from_start_to_end_is_fetched(data, monkeypatch):
    asked = archive_of_asked_months(monkeypatch)
    (data / "goes" / "goes_flux.csv").unlink()
    (data / "aia" / "index.feather").unlink()
    times = ["--start", "2014-03-05T06:00", "--end", "2014-03-31T10:00Z"]
    assert v4_find_ys.main(["--every", "720", *times, "--delays", "0", "--catches", "1440"]) == 0
    # The ten days before the first time, and the day after the last.
    assert asked == [(data / "goes", ["2014-02", "2014-03", "2014-04"])]
    labels = read_labels(data / "y" / "All_Ys_00minDelay_24hrMax.csv")
    assert labels.index[[0, 1, -1]].to_list() == ["20140305_1200", "20140306_0000", "20140331_0000"]
    assert len(labels) == 2 * 26
    assert labels["Coverage"].to_list() == [1] * 52
    assert read_history(data / "y" / "Light_Curve.csv").notna().all().all()


def test_months_that_goes_lacks_are_fetched(data, monkeypatch):
    asked = archive_of_asked_months(monkeypatch)
    path = data / "aia" / "index.feather"
    synthetic = (data / "goes" / "goes_flux.csv").read_text(encoding="utf-8")
    (data / "goes" / "goes_flux.csv").write_text(synthetic.partition("\n")[2], encoding="utf-8")
    index = pd.read_feather(path)
    index.loc[5, ["id", "time"]] = ["20140331_2355", pd.Timestamp("2014-03-31 23:55")]
    index.to_feather(path)
    assert v4_find_ys.main(ONE) == 0
    # The ten days before the first; the window of the last lies in April, too.
    assert asked == [(data / "goes", ["2013-12", "2014-03", "2014-04"])]
    index.loc[5, ["id", "time"]] = ["20140305_0000", pd.Timestamp("2014-03-05")]
    index.to_feather(path)
    assert v4_find_ys.main(ONE) == 0
    assert asked[1] == (data / "goes", ["2013-12", "2014-02", "2014-03"])  # the 10 days before it
    labels = read_labels(data / "y" / "All_Ys_00minDelay_12minMax.csv")
    assert labels["Catch Flux"].iloc[5] == pytest.approx(3e-6)
    assert labels["Censored"].to_list() == [0] * 6


def test_one_day_of_a_month_does_not_stand_for_it(data, monkeypatch):
    asked = archive_of_asked_months(monkeypatch)
    own_day(data, "2014-01-28", ["2014-01-03 00:00", "2014-01-31 20:00"])
    assert v4_find_ys.main(["--delays", "0", "--catches", "1440"]) == 0
    # December holds the ten days before the first, February the window of the last.
    assert asked == [(data / "goes", ["2013-12", "2014-01", "2014-02"])]
    labels = read_labels(data / "y" / "All_Ys_00minDelay_24hrMax.csv")
    assert labels["Coverage"].to_list() == [1, 1]


def test_without_a_network_it_ends_in_one_message(data, monkeypatch, capsys):
    from sunpy.net.dataretriever import XRSClient

    for name in ("pattern_new", "pattern_r", "pattern_old"):
        address = "http://127.0.0.1:9/" + getattr(XRSClient, name).split("/", 3)[3]
        monkeypatch.setattr(XRSClient, name, address)  # the port of `discard`: nobody listens
    monkeypatch.setattr(monthly.time, "sleep", lambda seconds: None)
    (data / "goes" / "goes_flux.csv").unlink()
    assert v4_find_ys.main(ONE) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "The GOES X-ray flux of 2013-12 could not be fetched" in lines[-1]
    assert f"into {data / 'goes'}" in lines[-1]
    assert not (data / "y").exists()


def test_without_a_network_the_past_of_held_samples_stays_unknown(data, monkeypatch, caplog):
    monkeypatch.setattr(label_inputs, "fetch_flux", unanswered)
    own_day(data, "2014-01-28", ["2014-01-28 12:00"])
    assert v4_find_ys.main(ONE) == 0
    assert "windows of some samples stay unknown in part. nobody answers" in caplog.text


def test_beside_synthetic_flux_nothing_is_fetched(data, monkeypatch, caplog):
    asked = archive_of_asked_months(monkeypatch)
    path = data / "aia" / "index.feather"
    index = pd.read_feather(path)
    index.loc[5, ["id", "time"]] = ["20140331_2355", pd.Timestamp("2014-03-31 23:55")]
    index.to_feather(path)
    labels = read_labels_of_default_run(data)
    assert asked == []
    assert labels["Catch Flux"].isna().to_list() == [False] * 5 + [True]
    assert f"1 of 6 samples lie on days that {data / 'goes'} lacks: unknown" in caplog.text
    assert "nothing is fetched. That flux is SYNTHETIC" in caplog.text


def test_hourly_flux_stands_alone_on_every_run(data, monkeypatch, caplog):
    asked = archive_of_asked_months(monkeypatch)
    own_day(data, "2014-01-28", ["2014-01-28 12:10", "2014-03-31 20:00"], freq="h")
    for _ in range(2):
        assert v4_find_ys.main(["--delays", "0", "--catches", "60"]) == 0
    assert asked == []
    assert "1 of 2 samples lie on days" in caplog.text
    assert "Its cadence is 3600 s, and what is fetched are means of a minute" in caplog.text
    labels = read_labels(data / "y" / "All_Ys_00minDelay_01hrMax.csv")
    assert labels["Catch Flux"].isna().to_list() == [False, True]


def test_readings_are_averaged_when_asked(data, tmp_path, capsys):
    fast = tmp_path / "fast.csv"
    times = pd.date_range("2014-01-01", periods=1200, freq="3s")
    table = pd.DataFrame({"time": times, "flux": 2e-6, "scale": "physical"})
    table.to_csv(fast, index=False)
    files = ["--flux", str(fast), str(data / "goes" / "goes_flux.csv"), *ONE]
    assert v4_find_ys.main(files) == 1
    assert "--minute_means" in capsys.readouterr().err
    assert v4_find_ys.main([*files, "--minute_means"]) == 0


def test_gzipped_flux_is_found(data):
    path = data / "goes" / "goes_flux.csv"
    path.with_name("goes_flux.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert read_labels_of_default_run(data)["Catch Flux"].notna().all()


def test_an_unsaid_scale_is_an_error_and_nothing_is_written(data, tmp_path, capsys):
    path = tmp_path / "flux.csv"
    path.write_text("time,flux\n2014-01-01T00:00,1e-7\n", encoding="utf-8")
    assert v4_find_ys.main(["--flux", str(path)]) == 1
    assert "does not say the scale" in capsys.readouterr().err
    assert not (data / "y").exists()
