"""Every Python file and program that may be run for a model, and a way to take that back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from seggui.panels.widgets import muted_label, push_button


@dataclass(frozen=True)
class TrustedRow:
    """One consent.

    Attributes:
        model_sha256: of the model that it is for.
        model: name of the model.
        code: path of the Python file, or of the folder of the program.
        when: ISO 8601.
        is_in_force: False once the file has changed or is gone.
    """

    model_sha256: str
    model: str
    code: str
    when: str
    is_in_force: bool


class TrustedFilesDialog(QDialog):
    """Lists consents; the caller removes what is asked for and shows the list again.

    Signals:
        remove_requested: (str) digest of the model whose consent is to go.
    """

    remove_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("trusted_files_dialog")
        self.setWindowTitle(self.tr("Trusted code"))
        self.resize(720, 340)
        self._rows: tuple[TrustedRow, ...] = ()
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        self._hint = muted_label(wrap=True)
        layout.addWidget(self._hint)
        self._table = self._build_table()
        layout.addWidget(self._table, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._remove = push_button(
            "delete", self.tr("&Remove"), self.tr("Ask again before this model is opened.")
        )
        self._remove.setObjectName("remove_trust_button")
        self._remove.clicked.connect(self._on_remove)
        buttons.addButton(self._remove, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.show_rows(())

    def show_rows(self, rows: Sequence[TrustedRow]) -> None:
        """Shows these consents instead, in this order."""
        self._rows = tuple(rows)
        self._table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            state = "" if row.is_in_force else self.tr("changed or gone: asks again")
            for column, text in enumerate((row.model, row.code, _date(row.when), state)):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self._table.setItem(number, column, item)
        self._hint.setText(
            self.tr(
                "This code is run when its model is opened. A model that is removed here asks "
                "again; what is loaded already stays until the program is closed."
            )
            if self._rows
            else self.tr(
                "No Python file and no program is trusted. A model that needs one asks for it."
            )
        )
        self._on_selected()

    def _build_table(self) -> QTableWidget:
        titles = [
            self.tr("Model"),
            self.tr("File or program"),
            self.tr("Trusted"),
            self.tr("State"),
        ]
        table = QTableWidget(0, len(titles))
        table.setObjectName("trusted_files_table")
        table.setHorizontalHeaderLabels(titles)
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        table.itemSelectionChanged.connect(self._on_selected)
        return table

    @Slot()
    def _on_selected(self) -> None:
        self._remove.setEnabled(bool(self._table.selectionModel().selectedRows()))

    @Slot()
    def _on_remove(self) -> None:
        selected = self._table.selectionModel().selectedRows()
        if selected:
            self.remove_requested.emit(self._rows[selected[0].row()].model_sha256)


def _date(when: str) -> str:
    return when.replace("T", " ")[:16]
