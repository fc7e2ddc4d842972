"""Paints one row of the image list."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from seggui.core.records import ImageRecord
from seggui.icons import pixmap
from seggui.panels.image_list_model import RECORD_ROLE, THUMBNAIL_ROLE
from seggui.panels.image_status import STATUS_LOOKS
from seggui.theme import ThemeColors, current_colors

THUMBNAIL_SIZE = QSize(72, 48)
"""Of the painted thumbnail, in device-independent pixels."""

_ROW_HEIGHT = 60
_MARGIN = 6
_RADIUS = 4.0
_ICON_PX = 14


class ImageListDelegate(QStyledItemDelegate):
    """Thumbnail, name, and under it the status as icon and word, with the folder."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """All rows are equally high; that is what makes long lists instant."""
        return QSize(160, _ROW_HEIGHT)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paints with the colours of the moment."""
        colors = current_colors()
        record: ImageRecord = index.data(RECORD_ROLE)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        rect = option.rect
        _paint_background(painter, option, colors)
        thumbnail = QRect(rect.left() + 8, rect.top() + _MARGIN, 72, 48)
        _paint_thumbnail(painter, thumbnail, index.data(THUMBNAIL_ROLE), colors)
        left = thumbnail.right() + 10
        text = QRect(left, rect.top() + _MARGIN + 3, rect.right() - left - 8, 21)
        _paint_name(painter, text, option, index, record)
        _paint_status(painter, text.translated(0, 22), option, record, colors)
        painter.restore()


def _paint_background(painter: QPainter, option: QStyleOptionViewItem, colors: ThemeColors) -> None:
    state: QStyle.StateFlag = option.state
    rect = QRectF(option.rect).adjusted(3, 1, -3, -1)
    if state & QStyle.StateFlag.State_Selected:
        _fill_round(painter, rect, colors.selection)
    elif state & QStyle.StateFlag.State_MouseOver:
        _fill_round(painter, rect, colors.hover)
    if state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(colors.accent)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)


def _fill_round(painter: QPainter, rect: QRectF, color: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawRoundedRect(rect, _RADIUS, _RADIUS)


def _paint_thumbnail(
    painter: QPainter, rect: QRect, thumbnail: QPixmap | None, colors: ThemeColors
) -> None:
    _fill_round(painter, QRectF(rect), colors.canvas_background)
    if thumbnail is None or thumbnail.isNull():
        name = "image" if thumbnail is None else "broken_image"
        color = colors.outline if thumbnail is None else colors.danger
        glyph = pixmap(name, 22, color, scale=painter.device().devicePixelRatioF())
        painter.drawPixmap(rect.center().x() - 10, rect.center().y() - 10, glyph)
        return
    clip = QPainterPath()
    clip.addRoundedRect(QRectF(rect), _RADIUS, _RADIUS)
    painter.save()
    painter.setClipPath(clip, Qt.ClipOperation.IntersectClip)
    size = thumbnail.size().scaled(rect.size(), Qt.AspectRatioMode.KeepAspectRatio)
    target = QRect(0, 0, size.width(), size.height())
    target.moveCenter(rect.center())
    painter.drawPixmap(target, thumbnail)
    painter.restore()


def _paint_name(
    painter: QPainter,
    rect: QRect,
    option: QStyleOptionViewItem,
    index: QModelIndex | QPersistentModelIndex,
    record: ImageRecord,
) -> None:
    colors = current_colors()
    font: QFont = option.font
    if record.is_held_out:
        scale = painter.device().devicePixelRatioF()
        mark = pixmap("held_out", _ICON_PX, colors.text_muted, scale=scale)
        painter.drawPixmap(rect.right() - _ICON_PX, rect.top() + 3, mark)
        rect = rect.adjusted(0, 0, -_ICON_PX - 6, 0)
    painter.setFont(font)
    painter.setPen(colors.text)
    name = str(index.data(Qt.ItemDataRole.DisplayRole))
    elided = QFontMetrics(font).elidedText(name, Qt.TextElideMode.ElideMiddle, rect.width())
    painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, elided)


def _paint_status(
    painter: QPainter,
    rect: QRect,
    option: QStyleOptionViewItem,
    record: ImageRecord,
    colors: ThemeColors,
) -> None:
    look = STATUS_LOOKS[record.status]
    color = look.color(colors)
    scale = painter.device().devicePixelRatioF()
    glyph = pixmap(look.icon_name, _ICON_PX, color, scale=scale)
    painter.drawPixmap(rect.left(), rect.top() + (rect.height() - _ICON_PX) // 2, glyph)
    font = QFont(option.font)
    font.setPointSizeF(font.pointSizeF() * 0.9)
    painter.setFont(font)
    painter.setPen(color)
    metrics = QFontMetrics(font)
    align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
    rect = rect.adjusted(_ICON_PX + 5, 0, 0, 0)
    painter.drawText(rect, align, look.text)
    folder = record.key.rpartition("/")[0]
    if folder:
        rect = rect.adjusted(metrics.horizontalAdvance(look.text), 0, 0, 0)
        text = metrics.elidedText(f" · {folder}", Qt.TextElideMode.ElideLeft, rect.width())
        painter.setPen(colors.text_muted)
        painter.drawText(rect, align, text)
