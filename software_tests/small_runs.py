"""Runs of the small experiment that the tests of the runner train."""

import pathlib

from network_models import experiment, loading

FOLDER = pathlib.Path(__file__).parent / "network_models" / "small_experiment"


def run(output, *arguments, folder=FOLDER, **changes):
    """Runs the experiment, on its tiny setting unless it resumes; the paths of its runs.

    Args:
        output: folder of the runs.
        *arguments: of its command line.
        folder: of the experiment.
        **changes: of the parts that `experiment.run` takes: build_dataset, build_model, ...
    """
    module = loading.load_module(folder / "network.py")
    parts = {"build_dataset": module.build_dataset, "build_model": module.build_model, **changes}
    tiny = [] if any(argument.startswith("--resume") for argument in arguments) else ["--tiny"]
    return experiment.run(
        folder / "network.py", arguments=[f"--output={output}", *tiny, *arguments], **parts
    )
