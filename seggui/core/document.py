"""The one owner of the class index and the provenance of every pixel of an image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from model.data.label_sets import IGNORE
from model.errors import MaskError
from seggui.core.brush import capsule_spans
from seggui.core.edits import (
    EditResult,
    apply_edit,
    check_pixels,
    count_corrected,
    make_edit,
    prepare_prediction,
)
from seggui.core.fill import flood_fill
from seggui.core.geometry import Point
from seggui.core.history import EditHistory
from seggui.core.painting import Painter, PaintRule
from seggui.core.polygon import polygon_pixels
from seggui.core.records import EMPTY_RECT, DocumentStatus, MaskEdit, Provenance, Rect

if TYPE_CHECKING:
    from seggui.core.edits import Pixels
    from seggui.core.painting import Selection

__all__ = ["MaskDocument", "PaintRule", "prepare_prediction"]


class _Stroke:
    """The stroke in the hand: what it paints and how far it got."""

    def __init__(self, rule: PaintRule, *, text: str, num_corrected_before: int) -> None:
        self.brush = Painter(rule)
        self.text = text
        self.num_corrected_before = num_corrected_before
        self.rect = EMPTY_RECT


class MaskDocument:
    """The mask of one image, where each pixel's class comes from, and how to take changes back.

    There are two copies of the arrays: *working*, which shows a stroke in progress, and
    *committed*, which has complete steps only. Outside a stroke they are equal. Every change is a
    ``MaskEdit``, which the caller journals; nothing is emitted. All methods belong to one thread.
    Those that change something raise ``RuntimeError`` during a stroke, except the stroke's own.

    Pixels that an operation leaves without a class become ``UNSEEN``, the others never do.
    """

    def __init__(
        self, mask: Pixels, provenance: Pixels, history: EditHistory | None = None
    ) -> None:
        """Starts with copies of the arrays.

        Args:
            mask: (H, W) uint8 class indices, 255 = ignore; at least one pixel.
            provenance: (H, W) uint8 values of :class:`Provenance`.
            history: restored steps whose applied part led to these arrays; owned from now on.

        Raises:
            MaskError: shape, dtype or values are not as above.
        """
        check_pixels(mask, "mask")
        check_pixels(provenance, "provenance", shape=mask.shape)
        if int(provenance.max()) > max(Provenance):
            raise MaskError(
                f"The provenance has a value {provenance.max()}; expected 0 to {max(Provenance)}.",
                remedy="Set the provenance file aside; the mask can be opened without it.",
            )
        self._mask = np.array(mask, order="C")
        self._provenance = np.array(provenance, order="C")
        self._committed_mask = self._mask.copy()
        self._committed_provenance = self._provenance.copy()
        self._mask_view = _read_only(self._mask.view())
        self._provenance_view = _read_only(self._provenance.view())
        self._history = EditHistory() if history is None else history
        self._num_corrected = count_corrected(self._provenance)
        self._revision = 0
        self._kept_snapshot: tuple[Pixels, Pixels, int] | None = None
        self._stroke: _Stroke | None = None

    @classmethod
    def blank(cls, height: int, width: int) -> MaskDocument:
        """A document of which nobody said anything yet: all ``IGNORE`` and ``UNSEEN``."""
        return cls(
            np.full((height, width), IGNORE, np.uint8),
            np.full((height, width), Provenance.UNSEEN, np.uint8),
        )

    @property
    def height(self) -> int:
        """Rows of the image."""
        return int(self._mask.shape[0])

    @property
    def width(self) -> int:
        """Columns of the image."""
        return int(self._mask.shape[1])

    @property
    def mask(self) -> Pixels:
        """(H, W) uint8 working class indices: always the same read-only view."""
        return self._mask_view

    @property
    def provenance(self) -> Pixels:
        """(H, W) uint8 working provenance: always the same read-only view."""
        return self._provenance_view

    @property
    def history(self) -> EditHistory:
        """The steps, to be read and journalled; only the document moves in it."""
        return self._history

    @property
    def in_stroke(self) -> bool:
        """Whether a stroke is begun and not yet committed or aborted."""
        return self._stroke is not None

    @property
    def revision(self) -> int:
        """Grows with every committed change, undo and redo included; 0 at the start."""
        return self._revision

    @property
    def status(self) -> DocumentStatus:
        """What others may know now; costs nothing."""
        undo, redo = self._history.next_undo, self._history.next_redo
        return DocumentStatus(
            revision=self._revision,
            can_undo=undo is not None,
            can_redo=redo is not None,
            undo_text=undo.text if undo else "",
            redo_text=redo.text if redo else "",
            num_corrected_pixels=self._num_corrected,
        )

    # -- strokes ------------------------------------------------------------------------------

    def begin_stroke(self, rule: PaintRule, *, text: str) -> None:
        """Starts a stroke that will be one step, named ``text``, of the undo menu."""
        self._check_idle("begin a stroke")
        self._stroke = _Stroke(rule, text=text, num_corrected_before=self._num_corrected)

    def extend_stroke(self, p: Point, q: Point, radius_px: float) -> Rect:
        """Paints what a brush covers from ``p`` to ``q``; see :func:`seggui.core.brush.capsule`.

        Returns:
            A rectangle around the pixels that changed, at most the brush's; maybe empty.

        Raises:
            RuntimeError: no stroke is begun.
            ValueError: the points or the radius are not finite or out of range.
        """
        stroke = self._require_stroke("extend")
        spans = capsule_spans(p, q, radius_px, height=self.height, width=self.width)
        dirty = EMPTY_RECT
        for rect, pixels in spans.blocks():
            if self._paint(stroke.brush, rect, pixels):
                dirty = dirty.union(rect)
        stroke.rect = stroke.rect.union(dirty)
        return dirty

    def commit_stroke(self) -> MaskEdit | None:
        """Makes the stroke one step. None when it changed nothing."""
        stroke = self._require_stroke("commit")
        edit = self._commit(stroke.rect, kind="stroke", text=stroke.text)
        self._stroke = None
        return edit

    def abort_stroke(self) -> Rect:
        """Takes the stroke back as if it never happened; returns where it had painted."""
        stroke = self._require_stroke("abort")
        self._revert(stroke.rect, num_corrected=stroke.num_corrected_before)
        self._stroke = None
        return stroke.rect

    # -- areas --------------------------------------------------------------------------------

    def fill(self, row: int, col: int, rule: PaintRule, *, text: str) -> MaskEdit | None:
        """Paints the 4-connected region of one class around a pixel; None when nothing changed.

        A pixel outside the image has no region.
        """
        self._check_idle("fill")
        if not (0 <= row < self.height and 0 <= col < self.width):
            return None
        if not rule.may_paint_over()[self._mask[row, col]]:
            return None  # the whole region has this class: do not search it
        region = flood_fill(self._mask, row, col)
        return self._paint_area(*region, rule, kind="fill", text=text)

    def paint_polygon(
        self, points: Sequence[Point], rule: PaintRule, *, text: str
    ) -> MaskEdit | None:
        """Paints the inside of a closed polygon; see :func:`seggui.core.polygon.polygon_pixels`.

        Returns:
            The edit, or None when nothing changed.

        Raises:
            ValueError: a point is not finite.
        """
        self._check_idle("paint a polygon")
        inside = polygon_pixels(points, height=self.height, width=self.width)
        return self._paint_area(*inside, rule, kind="polygon", text=text)

    def replace_class(
        self, old: int, new: int, *, text: str, locked: Iterable[int] = ()
    ) -> MaskEdit | None:
        """Paints ``new`` over every pixel of class ``old``; both may be ``IGNORE``."""
        self._check_idle("replace a class")
        rule = PaintRule(new, locked=frozenset(locked), only_over=frozenset({old}))
        selection = self._mask == old
        return self._paint_area(self._whole, selection, rule, kind="fill", text=text)

    def fill_unlabelled(self, label: int, *, text: str) -> MaskEdit | None:
        """Paints every pixel that has no class yet."""
        return self.replace_class(IGNORE, label, text=text)

    # -- whole images -------------------------------------------------------------------------

    def apply_prediction(self, classes: Pixels, *, text: str) -> MaskEdit | None:
        """Takes over a prediction where no person said anything; see :func:`prepare_prediction`."""
        self._check_idle("apply a prediction")
        return self._push_applied(
            prepare_prediction(self._mask, self._provenance, classes, text=text)
        )

    def snapshot(self) -> tuple[Pixels, Pixels, int]:
        """Copies of the committed mask and provenance, read-only, and their revision."""
        kept, self._kept_snapshot = self._kept_snapshot, None
        if kept is not None:
            return kept
        mask, provenance = self._committed_mask.copy(), self._committed_provenance.copy()
        return _read_only(mask), _read_only(provenance), self._revision

    def keep_snapshot(self) -> None:
        """Makes the copies for the next :meth:`snapshot` now.

        Whoever loads a document does it in a thread, before the window's thread gets the document.
        """
        self._kept_snapshot = self.snapshot()

    def apply_prepared(
        self, edit: MaskEdit, *, revision: int, result: EditResult | None = None
    ) -> bool:
        """Applies an edit that was made from a snapshot.

        Args:
            edit: e.g. from :func:`prepare_prediction`.
            revision: of the snapshot.
            result: of the edit on the snapshot, from :func:`edit_result`. With it, nothing is
                unpacked and counted here, which takes 7 ms for 2048 x 1024 pixels.

        Returns:
            False, with nothing done, if the document changed since or a stroke is in progress.

        Raises:
            StorageError: the edit does not fit this image; nothing changed.
        """
        if self.in_stroke or revision != self._revision:
            return False
        if result is None:
            self._apply(edit)
        else:
            self._take_over(edit.rect, result)
        self._history.push(edit)
        return True

    def accept_rest(self, *, text: str) -> MaskEdit | None:
        """Makes every predicted pixel with a class an accepted one: a person looked and left it."""
        return self._review(Provenance.PREDICTED, Provenance.ACCEPTED, text=text)

    def unaccept(self, *, text: str) -> MaskEdit | None:
        """Makes every accepted pixel a predicted one again, free for the next prediction."""
        return self._review(Provenance.ACCEPTED, Provenance.PREDICTED, text=text)

    def import_mask(self, mask: Pixels, *, text: str) -> MaskEdit | None:
        """Replaces everything by a mask from elsewhere: accepted where it has a class.

        Args:
            mask: (H, W) uint8 class indices, 255 = ignore; only read.
            text: for the undo menu.

        Returns:
            The edit, or None when nothing changed.

        Raises:
            MaskError: it is not uint8 or not of the image's size.
        """
        self._check_idle("import a mask")
        check_pixels(mask, "imported mask", shape=self._mask.shape)
        provenance = np.where(mask == IGNORE, Provenance.UNSEEN, Provenance.ACCEPTED)
        return self._push_applied(
            self._edit_to(mask, provenance.astype(np.uint8), kind="import", text=text)
        )

    # -- steps --------------------------------------------------------------------------------

    def undo(self) -> MaskEdit | None:
        """Takes the last step back and returns it; None when there is none.

        Raises:
            StorageError: the (restored) step is damaged; nothing changed.
        """
        self._check_idle("undo")
        edit = self._history.next_undo
        if edit is not None:
            self._apply(edit)
            self._history.undo()
        return edit

    def redo(self) -> MaskEdit | None:
        """Does the next step again and returns it; None when there is none.

        Raises:
            StorageError: the (restored) step is damaged; nothing changed.
        """
        self._check_idle("redo")
        edit = self._history.next_redo
        if edit is not None:
            self._apply(edit)
            self._history.redo()
        return edit

    # -- inside -------------------------------------------------------------------------------

    @property
    def _whole(self) -> Rect:
        return Rect(0, 0, self.height, self.width)

    def _paint(self, brush: Painter, rect: Rect, selection: Selection) -> bool:
        mask, provenance = self._mask[rect.slices], self._provenance[rect.slices]
        changed, growth = brush.paint(mask, provenance, selection)
        self._num_corrected += growth
        return changed

    def _paint_area(
        self, rect: Rect, selection: Selection, rule: PaintRule, *, kind: str, text: str
    ) -> MaskEdit | None:
        num_corrected = self._num_corrected
        if not self._paint(Painter(rule), rect, selection):
            return None
        try:
            return self._commit(rect, kind=kind, text=text)
        except MemoryError:
            self._revert(rect, num_corrected=num_corrected)
            raise

    def _review(self, old: Provenance, new: Provenance, *, text: str) -> MaskEdit | None:
        self._check_idle("review")
        provenance = self._provenance.copy()
        provenance[(provenance == old) & (self._mask != IGNORE)] = new
        return self._push_applied(self._edit_to(self._mask, provenance, kind="review", text=text))

    def _edit_to(
        self, mask: Pixels, provenance: Pixels, *, kind: str, text: str
    ) -> MaskEdit | None:
        return make_edit(
            self._whole, self._mask, mask, self._provenance, provenance, kind=kind, text=text
        )

    def _commit(self, rect: Rect, *, kind: str, text: str) -> MaskEdit | None:
        """Makes what differs inside ``rect`` one step and the committed arrays equal again."""
        inside = rect.slices
        edit = make_edit(
            rect,
            self._committed_mask[inside],
            self._mask[inside],
            self._committed_provenance[inside],
            self._provenance[inside],
            kind=kind,
            text=text,
        )
        if edit is None:
            return None
        self._copy_to_committed(edit.rect)
        self._history.push(edit)
        self._advance()
        return edit

    def _revert(self, rect: Rect, *, num_corrected: int) -> None:
        inside = rect.slices
        self._mask[inside] = self._committed_mask[inside]
        self._provenance[inside] = self._committed_provenance[inside]
        self._num_corrected = num_corrected

    def _push_applied(self, edit: MaskEdit | None) -> MaskEdit | None:
        if edit is not None:
            self._apply(edit)
            self._history.push(edit)
        return edit

    def _apply(self, edit: MaskEdit) -> None:
        inside = edit.rect.slices
        num_before = count_corrected(self._provenance[inside])
        self._copy_to_committed(apply_edit(edit, self._mask, self._provenance))
        self._num_corrected += count_corrected(self._provenance[inside]) - num_before
        self._advance()

    def _take_over(self, rect: Rect, result: EditResult) -> None:
        inside = rect.slices
        for arrays, new in (
            ((self._mask, self._committed_mask), result.mask),
            ((self._provenance, self._committed_provenance), result.provenance),
        ):
            for array in arrays:
                array[inside] = new
        self._num_corrected += result.num_corrected_change
        self._advance()

    def _advance(self) -> None:
        self._revision += 1
        self._kept_snapshot = None

    def _copy_to_committed(self, rect: Rect) -> None:
        inside = rect.slices
        self._committed_mask[inside] = self._mask[inside]
        self._committed_provenance[inside] = self._provenance[inside]

    def _check_idle(self, wish: str) -> None:
        if self._stroke is not None:
            raise RuntimeError(f"Cannot {wish} during a stroke: commit or abort it first.")

    def _require_stroke(self, wish: str) -> _Stroke:
        if self._stroke is None:
            raise RuntimeError(f"Cannot {wish} a stroke: none is begun.")
        return self._stroke


def _read_only(array: Pixels) -> Pixels:
    array.setflags(write=False)
    return array
