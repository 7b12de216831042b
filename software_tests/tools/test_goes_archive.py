import functools
import http.server
import threading

import h5netcdf
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from pyarrow import feather
from sunpy.net.dataretriever import XRSClient

from tools import goes_archive
from tools.flux import read_flux
from tools.primary_satellite import NEWEST_SATELLITE, PRIMARY

JANUARY = pd.Period("2014-01")  # GOES-15 was primary
LATER = pd.Timestamp("2014-03-15")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        self.server.asked.append(self.path)


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A server of NCEI's and SDAC's layout, at which sunpy's own client is pointed."""
    root = tmp_path / "archive"
    root.mkdir()
    handler = functools.partial(Quiet, directory=root)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.root, server.asked = root, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/"
    for name in ("pattern_new", "pattern_r", "pattern_old"):
        pattern = getattr(XRSClient, name).split("/", 3)[3]
        monkeypatch.setattr(XRSClient, name, address + pattern)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def science(root, satellite, day, flux, version="v1-0-0", bad=(10,)):
    """NCEI's file of one day with constant flux, some minutes flagged."""
    day = pd.Timestamp(day)
    name = f"sci_xrsf-l2-avg1m_g{satellite}_d{day:%Y%m%d}_{version}.nc"
    folder = root / "data/goes-space-environment-monitor/access/science/xrs" / f"goes{satellite}"
    if satellite >= 16:
        folder = root / "platforms/solar-space-observing-satellites/goes" / f"goes{satellite}"
        folder = folder / "l2/data"
    path = folder / "xrsf-l2-avg1m_science" / f"{day:%Y/%m}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    seconds = (day - pd.Timestamp("2000-01-01T12:00")).total_seconds() + 60.0 * np.arange(1440)
    flags = np.zeros(1440, "u2")
    flags[list(bad)] = 1
    with h5netcdf.File(path, "w") as file:
        file.attrs.update({"id": name, "summary": "XRS averages", "platform": f"g{satellite}"})
        file.dimensions["time"] = 1440
        time = file.create_variable("time", ("time",), data=seconds)
        time.attrs["units"] = "seconds since 2000-01-01 12:00:00"
        for band in "ab":
            file.create_variable(f"xrs{band}_flux", ("time",), data=np.full(1440, flux, "f4"))
            flag = file.create_variable(f"xrs{band}_flag", ("time",), data=flags)
            flag.attrs["flag_meanings"] = "good_data bad_data"
            flag.attrs["flag_masks"] = np.array([1, 1], "u2")


def old_fits(root, satellite, day, flux):
    """SDAC's file of one day: readings of 3 s on the operational scale."""
    day = pd.Timestamp(day)
    path = root / f"goes/fits/{day:%Y}/go{satellite}{day:%Y%m%d}.fits"
    path.parent.mkdir(parents=True, exist_ok=True)
    header = fits.Header()
    header["TELESCOP"] = f"GOES {satellite}"
    header["DATE-OBS"] = header["DATE-END"] = f"{day:%d/%m/%Y}"
    header["TIME-OBS"], header["TIME-END"] = "00:00:00.000", "23:59:57.000"
    seconds = 3.0 * np.arange(28_800)
    values = np.full((1, len(seconds), 2), flux, "f4")
    columns = [
        fits.Column("TIME", f"{len(seconds)}D", array=seconds[None]),
        fits.Column("FLUX", f"{values[0].size}E", dim=f"(2,{len(seconds)})", array=values),
    ]
    empty = fits.BinTableHDU.from_columns([fits.Column("X", "D", array=[0.0])])
    table = fits.BinTableHDU.from_columns(columns)
    fits.HDUList([fits.PrimaryHDU(header=header), empty, table, empty.copy()]).writeto(path)


def test_a_month_is_fetched_through_sunpy_and_kept(archive, tmp_path):
    science(archive.root, 15, "2014-01-01", 1e-6)
    science(archive.root, 15, "2014-01-02", 9e-6)
    science(archive.root, 15, "2014-01-02", 2e-6, version="v2-0-0")
    science(archive.root, 13, "2014-01-02", 5e-6)
    science(archive.root, 13, "2014-01-03", 3e-6)
    old_fits(archive.root, 15, "2014-01-02", 7e-7)
    old_fits(archive.root, 15, "2014-01-04", 7e-7)
    folder = tmp_path / "goes"
    (path,) = goes_archive.fetch_flux(folder, [JANUARY], now=LATER)
    assert path == folder / "xrs/2014-01.feather"
    table = read_flux(path)
    assert len(table) == 4 * 1440
    assert (table["cadence"] == pd.Timedelta("1min")).all()
    assert (table["scale"] == "physical").all()
    days = table.groupby(table["time"].dt.day)
    # Newest version of the primary satellite; another one; readings on the operational scale.
    np.testing.assert_allclose(days["flux"].median(), [1e-6, 2e-6, 3e-6, 1e-6], rtol=1e-6)
    satellites = [f"GOES-{number}" for number in (15, 15, 13, 15)]
    assert days["satellite"].unique().map("".join).to_list() == satellites
    bad = table[table["quality"] != 0]
    assert bad["time"].dt.strftime("%d %H:%M").to_list() == ["01 00:10", "02 00:10", "03 00:10"]
    assert bad["flux"].isna().all()
    assert [path.name for path in folder.iterdir()] == ["xrs"]  # what was fetched is gone
    count = len(archive.asked)
    assert goes_archive.fetch_flux(folder, [JANUARY], now=LATER) == [path]
    assert len(archive.asked) == count  # nothing was asked again


