"""Asks for the network that a file of weights belongs to."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from seggui.panels.consent_parts import warning_row
from seggui.panels.widgets import muted_label, plain_label, push_button


class WeightsDialog(QDialog):
    """Says what is missing, and takes the file that has it.

    Attributes:
        chosen: the file with the network, once ``exec`` accepted; a Python file is to be run.
    """

    def __init__(self, weights: Path, reason: str, parent: QWidget | None = None) -> None:
        """Builds the dialog.

        Args:
            weights: the file that holds weights only.
            reason: why there is no network for it, in sentences.
            parent: the window.
        """
        super().__init__(parent)
        self.setObjectName("weights_dialog")
        self.setWindowTitle(self.tr("Weights without a network"))
        self.setMinimumWidth(560)
        self.chosen: Path | None = None
        self._weights = weights
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(plain_label(reason, "weights_reason"))
        layout.addWidget(
            plain_label(
                self.tr(
                    "Choose a file with the network that these weights were saved from: "
                    "a whole model (.keras, .h5 or a SavedModel), whose own weights are not used, "
                    "or the text that model.to_json() gave."
                ),
                "weights_advice",
            )
        )
        layout.addLayout(self._warning())
        layout.addWidget(
            muted_label(self.tr("What you choose is remembered for these weights."), wrap=True)
        )
        layout.addLayout(self._buttons())
        self.resize(self.minimumWidth(), layout.heightForWidth(self.minimumWidth()))

    def _warning(self) -> QHBoxLayout:
        text = self.tr(
            "The Python file that builds the network does as well, but it is run on this computer "
            "then, and can do anything you can do. Choose it only if you know where it comes from."
        )
        return warning_row(text, "weights_warning")

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        code = push_button(
            "language-python", self.tr("Choose &Python file…"),
            self.tr("Name the file that builds the network. It is run."),
        )  # fmt: skip
        code.setObjectName("choose_python_button")
        code.clicked.connect(self._on_choose_code)
        cancel = push_button("close", self.tr("&Do not open"), self.tr("Nothing changes."))
        cancel.setObjectName("do_not_open_button")
        cancel.clicked.connect(self.reject)
        choose = push_button(
            "folder-open-outline", self.tr("Choose &network…"),
            self.tr("Name a model or a text with the network. Nothing in it is run."),
            role="primary", color="accent_text",
        )  # fmt: skip
        choose.setObjectName("choose_network_button")
        choose.setAutoDefault(True)
        choose.setDefault(True)
        choose.clicked.connect(self._on_choose)
        row.addWidget(code)
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(choose)
        choose.setFocus()
        return row

    @Slot()
    def _on_choose(self) -> None:
        self._choose(
            self.tr("The network of {name}").format(name=self._weights.name),
            self.tr("Networks (*.keras *.h5 *.hdf5 *.json *.zip saved_model.pb);;All files (*)"),
        )

    @Slot()
    def _on_choose_code(self) -> None:
        self._choose(
            self.tr("The Python file that builds the network of {name}").format(
                name=self._weights.name
            ),
            self.tr("Python files (*.py)"),
        )

    def _choose(self, title: str, kinds: str) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, title, str(self._weights.parent), kinds)
        if chosen:
            self.chosen = Path(chosen)
            self.accept()
