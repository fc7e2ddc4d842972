"""Paints one row of the class list and knows what lies where in it."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from seggui.icons import pixmap
from seggui.panels.class_list_model import ROW_ROLE, ClassRow, share_text
from seggui.theme import ThemeColors, blend, current_colors

_ROW_HEIGHT = 32
_BUTTON = 24
_ICON_PX = 16
_SWATCH = 18
_BADGE = 18
_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight


class Zone(Enum):
    """The parts of a row that answer to the mouse."""

    SWATCH = "swatch"
    NAME = "name"
    LOCK = "lock"
    EYE = "eye"


class ClassListDelegate(QStyledItemDelegate):
    """Swatch, digit, name, share of pixels, lock and eye."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """All rows are equally high."""
        return QSize(180, _ROW_HEIGHT)

    def updateEditorGeometry(
        self,
        editor: QWidget,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """The name is edited where it stands."""
        rect = name_rect(option.rect)
        editor.setGeometry(rect.adjusted(-5, 3, 0, -3))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paints with the colours of the moment."""
        row: ClassRow = index.data(ROW_ROLE)
        colors = current_colors()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _paint_background(painter, option, row, colors)
        _paint_swatch(painter, swatch_rect(option.rect), row, colors)
        if row.shortcut:
            _paint_badge(painter, option, row, colors)
        _paint_texts(painter, option, row, colors)
        _paint_buttons(painter, option, row, colors)
        painter.restore()


def zone_at(rect: QRect, x: int) -> Zone:
    """What lies at ``x`` in the row that covers ``rect``."""
    if x >= eye_rect(rect).left():
        return Zone.EYE
    if x >= lock_rect(rect).left():
        return Zone.LOCK
    if x <= swatch_rect(rect).right() + 4:
        return Zone.SWATCH
    return Zone.NAME


def swatch_rect(rect: QRect) -> QRect:
    """The colour of the class."""
    return QRect(rect.left() + 12, rect.center().y() - _SWATCH // 2 + 1, _SWATCH, _SWATCH)


def badge_rect(rect: QRect) -> QRect:
    """The digit that chooses the class."""
    left = swatch_rect(rect).right() + 9
    return QRect(left, rect.center().y() - _BADGE // 2 + 1, _BADGE, _BADGE)


def name_rect(rect: QRect) -> QRect:
    """From the digit to the lock; the share of pixels stands at its right end."""
    left = badge_rect(rect).right() + 9
    return QRect(left, rect.top(), lock_rect(rect).left() - left - 4, rect.height())


def lock_rect(rect: QRect) -> QRect:
    """The lock button."""
    return eye_rect(rect).translated(-_BUTTON, 0)


def eye_rect(rect: QRect) -> QRect:
    """The visibility button."""
    return QRect(rect.right() - _BUTTON - 5, rect.top(), _BUTTON, rect.height())


def _paint_background(
    painter: QPainter, option: QStyleOptionViewItem, row: ClassRow, colors: ThemeColors
) -> None:
    rect = QRectF(option.rect).adjusted(3, 1, -3, -1)
    painter.setPen(Qt.PenStyle.NoPen)
    if row.is_current:
        painter.setBrush(colors.selection)
        painter.drawRoundedRect(rect, 4, 4)
        painter.setBrush(colors.accent)
        painter.drawRoundedRect(
            QRectF(rect.left(), rect.top() + 5, 3, rect.height() - 10), 1.5, 1.5
        )
    elif option.state & QStyle.StateFlag.State_MouseOver:
        painter.setBrush(colors.hover)
        painter.drawRoundedRect(rect, 4, 4)
    if option.state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(colors.accent)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)


def _paint_swatch(painter: QPainter, rect: QRect, row: ClassRow, colors: ThemeColors) -> None:
    color = QColor(*row.color)
    # The edge keeps a black or white class visible on its own colour of panel.
    painter.setPen(blend(colors.text, color, 0.35))
    painter.setBrush(color if row.is_visible else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    if not row.is_visible:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRoundedRect(QRectF(rect).adjusted(5, 5, -5, -5), 2, 2)


def _paint_badge(
    painter: QPainter, option: QStyleOptionViewItem, row: ClassRow, colors: ThemeColors
) -> None:
    rect = badge_rect(option.rect)
    painter.setPen(colors.outline)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
    painter.setFont(_small_font(option.font))
    painter.setPen(colors.text if row.is_current else colors.text_muted)
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, row.shortcut)


def _paint_texts(
    painter: QPainter, option: QStyleOptionViewItem, row: ClassRow, colors: ThemeColors
) -> None:
    rect = name_rect(option.rect)
    if row.share is not None:
        font = _small_font(option.font)
        painter.setFont(font)
        painter.setPen(colors.text_muted)
        painter.drawText(rect, _RIGHT, share_text(row.share))
        rect.setRight(rect.right() - QFontMetrics(font).horizontalAdvance("< 0.1 %") - 6)
    font = QFont(option.font)
    font.setBold(row.is_current)
    painter.setFont(font)
    painter.setPen(colors.text if row.is_visible else colors.text_muted)
    elided = QFontMetrics(font).elidedText(row.name, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, _LEFT, elided)


def _paint_buttons(
    painter: QPainter, option: QStyleOptionViewItem, row: ClassRow, colors: ThemeColors
) -> None:
    is_hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
    at_rest = colors.text_muted if is_hovered or row.is_current else colors.outline
    lock_color = colors.warning if row.is_locked else at_rest
    eye_color = at_rest if row.is_visible else colors.warning
    lock = "lock" if row.is_locked else "unlock"
    _paint_icon(painter, lock_rect(option.rect), lock, lock_color)
    _paint_icon(painter, eye_rect(option.rect), "show" if row.is_visible else "hide", eye_color)


def _paint_icon(painter: QPainter, rect: QRect, name: str, color: QColor) -> None:
    image = pixmap(name, _ICON_PX, color, scale=painter.device().devicePixelRatioF())
    x = rect.left() + (rect.width() - _ICON_PX) // 2
    painter.drawPixmap(x, rect.top() + (rect.height() - _ICON_PX) // 2, image)


def _small_font(font: QFont) -> QFont:
    small = QFont(font)
    small.setPointSizeF(font.pointSizeF() * 0.88)
    return small
