"""The installation check says in plain words what is missing, and how to get it."""

import pathlib
import subprocess
import sys

import pytest

from software_tests import testing_installation as installation
from software_tests.testing_installation import Advice, MissingError

SCRIPT = pathlib.Path(installation.__file__)


@pytest.fixture
def nothing(monkeypatch):
    """A machine on which no program is found."""
    monkeypatch.setattr(installation.shutil, "which", lambda name: None)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with requirements of its own."""
    monkeypatch.setattr(installation, "REPOSITORY", tmp_path)
    return tmp_path


def test_a_missing_drawing_program_is_advice_with_the_commands(nothing):
    with pytest.raises(Advice, match=r"without architecture.png.*apt-get install graphviz.*brew"):
        installation.dot()
    with pytest.raises(Advice, match=r"`make run` and `make test` do not work.*apt-get install m"):
        installation.make()


@pytest.mark.parametrize(
    ("card", "driver", "words"),
    [
        (True, True, r'lacks its CUDA libraries.*pip install "tensorflow\[and-cuda\]"'),
        (True, False, r"its driver is not.*apt-get install nvidia-driver.*start the machine anew"),
        (False, False, r"train on the CPU.*Nothing is missing"),
    ],
)
def test_what_a_graphics_card_lacks_is_told(monkeypatch, card, driver, words):
    pytest.importorskip("tensorflow")
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])
    monkeypatch.setattr(installation, "_has_card", lambda: card)
    monkeypatch.setattr(installation, "_has_driver", lambda: driver)
    with pytest.raises(Advice, match=words):
        installation.graphics_card()


def test_a_card_is_known_by_its_maker(tmp_path):
    for slot, maker in (("0000:00:01.0", "0x8086"), ("0000:01:00.0", "0x10de")):
        (tmp_path / slot).mkdir()
        (tmp_path / slot / "vendor").write_text(maker + "\n")
    assert installation._has_card(tmp_path)
    (tmp_path / "0000:01:00.0" / "vendor").write_text("0x1002\n")
    assert not installation._has_card(tmp_path)


def test_packages_that_are_missing_or_old_are_listed_with_the_command(checkout):
    lines = "numpy>=999.1  # a comment\nno-such-package\n\n# another\nastropy[all]>=1.0\n"
    (checkout / "requirements.txt").write_text(lines)
    with pytest.raises(MissingError) as caught:
        installation.packages()
    said = str(caught.value)
    assert "numpy is of version 2" in said
    assert "999.1 is needed" in said
    assert "no-such-package is not installed" in said
    assert "astropy" not in said
    assert "pip install --editable" in said


def test_a_broken_package_is_told(checkout, monkeypatch):
    (checkout / "requirements.txt").write_text("numpy>=1\n")

    def broken(name):
        raise ImportError("libfoo.so: cannot open shared object file")

    monkeypatch.setattr(installation.importlib, "import_module", broken)
    with pytest.raises(MissingError, match=r"numpy 2.* is broken \(ImportError: libfoo.so"):
        installation.packages()


def test_another_python_is_told(monkeypatch):
    monkeypatch.setattr(installation.sys, "version_info", (3, 14, 0))
    with pytest.raises(MissingError, match=r"Python 3.14.0 runs, and FlareNet needs 3.11 to 3.13"):
        installation.python()


def test_another_checkout_is_told(checkout):
    with pytest.raises(MissingError, match=r"imports FlareNet from .*not from this checkout"):
        installation.own_packages()


def test_a_data_folder_that_cannot_be_written_to_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(MissingError, match=r"cannot be written to.*export FLARENET_DATA=FOLDER"):
        installation.data_folder()
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "new" / "data"))
    assert str(tmp_path / "new" / "data") in installation.data_folder()
    assert not (tmp_path / "new").exists()  # it looks, and makes nothing


def test_little_room_is_advice(monkeypatch):
    monkeypatch.setattr(installation, "ENOUGH", 1e9)
    with pytest.raises(Advice, match=r"GiB are free.*larger disk"):
        installation.disk()


def test_a_failed_check_is_the_exit_status_and_the_others_go_on(monkeypatch, capsys):
    def broken():
        """The broken part."""
        raise RuntimeError("it broke")

    def lacking():
        raise MissingError("It is not there. To get it: install it")

    def advised():
        raise Advice("It would be nicer with it")

    monkeypatch.setattr(installation, "CHECKS", (broken, lacking, advised, lambda: "all is well"))
    assert installation.main() == 1
    printed = capsys.readouterr().out
    assert "MISSING  The broken part: RuntimeError: it broke. To install: python -m pip" in printed
    assert "MISSING  It is not there. To get it: install it" in printed
    assert "advice   It would be nicer with it." in printed
    assert "ok       all is well" in printed
    assert "2 things are missing." in printed


def test_it_runs_where_nothing_is_installed(tmp_path):
    """With a Python that sees no packages at all it names them, and ends with status 1."""
    received = subprocess.run(
        [sys.executable, "-S", "-E", "-s", str(SCRIPT)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert received.returncode == 1
    assert "tensorflow is not installed" in received.stdout
    assert "MISSING  Python does not find FlareNet's own tools.tools" in received.stdout
    assert "Traceback" not in received.stderr


def test_help_says_what_it_does(capsys):
    with pytest.raises(SystemExit) as ended:
        installation.main(["--help"])
    assert ended.value.code == 0
    assert "Checks an installation of FlareNet" in capsys.readouterr().out
