"""A bar above the canvas that tells what happened without taking the mouse away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from seggui.icons import ColorRole
from seggui.panels.widgets import IconLabel, muted_label, tool_button
from seggui.theme import blend, current_colors

MessageKind = Literal["info", "success", "warning", "error"]

_RANK: dict[MessageKind, int] = {"info": 0, "success": 0, "warning": 1, "error": 2}
_COLOR: dict[MessageKind, ColorRole] = {
    "info": "accent", "success": "success", "warning": "warning", "error": "danger",
}  # fmt: skip


@dataclass(frozen=True)
class Message:
    """One thing to tell.

    Attributes:
        kind: how grave it is.
        text: plain text, may be several sentences.
        name: tells whose message it is; the same name replaces the older text.
        action_text: of the button, or None for no button.
        timeout_ms: closes by itself after this time on screen; None stays until closed.
    """

    kind: MessageKind
    text: str
    name: str
    action_text: str | None = None
    timeout_ms: int | None = None


class MessageBar(QWidget):
    """Shows one message at a time; the gravest first, then in the order they came.

    Signals:
        action_clicked: (name) the button of a message was pressed; the message is gone.
        closed: (name) a message was closed by the user or by its time.
    """

    action_clicked = Signal(str)
    closed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message_bar")
        self._messages: list[Message] = []  # the first one is on screen
        self._icon = IconLabel("info", size_px=18)
        self._text = QLabel()
        self._waiting = muted_label()
        self._action = QPushButton()
        self._close = tool_button("close", self.tr("Close this message"))
        self._timer = QTimer(self, singleShot=True)
        self._build()
        self._timer.timeout.connect(self._on_close_clicked)
        self._close.clicked.connect(self._on_close_clicked)
        self._action.clicked.connect(self._on_action_clicked)
        self.hide()

    @property
    def current(self) -> Message | None:
        """The message on screen."""
        return self._messages[0] if self._messages else None

    def show_message(
        self,
        kind: MessageKind,
        text: str,
        *,
        action_text: str | None = None,
        timeout_ms: int | None = None,
        name: str = "",
    ) -> None:
        """Tells something. The same message twice is shown once.

        Args:
            kind: ``"info"``, ``"success"``, ``"warning"`` or ``"error"``.
            text: plain text; never read as markup, since it may hold a file name.
            action_text: of a button, which emits `action_clicked`.
            timeout_ms: how long it stays on screen; None until closed.
            name: what signals carry; a message of this name replaces the older one. Without it the
                text is the name.
        """
        message = Message(kind, text, name or text, action_text, timeout_ms)
        before = self.current
        names = [(m.name, m.kind) for m in self._messages]
        if (message.name, kind) in names:
            self._messages[names.index((message.name, kind))] = message
        else:
            self._messages = [m for m in self._messages if m.name != message.name]
            graver = sum(_RANK[m.kind] >= _RANK[kind] for m in self._messages)
            self._messages.insert(graver, message)
        self._show_first(before)

    def dismiss(self, name: str) -> None:
        """Takes a message back because it is no longer true; emits nothing."""
        before = self.current
        self._messages = [m for m in self._messages if m.name != name]
        self._show_first(before)

    # -- inside -----------------------------------------------------------------------------------

    def _build(self) -> None:
        self._text.setObjectName("message_text")
        self._action.setObjectName("message_action")
        self._close.setObjectName("message_close")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        flags = Qt.TextInteractionFlag
        self._text.setTextInteractionFlags(
            flags.TextSelectableByMouse | flags.TextSelectableByKeyboard
        )
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self._text.setSizePolicy(policy)
        row = QHBoxLayout()
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        for widget in (self._waiting, self._action, self._close):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 1)
        layout.addLayout(row)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def _show_first(self, before: Message | None) -> None:
        message = self.current
        self._show_waiting()
        if message == before and message is not None:
            self._start_timer(message)
            return
        self.setVisible(message is not None)
        if message is None:
            self._timer.stop()
            return
        self._icon.set_icon(message.kind, _COLOR[message.kind])
        self._text.setText(message.text)
        self._action.setVisible(message.action_text is not None)
        self._action.setText(message.action_text or "")
        self._start_timer(message)
        self._announce(message)
        self.update()

    def _start_timer(self, message: Message) -> None:
        if message.timeout_ms is None:
            self._timer.stop()
        else:
            self._timer.start(message.timeout_ms)

    def _show_waiting(self) -> None:
        num_waiting = max(0, len(self._messages) - 1)
        self._waiting.setVisible(num_waiting > 0)
        self._waiting.setText(self.tr("{count} more").format(count=num_waiting))

    def _announce(self, message: Message) -> None:
        kinds = {
            "info": self.tr("Information"), "success": self.tr("Done"),
            "warning": self.tr("Warning"), "error": self.tr("Error"),
        }  # fmt: skip
        spoken = f"{kinds[message.kind]}: {message.text}"
        self.setAccessibleName(spoken)
        # Not at the start: the enumerations of these classes take some milliseconds.
        from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent

        event = QAccessibleAnnouncementEvent(self, spoken)
        if message.kind == "error":
            event.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
        QAccessible.updateAccessibility(event)

    @Slot()
    def _on_close_clicked(self) -> None:
        message = self.current
        if message is not None:
            self.dismiss(message.name)
            self.closed.emit(message.name)

    @Slot()
    def _on_action_clicked(self) -> None:
        message = self.current
        if message is not None:
            self.dismiss(message.name)
            self.action_clicked.emit(message.name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes the message while the bar has the focus."""
        if event.key() == Qt.Key.Key_Escape:
            self._on_close_clicked()
        else:
            super().keyPressEvent(event)

    def minimumSizeHint(self) -> QSize:
        """Never wider than the canvas wants to be; the text wraps."""
        return QSize(200, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """A tint of the kind's colour, and a line towards the canvas."""
        message = self.current
        if message is None:
            return
        colors = current_colors()
        color = getattr(colors, _COLOR[message.kind])
        painter = QPainter(self)
        painter.fillRect(self.rect(), blend(color, colors.panel, 0.12))
        painter.fillRect(0, 0, 3, self.height(), color)
        painter.fillRect(0, self.height() - 1, self.width(), 1, blend(color, colors.panel, 0.4))
        painter.end()
