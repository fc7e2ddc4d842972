"""The confusion matrix as a heat table: which class is taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QScrollArea, QToolTip, QWidget

from seggui.theme import ThemeColors, blend, current_colors

if TYPE_CHECKING:
    from model.evaluation_result import Evaluation

MOST_CLASSES = 40
_CELL_LOW_PX, _CELL_HIGH_PX, _ROW_LOW_PX, _ROW_HIGH_PX = 15, 56, 15, 26
_NAME_PX, _SWATCH_PX, _GAP_PX = 92, 10, 6
_TEXT_FROM_PX = 24
_HEAD_LOW_PX = 16


class ConfusionView(QScrollArea):
    """Rows are true classes, columns predicted ones, each row in shares of its true pixels.

    Right answers are in the accent, wrong ones in the colour of danger, so that red is where the
    trouble is.

    Signals:
        class_chosen: (int or None) a row, column or cell was clicked; cells mean their row.
    """

    class_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("confusion_matrix")
        self.setAccessibleName(self.tr("Confusion matrix: true classes by predicted classes"))
        self.setMinimumSize(180, 120)
        self.matrix = _Matrix(self)
        self.matrix.class_chosen.connect(self.class_chosen)
        self.setWidget(self.matrix)

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Shows the matrix; of very many classes those with the most pixels."""
        self.matrix.show_evaluation(evaluation)
        self._fit()

    def choose(self, class_index: int | None) -> None:
        """Marks the row and column of a class; emits nothing."""
        self.matrix.chosen = class_index
        self.matrix.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cells share the room that there is."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.matrix.fit(self.viewport().size())


