import numpy as np
import pandas as pd
import pytest

from tools import label_inputs
from tools.flare_catalogue import WRITTEN
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
        flares = pd.DataFrame({"start": days, "peak": days, "end": days, "goes_class": "C5.0"})
        flares[["noaa_active_region", "hgx", "hgy"]] = 0
        flares = flares.assign(scale="physical", list_start=days[0], list_end=days[-1])
        flares.to_csv(folder / "hek_flares.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S")
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


def unanswered(*_):
    raise ConnectionError("nobody answers")


def test_months_around_the_samples_are_asked_for_in_runs(tmp_path, hek):
    times = series_of("2014-01-01T12:00", "2014-01-30", "2014-05-31T06:00", "2014-02-10")
    path = held_flares(tmp_path, times)
    # A sample at the edge of a month wants the month beside it.
    assert hek == [("2013-12", "2014-02"), ("2014-05", "2014-06")]
    assert path == tmp_path / "hek_flares.csv"
    assert held_flares(tmp_path, times[:0]) == path
    assert len(hek) == 2


@pytest.mark.parametrize("months", [[], ["2014-01.csv"]], ids=["first", "after months"])
def test_a_list_that_the_user_put_there_stays(tmp_path, hek, months, caplog):
    path = tmp_path / "hek_flares.csv"
    path.write_text("mine", encoding="utf-8")
    for month in months:  # fetched before the user's list came
        (tmp_path / "hek").mkdir()
        (tmp_path / "hek" / month).touch()
    assert held_flares(tmp_path, series_of("2014-01-15")) == path
    assert path.read_text(encoding="utf-8") == "mine"
    assert hek == []
    assert f"{path} was made by another hand, or by an earlier version" in caplog.text
    caplog.clear()
    assert held_flares(tmp_path, series_of()) == path  # nothing would have been fetched
    assert caplog.text == ""


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


def test_nothing_is_asked_for_beside_synthetic_flux(tmp_path, archive):
    times = series_of("2014-03-10T06:00", "2014-07-20")
    own_flux(tmp_path, "# observed")
    assert held_flux(tmp_path, times, DAY).asked.to_list() == times.to_list()
    own_flux(tmp_path, "# SYNTHETIC")
    kept_month(tmp_path, "2014-07")
    for asked in (times, None):
        held = held_flux(tmp_path, asked, DAY)
        assert held.asked.empty
        assert held.files == [tmp_path / "own.csv"]
        assert len(held.table) == 1440


def test_a_day_of_missing_rows_is_asked_for(tmp_path, archive):
    # Own rows of the sample's day, of the days that it looks back at, and of its windows.
    minutes = pd.date_range("2014-02-20", "2014-03-19", freq="min")
    own = pd.DataFrame({"time": minutes, "flux": 1e-6, "satellite": "15", "scale": "physical"})
    own.to_csv(tmp_path / "own.csv", index=False)
    times = series_of("2014-03-12T06:00")
    assert held_flux(tmp_path, times, DAY).asked.empty
    own.loc[own["time"].dt.day == 10, "flux"] = -99999
    own.to_csv(tmp_path / "own.csv", index=False)
    held = held_flux(tmp_path, times, DAY)
    assert held.asked.to_list() == times.to_list()
    flux = held.table.set_index("time")["flux"]["2014-03-09":"2014-03-11"]
    np.testing.assert_array_equal(flux, np.repeat([1e-6, 3e-6, 1e-6], 1440))


def kept_month(folder, month):
    times = pd.date_range(month, pd.Period(month).end_time, freq="min", unit="us")
    table = pd.DataFrame({"time": times, "flux": 3e-6, "satellite": "GOES-15"})
    (folder / "xrs").mkdir(exist_ok=True)
    table.assign(quality=0, scale="physical").to_feather(folder / "xrs" / f"{month}.feather")


OWN_DAY = pd.date_range("2014-03-10", periods=1440, freq="min")


@pytest.mark.parametrize(
    ("satellite", "unknown", "lost"),
    [
        ("14", [], {"GOES-14": 1440}),  # GOES-15 was primary, and is what is fetched
        ("14", [0, 7], {"GOES-14": 1438}),
        ("", [], {"unnamed": 1440}),
        ("15", [], {}),
    ],
)
def test_own_minutes_that_do_not_count_are_told_of(
    tmp_path, archive, caplog, satellite, unknown, lost
):
    own = pd.DataFrame({"time": OWN_DAY, "flux": 1e-6, "satellite": satellite})
    own.loc[unknown, "flux"] = np.nan
    own.assign(scale="physical").to_csv(tmp_path / "own.csv", index=False)
    held = held_flux(tmp_path, series_of("2014-03-10T06:00"), DAY)
    assert dict(held.superseded) == lost
    day = held.table[held.table["time"].isin(OWN_DAY)]
    assert len(day) == 1440
    assert (day["flux"] == 1e-6).sum() == (0 if lost else 1440)
    assert ("minutes of flux in" in caplog.text) == bool(lost)
    assert label_inputs.of_flux(held.table, held.files, None, held.superseded).superseded == lost


def test_own_minutes_that_fill_gaps_of_what_is_fetched_count(tmp_path, monkeypatch):
    kept_month(tmp_path, "2014-03")
    kept = tmp_path / "xrs" / "2014-03.feather"
    month = pd.read_feather(kept)
    month[~month["time"].isin(OWN_DAY[:100])].to_feather(kept)
    monkeypatch.setattr(label_inputs, "fetch_flux", lambda *_: [kept])
    own = pd.DataFrame({"time": OWN_DAY, "flux": 1e-6, "satellite": "14", "scale": "physical"})
    own.to_csv(tmp_path / "own.csv", index=False)
    held = held_flux(tmp_path, series_of("2014-03-10T06:00"), DAY)
    assert dict(held.superseded) == {"GOES-14": 1340}
    assert (held.table["flux"] == 1e-6).sum() == 100


