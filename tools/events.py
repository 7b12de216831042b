"""Lists of solar flares, of several makers, as one table."""

import logging
import pathlib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from tools import event_reports, tables
from tools.active_regions import full_region_number
from tools.flare_classes import GOES_CLASS, class_to_flux
from tools.flare_repeats import without_repeats
from tools.flux import SCALES, check_scale, known_scales, to_physical
from tools.primary_satellite import KNOWN, published_scale, satellite_name

COLUMNS = [
    "start",
    "peak",
    "end",
    "flux",
    "goes_class",
    "class_scale",
    "satellite",
    "noaa_active_region",
    "longitude",
]
SPAN = ("list_start", "list_end")
PUBLISHED = "published"
LIST_SCALES = (*SCALES, PUBLISHED)
LONGEST_FLARE = pd.Timedelta("1D")  # the longest of SWPC's list of 2010 to 2021: 7.25 hours
_LOG = logging.getLogger(__name__)


def read_events(
    paths: str | pathlib.Path | Iterable[str | pathlib.Path], scale: str | None = None
) -> pd.DataFrame:
    """Reads one or more flare lists; the beginning of each tells its form.

    Forms: SWPC's daily event reports (`tools.event_reports`), SWPC's table
    (`date,event_no,start_time,max_time,end_time,goes_sat,...,goes_class,...`),
    HEK's (`start_time,end_time,peak_time,goes_class,...`), FlareNet's (`Year,Month,Day,Hour
    Start,...,Peak Flux`) and this project's (`start,peak,end,goes_class,scale`); any of the latter
    three may add `satellite`, `noaa_active_region`, `scale`, and what time the list covers around
    a flare, `list_start,list_end` (else it is taken to cover all from its first flare to its last).
    A clock time without a date is of the day that brings it nearest to the flare's start.
    HEK's may say where on the Sun a flare was: `hgx,hgy`, heliographic longitude and latitude in
    degrees, of which 0, 0 is unknown. Region numbers get all their digits (`tools.active_regions`).
    Of rows that tell of one flare one is left (`tools.flare_repeats`). A peak before its start or
    over a day after it is no peak, an end before its peak or over a day after its start no end, and
    A0.0 no class: they are missing, and a log message counts them.

    Args:
        paths: one file or several.
        scale: of the classes, for lists that do not say it: "operational", "physical", or
            "published": as SWPC published them at the time, operational while GOES-15 or an earlier
            satellite was primary, physical from GOES-16 on. SWPC's own lists name the satellite.

    Returns:
        Sorted by peak: start, peak, end (datetime64[us], UTC; peak and end may be NaT), flux
        (float64, physical W m-2, NaN where the class is 0), goes_class (str, as published; empty
        if only a flux was), class_scale (str, the scale of that class), satellite (str, may be
        empty), noaa_active_region (int, 0 unknown), longitude (degrees from the central
        meridian, west positive, NaN unknown), list_start and list_end (first and last time
        that the list covers around that flare), rows (int, how many rows told of the flare).

    Raises:
        ValueError: if a list has another form, or a row that cannot be read (with its line).
        FileNotFoundError: if a file is not there.
    """
    if scale != PUBLISHED:
        check_scale(scale)
    single = isinstance(paths, str | pathlib.Path)
    files = [pathlib.Path(path) for path in ([paths] if single else paths)]
    if not files:
        raise ValueError("No flare list was named. Expected at least one. Received: paths=[].")
    reports = [path for path in files if event_reports.is_event_report(path)]
    lists = [_read_list(path, scale) for path in files if path not in reports]
    lists += [_read_reports(reports)] if reports else []
    table = pd.concat(lists, ignore_index=True)
    times = {name: table[name].astype("datetime64[us]") for name in ("start", "peak", "end")}
    return without_repeats(table.assign(**times))


