"""What the status bar tells of the pixel under the pointer."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Slot

from model.data.label_sets import IGNORE
from seggui.parts import Parts

READOUT_DELAY_MS = 50
"""Nobody reads faster. A move of the pointer comes every 4 ms while somebody paints, and writing
and painting two texts takes longer than everything else that a move needs."""


class PointerReadout(QObject):
    """Shows position, class and confidence a few times a second, after the pixels are painted."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts.window)
        self._status, self._session = parts.window.status, parts.session
        self._navigation = parts.navigation
        self._pixel = (0, 0)
        self._timer = QTimer(self, singleShot=True, interval=READOUT_DELAY_MS)
        self._timer.timeout.connect(self._show)
        parts.window.canvas.pointer_moved.connect(self._on_pointer_moved)
        parts.window.canvas.pointer_left.connect(self._on_pointer_left)
        parts.session.document_changed.connect(self._reserve_room)
        parts.session.label_set_changed.connect(self._reserve_room)

    @Slot(int, int)
    def _on_pointer_moved(self, row: int, col: int) -> None:
        self._pixel = row, col
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _on_pointer_left(self) -> None:
        self._timer.stop()
        self._status.clear_pointer()

    @Slot()
    def _show(self) -> None:
        row, col = self._pixel
        index = self._session.class_at(row, col)
        if index is None or self._session.label_set is None:
            self._status.clear_pointer()
            return
        bundle = self._navigation.current
        confidence = None
        if bundle is not None and bundle.confidence is not None and index != IGNORE:
            confidence = float(bundle.confidence[row, col]) / 255
        self._status.show_pointer(row, col, self._name(index), confidence)

    def _name(self, index: int) -> str:
        label_set = self._session.label_set
        if index == IGNORE:
            return self.tr("Unlabelled")
        if label_set is not None and index < len(label_set):
            return label_set.classes[index].name
        return self.tr("Unknown class {index}").format(index=index)

    @Slot()
    def _reserve_room(self, *_: object) -> None:
        """Not in the middle of a stroke: a field that grows lays the whole window out again."""
        document, label_set = self._session.document, self._session.label_set
        if document is not None and label_set is not None:
            names = [self._name(index) for index in (*range(len(label_set)), IGNORE)]
            self._status.reserve_pointer(document.height, document.width, names)
