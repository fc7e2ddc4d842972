"""Model versions and training runs: what was tried, on what, with which result."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from model.errors import StorageError
from seggui.core.database import Database

VERSION_STATES = ("base", "kept", "discarded")


@dataclass(frozen=True)
class ModelVersion:
    """One model that this project had.

    Attributes:
        id: unique in the project.
        name: what the user sees.
        path: of the .keras file; relative to the project's home (with "/") when inside it, so
            that a project can be moved, else absolute.
        sha256: of the file.
        parent: id of the version it was trained from, or None.
        created: ISO 8601, UTC.
        settings: of the training.
        scores_before: of the parent on the held-out images, or None.
        scores_after: of this version on the same images, or None.
        num_images: images trained on.
        note: the user's words.
        state: ``"base"`` (opened by the user), ``"kept"`` or ``"discarded"``.
    """

    id: str
    name: str
    path: str
    sha256: str
    parent: str | None = None
    created: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    scores_before: dict[str, Any] | None = None
    scores_after: dict[str, Any] | None = None
    num_images: int = 0
    note: str = ""
    state: str = "kept"


@dataclass(frozen=True)
class TrainingRun:
    """One training, whatever came of it. Also calibrates the estimates of the next.

    Attributes:
        id: unique in the project.
        started: ISO 8601, UTC.
        outcome: ``"finished"``, ``"cancelled"`` or ``"failed"``.
        estimated_seconds: what was said before, uncalibrated; 0 when nothing was.
        seconds: what it took.
        num_images: images trained on.
        version: id of the version that came out, or None.
        device: what it ran on.
        settings: of the training.
        scores: on the held-out images, or None.
        note: e.g. why it failed.
    """

    id: str
    started: str
    outcome: str
    estimated_seconds: float = 0.0
    seconds: float = 0.0
    num_images: int = 0
    version: str | None = None
    device: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] | None = None
    note: str = ""


_Record = TypeVar("_Record", ModelVersion, TrainingRun)


def portable_path(path: str, home: Path) -> str:
    """The path as a version stores it: relative to ``home`` with "/" when inside it."""
    absolute = home / path
    if absolute.is_relative_to(home):
        return absolute.relative_to(home).as_posix()
    return str(absolute)


def resolved_path(path: str, home: Path) -> Path:
    """Where the file of a stored path is now."""
    return home / PurePosixPath(path)


def insert(database: Database, table: str, record: ModelVersion | TrainingRun) -> None:
    """Appends a record to ``table`` ("versions" or "runs").

    Raises:
        StorageError: its id is taken or empty, its content is no JSON, or the disk fails.
    """
    data = _to_json(record)
    if not record.id or database.row(f"SELECT 1 FROM {table} WHERE id = ?", record.id):
        raise StorageError(f"The id {record.id!r} is empty or taken; a new one was expected.")
    with database.transaction() as connection:
        connection.execute(f"INSERT INTO {table} (id, data) VALUES (?, ?)", (record.id, data))


def replace_version(database: Database, version: ModelVersion) -> None:
    """Stores a changed version over the one of the same id.

    Raises:
        StorageError: there is none, or the disk fails.
    """
    data = _to_json(version)
    with database.transaction() as connection:
        cursor = connection.execute("UPDATE versions SET data = ? WHERE id = ?", (data, version.id))
        if cursor.rowcount != 1:
            raise StorageError(f"The project has no model version {version.id!r}.")


def read_all(
    database: Database, table: str, kind: type[_Record]
) -> tuple[tuple[_Record, ...], tuple[str, ...]]:
    """All records of a table in the order they were added, and notes about unreadable ones."""
    records: list[_Record] = []
    notes: list[str] = []
    for identifier, data in database.rows(f"SELECT id, data FROM {table} ORDER BY place"):
        try:
            records.append(_from_json(kind, data))
        except (ValueError, TypeError) as error:
            notes.append(f"The entry {identifier!r} of {table} cannot be read: {error}.")
    return tuple(records), tuple(notes)


def _to_json(record: ModelVersion | TrainingRun) -> str:
    try:
        return json.dumps(asdict(record), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StorageError(
            f"{type(record).__name__} {record.id!r} cannot be stored: {error}.",
            remedy="Only plain numbers, texts, lists and dictionaries can be.",
        ) from error


def _from_json(kind: type[_Record], data: str) -> _Record:
    values = json.loads(data)
    if not isinstance(values, dict):
        raise ValueError(f"an object was expected, not {type(values).__name__}")
    hints = get_type_hints(kind)
    known: Mapping[str, Any] = {f.name: values[f.name] for f in fields(kind) if f.name in values}
    for name, value in known.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} is {value!r}")
    return kind(**known)


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) in (Union, types.UnionType):
        return any(_fits(value, option) for option in get_args(hint))
    accepted = get_origin(hint) or hint
    return isinstance(value, (int, float) if accepted is float else accepted)
