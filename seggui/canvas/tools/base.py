"""What every tool of the canvas has: it gets pointer events and asks the editor for changes."""

# ruff: noqa: B027
# A tool overrides the hooks that it needs; the others do nothing.

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from seggui.canvas.editor import Editor, Point
from seggui.canvas.view_transform import ViewTransform
from seggui.core.records import EMPTY_RECT, Rect

_LIGHTEST_PEN = 0.1
"""Even the lightest touch paints with a tenth of the radius: a brush that vanishes seems broken."""


@dataclass(frozen=True)
class PointerEvent:
    """A press, move or release of mouse or pen.

    Attributes:
        point: (row, column) in image pixels.
        x: device pixels from the left edge of the canvas.
        y: device pixels from its upper edge.
        button: pressed or released; NoButton for a move.
        buttons: held down after the event.
        modifiers: keys held.
        pressure: 0..1 of a pen if it is to set the radius, else None.
        is_pen_eraser: the other end of a pen.
    """

    point: Point
    x: float
    y: float
    button: Qt.MouseButton = Qt.MouseButton.NoButton
    buttons: Qt.MouseButton = Qt.MouseButton.NoButton
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    pressure: float | None = None
    is_pen_eraser: bool = False

    def has(self, modifier: Qt.KeyboardModifier) -> bool:
        """Whether that key is held."""
        return bool(self.modifiers & modifier)

    def radius_px(self, editor: Editor) -> float:
        """The radius of the brush in image pixels at this pressure."""
        if self.pressure is None:
            return editor.brush_radius_px
        share = _LIGHTEST_PEN + (1 - _LIGHTEST_PEN) * self.pressure
        return max(0.5, editor.brush_radius_px * share)


class ToolHost(Protocol):
    """What a tool may ask of the canvas."""

    @property
    def editor(self) -> Editor:
        """Who owns the document."""
        ...

    @property
    def view(self) -> ViewTransform:
        """Where the image lies now."""
        ...

    def contains(self, point: Point) -> bool:
        """Whether the point is on the image."""
        ...

    def pan(self, dx: float, dy: float) -> None:
        """Moves the view by device pixels."""
        ...

    def repaint_device(self, rect: Rect) -> None:
        """Schedules a repaint of device pixels."""
        ...

    def refuse(self) -> None:
        """Tells that editing is not possible now."""
        ...


class Tool(ABC):
    """One tool. Only left and right button arrive; panning and zooming never reach a tool.

    Attributes:
        name: in the table of tools.
        edits: whether it changes the mask, and so needs an editor that can edit.
        has_brush_cursor: whether the canvas draws the brush at the pointer.
        cursor: shape of the system cursor for tools without the brush cursor.
    """

    name: ClassVar[str]
    edits: ClassVar[bool] = True
    has_brush_cursor: ClassVar[bool] = False
    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.CrossCursor

    def __init__(self, host: ToolHost) -> None:
        self._host = host

    @property
    def is_active(self) -> bool:
        """Whether something is begun that Escape can take back."""
        return False

    @abstractmethod
    def press(self, event: PointerEvent) -> None:
        """A button went down; a refused edit has been told already."""

    def move(self, event: PointerEvent) -> None:
        """The pointer moved, with or without a button."""

    def release(self, event: PointerEvent) -> None:
        """The button went up again."""

    def double_click(self, event: PointerEvent) -> None:
        """The second press of a double click; for most tools one press more."""
        self.press(event)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        """Takes a key; False leaves it to the window."""
        return False

    def finish(self) -> None:
        """Completes what is begun as if the button was released: another tool is chosen."""

    def abort(self) -> None:
        """Takes back what is begun."""

    def forget(self) -> None:
        """Drops all memory: another image is shown. Nothing is asked of the editor."""

    def paint(self, painter: QPainter, *, pixel: float) -> None:
        """Draws what is begun, in device pixels; ``pixel`` is the width of a thin line."""

    def painted_rect(self) -> Rect:
        """The device pixels that ``paint`` touches now."""
        return EMPTY_RECT
