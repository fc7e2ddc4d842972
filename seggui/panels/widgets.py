"""Small things that several panels build in the same way."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from seggui.icons import ColorRole, icon

ICON_PX = 16
ICON_GAP_PX = 6
"""An icon size that is wider by this much keeps the text of a button away from its icon."""


def tool_button(
    icon_name: str, tooltip: str, *, color: ColorRole = "text", checkable: bool = False
) -> QToolButton:
    """A flat button with an icon only; the tooltip is also its accessible name."""
    button = QToolButton()
    button.setIcon(icon(icon_name, color))
    button.setIconSize(QSize(ICON_PX, ICON_PX))
    button.setToolTip(tooltip)
    button.setAccessibleName(tooltip)
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def push_button(
    icon_name: str, text: str, tooltip: str, *, role: str = "", color: ColorRole = "text"
) -> QPushButton:
    """A button with icon and text. ``role`` is ``"primary"``, ``"flat"`` or empty."""
    button = QPushButton(text)
    button.setIcon(icon(icon_name, color))
    button.setIconSize(QSize(ICON_PX + ICON_GAP_PX, ICON_PX))
    button.setToolTip(tooltip)
    button.setAccessibleName(text.replace("&", ""))
    button.setAutoDefault(False)
    if role:
        button.setProperty("role", role)
    return button


def muted_label(text: str = "", *, wrap: bool = False) -> QLabel:
    """Secondary text."""
    label = QLabel(text)
    label.setProperty("role", "muted")
    label.setWordWrap(wrap)
    if wrap:
        label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return label


def plain_label(text: str, object_name: str) -> QLabel:
    """Words that wrap, and are never taken for HTML: they have names from files in them."""
    label = QLabel(text)
    label.setObjectName(object_name)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    return label


class IconLabel(QWidget):
    """An icon without a function; it follows the theme. Screen readers pass over it."""

    def __init__(
        self,
        icon_name: str,
        *,
        color: ColorRole = "text_muted",
        size_px: int = ICON_PX,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setFixedSize(QSize(size_px, size_px))
        self.set_icon(icon_name, color)

    def set_icon(self, icon_name: str, color: ColorRole) -> None:
        """Shows another icon."""
        self._icon = icon(icon_name, color)
        self.update()

    def set_fixed_icon(self, fixed: QIcon) -> None:
        """Shows an icon that has its own colours."""
        self._icon = fixed
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints the icon with the colours of the moment."""
        painter = QPainter(self)
        self._icon.paint(painter, self.rect())
        painter.end()


def swatch_icon(color: QColor, side_px: int = 12) -> QIcon:
    """A square in the colour of a class, the same in a selected row.

    A colour as decoration would be tinted there, and be that of another class.
    """
    image = QPixmap(side_px, side_px)
    image.fill(color)
    painter = QPainter(image)
    painter.setPen(QColor(128, 128, 128, 140))  # a white class on white, a black one on black
    painter.drawRect(0, 0, side_px - 1, side_px - 1)
    painter.end()
    swatch = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected, QIcon.Mode.Disabled):
        swatch.addPixmap(image, mode)
    return swatch


def restyle(widget: QWidget) -> None:
    """Lets the style sheet look again after a dynamic property changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
