"""The one thread that touches the project on disk, and the queue that no edit can fall out of."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from model.data.label_sets import LabelSet
from seggui.core.document import MaskDocument
from seggui.core.history import EditHistory
from seggui.core.project import FlushReport, Project
from seggui.core.records import ImageRecord, ImageStatus, MaskEdit
from seggui.core.store import DamagedJournalError
from seggui.tasks.job_thread import Done, Failed, JobThread

if TYPE_CHECKING:
    import numpy.typing as npt

_log = logging.getLogger(__name__)

FLUSH_DELAY_MS = 1500
RETRY_DELAY_MS = 5000

Found = Callable[[Project, dict[str, Any]], None]
"""Gets the project, whose images are known, and its settings."""


@dataclass(frozen=True)
class OpenedProject:
    """What the window needs to know of a folder that was opened."""

    folder: Path
    home: Path
    is_read_only: bool
    keys: tuple[str, ...]
    records: dict[str, ImageRecord]
    label_set: LabelSet | None
    settings: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class OpenedImage:
    """A document restored from disk, with what the project knows about its image.

    Attributes:
        document: for the GUI thread from now on.
        record: status and network.
        view: zoom and position when it was left, or None.
        notes: sentences for the user.
        highest_label: highest class index in the mask, -1 when nothing is labelled.
    """

    document: MaskDocument
    record: ImageRecord
    view: dict[str, float] | None
    notes: tuple[str, ...]
    highest_label: int


@dataclass(frozen=True)
class _Change:
    """One thing that must reach the disk, in order."""

    key: str
    write: Callable[[Project], Any]


class ProjectThread(QObject):
    """Runs everything that reads or writes the project, one after another.

    Changes wait in a queue until they are on disk. When writing fails (disk full, folder gone) they
    stay there, later ones line up behind, and writing is tried again every few seconds: nothing is
    lost while the program lives, and nothing is written in the wrong order.

    Attributes:
        is_painting: whether a stroke is in the hand. Steps are journalled all the same; a PNG is
            written after it: that takes the interpreter away from the pointer again and again.

    Signals:
        save_failed: (error) changes are waiting; told once until writing works again.
        save_recovered: everything that waited is on disk.
        noted: (text) something about a mask file that the user should know.
        dirty_changed: (bool) whether changes wait or a PNG is behind its journal.
    """

    save_failed = Signal(object)
    save_recovered = Signal()
    noted = Signal(str)
    dirty_changed = Signal(bool)
    _damage_found = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = JobThread("project", self)
        self._project: Project | None = None  # touched by the thread only
        self._changes: deque[_Change] = deque()
        self._lock = threading.Lock()
        self._has_failed = False
        self._is_opening = False
        self._is_read_only = True  # until a project is open
        self._flushes: dict[str, MaskDocument] = {}
        self._damaged: dict[str, MaskDocument] = {}
        self.is_painting: Callable[[], bool] = lambda: False
        self._flush_timer = QTimer(self, singleShot=True, interval=FLUSH_DELAY_MS)
        self._flush_timer.setObjectName("flush_timer")
        self._flush_timer.timeout.connect(self._on_flush_due)
        self._retry_timer = QTimer(self, singleShot=True, interval=RETRY_DELAY_MS)
        self._retry_timer.timeout.connect(self.retry)
        self._damage_found.connect(self._on_damage_found)

    # -- opening and reading ---------------------------------------------------------------------

    def open(
        self,
        folder: Path,
        home: Path | None,
        *,
        done: Done,
        failed: Failed,
        found: Found | None = None,
    ) -> None:
        """Opens a folder's project; the one open before is closed once the new one is there.

        Args:
            folder: with images.
            home: where its masks and history are, or None for the folder itself.
            done: gets an :class:`OpenedProject`.
            failed: gets the error; the project open before stays.
            found: called on the project's thread, as soon as the images and settings are known.
        """
        self.flush_now()
        self._is_opening = True

        def on_done(opened: OpenedProject) -> None:
            self._is_opening, self._is_read_only = False, opened.is_read_only
            self._write("", _flush_all)  # after a crash, masks are behind their journal
            done(opened)

        def on_failed(error: Exception) -> None:
            self._is_opening = False
            failed(error)

        self._thread.submit(lambda: self._open(folder, home, found), done=on_done, failed=on_failed)

    def close_project(self) -> None:
        """Writes what is due and closes the project; the thread goes on for the next one."""
        self.flush_now()
        self._thread.submit(self._close_project, failed=self._on_write_failed)
        self._is_read_only = True

    def load(
        self, key: str, height: int, width: int, *, done: Done, failed: Failed, priority: int = 0
    ) -> None:
        """Restores the document of one image; ``done`` gets an :class:`OpenedImage`."""
        self._thread.submit(
            lambda: self._load(key, height, width), done=done, failed=failed, priority=priority
        )

    def run(
        self, work: Callable[[Project], Any], *, failed: Failed, done: Done | None = None
    ) -> None:
        """Runs anything else on the project, after every change made so far."""
        self._thread.submit(lambda: work(self._require()), done=done, failed=failed)

    # -- writing ---------------------------------------------------------------------------------

    def record_edit(self, key: str, edit: MaskEdit, num_forgotten: int) -> None:
        """Journals a new step."""
        self._write(key, lambda project: project.append(key, edit, num_dropped=num_forgotten))

    def record_undo(self, key: str) -> None:
        """Journals that a step was undone."""
        self._write(key, lambda project: project.undo(key))

    def record_redo(self, key: str) -> None:
        """Journals that a step was made again."""
        self._write(key, lambda project: project.redo(key))

    def record_status(self, key: str, status: ImageStatus, model_sha256: str | None = None) -> None:
        """Stores how far an image is, and optionally which network predicted it."""
        self._write(key, lambda p: p.set_status(key, status, model_sha256=model_sha256))

    def record_view(self, key: str, view: dict[str, float]) -> None:
        """Stores zoom and position of an image."""
        self._write(key, lambda project: project.save_view(key, view))

    def record_setting(self, name: str, value: Any) -> None:
        """Stores a setting of the project."""
        self._write("", lambda project: project.set_setting(name, value))

    def record_label_set(self, label_set: LabelSet) -> None:
        """Stores the project's classes."""
        self._write("", lambda project: project.set_label_set(label_set))

    def schedule_flush(self, key: str, document: MaskDocument) -> None:
        """Writes the mask's PNG soon; further strokes push it back, to write it only once."""
        self._flushes[key] = document
        self._flush_timer.start()
        self.dirty_changed.emit(True)

    def flush_now(self) -> None:
        """Writes the PNGs that are due, without waiting for the pause."""
        self._flush_timer.stop()
        due, self._flushes = self._flushes, {}
        for key, document in due.items():
            self._write(key, self._flush_of(key, document))

    @property
    def waiting_keys(self) -> frozenset[str]:
        """Images with changes that are not on disk yet; their documents must stay in memory."""
        with self._lock:
            return frozenset(change.key for change in self._changes) | frozenset(self._flushes)

    @property
    def has_failed(self) -> bool:
        """True while changes wait because writing failed."""
        return self._has_failed

    @Slot()
    def retry(self) -> None:
        """Tries to write what waits."""
        self._thread.submit(self._drain, done=self._on_drained, failed=self._on_write_failed)

    def close(self) -> None:
        """Writes what is due, closes the project and ends the thread. Waits."""
        self._retry_timer.stop()
        self.flush_now()
        self._flush_timer.stop()
        self._thread.submit(self._close_project, failed=self._on_close_failed)
        self._thread.close(drain=True)

    # -- on the GUI thread -----------------------------------------------------------------------

    def _write(self, key: str, write: Callable[[Project], Any]) -> None:
        if self._is_read_only or self._is_opening:
            # Only views and settings come here then: the session lets nobody paint.
            _log.debug("a change of %r is not stored", key)
            return
        with self._lock:
            self._changes.append(_Change(key, write))
        self.dirty_changed.emit(True)
        self.retry()

    @Slot()
    def _on_flush_due(self) -> None:
        if self.is_painting():
            self._flush_timer.start()
        else:
            self.flush_now()

    def _flush_of(self, key: str, document: MaskDocument) -> Callable[[Project], Any]:
        """Writes the PNG from the journal: copying the document would hold up the window."""

        def flush(project: Project) -> FlushReport | None:
            try:
                return project.flush(key)
            except DamagedJournalError:
                _log.warning("the journal of %r is damaged", key, exc_info=True)
                with self._lock:
                    self._damaged[key] = document
                self._damage_found.emit()
                return None

        return flush

    @Slot()
    def _on_damage_found(self) -> None:
        for key, repair in self._repairs():
            self._write(key, repair)

    def _repairs(self) -> list[tuple[str, Callable[[Project], Any]]]:
        """Flushes with what is in memory, for the images whose journal was found damaged."""
        with self._lock:
            damaged, self._damaged = self._damaged, {}
        return [(key, _flush_with(key, *doc.snapshot()[:2])) for key, doc in damaged.items()]

    def _on_drained(self, is_empty: bool) -> None:
        if self._has_failed and is_empty:
            self._has_failed = False
            self.save_recovered.emit()
        if is_empty and not self._flushes:
            self.dirty_changed.emit(False)

    def _on_write_failed(self, error: Exception) -> None:
        self._retry_timer.start()
        if not self._has_failed:
            self._has_failed = True
            self.save_failed.emit(error)

    def _on_close_failed(self, error: Exception) -> None:
        _log.error("closing the project failed", exc_info=error)

    # -- on the project thread -------------------------------------------------------------------

    def _open(self, folder: Path, home: Path | None, found: Found | None) -> OpenedProject:
        self._drain_for_good()  # raises when it cannot be written: the old project stays open
        old = self._project
        if old is not None and old.folder == folder.absolute():
            old.close()  # its lock would make the second opening read-only
            old = self._project = None
        project = Project.open(folder, home=home)
        if old is not None:
            old.close()
        self._project = project
        settings = project.settings()
        if found is not None:
            found(project, settings)
        return OpenedProject(
            project.folder, project.home, project.is_read_only, project.keys, project.records(),
            project.label_set, settings, project.notes,
        )  # fmt: skip

    def _load(self, key: str, height: int, width: int) -> OpenedImage:
        # Every change submitted its own drain before this job, so what was painted is on disk; an
        # image whose changes could not be written is still in memory and never asked for here.
        if self._project is None:
            raise RuntimeError("no project is open")
        loaded = self._project.load(key, height, width)
        history = EditHistory(loaded.edits, loaded.position)
        document = MaskDocument(loaded.mask, loaded.provenance, history)
        document.keep_snapshot()  # the network is asked as soon as the image is shown
        # 255 (ignore) wraps to 0. Here because it takes time that grows with the image.
        highest_label = int((loaded.mask + np.uint8(1)).max()) - 1
        return OpenedImage(document, loaded.record, loaded.view, loaded.notes, highest_label)

    def _drain(self) -> bool:
        project = self._project
        while project is not None:
            with self._lock:
                if not self._changes:
                    break
                change = self._changes[0]
            result = change.write(project)
            if isinstance(result, FlushReport) and result.notes:
                self.noted.emit("\n".join(result.notes))
            with self._lock:
                self._changes.popleft()
        return True

    def _drain_for_good(self) -> None:
        """Before the project is closed; nobody paints meanwhile, so the documents may be read."""
        self._drain()
        project = self._project
        if project is not None:
            for _, repair in self._repairs():
                repair(project)

    def _close_project(self) -> None:
        if self._project is not None:
            try:
                self._drain_for_good()
            finally:
                self._project.close()
                self._project = None

    def _require(self) -> Project:
        if self._project is None:
            raise RuntimeError("no project is open")
        self._drain()
        return self._project


def _flush_all(project: Project) -> FlushReport:
    return FlushReport(True, project.flush_all_from_journal())


def _flush_with(
    key: str, mask: npt.NDArray[np.uint8], provenance: npt.NDArray[np.uint8]
) -> Callable[[Project], Any]:
    return lambda project: project.flush(key, mask, provenance)
