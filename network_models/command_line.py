"""The options that every experiment's network.py takes, beside one for each field of its config."""

import dataclasses
import pathlib

from network_models import run_folder
from tools import configuration

OPTIONS = {
    "--tiny": "the smallest setting that runs every line",
    "--resume": "go on with the newest unfinished run, or with --resume=RUN",
    "--output=FOLDER": "where run folders are made; trained_models/ beside network.py unless given",
    "--weights=RUN": "start from the best weights of another run, or of a .keras file",
    "--seeds=1,2,3": "one run for each seed",
    "--help": "this list",
}


@dataclasses.dataclass(frozen=True)
class Options:
    """What the command line asks of the runner; `fields` are left for the config."""

    output: pathlib.Path
    fields: tuple = ()
    tiny: bool = False
    help: bool = False
    resume: str | None = None  # "" is the newest unfinished run
    weights: str = ""
    seeds: tuple = ()


def parse(arguments, output):
    """Sorts a command line into the runner's options and the config's fields.

    Args:
        arguments: list of str.
        output: folder of the run folders unless --output names one.

    Raises:
        ValueError: if an option lacks its value, or has one that it does not take.
    """
    found, fields = {"output": pathlib.Path(output)}, []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in ("--tiny", "--help") and not equals:
            found[name[2:]] = True
        elif name == "--resume":
            found["resume"] = value
        elif name == "--weights":
            found["weights"] = _given(argument, value)
        elif name == "--output":
            found["output"] = pathlib.Path(_given(argument, value)).expanduser()
        elif name == "--seeds":
            found["seeds"] = _whole_numbers(argument, value)
        else:
            fields.append(argument)
    _check_resumable(found)
    return Options(fields=tuple(fields), **found)


def _check_resumable(found):
    others = [f"--{name}" for name in ("tiny", "weights", "seeds") if found.get(name)]
    if "resume" in found and others:
        raise ValueError(
            f"--resume goes on with a run as it was started. Expected no {' or '.join(others)} "
            "beside it. Leave them out, or start a new run."
        )


def find_weights(options):
    """What --weights names: a path, or the name of a run in the folder of run folders."""
    named = options.output / options.weights
    return named if named.exists() else pathlib.Path(options.weights).expanduser()


def override(config, options):
    """`config` with the fields of the command line; a typo is offered the nearest name."""
    return configuration.override(
        config, options.fields, options=[o.split("=")[0] for o in OPTIONS]
    )


def find_run(options):
    """The run that --resume means: the one named, or the newest unfinished one."""
    if not options.resume:
        return run_folder.newest(options.output, finished=False)
    for path in (pathlib.Path(options.resume), options.output / options.resume):
        if (path / "provenance.json").exists():
            return run_folder.RunFolder(path)
    raise FileNotFoundError(
        f"There is no run {options.resume!r}. Expected a run folder, or the name of one in "
        f"{options.output}. Leave the name out to resume the newest unfinished run."
    )


def help_text(config):
    """The text of --help."""
    width = max(map(len, OPTIONS))
    options = "\n".join(f"  {name:{width}}  {meaning}" for name, meaning in OPTIONS.items())
    fields = configuration.help_text(config)
    return f"Options:\n{options}\n\nFields of config.py, with their defaults:\n{fields}"


def _given(argument, value):
    if not value:
        raise ValueError(
            f"{argument!r} has no value. Expected a path after =, as in "
            f"{argument.partition('=')[0]}=PATH."
        )
    return value


def _whole_numbers(argument, value):
    try:
        numbers = tuple(int(number) for number in value.split(","))
    except ValueError:
        numbers = ()
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(
            f"{argument!r} does not list seeds. Expected whole numbers, each once, with commas "
            "between, as in --seeds=1,2,3."
        )
    return numbers
