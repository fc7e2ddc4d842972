"""Asks whether the program of a SavedModel may be run, since it has no layers to rebuild."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from seggui.panels.widgets import IconLabel, muted_label, plain_label, push_button


class ProgramDialog(QDialog):
    """Says what the folder is and what running it means; doing nothing means no."""

    def __init__(self, model: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("program_dialog")
        self.setWindowTitle(self.tr("Program without layers"))
        self.setMinimumWidth(520)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        text = self.tr(
            "{model} holds a program for TensorFlow and no layers, as tf.saved_model.save and "
            "model.export write them. It can predict as it is. It cannot be fine-tuned: for that, "
            "open the .keras or .h5 file that it was exported from."
        )
        layout.addWidget(plain_label(text.format(model=model.name), "program_heading"))
        layout.addLayout(self._warning())
        layout.addWidget(
            muted_label(
                self.tr(
                    "Your answer is remembered for this folder until something in it changes. "
                    "The menu Model, Trusted Python files, takes it back."
                ),
                wrap=True,
            )
        )
        layout.addLayout(self._buttons())
        self.resize(self.minimumWidth(), layout.heightForWidth(self.minimumWidth()))

    def _warning(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(IconLabel("warning", color="warning"), alignment=Qt.AlignmentFlag.AlignTop)
        text = self.tr(
            "This runs the program on this computer. It can read and write files as you can. "
            "Run it only if you know where it comes from."
        )
        row.addWidget(plain_label(text, "program_warning"), 1, Qt.AlignmentFlag.AlignTop)
        return row

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addStretch(1)
        run = push_button(
            "play", self.tr("&Run the program"), self.tr("The model opens, and can predict.")
        )
        run.setObjectName("run_program_button")
        run.setAutoDefault(False)
        run.clicked.connect(self.accept)
        refuse = push_button(
            "close", self.tr("&Do not open"), self.tr("Nothing is run."), role="primary",
            color="accent_text",
        )  # fmt: skip
        refuse.setObjectName("do_not_open_button")
        refuse.setAutoDefault(True)
        refuse.setDefault(True)
        refuse.clicked.connect(self.reject)
        row.addWidget(run)
        row.addWidget(refuse)
        refuse.setFocus()
        return row
