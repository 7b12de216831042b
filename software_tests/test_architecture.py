"""The house of DESIGN.md: who may import whom, read from the source."""

import ast
import functools
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
MAY_IMPORT = {  # of the rooms
    "network_models": {"network_models", "dataset_models", "tools"},
    "dataset_models": {"dataset_models", "tools"},
    "tools": {"tools"},
}
RECORDS = {"trained_models", "__pycache__"}  # copies of what ran lie in run folders
FILES = [
    path
    for room in MAY_IMPORT
    for path in sorted((ROOT / room).rglob("*.py"))
    if not RECORDS & set(path.parts)
]
GRADIENTS = ROOT / "network_models" / "explanations" / "gradients.py"


@functools.cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imported(path):
    """Dotted names of all that a file imports, wherever it does; `from a import b` gives a.b."""
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import breaks where a folder is copied"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@functools.cache
def is_script(path):
    return "__name__ == '__main__'" in ast.unparse(tree(path))


def is_command(path):
    """A command script of tools/ lies one folder deeper, and may import all rooms."""
    return path.is_relative_to(ROOT / "tools") and is_script(path)


def is_experiment(path):
    return path.name in ("config.py", "network.py") and (path.parent / "network.py").exists()


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def where(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=where)
def test_rooms_are_imported_downwards_only(path):
    room = path.relative_to(ROOT).parts[0]
    if not is_command(path):
        foreign = {*MAY_IMPORT, "software_tests"} - MAY_IMPORT[room]
        wrong = {name for name in imported(path) if name.split(".")[0] in foreign}
        assert not wrong, f"{room} may not import {wrong}"


@pytest.mark.parametrize("path", FILES, ids=where)
def test_nobody_imports_scripts_experiments_or_tests(path):
    closed = [dotted(f) for f in FILES if is_command(f) or is_experiment(f)]
    names = imported(path)
    wrong = {n for n in names for c in closed if n == c or n.startswith(f"{c}.")}
    wrong |= {name for name in names if name.split(".")[0] == "software_tests"}
    assert not wrong, f"imports {wrong}"


@pytest.mark.parametrize("path", FILES, ids=where)
def test_backends_are_imported_in_one_place(path):
    roots = {name.split(".")[0] for name in imported(path)}
    if path != GRADIENTS:
        assert not roots & {"tensorflow", "jax", "torch"}, "use keras.ops"


@pytest.mark.parametrize("path", FILES, ids=where)
def test_errors_are_raised_and_not_asserted(path):
    wrong = [n.lineno for n in ast.walk(tree(path)) if isinstance(n, ast.Assert)]
    assert not wrong, f"assert in lines {wrong}; raise ValueError with what was expected"


def test_scripts_of_tools_lie_in_folders():
    # A script directly in tools/ would import tools/tools.py in place of the package.
    assert not [where(p) for p in (ROOT / "tools").glob("*.py") if is_script(p)]


def test_the_runner_knows_no_dataset_and_no_experiment():
    for path in sorted((ROOT / "network_models").glob("*.py")):
        wrong = {n for n in imported(path) if n.startswith("dataset_models.")}
        assert all(n.startswith("dataset_models.dataset") for n in wrong), f"{where(path)}: {wrong}"


def test_importing_does_nothing(tmp_path):
    """Imports every module in one fresh process: nothing is printed, and no file appears."""
    modules = [dotted(path) for path in FILES if path.name != "__init__.py"]
    program = f"import importlib\nfor name in {modules}:\n    importlib.import_module(name)"
    received = subprocess.run(
        [sys.executable, "-B", "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "HOME": str(tmp_path / "home"),
             "KERAS_HOME": str(tmp_path / "home"), "FLARENET_DATA": str(tmp_path / "data"),
             "MPLCONFIGDIR": str(tmp_path / "home"), "SUNPY_CONFIGDIR": str(tmp_path / "home")},
        capture_output=True, text=True,
    )  # fmt: skip
    assert received.returncode == 0, received.stderr
    assert received.stdout == ""
    assert {path.name for path in tmp_path.iterdir()} <= {"home"}  # libraries keep caches there
