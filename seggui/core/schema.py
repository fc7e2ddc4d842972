"""The project's database: tables, opening, transactions, and what happens when it is damaged."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from model.errors import StorageError
from seggui.core.database import Database, configure, connect, suspicion, user_version
from seggui.core.lock import FolderNotWritableError
from seggui.core.repair import salvage, set_database_aside, wal_of

VERSION = 1
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
        except UnicodeDecodeError as error:  # in a message of SQLite about damaged names
            return _replaced(path, str(error))
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


def _connect_checked(path: Path) -> sqlite3.Connection:
    connection = connect(path.as_uri())
    with _closed_on_failure(connection):
        _refuse_newer(connection, path)
        configure(connection)
        _check(connection, path)
        _migrate(connection, path)
    return connection


def _read_only_connection(path: Path) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = None
    try:
        connection = connect(f"{path.as_uri()}?mode=ro")
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


def _memory() -> sqlite3.Connection:
    return connect("file::memory:")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    marker = suspicion(path)
    if marker.exists() or path.stat().st_size <= _FULL_CHECK_MAX_BYTES:
        answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != "ok":
            raise sqlite3.DatabaseError(answer)
        marker.unlink(missing_ok=True)
    # A damaged header can make SQLite take a file for read-only: better to hear of it now.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA user_version = {user_version(connection)}")
    connection.execute("ROLLBACK")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    _refuse_newer(connection, path)
    if user_version(connection) == VERSION:
        if not _has_our_tables(connection):
            raise sqlite3.DatabaseError("its tables are not as they were made")
        return
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise sqlite3.DatabaseError("it is no seggui project")
    connection.executescript(
        f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION};"
        f"PRAGMA application_id = {_APPLICATION_ID}; COMMIT;"
    )


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    version = user_version(connection)
    if version > VERSION and _has_our_tables(connection):  # a newer format has other tables
        raise sqlite3.DatabaseError(f"its format cannot be {version}")
    if version > VERSION:
        raise ProjectTooNewError(
            f"The project {path} has format {version}; this seggui knows up to {VERSION}.",
            remedy="Update seggui to open it.",
        )


def _has_our_tables(connection: sqlite3.Connection) -> bool:
    sql = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
    pattern = _memory()
    try:
        pattern.executescript(_TABLES)
        return bool(connection.execute(sql).fetchall() == pattern.execute(sql).fetchall())
    finally:
        pattern.close()


def _copied_to_memory(path: Path) -> sqlite3.Connection:
    """For media that cannot be written: the last changes may still be in the -wal file."""
    with tempfile.TemporaryDirectory(prefix="seggui-") as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(path.read_bytes())
        if wal_of(path).exists():
            wal_of(copy).write_bytes(wal_of(path).read_bytes())
        source = connect(copy.as_uri())
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
    suspicion(path).unlink(missing_ok=True)
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


def _cannot_open(path: Path, error: sqlite3.Error | OSError) -> StorageError:
    read_only = any(word in str(error) for word in ("readonly", "unable to open"))
    kind = FolderNotWritableError if read_only else StorageError
    return kind(
        f"The project {path} cannot be opened: {error}.",
        remedy="Check the disk and the permissions, or choose another folder for the masks.",
    )
