"""The command scripts for a trained network, run as their user would run them."""

import pathlib

from network_models import experiment, loading
from tools.network import embed, evaluate_network, examine_weights, explain_network

REPOSITORY = pathlib.Path(__file__).parents[1]
NETWORKS = REPOSITORY / "network_models"
SCRIPTS = (evaluate_network, examine_weights, explain_network, embed)
SLOT = "aia/raw/2014/01/28/H0000"  # of a validation sample
MAPS = ("--what=maps", "--methods=gradient", "--channels=171")


def trained(network, output, *fields):
    """The path of a run of an experiment's tiny setting."""
    module = loading.load_module(NETWORKS / network / "network.py")
    (path,) = experiment.run(
        NETWORKS / network / "network.py",
        build_dataset=module.build_dataset,
        build_model=module.build_model,
        arguments=["--tiny", f"--output={output}", "--explained_samples=0", *fields],
    )
    return path


def files(folder):
    """Path -> bytes of every file below a folder."""
    return {file: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def failed(script, capsys, *arguments):
    """What a script says when it refuses its arguments."""
    assert script.main([str(argument) for argument in arguments]) == 1
    received = capsys.readouterr()
    assert "Traceback" not in received.err
    return received.err


def explain(run, folder, *arguments):
    """Paths, below `folder`, of what explain_network.py writes there."""
    assert explain_network.main([str(run), f"--output={folder}", *map(str, arguments)]) == 0
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
