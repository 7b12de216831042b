import numpy as np
import pandas as pd
import pytest

from tools import label_inputs
from tools.label_inputs import held_flares, held_flux

DAY = pd.Timedelta("1D")


def series_of(*times):
    return pd.Series([pd.Timestamp(time) for time in times]).astype("datetime64[us]")


@pytest.fixture
def hek(monkeypatch):
    """Puts a list of one flare a day in the HEK's place; the first and last months asked for."""
    asked = []

    def fetch(folder, start, end):
        asked.append(tuple(str(np.datetime64(edge, "M")) for edge in (start, end)))
        (folder / "hek").mkdir(parents=True, exist_ok=True)
        for month in pd.period_range(start, end, freq="M"):
            (folder / "hek" / f"{month}.csv").touch()
        days = pd.date_range(f"{asked[0][0]}-01T12:00", f"{asked[-1][1]}-28T12:00")
        rows = [f"{day.isoformat()},{day.isoformat()},{day.isoformat()},C5.0\n" for day in days]
        text = "# scale: physical\nstart,peak,end,goes_class\n" + "".join(rows)
        (folder / "hek_flares.csv").write_text(text, encoding="utf-8")
        return folder / "hek_flares.csv"

    monkeypatch.setattr(label_inputs, "fetch_flares", fetch)
    return asked


@pytest.fixture
def archive(monkeypatch):
    """Puts flux of 3e-6 W m-2 in the archive's place."""

    def fetch(folder, months):
        paths = []
        for month in sorted(months):
            times = pd.date_range(month.start_time, month.end_time, freq="min", unit="us")
            table = pd.DataFrame({"time": times, "flux": 3e-6, "satellite": "GOES-15"})
            paths.append(folder / f"{month}.feather")
            table.assign(quality=0, scale="physical").to_feather(paths[-1])
        return paths

    monkeypatch.setattr(label_inputs, "fetch_flux", fetch)


def test_months_around_the_samples_are_asked_for_in_runs(tmp_path, hek):
    times = series_of("2014-01-01T12:00", "2014-01-30", "2014-05-31T06:00", "2014-02-10")
    path = held_flares(tmp_path, times)
    # A sample at the edge of a month wants the month beside it.
    assert hek == [("2013-12", "2014-02"), ("2014-05", "2014-06")]
    assert path == tmp_path / "hek_flares.csv"
    assert held_flares(tmp_path, times[:0]) == path
    assert len(hek) == 2


def test_a_list_that_the_user_put_there_stays(tmp_path, hek):
    path = tmp_path / "hek_flares.csv"
    path.write_text("mine", encoding="utf-8")
    assert held_flares(tmp_path, series_of("2014-01-15")) == path
    assert path.read_text(encoding="utf-8") == "mine"
    assert hek == []


@pytest.mark.parametrize("error", [ConnectionError("nobody answers"), ValueError("no flare")])
def test_without_an_answer_it_goes_on(tmp_path, monkeypatch, caplog, error):
    def fetch(*_):
        raise error

    monkeypatch.setattr(label_inputs, "fetch_flares", fetch)
    assert held_flares(tmp_path, series_of("2014-01-15")) is None
    text = f"In Progress is unknown where no flare list covers a sample. {error}"
    assert text in caplog.text


def test_a_full_disk_ends_it(tmp_path, monkeypatch):
    def fetch(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(label_inputs, "fetch_flares", fetch)
    with pytest.raises(OSError, match="No space left"):
        held_flares(tmp_path, series_of("2014-01-15"))


def test_flares_are_asked_for_where_flux_was(tmp_path, archive, hek):
    times = series_of("2014-03-10T12:00", "2014-03-11T13:00")
    held = held_flux(tmp_path, times, DAY)
    assert held.asked.to_list() == times.to_list()
    flares = label_inputs.of_flares([held_flares(tmp_path, held.asked)], None)
    inputs = label_inputs.of_flux(held.table, held.files, flares)
    labels = inputs.source.labels(times.to_numpy(), 0, 60)
    assert labels["In Progress"].to_list() == [1, 0]
    assert labels["Catch Flux"].to_list() == [3e-6, 3e-6]
    assert [path.name for path in inputs.flux_files] == ["2014-02.feather", "2014-03.feather"]
    assert inputs.flare_files == [tmp_path / "hek_flares.csv"]


def own_flux(folder, first_line):
    times = pd.date_range("2014-03-10", periods=1440, freq="min")
    lines = [f"{time.isoformat()},1e-6\n" for time in times]
    head = f"{first_line}\n# scale: physical\ntime,flux\n"
    (folder / "own.csv").write_text(head + "".join(lines), encoding="utf-8")


def test_beside_synthetic_flux_only_what_it_leaves_out_is_asked_for(tmp_path, archive):
    times = series_of("2014-03-10T06:00", "2014-07-20")
    own_flux(tmp_path, "# SYNTHETIC")
    assert held_flux(tmp_path, times[:1], DAY).asked.empty
    assert held_flux(tmp_path, times, DAY).asked.to_list() == [times[1]]
    own_flux(tmp_path, "# observed")
    assert held_flux(tmp_path, times, DAY).asked.to_list() == times.to_list()


def test_without_times_nothing_is_asked_for(tmp_path, monkeypatch):
    assert held_flux(tmp_path, None, DAY) is None
    own_flux(tmp_path, "# observed")
    held = held_flux(tmp_path, None, DAY)
    assert held.asked.empty
    assert len(held.table) == 1440
