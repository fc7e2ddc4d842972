"""Paints one row of the image list."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from PySide6.QtCore import (
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from seggui.core.records import ImageRecord
from seggui.icons import pixmap
from seggui.panels.image_list_model import ROW_ROLE
from seggui.panels.image_status import STATUS_LOOKS
from seggui.theme import ThemeColors, current_colors

THUMBNAIL_SIZE = QSize(72, 48)
"""Of the painted thumbnail, in device-independent pixels."""

_ROW_HEIGHT = 60
_MARGIN = 6
_RADIUS = 4.0
_ICON_PX = 14
_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_SEEN_STATES = (
    QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver
    | QStyle.StateFlag.State_HasFocus
)  # fmt: skip
_MAX_PICTURES = 80


class ImageListDelegate(QStyledItemDelegate):
    """Thumbnail, name, and under it the status as icon and word, with the folder.

    Each step through the images repaints the rows on view several times, at 1 ms a row; so their
    pictures are kept, and painted again only when something in them changed.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pictures: OrderedDict[tuple[object, ...], QPixmap] = OrderedDict()

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
        name, record, thumbnail = index.data(ROW_ROLE)
        colors = current_colors()
        look = _Look(
            QRect(QPoint(0, 0), option.rect.size()), option.state & _SEEN_STATES, option.font,
            colors, painter.device().devicePixelRatioF(),
        )  # fmt: skip
        key = (look.key, record, None if thumbnail is None else thumbnail.cacheKey())
        picture = self._pictures.get(key)
        if picture is None:
            picture = self._pictures[key] = _painted(look, name, record, thumbnail)
            if len(self._pictures) > _MAX_PICTURES:
                self._pictures.popitem(last=False)
        else:
            self._pictures.move_to_end(key)
        painter.drawPixmap(option.rect.topLeft(), picture)


@dataclass(frozen=True)
class _Look:
    """How a row is painted, whatever is in it."""

    rect: QRect
    state: QStyle.StateFlag
    font: QFont
    colors: ThemeColors
    scale: float

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for rows that look alike."""
        size = self.rect.width(), self.rect.height()
        return size, self.state.value, self.font.toString(), self.colors.window.rgba(), self.scale


def _painted(look: _Look, name: str, record: ImageRecord, thumbnail: QPixmap | None) -> QPixmap:
    rect = look.rect
    picture = QPixmap(rect.size() * look.scale)
    picture.setDevicePixelRatio(look.scale)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    _paint_background(painter, look)
    place = QRect(8, _MARGIN, 72, 48)
    _paint_thumbnail(painter, place, thumbnail, look.colors)
    left = place.right() + 10
    text = QRect(left, _MARGIN + 3, rect.right() - left - 8, 21)
    _paint_name(painter, text, look.font, name, look.colors)
    _paint_status(painter, text.translated(0, 22), look.font, record, look.colors)
    painter.end()
    return picture


def _paint_background(painter: QPainter, look: _Look) -> None:
    rect = QRectF(look.rect).adjusted(3, 1, -3, -1)
    if look.state & QStyle.StateFlag.State_Selected:
        _fill_round(painter, rect, look.colors.selection)
    elif look.state & QStyle.StateFlag.State_MouseOver:
        _fill_round(painter, rect, look.colors.hover)
    if look.state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(look.colors.accent)
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
    painter: QPainter, rect: QRect, font: QFont, name: str, colors: ThemeColors
) -> None:
    painter.setFont(font)
    painter.setPen(colors.text)
    metrics = QFontMetrics(font)
    if metrics.horizontalAdvance(name) > rect.width():
        name = name.rpartition(".")[0] or name  # frames differ in their number, not their ending
    elided = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, rect.width())
    painter.drawText(rect, _LEFT, elided)


def _paint_status(
    painter: QPainter, rect: QRect, font: QFont, record: ImageRecord, colors: ThemeColors
) -> None:
    """Status as icon and word at the left, the mark for held-out images at the right."""
    look = STATUS_LOOKS[record.status]
    _paint_icon(painter, rect.left(), rect, look.icon_name, look.color(colors))
    small = QFont(font)
    small.setPointSizeF(font.pointSizeF() * 0.9)
    painter.setFont(small)
    painter.setPen(look.color(colors))
    rect = rect.adjusted(_ICON_PX + 5, 0, 0, 0)
    painter.drawText(rect, _LEFT, look.text)
    rect = rect.adjusted(painter.fontMetrics().horizontalAdvance(look.text), 0, 0, 0)
    if record.is_held_out:
        _paint_icon(painter, rect.right() - _ICON_PX, rect, "held_out", colors.text_muted)
        rect = rect.adjusted(0, 0, -_ICON_PX - 4, 0)
    _paint_folder(painter, rect, record.key.rpartition("/")[0], colors)


def _paint_folder(painter: QPainter, rect: QRect, folder: str, colors: ThemeColors) -> None:
    separator = "  ·  "
    metrics = painter.fontMetrics()
    width = metrics.horizontalAdvance(separator)
    if not folder or rect.width() - width < min(56, metrics.horizontalAdvance(folder)):
        return  # the tooltip has it
    text = metrics.elidedText(folder, Qt.TextElideMode.ElideLeft, rect.width() - width)
    painter.setPen(colors.text_muted)
    painter.drawText(rect, _LEFT, separator + text)


def _paint_icon(painter: QPainter, x: int, rect: QRect, name: str, color: QColor) -> None:
    glyph = pixmap(name, _ICON_PX, color, scale=painter.device().devicePixelRatioF())
    painter.drawPixmap(x, rect.top() + (rect.height() - _ICON_PX) // 2, glyph)
