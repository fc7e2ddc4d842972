"""An editor that paints into an array with the real geometry, and hands for the canvas."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QPointingDevice, QTabletEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from model.data.label_sets import IGNORE
from seggui.canvas.canvas import Canvas
from seggui.canvas.editor import Point
from seggui.canvas.layers import image_from_pixels
from seggui.core.brush import capsule
from seggui.core.early_strokes import EarlyStroke

LEFT, RIGHT, MIDDLE = (
    Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton,
)  # fmt: skip
NO_KEY = Qt.KeyboardModifier.NoModifier
SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)  # fmt: skip
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@dataclass
class FakeEditor:
    """Records every call, and paints strokes of class 1 into ``mask``."""

    canvas: Canvas
    mask: NDArray[np.uint8]
    can_edit: bool = True
    brush_radius_px: float = 3.0
    calls: list[tuple[object, ...]] = field(default_factory=list)
    before_stroke: NDArray[np.uint8] | None = None
    value: int = 1

    early_strokes: list[EarlyStroke] = field(default_factory=list)

    @property
    def can_stroke(self) -> bool:
        return self.can_edit

    @property
    def names(self) -> list[str]:
        """What was called, in order."""
        return [str(call[0]) for call in self.calls]

    @property
    def segments(self) -> list[tuple[Point, Point]]:
        """The segments of all strokes, in order."""
        return [(call[1], call[2]) for call in self.calls if call[0] == "extend"]  # type: ignore[misc]

    def set_brush_radius(self, radius_px: float) -> None:
        self.brush_radius_px = radius_px

    def step_brush(self, step: int) -> None:
        self.calls.append(("step", step))
        self.brush_radius_px = max(0.5, self.brush_radius_px + step)

    def begin_stroke(self, *, erase: bool) -> None:
        assert self.before_stroke is None, "a stroke is begun already"
        self.calls.append(("begin", erase))
        self.value = IGNORE if erase else 1
        self.before_stroke = self.mask.copy()

    def extend_stroke(self, p: Point, q: Point, *, radius_px: float | None = None) -> None:
        assert self.before_stroke is not None, "no stroke is begun"
        self.calls.append(("extend", p, q, radius_px))
        height, width = self.mask.shape
        radius = radius_px or self.brush_radius_px
        rect, pixels = capsule(p, q, radius, height=height, width=width)
        self.mask[rect.slices][pixels] = self.value
        self.canvas.update_mask(rect)

    def commit_stroke(self) -> None:
        assert self.before_stroke is not None, "no stroke is begun"
        self.calls.append(("commit",))
        self.before_stroke = None

    def abort_stroke(self) -> None:
        assert self.before_stroke is not None, "no stroke is begun"
        self.calls.append(("abort",))
        self.mask[:] = self.before_stroke
        self.before_stroke = None
        self.canvas.set_mask(self.mask)

    def fill(self, p: Point) -> None:
        self.calls.append(("fill", p))

    def paint_polygon(self, points: tuple[Point, ...], *, erase: bool) -> None:
        self.calls.append(("polygon", points, erase))

    def pick(self, p: Point) -> None:
        self.calls.append(("pick", p))


def random_pixels(height: int, width: int, *, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def gray_image(height: int, width: int, level: int = 100) -> QImage:
    return image_from_pixels(np.full((height, width, 3), level, np.uint8))


def open_image(canvas: Canvas, height: int, width: int) -> FakeEditor:
    """Shows a gray image without labels at 100 % in the upper left corner, ready to paint."""
    canvas.set_image(gray_image(height, width))
    editor = FakeEditor(canvas, np.full((height, width), IGNORE, np.uint8))
    canvas.set_mask(editor.mask)
    canvas.set_class_colors([RED, GREEN, BLUE])
    canvas.set_editor(editor)
    place(canvas, 1.0)
    return editor


def place(canvas: Canvas, scale: float, left: float = 0.0, top: float = 0.0) -> None:
    """Puts the image's corner at (left, top) in device pixels, at that scale."""
    canvas.zoom_to(scale)
    canvas.pan(left - canvas.view.left, top - canvas.view.top)
    assert abs(canvas.view.left - left) + abs(canvas.view.top - top) < 1e-6


def press(canvas: Canvas, x: int, y: int, button=LEFT, keys=NO_KEY) -> None:
    QTest.mousePress(canvas, button, keys, QPoint(x, y))


def release(canvas: Canvas, x: int, y: int, button=LEFT, keys=NO_KEY) -> None:
    QTest.mouseRelease(canvas, button, keys, QPoint(x, y))


def move(canvas: Canvas, x: int, y: int) -> None:
    QTest.mouseMove(canvas, QPoint(x, y))


def drag(canvas: Canvas, places: list[tuple[int, int]], button=LEFT, keys=NO_KEY) -> None:
    press(canvas, *places[0], button, keys)
    for x, y in places[1:]:
        move(canvas, x, y)
    release(canvas, *places[-1], button, keys)


def wheel(
    canvas: Canvas, x: float, y: float, *, notches: float = 0, keys=NO_KEY,
    pixels: QPoint | None = None, phase=Qt.ScrollPhase.NoScrollPhase, sideways: bool = False,
) -> None:  # fmt: skip
    angle = QPoint(round(120 * notches), 0) if sideways else QPoint(0, round(120 * notches))
    position = QPointF(x, y)
    event = QWheelEvent(
        position, canvas.mapToGlobal(position), pixels or QPoint(), angle,
        Qt.MouseButton.NoButton, keys, phase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def pen(canvas: Canvas, kind, x: float, y: float, *, pressure: float, eraser: bool = False) -> None:
    """Sends a tablet event as a pen would."""
    pointer = QPointingDevice.PointerType.Eraser if eraser else QPointingDevice.PointerType.Pen
    device = QPointingDevice(
        "pen", 1, QPointingDevice.DeviceType.Stylus, pointer,
        QPointingDevice.Capability.Position | QPointingDevice.Capability.Pressure, 1, 1,
    )  # fmt: skip
    is_release = kind == QTabletEvent.Type.TabletRelease
    is_move = kind == QTabletEvent.Type.TabletMove
    position = QPointF(x, y)
    event = QTabletEvent(
        kind, device, position, canvas.mapToGlobal(position), pressure, 0.0, 0.0, 0.0, 0.0, 0.0,
        NO_KEY,
        Qt.MouseButton.NoButton if is_move else LEFT,
        Qt.MouseButton.NoButton if is_release else LEFT,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def pixels_of(image: QImage) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 red green blue of a picture, a copy, in its own pixels."""
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), -1, 4)
    return flat[:, : plain.width(), 2::-1].copy()


def painted(canvas: Canvas) -> NDArray[np.uint8]:
    """What a full repaint shows, in device pixels."""
    return pixels_of(canvas.grab().toImage())


def on_screen(canvas: Canvas) -> NDArray[np.uint8]:
    """What the repaints so far left in the window: its upper left part on dense screens."""
    QApplication.processEvents()
    return pixels_of(canvas.screen().grabWindow(canvas.winId()).toImage())
