"""The GOES light curve, and the flares of the day that follows."""

import hashlib
import pathlib

import numpy as np
import pandas as pd

from dataset_models import climatology, splits
from dataset_models.dataset import Dataset, DatasetNotFoundError
from dataset_models.goes import inputs, parts, regression, targets
from dataset_models.goes.hourly import read_hourly
from dataset_models.sdo.layers import StandardScale
from dataset_models.sdo.moments import moments
from tools import events
from tools.tools import data_folder


class LightCurve(Dataset):
    """Three days of hourly GOES fluxes and summaries of ten, and what the next 24 h bring.

    Training ends two years before the test year, the year between is for validation, and windows of
    different splits lie more than the embargo apart (rolling origin).

    Args:
        folder: the data folder; FLARENET_DATA, or `data/` in the checkout, unless given.
        series: hourly means of one satellite, as `hourly.read_hourly` takes them; in `folder`.
        flare_lists: as `events.read_events` takes them, joined; in `folder`.
        scale: of the series' fluxes: "operational" or "physical".
        dependent_variable: "flare" (1 if one of at least `threshold` peaks in [t, t + 24 h), else
            0), or "hourly maximum" (the largest hourly mean of these 24 h, log10 of W m-2; hourly
            means show no peaks).
        threshold: W m-2 on the operational scale; 1e-5 is M1.0.
        test_year: int.
        train_cadence_hours: between training samples.
        cadence_hours: between samples of validation and test, from 00 UT on.
        embargo_days: as in `splits.make`.

    Raises:
        DatasetNotFoundError: if a file is missing.
        ValueError: if a setting does not fit or a split is empty.

    Example:
        >>> dataset = LightCurve(test_year=2015)
        >>> x, flare, weight = dataset.batches("test", batch_size=32)[0]
    """

    def __init__(
        self,
        *,
        folder: str | pathlib.Path | None = None,
        series: str = "goes/GOES15_60min_newest.dat",
        flare_lists: tuple[str, ...] = (
            "flare_lists/swpc_flarelist_20100101-20210810.csv",
            "goes/fl_sle.csv",
        ),
        scale: str = "operational",
        dependent_variable: str = "flare",
        threshold: float = 1e-5,
        test_year: int = 2017,
        train_cadence_hours: int = 1,
        cadence_hours: int = 24,
        embargo_days: float = 27.0,
    ):
        targets.check_known(dependent_variable)
        _check_positive(
            threshold=threshold,
            train_cadence_hours=train_cadence_hours,
            cadence_hours=cadence_hours,
        )
        self.folder = pathlib.Path(folder) if folder is not None else data_folder()
        self.dependent_variable, self.test_year = dependent_variable, test_year
        self.units = {"hours": "log10(W / m2)", "days": "log10(W / m2)", "summary": "dex"}
        self.units |= {"target": targets.UNITS[dependent_variable]}
        series_table = read_hourly(self._file(series), scale)
        self.synthetic = "synthetic" in series
        flares = events.read_events([self._file(one) for one in flare_lists], "operational")
        self._times = series_table.index.to_numpy("datetime64[ns]")
        self._inputs = {
            "hours": inputs.hours(series_table),
            "days": inputs.days(series_table),
            "summary": inputs.summary(series_table),
        }
        if dependent_variable == "flare":
            self._ahead, self._behind = targets.flare_within_a_day(self._times, flares, threshold)
        else:
            self._ahead, self._behind = targets.largest_within_a_day(series_table)
        self._parts = parts.of_times(self._times, flares, threshold)
        table = self._candidates(series_table, train_cadence_hours, cadence_hours)
        self._deal(table, embargo_days)
        self._statistics = {}

    @classmethod
    def write_sample(cls, folder: str | pathlib.Path, **settings):
        """Writes a synthetic light curve and its flares into `folder`.

        Args:
            folder: the data folder.
            **settings: of `sample_files.write`.
        """
        from dataset_models.goes import sample_files  # the synthetic Sun is needed here alone

        sample_files.write(pathlib.Path(folder), **settings)

    @property
    def input_shape(self):
        return {
            "hours": (inputs.HOURS, len(inputs.HOUR_CHANNELS)),
            "days": (inputs.DAYS, len(inputs.DAY_CHANNELS)),
            "summary": (len(inputs.SUMMARY),),
        }

    def size(self, split):
        return len(self._rows[split])

    def sample(self, split, index, rng):
        row = self._rows[split][index]
        x = {
            "hours": self._inputs["hours"][row + 1 - inputs.HOURS : row + 1],
            "days": self._inputs["days"][row],
            "summary": self._inputs["summary"][row],
        }
        return x, self.target(split, index), np.float32(1)

    def target(self, split, index):
        return self._ahead[self._rows[split][index], None]

    def describe(self, split, index):
        row = self._rows[split][index]
        return {
            "id": pd.Timestamp(self._times[row]).strftime("%Y%m%d_%H%M"),
            "time": self._times[row],
            "labels": {"target": float(self._ahead[row]), "last 24 h": float(self._behind[row])},
            "marks": ("SYNTHETIC",) if self.synthetic else (),
        }

    def subsets(self, split):
        """Years, times after a quiet day, with a flare in progress, and flares by their longitude.

        Times whose flare lies near the limb stand beside all that bring none, and so do those whose
        flare lies on the disk; flares of unknown longitude are in neither.
        """
        rows = self._rows[split]
        chosen = {name: part[rows] for name, part in self._parts.items()}
        return super().subsets(split) | {name: one for name, one in chosen.items() if one.any()}

    def caveats(self):
        return ("SYNTHETIC: the light curve was drawn, not observed.",) if self.synthetic else ()

    def split_table(self):
        return self._table[["id", "time", "split", "reason"]]

    def fingerprint(self):
        digest = hashlib.sha256(super().fingerprint().encode())
        for array in (*self._inputs.values(), self._ahead):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def statistics(self, split="train"):
        """Dict of "mean" and "std" of each input, of the training split unless asked by name."""
        if split not in self._statistics:
            rows = self._rows[split]
            # Hours that training samples look back on, once each.
            looked = np.unique(rows[:, None] - np.arange(inputs.HOURS))
            found = {"hours": moments(self._inputs["hours"][looked])}
            found["days"] = moments(self._inputs["days"][rows].reshape(-1, 4))
            found["summary"] = moments(self._inputs["summary"][rows])
            found["target"] = moments(self._ahead[rows, None])
            self._statistics[split] = found
        return self._statistics[split]

    def whitening(self, name):
        """The layer that whitens the input `name`, with statistics of the training split."""
        return StandardScale(**self.statistics()[name], name=f"whitened_{name}")

    @property
    def regression(self):
        """The `Regression` on `summary` that the training split gives."""
        if "regression" not in self._statistics:  # which begin anew where the split is another one
            train, logistic = self._rows["train"], self.dependent_variable == "flare"
            fitted = regression.fit(self._inputs["summary"][train], self._ahead[train], logistic)
            self._statistics["regression"] = fitted
        return self._statistics["regression"]

    def baselines(self, split):
        """Forecasts without a network, on the same samples and from the same times.

        Climatology (mean of the training split, of the trailing 365 days, of the split itself,
        which no forecaster could know), persistence (the last 24 h), and a regression on `summary`:
        logistic for flares, linear for the hourly maximum.
        """
        rows, train = self._rows[split], self._rows["train"]
        mean = self._ahead[train].mean(dtype="float64")
        trailing = climatology.trailing_mean(self._times[rows], self._times, self._ahead, 24 * 60)
        name = "logistic" if self.dependent_variable == "flare" else "linear"
        found = {
            "climatology": np.full(len(rows), mean),
            "climatology 365 d": np.where(np.isnan(trailing), mean, trailing),
            "climatology of the period": np.full(len(rows), self._ahead[rows].mean()),
            "persistence": np.where(np.isnan(self._behind[rows]), mean, self._behind[rows]),
            name: self.regression(self._inputs["summary"][rows]),
        }
        return {name: values.astype("float32")[:, None] for name, values in found.items()}

    def _file(self, name):
        path = self.folder / name
        if not path.is_file():
            commands = [
                "python dataset_models/goes/sample_files.py  # synthetic, for --tiny",
                "export FLARENET_DATA=FOLDER  # the one that holds the real files",
            ]
            raise DatasetNotFoundError(f"{name}, of the GOES light curve,", path, commands)
        return path

    def _candidates(self, series, train_cadence, cadence):
        """Every hour, and why it is no sample."""
        reason = np.full(len(series), "", dtype=object)
        for why, wrong in self._rejections(series, train_cadence, cadence).items():
            reason[wrong & (reason == "")] = why
        identifier = series.index.strftime("%Y%m%d_%H%M")
        return pd.DataFrame({"id": identifier, "time": self._times, "split": "", "reason": reason})

    def _rejections(self, series, train_cadence, cadence):
        """Dict of reason to which hours it keeps from being samples, the first reason first."""
        year, midnight = series.index.year.to_numpy(), self._times[0].astype("datetime64[D]")
        hour = (self._times - midnight) // np.timedelta64(1, "h")
        own_cadence = np.where(year < self.test_year - 1, train_cadence, cadence)
        known = series["log_flux"].notna().rolling(24).sum().to_numpy()
        return {
            "outside every period": year > self.test_year,
            "not at the cadence": hour % own_cadence != 0,
            "too early in the series": np.arange(len(series)) < inputs.HOURS,
            f"fewer than {targets.LEAST_HOURS} known hours of the last 24": ~(
                known >= targets.LEAST_HOURS
            ),
            "target unknown": np.isnan(self._ahead),
        }

    def _deal(self, table, embargo_days):
        kept = np.flatnonzero(table["reason"] == "")
        test, validation = (f"{year}-01-01" for year in (self.test_year, self.test_year - 1))
        self.split = splits.make(
            "periods",
            self._times[kept],
            span_minutes=inputs.DAYS * 24 * 60,
            horizon_minutes=24 * 60,
            embargo_days=embargo_days,
            periods={
                "train": [("1974-01-01", validation)],
                "validation": [(validation, test)],
                "test": [(test, f"{self.test_year + 1}-01-01")],
            },
        )
        table.loc[kept, "split"], table.loc[kept, "reason"] = self.split.names, self.split.reasons
        self._table = table
        self._rows = {name: kept[self.split.indices(name)] for name in self.splits}


def _check_positive(**settings):
    for name, value in settings.items():
        if not value > 0:
            raise ValueError(
                f"The setting {name} does not fit. Expected more than 0. Received: "
                f"{name}={value}. Correct it in config.py or on the command line."
            )
