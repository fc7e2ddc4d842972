"""What a dataset holds, before a network is made from it: headline, classes, what is wrong."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QGroupBox, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout

from seggui.core.dataset_look import DatasetLook
from seggui.panels.class_bars import ClassBars
from seggui.panels.widgets import muted_label, push_button

_MOST_FINDINGS = 4


class DatasetBox(QGroupBox):
    """A choice of datasets, and what is in the chosen one."""

    def __init__(self) -> None:
        super().__init__()
        self.setTitle(self.tr("Images and masks"))
        self.source_box = QComboBox()
        self.source_box.setObjectName("new_model_source")
        self.source_box.setAccessibleName(self.tr("Images and masks"))
        self.source_box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.source_box.setPlaceholderText(self.tr("No dataset chosen"))
        self.browse_button = push_button(
            "open_folder", self.tr("Browse..."), self.tr("Choose the folder of a dataset")
        )
        self._headline = QLabel(self.tr("Choose a folder with images and masks of the same names."))
        self._headline.setObjectName("new_model_dataset")
        self._headline.setWordWrap(True)
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setProperty("role", "slim")
        self._progress.hide()
        self._bars = ClassBars()
        self._findings = muted_label(wrap=True)
        self._findings.setObjectName("new_model_findings")
        self._findings.hide()
        row = QHBoxLayout()
        row.addWidget(self.source_box, 1)
        row.addWidget(self.browse_button)
        layout = QVBoxLayout(self)
        layout.addLayout(row)
        for widget in (self._headline, self._progress, self._bars, self._findings):
            layout.addWidget(widget)

    def begin(self) -> None:
        """Its files are being listed."""
        self._headline.setText(self.tr("Looking..."))
        self._progress.setRange(0, 0)
        self._progress.show()
        self._bars.set_values((), (), ())
        self._findings.hide()

    def show_progress(self, num_done: int, num_all: int) -> None:
        """So many masks were read."""
        self._progress.setRange(0, num_all)
        self._progress.setValue(num_done)

    def show_look(self, look: DatasetLook) -> None:
        """Shows what was found."""
        self._headline.setText(look.headline or look.problem)
        self._progress.setVisible(not look.is_complete and not look.problem)
        self._bars.set_values(look.class_names, look.class_colors, look.num_pixels)
        texts = [text for _, text in look.findings[:_MOST_FINDINGS]]
        if len(look.findings) > _MOST_FINDINGS:
            more = self.tr("And {count} more; the command dataset lists all.")
            texts.append(more.format(count=len(look.findings) - _MOST_FINDINGS))
        self._findings.setText("\n".join(texts))
        self._findings.setVisible(bool(texts))

    def headline_text(self) -> str:
        """What is said of the dataset."""
        return self._headline.text()

    def findings_text(self) -> str:
        """What its owner should know."""
        return self._findings.text()
