"""What is to be forecast: the largest X-ray flux of a window that lies ahead, or its change."""

import dataclasses
import pathlib

import numpy as np
import pandas as pd

from dataset_models.dataset import DatasetNotFoundError
from dataset_models.sdo.samples import check_among, reject
from tools import labels


@dataclasses.dataclass(frozen=True, kw_only=True)
class FluxTarget:
    """The largest GOES 1-8 A flux over t + lag <= time < t + lag + catch, for an image at t.

    Args:
        dependent_variable: "forecast", or "flux delta" (less the flux at t).
        log_flux: whether fluxes are log10 of W m-2 (and the delta in dex), or W m-2.
        lag_minutes: from the image to the window's start, minutes.
        catch_minutes: length of the window, minutes.
        minimum_coverage: fraction of the window in which the flux must have been observed.
        quiet_flux: W m-2 that stand for "no flare in the list", or None to reject such times.
    """

    dependent_variable: str = "forecast"
    log_flux: bool = True
    lag_minutes: int = 60
    catch_minutes: int = 1440
    minimum_coverage: float = 0.95
    quiet_flux: float | None = None

    def __post_init__(self):
        kinds = ("forecast", "flux delta")
        check_among("dependent_variable", (self.dependent_variable,), kinds)
        if self.quiet_flux is not None and not self.quiet_flux > 0:
            raise ValueError(
                f"No flux is {self.quiet_flux}. Expected quiet_flux above 0 W m-2, such as 3e-7, "
                "or None to leave quiet times of a flare list out."
            )

    @property
    def is_forecast(self) -> bool:
        """Whether it is the flux itself."""
        return self.dependent_variable == "forecast"

    @property
    def unit(self) -> str:
        """Unit of the target."""
        if not self.log_flux:
            return "W / m2"
        return "log10(W / m2)" if self.is_forecast else "dex"

    @property
    def horizon_minutes(self) -> int:
        """How far after its image a sample's label looks, minutes."""
        return self.lag_minutes + self.catch_minutes

    def labels(self, folder: pathlib.Path, times: str = "") -> pd.DataFrame:
        """The label table of this lag and catch, from the data folder's `y`.

        Args:
            folder: the data folder.
            times: options of v4_find_ys.py that name the samples' times; "" where an index does.

        Raises:
            DatasetNotFoundError: if there is none, with the command that makes it.
        """
        lag, catch = self.lag_minutes, self.catch_minutes
        path = folder / "y" / labels.label_file(lag, catch)
        if not path.is_file():
            script = "python tools/xray_flux_forecast/v4_find_ys.py"
            options = f"{times} --delays {lag} --catches {catch}".strip()
            command = f"{script} {options}  # flux or flare list -> labels"
            what = f"The table of labels {lag} min ahead, over {catch} min,"
            raise DatasetNotFoundError(what, path, [command])
        return labels.read_labels(path)

    def reject(self, table: pd.DataFrame, needs_current: bool) -> None:
        """Rejects rows whose label is missing or unknown, and fills that of quiet ones.

        Args:
            table: of `samples.candidates`; "catch_flux" of quiet rows becomes `quiet_flux`.
            needs_current: whether the flux at the time of the image must be known in any case.
        """
        observed = f"{self.minimum_coverage:g} of the label's window observed"
        reject(table, table["coverage"].isna(), "no label")
        reject(table, table["coverage"] < self.minimum_coverage, f"less than {observed}")
        quiet = table["quiet"] & ~(table["catch_flux"] > 0)
        if self.quiet_flux is None:
            reject(table, quiet, "quiet: no flux in an event list; quiet_flux sets one")
        else:
            table.loc[quiet, "catch_flux"] = self.quiet_flux
        reject(table, ~(table["catch_flux"] > 0), "flux of the window unknown")
        if needs_current or not self.is_forecast:
            reject(table, ~(table["current_flux"] > 0), "current flux unknown")

    def values(self, table: pd.DataFrame) -> np.ndarray:
        """The target of each row: float32 array, shape (n, 1), NaN where rejected."""
        found = log_or_flux(table["catch_flux"], self.log_flux)
        if not self.is_forecast:
            found = found - log_or_flux(table["current_flux"], self.log_flux)
        return np.where(table["reason"] == "", found, np.nan).astype("float32")[:, None]


def current_goes(table: pd.DataFrame) -> np.ndarray:
    """log10 of the flux at each image's time, W m-2: float32, shape (n, 1), NaN where unknown."""
    return log_or_flux(table["current_flux"], True).astype("float32")[:, None]


def log_or_flux(values: pd.Series, log_flux: bool) -> np.ndarray:
    """Fluxes, or log10 of them, float64, shape (n,); NaN where unknown."""
    flux = values.to_numpy("float64")
    flux = np.where(flux > 0, flux, np.nan)
    return np.log10(flux) if log_flux else flux
