"""An SQLite file that several programs and threads write to at once."""

import contextlib
import pathlib
import sqlite3
import threading
import time
from collections.abc import Iterator

BUSY_SECONDS = 30.0  # how long a program waits while another one writes


class Database:
    """One connection, shared by all threads of a program; use it in a `with` statement.

    A subclass names its `tables` (statements that make them, each ending in a semicolon) and the
    `version` of their form, which the file's `user_version` must be.

    Args:
        path: the file; made when it is not there.

    Raises:
        ValueError: it is of another version, or no such file at all.
        OSError: it cannot be written.
    """

    tables, version = "", 0

    def __init__(self, path: str | pathlib.Path):
        self.path = pathlib.Path(path)
        self._lock = threading.RLock()
        with self._errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def execute(self, statement: str, *values, **named) -> list[tuple]:
        """Runs one SQL statement; its rows."""
        with self._lock, self._errors():
            return self._connection.execute(statement, named or values).fetchall()

    def execute_many(self, statement: str, rows: list[tuple]) -> None:
        """Runs one SQL statement for each of many rows of values."""
        with self._lock, self._errors():
            self._connection.executemany(statement, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that the block writes, or nothing; nobody else writes meanwhile."""
        with self._lock:
            self.execute("begin immediate")
            try:
                yield
                self.execute("commit")
            except BaseException:
                if self._connection.in_transaction:  # a full disk ends it by itself
                    self._connection.rollback()
                raise

    def _prepare(self):
        if not self._held():
            with self._errors():
                self._write_ahead()
            with self.transaction():
                if not self._held():  # nobody was faster
                    for statement in self.tables.split(";"):
                        self.execute(statement)
                    self.execute(f"pragma user_version = {self.version}")
        ((version,),) = self.execute("pragma user_version")
        if version != self.version:
            raise ValueError(
                f"{self.path} is a manifest of another version. Expected version {self.version}. "
                f"Received: version {version}. Move it away and run again with --verify: files "
                "that lie there are checked and entered anew, and none is downloaded twice."
            )
        self.execute("pragma synchronous = normal")

    def _write_ahead(self):
        """Lets programs read while one writes; SQLite itself waits for nobody at this statement."""
        end = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._connection.execute("pragma journal_mode = wal")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
            time.sleep(0.01)

    def _held(self):
        return self.execute("select 1 from sqlite_master")

    @contextlib.contextmanager
    def _errors(self):
        """SQLite's errors in the words of this project."""
        try:
            yield
        except (sqlite3.OperationalError, PermissionError) as error:
            raise OSError(
                f"The manifest {self.path} cannot be written: {error}. Expected a folder with "
                "free space that this user may write to. Nothing that was fetched is lost: make "
                "room, or wait until other programs let go of it, and run again."
            ) from error
        except sqlite3.DatabaseError as error:
            raise ValueError(
                f"{self.path} is no manifest of downloads: {error}. Expected a file that this "
                "program wrote. Move it away and run again with --verify: files that lie there "
                "are checked and entered anew."
            ) from error
