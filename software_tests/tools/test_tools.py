import os
import pathlib
import subprocess

import numpy as np
import pytest

from tools import tools


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "folder" / "index.csv"
    tools.write_text(path, "old")
    with tools.written_whole(path) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"  # until the block ends
        assert temporary.parent == path.parent  # a rename between file systems is not atomic
        assert temporary.suffix == ".csv"
    assert path.read_text(encoding="utf-8") == "new"
    assert list(path.parent.iterdir()) == [path]


def fail_halfway(path):
    path.write_text("half", encoding="utf-8")
    raise KeyError


def fill_a_disk(path):
    path.symlink_to("/dev/full")  # a device on which every write fails for lack of space
    path.write_text("new", encoding="utf-8")


def test_the_old_file_stays_when_writing_fails(tmp_path):
    path = tmp_path / "index.csv"
    tools.write_text(path, "old")
    with pytest.raises(KeyError), tools.written_whole(path) as temporary:
        fail_halfway(temporary)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_file_appears_when_writing_fails(tmp_path):
    with pytest.raises(KeyError), tools.written_whole(tmp_path / "new.csv"):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), tools.written_whole(tmp_path / "new.csv"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "index.csv"
    tools.write_text(path, "old")
    with pytest.raises(OSError, match="No space left"), tools.written_whole(path) as temporary:
        fill_a_disk(temporary)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_libraries_write_through_it(tmp_path):
    with tools.written_whole(tmp_path / "samples.npz") as temporary:
        np.savez(temporary, x=np.arange(3))  # it would add .npz to any other suffix
    with np.load(tmp_path / "samples.npz") as file:
        assert file["x"].tolist() == [0, 1, 2]


def test_text_is_written_in_utf_8(tmp_path):
    tools.write_text(tmp_path / "summary.txt", "171 Å, 3 × 3")
    assert (tmp_path / "summary.txt").read_bytes() == "171 Å, 3 × 3".encode()


def test_the_data_folder_is_what_flarenet_data_says(monkeypatch):
    monkeypatch.setenv("FLARENET_DATA", "~/sun")
    assert tools.data_folder() == pathlib.Path("~/sun").expanduser()
    monkeypatch.setenv("FLARENET_DATA", "")
    assert tools.data_folder() == tools.REPOSITORY / "data"
    monkeypatch.delenv("FLARENET_DATA")
    assert tools.data_folder() == tools.REPOSITORY / "data"


def test_provenance_says_what_made_a_result(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/network.py", "--tiny"])
    found = tools.provenance(packages=("numpy", "no-such-package"))
    assert set(found) == {"git_commit", "git_dirty", "python", "versions", "command"}
    assert found["versions"] == {"numpy": np.__version__}
    assert found["command"] == ["network.py", "--tiny"]  # no path of the machine


def test_the_commit_and_changes_are_those_of_git(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        answer = subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return answer.stdout.strip()

    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(tools, "REPOSITORY", tmp_path)
    git("init")
    (tmp_path / "file").write_text("one", encoding="utf-8")
    git("add", "file")
    git("commit", "-m", "one")
    (tmp_path / "data").mkdir()  # untracked files are no change of the code
    clean = tools.provenance()
    (tmp_path / "file").write_text("two", encoding="utf-8")
    assert clean["git_commit"] == git("rev-parse", "HEAD")
    assert (clean["git_dirty"], tools.provenance()["git_dirty"]) == (False, True)


def test_a_copy_without_git_has_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert tools.provenance(packages=())["git_commit"] == ""
    assert tools.provenance(packages=())["git_dirty"] is False
