"""The fine-tuning panel: what it would train on, how it goes, and whether the result is better."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from model.engine.protocol import TrainingDone, TrainingScored, TrainingStep
    from seggui.core.training_overview import TrainingOverview
    from seggui.panels.new_model_result import NewModelResult
    from seggui.panels.training_pages import OverviewPage, ResultPage, RunningPage

_WIDTH_IN_DIGITS = 43


class TrainingPanel(QWidget):
    """Pages: overview, running, result. Shows values and emits intents.

    A training from scratch has the same running page, and a result page of its own.

    The pages are built when they are asked for, or a moment after the panel came on view: nobody
    fine-tunes in the first tenth of a second, and the first image is waiting.

    Signals:
        start_requested: (TrainingSettings) the user pressed Fine-tune.
        stop_requested: stop and keep the best network so far.
        cancel_requested: stop and forget the run.
        keep_requested: take the new network.
        discard_requested: stay with the old one.
        preview_toggled: (bool) show the new network's mask of the image on view.
        versions_requested: show all versions.
        load_requested: put the network that was trained from scratch in force.
        later_requested: leave it where it is.
        title_changed: (str) what the panel is about now, fine-tuning or a new network.
    """

    start_requested = Signal(object)
    stop_requested = Signal()
    cancel_requested = Signal()
    keep_requested = Signal()
    discard_requested = Signal()
    preview_toggled = Signal(bool)
    versions_requested = Signal()
    load_requested = Signal()
    later_requested = Signal()
    title_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_panel")
        self.setAccessibleName(self.tr("Fine-tuning"))
        self._pages = QStackedWidget()
        # The widest page already counts, or the image would move when a page is built.
        self.setMinimumWidth(_WIDTH_IN_DIGITS * self.fontMetrics().horizontalAdvance("0"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._pages)

    @cached_property
    def overview(self) -> OverviewPage:
        """What a run would be made of, and its settings."""
        from seggui.panels.training_pages import OverviewPage

        page = OverviewPage()
        page.start_button.clicked.connect(self._on_start)
        page.versions_button.clicked.connect(self.versions_requested)
        self._pages.insertWidget(0, page)
        return page

    @cached_property
    def running(self) -> RunningPage:
        """How a run goes."""
        from seggui.panels.training_pages import RunningPage

        page = RunningPage()
        page.stop_button.clicked.connect(self._on_stop)
        page.cancel_button.clicked.connect(self._on_cancel)
        self._pages.addWidget(page)
        return page

    @cached_property
    def result(self) -> ResultPage:
        """What came out of it."""
        from seggui.panels.training_pages import ResultPage

        page = ResultPage()
        page.keep_button.clicked.connect(self.keep_requested)
        page.discard_button.clicked.connect(self.discard_requested)
        page.preview_button.toggled.connect(self.preview_toggled)
        self._pages.addWidget(page)
        return page

    @cached_property
    def new_result(self) -> NewModelResult:
        """What came out of a training from scratch."""
        from seggui.panels.new_model_result import NewModelResult

        page = NewModelResult()
        page.load_button.clicked.connect(self.load_requested)
        page.later_button.clicked.connect(self.later_requested)
        self._pages.addWidget(page)
        return page

    def showEvent(self, event: QShowEvent) -> None:
        """Builds the first page once the window is there."""
        super().showEvent(event)
        if "overview" not in self.__dict__:
            QTimer.singleShot(0, self, self.show_overview_page)

    # -- shown from outside ----------------------------------------------------------------------

    def set_overview(self, overview: TrainingOverview) -> None:
        """Shows what a run would be made of."""
        self.overview.show_overview(overview)

    def show_overview_page(self) -> None:
        """Back to the start."""
        self._show(self.overview)

    def show_running(self, device: str, name: str = "") -> None:
        """A run begins; of a new network when it has a name."""
        self.running.begin(device, name)
        self._show(self.running, is_new=bool(name))

    def add_step(self, step: TrainingStep) -> None:
        """One optimizer step is made."""
        self.running.add_step(step)

    def add_score(self, scored: TrainingScored) -> None:
        """The held-out images were scored."""
        self.running.add_score(scored)

    def show_result(self, done: TrainingDone, overview: TrainingOverview) -> None:
        """A run ended with a network: compares it with the old one, class by class."""
        self.result.show_result(done, overview.class_names, overview.class_colors)
        self._show(self.result)

    def show_new_result(
        self, done: TrainingDone, names: tuple[str, ...], colors: tuple[tuple[int, int, int], ...]
    ) -> None:
        """A training from scratch ended with a network."""
        self.new_result.show_result(done, names, colors)
        self._show(self.new_result, is_new=True)

    def _show(self, page: QWidget, *, is_new: bool = False) -> None:
        self._pages.setCurrentWidget(page)
        self.title_changed.emit(self.tr("New model") if is_new else self.tr("Fine-tune"))

    # -- intents ---------------------------------------------------------------------------------

    @Slot()
    def _on_start(self) -> None:
        self.start_requested.emit(self.overview.settings())

    @Slot()
    def _on_stop(self) -> None:
        self.running.show_stopping(self.tr("Stopping; the best network so far is kept..."))
        self.stop_requested.emit()

    @Slot()
    def _on_cancel(self) -> None:
        self.running.show_stopping(self.tr("Cancelling; nothing is kept..."))
        self.cancel_requested.emit()
