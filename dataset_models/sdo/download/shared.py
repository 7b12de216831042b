"""What the threads of one download share."""

import dataclasses
import pathlib
import threading
import time

from dataset_models.sdo.download.manifest import Manifest
from dataset_models.sdo.download.patience import Hosts, Patience


@dataclasses.dataclass
class Shared:
    """One run of a download.

    Attributes:
        folder: of the files.
        manifest: of the folder, open.
        run: name of the run, from `Manifest.begin_run`.
        archives: addresses, in the order in which they are asked.
        shape: (height, width) of every image, or None for any square.
        patience: a `Patience`.
        hosts: what is known of the servers.
        stop: set it to end all transfers; parts stay.
        ask_again: also archives that are known to lack a file.
        answered: whether any server answered in this run: with a file, with the word that it has
            none, or with a time to come again.
        gained: when something was last gained, s of `time.monotonic`.
    """

    folder: pathlib.Path
    manifest: Manifest
    run: str
    archives: tuple[str, ...]
    shape: tuple[int, int] | None
    patience: Patience
    hosts: Hosts = dataclasses.field(init=False)
    stop: threading.Event = dataclasses.field(default_factory=threading.Event)
    ask_again: bool = False
    answered: bool = False
    gained: float = dataclasses.field(default_factory=time.monotonic)

    def __post_init__(self):
        self.hosts = Hosts(self.patience)

    def gain(self) -> None:
        """Notes that the run came on."""
        self.answered, self.gained = True, time.monotonic()

    def out_of_reach(self) -> bool:
        """Whether the run has gained nothing for longer than patience lasts."""
        limit = self.patience.outage if self.answered else self.patience.first_contact
        return time.monotonic() - self.gained > limit
