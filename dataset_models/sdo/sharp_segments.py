"""Features of active regions from SHARP-CEA files on disk, without a network."""

import io
import logging
import pathlib
import re
import warnings

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from dataset_models.sdo.fits_image import parse_time
from dataset_models.sdo.full_disk_features import FORCES, KEYWORDS
from dataset_models.sdo.lorentz_force import lorentz_force
from dataset_models.sdo.sharp_keywords import COLUMNS, NAMES, is_good

NAME = re.compile(
    r"(?P<record>(?P<series>hmi\.sharp_cea_720s(?:_nrt)?)\.\d+\.(?P<time>\d{8}_\d{6}_TAI))"
    r"\.(?:Bp|Bt|Br)\.fits"
)
FIELD = {"bx": ("Bp", 1), "by": ("Bt", -1), "bz": ("Br", 1)}  # segment and sign
_LOG = logging.getLogger(__name__)


def read_segments(folder: str | pathlib.Path) -> pd.DataFrame:
    """Keywords and Lorentz forces of each SHARP-CEA whose field lies in a folder.

    A record that cannot be read is left out with all others of its T_REC: a disk that lacks one of
    its regions looks weaker than it was. A log message names file and reason.

    Args:
        folder: holds hmi.sharp_cea_720s[_nrt].HARP.T_REC.{Bp,Bt,Br}.fits, at any depth.

    Returns:
        DataFrame in the order of time: what `sharp_keywords.query` gives, from the header, and the
        seven Lorentz forces of the field; and "series", whose numbers "region" holds. Records of
        bad QUALITY are left out.

    Raises:
        FileNotFoundError: there is no such file in the folder.
        ValueError: no record can be used.
    """
    found = [(path, NAME.fullmatch(path.name)) for path in sorted(pathlib.Path(folder).rglob("*"))]
    records = {(path.parent, name["record"]): name for path, name in found if name}
    if not records:
        raise FileNotFoundError(
            f"There is no vector field in {folder}. Expected files such as "
            "hmi.sharp_cea_720s_nrt.377.20110215_020000_TAI.Br.fits, with Bp and Bt beside them. "
            "Export these segments from the JSOC."
        )
    rows, reasons = _good_rows(records)
    if not rows:
        reason = next(iter(reasons.values()), "records of bad QUALITY")
        raise ValueError(
            f"No record of {folder} can be used. Expected Bp, Bt and Br of SHARP-CEA, of good "
            f"QUALITY. Received, in {len(records)} records: {reason}. Export them again."
        )
    table = pd.DataFrame(rows, columns=[*COLUMNS, "series", *KEYWORDS, *FORCES])
    return table.sort_values(["time", "region"], ignore_index=True)


def _good_rows(records):
    """Rows of the records; and reasons of those left out, by series and T_REC of their disk."""
    rows, reasons = [], {}
    for (folder, record), name in records.items():
        disk = name["series"], name["time"]
        try:
            rows.append((disk, _region(folder, record, name["series"])))
        except (OSError, ValueError) as error:
            reasons[disk] = " ".join(str(error).split())
            _LOG.warning("All regions of %s %s are left out: %s.", *disk, reasons[disk])
    return [row for disk, row in rows if row and disk not in reasons], reasons


def _region(folder, record, series):
    """The row of one record; None where its QUALITY is bad."""
    segments = {name: _image(folder / f"{record}.{name}.fits") for name in ("Bp", "Bt", "Br")}
    shapes = {name: data.shape for name, (data, _) in segments.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"Bp, Bt and Br of {folder / record} are not of one shape: {shapes}")
    header = segments["Br"][1]
    if not is_good(_card(header, "QUALITY")):
        return None
    field = {axis: sign * segments[name][0] for axis, (name, sign) in FIELD.items()}
    try:
        time = parse_time(header["T_REC"]).astype("datetime64[ns]")
        place = {"time": time, "region": int(header["HARPNUM"])}
    except (KeyError, ValueError, TypeError, fits.VerifyError) as error:
        raise ValueError(f"{folder / record}.Br.fits does not say what it is: {error}") from error
    place |= {name: _number(header, keyword) for keyword, name in NAMES.items()}
    if not np.isfinite(place["longitude"]):  # it would count as one beyond the limb
        raise ValueError(f"{folder / record}.Br.fits does not say where it is, in LON_FWT")
    return {
        **place,
        "series": series,
        **{name: _number(header, name) for name in KEYWORDS},
        **lorentz_force(**field),
    }


def _image(path):
    """Data and header of the first image of a file; missing pixels count as no field."""
    content = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "File may have been truncated", AstropyUserWarning)
            found = _first_image(content)
    except Exception as error:  # whatever broken bytes do to a decoder
        raise ValueError(f"{path} is damaged: {error}") from error
    if found is None:
        raise ValueError(f"{path} holds no image")
    return found


def _first_image(content):
    with fits.open(io.BytesIO(content)) as units:  # from memory: broken files would stay open
        for unit in units:
            if unit.is_image and unit.header["NAXIS"]:
                return np.nan_to_num(unit.data.astype(np.float64)), unit.header
    return None


def _card(header, name):
    """None where the card is missing, or is a bare nan, which no FITS value may be."""
    try:
        return header.get(name)
    except fits.VerifyError:
        return None


def _number(header, name):
    value = _card(header, name)
    return float(value) if isinstance(value, int | float) else np.nan
