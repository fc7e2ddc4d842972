"""What is being edited right now, and with what: the one owner of image, class, tool and brush."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal, SignalInstance

from model.data.label_sets import IGNORE, LabelSet
from seggui.canvas.editor import Point
from seggui.core.document import MaskDocument, PaintRule
from seggui.core.early_strokes import EarlyStrokes, Segment
from seggui.core.edits import EditResult
from seggui.core.records import EMPTY_RECT, DocumentStatus, ImageStatus, MaskEdit, Rect

if TYPE_CHECKING:
    import numpy.typing as npt

MIN_RADIUS_PX = 0.5
MAX_RADIUS_PX = 1000.0
NO_STATUS = DocumentStatus(0, False, False, "", "", 0)


class Session(QObject):
    """Owns the document in the window and turns what the core returns into signals.

    It knows neither disk nor threads: navigation puts documents in, storage listens to the edits.

    Signals:
        document_changed: another document, or none, is in the window.
        mask_changed: pixels inside the rectangle changed.
        status_changed: undo, redo or counts changed.
        edit_committed: (key, edit, number of oldest steps forgotten) must be journalled.
        step_undone, step_redone: (key) the history moved; must be journalled.
        image_status_changed: (key, status).
        edit_refused: (reason) the user tried to paint where that is not possible.
    """

    document_changed = Signal()
    mask_changed = Signal(object)
    status_changed = Signal(object)
    edit_committed = Signal(str, object, int)
    step_undone = Signal(str)
    step_redone = Signal(str)
    image_status_changed = Signal(str, object)
    edit_refused = Signal(str)
    label_changed = Signal(int)
    label_set_changed = Signal(object)
    hidden_changed = Signal(object)
    locked_changed = Signal(object)
    only_over_changed = Signal(object)
    brush_radius_changed = Signal(float)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.key: str | None = None
        self.document: MaskDocument | None = None
        self.image_status = ImageStatus.UNTOUCHED
        self.is_read_only = False
        self.is_previewing = False
        self.is_opening = False
        self.label_set: LabelSet | None = None
        self.label = 0
        self.hidden: frozenset[int] = frozenset()
        self.locked: frozenset[int] = frozenset()
        self.only_over: frozenset[int] | None = None
        self.early_strokes = EarlyStrokes()
        self._radius_px = 10.0
        self._num_forgotten = 0

    # -- what is shown ---------------------------------------------------------------------------

    def show_document(self, key: str, document: MaskDocument, status: ImageStatus) -> None:
        """Puts a document into the window; a stroke in the old one is committed first.

        One that was begun before the document was there stays in the hand.
        """
        if self.document is not None:
            self.commit_stroke()
        self.key, self.document, self.image_status = key, document, status
        self._num_forgotten = document.history.num_forgotten
        self.document_changed.emit()
        self._emit_status()

    def show_nothing(self) -> None:
        """Empties the window: no folder, loading, or a broken image."""
        self.commit_stroke()
        self.key, self.document = None, None
        self.image_status = ImageStatus.UNTOUCHED
        self.document_changed.emit()
        self._emit_status()

    @property
    def status(self) -> DocumentStatus:
        """Of the document in the window."""
        return self.document.status if self.document is not None else NO_STATUS

    # -- what is painted with --------------------------------------------------------------------

    def set_label_set(self, label_set: LabelSet) -> None:
        """Takes another label set; current, hidden and locked classes that are gone are dropped."""
        self.label_set = label_set
        valid = frozenset(range(len(label_set)))
        self.label_set_changed.emit(label_set)
        self.set_label(min(self.label, len(label_set) - 1))
        self.set_hidden(self.hidden & valid)
        self.set_locked(self.locked & valid)

    def set_label(self, index: int) -> None:
        """Chooses the class to paint with; an index outside of the label set is ignored."""
        if self.label_set is None or not 0 <= index < len(self.label_set):
            return
        self.label = index
        self.label_changed.emit(index)

    def step_label(self, step: int) -> None:
        """Moves to the next or previous class, around the end."""
        if self.label_set is not None:
            self.set_label((self.label + step) % len(self.label_set))

    def set_hidden(self, hidden: frozenset[int]) -> None:
        """Classes that are not shown. Hiding never touches data."""
        self.hidden = hidden
        self.hidden_changed.emit(hidden)

    def set_locked(self, locked: frozenset[int]) -> None:
        """Classes that are never painted over."""
        self.locked = locked
        self.locked_changed.emit(locked)

    def set_only_over(self, classes: frozenset[int] | None) -> None:
        """Restricts painting to pixels of these classes; None paints anywhere."""
        self.only_over = classes
        self.only_over_changed.emit(classes)

    @property
    def brush_radius_px(self) -> float:
        """Radius of the brush in image pixels."""
        return self._radius_px

    def set_brush_radius(self, radius_px: float) -> None:
        """Changes the brush, clamped to what is possible."""
        self._radius_px = min(MAX_RADIUS_PX, max(MIN_RADIUS_PX, radius_px))
        self.brush_radius_changed.emit(self._radius_px)

    def step_brush(self, step: int) -> None:
        """Makes the brush larger or smaller by a step that is felt at any size."""
        diameter = 2 * self._radius_px
        change = max(1.0, round(diameter * 0.15))
        self.set_brush_radius((diameter + step * change) / 2)

    @property
    def is_painting(self) -> bool:
        """Whether a stroke is in the hand: what can wait waits for its end."""
        in_stroke = self.document is not None and self.document.in_stroke
        return in_stroke or self.early_strokes.in_stroke

    # -- strokes: what the canvas tools call ------------------------------------------------------

    @property
    def can_edit(self) -> bool:
        """False while nothing can be painted; the reason is told when somebody tries."""
        return self.document is not None and self._may_begin

    @property
    def can_stroke(self) -> bool:
        """Whether brush and eraser may be used, if there is an image to see.

        Its document may still be on the way: strokes wait for it.
        """
        return self.can_edit or (self.document is None and self._may_begin)

    def explain_refusal(self) -> None:
        """Tells why nothing can be painted right now."""
        self._may_edit()

    def begin_stroke(self, *, erase: bool) -> None:
        """Starts a stroke with the current class, or one that removes labels."""
        text = self._text("Eraser" if erase else "Brush", erase=erase)
        if self.document is None and self._may_begin:
            self.early_strokes.begin(self._rule(erase=erase), text=text)
            return
        if not self._may_edit() or self.document is None:
            return
        self.commit_stroke()
        self.document.begin_stroke(self._rule(erase=erase), text=text)
        self._emit_status()

    def extend_stroke(self, p: Point, q: Point, *, radius_px: float | None = None) -> None:
        """Paints from p to q."""
        if self.early_strokes.in_stroke:
            segment = Segment(p, q, radius_px or self._radius_px)
            self.early_strokes.extend(segment)
            self.mask_changed.emit(segment.rect)
            return
        if self.document is None or not self.document.in_stroke:
            return
        self._emit_changed(self.document.extend_stroke(p, q, radius_px or self._radius_px))

    def commit_stroke(self) -> None:
        """Ends a stroke, if there is one: one undo step."""
        self.early_strokes.commit()
        if self.document is not None and self.document.in_stroke:
            self._finish(self.document.commit_stroke())

    def abort_stroke(self) -> None:
        """Takes the stroke in the hand back."""
        for stroke in self.early_strokes:
            for segment in stroke.segments:
                self.mask_changed.emit(segment.rect)
        self.early_strokes.abort()
        if self.document is not None and self.document.in_stroke:
            self._emit_changed(self.document.abort_stroke())
            self._emit_status()

    def paint_early_strokes(self) -> None:
        """Paints the strokes that were made before the document in the window was there."""
        if self.document is not None and self.early_strokes:
            self.early_strokes.paint_into(
                self.document, changed=self._emit_changed, finished=self._finish
            )
            self._emit_status()

    def fill(self, p: Point) -> None:
        """Gives the region under p the current class."""
        document = self.document
        row, col = int(np.floor(p[0])), int(np.floor(p[1]))
        if not self._may_edit() or document is None or not self._is_inside(row, col):
            return
        rule, text = self._rule(erase=False), self._text("Fill", erase=False)
        self._change(lambda: document.fill(row, col, rule, text=text))

    def paint_polygon(self, points: tuple[Point, ...], *, erase: bool) -> None:
        """Paints the inside of a polygon."""
        document = self.document
        if not self._may_edit() or document is None:
            return
        rule, text = self._rule(erase=erase), self._text("Polygon", erase=erase)
        self._change(lambda: document.paint_polygon(points, rule, text=text))

    def pick(self, p: Point) -> None:
        """Makes the class under p the current one."""
        row, col = int(np.floor(p[0])), int(np.floor(p[1]))
        if self.document is not None and self._is_inside(row, col):
            self.set_label(int(self.document.mask[row, col]))

    def fill_unlabelled(self) -> None:
        """Gives every pixel without a class the current one."""
        document = self.document
        if self._may_edit() and document is not None:
            text = self._text("Fill unlabelled", erase=False)
            self._change(lambda: document.fill_unlabelled(self.label, text=text))

    # -- steps that are not strokes ---------------------------------------------------------------

    def undo(self) -> None:
        """Takes the last step back. A stroke in the hand is committed first, then undone."""
        self.commit_stroke()
        if self.document is not None and self._may_change:
            self._moved(self.document.undo(), self.step_undone, is_redo=False)

    def redo(self) -> None:
        """Makes the last undone step again."""
        self.commit_stroke()
        if self.document is not None and self._may_change:
            self._moved(self.document.redo(), self.step_redone, is_redo=True)

    def apply_prepared(
        self, edit: MaskEdit, *, revision: int, result: EditResult | None = None
    ) -> bool:
        """Applies an edit made from a snapshot; False when the document moved on."""
        document = self.document
        if document is None or not self._may_change or document.in_stroke:
            return False
        if not document.apply_prepared(edit, revision=revision, result=result):
            return False
        self._finish(edit)
        return True

    def apply_prediction(self, classes: npt.NDArray[np.uint8], *, text: str) -> None:
        """Brings (H, W) uint8 predicted classes to every pixel that no person has decided."""
        document = self.document
        if document is not None and self._may_change:
            self._change(lambda: document.apply_prediction(classes, text=text))

    def set_reviewed(self, is_reviewed: bool) -> None:
        """Accepts what nobody corrected, or takes the acceptance back."""
        document = self.document
        if not self._may_edit() or document is None or self.key is None:
            return
        if is_reviewed:
            self._change(lambda: document.accept_rest(text="Mark reviewed"))
            self._set_status(ImageStatus.REVIEWED)
        else:
            self._change(lambda: document.unaccept(text="Take review back"))
            self._set_status(self._status_by_content())

    def clear_mask(self) -> None:
        """Removes every label of the image, as one undo step."""
        document = self.document
        if self._may_edit() and document is not None:
            blank = np.full((document.height, document.width), IGNORE, np.uint8)
            self._change(lambda: document.import_mask(blank, text="Clear mask"))

    # -- inside -----------------------------------------------------------------------------------

    def class_at(self, row: int, col: int) -> int | None:
        """Class index under a pixel; None outside of the image."""
        if self.document is None or not self._is_inside(row, col):
            return None
        return int(self.document.mask[row, col])

    def mask_view(self) -> npt.NDArray[np.uint8] | None:
        """The working mask, read-only, or None."""
        return self.document.mask if self.document is not None else None

    def _change(self, change: Callable[[], MaskEdit | None]) -> None:
        self.commit_stroke()
        self._finish(change())

    def _finish(self, edit: MaskEdit | None) -> None:
        if edit is None or self.key is None or self.document is None:
            self._emit_status()
            return
        num_forgotten = self.document.history.num_forgotten - self._num_forgotten
        self._num_forgotten += num_forgotten
        self._emit_changed(edit.rect)
        self.edit_committed.emit(self.key, edit, num_forgotten)
        if edit.kind == "prediction":
            if self.image_status is ImageStatus.UNTOUCHED:
                self._set_status(ImageStatus.PREDICTED)
        elif edit.kind != "review" and self.image_status is not ImageStatus.REVIEWED:
            self._set_status(ImageStatus.CORRECTED)
        self._emit_status()

    def _moved(self, edit: MaskEdit | None, moved: SignalInstance, *, is_redo: bool) -> None:
        if edit is None or self.key is None:
            return
        self._emit_changed(edit.rect)
        moved.emit(self.key)
        if edit.kind == "review":
            self._set_status(ImageStatus.REVIEWED if is_redo else self._status_by_content())
        elif self.image_status is not ImageStatus.REVIEWED:
            self._set_status(self._status_by_content())
        self._emit_status()

    def _status_by_content(self) -> ImageStatus:
        if self.document is None:
            return ImageStatus.UNTOUCHED
        if self.document.status.num_corrected_pixels:
            return ImageStatus.CORRECTED
        has_labels = bool((self.document.mask != IGNORE).any())
        return ImageStatus.PREDICTED if has_labels else ImageStatus.UNTOUCHED

    def _set_status(self, status: ImageStatus) -> None:
        if status is not self.image_status and self.key is not None:
            self.image_status = status
            self.image_status_changed.emit(self.key, status)

    @property
    def _may_change(self) -> bool:
        return not (self.is_read_only or self.is_opening)

    @property
    def _may_begin(self) -> bool:
        is_held = self.is_read_only or self.is_previewing or self.is_opening
        return self.label_set is not None and not is_held

    def _may_edit(self) -> bool:
        if self.can_edit:
            return True
        if self.is_read_only:
            self.edit_refused.emit(
                self.tr("This folder is open read-only, so nothing can be painted in this window.")
            )
        if self.is_previewing:
            self.edit_refused.emit(
                self.tr("This is the preview of another network. Switch it off to paint.")
            )
        return False

    def _rule(self, *, erase: bool) -> PaintRule:
        label = IGNORE if erase else self.label
        return PaintRule(label, self.locked, self.only_over)

    def _text(self, tool: str, *, erase: bool) -> str:
        if erase or self.label_set is None:
            return tool
        return f"{tool}: {self.label_set.classes[self.label].name}"

    def _is_inside(self, row: int, col: int) -> bool:
        document = self.document
        return document is not None and 0 <= row < document.height and 0 <= col < document.width

    def _emit_changed(self, rect: Rect) -> None:
        if rect != EMPTY_RECT and not rect.is_empty:
            self.mask_changed.emit(rect)

    def _emit_status(self) -> None:
        self.status_changed.emit(self.status)
