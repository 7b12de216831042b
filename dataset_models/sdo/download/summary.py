"""What became of the files that a download was asked for."""

import collections
import dataclasses
from collections.abc import Iterable

from dataset_models.sdo.download.manifest import Row

SHOWN = 10  # problems that are listed for people; the manifest has all


@dataclasses.dataclass(frozen=True)
class Problem:
    """A file that was asked for and is not there: its path, status and last error."""

    path: str
    status: str
    error: str | None


@dataclasses.dataclass(frozen=True)
class Summary:
    """The end of a download.

    Attributes:
        wanted: number of files that were asked for.
        verified: of them, those that are there and good.
        fetched: of them, those that came now.
        already: of them, those that were there before, or that another run fetched meanwhile.
        absent: those that no archive has.
        refused: those of which only wrong answers came.
        failed: those of which nothing came, or not all.
        bytes: of files received, resumed and refused ones included.
        seconds: that it took.
        problems: the files that are not there, in the order asked for.
    """

    wanted: int
    verified: int
    fetched: int
    already: int
    absent: int
    refused: int
    failed: int
    bytes: int
    seconds: float
    problems: tuple[Problem, ...]

    @property
    def complete(self) -> bool:
        """Whether all that was asked for is there."""
        return self.verified == self.wanted

    def __str__(self):
        rate = self.bytes / self.seconds / 1e6 if self.seconds else 0.0
        lines = [
            f"{self.verified} of {self.wanted} files are there and verified: {self.fetched} came "
            f"now, {self.already} were there before.",
            f"{self.bytes / 1e6:.1f} MB in {self.seconds:.0f} s ({rate:.2f} MB/s).",
        ]
        if self.problems:
            lines.append(
                f"Not there: {self.absent} absent from the archive, {self.refused} refused, "
                f"{self.failed} failed."
            )
        lines += [f"    {one.path}: {one.status}, {one.error}" for one in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f"    and {len(self.problems) - SHOWN} more; the manifest lists them")
        return "\n".join(lines)


def summarise(rows: Iterable[Row], fetched: int, moved: int, seconds: float) -> Summary:
    """Summary of the files whose rows these are.

    Args:
        rows: of all that was asked for.
        fetched: number of them that this run fetched.
        moved: bytes received.
        seconds: that it took.
    """
    status, problems = collections.Counter(), []
    for row in rows:  # of which there may be a million
        status[row.status] += 1
        if row.status != "verified":
            problems.append(Problem(row.path, row.status, row.error))
    verified, absent, refused = (status[name] for name in ("verified", "absent", "refused"))
    return Summary(
        wanted=status.total(),
        verified=verified,
        fetched=fetched,
        already=verified - fetched,
        absent=absent,
        refused=refused,
        failed=status.total() - verified - absent - refused,
        bytes=moved,
        seconds=seconds,
        problems=tuple(problems),
    )