def _read_list(path, scale):
    heading = tables.read_heading(path)
    for columns, reader in _FORMS:
        if set(columns) <= set(heading.columns):
            rows = tables.read_rows(heading)
            table = _completed(reader(rows, heading), rows, heading, scale)
            return table.assign(**_span(table, rows, heading))
    forms = "; ".join(",".join(columns) for columns, _ in _FORMS)
    raise ValueError(
        f"{path}, line {heading.comments + 1}: this header is of no flare list known here. "
        f"Expected a line that names the columns, those of one of these: {forms}; or "
        f"{event_reports.FORM}. Received as the first line: {','.join(heading.columns)[:120]}. If "
        "it is a flare, write a line start,peak,end,goes_class,scale above it, as its columns are; "
        "if it is a header, rename its columns to these. A flux series goes to --flux."
    )


def _span(table, rows, heading):
    if {*SPAN} <= set(rows):
        start, end = (tables.times(rows[name], heading) for name in SPAN)
        expected = "a time that is not before list_start"
        tables.refuse_rows(end < start, rows["list_end"], heading, expected)
        return dict(zip(SPAN, (start, end), strict=True))
    last = table["end"].fillna(table["peak"]).fillna(table["start"]).max()
    return dict(zip(SPAN, (table["start"].min(), last), strict=True))


def _read_reports(paths):
    table = event_reports.read_event_reports(paths)
    bad = ~table["goes_class"].str.fullmatch(GOES_CLASS)
    if bad.any():
        first = table[bad].iloc[0]
        raise ValueError(
            f"{first['path']}, line {first['line']}: expected a flare class such as C4.2, M1.5 or "
            f"X10. Received: {first['goes_class']!r}. Mend or remove that line."
        )
    said = pd.Series(None, table.index, dtype=object)
    scales = known_scales(said, table["satellite"], "operational", table["path"].iloc[0])
    return _plausible(
        table.assign(
            class_scale=scales,
            longitude=np.nan,
            flux=to_physical(_class_fluxes(table["goes_class"]), scales),
            noaa_active_region=full_region_number(table["noaa_active_region"], table["start"]),
        ),
        table["path"].iloc[0],
    )[[*COLUMNS, *SPAN]]


def _read_swpc(rows, heading):
    day = pd.to_datetime(rows["date"], format="%Y%m%d", errors="coerce")
    tables.refuse_rows(day.isna(), rows["date"], heading, "a date such as 20140101")
    start, peak, end = (
        _clock_time(day, rows[name], heading, optional)
        for name, optional in (("start_time", False), ("max_time", True), ("end_time", True))
    )
    satellite = _satellites(rows["goes_sat"], heading)
    said = pd.Series(None, rows.index, dtype=object)
    return pd.DataFrame(
        {
            "start": start,
            "peak": event_reports.nearest_to(peak, start),
            "end": event_reports.nearest_to(end, start),
            "satellite": satellite,
            "class_scale": known_scales(said, satellite, "operational", heading.path),
        }
    )


