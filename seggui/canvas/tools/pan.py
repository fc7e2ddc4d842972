"""Pan: moves the view."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt

from seggui.canvas.tools.base import PointerEvent, Tool, ToolHost


class PanTool(Tool):
    """Dragging takes the image along."""

    name: ClassVar[str] = "pan"
    edits: ClassVar[bool] = False
    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.OpenHandCursor

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._last: tuple[float, float] | None = None

    def press(self, event: PointerEvent) -> None:
        """Takes hold of the image."""
        self._last = (event.x, event.y)

    def move(self, event: PointerEvent) -> None:
        """Moves the image with the pointer."""
        if self._last is not None:
            self._host.pan(event.x - self._last[0], event.y - self._last[1])
            self._last = (event.x, event.y)

    def release(self, event: PointerEvent) -> None:
        """Lets go."""
        self._last = None

    def finish(self) -> None:
        """Lets go."""
        self._last = None
