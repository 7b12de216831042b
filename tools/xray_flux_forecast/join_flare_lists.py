r"""Joins flare lists: one catalogue, the outages of each list, and a table of disagreements.

    python tools/xray_flux_forecast/join_flare_lists.py swpc=swpc.csv hek=flares/hek_flares.csv
    python tools/xray_flux_forecast/join_flare_lists.py reports=20150301events.txt old=list.csv \
        --scale published --flux goes15.csv

Each list has a name and a file (several files of one name are one list); what the first says of a
flare holds. Written to flares/joined/ in the data folder: catalogue.csv, disagreements.csv, and
outages_NAME.csv of each list: when it lacks flares that another list holds, and when it is silent
for so long that its own rate makes it hard to believe. outages.csv tells when none of the lists was
watching, or all were silent beyond belief. The catalogue holds flares of C1.0 and above on the
operational scale, from which on SWPC's list is complete: so "no flare" means the same whichever
list covered a time; --smallest takes in smaller ones. With --flux, disagreements.csv also tells
classes that the observed flux belies, and flares that it shows and no list holds. Labels of the
catalogue need the outages, too, since those were judged with the smaller flares; outages.csv is
read where it lies beside.

    python tools/xray_flux_forecast/v4_find_ys.py --events CATALOGUE
"""

import argparse
import pathlib
import sys

from tools.events import LIST_SCALES, read_events
from tools.flare_catalogue import join, operational_flux, write_catalogue
from tools.flare_classes import class_to_flux
from tools.flux import SCALES, read_flux
from tools.outages import improbable_quiet
from tools.tools import data_folder, in_words


def main(arguments=None):
    """Joins the lists that the command line names; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        files = _by_name(options.lists)
        lists = {name: read_events(paths, options.scale) for name, paths in files.items()}
        scale = options.scale if options.scale in SCALES else None
        flux = read_flux(options.flux, scale, minute_means=True) if options.flux else None
        catalogue = join(lists, flux, operational_flux(options.smallest))
        folder = options.output or data_folder() / "flares" / "joined"
        write_catalogue(folder, catalogue)
    except (ValueError, OSError) as error:
        print(in_words(error, "NAME=FILE, --flux or --output"), file=sys.stderr)
        return 1
    _report(catalogue, lists, options.smallest)
    print(f"Written to {folder}")
    return 0


def _parser():
    summary, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lists", nargs="+", metavar="NAME=FILE", help="flare lists, by name")
    parser.add_argument(
        "--scale",
        choices=LIST_SCALES,
        help="of lists that do not say theirs; published: as SWPC did at the time",
    )
    parser.add_argument("--flux", nargs="+", metavar="FILE", help="to check the lists by")
    parser.add_argument(
        "--smallest",
        type=_goes_class,
        default="C1.0",
        metavar="CLASS",
        help="of the catalogue's flares, C1.0 or smaller, such as B1.0, operational: 0.7 of the "
        "physical flux, as published until GOES-15; default C1.0",
    )
    parser.add_argument(
        "--output", type=pathlib.Path, metavar="FOLDER", help="default: flares/joined in the data"
    )
    return parser


def _goes_class(text):
    try:
        flux = class_to_flux(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a class such as B1.0, received {text}"
        ) from None
    if flux > class_to_flux("C1.0"):
        raise argparse.ArgumentTypeError(
            f"expected C1.0 or a smaller class, received {text}: labels made of a list without C "
            "flares would call their days quiet"
        )
    return text


def _by_name(arguments):
    files = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals or not path or not name.isidentifier() or name == "all":
            raise ValueError(
                f"{argument!r} names no list. Expected NAME=FILE, where the name is of letters and "
                "digits and not 'all', such as swpc=swpc_2014.csv."
            )
        files.setdefault(name, []).append(path)
    return files


def _report(catalogue, lists, smallest):
    for name, events in lists.items():
        blind = catalogue.outages[name]
        days = sum((end - start).astype(float) for start, end in blind) / 86.4e9
        print(
            f"{name:12} rows {events['rows'].sum():6}  repeats {catalogue.repeats[name]:4}  "
            f"outages {len(blind)} ({days:.1f} days)"
        )
        for start, end, flares in improbable_quiet(events):
            span = f"{str(start)[:16]} to {str(end)[:16]}"
            print(f"{'':12} silent from {span}, where its rate lets expect {flares:.0f} flares")
    print(f"{'together':12} flares {len(catalogue.flares)} of {smallest} (operational) and above")
    counts = catalogue.disagreements.groupby(["kind", "list", "other"]).size()
    for (kind, name, other), count in counts.items():
        print(f"{kind:9} {name} / {other}: {count}")


if __name__ == "__main__":
    raise SystemExit(main())
