"""The status bar: where the pointer is, what stands there, what is being done, on which device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

if TYPE_CHECKING:
    from model.engine.protocol import DeviceInfo

_GAP_PX = 8


class _Field(QLabel):
    """A text that never makes its neighbours move: as wide as the longest one it had.

    Pixel, class and "Saving..." change all the time. Of a label without a fixed size, Qt lays the
    bar and the window out again for every text, and repaints the whole bar.
    """

    _longest = ""

    def reserve(self, text: str) -> None:
        """Makes room for a text that may be shown later."""
        if text != self._longest:  # asked for with each image
            self._longest = text
            self._make_room_for_longest()

    def show_text(self, text: str) -> None:
        """Shows a text, and makes room for it."""
        if text == self.text():
            return
        self.setText(text)
        self._make_room()

    def changeEvent(self, event: QEvent) -> None:
        """Another font needs other room."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.setMinimumSize(0, 0)
            self._make_room_for_longest()
            self._make_room()

    def _make_room_for_longest(self) -> None:
        shown = self.text()
        self.setText(self._longest)
        self._make_room()
        self.setText(shown)

    def _make_room(self) -> None:
        room = self.sizeHint().expandedTo(self.minimumSize())
        if room != self.minimumSize():
            self.setFixedSize(room)


class StatusBar(QStatusBar):
    """Shows values; every field has an object name for tests and screen readers."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setFixedWidth(90)
        self._busy.setTextVisible(False)
        self._busy.hide()
        self._task = self._field("status_task", self.tr("What the program is doing"))
        self.addWidget(self._busy)
        self.addWidget(self._task)
        self._position = self._field("status_position", self.tr("Row and column under the pointer"))
        self._class = self._field("status_class", self.tr("Class and confidence under the pointer"))
        self._zoom = self._field("status_zoom", self.tr("Zoom"))
        self._saved = self._field("status_saved", self.tr("Whether everything is on disk"))
        self._model = self._field("status_model", self.tr("The network in force"))
        self._device = self._field("status_device", self.tr("What the network runs on"))
        self._device.show_text(self.tr("Starting the engine..."))
        for field in (
            self._position, self._class, self._zoom, self._saved, self._model, self._device,
        ):  # fmt: skip
            self.addPermanentWidget(field)

    def show_task(self, text: str) -> None:
        """Names what runs in the background; empty when nothing does."""
        self._task.show_text(text)
        self._busy.setVisible(bool(text))

    def show_pointer(self, row: int, col: int, name: str, confidence: float | None) -> None:
        """Shows a pixel, its class, and the network's probability (0..1) when it is known."""
        self._position.show_text(f"x {col}  y {row}")
        share = f"  {confidence:.0%}" if confidence is not None else ""
        self._class.show_text(f"{name}{share}")

    def reserve_pointer(self, height: int, width: int, names: Sequence[str]) -> None:
        """Makes room for every pixel of an image and for every class."""
        self._position.reserve(f"x {'8' * len(str(width))}  y {'8' * len(str(height))}")
        widest = max(names, key=self._class.fontMetrics().horizontalAdvance)
        self._class.reserve(f"{widest}  {1:.0%}")

    def clear_pointer(self) -> None:
        """The pointer left the image."""
        self._position.show_text("")
        self._class.show_text("")

    def show_zoom(self, scale: float) -> None:
        """Shows the zoom; 1.0 is one image pixel per screen pixel."""
        self._zoom.show_text(f"{scale:.0%}")

    def show_saved(self, text: str) -> None:
        """Shows whether everything is on disk."""
        self._saved.show_text(text)

    def show_model(self, text: str, tip: str = "") -> None:
        """Names the network in force."""
        self._model.show_text(text)
        self._model.setToolTip(tip)

    def show_device(self, device: DeviceInfo) -> None:
        """Names what the network runs on."""
        self._device.show_text(device.name)
        self._device.setToolTip(device.backend)

    def _field(self, name: str, meaning: str) -> _Field:
        label = _Field()
        label.setObjectName(name)
        label.setAccessibleName(meaning)
        label.setToolTip(meaning)
        label.setContentsMargins(_GAP_PX, 0, _GAP_PX, 0)
        return label
