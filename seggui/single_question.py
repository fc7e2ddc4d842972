"""A question that is asked once at a time: its dialog, and who wants to hear the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QDialog

Dialog = TypeVar("Dialog", bound=QDialog)


class SingleQuestion(QObject, Generic[Dialog]):
    """Shows a dialog without blocking; while it is open, nothing else is asked.

    Attributes:
        dialog: the question that is open, or None.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.dialog: Dialog | None = None
        self._answered: Callable[[Dialog, bool], None] | None = None

    def ask(self, dialog: Dialog, answered: Callable[[Dialog, bool], None]) -> None:
        """Opens a dialog; whoever asks has looked whether one is open.

        Args:
            dialog: the question; it is deleted after the answer.
            answered: gets it back, and whether it was accepted.
        """
        self.dialog, self._answered = dialog, answered
        dialog.finished.connect(self._on_finished)
        dialog.open()

    @Slot(int)
    def _on_finished(self, result: int) -> None:
        dialog, self.dialog = self.dialog, None
        answered, self._answered = self._answered, None
        if dialog is None or answered is None:
            return
        dialog.deleteLater()
        answered(dialog, result == QDialog.DialogCode.Accepted)
