"""Fill: gives a connected region the current class."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt

from seggui.canvas.tools.base import PointerEvent, Tool


class FillTool(Tool):
    """A left click on the image fills the region under it."""

    name: ClassVar[str] = "fill"

    def press(self, event: PointerEvent) -> None:
        """Fills at once."""
        if event.button == Qt.MouseButton.LeftButton and self._host.contains(event.point):
            self._host.editor.fill(event.point)

    def double_click(self, event: PointerEvent) -> None:
        """Does nothing: the first click filled the region already."""
