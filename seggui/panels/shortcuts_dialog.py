"""All actions and their keys on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Slot,
)
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from seggui.panels.filter_edit import FilterEdit
from seggui.theme import ThemeColors, current_colors

LINE_ROLE = int(Qt.ItemDataRole.UserRole) + 1

_Index = QModelIndex | QPersistentModelIndex
_CENTER = Qt.AlignmentFlag.AlignCenter
_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


@dataclass(frozen=True)
class ShortcutRow:
    """One action.

    Attributes:
        group: heading it stands under.
        title: what it does.
        keys: shortcut as text; alternatives separated by ``", "``, e.g. ``"Ctrl+Y, Ctrl+Shift+Z"``.
    """

    group: str
    title: str
    keys: str


class ShortcutsDialog(QDialog):
    """A page of all shortcuts with a search field; it stays open beside the window."""

    def __init__(self, rows: Sequence[ShortcutRow], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts_dialog")
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.resize(680, 640)
        self._model = ShortcutListModel(rows, self)
        self._search = FilterEdit()
        self._search.setPlaceholderText(self.tr("Search action or key"))
        self._search.setAccessibleName(self.tr("Search action or key"))
        self._view = QListView()
        self._view.setObjectName("shortcut_list")
        self._view.setModel(self._model)
        self._view.setItemDelegate(_ShortcutDelegate(self._view))
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self._view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._view.setAccessibleName(self.tr("Keyboard shortcuts"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addWidget(self._search)
        layout.addWidget(self._view, 1)
        self._search.textChanged.connect(self._model.set_search)
        self._search.left.connect(self._on_search_left)
        self._search.submitted.connect(self._on_search_submitted)
        self._search.setFocus()

    @Slot()
    def _on_search_left(self) -> None:
        if self._search.text():
            self._search.clear()
        else:
            self.reject()

    @Slot()
    def _on_search_submitted(self) -> None:
        self._view.setFocus()


class ShortcutListModel(QAbstractListModel):
    """Headings (text) and actions (`ShortcutRow`) in one list, as far as they match the search."""

    def __init__(self, rows: Sequence[ShortcutRow], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = tuple(rows)
        self._lines: list[str | ShortcutRow] = []
        self.set_search("")

    @Slot(str)
    def set_search(self, text: str) -> None:
        """Keeps actions that have every word in group, title or keys."""
        words = text.casefold().split()
        self.beginResetModel()
        self._lines = []
        groups = dict.fromkeys(row.group for row in self._rows)
        for group in groups:
            found = [r for r in self._rows if r.group == group and _matches(r, words)]
            self._lines += [group, *found] if found else []
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Headings and actions."""
        return 0 if parent.isValid() else len(self._lines)

    def data(self, index: _Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """A line as record or as text."""
        if not index.isValid():
            return None
        line = self._lines[index.row()]
        if role == LINE_ROLE:
            return line
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return line if isinstance(line, str) else f"{line.title}: {line.keys}"
        return None


class _ShortcutDelegate(QStyledItemDelegate):
    """Headings bold, actions with their keys drawn as key caps."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        is_heading = isinstance(index.data(LINE_ROLE), str)
        return QSize(200, 38 if is_heading else 28)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        line = index.data(LINE_ROLE)
        colors = current_colors()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = option.rect.adjusted(12, 0, -12, 0)
        if isinstance(line, str):
            _paint_heading(painter, rect, option.font, line, colors)
        else:
            _paint_action(painter, rect, option.font, line, colors)
        painter.restore()


def _paint_heading(
    painter: QPainter, rect: QRect, font: QFont, text: str, colors: ThemeColors
) -> None:
    bold = QFont(font)
    bold.setBold(True)
    painter.setFont(bold)
    painter.setPen(colors.accent)
    painter.drawText(rect.adjusted(0, 10, 0, 0), _LEFT, text)
    painter.setPen(colors.border)
    painter.drawLine(rect.bottomLeft(), rect.bottomRight())


def _paint_action(
    painter: QPainter, rect: QRect, font: QFont, row: ShortcutRow, colors: ThemeColors
) -> None:
    painter.setFont(font)
    painter.setPen(colors.text)
    painter.drawText(rect, _LEFT, row.title)
    small = QFont(font)
    small.setPointSizeF(font.pointSizeF() * 0.88)
    painter.setFont(small)
    for position, chord in enumerate(reversed(row.keys.split(", ") if row.keys else [])):
        if position:
            rect = _paint_divider(painter, rect.adjusted(0, 0, -6, 0), colors)
        for key in reversed(key_caps(chord)):
            rect = _paint_key(painter, rect, key, colors)


def _paint_divider(painter: QPainter, rect: QRect, colors: ThemeColors) -> QRect:
    """Paints at the right end of ``rect`` and returns what is left of it."""
    painter.setPen(colors.text_muted)
    painter.drawText(rect.adjusted(rect.width() - 8, 0, 0, 0), _CENTER, "/")
    return rect.adjusted(0, 0, -18, 0)


def _paint_key(painter: QPainter, rect: QRect, text: str, colors: ThemeColors) -> QRect:
    """Paints at the right end of ``rect`` and returns what is left of it."""
    width = max(20, painter.fontMetrics().horizontalAdvance(text) + 12)
    cap = rect.adjusted(rect.width() - width, 4, 0, -4)
    painter.setPen(colors.outline)
    painter.setBrush(colors.raised)
    painter.drawRoundedRect(QRectF(cap).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    painter.setPen(colors.text)
    painter.drawText(cap, _CENTER, text)
    return rect.adjusted(0, 0, -width - 4, 0)


def key_caps(chord: str) -> list[str]:
    """Splits ``"Ctrl+Shift++"`` into ``["Ctrl", "Shift", "+"]``."""
    if chord.endswith("+"):
        before = chord[:-1].rstrip("+")
        return [*before.split("+"), "+"] if before else ["+"]
    return chord.split("+")


def _matches(row: ShortcutRow, words: Sequence[str]) -> bool:
    text = f"{row.group} {row.title} {row.keys}".casefold()
    return all(word in text for word in words)
