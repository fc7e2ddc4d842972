"""What the tools of the canvas may ask of whoever owns the document (the session)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from seggui.core.early_strokes import EarlyStroke

Point = tuple[float, float]
"""(row, column) in image pixels as floats: pixel (r, c) covers [r, r+1) x [c, c+1)."""


class Editor(Protocol):
    """The document as tools see it. All calls come from the GUI thread and return at once."""

    @property
    def can_edit(self) -> bool:
        """False while nothing is open, the image is loading, or the project is read-only."""
        ...

    @property
    def can_stroke(self) -> bool:
        """As ``can_edit``, but for brush and eraser, which need not wait for the document."""
        ...

    @property
    def early_strokes(self) -> Iterable[EarlyStroke]:
        """Strokes that wait for the document; the canvas shows them meanwhile."""
        ...

    @property
    def brush_radius_px(self) -> float:
        """Radius of the brush in image pixels, at least 0.5."""
        ...

    def set_brush_radius(self, radius_px: float) -> None:
        """Changes the radius; the session clamps it and tells everybody."""
        ...

    def step_brush(self, step: int) -> None:
        """Makes the brush larger (+1, +2, ...) or smaller (-1, ...) by steps felt at any size."""
        ...

    def begin_stroke(self, *, erase: bool) -> None:
        """Starts a stroke with the current class, or one that removes labels."""
        ...

    def extend_stroke(self, p: Point, q: Point, *, radius_px: float | None = None) -> None:
        """Paints every pixel whose centre is within the radius of the segment from p to q."""
        ...

    def commit_stroke(self) -> None:
        """Ends the stroke: one undo step, journalled at once."""
        ...

    def abort_stroke(self) -> None:
        """Takes the stroke back as if it never happened."""
        ...

    def fill(self, p: Point) -> None:
        """Gives the connected region under p the current class."""
        ...

    def paint_polygon(self, points: tuple[Point, ...], *, erase: bool) -> None:
        """Paints the inside of a closed polygon."""
        ...

    def pick(self, p: Point) -> None:
        """Makes the class under p the current one."""
        ...
