"""What a project keeps besides pixels: classes, settings, model versions, trainings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.data.label_sets import LabelSet, label_set_from_json, label_set_to_json
from model.errors import LabelSetError, StorageError
from seggui.core import versions as version_store
from seggui.core.database import Database
from seggui.core.versions import ModelVersion, TrainingRun, portable_path, resolved_path

_LABEL_SET = "label_set"
_ACTIVE_VERSION = "active_version"
_FOLDER = "folder"


class ReadOnlyProjectError(StorageError):
    """The project was opened read-only."""


class ProjectSettings:
    """Classes, settings, model versions and trainings of one project.

    Attributes:
        home: holds ``masks/`` and ``.seggui/``.
        is_read_only: True when nothing can be changed.
        notes: sentences for the user about what was found.
        label_set: the classes, or None while none were chosen.
    """

    def __init__(self, database: Database, *, home: Path, is_read_only: bool) -> None:
        self.home = home
        self.is_read_only = is_read_only
        self.notes: tuple[str, ...] = ()
        self._database = database
        self.label_set = self._stored_label_set()

    # -- settings --------------------------------------------------------------------------------

    def set_label_set(self, label_set: LabelSet) -> None:
        """Stores the classes. Palettes of PNGs follow when the PNG is next written."""
        self._put("internals", _LABEL_SET, label_set_to_json(label_set))
        self.label_set = label_set

    def settings(self) -> dict[str, Any]:
        """All settings; unreadable ones are left out."""
        found: dict[str, Any] = {}
        for name, text in self._database.rows("SELECT name, value FROM settings"):
            try:
                found[name] = json.loads(text)
            except ValueError:
                continue
        return found

    def get_setting(self, name: str, default: Any = None) -> Any:
        """One setting of the window, e.g. the current image."""
        return self.settings().get(name, default)

    def set_setting(self, name: str, value: Any) -> None:
        """Stores a setting: anything that JSON can hold."""
        self._put("settings", name, value)

    # -- model versions --------------------------------------------------------------------------

    def add_version(self, version: ModelVersion) -> ModelVersion:
        """Stores a new model version; returns it with the path as stored."""
        self._require_write()
        stored = replace(version, path=portable_path(version.path, self.home))
        version_store.insert(self._database, "versions", stored)
        return stored

    def update_version(self, version: ModelVersion) -> None:
        """Stores a version whose state, note or scores changed; its id says which."""
        self._require_write()
        stored = replace(version, path=portable_path(version.path, self.home))
        version_store.replace_version(self._database, stored)

    def versions(self) -> tuple[ModelVersion, ...]:
        """All model versions, oldest first."""
        versions, notes = version_store.read_all(self._database, "versions", ModelVersion)
        self._add_notes(notes)
        return versions

    def version_path(self, version: ModelVersion) -> Path:
        """Where the file of a version is now."""
        return resolved_path(version.path, self.home)

    def set_active_version(self, version_id: str | None) -> None:
        """Chooses the model that predicts; None for none.

        Raises:
            StorageError: there is no such version.
        """
        if version_id is not None and all(v.id != version_id for v in self.versions()):
            raise StorageError(f"The project has no model version {version_id!r}.")
        self._put("internals", _ACTIVE_VERSION, version_id)

    def active_version(self) -> ModelVersion | None:
        """The model that predicts, or None."""
        chosen = self._internal(_ACTIVE_VERSION)
        return next((version for version in self.versions() if version.id == chosen), None)

    def add_run(self, run: TrainingRun) -> None:
        """Stores what came of a training."""
        self._require_write()
        version_store.insert(self._database, "runs", run)

    def runs(self) -> tuple[TrainingRun, ...]:
        """All trainings, oldest first."""
        runs, notes = version_store.read_all(self._database, "runs", TrainingRun)
        self._add_notes(notes)
        return runs

    # -- inside ----------------------------------------------------------------------------------

    def _note_folder(self, folder: Path) -> None:
        """A home elsewhere belongs to one folder; images of another would get its masks."""
        if self.home == folder:
            return
        known = self._internal(_FOLDER)
        if known is not None and known != os.fspath(folder):
            self._add_notes((f"The project in {self.home} was made for the images in {known}.",))
        if known is None and not self.is_read_only:
            self._put("internals", _FOLDER, os.fspath(folder))

    def _stored_label_set(self) -> LabelSet | None:
        data = self._internal(_LABEL_SET)
        try:
            return None if data is None else label_set_from_json(data)
        except LabelSetError as error:
            self._add_notes((f"The stored classes cannot be used: {error}",))
            return None

    def _internal(self, name: str) -> Any:
        row = self._database.row("SELECT value FROM internals WHERE name = ?", name)
        try:
            return None if row is None else json.loads(row[0])
        except ValueError:
            return None

    def _put(self, table: str, name: str, value: Any) -> None:
        self._require_write()
        text = json.dumps(value)
        with self._database.transaction() as connection:
            connection.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (name, text))

    def _add_notes(self, notes: Iterable[str]) -> None:
        self.notes += tuple(note for note in notes if note not in self.notes)

    def _require_write(self) -> None:
        if self.is_read_only:
            raise ReadOnlyProjectError(
                f"The project in {self.home} is open read-only; nothing can be changed.",
                remedy="Close the other window, or open the folder where it can be written.",
            )