def _clock_time(day, clock, heading, optional):
    # SWPC writes //// for a time that is not known.
    known = clock.fillna("").str.fullmatch(r"([01]\d|2[0-3])[0-5]\d")
    unknown = clock.fillna("").str.fullmatch(r"/*") & optional
    tables.refuse_rows(~known & ~unknown, clock, heading, "a time such as 0724")
    digits = pd.to_numeric(clock.where(known))
    return day + pd.to_timedelta(digits // 100 * 60 + digits % 100, unit="min")


def _read_flarenet(rows, heading):
    fields = {name: tables.numbers(rows[name], heading) for name in _FLARENET}
    day = pd.to_datetime(
        {unit: fields[unit.title()] for unit in ("year", "month", "day")}, errors="coerce"
    )
    tables.refuse_rows(day.isna(), rows["Day"], heading, "a day of that year and month")
    # The header names the peak twice; the first pair is the published time, which is used.
    start, peak, end = (
        day + pd.to_timedelta(fields[f"Hour {name}"] * 60 + fields[f"Minute {name}"], unit="min")
        for name in ("Start", "Peak", "End")
    )
    return pd.DataFrame(
        {
            "start": start,
            "peak": event_reports.nearest_to(peak, start),
            "end": event_reports.nearest_to(end, start),
            "published_flux": fields["Peak Flux"],
        }
    )


def _reader(start, peak, end):
    def read(rows, heading):
        return pd.DataFrame(
            {
                "start": tables.times(rows[start], heading),
                "peak": tables.times(rows[peak], heading, optional=True),
                "end": tables.times(rows[end], heading, optional=True),
            }
        )

    return read


def _completed(table, rows, heading, scale):
    # Adds what all forms share: class, flux, satellite, region, and makes the times plausible.
    if "satellite" not in table:
        names = rows.get("satellite", pd.Series("", rows.index))
        table["satellite"] = _satellites(names, heading)
    if "class_scale" not in table:
        said = tables.scales(rows, heading)
        table["class_scale"] = _class_scales(said, table, scale, heading.path)
    published, table["goes_class"] = _published(table, rows, heading)
    table["flux"] = to_physical(published, table["class_scale"])
    table["longitude"] = _longitude(rows, heading)
    regions = _active_region(rows, heading)
    table["noaa_active_region"] = full_region_number(regions, table["start"])
    return _plausible(table, heading.path)[COLUMNS]


def _satellites(names, heading):
    found = names.map(_satellite_or_none)
    tables.refuse_rows(found.isna(), names, heading, KNOWN)
    return found


def _satellite_or_none(text):
    try:
        return satellite_name(text)
    except ValueError:
        return None


def _published(table, rows, heading):
    if "published_flux" in table:
        flux = table["published_flux"]
        tables.refuse_rows(~(flux > 0), rows["Peak Flux"], heading, "a flux above 0 in W m-2")
        return flux, ""
    classes = rows["goes_class"].fillna("").str.strip()
    bad = ~classes.str.fullmatch(GOES_CLASS)
    tables.refuse_rows(bad, rows["goes_class"], heading, "a flare class such as C4.2, M1.5 or X10")
    return _class_fluxes(classes), classes


def _class_fluxes(classes):
    unknown = pd.to_numeric(classes.str[1:]) == 0  # lists hold an A0.0 here and there
    return classes.where(~unknown, "A1").map(class_to_flux).mask(unknown)


def _class_scales(said, table, scale, path):
    if scale != PUBLISHED:
        return known_scales(said, table["satellite"], scale, path)
    usual = pd.Series(published_scale(table["start"]), table.index)
    return known_scales(said.fillna(usual), table["satellite"], None, path)


def _active_region(rows, heading):
    for name in ("noaa_active_region", "noaa_ar"):
        if name in rows:
            number = tables.numbers(rows[name].str.strip().replace("", None), heading).fillna(0)
            wrong = (number < 0) | (number % 1 != 0)
            expected = "the number of an active region, 0 or nothing where it is unknown"
            tables.refuse_rows(wrong, rows[name], heading, expected)
            return number.astype(np.int64)
    return np.zeros(len(rows), np.int64)


def _longitude(rows, heading):
    if "hgx" not in rows or "hgy" not in rows:
        return np.full(len(rows), np.nan)
    longitude, latitude = (tables.numbers(rows[name], heading) for name in ("hgx", "hgy"))
    return longitude.mask((longitude == 0) & (latitude == 0))


def _plausible(table, path):
    start, peak, end = table["start"], table["peak"], table["end"]
    wrong = (peak < start) | (peak - start > LONGEST_FLARE)
    peak = peak.mask(wrong)
    odd = (end < start) | (end < peak) | (end - start > LONGEST_FLARE)
    unknown = table["flux"].isna()
    if wrong.any() or odd.any() or unknown.any():
        _LOG.warning(
            "%s: of %d flares, %d have a peak before their start or over a day after it, %d an end "
            "before their peak or over a day after their start, and %d a class of 0: these values "
            "are left out.",
            *(path, len(table), wrong.sum(), odd.sum(), unknown.sum()),
        )
    return table.assign(peak=peak, end=end.mask(odd))


_FLARENET = [f"{unit} {name}" for name in ("Start", "End", "Peak") for unit in ("Hour", "Minute")]
_FLARENET = ["Year", "Month", "Day", *_FLARENET, "Peak Flux"]
_FORMS = (
    (("date", "start_time", "max_time", "end_time", "goes_sat", "goes_class"), _read_swpc),
    (
        ("start_time", "peak_time", "end_time", "goes_class"),
        _reader("start_time", "peak_time", "end_time"),
    ),
    (tuple(_FLARENET), _read_flarenet),
    (("start", "peak", "end", "goes_class"), _reader("start", "peak", "end")),
)
