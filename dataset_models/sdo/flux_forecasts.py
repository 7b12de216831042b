"""Samples whose target is the X-ray flux to come, whatever they show of the Sun before it."""

import functools

import keras
import numpy as np

from dataset_models import splits
from dataset_models.dataset import Dataset
from dataset_models.goes.history import read_light_curve
from dataset_models.sdo import samples, subsets
from dataset_models.sdo.references import NO_LIGHT_CURVE, References

GROUPS = {"regions": "active_region", "harps": "harp"}  # that a column of the index tells


class FluxForecasts(Dataset):
    """What is known of each sample beside its images: target, weight, split, and references.

    A subclass keeps, before it calls `_deal`:

        folder: the data folder.
        flux: `FluxTarget`.
        _table: DataFrame of `samples.candidates`, rejected rows with their reason.
        _target: float32 array, shape (n, 1), of the table's rows.
        _weights: float32 array, shape (n,), of `samples.weights`.
    """

    def size(self, split):
        return len(self._rows[split])

    def target(self, split, index):
        return self._target[self._rows[split][index]]

    def split_table(self):
        return self._table[["id", "time", "split", "reason"]]

    def subsets(self, split):
        rows = self._rows[split]
        table = self._table.iloc[rows]
        parts = subsets.of_rows(table, self._light_curve.iloc[rows])
        return super().subsets(split) | parts

    def groups(self, split):
        table = self._table.iloc[self._rows[split]]
        found = {name: table[column].to_numpy("int64") for name, column in GROUPS.items()}
        return {name: numbers for name, numbers in found.items() if numbers.any()}

    def sample_weights(self, split):
        return self._weights[self._rows[split]]

    def caveats(self):
        found = samples.caveats(self._table, self.leaks)
        return found if self._references.know_light_curve else (*found, NO_LIGHT_CURVE)

    def unwhitening(self, name="log_flux"):
        """The layer that turns a network's output, of mean 0 and deviation 1, into the target."""
        numbers = self.statistics()["target"]
        return keras.layers.Rescaling(
            float(numbers["std"][0]), float(numbers["mean"][0]), name=name, dtype="float32"
        )

    def history(self, split):
        known = self._references.know_light_curve
        return self._light_curve.iloc[self._rows[split]] if known else None

    def baselines(self, split):
        return self._references.forecasts(self._rows[split])

    def class_baselines(self, split, log_threshold):
        return self._references.probabilities(self._rows[split], log_threshold)

    @functools.cached_property
    def _light_curve(self):
        return read_light_curve(self.folder, self._table["id"])

    @property
    def _references(self):
        # Not part of the fingerprint: nothing is trained on these.
        return References(
            flux=self.flux,
            table=self._table,
            target=self._target,
            weights=self._weights,
            light_curve=self._light_curve,
            train=self._rows["train"],
        )

    def _deal(self, kind, **options):
        """Computes the split, and writes it and its reasons into the table."""
        table, column = self._table, GROUPS.get(kind)
        if column and not options["allow_leak"]:
            raise ValueError(
                f"A split by {kind} leaks for images of the whole disk: each shows all regions, "
                "and images hours apart land in training and in test. Expected split='blocks' or "
                f"'periods'. Received: split={kind!r}. To accept the leak, pass allow_leak=True."
            )
        kept = np.flatnonzero(table["reason"] == "")
        self.split = splits.make(
            "groups" if column else kind,
            table["time"].to_numpy()[kept],
            horizon_minutes=self.flux.horizon_minutes,
            groups=table[column].to_numpy()[kept] if column else None,
            **options,
        )
        self.leaks = self.split.leaks or column is not None
        table["split"] = ""
        table.loc[kept, "split"], table.loc[kept, "reason"] = self.split.names, self.split.reasons
        self._rows = {name: kept[self.split.indices(name)] for name in self.splits}
