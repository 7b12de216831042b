"""Files of a flux series: their forms, and what is none."""

import gzip
import warnings

import h5netcdf
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from software_tests.flux_tables import rows, written
from tools.flux import read_flux


def test_the_form_of_swpc_gives_its_long_channel(tmp_path):
    head = "time_tag,satellite,flux,energy\n"
    lines = [
        "2025-07-29 21:05:00+00:00,18,1.4e-08,0.05-0.4nm",
        "2025-07-29 21:05:00+00:00,18,1.0e-06,0.1-0.8nm",
    ]
    table = read_flux(written(tmp_path, rows(*lines, head=head)))
    assert table["flux"].to_list() == [1e-6]
    assert table["satellite"].to_list() == ["GOES-18"]


def test_gzipped_files_are_read_as_they_are(tmp_path):
    path = written(tmp_path, rows("2014-01-01T00:00,1e-6", "2014-01-01T00:01,"))
    packed = tmp_path / "flux.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    pd.testing.assert_frame_equal(read_flux(packed), read_flux(path))
    packed.write_bytes(packed.read_bytes()[:-12])
    with pytest.raises(ValueError, match=r"flux.csv.gz cannot be unpacked. Expected a whole gzip"):
        read_flux(packed)
    packed.write_bytes(gzip.compress(b"start,end\n"))
    with pytest.raises(ValueError, match=r"flux.csv.gz is not a flux series"):
        read_flux(packed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty. Expected a header line"),
        ("# scale: physical\n", "is empty. Expected a header line and rows. Received 1 lines"),
        ("time,flux\n", "has a header and no rows"),
        ("<html><body>404</body></html>\n", "is not a flux series.*Received the header: <html>"),
        ("time,flux\n2014-01-01,1e-6\nsoon,1e-6\n", "line 3, column 'time': expected a time"),
        ("# a\n\ntime,flux\n", "is not a flux series"),
        ("time,flux\n2014-01-01,high\n", "line 2, column 'flux': expected a number"),
        ("# a\n# b\ntime,flux\n\n2014-01-01,1\n,1e-6\n", "line 6, column 'time'"),
        ("time,flux\n2014-01-01,1e-6\n2014-01-01,1,2,3\n", "is not a table.*line 3"),
        (
            "time_tag,satellite,flux,energy\n2025-07-29T21:05:00Z,18,1e-8,0.05-0.4nm\n",
            "holds no flux of the long channel. Expected a row at least",
        ),
    ],
)
def test_what_is_no_flux_series_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_flux(written(tmp_path, text), scale="physical")


def test_no_file_at_all_is_refused():
    with pytest.raises(ValueError, match="No flux file was named"):
        read_flux([])


@pytest.mark.parametrize(
    ("end", "received"),
    [
        (b"2014-01-01T00:01,1e-6\n" + bytes(40), "a NUL byte in line 4"),
        (b"2014-01-01T00:01,\x00\n", "a NUL byte in line 3"),
        (b"\n" * 9000 + b"2014-01-01T00:01,\xff\xfe\n", "bytes that are not UTF-8"),
    ],
    ids=["cut short", "within", "not UTF-8"],
)
def test_a_table_that_ends_in_bytes_is_refused(tmp_path, end, received):
    path = tmp_path / "flux.csv"
    path.write_bytes(b"time,flux\n2014-01-01T00:00,1e-6\n" + end)
    with pytest.raises(ValueError, match=rf"flux\.csv is not a text table\. .*{received}"):
        read_flux(path, scale="physical")


def test_bytes_that_are_not_text_are_refused(tmp_path):
    path = tmp_path / "flux.dat"
    path.write_bytes(b"SR\x00\x04\xff\xfe\xff")
    with pytest.raises(ValueError, match="is not a text table"):
        read_flux(path)


def test_a_fits_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((4, 4), np.float32)).writeto(path)
    with pytest.raises(ValueError, match=r"is not a flux series. Expected FITS or netCDF of GOES"):
        read_flux(path)


def test_a_truncated_netcdf_is_refused(tmp_path):
    path = tmp_path / "sci_xrsf-l2-avg1m_g16_d20200101_v1.nc"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(ValueError, match=r"is not a flux series"):
        read_flux(path)


def science_netcdf(path, flags):
    count = len(flags)
    with h5netcdf.File(path, "w") as file:
        file.attrs.update({"id": path.name, "summary": "XRS averages", "platform": "g16"})
        file.dimensions["time"] = count
        time = file.create_variable("time", ("time",), data=60.0 * np.arange(count))
        time.attrs["units"] = "seconds since 2000-01-01 12:00:00"
        for band in "ab":
            file.create_variable(f"xrs{band}_flux", ("time",), data=np.full(count, 1e-6, "f4"))
            flag = file.create_variable(f"xrs{band}_flag", ("time",), data=np.array(flags, "u2"))
            flag.attrs["flag_meanings"] = "good_data bad_data electron_correction_valid"
            flag.attrs["flag_masks"] = np.array([7, 1, 120], "u2")


def test_netcdf_flags_are_honoured_by_the_mask_the_file_gives(tmp_path):
    path = tmp_path / "sci_xrsf-l2-avg1m_g16_d20000101_v1-0-0.nc"
    science_netcdf(path, [16, 17, 0, 4])
    table = read_flux(path)
    # 16 tells how electrons were corrected for and is good; 1 and 4 are bad.
    assert table["flux"].isna().to_list() == [False, True, False, True]
    assert table["quality"].to_list() == [0, 1, 0, 4]
    assert table["satellite"].unique().tolist() == ["GOES-16"]
    assert table["time"][0] == pd.Timestamp("2000-01-01 12:00:00")


def test_real_science_netcdf_is_physical(real_data):
    path = real_data / "goes/science_nc/sci_xrsf-l2-avg1m_g13_d20140128_v1-0-0.nc"
    table = read_flux(path)
    with h5netcdf.File(path) as file:
        flux = np.asarray(file["xrsb_flux"])
    assert len(table) == 1440
    assert table["flux"].isna().sum() == 2  # flag 17: bad_data
    good = table["flux"].notna().to_numpy()
    np.testing.assert_allclose(table["flux"][good], flux[good], rtol=1e-7)
    # SWPC's list has M4.9 as the largest flare of that day: 4.9e-5 / 0.7 = 7.0e-5 W m-2.
    high_resolution = real_data / "goes/science_nc/sci_gxrs-l2-irrad_g15_d20140128_v0-0-0.nc"
    assert read_flux(high_resolution)["flux"].max() == pytest.approx(7.0e-5, rel=0.03)


def test_real_old_fits_is_operational(real_data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read_flux(real_data / "goes/daily_fits/go1520131028.fits")
    # X1.0 at 02:03 UTC, a class of the operational scale: 1.0e-4 of it, 1.43e-4 physical.
    peak = table.loc[table["flux"].idxmax()]
    assert peak["flux"] * 0.7 == pytest.approx(1.0e-4, rel=0.05)
    assert abs(peak["time"] - pd.Timestamp("2013-10-28 02:03")) < pd.Timedelta("2min")
    assert peak["satellite"] == "GOES-15"


def test_real_flare_summary_is_no_flux_series(real_data):
    path = real_data / "goes/flare_summary/sci_xrsf-l2-flsum_g15_d20140501_v1-0-0.nc"
    with pytest.raises(ValueError, match="No flux data"):
        read_flux(path)
