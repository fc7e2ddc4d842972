"""The view that lists images."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from seggui.theme import current_colors

_INSIDE = QPoint(4, 0)  # from the corner of the viewport into the rows


class ImageListView(QListView):
    """The list itself: equal rows, no search by typing (letters are tools), a text when empty.

    Signals:
        viewport_moved: other rows may be visible now.
    """

    viewport_moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.is_filtered = False
        self.has_folder = False
        self.setObjectName("image_list")
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().setSingleStep(20)
        self.verticalScrollBar().valueChanged.connect(self.viewport_moved)

    def visible_rows(self) -> tuple[int, int]:
        """First and last row that can be seen, both included."""
        # Not viewport(): its first call makes PySide set up all its widget classes, 26 ms at start.
        area = QRect(QPoint(0, 0), self.maximumViewportSize())
        first = self.indexAt(area.topLeft() + _INSIDE)
        last = self.indexAt(area.bottomLeft() + _INSIDE)
        last_row = last.row() if last.isValid() else self.model().rowCount() - 1
        return max(0, first.row()), last_row

    def keyboardSearch(self, search: str) -> None:
        """Does nothing: a letter without a shortcut must not open another image."""

    def dataChanged(
        self,
        top_left: QModelIndex | QPersistentModelIndex,
        bottom_right: QModelIndex | QPersistentModelIndex,
        roles: Sequence[int] = (),
    ) -> None:
        """Repaints the rows that changed and no others.

        QListView would lay all rows out again and repaint all it shows, in case a row has another
        height now. Ours never have, and every step through the images changes a row.
        """
        QAbstractItemView.dataChanged(self, top_left, bottom_right, roles)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More rows may be visible."""
        super().resizeEvent(event)
        self.viewport_moved.emit()

    def showEvent(self, event: QShowEvent) -> None:
        """Rows may be visible for the first time."""
        super().showEvent(event)
        self.viewport_moved.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Says why the list is empty."""
        super().paintEvent(event)
        if not self.has_folder or self.model().rowCount():
            return
        text = self.tr("No image passes the filter.") if self.is_filtered else self.tr("No images")
        painter = QPainter(self.viewport())
        painter.setPen(current_colors().text_muted)
        area = self.viewport().rect().adjusted(16, 16, -16, -16)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(area, int(flags), text)
        painter.end()