def test_the_primary_satellite_changes_within_a_day(archive, tmp_path):
    # GOES-16 follows GOES-15 on 2019-12-09 at 17:30.
    for satellite, flux in ((15, 1e-6), (16, 2e-6)):
        science(archive.root, satellite, "2019-12-09", flux)
    (path,) = goes_archive.fetch_flux(tmp_path, [pd.Period("2019-12")], now=LATER)
    table = read_flux(path).set_index("time")["satellite"]
    assert table["2019-12-09T17:29"] == "GOES-15"
    assert table["2019-12-09T17:30"] == "GOES-16"
    assert table.nunique() == 2


def test_another_satellite_fills_an_eclipse(archive, tmp_path):
    science(archive.root, 15, "2014-03-01", 1e-6)  # lacks a minute: nobody else is asked for
    science(archive.root, 15, "2014-03-02", 1e-6, bad=range(500, 572))
    for day in ("2014-03-01", "2014-03-02"):
        science(archive.root, 13, day, 2e-6)
    science(archive.root, 14, "2014-03-02", 3e-6)
    old_fits(archive.root, 15, "2014-03-02", 7e-7)  # what science data flag stays away
    (path,) = goes_archive.fetch_flux(tmp_path, [pd.Period("2014-03")], now=pd.Timestamp("2015"))
    table = read_flux(path)
    assert len(table) == 2 * 1440
    filled = table[table["satellite"] == "GOES-13"]
    assert filled["time"].iloc[[0, -1]].dt.strftime("%d %H:%M").to_list() == [
        "02 08:20",
        "02 09:31",
    ]
    assert len(filled) == 72
    np.testing.assert_allclose(filled["flux"], 2e-6, rtol=1e-6)
    assert set(table["satellite"]) == {"GOES-13", "GOES-15"}
    assert not any("g13_d20140301" in path or path.endswith(".fits") for path in archive.asked)


