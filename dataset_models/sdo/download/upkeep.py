"""Whether the files of a folder are still as they came, and fetching anew those that are not."""

import contextlib
import dataclasses
import hashlib
import pathlib
from collections.abc import Iterable

from tqdm import tqdm

from dataset_models.sdo.download import archive, fetch
from dataset_models.sdo.download import manifest as manifests
from dataset_models.sdo.download.archive import ARCHIVES, SHAPE
from dataset_models.sdo.download.checks import RefusedFileError, check
from dataset_models.sdo.download.manifest import Manifest
from dataset_models.sdo.download.summary import Summary


@dataclasses.dataclass(frozen=True)
class Findings:
    """What `verify` found; each a tuple of paths below the folder.

    Attributes:
        good: as they came: SHA-256 agrees.
        adopted: not in the manifest, or not as verified, and good by every check; entered now.
        damaged: SHA-256 differs, or a check refused them; they stay until a good one has come.
        missing: verified once, and gone.
        reasons: path -> why it is damaged.
    """

    good: tuple[str, ...]
    adopted: tuple[str, ...]
    damaged: tuple[str, ...]
    missing: tuple[str, ...]
    reasons: dict[str, str]

    @property
    def sound(self) -> bool:
        """Whether nothing is damaged or missing."""
        return not (self.damaged or self.missing)

    def __str__(self):
        lines = [
            f"{len(self.good)} files are as they came, {len(self.adopted)} were found and entered, "
            f"{len(self.damaged)} are damaged, {len(self.missing)} are missing."
        ]
        lines += [f"    {path}: {self.reasons[path]}" for path in self.damaged]
        lines += [f"    {path}: missing" for path in self.missing]
        return "\n".join(lines)


def verify(
    folder: str | pathlib.Path,
    *,
    shape: tuple[int, int] | None = SHAPE,
    progress: bool = True,
) -> Findings:
    """Checks every file of a folder, and writes into its manifest what it finds.

    No image is deleted or moved: a damaged one stays until `repair` has a good one. Parts that no
    run can continue are deleted.

    Args:
        folder: of the files.
        shape: (height, width) of images that the manifest does not know; None takes any square.
        progress: whether to show a bar, on a terminal.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: its manifest is of another version.
        OSError: the manifest cannot be written.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no folder {folder}. Expected one with files of the archive. Fetch some "
            "first, or name the folder that holds them."
        )
    found = {name: [] for name in ("good", "adopted", "damaged", "missing")}
    reasons = {}
    with Manifest(folder / manifests.NAME) as manifest:
        disable = None if progress else True
        for path in tqdm(_candidates(folder, manifest), unit="file", disable=disable):
            kind, reason = _judge(folder, manifest, path, shape)
            found[kind].append(path)
            reasons |= {path: reason} if kind == "damaged" else {}
        _delete_stray_parts(folder, manifest)
    return Findings(**{kind: tuple(paths) for kind, paths in found.items()}, reasons=reasons)


def repair(
    folder: str | pathlib.Path,
    archives: Iterable[str] = ARCHIVES,
    jobs: int = fetch.JOBS,
    *,
    shape: tuple[int, int] | None = SHAPE,
    progress: bool = True,
    **options,
) -> Summary:
    """Verifies a folder, and fetches anew what is damaged or missing.

    Args:
        folder: of the files.
        archives: addresses, asked in this order.
        jobs: connections at most.
        shape: (height, width) of every image; None takes any square.
        progress: whether to show bars, on a terminal.
        **options: of `fetch.fetch`.

    Returns:
        What became of the files that were damaged or missing.

    Raises:
        as `verify` and `fetch.fetch` do.
    """
    findings = verify(folder, shape=shape, progress=progress)
    wanted = [archive.identify(path) for path in (*findings.damaged, *findings.missing)]
    options |= {"shape": shape, "progress": progress}
    return fetch.fetch(wanted, folder, archives, jobs, **options)


def _candidates(folder, manifest):
    """Paths of all that lies there or should, in order; files of the archive's layout only."""
    lying = {
        str(path.relative_to(folder).as_posix())
        for path in folder.rglob("AIA*.fits")
        if (known := archive.identify(path)) and path == folder / _path(known)
    }
    return sorted(lying.union(manifest.once_there()))


def _path(known):
    with contextlib.suppress(ValueError):  # a channel that the archive does not have
        return archive.path(*known)
    return ""


def _judge(folder, manifest, path, shape):
    """The kind of a file, and the reason where it is damaged."""
    row, file = manifest.row(path), folder / path
    if not file.exists():
        if row.status in ("verified", "damaged"):
            manifest.record(path, status="wanted", error="it is gone")
        return "missing", ""
    if row is None:
        manifest.add([archive.identify(path)])
    if row is None or row.sha256 is None:
        return _adopt(manifest, path, file, shape)
    if hashlib.sha256(file.read_bytes()).hexdigest() == row.sha256:
        manifest.record(path, status="verified", error=row.error)
        return "good", ""
    return _damaged(manifest, path, "SHA-256 is not what it was when it came")


def _adopt(manifest, path, file, shape):
    try:
        digest = check(file, *archive.identify(path), shape)
    except RefusedFileError as error:
        return _damaged(manifest, path, error.reason)
    manifest.record(path, status="verified", sha256=digest, bytes=file.stat().st_size)
    return "adopted", ""


def _damaged(manifest, path, reason):
    manifest.record(path, status="damaged", error=reason)
    return "damaged", reason


def _delete_stray_parts(folder, manifest):
    """Deletes parts that the manifest does not name, and that no run is writing."""
    for part in folder.rglob(".AIA*.part"):
        path = part.relative_to(folder).parent / part.name[1:].rsplit(".", 2)[0]
        row = manifest.row(path.as_posix())
        if row is None or (row.part != part.name and row.run is None):
            part.unlink(missing_ok=True)
