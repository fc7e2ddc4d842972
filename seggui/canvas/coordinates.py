"""Where Qt's (x, y) in logical pixels and our (row, column) in device pixels meet."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRect

from seggui.core.records import Rect


def pixel_center(position: QPointF, device_pixel_ratio: float) -> tuple[float, float]:
    """The centre (x, y) of the device pixel under a mouse position.

    A mouse points at a whole pixel. Its corner would lie between image pixels at 100 %, and a brush
    of one pixel would then paint either four or none.
    """
    x, y = position.x() * device_pixel_ratio, position.y() * device_pixel_ratio
    # Positions are multiples of 1 / ratio; at ratio 1.5 some come out a hair below the integer.
    return math.floor(x + 1e-6) + 0.5, math.floor(y + 1e-6) + 0.5


def device_point(position: QPointF, device_pixel_ratio: float) -> tuple[float, float]:
    """A position (x, y) in device pixels, fractions kept (pens are finer than pixels)."""
    return position.x() * device_pixel_ratio, position.y() * device_pixel_ratio


def device_rect(rect: QRect, device_pixel_ratio: float) -> Rect:
    """The device pixels that a rectangle of the widget touches."""
    return Rect(
        math.floor(rect.top() * device_pixel_ratio),
        math.floor(rect.left() * device_pixel_ratio),
        math.ceil((rect.top() + rect.height()) * device_pixel_ratio),
        math.ceil((rect.left() + rect.width()) * device_pixel_ratio),
    )


def widget_rect(rect: Rect, device_pixel_ratio: float, *, margin_px: int = 1) -> QRect:
    """The smallest rectangle of the widget around device pixels, with a margin for rounding."""
    left = math.floor((rect.left - margin_px) / device_pixel_ratio)
    top = math.floor((rect.top - margin_px) / device_pixel_ratio)
    right = math.ceil((rect.right + margin_px) / device_pixel_ratio)
    bottom = math.ceil((rect.bottom + margin_px) / device_pixel_ratio)
    return QRect(left, top, right - left, bottom - top)
