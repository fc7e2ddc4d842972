"""The one place where the user hears of something: a bar for news, a dialog for decisions."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QMessageBox, QWidget

from model.errors import SegguiError
from seggui.panels.message_bar import MessageBar, MessageKind

MessageAction = tuple[str, Callable[[], object]]
"""Text of a button, and what it does."""

_log = logging.getLogger(__name__)


class Messages(QObject):
    """Shows each message once, in words for the user, and logs the cause for the developer."""

    def __init__(self, bar: MessageBar, window: QWidget, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bar, self._window = bar, window
        self._actions: dict[str, Callable[[], object]] = {}
        bar.action_clicked.connect(self._on_action)

    def info(self, text: str, *, name: str = "", timeout_ms: int = 6000) -> None:
        """Something went well, or is worth knowing; it leaves by itself."""
        self._bar.show_message("info", text, name=name, timeout_ms=timeout_ms)

    def success(self, text: str, *, action: MessageAction | None = None) -> None:
        """Something the user waited for is done."""
        self._show("success", text, action=action, timeout_ms=10_000)

    def warn(self, text: str, *, name: str = "", action: MessageAction | None = None) -> None:
        """Something needs attention, nothing is lost; it stays until it is closed."""
        self._show("warning", text, name=name, action=action)

    def error(
        self,
        error: Exception,
        *,
        context: str = "",
        name: str = "",
        action: MessageAction | None = None,
    ) -> None:
        """Something failed. Expected errors speak for themselves; others name their kind."""
        _log.error("%s", context or type(error).__name__, exc_info=error)
        text = str(error) if isinstance(error, SegguiError) else self._unexpected(error)
        self._show("error", f"{context} {text}".strip(), name=name, action=action)

    def withdraw(self, name: str) -> None:
        """Takes a message away: its cause is gone."""
        self._actions.pop(name, None)
        self._bar.dismiss(name)

    def ask(self, title: str, text: str, *, yes: str, no: str) -> bool:
        """Asks a question with two answers; closing the dialog means no."""
        box = QMessageBox(QMessageBox.Icon.Question, title, text, parent=self._window)
        accept = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
        box.addButton(no, QMessageBox.ButtonRole.RejectRole)
        box.exec()
        return box.clickedButton() is accept

    def _unexpected(self, error: Exception) -> str:
        return self.tr(
            "Something unexpected happened ({kind}: {text}). Nothing painted is lost. "
            "The log in the program's data folder has the details."
        ).format(kind=type(error).__name__, text=error)

    def _show(
        self,
        kind: MessageKind,
        text: str,
        *,
        name: str = "",
        action: MessageAction | None = None,
        timeout_ms: int | None = None,
    ) -> None:
        action_text = None
        if action is not None:
            action_text, self._actions[name or text] = action
        self._bar.show_message(
            kind, text, action_text=action_text, timeout_ms=timeout_ms, name=name
        )

    @Slot(str)
    def _on_action(self, name: str) -> None:
        action = self._actions.pop(name, None)
        if action is not None:
            action()
