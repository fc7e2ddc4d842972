"""The brush at the pointer: the border of exactly the pixels it would paint."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from seggui.canvas.editor import Point
from seggui.canvas.view_transform import ViewTransform
from seggui.core.brush import dab_outline
from seggui.core.records import EMPTY_RECT, Rect

_EXACT_FROM_SCALE = 4.0
"""From this scale on single pixels are large enough to be shown; below, a circle is the same."""

_CIRCLE_CORNERS = 72
_MARGIN_PX = 3
_TICKS_BELOW_PX = 4.0
_WORTH_A_RING_PX = 60
_DARK, _LIGHT = QColor(0, 0, 0, 160), QColor(255, 255, 255)


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

    def outline(self) -> list[tuple[float, float]]:
        """The closed line (x, y) in device pixels."""
        if self.view.scale >= _EXACT_FROM_SCALE:
            corners = dab_outline(self.point, self.radius_px)
            return [self.view.to_device((float(row), float(col))) for row, col in corners]
        x, y = self.view.to_device(self.point)
        radius = self.radius_px * self.view.scale
        angles = np.linspace(0, 2 * math.pi, _CIRCLE_CORNERS, endpoint=False)
        return list(zip(x + radius * np.cos(angles), y + radius * np.sin(angles), strict=True))

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
        polygon = QPolygonF([QPointF(x, y) for x, y in self.outline()])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        is_exact = self.view.scale >= _EXACT_FROM_SCALE
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not is_exact)
        for color, width in ((_DARK, 3.0), (_LIGHT, 1.0)):
            pen = QPen(color, width * self.pixel)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawPolygon(polygon)
            if self._is_tiny():
                self._paint_ticks(painter)

    def _is_tiny(self) -> bool:
        return self.radius_px * self.view.scale < _TICKS_BELOW_PX * self.pixel

    def _paint_ticks(self, painter: QPainter) -> None:
        """Marks the place of a brush that is too small to be found on the screen."""
        x, y = self.view.to_device(self.point)
        near, far = 5 * self.pixel, 9 * self.pixel
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            painter.drawLine(
                QPointF(x + dx * near, y + dy * near), QPointF(x + dx * far, y + dy * far)
            )

    def _reach(self) -> float:
        reach = (self.radius_px + 1) * self.view.scale
        if self._is_tiny():
            reach = max(reach, 9 * self.pixel)
        return reach + _MARGIN_PX * self.pixel


def _around(left: float, top: float, right: float, bottom: float) -> Rect:
    rect = Rect(math.floor(top), math.floor(left), math.ceil(bottom), math.ceil(right))
    return EMPTY_RECT if rect.is_empty else rect
