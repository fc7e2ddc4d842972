"""The classes of a label set as a Qt list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from model.data.label_sets import Color, LabelSet

ROW_ROLE = int(Qt.ItemDataRole.UserRole) + 1

_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class ClassRow:
    """What one row shows.

    Attributes:
        index: of the class.
        name: of the class.
        color: of the class.
        shortcut: the digit that chooses it, or an empty string.
        share: of the pixels of the image, 0..1; None while unknown.
        is_current: whether it is painted with.
        is_visible: whether its pixels are shown.
        is_locked: whether its pixels are never painted over.
    """

    index: int
    name: str
    color: Color
    shortcut: str
    share: float | None
    is_current: bool
    is_visible: bool
    is_locked: bool


class ClassListModel(QAbstractListModel):
    """Row ``i`` is class ``i``. It changes nothing: an edited name is handed on.

    Signals:
        rename_requested: (index, name) the user typed another name.
    """

    rename_requested = Signal(int, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._label_set: LabelSet | None = None
        self._current = -1
        self._hidden: frozenset[int] = frozenset()
        self._locked: frozenset[int] = frozenset()
        self._shares: Mapping[int, float] = {}

    @property
    def hidden(self) -> frozenset[int]:
        """Classes that are not shown."""
        return self._hidden

    @property
    def locked(self) -> frozenset[int]:
        """Classes that are protected."""
        return self._locked

    @property
    def indices(self) -> frozenset[int]:
        """All classes."""
        return frozenset(range(self.rowCount()))

    def set_label_set(self, label_set: LabelSet | None) -> None:
        """Shows other classes; only texts and colours are redrawn when their number stays."""
        if self._label_set is None or label_set is None or len(label_set) != len(self._label_set):
            self.beginResetModel()
            self._label_set = label_set
            self.endResetModel()
        else:
            self._label_set = label_set
            self._emit_all_changed()

    def set_current(self, index: int) -> None:
        """Marks the class that is painted with."""
        self._current = index
        self._emit_all_changed()

    def set_hidden(self, hidden: frozenset[int]) -> None:
        """Marks the classes that are not shown."""
        self._hidden = hidden
        self._emit_all_changed()

    def set_locked(self, locked: frozenset[int]) -> None:
        """Marks the classes that are protected."""
        self._locked = locked
        self._emit_all_changed()

    def set_shares(self, shares: Mapping[int, float]) -> None:
        """Class index -> share of the pixels of the image, 0..1; empty when unknown."""
        self._shares = dict(shares)
        self._emit_all_changed()

    def row(self, index: int) -> ClassRow:
        """Everything about one class.

        Raises:
            IndexError: no such class.
        """
        if self._label_set is None:
            raise IndexError(f"Class {index} was asked for while there is no label set.")
        label = self._label_set.classes[index]
        return ClassRow(
            index=index,
            name=label.name,
            color=label.color,
            shortcut=str((index + 1) % 10) if index < 10 else "",
            share=self._shares.get(index, 0.0) if self._shares else None,
            is_current=index == self._current,
            is_visible=index not in self._hidden,
            is_locked=index in self._locked,
        )

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Number of classes."""
        return 0 if parent.isValid() or self._label_set is None else len(self._label_set)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """Names can be edited."""
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def data(self, index: _Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Name, row record or description."""
        if not index.isValid():
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self.row(index.row()).name
        if role == ROW_ROLE:
            return self.row(index.row())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._described(self.row(index.row()))
        return None

    def setData(self, index: _Index, value: Any, role: int = int(Qt.ItemDataRole.EditRole)) -> bool:
        """Asks for another name; the row changes when the label set does."""
        name = str(value).strip()
        if name and name != self.row(index.row()).name:
            self.rename_requested.emit(index.row(), name)
        return False

    def _described(self, row: ClassRow) -> str:
        parts = [row.name]
        if row.shortcut:
            parts.append(self.tr("key {digit}").format(digit=row.shortcut))
        if row.share is not None:
            parts.append(self.tr("{share} of the image").format(share=share_text(row.share)))
        if row.is_current:
            parts.append(self.tr("current"))
        if not row.is_visible:
            parts.append(self.tr("hidden"))
        if row.is_locked:
            parts.append(self.tr("locked"))
        return ", ".join(parts)

    def _emit_all_changed(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))


def share_text(share: float) -> str:
    """A share of pixels as people read it: a rare class is not the same as an absent one."""
    if share <= 0:
        return "0 %"
    if share < 0.001:
        return "< 0.1 %"
    return f"{share * 100:.1f} %" if share < 0.0995 else f"{share * 100:.0f} %"
