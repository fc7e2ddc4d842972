"""Asks whether the program of a SavedModel may be run, since it has no layers to rebuild."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from seggui.panels.consent_parts import consent_buttons, warning_row
from seggui.panels.widgets import muted_label, plain_label, push_button


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
                    "The menu Model, Trusted code, takes it back."
                ),
                wrap=True,
            )
        )
        layout.addLayout(self._buttons())
        self.resize(self.minimumWidth(), layout.heightForWidth(self.minimumWidth()))

    def _warning(self) -> QHBoxLayout:
        text = self.tr(
            "This runs the program on this computer. It can read and write files as you can. "
            "Run it only if you know where it comes from."
        )
        return warning_row(text, "program_warning")

    def _buttons(self) -> QHBoxLayout:
        run = push_button(
            "play", self.tr("&Run the program"), self.tr("The model opens, and can predict.")
        )
        run.setObjectName("run_program_button")
        run.clicked.connect(self.accept)
        return consent_buttons(self, run)
