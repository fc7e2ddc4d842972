"""The view that lists classes: where a press lands decides what it means."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QToolTip, QWidget

from seggui.panels.class_list_delegate import Zone, zone_at


class ClassListView(QListView):
    """Rows of classes, operable by mouse and keyboard.

    Signals:
        eye_pressed, lock_pressed: (index) the button in a row, Space or L.
        swatch_opened: (index) the swatch was double-clicked.
    """

    eye_pressed = Signal(int)
    lock_pressed = Signal(int)
    swatch_opened = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("class_list")
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def keyboardSearch(self, search: str) -> None:
        """Does nothing: a letter without a shortcut must not change the class."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space shows or hides, as in other lists with eyes."""
        index = self.currentIndex()
        if event.key() == Qt.Key.Key_Space and index.isValid():
            self.eye_pressed.emit(index.row())
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The buttons of a row do not choose its class."""
        index, zone = self._hit(event)
        is_left = event.button() == Qt.MouseButton.LeftButton
        if is_left and zone is Zone.EYE:
            self.eye_pressed.emit(index.row())
        elif is_left and zone is Zone.LOCK:
            self.lock_pressed.emit(index.row())
        elif is_left or zone is None:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """A drag over the rows chooses nothing; only hovering is shown."""
        if event.buttons() == Qt.MouseButton.NoButton:
            super().mouseMoveEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The swatch opens the colour, the name becomes editable, buttons are pressed again."""
        index, zone = self._hit(event)
        if zone is Zone.SWATCH:
            self.swatch_opened.emit(index.row())
        elif zone is Zone.NAME:
            self.edit(index)
        else:
            self.mousePressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Tells what lies under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self.indexAt(event.pos())
            if index.isValid():
                zone = zone_at(self.visualRect(index), event.pos().x())
                QToolTip.showText(event.globalPos(), self._hint(index, zone), self)
                return True
        return super().viewportEvent(event)

    def _hit(self, event: QMouseEvent) -> tuple[QModelIndex, Zone | None]:
        position = event.position().toPoint()
        index = self.indexAt(position)
        zone = zone_at(self.visualRect(index), position.x()) if index.isValid() else None
        return index, zone

    def _hint(self, index: QModelIndex | QPersistentModelIndex, zone: Zone) -> str:
        described = str(index.data(Qt.ItemDataRole.AccessibleTextRole))
        return {
            Zone.EYE: self.tr("Show or hide this class (Space)"),
            Zone.LOCK: self.tr("Lock: never paint over this class"),
            Zone.SWATCH: self.tr("Double-click to change the colour"),
            Zone.NAME: described + "\n" + self.tr("Double-click or F2 to rename"),
        }[zone]
