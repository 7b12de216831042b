"""FITS headers of the embedded sample: the cards that the AIA synoptic archive has."""

import numpy as np
from astropy.io import fits

from dataset_models.synthetic.appearance import FIELD_OF_VIEW
from dataset_models.synthetic.ephemeris import (
    ASTRONOMICAL_UNIT,
    SOLAR_RADIUS,
    apparent_radius,
    days_since,
    ephemeris,
)

# Exposure and the time after the slot (s), camera, filter and exposure control of each channel;
# the six that are there as in the synoptic files of 2014-01-01T00:00, the other two plausible.
CHANNELS = {
    94: (2.900816, 2.57, 4, "94_THIN", 0),
    131: (2.901307, 10.07, 1, "131_THIN", 2),
    171: (1.999597, 12.34, 3, "171_THIN", 2),
    193: (2.000014, 7.84, 2, "193_THIN", 2),
    211: (2.900819, 1.07, 2, "211_THIN", 0),
    304: (2.900817, 9.57, 4, "304_THIN", 2),
    335: (2.900797, 4.07, 1, "335_THIN", 2),
    1600: (2.900800, 18.57, 3, "1600", 0),
}
NOT_A_NUMBER = (  # cards that hold the word nan
    *("OSCNMEAN", "OSCNRMS", "RSUN_LF", "X0_LF", "Y0_LF"),
    *("GCIEC_X", "GCIEC_Y", "GCIEC_Z", "HCIEC_X", "HCIEC_Y", "HCIEC_Z"),
)


def archive_header(slot, channel: int, counts) -> fits.Header:
    """Header of one image.

    Args:
        slot: datetime64, UTC, the time in the file's name.
        channel: int, Angstrom.
        counts: the image in DN, shape (height, width).

    Returns:
        Cards as in the archive, without those of housekeeping; ORIGIN, SYNTHETIC and COMMENT say
        that the image was drawn.
    """
    exposure, delay, camera, filters, control = CHANNELS[channel]
    observed = np.datetime64(slot, "ms") + np.timedelta64(round(delay * 1000), "ms")
    begun = observed - np.timedelta64(round(exposure * 500), "ms")  # T_OBS is mid-exposure
    cards = {
        "ORIGIN": "FLARENET SYNTHETIC SUN",
        "HIERARCH SYNTHETIC": True,
        "TELESCOP": "SDO/AIA",
        "INSTRUME": f"AIA_{camera}",
        "DATE-OBS": str(begun)[:-1],
        "T_OBS": f"{str(observed)[:-1]}Z",
        "T_REC": f"{np.datetime64(observed, 's')}Z",
        "CAMERA": camera,
        "IMG_TYPE": "LIGHT",
        "EXPTIME": exposure,
        "WAVELNTH": channel,
        "WAVEUNIT": "angstrom",
        "WAVE_STR": filters,
        "LVL_NUM": 1.5,
        "QUALITY": 0,
        "AECTYPE": control,
        **_statistics(counts),
        **pointing(observed, len(counts)),
        **dict.fromkeys(NOT_A_NUMBER, "nan"),
    }
    header = fits.Header(cards)
    header["COMMENT"] = "SYNTHETIC: drawn from FlareNet's synthetic Sun, not observed."
    return header


def _statistics(counts):
    return {
        "PERCENTD": 100.0,
        "DATAMIN": float(counts.min()),
        "DATAMAX": float(counts.max()),
        "DATAMEDN": float(np.median(counts)),
        "DATAMEAN": float(counts.mean()),
    }


def pointing(time, size: int) -> dict:
    """World coordinates of a full-disk image with solar north up, and where the Earth stands.

    Args:
        time: datetime64, UTC.
        size: int, pixels on a side.

    Returns:
        dict of FITS cards; arcsec, degrees, m.
    """
    longitude, latitude, distance = (float(value) for value in ephemeris(time))
    scale = FIELD_OF_VIEW / size
    cards = {}
    for axis, name in (("1", "HPLN-TAN"), ("2", "HPLT-TAN")):
        cards |= {f"CTYPE{axis}": name, f"CUNIT{axis}": "arcsec", f"CRVAL{axis}": 0.0}
        cards |= {f"CDELT{axis}": scale, f"CRPIX{axis}": (size + 1) / 2}
    radius = float(apparent_radius(time))
    return cards | {
        "CROTA2": 0.0,
        "R_SUN": radius / scale,
        "DSUN_REF": ASTRONOMICAL_UNIT,
        "DSUN_OBS": distance,
        "RSUN_REF": SOLAR_RADIUS,
        "RSUN_OBS": radius,
        "CRLN_OBS": longitude,
        "CRLT_OBS": latitude,
        "CAR_ROT": int(_rotation(time, longitude)),
    }


def _rotation(time, longitude):
    """Number of the Carrington rotation; number 1 began on 1853-11-09."""
    turns = days_since(time, "1853-11-09T21:38:44") / 27.2753
    return 1 + np.round(turns - (1 - longitude / 360))
