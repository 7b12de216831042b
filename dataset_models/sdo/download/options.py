"""The command line of download_aia.py: its options, and what is refused before any work."""

import argparse
from typing import Any

import numpy as np

from dataset_models.sdo.download import archive, choosing
from dataset_models.sdo.download.archive import ARCHIVES, CHANNELS
from dataset_models.sdo.download.fetch import JOBS
from tools.command_line_times import utc_time
from tools.flare_list import HEK
from tools.flux import SCALES

USUAL_CHANNELS = CHANNELS[:8]  # those of a cadence of two minutes
LATENCY = np.timedelta64(7, "D")  # definitive images are made about a week later
YEAR = 527_040  # minutes, of a leap year
MOST = {"cadence": YEAR, "offset_minutes": YEAR}
LEAST = {"cadence": 1, "offset_minutes": 0, "limit": 1, "jobs": 1, "seed": 0}


def parser(explanation: str) -> argparse.ArgumentParser:
    """The parser of the command line.

    Args:
        explanation: docstring of the script.
    """
    summary, _, rest = explanation.partition("\n\n")
    made = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _add_times(made.add_argument_group("which times"))
    _add_files(made.add_argument_group("which files, and from where"))
    return made


def complete(options: argparse.Namespace) -> None:
    """Fills in the times that were left out, and refuses what cannot be.

    Raises:
        ValueError: an impossible range, times that the archive does not have, an unknown channel,
            a number that is too small or too large, a wrong address, or options that do not go
            together.
    """
    _check_series(options)
    _check_numbers(options)
    _check_channels(options.channels)
    archive.refuse_wrong_addresses((*options.archive, *ARCHIVES))
    options.start = archive.FIRST_SLOT if options.start is None else options.start
    options.end = now() - LATENCY if options.end is None else options.end
    _check_range(options.start, options.end)
    if options.cadence:
        _check_minutes(options)


def now() -> np.datetime64:
    """The time of the computer's clock, UTC, whole minutes."""
    return np.datetime64("now", "m")


def _add_times(group: Any):
    add = group.add_argument
    add("--start", type=utc_time, metavar="TIME", help="first image, UTC (default: 2010-05-13)")
    add("--end", type=utc_time, metavar="TIME", help="last image, UTC (default: a week ago)")
    add("--cadence", type=int, metavar="MINUTES", help="a regular series; both ends included")
    add(
        "--offset-minutes",
        type=int,
        default=720,
        metavar="MINUTES",
        help="from the image of a flare case to the peak, or up to 12 more (default: 720)",
    )
    add(
        "--quiet-hours",
        type=float,
        nargs=2,
        default=choosing.QUIET_HOURS,
        metavar=("BEFORE", "AFTER"),
        help="around a quiet time, without a flare of C1.0 or above (default: 12 24)",
    )
    add("--flares", nargs="+", metavar="FILE", help=f"flare lists (default: SWPC's, from {HEK})")
    add("--scale", choices=SCALES, help="of the classes, for lists that do not say theirs")
    add("--seed", type=int, default=1, help="of the lots (default: 1)")
    add("--limit", type=int, metavar="N", help="at most N flare cases, or N times of a series")


def _add_files(group: Any):
    add = group.add_argument
    usual = ",".join(map(str, USUAL_CHANNELS))
    add(
        "--channels",
        type=_channels,
        default=USUAL_CHANNELS,
        metavar="LIST",
        help=f"Angstrom (default: {usual})",
    )
    add(
        "--archive",
        action="append",
        default=[],
        metavar="URL",
        help=f"another archive of the same layout, asked before {ARCHIVES[0]}; repeatable",
    )
    add("--nrt", action="store_true", help="near-real-time images, into aia/nrt")
    add("--jobs", type=int, default=JOBS, help=f"connections at most (default: {JOBS})")
    add("--ask-again", action="store_true", help="also for files that no archive had")
    add("--dry-run", action="store_true", help="only say files, bytes and hours")
    add("--verify", action="store_true", help="check the files that are there, by SHA-256")
    add("--repair", action="store_true", help="--verify, and fetch damaged and missing ones anew")


def _channels(text):
    try:
        return tuple(dict.fromkeys(int(each) for each in text.split(",")))
    except ValueError:
        wanted = "expected wavelengths such as 94,171"
        raise argparse.ArgumentTypeError(f"{wanted}, received {text!r}") from None


def _check_series(options):
    if options.nrt and not options.cadence and not (options.verify or options.repair):
        raise ValueError(
            "Near-real-time images are asked for as a regular series. Expected --start, --end and "
            "--cadence with --nrt. Received: no --cadence."
        )
    if options.cadence is not None and (options.start is None or options.end is None):
        raise ValueError(
            "A regular series lacks its times. Expected --start and --end with --cadence. "
            f"Received: start={options.start}, end={options.end}."
        )


def _check_numbers(options):
    for name, least in LEAST.items():
        number = getattr(options, name)
        if number is not None and number < least:
            raise ValueError(
                f"--{name.replace('_', '-')} cannot be {number}. Expected {least} or more."
            )
    for name, most in MOST.items():
        number = getattr(options, name)
        if number is not None and number > most:
            raise ValueError(
                f"--{name.replace('_', '-')} cannot be {number}. Expected {most}, a year, or less."
            )
    if not all(0 <= hours <= YEAR / 60 for hours in options.quiet_hours):
        raise ValueError(
            f"--quiet-hours cannot be {options.quiet_hours}. Expected two numbers of 0 or more, of "
            f"a year ({YEAR // 60}) or less."
        )


def _check_channels(channels):
    unknown = [channel for channel in channels if channel not in CHANNELS]
    if unknown:
        raise ValueError(
            f"AIA has no channel {unknown[0]}. Expected some of {','.join(map(str, CHANNELS))} "
            f"(Angstrom). Received: --channels {','.join(map(str, channels))}."
        )


def _check_range(start, end):
    if start < archive.FIRST_SLOT or end < start or end > now():
        raise ValueError(
            f"There are no images of that range. Expected a start from {archive.FIRST_SLOT} on, "
            f"when the archive begins, and an end after it, up to now. Received: {start} to {end}. "
            "Correct --start and --end (UTC)."
        )


def _check_minutes(options):
    name, step = "even minutes", choosing.CADENCE_MINUTES
    if options.nrt:
        name, step = "every third minute near real time", choosing.NRT_CADENCE_MINUTES
    if options.cadence % step or options.start.astype(np.int64) % step:
        raise ValueError(
            f"The archive has images on {name}. Expected a start and a cadence that are multiples "
            f"of {step} minutes. Received: --start {options.start} --cadence {options.cadence}."
        )
