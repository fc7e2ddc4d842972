"""The search field of lists."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from seggui.icons import icon


class FilterEdit(QLineEdit):
    """A search field. Letters stay text, whatever shortcuts the window has.

    Signals:
        left: Escape was pressed.
        submitted: Return or arrow down was pressed.
    """

    left = Signal()
    submitted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Looking for the button's picture in icon themes takes 7 ms: not before it is needed.
        self.textChanged.connect(self._on_text_changed)
        self.addAction(icon("search", "text_muted"), QLineEdit.ActionPosition.LeadingPosition)

    @Slot(str)
    def _on_text_changed(self, text: str) -> None:
        if text and not self.isClearButtonEnabled():
            self.setClearButtonEnabled(True)

    def event(self, event: QEvent) -> bool:
        """Claims Escape from the shortcuts of the window, as Qt does for letters and digits."""
        is_claim = event.type() == QEvent.Type.ShortcutOverride
        if is_claim and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape, Return and arrow down mean something here."""
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down):
            self.submitted.emit()
        else:
            super().keyPressEvent(event)
