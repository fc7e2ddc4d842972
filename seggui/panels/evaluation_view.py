"""What the evaluation panel shows: what is scored, how far, how well, where it goes wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from model.evaluation_result import worst_images
from seggui.core.evaluation_request import EvaluationOverview, EvaluationRequest
from seggui.panels.confusion_view import ConfusionView
from seggui.panels.evaluation_head import EvaluationHead
from seggui.panels.iou_bars import IouBars
from seggui.panels.widgets import muted_label
from seggui.panels.worst_images import WorstImages

if TYPE_CHECKING:
    from model.evaluate_dataset import ImageEvaluated
    from model.evaluation_result import Evaluation

REFRESH_MS = 250
"""Between two pictures of a running evaluation; the figures of the last image always come."""

_WIDE_PX = 760
_MARGIN_PX, _MOST_TEXT_PX = 12, 560
_EMPTY, _FIGURES = 0, 1
QWIDGETSIZE_MAX = 2**24 - 1  # Qt's own name; PySide6 has it not


class EvaluationView(QWidget):
    """Head and scores at the left, confusion matrix and worst images beside it, or below in tabs.

    Signals:
        source_chosen: (Path or None) a dataset's folder, or the open project.
        browse_requested: another dataset is wanted.
        start_requested: (EvaluationRequest).
        cancel_requested, report_requested: ().
        image_chosen: (str) key of an image of the list.
    """

    source_chosen = Signal(object)
    browse_requested = Signal()
    start_requested = Signal(object)
    cancel_requested = Signal()
    report_requested = Signal()
    image_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.head = EvaluationHead()
        self.bars = IouBars()
        self.confusion = ConfusionView()
        self.worst = WorstImages()
        self._evaluation: Evaluation | None = None
        self._class: int | None = None
        self._overview = EvaluationOverview(None)
        self._waiting: ImageEvaluated | None = None
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        self._build()
        self._connect()

    # -- shown from outside ----------------------------------------------------------------------

    def set_sources(self, folders: Sequence[Path], chosen: Path | None) -> None:
        """Fills the choice of what to score on."""
        self.head.set_sources(folders, chosen)

    def set_overview(self, overview: EvaluationOverview) -> None:
        """Shows what could be scored; the scores on view stay."""
        self._overview = overview
        self.head.set_overview(overview)
        self._empty.setText(overview.problem or self._invitation(overview))

    def empty_text(self) -> str:
        """What is shown in place of scores; empty while there are some."""
        return self._empty.text() if self._pages.currentIndex() == _EMPTY else ""

    def set_openable(self, keys: Collection[str]) -> None:
        """Says which images of the list can be shown."""
        self.worst.set_openable(keys)

    def begin(self) -> None:
        """An evaluation starts."""
        self._waiting = None
        self.head.begin()

    def add_image(self, event: ImageEvaluated) -> None:
        """One more image is scored."""
        self.head.show_progress(event.number, event.total)
        self._waiting = event
        if self._evaluation is None:
            self._refresh()
        elif not self._timer.isActive():
            self._timer.start()

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Shows scores in full."""
        self._waiting, self._evaluation = None, evaluation
        if self._class is not None and self._class >= evaluation.num_classes:
            self._class = None
        self.head.show_scores(evaluation)
        self.bars.show_evaluation(evaluation)
        self.confusion.show_evaluation(evaluation)
        self._mistakes.setText(_largest_confusion(self, evaluation))
        self._show_class()
        self._show_page()

    def finish(self, notes: Sequence[str]) -> None:
        """It is over; the scores on view are those of all images."""
        self._timer.stop()
        self.head.finish(is_complete=True, notes=notes)

    def set_reporting(self, is_reporting: bool) -> None:
        """While a report is written nothing else can be started."""
        self.head.set_reporting(is_reporting)

    def clear(self) -> None:
        """Nothing is scored: back to the start."""
        self._timer.stop()
        self._evaluation = self._waiting = self._class = None
        self.head.finish(is_complete=False, notes=())
        self._show_page()

    def choose_class(self, class_index: int | None) -> None:
        """Ranks the images by one class, or by all."""
        self._class = class_index
        self._show_class()
        if class_index is not None and self._tabs.isVisible():
            self._tabs.setCurrentWidget(self.worst)

    # -- inside ----------------------------------------------------------------------------------

    def _build(self) -> None:
        self._empty = muted_label(wrap=True)
        self._empty.setMaximumWidth(_MOST_TEXT_PX)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._mistakes = QLabel()
        self._mistakes.setWordWrap(True)
        figures = QWidget()
        inner = QVBoxLayout(figures)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self._mistakes)
        inner.addWidget(self.bars, 1)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(figures)
        left = QWidget()
        layout = QVBoxLayout(left)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        row = QHBoxLayout()
        row.addWidget(self.head, 1)
        row.addStretch(0)
        layout.addLayout(row)
        layout.addWidget(self._pages, 1)
        self._tabs = QTabWidget()
        self._tabs.setDocumentMode(True)
        self._splitter = QSplitter()
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(left)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(_MARGIN_PX, 4, _MARGIN_PX, 8)
        outer.addWidget(self._splitter)
        self._is_wide: bool | None = None
        self._arrange()

    def _connect(self) -> None:
        self.head.source_chosen.connect(self.source_chosen)
        self.head.browse_requested.connect(self.browse_requested)
        self.head.start_button.clicked.connect(self._on_start)
        self.head.stop_button.clicked.connect(self.cancel_requested)
        self.head.report_button.clicked.connect(self.report_requested)
        self.bars.class_chosen.connect(self.choose_class)
        self.confusion.class_chosen.connect(self.choose_class)
        self.worst.all_requested.connect(self._on_all)
        self.worst.image_chosen.connect(self.image_chosen)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Beside each other where there is room, else one at a time."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        is_wide = self.width() >= _WIDE_PX
        if is_wide is self._is_wide:
            return
        self._is_wide = is_wide
        self._tabs.clear()
        if is_wide:
            self._tabs.setParent(None)
            self._splitter.setOrientation(Qt.Orientation.Horizontal)
            for widget in (self.confusion, self.worst):
                self._splitter.addWidget(widget)
            for place, share in enumerate((2, 3, 2)):
                self._splitter.setStretchFactor(place, share)
            self._splitter.setSizes([285, 280, 325])
        else:
            self._splitter.setOrientation(Qt.Orientation.Vertical)
            self._tabs.addTab(self.worst, self.tr("Worst images"))
            self._tabs.addTab(self.confusion, self.tr("Confusion"))
            self._splitter.addWidget(self._tabs)
            self._splitter.setSizes([420, 260])
        self._show_page()

    def _show_page(self) -> None:
        """Without scores there is a text and nothing beside it."""
        has_scores = self._evaluation is not None
        self._pages.setCurrentIndex(_FIGURES if has_scores else _EMPTY)
        # Beside nothing its buttons would be as wide as the window; above the bars they end alike.
        self.head.setMaximumWidth(QWIDGETSIZE_MAX if has_scores else _MOST_TEXT_PX)
        for widget in (self.confusion, self.worst) if self._is_wide else (self._tabs,):
            widget.setVisible(has_scores)

    @Slot()
    def _refresh(self) -> None:
        if self._waiting is not None:
            self.show_evaluation(self._waiting.so_far)

    def _show_class(self) -> None:
        self.bars.choose(self._class)
        self.confusion.choose(self._class)
        if self._evaluation is not None:
            worst = worst_images(self._evaluation, self._class)
            self.worst.show_images(self._evaluation, worst, self._class)

    @Slot()
    def _on_start(self) -> None:
        self.start_requested.emit(EvaluationRequest(self._overview.folder, self.head.split()))

    @Slot()
    def _on_all(self) -> None:
        self.choose_class(None)

    def _invitation(self, overview: EvaluationOverview) -> str:
        num_all = dict(overview.num_by_split).get("all", 0)
        return self.tr(
            "{network} predicts images whose right masks are known ({count} here), and each pixel "
            "is compared. You see how good it is, which classes are mixed up, and which images go "
            "wrong.\n\nScore it on images that it was not trained on: on others every network "
            "looks better than it is."
        ).format(network=overview.network, count=num_all)


def _largest_confusion(widget: QWidget, evaluation: Evaluation) -> str:
    """The mistake that costs most pixels, in words."""
    wrong = np.array(evaluation.confusion)
    np.fill_diagonal(wrong, 0)
    total = int(wrong.sum())
    if not total:
        return widget.tr("Every pixel is right.")
    truth, predicted = divmod(int(np.argmax(wrong)), evaluation.num_classes)
    return widget.tr("Largest mistake: {truth} taken for {predicted}, {share} of all wrong").format(
        truth=evaluation.class_names[truth], predicted=evaluation.class_names[predicted],
        share=f"{wrong[truth, predicted] / total:.0%}",
    )  # fmt: skip
