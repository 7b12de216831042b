"""Images, descriptions and linear networks, of which every map is known."""

import math

import keras
import numpy as np
from keras import layers

WCS = {
    "CTYPE1": "HPLN-TAN",
    "CTYPE2": "HPLT-TAN",
    "CUNIT1": "arcsec",
    "CUNIT2": "arcsec",
    "CRPIX1": 3.25,
    "CRPIX2": 4.75,
    "CDELT1": 300.0,
    "CDELT2": 300.0,
    "CRVAL1": 1.5,
    "CRVAL2": -2.5,
    "CROTA2": 0.0,
}
CARDS = {
    **WCS,
    "DATE-OBS": "2014-01-01T00:00:11.34",
    "T_OBS": "2014-01-01T00:00:12.34Z",
    "TELESCOP": "SDO/AIA",
    "INSTRUME": "AIA_4",
    "WAVELNTH": 94,
    "WAVEUNIT": "angstrom",
    "DSUN_OBS": 147096679538.03,
    "RSUN_OBS": 975.962484,
    "RSUN_REF": 696000000.0,
    "CRLN_OBS": 189.476105,
    "CRLT_OBS": -3.004567,
    "DATAMIN": -5,  # of the image, not of its map
    "NAXIS1": 1024,
    "BUNIT": "DN",
    "OSCNMEAN": math.nan,  # FITS cannot hold it
}
UNITS = {"images": "DN / s", "target": "log10(W / m2)"}
GRADIENT = {"methods": ("gradient",)}


def described(number=0, channels=("94", "171"), wcs=None, marks=(), target=-4.5):
    """What `Dataset.describe` would say of one sample."""
    return {
        "id": f"20140101_000{number}",
        "time": np.datetime64("2014-01-01T00:00:12"),
        "channels": channels,
        "unit": "DN / s",
        "wcs": wcs,
        "labels": {"target": target},
        "marks": marks,
    }


def descriptions(count, channels=("94", "171"), marks=()):
    """What `Dataset.describe` would say of each of several samples of one time."""
    time = np.datetime64("2014-01-01T00:00")
    common = {"time": time, "channels": channels, "unit": "DN / s", "marks": marks}
    return [{"id": f"sample {i}", **common} for i in range(count)]


def images(*shape):
    """Normal noise around 3, float32; the same for the same shape."""
    return np.random.default_rng(1).normal(3.0, 1.0, shape).astype("float32")


def linear_model(weights, whitening=None):
    """Forecast = sum of weights x (whitened) pixels, so that its gradient is known.

    Args:
        weights: float array, shape (height, width, channel).
        whitening: layer, or None.
    """
    entry = keras.Input(weights.shape, name="images")
    dense = layers.Dense(1, use_bias=False)
    seen = whitening(entry) if whitening else entry
    model = keras.Model({"images": entry}, dense(layers.Flatten()(seen)))
    dense.set_weights([weights.reshape(-1, 1)])
    return model
