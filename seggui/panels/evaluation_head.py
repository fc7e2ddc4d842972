"""The head of the evaluation panel: what is scored, the buttons, progress, and the two scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from seggui.core.evaluation_request import EvaluationOverview
from seggui.panels.widgets import muted_label, push_button

if TYPE_CHECKING:
    from model.evaluation_result import Evaluation

_BROWSE = "browse"


class EvaluationHead(QWidget):
    """Choice, buttons, progress, figures.

    Signals:
        source_chosen: (Path or None).
        browse_requested: the last entry of the choice.
    """

    source_chosen = Signal(object)
    browse_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._is_running = self._is_reporting = False
        self._can_start = self._is_complete = False
        self._sources: list[Path | None] = []
        self._overview_of: Path | None = None
        self._wanted_split = ""
        self.source_box = QComboBox()
        self.source_box.setObjectName("evaluation_source")
        self.source_box.setAccessibleName(self.tr("What to score on"))
        self.source_box.setToolTip(self.tr("Where the images with their right masks come from"))
        self.source_box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.source_box.activated.connect(self._on_source)
        self.split_box = QComboBox()
        self.split_box.setObjectName("evaluation_split")
        self.split_box.setAccessibleName(self.tr("Which of the images"))
        self.split_box.setToolTip(self.tr("Which of the images are scored"))
        self.split_box.activated.connect(self._on_split)
        self._build_buttons()
        self._progress = QProgressBar()
        self._progress.setObjectName("evaluation_progress")
        self._progress.setTextVisible(False)
        self._progress.setProperty("role", "slim")
        self._iou = _Figure(self.tr("mean IoU"))
        self._accuracy = _Figure(self.tr("accuracy"))
        self._detail = muted_label(wrap=True)
        self._detail.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self._notes = muted_label(wrap=True)
        self._lay_out()
        self._show_state()

    def set_sources(self, folders: Sequence[Path], chosen: Path | None) -> None:
        """Fills the first choice: the project, known datasets, and a way to another one."""
        self._sources = [None, *folders]
        with QSignalBlocker(self.source_box):
            self.source_box.clear()
            self.source_box.addItem(self.tr("Corrected images of this folder"))
            for folder in folders:
                self.source_box.addItem(folder.name or str(folder))
                self.source_box.setItemData(
                    self.source_box.count() - 1, str(folder), Qt.ItemDataRole.ToolTipRole
                )
            self.source_box.addItem(self.tr("Choose a dataset..."), _BROWSE)
        self.show_source(chosen)

    def show_source(self, chosen: Path | None) -> None:
        """Selects an entry without telling anybody."""
        with QSignalBlocker(self.source_box):
            self.source_box.setCurrentIndex(self._sources.index(chosen))
        self._shown_source = chosen

    def set_overview(self, overview: EvaluationOverview) -> None:
        """Shows which images there are; a part that the user chose stays chosen."""
        if overview.folder != self._overview_of:
            self._overview_of, self._wanted_split = overview.folder, ""
        names = _project_words(self) if overview.folder is None else _dataset_words(self)
        with QSignalBlocker(self.split_box):
            self.split_box.clear()
            for split, count in overview.num_by_split:
                self.split_box.addItem(f"{names[split]} ({count:,})", split)
            found = self.split_box.findData(self._wanted_split)
            self.split_box.setCurrentIndex(
                found if found >= 0 else self.split_box.findData(overview.split)
            )
        self._can_start = not overview.problem
        self._show_state()

    def split(self) -> str:
        """The part of the images that is chosen."""
        return str(self.split_box.currentData() or "")

    def figures_text(self) -> str:
        """The figures on view as text, empty without any."""
        figures = (self._iou.accessibleName(), self._accuracy.accessibleName())
        return "" if self._figures.isHidden() else ", ".join(figures)

    def begin(self) -> None:
        """Reading what there is to score."""
        self._is_running, self._is_complete = True, False
        self._progress.setRange(0, 0)
        self._notes.setText("")
        self._show_state()

    def show_progress(self, number: int, total: int) -> None:
        """So many images are scored."""
        self._progress.setRange(0, total)
        self._progress.setValue(number)

    def show_scores(self, evaluation: Evaluation) -> None:
        """Shows the figures, as `evaluate` prints them."""
        self._iou.show_share(evaluation.mean_iou)
        self._accuracy.show_share(evaluation.accuracy)
        count = len(evaluation.images)
        images = self.tr("1 image") if count == 1 else self.tr("{n} images").format(n=f"{count:,}")
        self._detail.setText(
            self.tr("{images}\n{classes} classes\n{ms} ms each").format(
                images=images, classes=evaluation.num_scored_classes,
                ms=f"{1000 * evaluation.seconds_per_image:,.0f}",
            )
        )  # fmt: skip
        self._figures.show()

    def finish(self, *, is_complete: bool, notes: Sequence[str]) -> None:
        """Nothing runs any more; without a complete evaluation there are no figures."""
        self._is_running, self._is_complete = False, is_complete
        self._notes.setText("\n".join(notes))
        self._figures.setVisible(is_complete)
        self._show_state()

    def set_reporting(self, is_reporting: bool) -> None:
        """Writing a report predicts some images again."""
        self._is_reporting = is_reporting
        self._show_state()

    def _build_buttons(self) -> None:
        self.start_button = push_button(
            "score", self.tr("Evaluate"),
            self.tr("Score the network in force on these images"),
            role="primary", color="accent_text",
        )  # fmt: skip
        self.start_button.setObjectName("evaluate_button")
        self.stop_button = push_button(
            "stop", self.tr("Stop"), self.tr("Stop scoring; nothing is kept of it")
        )
        self.stop_button.setObjectName("stop_evaluation_button")
        self.report_button = push_button(
            "save", self.tr("Save report..."),
            self.tr("Write these scores with pictures as a page for the browser"),
        )  # fmt: skip
        self.report_button.setObjectName("save_report_button")

    def _lay_out(self) -> None:
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(6)
        choices = QHBoxLayout()
        choices.addWidget(self.source_box, 1)
        choices.addWidget(self.split_box)
        rows.addLayout(choices)
        buttons = QHBoxLayout()
        for button in (self.start_button, self.stop_button, self.report_button):
            buttons.addWidget(button, 1)
        rows.addLayout(buttons)
        rows.addWidget(self._progress)
        self._figures = QWidget()
        figures = QHBoxLayout(self._figures)
        figures.setContentsMargins(0, 0, 0, 0)
        figures.setSpacing(18)
        figures.addWidget(self._iou)
        figures.addWidget(self._accuracy)
        figures.addWidget(self._detail, 1)
        self._figures.hide()
        rows.addWidget(self._figures)
        rows.addWidget(self._notes)

    def _show_state(self) -> None:
        running, reporting = self._is_running, self._is_reporting
        self.source_box.setEnabled(not running and not reporting)
        self.split_box.setEnabled(not running and self.split_box.count() > 1)
        self.split_box.setVisible(self.split_box.count() > 0)
        self.start_button.setVisible(not running)
        self.start_button.setEnabled(self._can_start and not reporting)
        self.stop_button.setVisible(running)
        self.report_button.setVisible(self._is_complete and not running)
        self.report_button.setEnabled(not reporting)
        self._progress.setVisible(running)
        self._notes.setVisible(bool(self._notes.text()))

    @Slot(int)
    def _on_split(self, _: int) -> None:
        self._wanted_split = self.split()

    @Slot(int)
    def _on_source(self, index: int) -> None:
        if self.source_box.itemData(index) == _BROWSE:
            self.show_source(self._shown_source)
            self.browse_requested.emit()
        elif self._sources[index] != self._shown_source:
            self._shown_source = self._sources[index]
            self.source_chosen.emit(self._shown_source)


class _Figure(QWidget):
    """A large number and what it is."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._number = QLabel()
        self._number.setProperty("role", "figure")
        self._what = what
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._number, 0, 0)
        layout.addWidget(muted_label(what), 1, 0)

    def show_share(self, share: float) -> None:
        self._number.setText(f"{share:.1%}")
        self.setAccessibleName(f"{self._what} {share:.1%}")


def _project_words(widget: QWidget) -> dict[str, str]:
    return {
        "validation": widget.tr("Held out"), "train": widget.tr("Trained on"),
        "test": widget.tr("Test"), "all": widget.tr("All"),
    }  # fmt: skip


def _dataset_words(widget: QWidget) -> dict[str, str]:
    return {
        "validation": widget.tr("Validation"), "train": widget.tr("Training"),
        "test": widget.tr("Test"), "all": widget.tr("All"),
    }  # fmt: skip
