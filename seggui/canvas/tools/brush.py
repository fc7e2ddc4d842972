"""The brush: paints the current class along the pointer's way."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt

from seggui.canvas.editor import Point
from seggui.canvas.tools.base import PointerEvent, Tool, ToolHost


class BrushTool(Tool):
    """Left paints; right, Ctrl and the other end of a pen erase. Shift goes straight on.

    The right button erases because going back and forth between both is what correcting is. Ctrl is
    for those whose right button is taken (X-AnyLabeling erases with Ctrl, too).
    """

    name: ClassVar[str] = "brush"
    has_brush_cursor: ClassVar[bool] = True
    always_erases: ClassVar[bool] = False

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._last: Point | None = None
        self._end_of_previous: Point | None = None

    @property
    def is_active(self) -> bool:
        """Whether a stroke is in the hand."""
        return self._last is not None

    def press(self, event: PointerEvent) -> None:
        """Begins a stroke, with Shift where the previous one ended."""
        self._host.editor.begin_stroke(erase=self._erases(event))
        self._last = event.point
        if event.has(Qt.KeyboardModifier.ShiftModifier) and self._end_of_previous is not None:
            self._last = self._end_of_previous
        self._extend(event)

    def move(self, event: PointerEvent) -> None:
        """Goes on with the stroke, if there is one."""
        if self._last is not None and event.point != self._last:
            self._extend(event)

    def release(self, event: PointerEvent) -> None:
        """Ends the stroke where the button was released."""
        # A pen leaves with pressure 0, which must not add a last dab; a mouse may have moved.
        if event.pressure is None:
            self.move(event)
        self.finish()

    def finish(self) -> None:
        """Commits the stroke in the hand."""
        if self._last is None:
            return
        self._end_of_previous, self._last = self._last, None
        self._host.editor.commit_stroke()

    def abort(self) -> None:
        """Takes the stroke in the hand back."""
        if self._last is not None:
            self._last = None
            self._host.editor.abort_stroke()

    def forget(self) -> None:
        """Forgets the stroke and where the previous one ended."""
        self._last = self._end_of_previous = None

    def _erases(self, event: PointerEvent) -> bool:
        return (
            self.always_erases
            or event.is_pen_eraser
            or event.button == Qt.MouseButton.RightButton
            or event.has(Qt.KeyboardModifier.ControlModifier)
        )

    def _extend(self, event: PointerEvent) -> None:
        assert self._last is not None
        start, self._last = self._last, event.point
        editor = self._host.editor
        radius_px = None if event.pressure is None else event.radius_px(editor)
        editor.extend_stroke(start, event.point, radius_px=radius_px)
