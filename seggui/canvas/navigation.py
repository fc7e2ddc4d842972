"""What every tool has in common: zoom, pan, brush size by gesture, and the peek at the image.

| gesture | does |
|---|---|
| Ctrl and wheel, pinch | zooms at the pointer |
| wheel | zooms at the pointer, or scrolls if ``wheel_scrolls`` |
| Shift and wheel | brush size |
| two fingers on a trackpad | pans |
| middle drag, Space and left drag | pans |
| Alt and left drag sideways | brush size: the border follows the pointer |
| H held | hides the mask |
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QInputDevice, QKeyEvent, QNativeGestureEvent, QWheelEvent

from seggui.canvas.tools.base import PointerEvent

if TYPE_CHECKING:
    from seggui.canvas.canvas import Canvas

_WHEEL_STEP = 120
"""What Qt reports for one notch, in eighths of a degree."""
_ZOOM_PER_NOTCH = 1.2
_SCROLL_PER_NOTCH_PX = 80


class _Drag(Enum):
    PAN = "pan"
    BRUSH_SIZE = "brush size"


class Navigator:
    """Handles the gestures that no tool sees.

    Attributes:
        wheel_scrolls: whether the plain wheel scrolls instead of zooming.
    """

    def __init__(self, canvas: Canvas) -> None:
        self.wheel_scrolls = False
        self._canvas = canvas
        self._is_space_held = False
        self._drag: _Drag | None = None
        self._start = QPointF()
        self._start_radius_px = 0.0
        self._notches = 0.0

    @property
    def is_resizing_brush(self) -> bool:
        """Whether Alt and a drag change the brush now; its cursor stays where it began."""
        return self._drag is _Drag.BRUSH_SIZE

    @property
    def cursor(self) -> Qt.CursorShape | None:
        """The system cursor while a gesture decides it, else None."""
        if self._drag is _Drag.PAN:
            return Qt.CursorShape.ClosedHandCursor
        if self._drag is _Drag.BRUSH_SIZE:
            return Qt.CursorShape.SizeHorCursor
        return Qt.CursorShape.OpenHandCursor if self._is_space_held else None

    def wheel(self, event: QWheelEvent) -> None:
        """Zooms, scrolls or changes the brush."""
        modifiers = event.modifiers()
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            self._zoom(event)
        elif modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._step_brush(event)
        elif _is_two_finger_scroll(event):
            delta = QPointF(event.pixelDelta()) * self._canvas.device_pixel_ratio
            self._canvas.pan(delta.x(), delta.y())
        elif self.wheel_scrolls:
            delta = QPointF(event.angleDelta()) / _WHEEL_STEP * _SCROLL_PER_NOTCH_PX
            self._canvas.pan(delta.x(), delta.y())
        else:
            self._zoom(event)

    def native_gesture(self, event: QNativeGestureEvent) -> bool:
        """Zooms by pinching; False for every other gesture."""
        if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
            return False
        factor = max(0.1, 1 + event.value())
        self._canvas.zoom_to(self._canvas.view.scale * factor, event.position())
        return True

    def press(self, event: PointerEvent) -> bool:
        """Begins a gesture; False if the press is the tool's."""
        is_left = event.button == Qt.MouseButton.LeftButton
        if event.button == Qt.MouseButton.MiddleButton or (is_left and self._is_space_held):
            self._drag = _Drag.PAN
        elif is_left and event.has(Qt.KeyboardModifier.AltModifier) and self._canvas.has_editor:
            self._drag = _Drag.BRUSH_SIZE
            self._start_radius_px = self._canvas.editor.brush_radius_px
        else:
            return False
        self._start = QPointF(event.x, event.y)
        return True

    def move(self, event: PointerEvent) -> None:
        """Goes on with the gesture."""
        here = QPointF(event.x, event.y)
        if self._drag is _Drag.PAN:
            step, self._start = here - self._start, here
            self._canvas.pan(step.x(), step.y())
        elif self._drag is _Drag.BRUSH_SIZE:
            grown = (here.x() - self._start.x()) / self._canvas.view.scale
            self._canvas.editor.set_brush_radius(max(0.5, self._start_radius_px + grown))
            self._canvas.refresh_cursor()

    def release(self) -> None:
        """Ends the gesture."""
        self._drag = None

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether a key is held for a gesture, and so no shortcut of the window."""
        return event.key() in (Qt.Key.Key_Space, Qt.Key.Key_H) and not (
            event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        )

    def key(self, event: QKeyEvent, *, is_down: bool) -> bool:
        """Takes Space and H; False leaves the key to others."""
        if is_down and not self.wants_key(event):
            return False
        if event.key() not in (Qt.Key.Key_Space, Qt.Key.Key_H):
            return False
        if not event.isAutoRepeat():
            if event.key() == Qt.Key.Key_Space:
                self._is_space_held = is_down
            else:
                self._canvas.set_peek(is_down)
        return True

    def let_go(self) -> None:
        """Forgets held keys: the focus went elsewhere, and so will their release."""
        self._is_space_held = False
        self._canvas.set_peek(False)

    def _zoom(self, event: QWheelEvent) -> None:
        notches = _turned(event) / _WHEEL_STEP
        scale = self._canvas.view.scale * _ZOOM_PER_NOTCH**notches
        self._canvas.zoom_to(scale, event.position())

    def _step_brush(self, event: QWheelEvent) -> None:
        # Fine wheels report parts of a notch; the brush changes at whole ones.
        self._notches += _turned(event) / _WHEEL_STEP
        whole = int(self._notches)
        self._notches -= whole
        if whole and self._canvas.has_editor:
            self._canvas.editor.step_brush(whole)
            self._canvas.refresh_cursor()


def _turned(event: QWheelEvent) -> int:
    # With Alt, and on macOS with Shift, the wheel is reported as a horizontal one.
    delta = event.angleDelta()
    return delta.y() or delta.x()


def _is_two_finger_scroll(event: QWheelEvent) -> bool:
    # A wheel of high resolution has pixel deltas under X11, too; only the device or phases tell.
    return not event.pixelDelta().isNull() and (
        event.phase() != Qt.ScrollPhase.NoScrollPhase
        or event.device().type() == QInputDevice.DeviceType.TouchPad
    )