CATALOGUE = ",".join(WRITTEN) + "\n2014-01-01T00:00,2014-01-01T00:10,2014-01-01T00:20,M1.0,"
CATALOGUE += "physical,GOES-15,0,swpc,2014-01-01T00:00,2014-02-01T00:00\n"


def test_outages_beside_a_catalogue_are_found(tmp_path, caplog):
    catalogue, outages = tmp_path / "catalogue.csv", tmp_path / "outages.csv"
    catalogue.write_text(CATALOGUE, encoding="utf-8")
    assert label_inputs.outages_beside([catalogue]) is None
    assert f"The outages of {catalogue} are not taken: there is no {outages}. " in caplog.text
    caplog.clear()
    outages.write_text("start,end\n", encoding="utf-8")
    assert label_inputs.outages_beside([str(catalogue)]) == outages
    assert caplog.text == ""
    assert label_inputs.outages_beside([catalogue, catalogue]) is None
    assert caplog.text.count("outages.csv is that of one list alone") == len(caplog.records) == 1
    caplog.clear()
    assert label_inputs.outages_beside([]) is None
    # Beside a list that join_flare_lists.py did not write, they are of nobody knows what.
    other = tmp_path / "mine.csv"
    other.write_text("start,peak,end,goes_class,scale\n", encoding="utf-8")
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"\xff\xfe\x00")
    for path in (other, broken, tmp_path / "none.csv"):
        assert label_inputs.outages_beside([path]) is None
    assert caplog.text == ""


def test_where_one_month_is_refused_those_that_are_here_are_read(tmp_path, monkeypatch, caplog):
    # A sample of the user's own day, whose past of ten days lies in February and March.
    monkeypatch.setattr(label_inputs, "fetch_flux", unanswered)
    own_flux(tmp_path, "# observed")
    kept_month(tmp_path, "2014-03")
    kept_month(tmp_path, "2014-05")  # not asked for
    held = held_flux(tmp_path, series_of("2014-03-10T06:00"), DAY)
    assert held.files == [tmp_path / "own.csv", tmp_path / "xrs" / "2014-03.feather"]
    assert len(held.table) == 31 * 1440
    assert len(held.asked) == 1  # the flare list is asked for, too
    assert "windows of some samples stay unknown in part. nobody answers" in caplog.text
    later = series_of("2014-03-25")  # its past begins in March, which is here
    assert len(held_flux(tmp_path, later, DAY).asked) == 1
    with pytest.raises(ConnectionError, match="nobody answers"):
        held_flux(tmp_path, series_of("2014-05-03"), DAY)  # lacks April


def test_a_flare_list_beside_the_flux_is_no_flux(tmp_path):
    own_flux(tmp_path, "# observed")
    (tmp_path / "fl_sle.csv").write_text(",start_time,end_time,peak_time,goes_class,hgx,hgy\n")
    (tmp_path / "broken.csv.gz").write_bytes(b"404")
    with pytest.raises(ValueError, match=r"broken\.csv\.gz"):
        held_flux(tmp_path, None, DAY)
    (tmp_path / "broken.csv.gz").unlink()
    assert [path.name for path in held_flux(tmp_path, None, DAY).files] == ["own.csv"]


def test_a_day_of_a_few_minutes_is_asked_for(tmp_path, archive):
    own_flux(tmp_path, "# observed")
    path = tmp_path / "own.csv"
    whole = path.read_text().splitlines(keepends=True)
    day = series_of(whole[-1].split(",")[0])
    length = len(held_flux(tmp_path, day, pd.Timedelta(0)).table)
    path.write_text("".join(whole[:200]))
    assert len(held_flux(tmp_path, day, pd.Timedelta(0)).table) == length


@pytest.mark.parametrize("error", [ValueError("no flare"), ConnectionError("no answer")])
def test_a_month_without_flares_keeps_no_other_from_being_asked_for(tmp_path, monkeypatch, error):
    asked = []

    def fetch(folder, start, end):
        asked.append(str(start)[:7])
        if len(asked) == 1:
            raise error

    monkeypatch.setattr(label_inputs, "fetch_flares", fetch)
    held_flares(tmp_path, series_of("2009-08-15", "2014-03-15"))
    assert asked == ["2009-08", "2014-03"][: 2 if isinstance(error, ValueError) else 1]


def test_minutes_of_rounded_times_are_minutes(tmp_path, archive):
    days = 2456658.5 + np.arange(1440) / 1440  # Julian: 1 January 2014
    times = pd.to_datetime(days, origin="julian", unit="D")
    own = pd.DataFrame({"time": times, "flux": 1e-6, "satellite": "15", "scale": "physical"})
    own.to_csv(tmp_path / "own.csv", index=False)
    assert len(held_flux(tmp_path, series_of("2014-03-10"), DAY).asked) == 1


def test_without_times_nothing_is_asked_for(tmp_path, monkeypatch):
    assert held_flux(tmp_path, None, DAY) is None
    own_flux(tmp_path, "# observed")
    held = held_flux(tmp_path, None, DAY)
    assert held.asked.empty
    assert len(held.table) == 1440
