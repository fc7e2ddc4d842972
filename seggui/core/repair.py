"""Damaged files are set aside, never overwritten, and what can still be read is taken over."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from pathlib import Path

from model.errors import StorageError
from seggui.core.records import ImageStatus

# What is worth more than the file it stood in, and valid without the rest of it. The journal is
# not: half of it would give wrong pixels.
_SALVAGED = {
    "images": "key, name, status, model_sha256, view",
    "roles": "key, is_held_out",
    "settings": "name, value",
    "internals": "name, value",
    "versions": "place, id, data",
    "runs": "place, id, data",
}

_STATUSES = frozenset(status.value for status in ImageStatus)


def set_aside(path: Path, label: str = "broken") -> Path:
    """Renames a file to ``NAME.label-N`` beside it, N being the first free number.

    Raises:
        StorageError: it cannot be renamed.
    """
    target = free_name(path, label)
    try:
        os.replace(path, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"{path} cannot be renamed to {target.name}: {reason}.",
            remedy="Check the permissions of the folder.",
        ) from error
    return target


def free_name(path: Path, label: str) -> Path:
    """The first ``NAME.label-N`` that does not exist."""
    number = 1
    while (candidate := path.with_name(f"{path.name}.{label}-{number}")).exists():
        number += 1
    return candidate


def set_database_aside(path: Path) -> Path:
    """Renames a database and the files beside it, so that they stay together.

    Returns:
        Where it is now.

    Raises:
        OSError: it cannot be renamed.
    """
    number = 1
    parts = (path, wal_of(path), path.with_name(path.name + "-shm"))
    while any(_broken(part, number).exists() for part in parts):
        number += 1
    for part in parts:
        with contextlib.suppress(FileNotFoundError):
            os.replace(part, _broken(part, number))
    return _broken(path, number)


def salvage(broken: Path, connection: sqlite3.Connection) -> None:
    """Copies what can be read of a damaged database into a new one.

    Raises:
        sqlite3.Error: the new one cannot be written.
    """
    found = {table: _readable_rows(broken, table) for table in _SALVAGED}
    found["images"] = [row for row in found["images"] if row[2] in _STATUSES]
    connection.execute("BEGIN IMMEDIATE")
    for table, rows in found.items():
        places = ", ".join("?" * len(_SALVAGED[table].split(",")))
        connection.executemany(
            f"INSERT OR IGNORE INTO {table} ({_SALVAGED[table]}) VALUES ({places})", rows
        )
    connection.execute("COMMIT")


def _readable_rows(broken: Path, table: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    source = sqlite3.connect(f"{broken.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        for row in source.execute(f"SELECT {_SALVAGED[table]} FROM {table}"):
            rows.append(row)  # one by one: those before the damage count
    except (sqlite3.Error, UnicodeDecodeError, OverflowError):
        pass  # damaged from here on, or no database at all
    finally:
        source.close()
    return rows


def _broken(path: Path, number: int) -> Path:
    # project.sqlite.broken-1 and project.sqlite.broken-1-wal: SQLite finds the pair together.
    name, suffix = re.fullmatch(r"(.*?)(-wal|-shm)?", path.name).groups()  # type: ignore[union-attr]
    return path.with_name(f"{name}.broken-{number}{suffix or ''}")


def wal_of(path: Path) -> Path:
    """The write-ahead log beside a database."""
    return path.with_name(path.name + "-wal")
