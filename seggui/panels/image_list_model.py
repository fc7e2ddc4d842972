"""The images of a folder as a Qt list, filtered, without a widget or object per row."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage

from seggui.core.records import ImageRecord, ImageStatus
from seggui.panels.image_status import STATUS_LOOKS
from seggui.panels.thumbnail_cache import ThumbnailCache

KEY_ROLE = int(Qt.ItemDataRole.UserRole) + 1
RECORD_ROLE = int(Qt.ItemDataRole.UserRole) + 2
THUMBNAIL_ROLE = int(Qt.ItemDataRole.UserRole) + 3
ROW_ROLE = int(Qt.ItemDataRole.UserRole) + 4
"""(name, record, thumbnail): all that is painted, in one question."""

_Index = QModelIndex | QPersistentModelIndex


class ImageListModel(QAbstractListModel):
    """Rows are the images that pass the filter, in folder order.

    A row whose status stops passing the filter leaves at once, except the pinned one: the image
    that is being worked on must not vanish under the user's hands.

    Signals:
        thumbnail_requested: (key) a visible row has no thumbnail; answer with `set_thumbnail`.
        counts_changed: the number of images by status changed.
    """

    thumbnail_requested = Signal(str)
    counts_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keys: tuple[str, ...] = ()
        self._folded: tuple[str, ...] = ()
        self._position_of: dict[str, int] = {}
        self._records: dict[str, ImageRecord] = {}
        self._counts: Counter[ImageStatus] = Counter()
        self._positions: list[int] = []  # of the rows, in self._keys, ascending
        self._words: tuple[str, ...] = ()
        self._statuses: frozenset[ImageStatus] = frozenset()
        self._pinned: str | None = None
        self._to_release: set[str] = set()
        self._thumbnails = ThumbnailCache()
        self._readers: dict[int, Callable[[str], Any]] = {
            int(Qt.ItemDataRole.DisplayRole): lambda key: key.rpartition("/")[2],
            int(Qt.ItemDataRole.ToolTipRole): lambda key: self._described(key, "\n"),
            int(Qt.ItemDataRole.AccessibleTextRole): lambda key: self._described(key, ", "),
            KEY_ROLE: str,
            RECORD_ROLE: self.record,
            THUMBNAIL_ROLE: self._thumbnails.get,
            ROW_ROLE: lambda key: (
                key.rpartition("/")[2], self.record(key), self._thumbnails.get(key)
            ),
        }  # fmt: skip

    # -- contents ---------------------------------------------------------------------------------

    def set_keys(self, keys: tuple[str, ...]) -> None:
        """Another folder: these images, all untouched until told otherwise."""
        self.beginResetModel()
        self._keys = keys
        self._folded = tuple(key.casefold() for key in keys)
        self._position_of = {key: position for position, key in enumerate(keys)}
        self._records = {}
        self._pinned = None
        self._to_release.clear()
        self._thumbnails.clear()
        self._recount()
        self._refilter()
        self.endResetModel()
        self.counts_changed.emit()

    def set_records(self, records: Mapping[str, ImageRecord]) -> None:
        """What is known of many images at once; images of another folder are left out."""
        self.beginResetModel()
        known = {key: record for key, record in records.items() if key in self._position_of}
        self._records.update(known)
        self._recount()
        self._refilter()
        self.endResetModel()
        self.counts_changed.emit()

    def set_record(self, record: ImageRecord) -> None:
        """One image changed. An image of another folder is a late answer and left out."""
        if record.key not in self._position_of:
            return
        before = self.record(record.key).status
        self._records[record.key] = record
        self._update_row(record.key)
        if record.status != before:
            self._counts[before] -= 1
            self._counts[record.status] += 1
            self.counts_changed.emit()

    def set_thumbnail(self, key: str, image: QImage) -> None:
        """Answers `thumbnail_requested`; a null image says that the file cannot be read."""
        if key not in self._position_of:
            return
        self._thumbnails.put(key, image)
        row = self.row(key)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row), [THUMBNAIL_ROLE])

    def request_thumbnails(self, first_row: int, last_row: int) -> None:
        """Tells that these rows, both included, are visible and want their thumbnails."""
        rows = self._positions[max(0, first_row) : last_row + 1]
        keys = [self._keys[position] for position in rows]
        self._thumbnails.request(keys, self.thumbnail_requested.emit)

    def record(self, key: str) -> ImageRecord:
        """What is known of an image of the folder."""
        return self._records.get(key) or ImageRecord(key)

    def count(self, status: ImageStatus) -> int:
        """Images of the whole folder with this status, whatever the filter."""
        return self._counts[status]

    @property
    def num_images(self) -> int:
        """Images of the whole folder, whatever the filter."""
        return len(self._keys)

    # -- filter -----------------------------------------------------------------------------------

    def set_filter(self, text: str, statuses: frozenset[ImageStatus]) -> None:
        """Shows images with all words of ``text`` and one of ``statuses`` (empty = any)."""
        words = tuple(text.casefold().split())
        if (words, statuses) == (self._words, self._statuses):
            return
        self.beginResetModel()
        self._words, self._statuses = words, statuses
        self._refilter()
        self.endResetModel()

    def set_pinned(self, key: str | None) -> None:
        """Keeps the row of this image while the filter stays.

        The one pinned before stays as well until `release_rows`: this is called while Qt moves from
        row to row, and no row may vanish meanwhile.
        """
        if self._pinned is not None and self._pinned != key:
            self._to_release.add(self._pinned)
        self._pinned = key

    def release_rows(self) -> None:
        """Lets rows go that were pinned and do not pass the filter."""
        released, self._to_release = self._to_release - {self._pinned}, set()
        for key in released & self._position_of.keys():
            if not self._accepts(self._position_of[key]):
                self._update_row(key)

    def _accepts(self, position: int) -> bool:
        if not all(word in self._folded[position] for word in self._words):
            return False
        return not self._statuses or self.record(self._keys[position]).status in self._statuses

    def _refilter(self) -> None:
        self._positions = [p for p in range(len(self._keys)) if self._accepts(p)]

    def _recount(self) -> None:
        self._counts = Counter(record.status for record in self._records.values())
        self._counts[ImageStatus.UNTOUCHED] += len(self._keys) - len(self._records)

    def _update_row(self, key: str) -> None:
        position = self._position_of[key]
        row = bisect_left(self._positions, position)
        is_shown = row < len(self._positions) and self._positions[row] == position
        is_kept = key == self._pinned or key in self._to_release
        is_wanted = self._accepts(position) or (is_shown and is_kept)
        if is_shown and is_wanted:
            self.dataChanged.emit(self.index(row), self.index(row))
        elif is_shown:
            self.beginRemoveRows(QModelIndex(), row, row)
            del self._positions[row]
            self.endRemoveRows()
        elif is_wanted:
            self.beginInsertRows(QModelIndex(), row, row)
            self._positions.insert(row, position)
            self.endInsertRows()

    # -- order ------------------------------------------------------------------------------------

    def row(self, key: str) -> int | None:
        """The row of an image, or None when it is filtered out or not of this folder."""
        position = self._position_of.get(key)
        if position is None:
            return None
        row = bisect_left(self._positions, position)
        is_shown = row < len(self._positions) and self._positions[row] == position
        return row if is_shown else None

    def key(self, row: int) -> str:
        """The image of a row."""
        return self._keys[self._positions[row]]

    def neighbours(self, key: str) -> tuple[str | None, str | None]:
        """The images before and after in the filtered list; ``key`` itself may be hidden."""
        position = self._position_of.get(key)
        if position is None:
            return None, None
        row = bisect_left(self._positions, position)
        after = row + 1 if self.row(key) is not None else row
        previous = self.key(row - 1) if row > 0 else None
        following = self.key(after) if after < len(self._positions) else None
        return previous, following

    def next_with_status(
        self, key: str | None, statuses: Collection[ImageStatus], *, forward: bool = True
    ) -> str | None:
        """The nearest other image in one of ``statuses``, around the end of the filtered list."""
        position = self._position_of.get(key, -1) if key is not None else -1
        start = bisect_left(self._positions, position)
        ring = self._positions[start:] + self._positions[:start]
        if not forward:
            ring.reverse()
        candidates = (self._keys[p] for p in ring if p != position)
        return next((c for c in candidates if self.record(c).status in statuses), None)

    # -- Qt ---------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Images that pass the filter."""
        return 0 if parent.isValid() else len(self._positions)

    def data(self, index: _Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """One property of one row; asked for visible rows only."""
        if not index.isValid() or index.row() >= len(self._positions):
            return None
        reader = self._readers.get(role)
        return reader(self.key(index.row())) if reader is not None else None

    def _described(self, key: str, separator: str) -> str:
        record = self.record(key)
        look = STATUS_LOOKS[record.status]
        parts = [key, f"{look.text}: {look.hint}"]
        if record.is_held_out:
            parts.append(self.tr("Held out: scores models, never trains them"))
        return separator.join(parts)
