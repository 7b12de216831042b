"""What the command lines of all tools for a trained network have in common."""

import argparse
import pathlib
import sys


def parser(documentation):
    """An argparse parser that takes the options which every tool shares.

    Args:
        documentation: the script's docstring; its first paragraph says what the script does.
    """
    summary, _, rest = documentation.partition("\n\n")
    found = argparse.ArgumentParser(
        description=summary,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = found.add_argument
    add(
        "model",
        nargs="?",
        default="",
        metavar="MODEL",
        help="a run folder, the name of a run, the folder of an experiment (its newest run), or a "
        ".keras file; default: the newest finished run",
    )
    add(
        "--runs",
        type=pathlib.Path,
        metavar="FOLDER",
        help="where runs are looked for; default: network_models/",
    )
    add("--output", type=pathlib.Path, metavar="FOLDER", help="default: a folder inside the run")
    return found


def add_fields(found):
    """Adds --set to a parser: fields of the run's config for this time only."""
    found.add_argument(
        "--set",
        action="append",
        default=[],
        dest="fields",
        metavar="FIELD=VALUE",
        help="a field of the run's config for this time, lag_minutes=720 say; may be repeated",
    )


def add_splits(found, default, meaning):
    """Adds --split to a parser: the splits that a tool works on.

    Args:
        found: the parser.
        default: sequence of names of splits, or ("all",), or () for those not trained on.
        meaning: str, the default in words.
    """
    found.add_argument(
        "--split",
        type=words,
        default=default,
        metavar="NAMES",
        help=f"splits with commas between, or all; default: {meaning}",
    )


def words(text):
    """A list of the words between commas: the type of options that take several."""
    return [word for word in text.split(",") if word]


def ended(work, options):
    """Runs a script's work; a user's error ends as one message on stderr.

    Args:
        work: function of the parsed options.
        options: argparse.Namespace.

    Returns:
        int, the exit status: 0, or 1 after an error.
    """
    try:
        work(options)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201, this is where the scripts speak to a user
        return 1
    return 0


def folder_name(file, parts, fields=()):
    """The name of a folder of results that says what they are of.

    Args:
        file: the .keras file.
        parts: list of str: splits, say.
        fields: "name=value" texts that were set.

    Returns:
        str such as "best_validation-test" or "best_test_lag_minutes=720".
    """
    name = "_".join([pathlib.Path(file).stem, "-".join(parts), *fields])
    return "".join(letter if letter.isalnum() or letter in "_-=.," else "-" for letter in name)
