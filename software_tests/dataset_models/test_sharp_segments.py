"""SHARP-CEA files on disk, made up and real."""

import pathlib
import re

import numpy as np
import pytest
from astropy.io import fits

from dataset_models.sdo import sharp_segments
from dataset_models.sdo.full_disk_features import FORCES
from dataset_models.sdo.lorentz_force import PIXEL_AREA

RECORD = "hmi.sharp_cea_720s_nrt.12.20140101_120000_TAI"
OTHER_REGION = "hmi.sharp_cea_720s_nrt.13.20140101_120000_TAI"
LATER = "hmi.sharp_cea_720s_nrt.12.20140101_121200_TAI"
REAL = "hmi_sharp/harp377_20110215_0200/hmi.sharp_cea_720s.377.20110215_020000_TAI"


def write(folder, name, data, record=RECORD, **cards):
    header = fits.Header(
        {
            **{"T_REC": "2014.01.01_12:00:00_TAI", "HARPNUM": 12, "QUALITY": 0, "LON_FWT": -5.5},
            **{"CMASK": 4, "USFLUX": 1e20},
        }
        | cards
    )
    fits.PrimaryHDU(np.asarray(data, float), header).writeto(folder / f"{record}.{name}.fits")


def write_all(folder, record=RECORD, **cards):
    for name in ("Bp", "Bt", "Br"):
        write(folder, name, np.ones((20, 20)), record, **cards)


def test_a_field_becomes_a_row(tmp_path):
    write(tmp_path, "Bp", [[3.0, np.nan]])
    write(tmp_path, "Bt", [[-4.0, 0.0]])
    write(tmp_path, "Br", [[2.0, 0.0]])
    (row,) = sharp_segments.read_segments(tmp_path).to_dict("records")
    assert str(row["time"]) == "2014-01-01 11:59:25"
    assert (row["region"], row["longitude"], row["pixels"]) == (12, -5.5, 4)
    assert row["USFLUX"] == 1e20
    assert np.isnan(row["R_VALUE"])
    assert row["TOTBSQ"] == 29
    assert row["TOTFY"] == pytest.approx(-8 * PIXEL_AREA / (4 * np.pi))  # by = -Bt = 4


@pytest.mark.parametrize("quality", [0x10000, -(2**31), "MISSING", None])
def test_bad_quality_is_left_out(tmp_path, quality):
    write_all(tmp_path, QUALITY=quality)
    write_all(tmp_path, OTHER_REGION, HARPNUM=13)
    assert sharp_segments.read_segments(tmp_path)["region"].tolist() == [13]


def test_nothing_but_bad_quality(tmp_path):
    write_all(tmp_path, QUALITY=0x10000)
    with pytest.raises(ValueError, match=r"No record of .* in 1 records: records of bad QUALITY"):
        sharp_segments.read_segments(tmp_path)


def cut(path):
    path.write_bytes(path.read_bytes()[:4000])


def as_text(path):
    path.write_text("<html>404</html>")


def without_number(path):
    with fits.open(path, mode="update") as units:
        del units[0].header["HARPNUM"]


def without_longitude(path):
    with fits.open(path, mode="update") as units:
        del units[0].header["LON_FWT"]


def with_a_bare_nan(path):
    card = b"LON_FWT =" + b"-5.5".rjust(21)
    assert card in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(card, b"LON_FWT =" + b"nan".rjust(21)))


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("Bp", cut, r"Bp\.fits is damaged: File may have been truncated"),
        ("Bt", as_text, r"Bt\.fits is damaged: .*SIMPLE"),
        ("Br", without_number, r"Br\.fits does not say what it is: .*HARPNUM"),
        ("Br", without_longitude, r"Br\.fits does not say where it is, in LON_FWT"),
        ("Br", with_a_bare_nan, r"Br\.fits does not say where it is, in LON_FWT"),
        ("Bp", pathlib.Path.unlink, r"No such file .*Bp\.fits"),
        ("Br", pathlib.Path.unlink, r"No such file .*Br\.fits"),
    ],
)
def test_a_damaged_record_takes_its_disk_with_it(tmp_path, caplog, name, damage, reason):
    write_all(tmp_path)
    write_all(tmp_path, OTHER_REGION, HARPNUM=13)
    damage(tmp_path / f"{RECORD}.{name}.fits")
    with pytest.raises(ValueError, match=rf"No record of .* in 2 records: .*{reason}"):
        sharp_segments.read_segments(tmp_path)
    write_all(tmp_path, LATER, T_REC="2014.01.01_12:12:00_TAI")
    caplog.clear()
    (time,) = sharp_segments.read_segments(tmp_path)["time"]
    assert str(time) == "2014-01-01 12:11:25"
    assert re.search(rf"nrt 20140101_120000_TAI are left out: .*{reason}", caplog.text)