class _Matrix(QWidget):
    """Paints the table and finds out which cell is where."""

    class_chosen = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.chosen: int | None = None
        self._evaluation: Evaluation | None = None
        self._shown: list[int] = []
        self._shares = np.zeros((0, 0))
        self._cell = QSize(_CELL_LOW_PX, _ROW_LOW_PX)
        self._head_px = _HEAD_LOW_PX

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Keeps what will be painted."""
        self._evaluation = evaluation
        pixels = np.array(evaluation.true_pixels) + np.array(evaluation.predicted_pixels)
        most = np.argsort(-pixels, kind="stable")[:MOST_CLASSES]
        self._shown = sorted(int(i) for i in most)
        counts = evaluation.confusion[np.ix_(self._shown, self._shown)]
        totals = np.array([evaluation.true_pixels[i] for i in self._shown])
        self._shares = counts / np.maximum(totals, 1)[:, None]
        self.update()

    def fit(self, room: QSize) -> None:
        """Chooses the size of cells for the room, and takes more where that is too little."""
        count = max(1, len(self._shown))
        names = self._evaluation.class_names if self._evaluation is not None else ()
        metrics = self.fontMetrics()
        longest = max((metrics.horizontalAdvance(names[i]) for i in self._shown), default=0)
        wanted_head = min(_NAME_PX, longest) + _SWATCH_PX + 2 * _GAP_PX
        # Names of columns stand upright; where that leaves rows too low, colours alone do.
        has_room = room.height() - wanted_head >= count * (_ROW_LOW_PX + 2)
        self._head_px = wanted_head if has_room else _HEAD_LOW_PX
        width = (room.width() - self._left_px()) // count
        height = (room.height() - self._head_px) // count
        self._cell = QSize(
            min(max(width, _CELL_LOW_PX), _CELL_HIGH_PX),
            min(max(height, _ROW_LOW_PX), _ROW_HIGH_PX),
        )
        self.resize(
            self._left_px() + count * self._cell.width() + 1,
            self._head_px + count * self._cell.height() + 1,
        )
        self.update()

    def cell_at(self, position: QPoint) -> tuple[int | None, int | None] | None:
        """(true class, predicted class) at a position; None for one in the head, or for both."""
        column = (position.x() - self._left_px()) // self._cell.width()
        row = (position.y() - self._head_px) // self._cell.height()
        if column >= len(self._shown) or row >= len(self._shown) or not self._shown:
            return None
        return (
            self._shown[row] if row >= 0 else None,
            self._shown[column] if column >= 0 else None,
        )

    def cell_center(self, truth: int, predicted: int) -> QPoint:
        """The middle of a cell."""
        row, column = self._shown.index(truth), self._shown.index(predicted)
        return self._cell_rect(row, column).center().toPoint()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Chooses the class of a row or column."""
        found = self.cell_at(event.position().toPoint())
        if found is None:
            return
        truth, predicted = found
        index = predicted if truth is None else truth
        if index is not None:
            self.class_chosen.emit(None if index == self.chosen else index)

    def event(self, event: QEvent) -> bool:
        """Tips for each cell."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos()), self)
            return True
        return super().event(event)

    def tip_at(self, position: QPoint) -> str:
        """What a cell says in full."""
        found, evaluation = self.cell_at(position), self._evaluation
        if found is None or evaluation is None:
            return ""
        truth, predicted = found
        names = evaluation.class_names
        if truth is None or predicted is None:
            index = predicted if truth is None else truth
            return self._legend() if index is None else names[index]
        count, total = int(evaluation.confusion[truth, predicted]), evaluation.true_pixels[truth]
        share = f" ({count / total:.1%})" if total else ""
        return self.tr("{truth} predicted as {predicted}: {count} of {total} pixels{share}").format(
            truth=names[truth], predicted=names[predicted], count=f"{count:,}",
            total=f"{total:,}", share=share,
        )  # fmt: skip

    # -- painting --------------------------------------------------------------------------------

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draws head, cells and the frame of the class that is chosen."""
        if self._evaluation is None:
            return
        painter = QPainter(self)
        font = self._small_font()
        colors = current_colors()
        self._draw_names(painter, self._evaluation, colors)
        painter.setFont(font)
        self._draw_caption(painter, colors)
        for row in range(len(self._shown)):
            for column in range(len(self._shown)):
                self._draw_cell(painter, row, column, colors)
        self._draw_chosen(painter, colors)
        painter.end()

    def _draw_names(self, painter: QPainter, evaluation: Evaluation, colors: ThemeColors) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        metrics = painter.fontMetrics()
        for position, index in enumerate(self._shown):
            color = QColor(*evaluation.class_colors[index])
            is_there = evaluation.true_pixels[index] > 0
            name = metrics.elidedText(
                evaluation.class_names[index], Qt.TextElideMode.ElideRight, _NAME_PX
            )
            text_color = colors.text if is_there else colors.text_muted
            row = self._cell_rect(position, 0)
            self._draw_swatch(painter, QPointF(2, row.center().y() - _SWATCH_PX / 2), color, colors)
            painter.setPen(text_color)
            painter.drawText(
                QRectF(_SWATCH_PX + _GAP_PX + 2, row.top(), _NAME_PX, row.height()), middle, name
            )
            column = self._cell_rect(0, position)
            corner = QPointF(column.center().x() - _SWATCH_PX / 2, self._head_px - _SWATCH_PX - 3)
            self._draw_swatch(painter, corner, color, colors)
            if self._head_px > _HEAD_LOW_PX:
                painter.save()
                painter.translate(column.center().x(), self._head_px - _SWATCH_PX - _GAP_PX - 2)
                painter.rotate(-90)
                painter.setPen(text_color)
                painter.drawText(QRectF(0, -10, _NAME_PX, 20), middle, name)
                painter.restore()

    def _draw_caption(self, painter: QPainter, colors: ThemeColors) -> None:
        """In the corner: what rows and columns are."""
        painter.setPen(colors.text_muted)
        place = QRectF(0, self._head_px - _HEAD_LOW_PX, self._left_px(), _HEAD_LOW_PX - 2)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, self._caption())

    def _draw_swatch(
        self, painter: QPainter, corner: QPointF, color: QColor, colors: ThemeColors
    ) -> None:
        painter.setPen(QPen(colors.outline, 1))
        painter.setBrush(color)
        painter.drawRect(QRectF(corner.x(), corner.y(), _SWATCH_PX, _SWATCH_PX))

    def _draw_cell(self, painter: QPainter, row: int, column: int, colors: ThemeColors) -> None:
        share, area = float(self._shares[row, column]), self._cell_rect(row, column)
        strong = colors.accent if row == column else colors.danger
        # The root lifts a confusion of 4 % to what 20 % would be: one looks for small ones, too.
        heat = share**0.5 if row != column else share
        color = blend(strong, colors.panel, heat)
        painter.fillRect(area.adjusted(0, 0, -1, -1), color)
        if self._cell.width() < _TEXT_FROM_PX or (share < 0.005 and row != column):
            return
        is_dark = color.lightness() < 128 if heat > 0.5 else colors.panel.lightness() < 128
        painter.setPen(QColor("#ffffff") if is_dark else QColor("#14161a"))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, f"{100 * share:.0f}")

    def _draw_chosen(self, painter: QPainter, colors: ThemeColors) -> None:
        if self.chosen not in self._shown:
            return
        position = self._shown.index(self.chosen)
        first, last = self._cell_rect(position, 0), self._cell_rect(position, len(self._shown) - 1)
        painter.setPen(QPen(colors.text, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(first.united(last).adjusted(-1, -1, 0, 0))

    def _cell_rect(self, row: int, column: int) -> QRectF:
        width, height = self._cell.width(), self._cell.height()
        left = self._left_px()
        return QRectF(left + column * width, self._head_px + row * height, width, height)

    def _left_px(self) -> int:
        names = self._evaluation.class_names if self._evaluation is not None else ()
        metrics = self.fontMetrics()
        longest = max((metrics.horizontalAdvance(names[i]) for i in self._shown), default=0)
        caption = QFontMetrics(self._small_font()).horizontalAdvance(self._caption())
        return max(min(_NAME_PX, longest) + _SWATCH_PX + 2 * _GAP_PX, caption + _GAP_PX)

    def _small_font(self) -> QFont:
        font = QFont(self.font())
        font.setPointSizeF(max(7.0, font.pointSizeF() - 1.5))
        return font

    def _caption(self) -> str:
        return self.tr("right / predicted")

    def _legend(self) -> str:
        return self.tr(
            "Rows are the right classes, columns what the network said.\n"
            "Numbers are per cent of the pixels of their row."
        )
