"""The polygon: click the corners, close it, and its inside gets the current class."""

from __future__ import annotations

import math
from typing import ClassVar

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from seggui.canvas.editor import Point
from seggui.canvas.tools.base import PointerEvent, Tool, ToolHost
from seggui.core.records import EMPTY_RECT, Rect

_HANDLE_PX = 4.0
_CLOSE_WITHIN_PX = 9.0
_DARK, _LIGHT = QColor(0, 0, 0, 170), QColor(255, 255, 255)
_INSIDE = QColor(255, 255, 255, 40)
_CLOSING = QColor(98, 168, 255)


class PolygonTool(Tool):
    """Corners by left click; Enter, a double click or the first corner closes.

    Backspace and a right click remove the last corner, Escape all. With Ctrl held while closing,
    the inside is erased instead. An unfinished polygon stays while another tool is used.
    """

    name: ClassVar[str] = "polygon"

    def __init__(self, host: ToolHost) -> None:
        super().__init__(host)
        self._points: list[Point] = []
        self._pointer: PointerEvent | None = None
        self._pixel = 1.0

    @property
    def is_active(self) -> bool:
        """Whether a polygon is begun."""
        return bool(self._points)

    @property
    def points(self) -> tuple[Point, ...]:
        """The corners so far, in image pixels."""
        return tuple(self._points)

    def press(self, event: PointerEvent) -> None:
        """Adds a corner, closes on the first one, or removes the last one (right button)."""
        with _Repaint(self):
            self._pointer = event
            if event.button == Qt.MouseButton.RightButton:
                self._remove_last()
            elif self._is_at_start(event):
                self._close(erase=event.has(Qt.KeyboardModifier.ControlModifier))
            elif self.points[-1:] != (event.point,):
                self._points.append(event.point)

    def move(self, event: PointerEvent) -> None:
        """Takes the next side along with the pointer."""
        if self._points:
            self._repaint_open_side()
            self._pointer = event
            self._repaint_open_side()

    def double_click(self, event: PointerEvent) -> None:
        """Closes: the first of the two clicks added the last corner."""
        if event.button == Qt.MouseButton.RightButton:
            self.press(event)
            return
        with _Repaint(self):
            self._close(erase=event.has(Qt.KeyboardModifier.ControlModifier))

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        """Enter closes, Backspace removes the last corner."""
        if not self._points:
            return False
        with _Repaint(self):
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._close(erase=bool(modifiers & Qt.KeyboardModifier.ControlModifier))
                return True
            if key == Qt.Key.Key_Backspace:
                self._remove_last()
                return True
        return False

    def abort(self) -> None:
        """Drops all corners."""
        with _Repaint(self):
            self._points.clear()

    def forget(self) -> None:
        """Drops all corners."""
        self.abort()

    def paint(self, painter: QPainter, *, pixel: float) -> None:
        """Draws sides, corners and the side that follows the pointer."""
        self._pixel = pixel
        if not self._points:
            return
        corners = [QPointF(*self._host.view.to_device(point)) for point in self._points]
        path = corners + ([] if self._pointer is None else [self._next_corner(self._pointer)])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_INSIDE)
        painter.drawPolygon(QPolygonF(path))
        for color, width in ((_DARK, 3.0), (_LIGHT, 1.0)):
            painter.setPen(QPen(color, width * pixel))
            painter.drawPolyline(QPolygonF(path))
        self._paint_handles(painter, corners)

    def painted_rect(self) -> Rect:
        """Around all corners and the pointer."""
        if not self._points:
            return EMPTY_RECT
        return self._around(self.points)

    def repaint(self) -> None:
        """Schedules a repaint of everything that is drawn now."""
        self._host.repaint_device(self.painted_rect())

    def _repaint_open_side(self) -> None:
        # A moving pointer changes nothing outside the triangle of the two open ends and itself.
        self._host.repaint_device(self._around((self._points[0], self._points[-1])))

    def _around(self, points: tuple[Point, ...]) -> Rect:
        places = [self._host.view.to_device(point) for point in points]
        if self._pointer is not None:
            places.append((self._pointer.x, self._pointer.y))
        margin = (_HANDLE_PX + 4) * self._pixel
        return Rect(
            math.floor(min(y for _, y in places) - margin),
            math.floor(min(x for x, _ in places) - margin),
            math.ceil(max(y for _, y in places) + margin),
            math.ceil(max(x for x, _ in places) + margin),
        )

    def _paint_handles(self, painter: QPainter, corners: list[QPointF]) -> None:
        closes = self._pointer is not None and self._is_at_start(self._pointer)
        painter.setPen(QPen(_DARK, self._pixel))
        for index, corner in enumerate(corners):
            radius = _HANDLE_PX * self._pixel * (1.5 if closes and index == 0 else 1)
            painter.setBrush(_CLOSING if index == 0 and len(corners) > 2 else _LIGHT)
            painter.drawEllipse(corner, radius, radius)

    def _next_corner(self, pointer: PointerEvent) -> QPointF:
        if self._is_at_start(pointer):
            return QPointF(*self._host.view.to_device(self._points[0]))
        return QPointF(pointer.x, pointer.y)

    def _is_at_start(self, event: PointerEvent) -> bool:
        if len(self._points) < 3:
            return False
        x, y = self._host.view.to_device(self._points[0])
        return math.hypot(event.x - x, event.y - y) <= _CLOSE_WITHIN_PX * self._pixel

    def _remove_last(self) -> None:
        if self._points:
            self._points.pop()

    def _close(self, *, erase: bool) -> None:
        if len(self._points) < 3:
            return
        if not self._host.editor.can_edit:
            self._host.refuse()
            return
        points = self.points
        self._points.clear()
        self._host.editor.paint_polygon(points, erase=erase)


class _Repaint:
    """Repaints what a polygon covered before and after a change."""

    def __init__(self, tool: PolygonTool) -> None:
        self._tool = tool

    def __enter__(self) -> None:
        self._tool.repaint()

    def __exit__(self, *_: object) -> None:
        self._tool.repaint()
