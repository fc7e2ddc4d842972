"""Holding a tool's key uses that tool for as long as the key is down."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, Slot
from PySide6.QtGui import QAction, QKeyEvent

from seggui.main_window import MainWindow

HOLD_MS = 400
"""Shorter presses switch for good; napari's users know the difference."""


class ToolHold(QObject):
    """Goes back to the tool before when a tool key that was held is let go."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._before = window.canvas.tool
        self._key: int | None = None
        self._timer = QElapsedTimer()
        for action in window.actions_by_name.tools.actions():
            action.setAutoRepeat(False)
            action.triggered.connect(self._on_tool_chosen)
        window.canvas.installEventFilter(self)

    @Slot()
    def _on_tool_chosen(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._key = key_of(action)
            self._timer.start()

    def remember(self, tool: str) -> None:
        """Called before a tool is switched: the one to go back to."""
        self._before = tool

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Watches for the key that is let go; nothing is taken away from the canvas."""
        if (
            event.type() == QEvent.Type.KeyRelease
            and isinstance(event, QKeyEvent)
            and not event.isAutoRepeat()
            and event.key() == self._key
        ):
            self._key = None
            if self._timer.elapsed() >= HOLD_MS:
                self._window.canvas.set_tool(self._before)
        return False


def key_of(action: QAction) -> int | None:
    """The key of a one-letter shortcut; Qt's key codes of letters are those of the characters."""
    text = action.shortcut().toString()
    return ord(text) if len(text) == 1 else None
