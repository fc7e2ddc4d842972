"""Strokes on an image that is seen already while its mask is still being read.

Only their geometry is kept. As soon as the document is there, they are painted into it one by one,
each an undo step of its own, exactly as if they had been painted then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seggui.core.records import Rect

if TYPE_CHECKING:
    from seggui.core.document import MaskDocument, PaintRule
    from seggui.core.records import MaskEdit

Point = tuple[float, float]


@dataclass(frozen=True)
class Segment:
    """A piece of a stroke.

    Attributes:
        start, end: (row, column) in image pixels, may be outside of the image.
        radius_px: of the brush, in image pixels.
    """

    start: Point
    end: Point
    radius_px: float

    @property
    def rect(self) -> Rect:
        """Around all pixels that the piece may touch."""
        rows, columns = zip(self.start, self.end, strict=True)
        reach = self.radius_px + 1
        return Rect(
            math.floor(min(rows) - reach), math.floor(min(columns) - reach),
            math.ceil(max(rows) + reach), math.ceil(max(columns) + reach),
        )  # fmt: skip


@dataclass
class EarlyStroke:
    """One stroke.

    Attributes:
        rule: what it paints, and over what.
        text: what the undo step will be called.
        segments: in the order in which they were painted.
        is_ended: whether the button is up again.
    """

    rule: PaintRule
    text: str
    segments: list[Segment] = field(default_factory=list)
    is_ended: bool = False


class EarlyStrokes:
    """All strokes of one image that wait for its document."""

    def __init__(self) -> None:
        self._strokes: list[EarlyStroke] = []

    def __bool__(self) -> bool:
        return bool(self._strokes)

    def __iter__(self) -> Iterator[EarlyStroke]:
        return iter(self._strokes)

    @property
    def in_stroke(self) -> bool:
        """Whether the last stroke is still in the hand."""
        return bool(self._strokes) and not self._strokes[-1].is_ended

    def begin(self, rule: PaintRule, *, text: str) -> None:
        """Starts a stroke; one in the hand is ended."""
        self.commit()
        self._strokes.append(EarlyStroke(rule, text))

    def extend(self, segment: Segment) -> None:
        """Goes on with the stroke in the hand.

        Raises:
            RuntimeError: without one.
        """
        if not self.in_stroke:
            raise RuntimeError("no stroke is begun")
        self._strokes[-1].segments.append(segment)

    def commit(self) -> None:
        """Ends the stroke in the hand, if there is one."""
        if self.in_stroke:
            self._strokes[-1].is_ended = True

    def abort(self) -> None:
        """Takes the stroke in the hand back, if there is one."""
        if self.in_stroke:
            self._strokes.pop()

    def clear(self) -> None:
        """Forgets all: their image cannot be read."""
        self._strokes.clear()

    def paint_into(
        self,
        document: MaskDocument,
        *,
        changed: Callable[[Rect], None],
        finished: Callable[[MaskEdit | None], None],
    ) -> None:
        """Paints them into the document and forgets them; one in the hand goes on there.

        Args:
            document: of the image that they were painted on.
            changed: called with each rectangle that a stroke in the hand has changed so far.
            finished: called with the edit of each ended stroke, None when it changed nothing.
        """
        strokes, self._strokes = self._strokes, []
        for stroke in strokes:
            document.begin_stroke(stroke.rule, text=stroke.text)
            for piece in stroke.segments:
                rect = document.extend_stroke(piece.start, piece.end, piece.radius_px)
                if not stroke.is_ended:
                    changed(rect)
            if stroke.is_ended:
                finished(document.commit_stroke())
