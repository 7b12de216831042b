"""The flux and the flare list that labels are made of; of the data folder's, what lacks is fetched.

Flux: the user's own files are read, and the months with days that they lack are fetched; where both
hold a time, `tools.flux.read_flux` says which counts: that of the satellite that was primary then
(a log message counts own minutes that do not). Own flux that is SYNTHETIC, or of another
cadence than a minute, stands alone: nothing is fetched beside it, and samples on other days stay
unknown (a log message counts them). Where flux had to be asked for, the months of the flare list
around the samples are asked for, too; a list that the user put in its place is left as it is.
Outages of a joined list are those that lie beside it, unless others are named.
"""

import dataclasses
import gzip
import logging
import pathlib
from collections.abc import Mapping, Sequence

import pandas as pd

from tools import tables
from tools.events import read_events
from tools.flare_catalogue import WRITTEN
from tools.flare_list import FILE, fetch_flares, is_joined
from tools.flux import joined, read_each, superseded
from tools.goes_archive import GAPS, fetch_flux, month_file
from tools.label_months import days_of, elsewhere, lacking_months, runs_of_months
from tools.label_sources import EventList, FluxSeries
from tools.label_windows import LabelSource
from tools.outages import improbable_quiet

FLUX_SUFFIXES = {".csv", ".fits", ".fts", ".nc"}  # also .gz; what else lies there is left alone
CADENCE = pd.Timedelta("1min")  # of what is fetched
WHOLE_DAY = 1440 - GAPS  # minutes, of which nothing needs to be fetched
OUTAGES = "outages.csv"  # beside the catalogue of join_flare_lists.py
_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Inputs:
    """A source of labels, and what it was made of.

    Attributes:
        source: what gives the labels.
        flux_files: paths, none without a flux series.
        flare_files: paths, none without a flare list.
        outages: pairs of datetime64 that were taken as outages of the flare list.
        superseded: own minutes of flux in whose place fetched ones count, by satellite.
    """

    source: LabelSource
    flux_files: Sequence[pathlib.Path] = ()
    flare_files: Sequence[pathlib.Path] = ()
    outages: Sequence[tuple] = ()
    superseded: Mapping[str, int] = dataclasses.field(default_factory=dict)


def of_flares(
    paths: Sequence[str | pathlib.Path], scale: str | None, outages: Sequence[tuple] | None = None
) -> Inputs:
    """Flare lists as a source; without `outages`, silences that are hard to believe are some.

    Args:
        paths: of the lists.
        scale: of the classes, as `tools.events.read_events` takes it.
        outages: pairs of datetime64 between which the list is blind, or None.
    """
    events = read_events(paths, scale)
    blind = _silences(events) if outages is None else list(outages)
    return Inputs(EventList(events, blind), flare_files=list(paths), outages=blind)


def outages_beside(paths: Sequence[str | pathlib.Path]) -> pathlib.Path | None:
    """The outages that join_flare_lists.py wrote beside a catalogue, if that is the only list.

    A log message tells of a catalogue whose outages are not there, or beside which others lie.
    """
    catalogues = [path for path in paths if _is_catalogue(path)]
    if not catalogues:
        return None
    found = pathlib.Path(catalogues[0]).with_name(OUTAGES)
    if len(paths) == 1 and found.is_file():
        return found
    why = f"there is no {found}" if len(paths) == 1 else f"{OUTAGES} is that of one list alone"
    _LOG.warning(
        "The outages of %s are not taken: %s. When the lists were blind is told by their own rate. "
        "To say it, give --outages FILE.",
        *(catalogues[0], why),
    )
    return None


def of_flux(
    flux: pd.DataFrame,
    files: Sequence[str | pathlib.Path],
    flares: Inputs | None = None,
    superseded: Mapping[str, int] | None = None,
) -> Inputs:
    """A flux series as a source; which flares are in progress is told by `flares`, where given.

    Args:
        flux: as `tools.flux.read_flux` gives it.
        files: the paths that it was read from.
        flares: of `of_flares`.
        superseded: of `HeldFlux`.
    """
    source = FluxSeries(flux, flares=flares and flares.source)
    inputs = Inputs(source) if flares is None else flares
    return dataclasses.replace(
        inputs, source=source, flux_files=list(files), superseded=superseded or {}
    )


@dataclasses.dataclass(frozen=True)
class HeldFlux:
    """The flux of the data folder.

    Attributes:
        table: as `tools.flux.read_flux` gives it.
        files: the paths that it was read from.
        asked: times of the samples for which the archives were asked, as a Series.
        superseded: minutes of the user's own files in whose place fetched ones count, by satellite.
    """

    table: pd.DataFrame
    files: Sequence[pathlib.Path]
    asked: pd.Series
    superseded: Mapping[str, int] = dataclasses.field(default_factory=dict)