def test_goes_19_stands_in_for_goes_18(archive, tmp_path):
    science(archive.root, 18, "2025-07-28", 1e-6, version="v2-2-1")
    for day in ("2025-07-28", "2025-07-29"):
        science(archive.root, 19, day, 2e-6, version="v2-2-1")
    (path,) = goes_archive.fetch_flux(tmp_path, [pd.Period("2025-07")], now=pd.Timestamp("2026"))
    days = read_flux(path).groupby(lambda row: row // 1440)["satellite"].unique()
    assert days.map("".join).to_list() == ["GOES-18", "GOES-19"]
    place = "/platforms/solar-space-observing-satellites/goes/goes19/l2/data/"
    name = "xrsf-l2-avg1m_science/2025/07/sci_xrsf-l2-avg1m_g19_d20250729_v2-2-1.nc"
    assert place + name in archive.asked


def test_every_satellite_since_2010_is_asked():
    primary = {number for _, number in PRIMARY}
    assert primary <= {*goes_archive.OTHERS}
    assert max(goes_archive.OTHERS) == NEWEST_SATELLITE


def test_a_recent_month_is_asked_for_again(archive, tmp_path):
    science(archive.root, 15, "2014-01-01", 1e-6)
    soon = pd.Timestamp("2014-01-05")
    (path,) = goes_archive.fetch_flux(tmp_path, [JANUARY], now=soon)
    assert feather.read_table(path).schema.metadata[b"fetched"] == b"2014-01-05T00:00:00"
    science(archive.root, 15, "2014-01-02", 1e-6)
    (path,) = goes_archive.fetch_flux(tmp_path, [JANUARY], now=LATER)
    assert len(read_flux(path)) == 2 * 1440


def test_a_recent_month_is_used_as_it_is_where_nobody_answers(archive, tmp_path, caplog):
    science(archive.root, 15, "2014-01-01", 1e-6)
    paths = goes_archive.fetch_flux(tmp_path, [JANUARY], now=pd.Timestamp("2014-01-05"))
    archive.shutdown()
    archive.server_close()
    assert goes_archive.fetch_flux(tmp_path, [JANUARY], now=LATER, pause=0) == paths
    assert "2014-01: what was fetched before is used, since" in caplog.text


def test_a_month_without_data_is_told_and_not_written(archive, tmp_path, caplog):
    assert goes_archive.fetch_flux(tmp_path, [JANUARY], now=LATER) == []
    assert "2014-01: the archives hold no X-ray flux of this month" in caplog.text
    assert not list(tmp_path.glob("xrs/*"))


def test_without_a_network_the_hosts_and_the_way_out_are_named(archive, tmp_path):
    archive.shutdown()
    archive.server_close()
    with pytest.raises(ConnectionError, match=r"2014-01 could not be fetched in 4 .*127\.0\.0\.1"):
        goes_archive.fetch_flux(tmp_path, [JANUARY], pause=0)
    with pytest.raises(ConnectionError, match=r"or put flux files of your own .* into"):
        goes_archive.fetch_flux(tmp_path, [JANUARY], pause=0)


def test_a_file_that_does_not_come_is_an_error(archive, tmp_path, monkeypatch):
    science(archive.root, 15, "2014-01-01", 1e-6)
    sent = Quiet.do_GET

    def listing_only(handler):
        if handler.path.endswith(".nc"):
            handler.send_error(503)
        else:
            sent(handler)

    monkeypatch.setattr(Quiet, "do_GET", listing_only)
    with pytest.raises(ConnectionError, match=r"20140101_v1-0-0\.nc"):
        goes_archive.fetch_flux(tmp_path, [JANUARY], pause=0)
    assert not list(tmp_path.glob(".fetch*"))


def test_the_real_hosts():
    assert goes_archive.archive_hosts() == (
        "www.ncei.noaa.gov",
        "data.ngdc.noaa.gov",
        "umbra.nascom.nasa.gov",
    )


def test_the_next_satellite_is_asked_where_one_is_blind_too(archive, tmp_path):
    # GOES-13 lacks the same minutes, and GOES-14 has them.
    eclipse = range(500, 572)
    science(archive.root, 15, "2014-03-02", 1e-6, bad=eclipse)
    science(archive.root, 13, "2014-03-02", 2e-6, bad=eclipse)
    science(archive.root, 14, "2014-03-02", 3e-6)
    (path,) = goes_archive.fetch_flux(tmp_path, [pd.Period("2014-03")], now=pd.Timestamp("2015"))
    table = read_flux(path)
    assert (table["satellite"] == "GOES-14").sum() == 72
    assert table["flux"].notna().all()


def test_a_month_of_another_rule_is_fetched_again(archive, tmp_path):
    science(archive.root, 15, "2014-01-01", 1e-6)
    (path,) = goes_archive.fetch_flux(tmp_path, [JANUARY], now=LATER)
    table = feather.read_table(path)
    assert table.schema.metadata[b"rule"] == goes_archive.RULE
    # As it was written before the rules had a number.
    feather.write_feather(table.replace_schema_metadata({b"fetched": b"2014-03-15T00:00:00"}), path)
    science(archive.root, 15, "2014-01-02", 1e-6)
    goes_archive.fetch_flux(tmp_path, [JANUARY], now=LATER)
    assert len(read_flux(path)) == 2 * 1440


@pytest.mark.parametrize("content", [b"ARROW1 damaged", b"", b"\x00\xff" * 9])
def test_a_damaged_month_is_named_and_fetched_again(archive, tmp_path, caplog, content):
    science(archive.root, 15, "2014-01-01", 1e-6)
    (path,) = goes_archive.fetch_flux(tmp_path, [JANUARY], now=LATER)
    path.write_bytes(content)
    assert goes_archive.fetch_flux(tmp_path, [JANUARY], now=LATER) == [path]
    assert len(read_flux(path)) == 1440
    assert f"{path} is" in caplog.text


def test_a_damaged_file_is_named_by_the_reader(tmp_path):
    path = tmp_path / "2014-01.feather"
    path.write_bytes(b"ARROW1 damaged")
    with pytest.raises(ValueError, match=r"2014-01\.feather is damaged\. Expected a whole Feather"):
        read_flux(path)


def test_versions_are_numbers(archive, tmp_path):
    science(archive.root, 15, "2014-01-01", 2e-6, version="v2-2-0")
    science(archive.root, 15, "2014-01-01", 3e-6, version="v2-10-0")
    (path,) = goes_archive.fetch_flux(tmp_path, [JANUARY], now=LATER)
    assert read_flux(path)["flux"].median() == pytest.approx(3e-6)
