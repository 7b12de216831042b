"""What v4_find_ys.py may be asked for, and what of it makes no sense together."""

import argparse
import pathlib

from tools import flare_list
from tools.command_line_times import utc_time
from tools.events import LIST_SCALES, PUBLISHED
from tools.flux import SCALES
from tools.tools import data_folder

DELAYS = (0, 12, 24, 36, 60, 1440)  # minutes
CATCHES = (12, 24, 36, 60, 1440)
MOST = 366 * 1440  # minutes of a delay, a catch or a step of --every


def parser(text: str) -> argparse.ArgumentParser:
    """The command line of v4_find_ys.py, whose docstring is `text`."""
    summary, _, rest = text.partition("\n\n")
    found = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--flux", nargs="+", metavar="FILE", help="flux: CSV, FITS, netCDF, .gz")
    found.add_argument("--events", nargs="+", metavar="FILE", help="flare lists")
    found.add_argument(
        "--scale",
        choices=LIST_SCALES,
        help="of files that do not say theirs; published (of lists): as SWPC did at the time",
    )
    found.add_argument(
        "--minute_means", action="store_true", help="average readings of 1 to 3 s over minutes"
    )
    found.add_argument(
        "--outages", metavar="FILE", help="CSV start,end: when the flare list was blind"
    )
    for name, default in (("--delays", DELAYS), ("--catches", CATCHES)):
        found.add_argument(
            name, nargs="+", type=int, default=default, metavar="MINUTES", help=f"default {default}"
        )
    found.add_argument(
        "--every", type=_minutes, metavar="MINUTES", help="regular times in place of the index"
    )
    for name, which in (("--start", "first"), ("--end", "last")):
        found.add_argument(
            name, type=utc_time, metavar="TIME", help=f"with --every: {which} time, UTC"
        )
    found.add_argument(
        "--output", type=pathlib.Path, metavar="FOLDER", help="default: y/ in the data folder"
    )
    return found


def check(options: argparse.Namespace) -> None:
    """Refuses what makes no sense, before anything is read or fetched.

    Raises:
        ValueError: with the option, and what was expected.
    """
    _check_windows(options)
    _check_times(options)
    _check_lists(options)


def _minutes(text):
    minutes = int(text) if text.isdecimal() else 0
    if not 1 <= minutes <= MOST:
        raise argparse.ArgumentTypeError(f"expected 1 to {MOST} whole minutes, received {text}")
    return minutes


def _check_windows(options):
    for name, least in (("delays", 0), ("catches", 1)):
        minutes = list(getattr(options, name))
        wrong = min(minutes) < least or max(minutes) > MOST
        if wrong or len(set(minutes)) < len(minutes):
            raise ValueError(
                f"--{name} names no window, or one twice. Expected whole minutes from {least} to "
                f"{MOST} (366 days), each once. Received: {' '.join(map(str, minutes))}. Leave "
                "the others out."
            )


def _check_times(options):
    start, end = options.start, options.end
    if start is None and end is None:
        return
    if not options.every or start is None or end is None or start > end:
        raise ValueError(
            "--start and --end are the first and the last of regular times. Expected both, in this "
            f"order, and --every MINUTES. Received: --start {start}, --end {end}, --every "
            f"{options.every}. Leave them out for the times of the sample index, or, with --every, "
            "for those of the series that is there."
        )


def _check_lists(options):
    own_list = not options.flux and (data_folder() / "flares" / flare_list.FILE).is_file()
    if options.outages and not options.events and not own_list:
        raise ValueError(
            f"--outages={options.outages} tells when a flare list was blind. Expected --events "
            "with it. A flux series shows its own gaps: leave --outages out."
        )
    if options.scale == PUBLISHED and not options.events and not own_list:
        raise ValueError(
            f"--scale={PUBLISHED} is of flare lists, and none was named. Expected --events with "
            f"it, or one of {', '.join(SCALES)} for a flux series that does not say its scale."
        )
