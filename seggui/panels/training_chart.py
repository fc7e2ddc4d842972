"""Curves of a training run: the loss of each step, and the held-out IoU of each scoring."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from seggui.theme import current_colors

_MARGIN_LEFT, _MARGIN_RIGHT, _MARGIN_TOP, _MARGIN_BOTTOM = 40, 44, 22, 20
_SMOOTHING = 0.9
_MOST_POINTS = 2000
"""A training from scratch has tens of thousands of steps, and is painted at each of them."""


class TrainingChart(QWidget):
    """Loss (smoothed) on the left axis; held-out mean IoU on the right, best point marked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_chart")
        self.setAccessibleName(self.tr("Loss and held-out mean IoU over the steps of training"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(150)
        self.clear()

    def clear(self) -> None:
        """Forgets the run before."""
        self._smooth: list[tuple[int, float]] = []
        self._scores: list[tuple[int, float]] = []
        self._best: int | None = None
        self._num_steps = 1
        self.update()

    def add_loss(self, step: int, num_steps: int, loss: float) -> None:
        """Adds the loss of a step (1-based)."""
        self._num_steps = max(num_steps, step)
        last = self._smooth[-1][1] if self._smooth else loss
        self._smooth.append((step, _SMOOTHING * last + (1 - _SMOOTHING) * loss))
        self.update()

    def add_score(self, step: int, mean_iou: float, *, is_best: bool) -> None:
        """Adds a scoring; ``mean_iou`` in 0..1."""
        self._scores.append((step, mean_iou))
        if is_best:
            self._best = len(self._scores) - 1
        self.update()

    def sizeHint(self) -> QSize:
        """A chart that can be read."""
        return QSize(280, 190)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draws frame, axes and both curves."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = current_colors()
        area = QRectF(self.rect()).adjusted(
            _MARGIN_LEFT, _MARGIN_TOP, -_MARGIN_RIGHT, -_MARGIN_BOTTOM
        )
        font = painter.font()
        font.setPointSizeF(max(7.5, font.pointSizeF() - 1))
        painter.setFont(font)
        self._draw_frame(painter, area)
        self._draw_losses(painter, area, colors.text_muted)
        self._draw_scores(painter, area, colors.accent)
        painter.end()

    def _draw_frame(self, painter: QPainter, area: QRectF) -> None:
        colors = current_colors()
        painter.setPen(QPen(colors.border, 1))
        for line in range(5):
            y = area.top() + area.height() * line / 4
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        metrics = QFontMetricsF(painter.font())
        painter.setPen(colors.text_muted)
        bottom = area.bottom() + metrics.height()
        painter.drawText(QPointF(area.left(), bottom), "0")
        last = str(self._num_steps)
        painter.drawText(QPointF(area.right() - metrics.horizontalAdvance(last), bottom), last)
        middle = self.tr("step")
        painter.drawText(
            QPointF(area.center().x() - metrics.horizontalAdvance(middle) / 2, bottom), middle
        )
        painter.drawText(QPointF(area.left(), area.top() - 8), self.tr("loss"))
        title = self.tr("held-out mean IoU")
        painter.setPen(colors.accent)
        painter.drawText(
            QPointF(area.right() - metrics.horizontalAdvance(title), area.top() - 8), title
        )

    def _draw_losses(self, painter: QPainter, area: QRectF, color: QColor) -> None:
        if not self._smooth:
            return
        high = max(loss for _, loss in self._smooth) * 1.15 or 1.0
        painter.setPen(color)
        painter.drawText(
            QRectF(0, area.top() - 8, _MARGIN_LEFT - 6, 16),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{high:.2g}",
        )  # fmt: skip
        painter.drawText(
            QRectF(0, area.bottom() - 8, _MARGIN_LEFT - 6, 16),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "0",
        )  # fmt: skip
        points = QPolygonF(
            [
                QPointF(self._x(area, step), area.bottom() - area.height() * min(1.0, loss / high))
                for step, loss in self._smooth[:: 1 + len(self._smooth) // _MOST_POINTS]
            ]
        )
        painter.setPen(QPen(color, 1.5))
        painter.drawPolyline(points)

    def _draw_scores(self, painter: QPainter, area: QRectF, color: QColor) -> None:
        if not self._scores:
            return
        values = [score for _, score in self._scores]
        low, high = max(0.0, min(values) - 0.02), min(1.0, max(values) + 0.02)
        painter.setPen(color)
        for value, y in ((high, area.top()), (low, area.bottom())):
            painter.drawText(
                QRectF(area.right() + 6, y - 8, _MARGIN_RIGHT - 6, 16),
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, f"{value:.0%}",
            )  # fmt: skip
        points = [
            QPointF(self._x(area, step), area.bottom() - area.height() * (v - low) / (high - low))
            for step, v in self._scores
        ]
        painter.setPen(QPen(color, 2))
        painter.drawPolyline(QPolygonF(points))
        painter.setBrush(current_colors().panel)
        for point in points:
            painter.drawEllipse(point, 3, 3)
        if self._best is not None:
            painter.setBrush(color)
            painter.drawEllipse(points[self._best], 5, 5)

    def _x(self, area: QRectF, step: int) -> float:
        return area.left() + area.width() * step / self._num_steps
