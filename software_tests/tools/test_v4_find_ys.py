"""v4_find_ys.py: which times and windows it labels, what it writes, and what it refuses."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from software_tests.label_folder import ONE
from tools.flux import read_flux
from tools.label_history import read_history
from tools.labels import labels_from_flux, read_labels
from tools.xray_flux_forecast import v4_find_ys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_without_arguments_it_labels_the_index_for_all_windows(data, capsys):
    assert v4_find_ys.main([]) == 0
    names = sorted(path.name for path in (data / "y").iterdir())
    assert len(names) == 6 * 5 + 2
    assert names[0] == "All_Ys_00minDelay_01hrMax.csv"
    assert names[-2:] == ["Light_Curve.csv", "sources.json"]
    labels = read_labels(data / "y" / "All_Ys_01hrDelay_24hrMax.csv")
    index = pd.read_feather(data / "aia" / "index.feather")
    assert labels.index.to_list() == index["id"].to_list()
    assert labels["Filename"].to_list() == index["file"].to_list()
    flux = read_flux(data / "goes" / "goes_flux.csv")
    expected = labels_from_flux(index["time"].to_numpy(), flux, 60, 1440)
    np.testing.assert_allclose(labels["Catch Flux"], expected["Catch Flux"], rtol=1e-7)
    np.testing.assert_allclose(labels["Current Flux"], expected["Current Flux"], rtol=1e-7)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 33
    assert lines[31].startswith("In Progress is unknown for 6 of 6 samples: no flare list covers")
    assert lines[30].split() == ["Light_Curve.csv", "rows", "6", "known", "2"]  # of 20 h before
    assert lines[0].split() == (
        [
            "All_Ys_00minDelay_12minMax.csv",
            "rows",
            "6",
            "known",
            "6",
            "quiet",
            "0",
            "coverage",
            "1.000",
        ]
    )


def test_the_light_curve_has_the_times_of_the_labels(data, tmp_path):
    assert v4_find_ys.main([*ONE, "--every", "360"]) == 0
    table = read_history(data / "y" / "Light_Curve.csv")
    labels = read_labels(data / "y" / "All_Ys_00minDelay_12minMax.csv")
    assert table.index.to_list() == labels.index.to_list()
    flux = read_flux(data / "goes" / "goes_flux.csv").set_index("time")["flux"]
    day = flux["2014-01-01 18:00":"2014-01-02 17:59"]  # the last one ends at 18:00
    found = table.loc["20140102_1800"]
    assert found["Largest Minute 24hr"] == pytest.approx(np.log10(day.max()), abs=1e-6)
    assert found["Mean 24hr"] == pytest.approx(np.log10(day).mean(), abs=1e-6)


def test_every_gives_times_over_the_whole_series(data, tmp_path):
    arguments = ["--every", "12", "--delays", "0", "--catches", "12", "--output"]
    assert v4_find_ys.main([*arguments, str(tmp_path / "out")]) == 0
    labels = read_labels(tmp_path / "out" / "All_Ys_00minDelay_12minMax.csv")
    assert len(labels) == 3 * 120
    assert labels.index[[0, 1, -1]].to_list() == ["20140101_0000", "20140101_0012", "20140103_2348"]
    assert labels["Coverage"].to_list() == [1.0] * 360
    assert labels["Filename"].isna().all()


def test_start_and_end_narrow_a_series_down(data):
    flux = str(data / "goes" / "goes_flux.csv")
    times = ["--every", "720", "--start", "2014-01-01T01:00", "--end", "2014-01-02T12:00"]
    assert v4_find_ys.main(["--flux", flux, *times, *ONE]) == 0
    labels = read_labels(data / "y" / "All_Ys_00minDelay_12minMax.csv")
    assert labels.index.to_list() == ["20140101_1200", "20140102_0000", "20140102_1200"]


def test_no_time_between_start_and_end_is_refused(data, capsys):
    times = ["--every", "1440", "--start", "2014-01-01T01:00", "--end", "2014-01-01T02:00"]
    assert v4_find_ys.main([*times, *ONE]) == 1
    assert "Expected a whole multiple of 1440 minutes since 1970" in capsys.readouterr().err


def test_times_start_at_a_whole_multiple_inside_the_series(data, tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("time,flux\n2014-01-01T00:05,1e-7\n2014-01-01T01:00,1e-7\n", encoding="utf-8")
    arguments = ["--flux", str(path), "--scale", "physical", "--every", "30", "--delays", "0"]
    assert v4_find_ys.main([*arguments, "--catches", "12"]) == 0
    labels = read_labels(data / "y" / "All_Ys_00minDelay_12minMax.csv")
    assert labels.index.to_list() == ["20140101_0030", "20140101_0100"]


def test_outages_need_a_flare_list(data, tmp_path, capsys):
    assert v4_find_ys.main(["--outages", str(tmp_path / "x.csv")]) == 1
    assert "Expected --events with it" in capsys.readouterr().err


def test_missing_data_names_the_commands(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "nothing"))
    assert v4_find_ys.main(["--every", "12"]) == 1
    message = capsys.readouterr().err
    assert "A GOES flux series was not found" in message
    assert "python dataset_models/synthetic/embedded_sample.py" in message
    assert "v4_find_ys.py --every MINUTES --start TIME --end TIME  # fetched" in message
    assert v4_find_ys.main([]) == 1
    message = capsys.readouterr().err
    assert "The index of the samples was not found" in message
    assert "python dataset_models/sdo/structure_data.py" in message
    assert v4_find_ys.main(["--flux", str(tmp_path / "none.csv"), "--every", "12"]) == 1
    assert "none.csv" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


def test_a_series_of_other_days_is_refused(data, tmp_path, capsys):
    path = tmp_path / "later.csv"
    path.write_text("time,flux\n2020-01-01T00:00,1e-7\n2020-01-01T00:01,1e-7\n", encoding="utf-8")
    assert v4_find_ys.main(["--flux", str(path), "--scale", "physical"]) == 1
    message = capsys.readouterr().err
    assert "The labels would all be empty. The series spans 2020-01-01T00:00:00" in message
    assert not (data / "y").exists()


def test_an_empty_index_is_refused(data, capsys):
    path = data / "aia" / "index.feather"
    pd.read_feather(path).iloc[:0].to_feather(path)
    assert v4_find_ys.main([]) == 1
    assert "holds no sample. Expected at least one" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--every", "0"],
        ["--every", "9" * 30],
        ["--scale", "old"],
        ["--delays", "1.5"],
        ["--start", "yesterday"],
    ],
)
def test_a_wrong_command_line_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        v4_find_ys.main(arguments)
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["x", "1.5", "-12", "0"])
def test_a_step_that_is_no_number_of_minutes_is_told_of(text, capsys):
    with pytest.raises(SystemExit, match="2"):
        v4_find_ys.main([f"--every={text}"])
    assert f"expected 1 to 527040 whole minutes, received {text}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--delays", "0", "--catches", "0"],
            "--catches names no window, or one twice. Expected whole minutes from 1",
        ),
        (
            ["--delays", "0", "-12"],
            "--delays names no window, or one twice. Expected whole minutes from 0 to 527040",
        ),
        (["--delays", "999999999999"], "--delays names no window, or one twice. Expected whole"),
        (["--catches", "527041"], "527040 (366 days), each once. Received: 527041. Leave"),
        (["--catches", "12", "24", "12"], "each once. Received: 12 24 12. Leave the others out"),
        (
            ["--start", "2014-01-01", "--end", "2014-01-02"],
            "and --every MINUTES. Received: --start",
        ),
        (["--every", "12", "--end", "2014-01-02"], "Expected both, in this order"),
        (
            ["--every", "12", "--start", "2014-01-02", "--end", "2014-01-01"],
            "Expected both, in this",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(
    tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "nothing"))
    assert v4_find_ys.main(arguments) == 1
    assert message in capsys.readouterr().err


def test_it_runs_from_another_directory(data, tmp_path):
    script = ROOT / "tools" / "xray_flux_forecast" / "v4_find_ys.py"
    arguments = ["--delays", "0", "--catches", "1440"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FLARENET_DATA": str(data)}
    answer = subprocess.run(
        [sys.executable, script, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("All_Ys_00minDelay_24hrMax.csv")
    assert len(read_labels(data / "y" / "All_Ys_00minDelay_24hrMax.csv")) == 6


def test_a_file_that_is_not_there_is_named_with_the_way_out(data, tmp_path, capsys):
    assert v4_find_ys.main(["--flux", str(tmp_path / "nix"), *ONE]) == 1
    message = capsys.readouterr().err
    assert "nix cannot be used: No such file or directory. Expected a file that can be" in message
    assert "Name another with --flux" in message
