"""The bare widget that the window is measured against: ``python -m tests.benchmarks.bare_window``.

It shows one image and paints dabs into an overlay, with dirty rectangles, and does nothing else: no
mask, classes, undo, files, panels. It imports what it needs and no more. Takes the image's path.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from tests.benchmarks.orders import Heartbeat, OrderServer, quit_program

SIZE = (1440, 900)
_COLORS = [QColor.fromHsv(hue, 255, 255, 128) for hue in range(0, 352, 32)]


class BareWindow(QWidget):
    """An image at 100 % from its middle, and an overlay."""

    def __init__(self, image: QImage) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.resize(*SIZE)
        self._image = image.convertToFormat(QImage.Format.Format_RGB32)
        self._overlay = QImage(image.size(), QImage.Format.Format_ARGB32_Premultiplied)
        self._overlay.fill(0)
        self._left = (image.width() - SIZE[0]) // 2
        self._top = (image.height() - SIZE[1]) // 2
        self._radius, self._color = 5.0, _COLORS[0]
        self._last: QPointF | None = None

    def set_brush(self, radius_px: float, number: int) -> None:
        """Radius in pixels, and the number of a colour."""
        self._radius, self._color = radius_px, _COLORS[number % len(_COLORS)]

    def canvas(self) -> list[int]:
        """Left, top, width, height of what can be painted on, on the screen."""
        corner = self.mapToGlobal(QPointF(0, 0)).toPoint()
        return [corner.x(), corner.y(), *SIZE]

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Starts a stroke."""
        self._last = event.position()
        self._dab(self._last)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Paints dabs from the last point to this one."""
        if self._last is None:
            return
        way = event.position() - self._last
        steps = max(1, round(way.manhattanLength() / self._radius * 2))
        for step in range(1, steps + 1):
            self._dab(self._last + way * (step / steps))
        self._last = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Ends the stroke."""
        self._last = None

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Blits image and overlay where something changed."""
        painter = QPainter(self)
        dirty = event.rect()
        source = dirty.translated(self._left, self._top)
        painter.drawImage(dirty.topLeft(), self._image, source)
        painter.drawImage(dirty.topLeft(), self._overlay, source)

    def _dab(self, at: QPointF) -> None:
        painter = QPainter(self._overlay)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._color)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawEllipse(at + QPointF(self._left, self._top), self._radius, self._radius)
        painter.end()
        reach = self._radius + 2
        side = int(2 * reach) + 2
        self.update(QRect(int(at.x() - reach), int(at.y() - reach), side, side))


def main() -> None:
    """Shows the window until standard input ends."""
    application = QApplication(sys.argv[:1])
    # As in the program: on X11 the application switches it on when it is made.
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, False)
    window = BareWindow(QImage(sys.argv[1]))
    window.show()
    heartbeat = Heartbeat()
    orders = OrderServer(
        {
            "brush": window.set_brush, "canvas": window.canvas,
            "start_heartbeat": heartbeat.start, "stop_heartbeat": heartbeat.stop,
        },
        quit_program,
    )  # fmt: skip
    application.exec()
    del orders


if __name__ == "__main__":
    main()
