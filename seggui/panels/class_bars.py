"""Small horizontal bars: trusted pixels of each class."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from seggui.theme import current_colors

_ROW_PX = 18
_NAME_PX = 96
_COUNT_PX = 56


class ClassBars(QWidget):
    """One row per class: name, bar, number. Lengths are logarithmic, as rare classes matter."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Trusted pixels of each class"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._rows: list[tuple[str, QColor, int]] = []

    def set_values(
        self,
        names: tuple[str, ...],
        colors: tuple[tuple[int, int, int], ...],
        counts: tuple[int, ...],
    ) -> None:
        """Shows counts; all zero hides everything."""
        self._rows = (
            [(n, QColor(*c), k) for n, c, k in zip(names, colors, counts, strict=True)]
            if any(counts)
            else []
        )
        self.setToolTip("\n".join(f"{name}: {count:,} pixels" for name, _, count in self._rows))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As high as there are classes."""
        return QSize(220, _ROW_PX * len(self._rows))

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draws the rows."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = current_colors()
        most = math.log1p(max((count for _, _, count in self._rows), default=1))
        space = max(20, self.width() - _NAME_PX - _COUNT_PX - 8)
        for row, (name, color, count) in enumerate(self._rows):
            top = row * _ROW_PX
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.setPen(colors.text if count else colors.text_muted)
            text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, _NAME_PX - 8)
            painter.drawText(QRectF(0, top, _NAME_PX - 8, _ROW_PX), middle, text)
            painter.setPen(Qt.PenStyle.NoPen)
            bar = QRectF(_NAME_PX, top + 5, space, _ROW_PX - 10)
            painter.setBrush(colors.border)
            painter.drawRoundedRect(bar, 3, 3)
            if count:
                bar.setWidth(max(4.0, space * math.log1p(count) / most))
                painter.setBrush(color)
                painter.drawRoundedRect(bar, 3, 3)
            painter.setPen(colors.text_muted)
            painter.drawText(
                QRectF(_NAME_PX + space + 8, top, _COUNT_PX, _ROW_PX),
                middle | Qt.AlignmentFlag.AlignRight, _short(count),
            )  # fmt: skip
        painter.end()


def _short(count: int) -> str:
    if count < 1000:
        return str(count) if count else "none"
    return f"{count / 1000:.0f} k" if count < 1_000_000 else f"{count / 1e6:.1f} M"
