"""Asks what to export, in which format, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from seggui.panels.widgets import push_button


@dataclass(frozen=True)
class ExportChoice:
    """What the user chose.

    Attributes:
        which: ``"all"``, ``"reviewed"`` or ``"selected"``.
        format_name: name in the table of formats.
        output_dir: an absolute folder.
        include_unlabelled: whether images without a mask are written, too.
    """

    which: str
    format_name: str
    output_dir: Path
    include_unlabelled: bool


class ExportDialog(QDialog):
    """Shows the choices with their numbers; export itself happens elsewhere."""

    def __init__(
        self,
        formats: Mapping[str, tuple[str, str]],
        counts: Mapping[str, int],
        output_dir: Path,
        parent: QWidget | None = None,
    ) -> None:
        """Makes the dialog.

        Args:
            formats: name -> (title, description), in order.
            counts: number of images for ``"all"``, ``"reviewed"`` and ``"selected"``.
            output_dir: proposed folder.
            parent: window that it belongs to.
        """
        super().__init__(parent)
        self.setObjectName("export_dialog")
        self.setWindowTitle(self.tr("Export masks"))
        self.setMinimumWidth(520)
        self._which = QButtonGroup(self)
        self._formats = QButtonGroup(self)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(self._build_which(counts))
        layout.addWidget(self._build_formats(formats))
        layout.addLayout(self._build_folder(output_dir))
        self._unlabelled = QCheckBox(self.tr("Also write images without a mask (all unlabelled)"))
        layout.addWidget(self._unlabelled)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._export = buttons.addButton(self.tr("Export"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._export.setObjectName("export_button")
        self._export.setProperty("role", "primary")
        self._export.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    def choice(self) -> ExportChoice:
        """What is chosen right now."""
        return ExportChoice(
            _checked(self._which),
            _checked(self._formats),
            Path(self._folder.text()).expanduser().absolute(),
            self._unlabelled.isChecked(),
        )

    def _build_which(self, counts: Mapping[str, int]) -> QGroupBox:
        box = QGroupBox(self.tr("Images"))
        layout = QHBoxLayout(box)
        titles = {
            "all": self.tr("All ({count})"),
            "reviewed": self.tr("Reviewed ({count})"),
            "selected": self.tr("Selected ({count})"),
        }
        for name, title in titles.items():
            button = QRadioButton(title.format(count=counts[name]))
            button.setObjectName(name)
            button.setEnabled(counts[name] > 0)
            self._which.addButton(button)
            layout.addWidget(button)
        layout.addStretch(1)
        preferred = "selected" if counts["selected"] > 1 else "all"
        for choice in self._which.buttons():
            choice.setChecked(choice.objectName() == preferred)
        return box

    def _build_formats(self, formats: Mapping[str, tuple[str, str]]) -> QGroupBox:
        box = QGroupBox(self.tr("Format"))
        layout = QVBoxLayout(box)
        for position, (name, (title, description)) in enumerate(formats.items()):
            button = QRadioButton(title)
            button.setObjectName(name)
            button.setChecked(position == 0)
            self._formats.addButton(button)
            text = QLabel(description)
            text.setWordWrap(True)
            text.setProperty("role", "muted")
            text.setIndent(24)
            layout.addWidget(button)
            layout.addWidget(text)
        return box

    def _build_folder(self, output_dir: Path) -> QHBoxLayout:
        row = QHBoxLayout()
        self._folder = QLineEdit(str(output_dir))
        self._folder.setObjectName("export_folder")
        self._folder.textChanged.connect(self._on_folder_edited)
        browse = push_button(
            "open_folder",
            self.tr("Browse..."),
            self.tr("Choose the folder that the files are written to"),
        )
        browse.clicked.connect(self._on_browse)
        row.addWidget(QLabel(self.tr("Folder:")))
        row.addWidget(self._folder, 1)
        row.addWidget(browse)
        return row

    @Slot(str)
    def _on_folder_edited(self, text: str) -> None:
        self._export.setEnabled(bool(text.strip()))

    @Slot()
    def _on_browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Export to"), self._folder.text())
        if chosen:
            self._folder.setText(chosen)


def _checked(group: QButtonGroup) -> str:
    button = group.checkedButton()
    if button is None:
        raise RuntimeError("a group of choices always has one chosen")
    return button.objectName()
