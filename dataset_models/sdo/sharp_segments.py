"""Features of active regions from SHARP-CEA files on disk, without a network."""

import pathlib
import re

import numpy as np
import pandas as pd
from astropy.io import fits

from dataset_models.sdo.fits_image import parse_time
from dataset_models.sdo.full_disk_features import FORCES, KEYWORDS
from dataset_models.sdo.lorentz_force import lorentz_force
from dataset_models.sdo.sharp_keywords import COLUMNS, NAMES, WORST_QUALITY

NAME = re.compile(
    r"(?P<record>(?P<series>hmi\.sharp_cea_720s(?:_nrt)?)\.\d+\.\d{8}_\d{6}_TAI)\.Br\.fits"
)
FIELD = {"bx": ("Bp", 1), "by": ("Bt", -1), "bz": ("Br", 1)}  # segment and sign


def read_segments(folder: str | pathlib.Path) -> pd.DataFrame:
    """Keywords and Lorentz forces of each SHARP-CEA whose field lies in a folder.

    Args:
        folder: holds hmi.sharp_cea_720s[_nrt].HARP.T_REC.{Bp,Bt,Br}.fits, at any depth.

    Returns:
        DataFrame in the order of time: what `sharp_keywords.query` gives, from the header, and the
        seven Lorentz forces of the field; and "series", whose numbers "region" holds. Records of
        bad QUALITY are left out.

    Raises:
        FileNotFoundError: there is no Br in the folder, or a Br without its Bp or Bt.
        ValueError: a file without an image, or segments of unlike shape.
    """
    found = [(path, NAME.fullmatch(path.name)) for path in sorted(pathlib.Path(folder).rglob("*"))]
    records = [(path.parent, name["record"], name["series"]) for path, name in found if name]
    if not records:
        raise FileNotFoundError(
            f"There is no vector field in {folder}. Expected files such as "
            "hmi.sharp_cea_720s_nrt.377.20110215_020000_TAI.Br.fits, with Bp and Bt beside them. "
            "Export these segments from the JSOC."
        )
    rows = [row for record in records if (row := _region(*record))]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "series", *KEYWORDS, *FORCES])
    return table.sort_values(["time", "region"], ignore_index=True)


def _region(folder, record, series):
    """The row of one record; None where its QUALITY is bad."""
    segments = {name: _image(folder / f"{record}.{name}.fits") for name in ("Bp", "Bt", "Br")}
    shapes = {name: data.shape for name, (data, _) in segments.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            f"The segments of {folder / record} are no vector field. Expected Bp, Bt and Br of one "
            f"shape. Received: {shapes}. Export them again."
        )
    header = segments["Br"][1]
    if _number(header, "QUALITY") >= WORST_QUALITY:
        return None
    field = {axis: sign * segments[name][0] for axis, (name, sign) in FIELD.items()}
    return {
        "time": parse_time(header["T_REC"]).astype("datetime64[ns]"),
        "region": int(header["HARPNUM"]),
        "series": series,
        **{name: _number(header, keyword) for keyword, name in NAMES.items()},
        **{name: _number(header, name) for name in KEYWORDS},
        **lorentz_force(**field),
    }


def _image(path):
    """Data and header of the first image of a file; missing pixels count as no field."""
    with fits.open(path) as units:
        for unit in units:
            if unit.is_image and unit.header["NAXIS"]:
                return np.nan_to_num(unit.data.astype(np.float64)), unit.header
    raise ValueError(f"{path} holds no image. Expected a segment of a SHARP-CEA. Export it again.")


def _number(header, name):
    """NaN where the card is missing, or is a bare nan, which no FITS value may be."""
    try:
        value = header.get(name)
    except fits.VerifyError:
        return np.nan
    return float(value) if isinstance(value, int | float) else np.nan
