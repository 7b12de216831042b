"""What labels are made of, made ready for many windows.

For a sample at time t, a delay d and a catch c, the window is t + d <= time < t + d + c. Times are
UTC, durations minutes, fluxes W m-2 of the GOES long channel (1-8 A) on the physical scale.
"""

import abc
import dataclasses

import numpy as np
import pandas as pd

from tools.windows import WindowMaxima, microseconds

COLUMNS = [
    "Date Stamp",  # YYYYmmdd_HHMM
    "Catch Flux",  # largest flux in the window
    "Current Flux",  # flux at t: of GOES, the mean of the minute of t
    "Delta",  # Catch Flux - Current Flux
    "Filename",  # of the sample at t
    "Coverage",  # observed fraction of the window, 0 to 1
    "Quiet",  # 1: no flare in the window of C1.0 (operational class) or above, 0: one at least
    "In Progress",  # 1: a flare is under way at t, 0: none
    "Satellite",
    "Scale",  # of the fluxes in this row
    "Censored",  # 1: part of the window was not observed, so Catch Flux is a lower bound; 0: none
]
_MINUTE = 60_000_000  # microseconds


@dataclasses.dataclass(frozen=True)
class _Windows:
    # Times in microseconds since 1970; the values of the series inside are [first, last).
    now: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    first: np.ndarray
    last: np.ndarray
    largest: np.ndarray  # index of the largest value, -1 where there is none
    length: int


class LabelSource(abc.ABC):
    """Values at times, and what is known of the Sun between them.

    Args:
        times: microseconds since 1970, shape (n,), sorted.
        flux: float64, shape (n,), W m-2, without NaN.
        satellites: str, shape (n,), empty where unknown.
    """

    def __init__(self, times: np.ndarray, flux: np.ndarray, satellites: np.ndarray):
        self._times = times
        self._maxima = WindowMaxima(flux)
        # At -1, where a window without a value points: no flux, and no satellite but an only one.
        self._flux = np.append(flux, np.nan)
        codes, names = pd.factorize(pd.Series(satellites, dtype=str).fillna(""))
        self._satellites = list(names) if len(names) == 1 or "" in names else [*names, ""]
        nobody = 0 if len(names) == 1 else self._satellites.index("")
        self._codes = np.append(codes, nobody).astype(np.int8)

    @property
    @abc.abstractmethod
    def span(self) -> tuple[np.datetime64, np.datetime64]:
        """Times from which and to which anything is known."""

    def labels(
        self,
        times: np.ndarray,
        delay: int,
        catch: int,
        stamps: np.ndarray | None = None,
        files: np.ndarray | str = "",
    ) -> pd.DataFrame:
        """Labels of samples.

        Args:
            times: datetime64, UTC, shape (n,), any order.
            delay: minutes from the sample to the window, 0 or more.
            catch: minutes that the window lasts, 1 or more.
            stamps: Date Stamp of each sample, array; by default `date_stamps(times)`.
            files: name of the file of each sample, array; or one for all.

        Returns:
            A row for each time, with the columns `COLUMNS`; what is unknown is NaN or empty.

        Raises:
            ValueError: if a time is missing, or the window is none.
        """
        windows = self._windows(times, delay, catch)
        catch_flux = self._flux[windows.largest]
        current = self._current(windows)
        columns = {
            "Date Stamp": date_stamps(times) if stamps is None else stamps,
            "Catch Flux": catch_flux,
            "Current Flux": current,
            "Delta": catch_flux - current,
            "Filename": files,
            "Coverage": np.clip(self._observed(windows) / windows.length, 0.0, 1.0),
            "Quiet": self._quiet(windows, catch_flux),
            "In Progress": self._in_progress(windows),
            "Satellite": self._satellite(windows),
            "Scale": pd.Categorical.from_codes(np.zeros(len(windows.now), np.int8), ["physical"]),
            "Censored": np.where(self._whole(windows), 0.0, 1.0),
        }
        return pd.DataFrame(columns)[COLUMNS]

    def history(self, times: np.ndarray) -> pd.DataFrame | None:
        """Numbers of the light curve before each time, as `label_history.history` gives them.

        Args:
            times: datetime64, UTC, shape (n,), any order.

        Returns:
            A row for each time; None where the source is no light curve.
        """
        return None

    def _windows(self, times, delay, catch):
        if delay < 0 or catch < 1:
            raise ValueError(
                f"No window has a delay of {delay} and a catch of {catch} minutes. Expected a "
                "delay of 0 or more and a catch of 1 or more. Name others."
            )
        if np.isnat(np.asarray(times, "datetime64[us]")).any():
            raise ValueError("A time is missing (NaT). Expected UTC times. Leave that row out.")
        now = microseconds(times)
        start = now + int(delay * _MINUTE)
        stop = start + int(catch * _MINUTE)
        first, last = np.searchsorted(self._times, start), np.searchsorted(self._times, stop)
        largest = self._maxima.index(first, last)
        return _Windows(now, start, stop, first, last, largest, int(catch * _MINUTE))

    def _satellite(self, windows):
        return pd.Categorical.from_codes(self._codes[windows.largest], self._satellites)

    @abc.abstractmethod
    def _observed(self, windows):
        """Microseconds of each window that were observed."""

    @abc.abstractmethod
    def _whole(self, windows):
        """Whether each window was observed from its start to its end."""

    @abc.abstractmethod
    def _current(self, windows):
        """Flux at t, NaN where unknown."""

    @abc.abstractmethod
    def _quiet(self, windows, catch_flux):
        """1.0, 0.0 or NaN for each window."""

    @abc.abstractmethod
    def _in_progress(self, windows):
        """1.0, 0.0 or NaN for each t."""


def date_stamps(times: np.ndarray | pd.Series) -> np.ndarray:
    """Times as YYYYmmdd_HHMM, what is under a minute cut off; str, shape (n,)."""
    # pandas' strftime takes ten times as long, which tells for millions of times.
    text = np.datetime_as_string(np.asarray(times).astype("datetime64[m]"))  # 2014-01-28T19:40
    letters = np.atleast_1d(text).astype("U16").view("U1").reshape(-1, 16)
    letters[:, 10] = "_"
    kept = np.ascontiguousarray(np.delete(letters, [4, 7, 13], axis=1))
    return kept.view("U13").ravel()
