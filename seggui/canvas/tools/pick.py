"""Pick: makes the class under the pointer the current one."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt

from seggui.canvas.tools.base import PointerEvent, Tool


class PickTool(Tool):
    """A left press picks, and a drag goes on picking."""

    name: ClassVar[str] = "pick"
    edits: ClassVar[bool] = False

    def press(self, event: PointerEvent) -> None:
        """Picks what is under the pointer."""
        is_left = Qt.MouseButton.LeftButton in (event.button, event.buttons)
        if is_left and self._host.contains(event.point):
            self._host.editor.pick(event.point)

    def move(self, event: PointerEvent) -> None:
        """Picks on while the button is down."""
        self.press(event)
