"""IoU of each class as bars in the colours of the classes, the weakest class first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from seggui.panels.widgets import swatch_icon
from seggui.theme import current_colors

if TYPE_CHECKING:
    from model.evaluation_result import Evaluation

CLASS_ROLE = int(Qt.ItemDataRole.UserRole)
_SHARE_ROLE, _COLOR_ROLE = CLASS_ROLE + 1, CLASS_ROLE + 2
_ROW_PX = 20
_LOW = 0.5
"""An IoU below is printed in the colour of a warning: half of what is called so is wrong."""


class IouBars(QTableWidget):
    """One row per class: name, bar, number. A chosen row filters; choosing it again shows all.

    Signals:
        class_chosen: (int or None) index of the class.
    """

    class_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 3, parent)
        self.setObjectName("iou_bars")
        self.setAccessibleName(self.tr("IoU of each class, the weakest first"))
        self.setHorizontalHeaderLabels([self.tr("Class"), "", self.tr("IoU")])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setMinimumHeight(4 * _ROW_PX)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(_ROW_PX)
        self.verticalHeader().setDefaultSectionSize(_ROW_PX)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.hide()
        self.setItemDelegateForColumn(1, _BarDelegate(self))
        self._chosen: int | None = None
        self._evaluation: Evaluation | None = None
        self.cellClicked.connect(self._on_row)
        self.cellActivated.connect(self._on_row)

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Shows the IoU of every class; classes that do not occur stand at the end."""
        self._evaluation = evaluation
        iou = evaluation.iou
        order = sorted(
            range(evaluation.num_classes), key=lambda i: (iou[i] is None, iou[i] or 0.0, i)
        )
        self.setRowCount(len(order))
        for row, index in enumerate(order):
            self._set_row(row, index, evaluation)
        self.choose(self._chosen)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: the colours of warnings are those of the items."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._evaluation is not None:
            self.show_evaluation(self._evaluation)

    def choose(self, class_index: int | None) -> None:
        """Marks a class as the one that is filtered by; emits nothing."""
        self._chosen = class_index
        self.clearSelection()
        for row in range(self.rowCount()):
            item = self.item(row, 0)
            if item is not None and item.data(CLASS_ROLE) == class_index:
                self.selectRow(row)

    def _set_row(self, row: int, index: int, evaluation: Evaluation) -> None:
        colors = current_colors()
        iou, color = evaluation.iou[index], QColor(*evaluation.class_colors[index])
        name = QTableWidgetItem(evaluation.class_names[index])
        name.setData(CLASS_ROLE, index)
        name.setIcon(swatch_icon(color))
        bar = QTableWidgetItem()
        bar.setData(_SHARE_ROLE, iou)
        bar.setData(_COLOR_ROLE, color)
        number = QTableWidgetItem("-" if iou is None else f"{iou:.1%}")
        number.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if iou is None:
            name.setForeground(colors.text_muted)
        elif iou < _LOW:
            number.setForeground(colors.danger)
        tip = class_sentence(evaluation, index)
        for column, item in enumerate((name, bar, number)):
            item.setToolTip(tip)
            self.setItem(row, column, item)

    @Slot(int, int)
    def _on_row(self, row: int, _: int) -> None:
        item = self.item(row, 0)
        if item is None:
            return
        index = int(item.data(CLASS_ROLE))
        self.choose(None if index == self._chosen else index)
        self.class_chosen.emit(self._chosen)


class _BarDelegate(QStyledItemDelegate):
    """Draws a share as a bar on a track."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draws track and bar over the background of the row."""
        super().paint(painter, option, index)
        share = index.data(_SHARE_ROLE)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        area = QRectF(option.rect).adjusted(4, 6, -4, -6)
        colors = current_colors()
        painter.setBrush(colors.border)
        painter.drawRoundedRect(area, 3, 3)
        if share:
            area.setWidth(max(2.0, area.width() * share))
            painter.setBrush(index.data(_COLOR_ROLE))
            painter.setPen(colors.outline)  # a white class must not vanish on a white row
            painter.drawRoundedRect(area, 3, 3)
        painter.restore()

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Wide enough to compare."""
        return QSize(60, _ROW_PX)


def class_sentence(evaluation: Evaluation, index: int) -> str:
    """All scores of one class in a few lines."""

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{value:.1%}"

    share = evaluation.true_pixels[index] / (evaluation.total_pixels or 1)
    return (
        f"{evaluation.class_names[index]}\n"
        f"IoU {percent(evaluation.iou[index])}\n"
        f"Precision {percent(evaluation.precision[index])}\n"
        f"Recall {percent(evaluation.recall[index])}\n"
        f"{share:.1%} of all labelled pixels"
    )
