"""Times the canvas from event to painted, against a bare widget. Not part of the test suite.

    python -m tests.benchmarks.bench_canvas [--events 400] [--view 1600x900]

The bare widget blits the image and paints dabs into an overlay, with dirty rectangles: as fast as a
QWidget can be without a mask, a cursor, exact pixels, undo or classes. Both take the same events in
turns, so that the ratio holds on a busy machine, too. Run it on a real or virtual X server:

    xvfb-run -a -s "-screen 0 1920x1080x24" python -m tests.benchmarks.bench_canvas
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from seggui.canvas.canvas import Canvas
from seggui.canvas.editor import Point
from seggui.canvas.layers import image_from_pixels, smaller_levels
from seggui.core.document import MaskDocument, PaintRule
from tests.benchmarks.bench_core import NUM_CLASSES, SIZES, scene

RADII = (5, 20, 60)
SCALES = {"100 %": 1.0, "400 %": 4.0}
PIXELS_PER_EVENT = 9


class Probe(QWidget):
    """The bare widget."""

    def __init__(self) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.radius_px = 5.0
        self.scale, self.left, self.top = 1.0, 0.0, 0.0
        self.num_paints = 0
        self._last: QPointF | None = None

    def show_image(self, image: QImage) -> None:
        """Shows an image below an empty overlay."""
        self._image = image
        self._overlay = QImage(image.size(), QImage.Format.Format_ARGB32_Premultiplied)
        self._overlay.fill(0)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Starts a stroke."""
        self._last = self._in_image(event)
        self._dab()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Paints a line from the last point."""
        if self._last is None:
            return
        start, self._last = self._last, self._in_image(event)
        length = math.hypot(self._last.x() - start.x(), self._last.y() - start.y())
        for index in range(max(1, round(length / self.radius_px * 2))):
            share = (index + 1) / max(1, round(length / self.radius_px * 2))
            self._dab(start + (self._last - start) * share)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Ends the stroke."""
        self._last = None

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Blits image and overlay where something changed."""
        self.num_paints += 1
        painter = QPainter(self)
        target = QRectF(event.rect())
        source = QRectF(
            (target.x() - self.left) / self.scale, (target.y() - self.top) / self.scale,
            target.width() / self.scale, target.height() / self.scale,
        )  # fmt: skip
        painter.drawImage(target, self._image, source)
        painter.drawImage(target, self._overlay, source)

    def _in_image(self, event: QMouseEvent) -> QPointF:
        at = event.position()
        return QPointF((at.x() - self.left) / self.scale, (at.y() - self.top) / self.scale)

    def _dab(self, at: QPointF | None = None) -> None:
        at = at or self._last or QPointF()
        painter = QPainter(self._overlay)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(255, 0, 0, 128))
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawEllipse(at, self.radius_px, self.radius_px)
        painter.end()
        reach = self.radius_px * self.scale + 2
        x, y = at.x() * self.scale + self.left, at.y() * self.scale + self.top
        self.update(QRect(int(x - reach), int(y - reach), int(2 * reach) + 2, int(2 * reach) + 2))


class CountingCanvas(Canvas):
    """The canvas, counting its repaints."""

    def __init__(self) -> None:
        super().__init__()
        self.num_paints = 0

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Counts and paints."""
        self.num_paints += 1
        super().paintEvent(event)


class DocumentEditor:
    """The real document behind the canvas, without session and disk."""

    can_edit = can_stroke = True
    early_strokes = ()

    def __init__(self, canvas: Canvas, document: MaskDocument) -> None:
        self._canvas, self._document = canvas, document
        self._rule = PaintRule(3)
        self.brush_radius_px = 5.0

    def set_brush_radius(self, radius_px: float) -> None:
        self.brush_radius_px = radius_px

    def step_brush(self, step: int) -> None:
        self.brush_radius_px += step

    def begin_stroke(self, *, erase: bool) -> None:
        self._document.begin_stroke(self._rule, text="Brush")

    def extend_stroke(self, p: Point, q: Point, *, radius_px: float | None = None) -> None:
        rect = self._document.extend_stroke(p, q, radius_px or self.brush_radius_px)
        self._canvas.update_mask(rect)

    def commit_stroke(self) -> None:
        self._document.commit_stroke()

    def abort_stroke(self) -> None:
        self._canvas.update_mask(self._document.abort_stroke())

    def fill(self, p: Point) -> None:
        """Not timed here."""

    def paint_polygon(self, points: tuple[Point, ...], *, erase: bool) -> None:
        """Not timed here."""

    def pick(self, p: Point) -> None:
        """Not timed here."""


def way(width: int, height: int, count: int) -> Iterator[QPointF]:
    """Positions of a quick hand in the widget: a curve that stays inside."""
    for index in range(count):
        turn = index * PIXELS_PER_EVENT / (0.35 * height)
        yield QPointF(
            width / 2 + 0.4 * width * math.sin(0.6 * turn),
            height / 2 + 0.4 * height * math.cos(turn),
        )


