"""The evaluation panel, empty until it is looked at: the window starts without it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

if TYPE_CHECKING:
    from seggui.panels.evaluation_view import EvaluationView


class EvaluationPanel(QWidget):
    """Holds the view that is built when it is wanted.

    Signals:
        came_on_view: it is visible, and the window around it was painted.
    """

    came_on_view = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("evaluation_panel")
        self.setAccessibleName(self.tr("Evaluation"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)

    @cached_property
    def view(self) -> EvaluationView:
        """What is inside."""
        from seggui.panels.evaluation_view import EvaluationView

        view = EvaluationView()
        layout = self.layout()
        if layout is not None:
            layout.addWidget(view)
        return view

    def showEvent(self, event: QShowEvent) -> None:
        """Tells those who fill it, once the window is there."""
        super().showEvent(event)
        QTimer.singleShot(0, self, self._tell)

    @Slot()
    def _tell(self) -> None:
        if self.isVisible():
            self.came_on_view.emit()
