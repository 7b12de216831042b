"""Where things lie, files that are written whole, and what a result was made with."""

import contextlib
import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys
import uuid

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


def data_folder():
    """The folder of all data: FLARENET_DATA, or `data/` in the checkout."""
    return pathlib.Path(os.environ.get("FLARENET_DATA") or REPOSITORY / "data").expanduser()


@contextlib.contextmanager
def written_whole(path):
    """Gives a temporary path beside `path`; it takes that name only when the block ends well.

    The file under its own name is thus always whole: an old one or the new one. The temporary
    name keeps the suffix, since writers choose their format by it.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.part{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Writes `text` to `path` whole."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def in_words(error, options):
    """What a script tells of an error; of a file that the system refuses, with the way out.

    Args:
        error: an exception.
        options: that name files, in words.
    """
    if getattr(error, "filename", None) is None:
        return str(error)
    return (
        f"{error.filename} cannot be used: {error.strerror}. Expected a file that can be read, and "
        f"a folder that can be written to. Name another with {options}."
    )


PACKAGES = (
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "numpy",
    "pandas",
    "pyarrow",
    "astropy",
    "sunpy",
)


def provenance(packages=PACKAGES):
    """Dict of what made a result: git commit and whether it was changed, versions, command."""
    return {
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": bool(_git("status", "--porcelain")),
        "python": platform.python_version(),
        "versions": {name: found for name in packages if (found := _version(name))},
        "command": [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def _git(*arguments):
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""  # a copy without git, or without commits
    return answer.stdout.strip()


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
