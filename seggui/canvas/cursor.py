"""The brush at the pointer: the border of exactly the pixels it would paint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from seggui.canvas.editor import Point
from seggui.canvas.view_transform import ViewTransform
from seggui.core.brush import dab_outline
from seggui.core.records import EMPTY_RECT, Rect

_EXACT_FROM_SCALE = 4.0
"""From this scale on single pixels are large enough to be shown; below, a circle is the same."""

_LARGEST_STORED_PX = 400
_MARGIN_PX = 3
_TICKS_BELOW_PX, _TICKS_FROM_PX, _TICKS_TO_PX = 4.0, 5.0, 9.0
_WORTH_A_RING_PX = 60
_WORTH_A_REPAINT_PX = 2000
_LINES = ((QColor(0, 0, 0, 160), 3.0), (QColor(255, 255, 255), 1.0))


@dataclass(frozen=True)
class BrushCursor:
    """A brush of some radius at some place; another place is another cursor.

    Attributes:
        point: (row, column) in image pixels.
        radius_px: in image pixels.
        view: where the image lies.
        pixel: device pixels of a thin line.
    """

    point: Point
    radius_px: float
    view: ViewTransform
    pixel: float = 1.0

    def painted_rects(self) -> list[Rect]:
        """The device pixels that ``paint`` touches: one rectangle, or a ring of four."""
        x, y = self.view.to_device(self.point)
        reach = self._reach()
        whole = _around(x - reach, y - reach, x + reach, y + reach)
        # Half the side of the largest square inside the line, which is never nearer than this.
        inner = ((self.radius_px - 1) * self.view.scale - _MARGIN_PX * self.pixel) * 0.7
        if inner < _WORTH_A_RING_PX:
            return [whole]
        middle = _around(x - inner, y - inner, x + inner, y + inner)
        return [
            Rect(whole.top, whole.left, middle.top, whole.right),
            Rect(middle.bottom, whole.left, whole.bottom, whole.right),
            Rect(middle.top, whole.left, middle.bottom, middle.left),
            Rect(middle.top, middle.right, middle.bottom, whole.right),
        ]

    def paint(self, painter: QPainter) -> None:
        """Draws it dark and light, so that it shows on every ground, in device pixels."""
        if self.view.scale >= _EXACT_FROM_SCALE:
            self._paint_pixels(painter)
            return
        x, y = self.view.to_device(self.point)
        radius = self.radius_px * self.view.scale
        if radius > _LARGEST_STORED_PX:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            _draw_circle(painter, QPointF(x, y), radius, self.pixel)
        else:
            picture = _circle(radius, self.pixel)
            middle = picture.width() // 2
            painter.drawImage(QPoint(math.floor(x) - middle, math.floor(y) - middle), picture)

    def _paint_pixels(self, painter: QPainter) -> None:
        corners = dab_outline(self.point, self.radius_px).astype(np.float64)
        corners *= self.view.scale
        corners += (self.view.top, self.view.left)
        polygon = QPolygonF([QPointF(x, y) for y, x in corners.tolist()])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for color, width in _LINES:
            pen = QPen(color, width * self.pixel)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawPolygon(polygon)

    def _is_tiny(self) -> bool:
        return self.radius_px * self.view.scale < _TICKS_BELOW_PX * self.pixel

    def _reach(self) -> float:
        reach = (self.radius_px + 1) * self.view.scale
        if self._is_tiny():
            reach = max(reach, _TICKS_TO_PX * self.pixel)
        return reach + _MARGIN_PX * self.pixel


def joined(before: list[Rect], after: list[Rect]) -> list[Rect]:
    """What to repaint when the brush moved: one rectangle if it is not much larger than both.

    Each repaint that is asked for takes as long as painting some thousand pixels.
    """
    if len(before) == len(after) == 1:
        both = before[0].union(after[0])
        if _area(both) <= _area(before[0]) + _area(after[0]) + _WORTH_A_REPAINT_PX:
            return [both]
    return before + after


def _area(rect: Rect) -> int:
    return rect.height * rect.width


@lru_cache(maxsize=4)
def _circle(radius: float, pixel: float) -> QImage:
    """The circle around the middle pixel; drawing it anew at each move would cost 0.4 ms."""
    reach = math.ceil(max(radius, _TICKS_TO_PX * pixel) + _MARGIN_PX * pixel)
    picture = QImage(2 * reach + 1, 2 * reach + 1, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(0)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw_circle(painter, QPointF(reach + 0.5, reach + 0.5), radius, pixel)
    painter.end()
    return picture


def _draw_circle(painter: QPainter, middle: QPointF, radius: float, pixel: float) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width in _LINES:
        painter.setPen(QPen(color, width * pixel))
        painter.drawEllipse(middle, radius, radius)
        if radius < _TICKS_BELOW_PX * pixel:
            # A brush too small to be found on the screen.
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                step = QPointF(dx, dy) * pixel
                painter.drawLine(middle + step * _TICKS_FROM_PX, middle + step * _TICKS_TO_PX)


def _around(left: float, top: float, right: float, bottom: float) -> Rect:
    rect = Rect(math.floor(top), math.floor(left), math.ceil(bottom), math.ceil(right))
    return EMPTY_RECT if rect.is_empty else rect
