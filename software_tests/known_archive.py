"""A data folder of AIA images and labels whose every number is known."""

import dataclasses

import keras
import numpy as np
import pandas as pd

from dataset_models.sdo import index, store
from dataset_models.sdo.aia import AIA
from dataset_models.sdo.side_channels import HAND_TAILORED
from tools import labels

CHANNELS = (94, 171)
SIZE = 8
DAYS = 24
CARDS = {
    "CTYPE1": "HPLN-TAN",
    "CTYPE2": "HPLT-TAN",
    "CUNIT1": "arcsec",
    "CUNIT2": "arcsec",
    "CRVAL1": 0.0,
    "CRVAL2": 0.0,
    "CDELT1": 307.2,  # 2457.6 arcsec over 8 pixels
    "CDELT2": 307.2,
    "CRPIX1": 4.75,
    "CRPIX2": 4.25,
    "CROTA2": 0.0,
    "DSUN_OBS": 1.5e11,
    "RSUN_OBS": 960.0,
    "CRLN_OBS": 10.0,
    "CRLT_OBS": 5.0,
    "R_SUN": 3.125,
}


def planes(row, channels):
    """DN/s of one time: row + channel / 1000, more towards the north-east, some of it negative."""
    ramp = np.add.outer(np.arange(SIZE) * 2.0, np.arange(SIZE) * 1.0) - 3
    return {c: ((row % 7 + 1 + c / 1000) * ramp).astype("float32") for c in channels}


@dataclasses.dataclass
class Archive:
    """A data folder whose numbers are known: an image every 12 h, at 00:00 and 12:00."""

    folder: object
    times: object

    def write(self, lacking=None, unit="DN / s", **changes):
        rows = []
        for row, time in enumerate(self.times):
            channels = tuple(c for c in CHANNELS if c not in (lacking or {}).get(row, ()))
            rows.append(self.write_sample(row, time, channels, unit, **changes))
        index.write_index(self.folder / "aia", pd.DataFrame(rows))

    def write_sample(self, row, time, channels, unit, **changes):
        identifier = time.strftime("%Y%m%d_%H%M")
        stamp = (time + pd.Timedelta(seconds=11)).isoformat()
        metadata = {
            "unit": unit,
            "t_obs": dict.fromkeys(map(str, channels), stamp),
            "wcs": {str(c): CARDS for c in channels},
            "rsun_obs": 960.0,
            **changes,
        }
        images, encoding = planes(row, channels), "root float16"
        if unit == "browse":
            images = {c: np.clip(i, 0, 255).astype("uint8") for c, i in images.items()}
            encoding = "uint8"
        file = store.sample_file(identifier)
        store.write_sample(self.folder / "aia" / file, images, metadata, encoding)
        _, metadata = store.read_metadata(self.folder / "aia" / file)
        return index.row(identifier, file, channels, metadata)

    def label(self, lag=60, catch=1440, **columns):
        number = np.arange(len(self.times))
        table = {
            "Date Stamp": self.times.strftime("%Y%m%d_%H%M"),
            "Catch Flux": 1e-6 * 1.1**number,
            "Current Flux": 5e-7 * 1.05**number,
            "Delta": 0.0,
            "Filename": "",
            "Coverage": 1.0,
            "Quiet": 0,
            "In Progress": 0,
            "Satellite": "",
            "Scale": "physical",
        }
        path = self.folder / "y" / labels.label_file(lag, catch)
        labels.write_labels(path, pd.DataFrame(table | columns))

    def features(self):
        """A row every 24 h, at 06:00 UTC; feature k of row n is n + k."""
        times = pd.date_range("2013-12-31T06:00", periods=DAYS + 2, freq="24h")
        values = np.arange(DAYS + 2)[:, None] + np.arange(25)
        table = pd.DataFrame(values, columns=HAND_TAILORED)
        table.insert(0, "T_REC", times.strftime("%Y-%m-%dT%H:%M:%S"))
        path = self.folder / "side_channel/HMI_features.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False)

    def open(self, **options):
        usual = {"image_size": 4, "block_days": 2.0, "embargo_days": 0.0, "channels": CHANNELS}
        return AIA(folder=self.folder, **(usual | options))

    def change(self, **columns):
        table = index.read_index(self.folder / "aia").assign(**columns)
        index.write_index(self.folder / "aia", table)


def decoded(dataset, split="train", position=0):
    x = dataset.sample(split, position, None)[0]
    x = {name: np.asarray(array)[None] for name, array in x.items()}
    found = dataset.decoder()(x)
    return {name: keras.ops.convert_to_numpy(array)[0] for name, array in found.items()}


def rejected(dataset):
    table = dataset.split_table()
    return table[table["split"] == ""].set_index("id")["reason"]
