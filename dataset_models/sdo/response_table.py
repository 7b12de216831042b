"""How much of its light AIA still counts: the throughput of each channel since launch.

The telescopes age. At 304 A a quarter of the light of 2010 was left in 2014 and a twentieth in
2024, so brightness alone tells a network the year. SolarSoft's response tables hold an effective
area and a polynomial for each epoch between calibrations; aiapy reads them. A table is a file in
the data folder, known by its SHA-256, so that no new release changes a result unseen.
"""

import dataclasses
import hashlib
import pathlib

import numpy as np
import pandas as pd

KNOWN = {  # SolarSoft's tables: file name and SHA-256; V8 ages 304 A below nothing after 2020
    "V8": (
        "aia_V8_20171210_050627_response_table.txt",
        "0e8bc6af5a69f80ca9d4fc2a27854681b76574d59eb81d7201b7f618081f0fdd",
    ),
    "V10": (
        "aia_V10_20201119_190000_response_table.txt",
        "0a3f2db39d05c44185f6fdeec928089fb55d1ce1e0a805145050c6356cbc6e98",
    ),
}
SOURCE = "https://soho.nascom.nasa.gov/solarsoft/sdo/aia/response/"
FOLDER = "aia/calibration"  # in the data folder
NEWEST = "V10"
ULTRAVIOLET = (1600, 1700, 4500)  # Angstrom; the others have a thin and a thick filter
_DAY_0 = np.datetime64("1858-11-17")  # of the Modified Julian Date


@dataclasses.dataclass(frozen=True)
class DegradationTable:
    """A response table of SolarSoft; calling it gives the throughput.

    Attributes:
        version: "V10", say.
        sha256: of the file.
        epochs: DataFrame, a row per channel and epoch: channel (the table's name of it), start and
            stop (Modified Julian Date, UTC), area (cm2), and the polynomial's p1, p2, p3 (of days).
    """

    version: str
    sha256: str
    epochs: pd.DataFrame

    def __call__(self, channels: tuple[int, ...], times: np.ndarray) -> np.ndarray:
        """Throughput relative to launch; divide an image by it to compare years.

        Args:
            channels: wavelengths, Angstrom.
            times: datetime64 array, shape (n,), UTC.

        Returns:
            float64 array, shape (n, channel), dimensionless, above 0.

        Raises:
            ValueError: if the table lacks a channel or a time, or its polynomial falls to 0.

        Source:
            SolarSoft aia_bp_corrections.pro; equal to aiapy.calibrate.degradation, which takes 3 ms
            for each time and channel.
        """
        days = (np.asarray(times) - _DAY_0) / np.timedelta64(1, "D")
        return np.stack([self._of_channel(channel, days) for channel in channels], axis=-1)

    def __str__(self):
        return f"{self.version}, SHA-256 {self.sha256}"

    @property
    def constant_from(self) -> np.datetime64 | None:
        """From when on the table goes on with the last factors it knows; None where it does not."""
        last = self.epochs.sort_values("start").groupby("channel").tail(1)
        if last[["p1", "p2", "p3"]].to_numpy().any():
            return None
        return _DAY_0 + np.timedelta64(int(last["start"].max()), "D")

    @property
    def label(self) -> str:
        """Version and the beginning of the SHA-256, as store and index tell of the table."""
        return f"{self.version} {self.sha256[:8]}"

    def _of_channel(self, channel, days):
        epochs = self._epochs(channel)
        row = np.searchsorted(epochs["start"], days, side="right") - 1
        self._check_times(channel, days, epochs)
        now = epochs.iloc[row]
        elapsed = days - now["start"].to_numpy()
        ageing = 1.0
        for power in (1, 2, 3):
            ageing = ageing + now[f"p{power}"].to_numpy() * elapsed**power
        factor = ageing * now["area"].to_numpy() / epochs["area"].iloc[0]
        self._check_positive(channel, days, factor)
        return factor

    def _epochs(self, channel):
        name = str(channel) if channel in ULTRAVIOLET else f"{channel}_THIN"
        if not (self.epochs["channel"] == name).any():
            raise ValueError(
                f"The degradation table {self.version} has no channel {channel}. Expected one of "
                f"{sorted(self.epochs['channel'].unique())}. Received: channels with {channel!r}. "
                "Leave it out, or set degradation='' to correct nothing."
            )
        return self.epochs[self.epochs["channel"] == name].sort_values("start")

    def _check_times(self, channel, days, epochs):
        first, last = epochs["start"].iloc[0], epochs["stop"].iloc[-1]
        if ((days < first) | (days >= last)).any():
            raise ValueError(
                f"The degradation table {self.version} does not cover all times at {channel} A. "
                f"Expected {_date(first)} to {_date(last)}. Received: {_date(days.min())} to "
                f"{_date(days.max())}. Use a newer table, or set degradation='' to correct nothing."
            )

    def _check_positive(self, channel, days, factor):
        bad = ~(np.isfinite(factor) & (factor > 0))
        if bad.any():
            raise ValueError(
                f"The degradation table {self.version} gives {channel} A a throughput that is not "
                f"above 0, from {_date(days[bad].min())} on. Expected positive factors. "
                f"Received: {factor[bad][0]:.3g}. The table is older than the images: use a newer "
                "one, or leave out the channel or those times."
            )