def send(widget: QWidget, kind: QEvent.Type, at: QPointF) -> None:
    """Sends a mouse event with the left button held."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    button = none if kind == QEvent.Type.MouseMove else left
    held = none if kind == QEvent.Type.MouseButtonRelease else left
    at = QPointF(round(at.x()), round(at.y()))
    modifiers = Qt.KeyboardModifier.NoModifier
    event = QMouseEvent(kind, at, widget.mapToGlobal(at), button, held, modifiers)
    QApplication.sendEvent(widget, event)


def until_painted(widget: Probe | CountingCanvas, action: Callable[[], object]) -> float:
    """Milliseconds from the start of an action until the widget was painted and flushed."""
    before = widget.num_paints
    start = time.perf_counter()
    action()
    while widget.num_paints == before:
        QApplication.processEvents()
        if time.perf_counter() - start > 10:
            raise RuntimeError("The widget was not repainted; is its window on the screen?")
    return (time.perf_counter() - start) * 1000


def time_strokes(widgets: tuple[Probe | CountingCanvas, ...], events: int) -> list[list[float]]:
    """The times of each event of one stroke, made on the widgets in turns."""
    times: list[list[float]] = [[] for _ in widgets]
    for index, at in enumerate(way(widgets[0].width(), widgets[0].height(), events)):
        kind = QEvent.Type.MouseMove if index else QEvent.Type.MouseButtonPress
        for widget, measured in zip(widgets, times, strict=True):
            took = until_painted(widget, lambda w=widget, k=kind, p=at: send(w, k, p))
            if index > 5:
                measured.append(took)
    for widget in widgets:
        send(widget, QEvent.Type.MouseButtonRelease, QPointF(1, 1))
        QApplication.processEvents()
    return times


def row(name: str, canvas_ms: list[float], probe_ms: list[float] | None = None) -> str:
    """Median and 99th percentile of the canvas, the same of the probe, and the ratios."""
    ours = np.percentile(canvas_ms, (50, 99))
    text = f"{name:32s} {ours[0]:8.2f} {ours[1]:8.2f}"
    if probe_ms is not None:
        bare = np.percentile(probe_ms, (50, 99))
        text += (
            f"   {bare[0]:8.2f} {bare[1]:8.2f}   {ours[0] / bare[0]:6.2f} {ours[1] / bare[1]:6.2f}"
        )
    return text


def measure(name: str, canvas: CountingCanvas, probe: Probe, events: int) -> None:
    """Prints all rows of one image size."""
    height, width = SIZES[name]
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = image_from_pixels(pixels)
    document = MaskDocument.blank(height, width)
    document.apply_prediction(scene(height, width, seed=1), text="Prediction")
    canvas.set_image(image, levels=smaller_levels(image))
    canvas.set_mask(document.mask)
    canvas.set_class_colors([(index * 23, 255 - index * 20, 90) for index in range(NUM_CLASSES)])
    editor = DocumentEditor(canvas, document)
    canvas.set_editor(editor)
    probe.show_image(image)
    for zoom, scale in SCALES.items():
        canvas.zoom_to(scale)
        probe.scale, probe.left, probe.top = scale, canvas.view.left, canvas.view.top
        for widget in (canvas, probe):
            until_painted(widget, widget.update)
        for radius in RADII:
            editor.brush_radius_px = probe.radius_px = radius
            ours, bare = time_strokes((canvas, probe), events)
            print(row(f"{name} stroke, {zoom}, radius {radius}", ours, bare))
    time_views(name, canvas, probe)


def time_views(name: str, canvas: CountingCanvas, probe: Probe) -> None:
    """Whole repaints: the image at fit, and steps of zooming."""
    for what, scale in (("fit", 0.0), ("100 %", 1.0), ("130 %", 1.3), ("400 %", 4.0)):
        ours, bare = [], []
        for index in range(30):
            wanted = scale * (1 + 0.001 * (index % 2))
            jump = canvas.fit if not scale else (lambda wanted=wanted: canvas.zoom_to(wanted))
            if not scale:
                canvas.zoom_in()
                until_painted(canvas, canvas.update)
            ours.append(until_painted(canvas, jump))
            probe.scale, probe.left, probe.top = (
                canvas.view.scale,
                canvas.view.left,
                canvas.view.top,
            )
            bare.append(until_painted(probe, probe.update))
        print(row(f"{name} another view, {what}", ours, bare))


def main() -> None:
    """Prints a table: milliseconds from event to painted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--view", default="1600x900")
    options = parser.parse_args()
    application = QApplication([])
    width, height = (int(side) for side in options.view.split("x"))
    canvas, probe = CountingCanvas(), Probe()
    probe.show_image(QImage(8, 8, QImage.Format.Format_RGB32))
    for widget in (canvas, probe):
        widget.resize(width, height)
        widget.show()
    application.processEvents()
    print(f"{application.platformName()}, view {options.view}; milliseconds, median and p99")
    print(f"{'':32s} {'canvas':>17s}   {'bare widget':>17s}   {'ratio':>13s}")
    for name in SIZES:
        measure(name, canvas, probe, options.events)


if __name__ == "__main__":
    main()