def held_flux(
    folder: pathlib.Path,
    times: pd.Series | None,
    ahead: pd.Timedelta,
    scale: str | None = None,
    minute_means: bool = False,
) -> HeldFlux | None:
    """Flux of the user's own files and of what is fetched beside them; None if there is none.

    Args:
        folder: `goes` in the data folder.
        times: of the samples, datetime64, UTC; None: what is there is read, and nothing fetched.
            Months that were fetched earlier are not read beside flux that stands alone.
        ahead: from a sample to the end of its last window.
        scale: of files that do not say theirs, as `tools.flux.read_flux` takes it.
        minute_means: whether readings are averaged over minutes.

    Raises:
        ConnectionError: the archives did not answer, and samples lie on days that are not here.
            Where these are here, the months that are here are read (a log message tells).
    """
    files = [path for path in sorted(folder.glob("[!.]*")) if path.is_file()]
    files = [path for path in files if _suffix(path) in FLUX_SUFFIXES and not _is_list(path)]
    tables = read_each(files, scale, minute_means)
    own = joined(tables) if files else None
    fetched, asked = [], pd.Series([], dtype="M8[us]")
    if alone := _alone(files, own):
        _tell_what_lacks(folder, own, times, alone)
    elif times is None:
        fetched = sorted(folder.glob("xrs/[!.]*.feather"))
    else:
        fetched, asked = _fetched(folder, own, times, ahead)
    if not files and not fetched:
        return None
    table = joined(tables | read_each(fetched)) if fetched else own
    lost = _superseded(own, table, folder) if files and fetched else {}
    return HeldFlux(table, [*files, *fetched], asked, lost)


def held_flares(folder: pathlib.Path, times: pd.Series) -> pathlib.Path | None:
    """The data folder's flare list, with the months around `times` fetched; None if there is none.

    Where the HEK does not answer, or holds no flare, what is there is used (a log message tells).

    Args:
        folder: `flares` in the data folder.
        times: of the samples for which the list is asked for, datetime64, UTC; may be empty.
    """
    path = folder / FILE
    is_own = path.is_file() and not is_joined(path)
    if is_own and len(times):
        _LOG.warning(
            "%s was made by another hand, or by an earlier version: it is used as it is, and "
            "nothing is fetched. To have it fetched, delete it.",
            path,
        )
    for first, last in [] if is_own else runs_of_months(times):
        try:
            fetch_flares(folder, first.start_time.to_datetime64(), last.start_time.to_datetime64())
        except (ConnectionError, ValueError) as error:  # ValueError: no month holds a flare
            _LOG.warning("In Progress is unknown where no flare list covers a sample. %s", error)
            if isinstance(error, ConnectionError):  # nor would other months be answered
                break
    return path if path.is_file() else None


def _is_catalogue(path):
    try:
        return tables.read_heading(path).columns == tuple(WRITTEN)
    except (OSError, ValueError):  # told of when it is read
        return False


def _silences(events):
    silent = improbable_quiet(events)
    for start, end, flares in silent:
        _LOG.warning(
            "The flare list holds no flare from %s to %s, where its rate before and after lets "
            "expect %.0f of C1 or above: that time is unknown. If it was quiet, or to say when the "
            "list was blind, give --outages FILE (columns start,end; it may have no rows).",
            *(str(start)[:16], str(end)[:16], flares),
        )
    return [(start, end) for start, end, _ in silent]


def _superseded(own, table, folder):
    lost = superseded(own, table)
    for satellite, number in lost.items():
        _LOG.warning(
            "%d minutes of flux in %s (satellite: %s) do not count: those fetched of the satellite "
            "that was primary then do. --flux FILE takes your files alone.",
            *(number, folder, satellite),
        )
    return lost


def _suffix(path):
    return pathlib.Path(path.name.lower().removesuffix(".gz")).suffix


def _alone(files, own):
    """Why nothing is fetched beside the user's own flux; empty where it is."""
    if own is None:
        return ""
    if _is_synthetic(files):
        return "That flux is SYNTHETIC: put observed flux in its place"
    step = own["cadence"].max()
    if abs(step - CADENCE) <= CADENCE / 100:  # times may be rounded, as those of a Julian date
        return ""
    return (
        f"Its cadence is {step.total_seconds():g} s, and what is fetched are means of a minute: "
        "average readings with --minute_means, or put flux of a minute in its place"
    )


def _tell_what_lacks(folder, own, times, alone):
    unseen = [] if times is None else elsewhere(times, days_of(own))
    if len(unseen):
        text = "%d of %d samples lie on days that %s lacks: unknown, for nothing is fetched. %s."
        _LOG.warning(text, len(unseen), len(times), folder, alone)


def _fetched(folder, own, times, ahead):
    # The files of what the archives hold, and the times for which they were asked.
    wanted = lacking_months(times, days_of(own, WHOLE_DAY), ahead)
    if not wanted:
        return [], times[:0]
    try:
        return fetch_flux(folder, wanted), times
    except ConnectionError as error:
        here = {month for month in wanted if month_file(folder, month).is_file()}
        days = days_of(own)
        if lacking_months(elsewhere(times, days), days, ahead) - here:
            raise
        _LOG.warning("The past or the windows of some samples stay unknown in part. %s", error)
        return [month_file(folder, month) for month in sorted(here)], times


def _is_synthetic(files):
    """Whether a file says in its first line that nobody observed what it holds."""
    return any(_first_line(path).startswith(b"# SYNTHETIC") for path in files)


def _is_list(path):
    """Whether it is a flare list; the light curve's lies beside the flux."""
    return b"goes_class" in _first_line(path)


def _first_line(path):
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            return file.readline(200)
    except (OSError, EOFError):  # a broken file is told of when it is read
        return b""
