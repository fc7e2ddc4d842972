"""The project of one folder: everything that must survive. One connection, one thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from model.errors import CancelledError, StorageError
from seggui.core.database import Database
from seggui.core.lock import (
    FolderLock,
    FolderNotWritableError,
    ProjectLockedError,
    require_writable,
)
from seggui.core.mask_files import list_files, remove_leftovers
from seggui.core.names import check_key, mask_names
from seggui.core.project_images import FlushReport, LoadedImage, MaskPlaces, ProjectImages
from seggui.core.project_settings import ProjectSettings, ReadOnlyProjectError
from seggui.core.records import ImageRecord, ImageStatus, MaskEdit
from seggui.core.roles import decide_roles
from seggui.core.scan import MASKS_FOLDER, PROJECT_FOLDER, scan_images
from seggui.core.schema import open_database, open_database_read_only
from seggui.core.store import DamagedJournalError, Journal
from seggui.core.versions import ModelVersion, TrainingRun

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

__all__ = [
    "FlushReport", "FolderNotWritableError", "LoadedImage", "ModelVersion", "Project",
    "ProjectLockedError", "ReadOnlyProjectError", "TrainingRun",
]  # fmt: skip


_DATABASE = "project.sqlite"


class Project(ProjectSettings):
    """What is kept of one folder. Every method runs in the thread that opened it.

    Attributes:
        folder: the images; nothing is ever written to them.
        home: holds ``masks/`` and ``.seggui/``; the folder itself where it can be written.
        is_read_only: True for a second window, and when asked for.
        notes: sentences for the user about what was found at opening.
        keys: all images of the folder, in natural order.
        label_set: the classes, or None while none were chosen.
    """

    def __init__(
        self, folder: Path, home: Path, *, database: Database, lock: FolderLock | None,
        notes: tuple[str, ...],
    ) -> None:  # fmt: skip
        """Use `Project.open`."""
        super().__init__(database, home=home, is_read_only=lock is None)
        self.folder = folder
        self.notes = (*notes, *self.notes)
        self._lock = lock
        self._journal = Journal(database)
        self._images = ProjectImages(
            self._journal, places=self._places, label_set=lambda: self.label_set,
            is_read_only=self.is_read_only,
        )  # fmt: skip
        self._stored_names: dict[str, str] = {}
        self.rescan()
        self._note_folder(folder)

    @classmethod
    def open(cls, folder: Path, *, home: Path | None = None, read_only: bool = False) -> Project:
        """Opens a folder, making its project if there is none.

        Where another process has it open for writing, it opens read-only and `notes` says so.

        Args:
            folder: the images.
            home: keeps masks and project instead of ``folder``.
            read_only: True writes nothing at all.

        Raises:
            FolderNotWritableError: ask for a ``home``, or open read-only.
            ProjectTooNewError: made by a newer seggui.
            StorageError: the folder or the project cannot be read.
        """
        folder = Path(os.path.abspath(folder))
        home = folder if home is None else Path(os.path.abspath(home))
        if not folder.is_dir():
            raise StorageError(
                f"{folder} is no folder.", remedy="Check that it exists and open it again."
            )
        private = home / PROJECT_FOLDER
        notes: tuple[str, ...] = ()
        lock: FolderLock | None = None
        if not read_only:
            try:
                lock = FolderLock(private / "lock")
            except ProjectLockedError as error:
                notes = (str(error),)
        if lock is None:
            return cls._opened(
                folder, home, open_database_read_only(private / _DATABASE), None, notes
            )
        try:
            require_writable(home / MASKS_FOLDER)
            database, notes = open_database(private / _DATABASE)
            remove_leftovers(home / MASKS_FOLDER)
            remove_leftovers(private)
            return cls._opened(folder, home, database, lock, (*notes, *_lock_notes(lock)))
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _opened(
        cls, folder: Path, home: Path, database: Database, lock: FolderLock | None,
        notes: tuple[str, ...],
    ) -> Project:  # fmt: skip
        try:
            return cls(folder, home, database=database, lock=lock, notes=notes)
        except BaseException:
            database.close()
            raise

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """Closes the database and lets others write. Harmless when called again."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    # -- images ----------------------------------------------------------------------------------

    def rescan(self) -> tuple[str, ...]:
        """Looks for images that came or went; masks whose name depends on that are renamed."""
        self.keys = scan_images(self.folder)
        self._names = mask_names(self.keys)
        self._stored_names = self._journal.names()
        if not self.is_read_only:
            self._rename_masks()
        return self.keys

    def records(self) -> dict[str, ImageRecord]:
        """The images of the folder of which something is stored; others are untouched.

        Masks that other tools left in ``masks/`` count as corrected. Those with a provenance but
        without a row, which are left when the project file was lost, count as predicted until they
        are loaded: to train on guesses of the network by mistake would be worse.
        """
        stored = self._journal.records()
        with_pixels = self._journal.keys_with_pixels()
        masks = self._mask_listing()
        provenances = list_files(self.home / PROJECT_FOLDER / "provenance")
        records: dict[str, ImageRecord] = {}
        for key in self.keys:
            record = stored.get(key)
            name = self._name(key)
            is_untouched = record is None or record.status is ImageStatus.UNTOUCHED
            if name in masks and is_untouched and key not in with_pixels:
                status = ImageStatus.PREDICTED if name in provenances else ImageStatus.CORRECTED
                record = replace(record or ImageRecord(key), status=status)
            if record is not None:
                records[key] = record
        return records

    def view(self, key: str) -> dict[str, float] | None:
        """What `save_view` stored last about an image, or None."""
        stored = self._journal.find(key)
        return None if stored is None else stored.view

    def load(self, key: str, height: int, width: int) -> LoadedImage:
        """Restores one image; notes say what was found changed, damaged or restored.

        Args:
            key: the image.
            height: rows of the image file as it is now.
            width: columns of the image file as it is now.

        Raises:
            StorageError: the disk fails, or ``key`` names no image.
        """
        check_key(key)
        if not self.is_read_only:
            return self._images.load(key, height, width)
        while True:  # the window that writes may have written between our looks at file and journal
            with self._database.snapshot():
                before = self._journal.find(key)
                loaded = self._images.load(key, height, width)
            if self._journal.find(key) == before:
                return loaded

    def append(
        self, key: str, edit: MaskEdit, *, num_dropped: int = 0, status: ImageStatus | None = None
    ) -> None:
        """Journals a new edit: it is on disk when this returns, or nothing has changed.

        Args:
            key: the image; it was loaded before.
            edit: already applied in memory; it takes the place of all steps to redo.
            num_dropped: how many of the oldest steps the history forgot for it.
            status: the new one in the same transaction, or None to keep it.

        Raises:
            ReadOnlyProjectError: opened read-only.
            StorageError: the disk is full or fails (call again later), or the edit does not fit.
        """
        self._require_write()
        self._images.append(key, edit, num_dropped=num_dropped, status=status)
        self._remember_name(key)

    def undo(self, key: str) -> None:
        """Journals that the step before the position was undone.

        Raises:
            StorageError: as `append`, or there is no such step.
        """
        self._require_write()
        self._journal.step(key, is_undo=True)

    def redo(self, key: str) -> None:
        """Journals that the step at the position was done again.

        Raises:
            StorageError: as `append`, or there is no such step.
        """
        self._require_write()
        self._journal.step(key, is_undo=False)

    def set_status(self, key: str, status: ImageStatus, *, model_sha256: str | None = None) -> None:
        """Stores how far an image is, and which network predicted it (None keeps the last)."""
        self._require_write()
        check_key(key)
        self._journal.set_status(key, self._name(key), status, model_sha256)
        self._remember_name(key)

    def save_view(self, key: str, view: Mapping[str, float]) -> None:
        """Stores zoom and position of an image; any names."""
        self._require_write()
        check_key(key)
        self._journal.save_view(key, self._name(key), dict(view))
        self._remember_name(key)

    def flush(
        self, key: str, mask: Pixels | None = None, provenance: Pixels | None = None
    ) -> FlushReport:
        """Writes the mask and provenance PNG of an image when they are behind the journal.

        What is written is what was journalled. The arrays are needed only to repair a damaged
        journal, so an edit that still waits to be journalled is never in a PNG.

        Args:
            key: the image.
            mask: (H, W) uint8, optional.
            provenance: (H, W) uint8, optional.

        Raises:
            ReadOnlyProjectError: opened read-only.
            StorageError: the disk is full or fails; the old PNG stays and flushing can be retried.
        """
        self._require_write()
        return self._images.flush(key, mask, provenance)

    def flush_all_from_journal(
        self,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> tuple[str, ...]:
        """Brings every PNG up to date: after a crash, before an export or a training.

        Args:
            should_stop: asked before each image.
            on_progress: told (images done, images in all) after each image.

        Returns:
            Notes for the user.

        Raises:
            CancelledError: stopped; what was written is complete.
            StorageError: the disk is full or fails.
        """
        self._require_write()
        notes: list[str] = []
        keys = self._keys_to_write()
        for done, key in enumerate(keys, 1):
            if should_stop():
                raise CancelledError
            try:
                notes.extend(self._images.flush(key).notes)
            except DamagedJournalError as error:
                notes.append(f"The mask of {key} was not written. {error}")
            on_progress(done, len(keys))
        return tuple(notes)

    def dirty_keys(self) -> tuple[str, ...]:
        """Images whose PNGs are behind the journal."""
        return tuple(image.key for image in self._journal.images() if image.is_dirty)

    def mask_path(self, key: str) -> Path:
        """Where the mask of an image is, or will be."""
        return self._places(key).mask

    def provenance_path(self, key: str) -> Path:
        """Where the provenance of an image is, or will be."""
        return self._places(key).provenance

    @property
    def models_dir(self) -> Path:
        """For model versions; made when the first one is written."""
        return self.home / PROJECT_FOLDER / "models"

    def roles(self, keys: Iterable[str]) -> dict[str, bool]:
        """Whether images are held out of training: decided once, then for ever the same.

        All images of the folder are decided together at the first call, so that whole blocks of a
        video share a role. A read-only project decides the same, but does not store it.
        """
        keys = tuple(keys)
        existing = self._journal.roles()
        if all(key in existing for key in keys):
            return {key: existing[key] for key in keys}
        known = dict.fromkeys([*self.keys, *(key for key in keys if key not in self._names)])
        decided = decide_roles(tuple(known), existing)
        new = {key: role for key, role in decided.items() if key not in existing}
        if new and not self.is_read_only:
            self._journal.add_roles(new)
        return {key: decided[key] for key in keys}

    def _require_write(self) -> None:
        super()._require_write()
        if not self._database.is_in_place:
            # Somebody deleted .seggui/ while it was open: nothing is lost as long as we live.
            self._database.put_back()
            if self._lock is not None:
                self._lock.release()
            self._lock = FolderLock(self.home / PROJECT_FOLDER / "lock")

    # -- inside ----------------------------------------------------------------------------------

    def _name(self, key: str) -> str:
        name = self._stored_names.get(key) or self._names.get(key)
        if name is None:
            check_key(key)
            name = mask_names([key])[key]
        return name

    def _places(self, key: str) -> MaskPlaces:
        name = self._name(key)
        return MaskPlaces(
            name,
            self.home / MASKS_FOLDER / name,
            self.home / PROJECT_FOLDER / "provenance" / name,
            None if self.home == self.folder else self.folder / MASKS_FOLDER / name,
        )

    def _remember_name(self, key: str) -> None:
        self._stored_names.setdefault(key, self._name(key))

    def _mask_listing(self) -> frozenset[str]:
        roots = {self.home / MASKS_FOLDER, self.folder / MASKS_FOLDER}
        return frozenset[str]().union(*map(list_files, roots))

    def _keys_to_write(self) -> tuple[str, ...]:
        masks = list_files(self.home / MASKS_FOLDER)
        return tuple(
            image.key
            for image in self._journal.images("height IS NOT NULL")
            if image.is_dirty or image.name not in masks
        )

    def _rename_masks(self) -> None:
        """Follows names that change when an image with the same stem comes or goes."""
        moved = []
        for key, name in self._stored_names.items():
            wanted = self._names.get(key, name)
            if wanted != name and self._move(name, wanted):
                moved.append((key, wanted))
        if moved:
            self._journal.rename(moved)
            self._stored_names.update(moved)

    def _move(self, name: str, wanted: str) -> bool:
        """False when another file stands there already: then the old name stays."""
        roots = (self.home / MASKS_FOLDER, self.home / PROJECT_FOLDER / "provenance")
        if any((root / name).exists() and (root / wanted).exists() for root in roots):
            return False
        for root in roots:
            if (root / name).exists():
                try:
                    os.rename(root / name, root / wanted)
                except OSError as error:
                    self._add_notes((f"{root / name} was not renamed to {wanted}: {error}.",))
                    return False
        return True


def _lock_notes(lock: FolderLock) -> tuple[str, ...]:
    if lock.is_exclusive:
        return ()
    return ("This disk cannot lock files: do not open the folder in two windows at once.",)
