"""What questions have in common that end in something being run: a warning, and no by default."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton

from seggui.panels.widgets import IconLabel, plain_label, push_button


def warning_row(text: str, object_name: str) -> QHBoxLayout:
    """A sign of danger, and the words for it beside."""
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(IconLabel("warning", color="warning"), alignment=Qt.AlignmentFlag.AlignTop)
    row.addWidget(plain_label(text, object_name), 1, Qt.AlignmentFlag.AlignTop)
    return row


def consent_buttons(dialog: QDialog, go_on: QPushButton) -> QHBoxLayout:
    """The button that has something run, and beside it the default, which rejects the dialog."""
    row = QHBoxLayout()
    row.addStretch(1)
    refuse = push_button(
        "close", dialog.tr("&Do not open"), dialog.tr("Nothing is run."), role="primary",
        color="accent_text",
    )  # fmt: skip
    refuse.setObjectName("do_not_open_button")
    refuse.setAutoDefault(True)
    refuse.setDefault(True)
    refuse.clicked.connect(dialog.reject)
    row.addWidget(go_on)
    row.addWidget(refuse)
    refuse.setFocus()
    return row
