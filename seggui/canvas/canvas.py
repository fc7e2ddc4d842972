"""The canvas: turns what pointer, pen and keys do to the image into calls of the tools."""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QHideEvent,
    QImage,
    QInputDevice,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPointingDevice,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from seggui.canvas.coordinates import device_point, pixel_center
from seggui.canvas.cursor import BrushCursor, joined
from seggui.canvas.editor import Editor
from seggui.canvas.image_view import ImageView
from seggui.canvas.navigation import Navigator
from seggui.canvas.tools.base import PointerEvent, Tool
from seggui.canvas.tools.table import TOOLS
from seggui.core.records import Rect

_NO_BUTTON = Qt.MouseButton.NoButton
_TOOL_BUTTONS = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)
_GESTURE_KEYS = (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Backspace)
_NOWHERE = (-1, -1)


class Canvas(ImageView):
    """One image with its mask and the tools to correct it.

    Whoever replaces the document calls ``finish_gesture`` first, then ``set_image``, ``set_mask``.

    Signals:
        pointer_moved: (row, column) the pixel under the pointer; only on the image.
        pointer_left: the pointer is not on the image any more.
        tool_changed: (name) another tool is in the hand.
        edit_refused: somebody tried to edit while the editor cannot.
    """

    pointer_moved = Signal(int, int)
    pointer_left = Signal()
    tool_changed = Signal(str)
    edit_refused = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor: Editor | None = None
        self._tools: dict[str, Tool] = {info.name: info.tool_class(self) for info in TOOLS}
        self._tool = self._tools[TOOLS[0].name]
        self._navigator = Navigator(self)
        self._uses_pressure = True
        self._held_button = _NO_BUTTON
        self._is_tool_gesture = False
        self._pointer: PointerEvent | None = None
        self._pixel = _NOWHERE
        self._cursor: BrushCursor | None = None
        self._cursor_rects: list[Rect] = []
        self._cursor_shape = self.cursor().shape()  # asking Qt at each move takes longer
        self._set_up_widget()

    def set_image(
        self,
        image: QImage | None,
        *,
        keep_view: bool = False,
        levels: tuple[QImage, ...] | None = None,
    ) -> None:
        """Shows another image; what the tools remember of the old one is dropped."""
        if image is None or not self.has_picture:
            self._forget_image()  # else it is the image of the picture: a stroke goes on
        super().set_image(image, keep_view=keep_view, levels=levels)
        self._follow_view()
        self._refresh_shape()

    def leave_image(self) -> None:
        """As ``ImageView.leave_image``; what the tools remember is dropped."""
        self._forget_image()
        super().leave_image()
        self._refresh_shape()

    def _forget_image(self) -> None:
        self._end_gesture()
        for tool in self._tools.values():
            tool.forget()

    # -- tools -----------------------------------------------------------------------------------

    @property
    def editor(self) -> Editor:
        """Who owns the document; a tool or gesture is only reached when there is one."""
        assert self._editor is not None
        return self._editor

    @property
    def tool(self) -> str:
        """Name of the tool in the hand."""
        return self._tool.name

    @property
    def has_editor(self) -> bool:
        """Whether there is anybody to ask for changes."""
        return self._editor is not None

    def set_editor(self, editor: Editor | None) -> None:
        """Sets who owns the document; without one, the canvas only shows."""
        self._end_gesture()
        self._editor = editor
        self.refresh_cursor()

    def set_tool(self, name: str) -> None:
        """Takes another tool; a stroke in the hand is committed first.

        Raises:
            KeyError: if there is no such tool.
        """
        new = self._tools[name]
        if new is self._tool:
            return
        self.finish_gesture()
        self.repaint_device(self._tool.painted_rect())
        self._tool = new
        self.repaint_device(new.painted_rect())
        self.refresh_cursor()
        self.tool_changed.emit(name)

    def finish_gesture(self) -> None:
        """Commits the stroke in the hand, if there is one, as if the button was released."""
        if self._editor is not None:
            self._tool.finish()
        self._end_gesture()

    def refresh_cursor(self) -> None:
        """Shows the brush as it is now: call it when its radius or the right to edit changed."""
        self._replace_cursor()
        self._refresh_shape()

    def set_wheel_scrolls(self, wheel_scrolls: bool) -> None:
        """Whether the plain wheel scrolls (as in labelme) instead of zooming."""
        self._navigator.wheel_scrolls = wheel_scrolls

    def set_pen_pressure(self, uses_pressure: bool) -> None:
        """Whether the pressure of a pen sets the radius of the brush."""
        self._uses_pressure = uses_pressure

    def refuse(self) -> None:
        """Tells that editing is not possible now."""
        self.edit_refused.emit()

    def paint_over(self, painter: QPainter) -> None:
        """Draws what the tool has begun, and the brush."""
        if not self.has_image and self._editor is not None and not self.is_peeking:
            self.paint_strokes(painter, self._editor.early_strokes)
        self._tool.paint(painter, pixel=max(1.0, self.device_pixel_ratio))
        if self._cursor is not None:
            self._cursor.paint(painter)

    # -- Qt events -------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begins a gesture."""
        self._press(self._mouse_pointer(event))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Begins a gesture, too: nobody who dabs fast means a double click."""
        self._press(self._mouse_pointer(event), is_double=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Goes on with the gesture, and shows the brush at its new place."""
        self._move(self._mouse_pointer(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Ends the gesture of this button."""
        self._release(self._mouse_pointer(event))

    def tabletEvent(self, event: QTabletEvent) -> None:
        """The same with a pen; anything else on a tablet comes as a mouse."""
        if event.pointerType() not in (
            QPointingDevice.PointerType.Pen, QPointingDevice.PointerType.Eraser
        ):  # fmt: skip
            event.ignore()
            return
        pointer = self._pen_pointer(event)
        if event.type() == QEvent.Type.TabletPress:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._press(pointer)
        elif event.type() == QEvent.Type.TabletRelease:
            self._release(pointer)
        else:
            self._move(pointer)
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zooms, scrolls or changes the brush."""
        if self.has_image:
            self._navigator.wheel(event)
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Takes pinches, and keys of a gesture before the window's shortcuts get them."""
        if event.type() == QEvent.Type.ShortcutOverride:
            if isinstance(event, QKeyEvent) and self._wants_key(event):
                event.accept()
                return True
        elif isinstance(event, QNativeGestureEvent) and self._navigator.native_gesture(event):
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape aborts; Space and H are held; the rest is the tool's or the window's."""
        key = Qt.Key(event.key())
        if self._navigator.key(event, is_down=True):
            self._refresh_shape()
        elif key == Qt.Key.Key_Escape and self._tool.is_active:
            self._tool.abort()
        elif not self._tool.key(key, event.modifiers()):
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Lets Space and H go."""
        if self._navigator.key(event, is_down=False):
            self._refresh_shape()
        else:
            event.ignore()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Shows the brush where the pointer comes in."""
        x, y = pixel_center(event.position(), self.device_pixel_ratio)
        self._hover(PointerEvent(self.view.to_image(x, y), x, y))

    def leaveEvent(self, event: QEvent) -> None:
        """Takes the brush away."""
        self._hover(None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Repaints nothing: the widget's own answer would, in the middle of a first stroke."""
        event.accept()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Held keys are released elsewhere. Nothing looks different without the focus."""
        self._navigator.let_go()
        self._refresh_shape()
        event.accept()

    def hideEvent(self, event: QHideEvent) -> None:
        """Commits what is in the hand: the release will not come."""
        self.finish_gesture()
        self._hover(None)
        super().hideEvent(event)

    # -- inside ----------------------------------------------------------------------------------

    def _set_up_widget(self) -> None:
        self.setObjectName("canvas")
        self.setAccessibleName(self.tr("Image and mask"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.view_changed.connect(self._follow_view)

    def _press(self, pointer: PointerEvent, *, is_double: bool = False) -> None:
        if self._held_button != _NO_BUTTON or not self.is_shown:
            return
        self._hover(pointer)
        if self._navigator.press(pointer):
            self._held_button = pointer.button
        elif pointer.button in _TOOL_BUTTONS and self._may_use_tool():
            self._held_button, self._is_tool_gesture = pointer.button, True
            if is_double:
                self._tool.double_click(pointer)
            else:
                self._tool.press(pointer)
        self._refresh_shape()

    def _move(self, pointer: PointerEvent) -> None:
        if self._held_button != _NO_BUTTON and not pointer.buttons & self._held_button:
            # The release went to a dialog or another window.
            self._release(replace(pointer, button=self._held_button))
        if self._held_button != _NO_BUTTON and not self._is_tool_gesture:
            self._navigator.move(pointer)
        elif self._editor is not None:
            self._tool.move(pointer)
        self._hover(pointer)

    def _release(self, pointer: PointerEvent) -> None:
        if pointer.button != self._held_button or pointer.button == _NO_BUTTON:
            return
        if self._is_tool_gesture:
            self._tool.release(pointer)
        self._end_gesture()
        self._hover(pointer)

    def _end_gesture(self) -> None:
        self._held_button, self._is_tool_gesture = _NO_BUTTON, False
        self._navigator.release()
        self._refresh_shape()

    def _may_use_tool(self) -> bool:
        if self._editor is None:
            return False
        if self._tool.edits and not self._can_use_tool(self._editor):
            self.refuse()
            return False
        return True

    def _can_use_tool(self, editor: Editor) -> bool:
        return editor.can_stroke if self._tool.has_brush_cursor else editor.can_edit

    def _wants_key(self, event: QKeyEvent) -> bool:
        return self._navigator.wants_key(event) or (
            self._tool.is_active and event.key() in _GESTURE_KEYS
        )

    def _mouse_pointer(self, event: QMouseEvent) -> PointerEvent:
        x, y = pixel_center(event.position(), self.device_pixel_ratio)
        return PointerEvent(
            self.view.to_image(x, y), x, y, event.button(), event.buttons(), event.modifiers()
        )

    def _pen_pointer(self, event: QTabletEvent) -> PointerEvent:
        x, y = device_point(event.position(), self.device_pixel_ratio)
        capabilities = event.pointingDevice().capabilities()
        presses = event.button() != _NO_BUTTON or event.buttons() != _NO_BUTTON
        has_pressure = bool(capabilities & QInputDevice.Capability.Pressure)
        return PointerEvent(
            self.view.to_image(x, y), x, y, event.button(), event.buttons(), event.modifiers(),
            pressure=event.pressure() if self._uses_pressure and has_pressure and presses else None,
            is_pen_eraser=event.pointerType() == QPointingDevice.PointerType.Eraser,
        )  # fmt: skip

    def _hover(self, pointer: PointerEvent | None) -> None:
        """Remembers where the pointer is, and shows and tells it."""
        if not self._navigator.is_resizing_brush:
            self._pointer = pointer
        self._replace_cursor()
        self._refresh_shape()
        self._tell_pixel()

    def _follow_view(self) -> None:
        """The pointer stays, the image moved under it."""
        if self._pointer is not None:
            point = self.view.to_image(self._pointer.x, self._pointer.y)
            self._pointer = replace(self._pointer, point=point)
        self._replace_cursor()
        self._tell_pixel()

    def _tell_pixel(self) -> None:
        pixel = _NOWHERE
        if self._pointer is not None and self.contains(self._pointer.point):
            pixel = math.floor(self._pointer.point[0]), math.floor(self._pointer.point[1])
        if pixel == self._pixel:
            return
        self._pixel = pixel
        if pixel == _NOWHERE:
            self.pointer_left.emit()
        else:
            self.pointer_moved.emit(*pixel)

    def _replace_cursor(self) -> None:
        cursor = self._current_cursor()
        if cursor == self._cursor:
            return
        rects = cursor.painted_rects() if cursor is not None else []
        for rect in joined(self._cursor_rects, rects):
            self.repaint_device(rect)
        self._cursor, self._cursor_rects = cursor, rects

    def _current_cursor(self) -> BrushCursor | None:
        editor, pointer = self._editor, self._pointer
        is_shown = self.is_shown and self._tool.has_brush_cursor
        if editor is None or pointer is None or not is_shown or not editor.can_stroke:
            return None
        radius_px = pointer.radius_px(editor)
        return BrushCursor(pointer.point, radius_px, self.view, max(1.0, self.device_pixel_ratio))

    def _refresh_shape(self) -> None:
        shape = self._shape()
        if shape != self._cursor_shape:
            self._cursor_shape = shape
            self.setCursor(shape)

    def _shape(self) -> Qt.CursorShape:
        if not self.is_shown:
            return Qt.CursorShape.ArrowCursor
        if self._navigator.cursor is not None:
            return self._navigator.cursor
        if self._tool.edits and (self._editor is None or not self._can_use_tool(self._editor)):
            return Qt.CursorShape.ForbiddenCursor
        is_on_image = self._pointer is not None and self.contains(self._pointer.point)
        if self._tool.has_brush_cursor and (is_on_image or self._is_tool_gesture):
            return Qt.CursorShape.BlankCursor
        if self._tool.cursor == Qt.CursorShape.OpenHandCursor and self._is_tool_gesture:
            return Qt.CursorShape.ClosedHandCursor
        return self._tool.cursor