def read_table(name: str | pathlib.Path, folder: str | pathlib.Path) -> DegradationTable:
    """Reads a response table.

    Args:
        name: a version in `KNOWN`, whose file lies in `aia/calibration` of the data folder, or the
            path of any `aia_V*_response_table.txt` of SolarSoft.
        folder: the data folder.

    Raises:
        DatasetNotFoundError: if there is no such file, with the command that fetches it.
        ValueError: if it is no such table, mixes versions, or is not the file that it claims to be.
    """
    _, expected = KNOWN.get(str(name), (None, None))
    path = _path(name, folder)
    if not path.is_file():
        _refuse_missing(name, path, folder)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    table = _read(path)
    version = _only_version(table, path)
    expected = expected or KNOWN.get(version, (None, sha256))[1]
    if sha256 != expected:
        raise ValueError(
            f"{path} is not SolarSoft's table {version}: it was changed or cut short. Expected "
            f"SHA-256 {expected}. Received: {sha256}. Fetch it anew from {SOURCE}."
        )
    return DegradationTable(version, sha256, _epochs(table, path))


def table_at_hand(name: str | pathlib.Path | None, folder: pathlib.Path) -> DegradationTable | None:
    """The table that `name` asks for; unless it asks, the newest that is known, if it is there.

    Args:
        name: as `read_table` takes it; "" for none, None for the newest.
        folder: the data folder.
    """
    if name is None:
        name = NEWEST if is_at_hand(NEWEST, folder) else ""
    return read_table(name, folder) if name else None


def is_at_hand(name: str | pathlib.Path, folder: pathlib.Path) -> bool:
    """Whether the file of a table is there; the arguments are those of `read_table`."""
    return _path(name, folder).is_file()


def command(name: str, folder: pathlib.Path) -> str:
    """The shell command that fetches the table `name` of `KNOWN` into the data folder."""
    path = _path(name, folder)
    return f"curl --fail --create-dirs -o {path} {SOURCE}{path.name}"


def _path(name, folder):
    file, _ = KNOWN.get(str(name), (None, None))
    return pathlib.Path(folder) / FOLDER / file if file else pathlib.Path(name).expanduser()


def _refuse_missing(name, path, folder):
    if str(name) in KNOWN:
        from dataset_models.dataset import DatasetNotFoundError  # brings Keras: seconds

        commands = [command(str(name), folder)]
        raise DatasetNotFoundError(f"The degradation table {name}", path.parent, commands)
    raise ValueError(
        f"There is no degradation table {str(name)!r}. Expected one of {list(KNOWN)}, the path of "
        "an aia_V*_response_table.txt of SolarSoft, or '' to correct nothing. Received: "
        f"degradation={str(name)!r}."
    )


def _read(path):
    from aiapy.calibrate.util import get_correction_table  # seconds, and only where it is needed

    try:
        return get_correction_table(path)
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{path} is not a response table. Expected SolarSoft's columns T_START, T_STOP, "
            f"VER_NUM, WAVE_STR, EFF_AREA, EFFA_P1, EFFA_P2, EFFA_P3. Received: {error}"
        ) from error


def _only_version(table, path):
    versions = sorted(set(np.asarray(table["VER_NUM"]).tolist()))
    if len(versions) != 1:
        raise ValueError(
            f"{path} mixes several versions of the calibration, whose epochs do not fit together. "
            f"Expected one VER_NUM. Received: {versions}. Keep the rows of one version."
        )
    return f"V{versions[0]}"


def _epochs(table, path):
    columns = {"area": "EFF_AREA", "p1": "EFFA_P1", "p2": "EFFA_P2", "p3": "EFFA_P3"}
    numbers = {name: _numbers(table, column, path) for name, column in columns.items()}
    spans = {"start": table["T_START"].mjd, "stop": table["T_STOP"].mjd}
    epochs = pd.DataFrame({"channel": np.asarray(table["WAVE_STR"], str), **spans, **numbers})
    epochs = epochs.sort_values(["channel", "start"], ignore_index=True)
    following = epochs.groupby("channel")["start"].shift(-1)
    broken = following.notna() & ~np.isclose(following, epochs["stop"], rtol=0, atol=1e-6)
    if broken.any():
        worst = epochs[broken].iloc[0]
        raise ValueError(
            f"{path}: the epochs of {worst['channel']} overlap or leave a gap. Expected each to "
            f"start where the one before it stops. Received: one that stops on "
            f"{_date(worst['stop'])} before one that starts on "
            f"{_date(following[broken].iloc[0])}. Are several versions mixed?"
        )
    return epochs


def _numbers(table, column, path):
    values = np.asarray(table[column])
    try:
        return values.astype("float64")
    except ValueError as error:
        wrong = pd.to_numeric(pd.Series(values.astype(str)), errors="coerce").isna()
        raise ValueError(
            f"{path}: {column} holds no number. Expected one in each row. Received: "
            f"{str(values[wrong][0])!r}. Fetch the table anew from {SOURCE}."
        ) from error


def _date(day):
    return str(_DAY_0 + np.timedelta64(int(np.floor(day)), "D"))
