"""Asks whether a Python file may be run, since a model uses layers that are defined in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from seggui.panels.consent_parts import consent_buttons, warning_row
from seggui.panels.widgets import muted_label, plain_label, push_button

_MOST_ROWS = 8


@dataclass(frozen=True)
class OwnLayersQuestion:
    """What is asked.

    Attributes:
        model: the model file.
        names: of all layers and functions that it uses and Keras does not have.
        reason: why the file of before is not used, or an empty string.
        code: the Python file of before, or None.
    """

    model: Path
    names: tuple[str, ...]
    reason: str = ""
    code: Path | None = None


class OwnLayersDialog(QDialog):
    """Shows what is missing and what naming a file means; doing nothing means no.

    Attributes:
        chosen: the Python file that the user named, once ``exec`` accepted.
    """

    def __init__(self, question: OwnLayersQuestion, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("own_layers_dialog")
        self.setWindowTitle(self.tr("Layers of its own"))
        self.setMinimumWidth(520)
        self.chosen: Path | None = None
        self._question = question
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(plain_label(self._heading(), "own_layers_heading"))
        layout.addWidget(self._names())
        if question.reason:
            layout.addWidget(plain_label(question.reason, "own_layers_reason"))
        layout.addLayout(self._warning())
        file = question.code.name if question.code is not None else self.tr("none yet")
        layout.addWidget(
            muted_label(
                self.tr(
                    "Python file: {file}. What you choose is remembered for this model, until one "
                    "of the two files changes. The menu Model, Trusted code, takes it back."
                ).format(file=file),
                wrap=True,
            )
        )
        layout.addLayout(self._buttons())
        self.resize(self.minimumWidth(), layout.heightForWidth(self.minimumWidth()))

    def _heading(self) -> str:
        return self.tr(
            "{model} uses layers or functions that Keras does not have. "
            "They are defined in a Python file, and the model opens with that file only."
        ).format(model=self._question.model.name)

    def _names(self) -> QPlainTextEdit:
        names = self._question.names
        view = QPlainTextEdit("\n".join(names))
        view.setObjectName("own_layers_names")
        view.setReadOnly(True)
        view.setAccessibleName(self.tr("What the model uses"))
        view.setTabChangesFocus(True)
        rows = min(max(2, len(names)), _MOST_ROWS)
        view.setFixedHeight(view.fontMetrics().lineSpacing() * rows + 16)
        return view

    def _warning(self) -> QHBoxLayout:
        text = self.tr(
            "This runs the Python file on this computer. It can do anything you can do. "
            "Choose it only if you know where it comes from."
        )
        return warning_row(text, "own_layers_warning")

    def _buttons(self) -> QHBoxLayout:
        choose = push_button(
            "language-python", self.tr("&Choose Python file…"),
            self.tr("Name the file that defines the layers. It is run."),
        )  # fmt: skip
        choose.setObjectName("choose_python_button")
        choose.clicked.connect(self._on_choose)
        return consent_buttons(self, choose)

    @Slot()
    def _on_choose(self) -> None:
        start = self._question.code or self._question.model
        chosen, _ = QFileDialog.getOpenFileName(
            self, self.tr("The Python file that defines the layers"), str(start.parent),
            self.tr("Python files (*.py);;All files (*)"),
        )  # fmt: skip
        if chosen:
            self.chosen = Path(chosen)
            self.accept()
