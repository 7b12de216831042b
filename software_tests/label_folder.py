"""A data folder for tests of v4_find_ys.py: three days of flux, six samples, and what they lack."""

import numpy as np
import pandas as pd

from tools import label_inputs
from tools.labels import read_labels
from tools.xray_flux_forecast import v4_find_ys

START = np.datetime64("2014-01-01T00:00", "us")
MINUTE = np.timedelta64(1, "m")
ONE = ["--delays", "0", "--catches", "12"]


def write(folder):
    """Three days of flux at 1 minute, and an index of six samples, 6 hours apart."""
    (folder / "goes").mkdir(parents=True)
    (folder / "aia").mkdir()
    times = pd.Series(START + np.arange(3 * 1440) * MINUTE)
    flux = np.random.default_rng(0).lognormal(-14, 1, len(times))
    lines = [f"{time.isoformat()},{value:.6g}" for time, value in zip(times, flux, strict=True)]
    text = "# SYNTHETIC\n# scale: physical\ntime,flux\n" + "\n".join(lines) + "\n"
    (folder / "goes" / "goes_flux.csv").write_text(text, encoding="utf-8")
    slots = pd.Series(START + np.arange(6) * 360 * MINUTE)
    index = pd.DataFrame(
        {
            "id": slots.dt.strftime("%Y%m%d_%H%M"),
            "time": slots + pd.Timedelta("10s"),  # the latest T_OBS of the channels
            "file": [f"store/{i}.fthr" for i in range(6)],
            "quality": 0,
        }
    )
    index.to_feather(folder / "aia" / "index.feather")


def flare_list(folder, scale="physical"):
    """A list of two flares, an M1.0 and a C1.5, as `list.csv` in the folder."""
    path = folder / "list.csv"
    path.write_text(
        "start,peak,end,goes_class,scale\n"
        f"2014-01-01T00:00,2014-01-01T00:10,2014-01-01T00:20,M1.0,{scale}\n"
        f"2014-01-02T00:00,2014-01-02T00:10,2014-01-02T00:20,C1.5,{scale}\n",
        encoding="utf-8",
    )
    return path


def own_day(data, day, times, freq="min"):
    """A real day of flux in goes/, and an index of samples at these times."""
    grid = pd.date_range(day, pd.Timestamp(day) + pd.Timedelta("1D"), freq=freq, inclusive="left")
    lines = [f"{time.isoformat()},1e-6\n" for time in grid]
    text = "# scale: physical\ntime,flux\n" + "".join(lines)
    (data / "goes" / "goes_flux.csv").write_text(text, encoding="utf-8")
    slots = pd.Series(pd.to_datetime(times))
    index = pd.DataFrame({"id": slots.dt.strftime("%Y%m%d_%H%M"), "time": slots, "file": "x"})
    index.to_feather(data / "aia" / "index.feather")


def read_labels_of_default_run(data):
    """The labels that a run of one window makes without any other option."""
    assert v4_find_ys.main(ONE) == 0
    return read_labels(data / "y" / "All_Ys_00minDelay_12minMax.csv")


def archive_of_asked_months(monkeypatch):
    """Puts flux of GOES-15 at 3e-6 W m-2 in the archive's place; what it is asked for."""
    asked = []

    def fetch(folder, months):
        asked.append((folder, sorted(map(str, months))))
        paths = []
        for month in months:
            times = pd.date_range(month.start_time, month.end_time, freq="min")
            table = pd.DataFrame({"time": times.astype("datetime64[us]"), "flux": 3e-6})
            table = table.assign(satellite="GOES-15", quality=0, scale="physical")
            paths.append(folder / f"{month}.feather")
            table.to_feather(paths[-1])
        return paths

    monkeypatch.setattr(label_inputs, "fetch_flux", fetch)
    return asked


def unanswered(*_):
    raise ConnectionError("nobody answers")
