"""One tile of the contact sheet: a picture that can be chosen, and what it is."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFont,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton

from seggui.theme import LIGHT_COLORS, ThemeColors, blend, current_colors

_PADDING = 6
_RADIUS = 6
_NUM_DIGITS = 10


@dataclass(frozen=True)
class TileText:
    """What a tile says.

    Attributes:
        title: the kind of input values.
        details: more about it, e.g. the order of the colours.
        mark: why it stands out, e.g. that it was guessed; empty for the others.
    """

    title: str
    details: str = ""
    mark: str = ""


class SheetTile(QAbstractButton):
    """Waits, then shows a picture or why there is none."""

    def __init__(self, text: TileText) -> None:
        super().__init__()
        self._text = text
        self._picture: QImage | None = None
        self._shown: QImage | None = None  # the same, at the size of the tile
        self._failure = ""
        self._agreement: float | None = None
        self._place, self._same_as = 1, 0
        self._is_best = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._describe()

    @property
    def can_be_chosen(self) -> bool:
        """Whether it shows a picture."""
        return self._picture is not None

    @property
    def is_settled(self) -> bool:
        """Whether its answer or failure is there."""
        return self._picture is not None or bool(self._failure)

    @property
    def caption_height(self) -> int:
        """Pixels around the picture, from top to bottom."""
        return 2 * self.fontMetrics().lineSpacing() + 4 * _PADDING - 4

    def show_picture(self, picture: QImage, agreement: float | None) -> None:
        """Shows the answer; see `ContactSheet.show_picture`."""
        self._picture, self._shown, self._agreement = picture, None, agreement
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._describe()

    def show_failure(self, text: str) -> None:
        """Shows why there is no answer."""
        self._failure = text
        self._describe()

    def mark_best(self) -> None:
        """It agrees best with what is trusted."""
        self._is_best = True
        self._describe()

    def set_place(self, place: int, *, same_as: int | None) -> None:
        """Where it stands, from 1, and the place of a tile with the same mask."""
        self._place, self._same_as = place, same_as or 0
        self._describe()

    def details(self) -> str:
        """The second line."""
        same = self.tr("same mask as {place}").format(place=self._same_as) if self._same_as else ""
        return " · ".join(part for part in (self._text.details, self._text.mark, same) if part)

    def agreement_text(self) -> str:
        """How well it agrees, or an empty string."""
        if self._agreement is None:
            return ""
        return self.tr("agrees {percent} %").format(percent=round(100 * self._agreement))

    def _describe(self) -> None:
        best = self.tr("best") if self._is_best else ""
        parts = (self._text.title, self.details(), self.agreement_text(), best, self._failure)
        self.setAccessibleName(", ".join(part for part in parts if part))
        self.setToolTip(self._failure or ", ".join(part for part in parts[:3] if part))
        self.update()

    # -- painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """A frame, the picture, two lines, and chips on the picture."""
        colors = current_colors()
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        self._paint_frame(painter, colors)
        area = self._picture_area()
        shown = self._paint_picture(painter, area, colors)
        self._paint_lines(painter, area, colors)
        if self._place <= _NUM_DIGITS:
            self._paint_chip(painter, shown, str(self._place % _NUM_DIGITS), is_left=True)
        if self._agreement is not None:
            self._paint_chip(painter, shown, self.agreement_text(), is_left=False)
        painter.end()

    def _picture_area(self) -> QRect:
        below = 2 * self.fontMetrics().lineSpacing() + 2 * _PADDING - 4
        return self.rect().adjusted(_PADDING, _PADDING, -_PADDING, -_PADDING - below)

    def _paint_frame(self, painter: QPainter, colors: ThemeColors) -> None:
        is_hot = self.can_be_chosen and self.underMouse()
        edge, width = colors.border, 1.0
        if self._is_best:
            edge, width = colors.success, 2.0
        if self.hasFocus():
            edge, width = colors.accent, 2.0
        elif is_hot:
            edge = colors.accent
        painter.setPen(QPen(edge, width))
        painter.setBrush(colors.hover if is_hot else colors.panel)
        inset = width / 2
        frame = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(frame, _RADIUS, _RADIUS)

    def _paint_picture(self, painter: QPainter, area: QRect, colors: ThemeColors) -> QRect:
        """Paints picture or reason, and returns where."""
        if self._picture is None:
            painter.fillRect(area, blend(colors.window, colors.panel, 0.6))
            is_failed = bool(self._failure)
            painter.setPen(colors.danger if is_failed else colors.text_muted)
            text = self._failure or self.tr("Predicting…")
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(area.adjusted(28, 8, -28, -8), flags, text)
            return area
        size = self._picture.size().scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
        shown = QRect(area.topLeft(), size)
        shown.moveCenter(area.center())
        painter.drawImage(shown, self._shrunk(self._picture, size * self.devicePixelRatioF()))
        return shown

    def _shrunk(self, picture: QImage, size: QSize) -> QImage:
        """By Qt's area filter, once: the painter alone looks at four dots and drops others."""
        if size.width() >= picture.width():
            return picture
        if self._shown is None or self._shown.size() != size:
            self._shown = picture.scaled(
                size, Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )  # fmt: skip
        return self._shown

    def _paint_lines(self, painter: QPainter, area: QRect, colors: ThemeColors) -> None:
        line = self.fontMetrics().lineSpacing()
        left, top, width = area.left(), area.bottom() + 1 + _PADDING, area.width()
        bold = QFont(self.font())
        bold.setWeight(QFont.Weight.DemiBold)
        for number, (text, font, color) in enumerate(
            ((self._text.title, bold, colors.text), (self.details(), self.font(), None))
        ):
            painter.setFont(font)
            painter.setPen(color or colors.text_muted)
            elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)
            painter.drawText(
                QRect(left, top + number * line, width, line), Qt.AlignmentFlag.AlignLeft, elided
            )
        painter.setFont(self.font())

    def _paint_chip(self, painter: QPainter, shown: QRect, text: str, *, is_left: bool) -> None:
        """Dark on every theme, since what is below it is a picture."""
        metrics = painter.fontMetrics()
        height = metrics.height() + 4
        width = max(height, metrics.horizontalAdvance(text) + 12)
        chip = QRect(0, 0, width, height)
        offset = 4
        if is_left:
            chip.moveTopLeft(shown.topLeft() + QPoint(offset, offset))
        else:
            chip.moveTopRight(shown.topRight() + QPoint(-offset, offset))
        is_best = self._is_best and not is_left
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(LIGHT_COLORS.success if is_best else QColor(16, 18, 22, 215))
        painter.drawRoundedRect(chip, 4, 4)
        painter.setPen(Qt.GlobalColor.white)
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows are the sheet's, which knows rows and columns."""
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Shows that it can be pressed."""
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Back to normal."""
        super().leaveEvent(event)
        self.update()