def test_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no vector field.*with Bp and Bt beside"):
        sharp_segments.read_segments(tmp_path)


def test_segments_of_unlike_shape(tmp_path):
    for name, data in (("Bp", [[1.0]]), ("Bt", [[1.0]]), ("Br", [[1.0, 2.0]])):
        write(tmp_path, name, data)
    with pytest.raises(ValueError, match=r"Bp, Bt and Br of .*one shape: .*\(1, 2\)"):
        sharp_segments.read_segments(tmp_path)


def test_a_file_without_an_image(tmp_path):
    fits.PrimaryHDU().writeto(tmp_path / f"{RECORD}.Bp.fits")
    write(tmp_path, "Br", [[1.0]])
    with pytest.raises(ValueError, match=r"Bp\.fits holds no image"):
        sharp_segments.read_segments(tmp_path)


def _real(folder, name):
    return sharp_segments._image(folder / f"{REAL}.{name}.fits")


@pytest.fixture
def field(real_data):
    """HARP 377 before the X2.2 flare: (bx, by, bz, trusted pixels, header)."""
    (bp, _), (bt, _), (br, header) = (_real(real_data, name) for name in ("Bp", "Bt", "Br"))
    trusted = (_real(real_data, "conf_disambig")[0] >= 70) & (_real(real_data, "bitmap")[0] >= 30)
    return bp, -bt, br, trusted, header


def test_keywords_of_the_real_region_follow_from_its_field(field):
    """The JSOC's own numbers, from the axes, signs and areas that the forces are computed with.

    Formulae: Bobra et al. 2014 (doi:10.1007/s11207-014-0529-3), table 3; derivatives are central
    differences, and a pixel is 0.03 degree on a Sun of 696 Mm.
    """
    bx, by, bz, trusted, header = field
    metres = np.radians(0.03) * 6.96e8
    horizontal = np.hypot(bx, by)
    curl = np.gradient(by, axis=1) - np.gradient(bx, axis=0)  # G per pixel
    strong = trusted & (horizontal > 100)
    current = curl * 1e-4 / (4e-7 * np.pi * metres)  # A m-2
    helicity = (curl * bz / metres)[trusted]
    found = {
        "CMASK": trusted.sum(),
        "USFLUX": np.abs(bz[trusted]).sum() * (100 * metres) ** 2,
        "MEANGAM": np.degrees(np.arctan2(horizontal, np.abs(bz)))[strong].mean(),
        "MEANJZD": current[trusted].mean() * 1e3,
        "TOTUSJZ": np.abs(current[trusted]).sum() * metres**2,
        "MEANJZH": helicity.mean(),  # its sign is that of by and of the curl
        "TOTUSJH": np.abs(helicity).sum(),
        "ABSNJZH": abs(helicity.sum()),
        "MEANALP": (curl * bz)[trusted].sum() / (bz[trusted] ** 2).sum() / metres * 1e6,
    }
    for name, value in found.items():
        assert value == pytest.approx(header[name], rel=1e-4), name


def test_forces_of_the_real_region(field, real_data):
    (row,) = sharp_segments.read_segments(real_data / "hmi_sharp").to_dict("records")
    assert (row["region"], row["longitude"]) == (377, 12.77996)
    assert str(row["time"]) == "2011-02-15 01:59:26"  # TAI was 34 s ahead of UTC
    assert row["USFLUX"] == 2.71476e22
    assert np.isnan(row["R_VALUE"])  # a bare nan in the header
    bx, by, bz, trusted, _ = field
    assert row["TOTBSQ"] == pytest.approx((bx**2 + by**2 + bz**2).sum())
    # The stress of a real region is nearly balanced: Metcalf et al. 1995 call a field free of
    # force where these are below 0.1.
    assert max(abs(row[name]) for name in ("EPSX", "EPSY", "EPSZ")) < 0.1
    assert all(np.isfinite(row[name]) for name in FORCES)
    # All but 5 % of B^2 lies in the pixels that SHARP trusts.
    assert (bx**2 + by**2 + bz**2)[trusted].sum() / row["TOTBSQ"] == pytest.approx(0.954, abs=1e-3)
