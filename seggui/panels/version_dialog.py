"""Every version of the network: where it comes from, its scores, and one click to bring it back."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Slot
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

from seggui.core.versions import ModelVersion
from seggui.panels.widgets import muted_label


@dataclass(frozen=True)
class VersionRow:
    """One version, whether it is in force, and whether its file is there."""

    version: ModelVersion
    is_active: bool
    is_there: bool


class VersionDialog(QDialog):
    """Shows versions; ``chosen`` is the one to bring back after ``exec`` accepted."""

    def __init__(self, rows: tuple[VersionRow, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("version_dialog")
        self.setWindowTitle(self.tr("Model versions"))
        self.resize(760, 380)
        self.chosen: ModelVersion | None = None
        self._rows = tuple(reversed(rows))
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(
            muted_label(
                self.tr(
                    "Each version was trained from its base with all corrections of its time. "
                    "Scores are mean IoU on held-out images, the version in force before it and "
                    "itself on the same ones."
                )
                if rows
                else self.tr("No versions yet: load a model and fine-tune it."),
                wrap=True,
            )
        )
        self._table = self._build_table()
        layout.addWidget(self._table, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._restore = buttons.addButton(
            self.tr("Bring this version back"), QDialogButtonBox.ButtonRole.ActionRole
        )
        self._restore.setObjectName("restore_version_button")
        self._restore.clicked.connect(self._on_restore)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self._on_selected()

    def _build_table(self) -> QTableWidget:
        titles = [
            self.tr("Version"), self.tr("Made"), self.tr("Images"), self.tr("Before"),
            self.tr("After"), self.tr("State"), self.tr("From"),
        ]  # fmt: skip
        table = QTableWidget(len(self._rows), len(titles))
        table.setObjectName("version_table")
        table.setHorizontalHeaderLabels(titles)
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setStretchLastSection(True)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        for number, row in enumerate(self._rows):
            for column, text in enumerate(self._texts(row)):
                item = QTableWidgetItem(text)
                if column in (2, 3, 4):
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                if row.is_active:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                table.setItem(number, column, item)
        table.itemSelectionChanged.connect(self._on_selected)
        return table

    def _texts(self, row: VersionRow) -> tuple[str, ...]:
        version = row.version
        names = {r.version.id: r.version.name for r in self._rows}
        state = {
            "base": self.tr("base"), "kept": self.tr("kept"), "discarded": self.tr("discarded"),
        }.get(version.state, version.state)  # fmt: skip
        if row.is_active:
            state = self.tr("in force")
        if not row.is_there:
            state = self.tr("file missing")
        return (
            version.name, version.created.replace("T", " ")[:16],
            str(version.num_images) if version.num_images else "",
            _score(version.scores_before), _score(version.scores_after), state,
            names.get(version.parent or "", ""),
        )  # fmt: skip

    def _selected(self) -> VersionRow | None:
        rows = self._table.selectionModel().selectedRows()
        return self._rows[rows[0].row()] if rows else None

    @Slot()
    def _on_selected(self) -> None:
        row = self._selected()
        self._restore.setEnabled(row is not None and row.is_there and not row.is_active)

    @Slot()
    def _on_restore(self) -> None:
        row = self._selected()
        if row is not None:
            self.chosen = row.version
            self.accept()


def _score(scores: dict[str, object] | None) -> str:
    value = scores.get("mean_iou") if scores else None
    return f"{value:.1%}" if isinstance(value, float) else ""
