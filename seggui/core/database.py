"""One connection to a project's database: transactions, and errors a user can act on."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.errors import StorageError


class DatabaseDamagedError(StorageError):
    """The project's database is damaged; opening the folder again repairs what can be."""


class Database:
    """One connection. Everything that fails raises StorageError and leaves the data as it was.

    Attributes:
        path: of the file, for messages.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._identity = _identity(path)
        self.path = path

    @property
    def is_in_place(self) -> bool:
        """False when somebody deleted, moved or replaced the file while it was open."""
        return _identity(self.path) == self._identity

    def put_back(self) -> None:
        """Writes a deleted database again; its content lives as long as the connection.

        Raises:
            StorageError: its folder is gone as a whole, another file took its place, or the disk
                fails.
        """
        if self.path.exists() or not self.path.parent.parent.is_dir():
            raise StorageError(
                f"The project {self.path} was replaced, or its disk removed, while it was open.",
                remedy="Bring it back, or open the folder again.",
            )
        with self._errors():
            self.path.parent.mkdir(exist_ok=True)
            new = connect(self.path.as_uri())
            try:
                self._connection.backup(new)
                configure(new)
            except BaseException:
                new.close()
                raise
            self._connection.close()
            self._connection = new
            self._identity = _identity(self.path)

    def rows(self, sql: str, *parameters: Any) -> list[Any]:
        """Runs one query and returns all its rows."""
        with self._errors():
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, *parameters: Any) -> Any | None:
        """The first row of a query, or None."""
        with self._errors():
            return self._connection.execute(sql, parameters).fetchone()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing of it, durably on disk when the block is left."""
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                commit(self._connection)
            except BaseException:
                if self._connection.in_transaction:  # a full disk has rolled back by itself
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads of the block see one state, whatever another process writes meanwhile."""
        with self._errors():
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def shrink(self) -> None:
        """Gives free space of the file back to the disk."""
        self.rows("PRAGMA incremental_vacuum")

    def close(self) -> None:
        """Closes the file. Harmless when called again."""
        with self._errors():
            self._connection.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StorageError(
                f"The project {self.path} could not be read or written: {error}.",
                remedy="Free some space or check the disk, then save again.",
            ) from error
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise  # a mistake of ours
            mark_suspicious(self.path)
            raise DatabaseDamagedError(
                f"The project {self.path} is damaged: {error}.",
                remedy="Open the folder again: the file is set aside, the masks stay.",
            ) from error


def commit(connection: sqlite3.Connection) -> None:
    """Ends a transaction (a function of its own, so that tests can crash here)."""
    connection.execute("COMMIT")


def connect(uri: str) -> sqlite3.Connection:
    """Opens a connection by URI, without touching the file yet."""
    # isolation_level None: transactions begin and end where we say so, and nowhere else.
    connection = sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None)
    # One damaged letter must not make a whole table unreadable.
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


def configure(connection: sqlite3.Connection) -> None:
    """Sets what a connection that writes needs."""
    if user_version(connection) == 0:  # of an existing file it would only write the header
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # WAL: a commit is one append to one file, and a second window can read meanwhile. Disks without
    # shared memory answer with another mode, which is slower and as safe.
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    # FULL syncs at every commit: NORMAL could forget the last strokes at a power failure, and the
    # promise is that what was acknowledged stays. It costs milliseconds per stroke, and nobody
    # waits for them. It also keeps the order that flushing needs: hash first, then PNG.
    connection.execute("PRAGMA synchronous = FULL")


def user_version(connection: sqlite3.Connection) -> int:
    """The format of the tables; 0 when there are none."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def mark_suspicious(path: Path) -> None:
    """Has the database at ``path`` checked thoroughly at the next opening, however large it is."""
    with contextlib.suppress(OSError):
        suspicion(path).touch()


def suspicion(path: Path) -> Path:
    """The file whose presence asks for a thorough check at the next opening."""
    return path.with_name(path.name + ".check")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
