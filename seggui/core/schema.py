"""The project's database: tables, opening, transactions, and what happens when it is damaged."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.errors import StorageError
from seggui.core.lock import FolderNotWritableError
from seggui.core.repair import salvage, set_database_aside, wal_of

VERSION = 1
_HIGHEST_CREDIBLE_VERSION = 1000  # more is a damaged header
_APPLICATION_ID = 0x53454755  # "SEGU": tells our files from other people's

_FULL_CHECK_MAX_BYTES = 64 * 2**20  # checked at every opening; larger ones after a suspicion only

# What SQLite says when the disk or another process is to blame and not the content of the file.
_SURROUNDINGS = ("disk I/O", "locked", "is full", "unable to open", "out of memory", "interrupted")

_TABLES = """
CREATE TABLE images (
    id INTEGER PRIMARY KEY,
    key NOT NULL UNIQUE,               -- text, or the raw bytes of a name that is no Unicode
    name NOT NULL,                     -- of the mask, relative to masks/
    status TEXT NOT NULL DEFAULT 'untouched',
    model_sha256 TEXT NOT NULL DEFAULT '',
    view TEXT,                         -- JSON
    height INTEGER, width INTEGER,     -- NULL: no pixel was ever stored
    position INTEGER NOT NULL DEFAULT 0,        -- place in the stack of the next step
    head_seq INTEGER NOT NULL DEFAULT 0,        -- last row of the log
    mask_seq INTEGER NOT NULL DEFAULT 0,        -- how far the PNG is; -1: it has to be written
    provenance_seq INTEGER NOT NULL DEFAULT 0,
    mask_hash TEXT,                    -- content of the PNG; NULL: we know of none
    pending_hash TEXT                  -- content of the PNG that is about to replace it
);
CREATE TABLE snapshots (               -- the pixels at one moment; none: all ignore, all unseen
    image INTEGER PRIMARY KEY REFERENCES images(id),
    seq INTEGER NOT NULL,
    mask BLOB NOT NULL, provenance BLOB NOT NULL           -- zlib, row by row
);
CREATE TABLE edits (
    id INTEGER PRIMARY KEY,
    image INTEGER NOT NULL REFERENCES images(id),
    top INTEGER NOT NULL, "left" INTEGER NOT NULL,
    bottom INTEGER NOT NULL, "right" INTEGER NOT NULL,
    mask_xor BLOB NOT NULL, provenance_xor BLOB NOT NULL,
    kind TEXT NOT NULL, text TEXT NOT NULL, created TEXT NOT NULL
);
CREATE INDEX edits_of_image ON edits(image);
CREATE TABLE log (                     -- every application of an edit: done, undone, redone
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    image INTEGER NOT NULL REFERENCES images(id),
    edit INTEGER NOT NULL REFERENCES edits(id)
);
CREATE INDEX log_of_image ON log(image, seq);
CREATE TABLE stack (                   -- the history that undo walks through
    image INTEGER NOT NULL REFERENCES images(id),
    place INTEGER NOT NULL,
    edit INTEGER NOT NULL REFERENCES edits(id),
    PRIMARY KEY (image, place)
) WITHOUT ROWID;
CREATE TABLE roles (key PRIMARY KEY NOT NULL, is_held_out INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);      -- JSON; the window's
CREATE TABLE internals (name TEXT PRIMARY KEY, value TEXT NOT NULL);     -- JSON; the project's
CREATE TABLE versions (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, data TEXT NOT NULL);
CREATE TABLE runs (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, data TEXT NOT NULL);
"""


class ProjectTooNewError(StorageError):
    """The project was made by a newer seggui."""


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
            new = _connect(self.path.as_uri())
            try:
                self._connection.backup(new)
                _configure(new)
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


def open_database(path: Path) -> tuple[Database, tuple[str, ...]]:
    """Opens the project for writing, making it if needed. Call it with the lock held.

    A damaged file is set aside and a new one made.

    Returns:
        The database, and what the user must hear about it.

    Raises:
        ProjectTooNewError: made by a newer version; it is left alone.
        FolderNotWritableError: the file or its folder cannot be written.
        StorageError: the disk fails.
    """
    try:
        if wal_of(path).exists() and not path.exists():
            return _replaced(path, "it was gone and only its journal left")
        try:
            return Database(_connect_checked(path), path), ()
        except sqlite3.DatabaseError as error:
            if not _is_damage(path, error):
                raise
            return _replaced(path, str(error))
    except (sqlite3.Error, OSError) as error:
        raise _cannot_open(path, error) from error


def open_database_read_only(path: Path) -> Database:
    """Opens the project without writing a byte beside it; an empty one if there is none.

    Raises:
        ProjectTooNewError: made by a newer version.
        StorageError: it cannot be read, or is damaged.
    """
    try:
        connection = _read_only_connection(path) if path.exists() else _memory()
        with _closed_on_failure(connection):
            _migrate(connection, path)
        return Database(connection, path)
    except (sqlite3.Error, OSError) as error:
        raise StorageError(
            f"The project {path} cannot be read: {error}.",
            remedy="Open the folder where it can be written, then it is repaired.",
        ) from error


def mark_suspicious(path: Path) -> None:
    """Has the database at ``path`` checked thoroughly at the next opening, however large it is."""
    with contextlib.suppress(OSError):
        _suspicion(path).touch()


def _connect_checked(path: Path) -> sqlite3.Connection:
    connection = _connect(path.as_uri())
    with _closed_on_failure(connection):
        _refuse_newer(connection, path)
        _configure(connection)
        _check(connection, path)
        _migrate(connection, path)
    return connection


def _read_only_connection(path: Path) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = None
    try:
        connection = _connect(f"{path.as_uri()}?mode=ro")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:  # a disk where the files of the journal cannot be made
        if connection is not None:
            connection.close()
        return _copied_to_memory(path)
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection


@contextlib.contextmanager
def _closed_on_failure(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _connect(uri: str) -> sqlite3.Connection:
    # isolation_level None: transactions begin and end where we say so, and nowhere else.
    return sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None)


def _memory() -> sqlite3.Connection:
    return _connect("file::memory:")


def _configure(connection: sqlite3.Connection) -> None:
    if _user_version(connection) == 0:  # of an existing file it would only write the header
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # WAL: a commit is one append to one file, and a second window can read meanwhile. Disks without
    # shared memory answer with another mode, which is slower and as safe.
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    # FULL syncs at every commit: NORMAL could forget the last strokes at a power failure, and the
    # promise is that what was acknowledged stays. It costs milliseconds per stroke, and nobody
    # waits for them. It also keeps the order that flushing needs: hash first, then PNG.
    connection.execute("PRAGMA synchronous = FULL")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    suspicion = _suspicion(path)
    if suspicion.exists() or path.stat().st_size <= _FULL_CHECK_MAX_BYTES:
        answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != "ok":
            raise sqlite3.DatabaseError(answer)
        suspicion.unlink(missing_ok=True)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    _refuse_newer(connection, path)
    if _user_version(connection) == VERSION:
        connection.execute("SELECT count(*) FROM images").fetchone()
        return
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise sqlite3.DatabaseError("it is no seggui project")
    connection.executescript(
        f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION};"
        f"PRAGMA application_id = {_APPLICATION_ID}; COMMIT;"
    )


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    version = _user_version(connection)
    if version > _HIGHEST_CREDIBLE_VERSION:
        raise sqlite3.DatabaseError(f"its format cannot be {version}")
    if version > VERSION:
        raise ProjectTooNewError(
            f"The project {path} has format {version}; this seggui knows up to {VERSION}.",
            remedy="Update seggui to open it.",
        )


def _user_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _copied_to_memory(path: Path) -> sqlite3.Connection:
    """For media that cannot be written: the last changes may still be in the -wal file."""
    with tempfile.TemporaryDirectory(prefix="seggui-") as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(path.read_bytes())
        if wal_of(path).exists():
            wal_of(copy).write_bytes(wal_of(path).read_bytes())
        source = _connect(copy.as_uri())
        memory = _memory()
        try:
            source.backup(memory)
        except BaseException:
            memory.close()
            raise
        finally:
            source.close()
        return memory


def _replaced(path: Path, reason: str) -> tuple[Database, tuple[str, ...]]:
    """Sets a damaged database aside and makes a new one."""
    broken = set_database_aside(path)
    _suspicion(path).unlink(missing_ok=True)
    connection = _connect_checked(path)
    try:
        salvage(broken, connection)
    except BaseException:
        connection.close()
        raise
    note = (
        f"The project file was damaged ({reason}) and is kept as {broken.name}. A new one was "
        "made: the masks on disk are as they were, undo steps are gone."
    )
    return Database(connection, path), (note,)


def _is_damage(path: Path, error: sqlite3.DatabaseError) -> bool:
    """Whether the file and not its surroundings is to blame: then it is set aside."""
    if not isinstance(error, sqlite3.OperationalError):
        return True
    text = str(error)
    if "readonly" in text:  # a damaged header can say so as well
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return not any(word in text for word in _SURROUNDINGS)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _suspicion(path: Path) -> Path:
    return path.with_name(path.name + ".check")


def _cannot_open(path: Path, error: sqlite3.Error | OSError) -> StorageError:
    read_only = any(word in str(error) for word in ("readonly", "unable to open"))
    kind = FolderNotWritableError if read_only else StorageError
    return kind(
        f"The project {path} cannot be opened: {error}.",
        remedy="Check the disk and the permissions, or choose another folder for the masks.",
    )
