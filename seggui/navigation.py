"""Folders and images: opening, showing, prefetching the neighbours, remembering where one was."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from seggui.core.document import MaskDocument
from seggui.core.edits import EditResult
from seggui.core.project import Project
from seggui.core.records import ImageRecord, ImageStatus, MaskEdit
from seggui.session import Session
from seggui.tasks.image_loader import DecodedImage, ImageLoader
from seggui.tasks.project_thread import OpenedImage, OpenedProject, ProjectThread

if TYPE_CHECKING:
    import numpy.typing as npt

CACHE_BYTES = 96 * 2**20
MIN_CACHED = 3
_AHEAD = (1, -1, 2)
"""Neighbours that are prefetched, in this order."""


@dataclass(frozen=True, eq=False)
class PreparedAnswer:
    """What a network says about an image, ready to be brought into its mask.

    Attributes:
        edit: brings it; None when nothing changes.
        result: what the edit leads to; None without an edit.
        revision: of the document that both were made for.
        classes: (H, W) uint8 all that the network says, for a document that moved on.
    """

    edit: MaskEdit | None
    result: EditResult | None
    revision: int
    classes: npt.NDArray[np.uint8]


@dataclass(eq=False)
class Bundle:
    """Everything the window needs to show an image at once. Lives on the GUI thread.

    Attributes:
        decoded: the image itself.
        document: its mask and history.
        view: zoom and position when it was left, or None.
        confidence: (H, W) uint8 of the last prediction, or None.
        predicted_by: network whose answer has been applied or is prepared, or an empty string.
        prepared: an answer that waits until the image is shown.
        notes: what was noticed when it was loaded, told once.
        highest_label: highest class index in the mask when it was loaded, -1 without any.
    """

    decoded: DecodedImage
    document: MaskDocument
    record: ImageRecord
    view: dict[str, float] | None = None
    confidence: npt.NDArray[np.uint8] | None = None
    predicted_by: str = ""
    prepared: PreparedAnswer | None = None
    notes: tuple[str, ...] = field(default=())
    highest_label: int = -1

    @property
    def key(self) -> str:
        """The image."""
        return self.decoded.key

    @property
    def num_bytes(self) -> int:
        """Memory held, roughly."""
        height, width = self.decoded.size
        return height * width * (3 + 4 + 4 + 2 + 1)


class Navigation(QObject):
    """Owns the open folder and which of its images is on view.

    Signals:
        folder_opened: (OpenedProject).
        open_failed: (Path, error).
        image_loading: (key) nothing to show yet.
        image_shown: (Bundle) it is on view now.
        image_failed: (key, error) it cannot be read; the others can.
        bundle_ready: (Bundle, distance) loaded or prefetched; distance 0 is on view.
        record_changed: (ImageRecord).
        records_changed: (key -> ImageRecord) of many images at once.
    """

    folder_opened = Signal(object)
    open_failed = Signal(object, object)
    image_loading = Signal(str)
    image_shown = Signal(object)
    image_failed = Signal(str, object)
    bundle_ready = Signal(object, int)
    record_changed = Signal(object)
    records_changed = Signal(object)

    def __init__(
        self,
        session: Session,
        project: ProjectThread,
        loader: ImageLoader,
        *,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._project, self._loader = session, project, loader
        self.opened: OpenedProject | None = None
        self.records: dict[str, ImageRecord] = {}
        self.key: str | None = None
        self._first_key: str | None = None
        self._positions: dict[str, int] = {}
        self._bundles: OrderedDict[str, Bundle] = OrderedDict()
        self._loading: set[str] = set()
        self._generation = 0
        self._next_move: Callable[[], object] | None = None
        self._order: Callable[[str], tuple[str | None, str | None]] | None = None
        self.take_view: Callable[[], dict[str, float]] = dict
        self.finish_gesture: Callable[[], None] = lambda: None
        project.is_painting = lambda: session.is_painting
        session.edit_committed.connect(self._on_edit_committed)
        session.step_undone.connect(self._on_step_undone)
        session.step_redone.connect(self._on_step_redone)
        session.image_status_changed.connect(self._on_status_changed)

    # -- folder ----------------------------------------------------------------------------------

    def open_folder(
        self, folder: Path, home: Path | None = None, *, key: str | None = None
    ) -> None:
        """Opens a folder of images; the one on view stays until the new one is there.

        Args:
            folder: with images, also in subfolders.
            home: where its masks and history are kept when it cannot be written.
            key: the image to show first; None shows the one that was on view last.
        """
        if self._waits_for_strokes(lambda: self.open_folder(folder, home, key=key)):
            return
        self.leave_image()
        self._first_key = key
        self._session.is_opening = True  # a stroke now would belong to neither folder
        self._project.open(
            folder, home,
            done=self._on_opened,
            failed=lambda error: self._on_open_failed(folder, error),
            found=lambda project, settings: self._read_first(project, settings, key),
        )  # fmt: skip

    def close_folder(self) -> None:
        """Leaves the open folder; its project is closed, nothing is on view."""
        if self._waits_for_strokes(self.close_folder):
            return
        self.leave_image()
        self._generation += 1
        self._bundles.clear()
        self._loading.clear()
        self._loader.keep_only(frozenset())
        self._loader.forget_thumbnails()
        self.opened, self.records, self.key, self._positions = None, {}, None, {}
        self._session.show_nothing()
        self._project.close_project()

    def use_order(self, neighbours: Callable[[str], tuple[str | None, str | None]]) -> None:
        """Takes previous and next from the (filtered) image list instead of the whole folder."""
        self._order = neighbours

    def path_of(self, key: str) -> Path:
        """The image file of a key."""
        if self.opened is None:
            raise RuntimeError("no folder is open")
        return self.opened.folder / key

    @property
    def keys(self) -> tuple[str, ...]:
        """All images of the folder, in order."""
        return self.opened.keys if self.opened is not None else ()

    def record(self, key: str) -> ImageRecord:
        """What is known of an image."""
        return self.records.get(key, ImageRecord(key))

    # -- images ----------------------------------------------------------------------------------

    def show(self, key: str) -> None:
        """Brings an image on view: at once when it is in memory, else as soon as it is read."""
        if key not in self._positions or key == self.key:
            return
        if self._waits_for_strokes(lambda: self.show(key)):
            return
        self.leave_image()
        self.key = key
        self._project.record_setting("current_image", key)
        bundle = self._bundles.get(key)
        self._loader.keep_only(frozenset({key}))
        self._loading &= {key}
        if bundle is not None:
            self._present(bundle)
        else:
            self._session.show_nothing()
            self.image_loading.emit(key)
            self._load(key, priority=0)

    def show_neighbour(self, step: int) -> None:
        """Goes to the next (1) or previous (-1) image of the list."""
        key = self._neighbour(self.key, step)
        if key is not None:
            self.show(key)

    def when_settled(self, move: Callable[[], object]) -> None:
        """Calls once the image that is on its way is shown, or has failed. The last call counts."""
        self._next_move = move

    def leave_image(self) -> None:
        """Finishes what is in the hand and remembers zoom and position."""
        self.finish_gesture()
        self._session.commit_stroke()
        bundle = self._bundles.get(self.key or "")
        if bundle is not None and self._session.key == bundle.key:
            view = self.take_view()
            if view and view != bundle.view:
                bundle.view = view
                self._project.record_view(bundle.key, view)
            self._project.flush_now()

    def bundle(self, key: str) -> Bundle | None:
        """What is in memory of an image, or None."""
        return self._bundles.get(key)

    @property
    def current(self) -> Bundle | None:
        """What is on view, or None while it is loading."""
        return self._bundles.get(self.key or "") if self._session.key == self.key else None

    def is_loading(self, key: str) -> bool:
        """Whether an image is on its way into memory."""
        return key in self._loading

    def apply_prediction(
        self, bundle: Bundle, classes: npt.NDArray[np.uint8], *, text: str
    ) -> None:
        """Brings predicted (H, W) uint8 classes into an image in memory that is not on view."""
        history = bundle.document.history
        num_forgotten = history.num_forgotten
        edit = bundle.document.apply_prediction(classes, text=text)
        if edit is not None:
            self._on_edit_committed(bundle.key, edit, history.num_forgotten - num_forgotten)

    def note_record(self, record: ImageRecord) -> None:
        """Takes over what another part of the program stored about an image."""
        self.records[record.key] = record
        self.record_changed.emit(record)

    def note_held_out(self, keys: frozenset[str]) -> None:
        """Takes over which images are held out, once that is decided for the folder."""
        new = {
            key: replace(self.record(key), is_held_out=True) for key in keys
            if key in self._positions and not self.record(key).is_held_out
        }  # fmt: skip
        if new:
            self.records.update(new)
            self.records_changed.emit(new)

    def bundles(self) -> tuple[Bundle, ...]:
        """Everything in memory, least recently shown first."""
        return tuple(self._bundles.values())

    # -- inside ----------------------------------------------------------------------------------

    def _on_open_failed(self, folder: Path, error: Exception) -> None:
        self._session.is_opening = False
        self.open_failed.emit(folder, error)

    def _read_first(self, project: Project, settings: dict[str, Any], key: str | None) -> None:
        """On the project's thread: while the window takes the folder in, its image is read."""
        first = _first_key(project.keys, settings, key)
        if first is not None:
            self._loader.read_ahead(first, project.folder / first, view=project.view(first))

    def _on_opened(self, opened: OpenedProject) -> None:
        self._session.is_opening = False
        self._generation += 1
        self._bundles.clear()
        self._loading.clear()
        first = _first_key(opened.keys, opened.settings, self._first_key)
        self._loader.keep_only(frozenset() if first is None else frozenset({first}))
        self._loader.forget_thumbnails()
        self.opened, self.records, self.key = opened, dict(opened.records), None
        self._positions = {key: i for i, key in enumerate(opened.keys)}
        self._session.is_read_only = opened.is_read_only
        self._session.show_nothing()
        self.folder_opened.emit(opened)
        if first is not None:
            self.show(first)

    def _neighbour(self, key: str | None, step: int) -> str | None:
        if key is None:
            return None
        if self._order is not None and step in (1, -1):
            return self._order(key)[step > 0]
        position = self._positions[key] + step
        return self.keys[position] if 0 <= position < len(self.keys) else None

    def _load(self, key: str, *, priority: int) -> None:
        if key in self._loading:
            return
        self._loading.add(key)
        generation = self._generation
        self._loader.load(
            key, self.path_of(key), priority=priority,
            done=lambda decoded: self._on_decoded(decoded, generation),
            failed=lambda error: self._on_failed(key, error, generation),
        )  # fmt: skip

    def _on_decoded(self, decoded: DecodedImage, generation: int) -> None:
        if generation != self._generation:
            return
        height, width = decoded.size
        self._project.load(
            decoded.key, height, width,
            done=lambda opened: self._on_loaded(decoded, opened, generation),
            failed=lambda error: self._on_failed(decoded.key, error, generation),
        )  # fmt: skip

    def _on_loaded(self, decoded: DecodedImage, opened: OpenedImage, generation: int) -> None:
        if generation != self._generation:
            return
        self._loading.discard(decoded.key)
        if decoded.key in self._bundles:
            return
        bundle = Bundle(
            decoded, opened.document, opened.record, opened.view,
            predicted_by=opened.record.model_sha256, notes=opened.notes,
            highest_label=opened.highest_label,
        )  # fmt: skip
        self._bundles[decoded.key] = bundle
        if opened.record != self.record(decoded.key):
            self.note_record(opened.record)
        if decoded.key == self.key:
            self._present(bundle)
        else:
            self.bundle_ready.emit(bundle, self._distance(bundle.key))
        self._evict()

    def _on_failed(self, key: str, error: Exception, generation: int) -> None:
        if generation != self._generation:
            return
        self._loading.discard(key)
        if key == self.key:
            self._session.early_strokes.clear()
            self.image_failed.emit(key, error)
            self._prefetch()
            self._move_on()

    def _present(self, bundle: Bundle) -> None:
        self._bundles.move_to_end(bundle.key)
        self._session.show_document(bundle.key, bundle.document, self.record(bundle.key).status)
        self.image_shown.emit(bundle)
        self._session.paint_early_strokes()
        self.bundle_ready.emit(bundle, 0)
        self._prefetch()
        self._evict()
        self._move_on()

    def _waits_for_strokes(self, move: Callable[[], None]) -> bool:
        """Whether strokes need the image that is on its way; the move is made once it is there."""
        if self._session.early_strokes:
            self.when_settled(move)
            return True
        return False

    def _move_on(self) -> None:
        move, self._next_move = self._next_move, None
        if move is not None:
            QTimer.singleShot(0, self, move)

    def _prefetch(self) -> None:
        key: str | None
        for distance, step in enumerate(_AHEAD, start=1):
            key = self._neighbour(self.key, 1 if step > 0 else -1)
            for _ in range(abs(step) - 1):
                key = self._neighbour(key, 1 if step > 0 else -1)
            if key is None:
                continue
            bundle = self._bundles.get(key)
            if bundle is None:
                self._load(key, priority=distance)
            else:
                self.bundle_ready.emit(bundle, distance)

    def is_near(self, key: str) -> bool:
        """Whether an image is on view or so near that it is read ahead."""
        return self._distance(key) <= max(_AHEAD)

    def _distance(self, key: str) -> int:
        here = self._positions.get(self.key or "", 0)
        return abs(self._positions.get(key, here) - here)

    def _evict(self) -> None:
        waiting = self._project.waiting_keys
        total = sum(bundle.num_bytes for bundle in self._bundles.values())
        for key in list(self._bundles):
            if total <= CACHE_BYTES or len(self._bundles) <= MIN_CACHED:
                return
            if key != self.key and key not in waiting and self._distance(key) > 1:
                total -= self._bundles.pop(key).num_bytes

    def _on_edit_committed(self, key: str, edit: MaskEdit, num_forgotten: int) -> None:
        self._project.record_edit(key, edit, num_forgotten)
        self._schedule_flush(key)

    def _on_step_undone(self, key: str) -> None:
        self._project.record_undo(key)
        self._schedule_flush(key)

    def _on_step_redone(self, key: str) -> None:
        self._project.record_redo(key)
        self._schedule_flush(key)

    def _on_status_changed(self, key: str, status: ImageStatus) -> None:
        self._project.record_status(key, status)
        self.note_record(replace(self.record(key), status=status))

    def _schedule_flush(self, key: str) -> None:
        bundle = self._bundles.get(key)
        if bundle is not None:
            self._project.schedule_flush(key, bundle.document)


def _first_key(keys: tuple[str, ...], settings: dict[str, Any], wanted: str | None) -> str | None:
    """What is shown first: what is wanted, what was on view last, or the first image."""
    last = wanted or settings.get("current_image")
    return last if last in keys else next(iter(keys), None)
