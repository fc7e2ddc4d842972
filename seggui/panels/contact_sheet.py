"""A sheet of pictures to choose from: one image under each kind of input a network may expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QElapsedTimer, QRect, QSize, Qt, Slot
from PySide6.QtGui import QImage, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from seggui.panels.sheet_tile import SheetTile, TileText
from seggui.panels.widgets import muted_label, push_button

GUARD_MS = 600
"""After the tiles changed places, a click or digit that was on its way must not hit another one."""

_GAP = 12
_MIN_WIDTH, _NARROWEST = 230, 130
"""Of a tile with a tall picture: room for its title, and for the start of it if there are many."""
_ARROWS = {
    Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}  # fmt: skip


@dataclass(frozen=True)
class SheetHead:
    """What stands above the pictures.

    Attributes:
        model: name of the model file.
        num_trusted: pixels that the pictures are compared with; 0 when there are none.
    """

    model: str
    num_trusted: int


class ContactSheet(QDialog):
    """Tiles appear one by one; a click, a digit, or arrows and Enter choose one.

    Attributes:
        chosen: index of the tile that was chosen, as in ``texts``, once accepted.
    """

    def __init__(
        self,
        head: SheetHead,
        texts: Sequence[TileText],
        *,
        aspect: float,
        parent: QWidget | None = None,
    ) -> None:
        """Makes a sheet without pictures.

        Args:
            head: what stands above.
            texts: of the tiles, the guess first.
            aspect: height of the image by its width.
            parent: of the dialog.
        """
        super().__init__(parent)
        self.setObjectName("contact_sheet")
        self.setWindowTitle(self.tr("Compare input values"))
        self.setMinimumSize(640, 480)
        self.chosen: int | None = None
        self._head = head
        self._since_moved = QElapsedTimer()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(8)
        for label in self._build_head():
            layout.addWidget(label)
        self.tiles = _TileArea([SheetTile(text) for text in texts], aspect)
        for index, tile in enumerate(self.tiles.tiles):
            tile.clicked.connect(self._on_clicked)
            tile.setObjectName(f"sheet_tile_{index}")
        layout.addSpacing(4)
        layout.addWidget(self.tiles, 1)
        layout.addSpacing(4)
        layout.addLayout(self._build_foot(len(texts)))
        self.tiles.tiles[0].setFocus()

    def show_picture(
        self, index: int, picture: QImage, *, agreement: float | None, equals: int | None
    ) -> None:
        """Shows the answer to one candidate.

        Args:
            index: as in ``texts``.
            picture: the image with its mask.
            agreement: mean IoU with trusted pixels, 0..1, or None.
            equals: index of a tile whose mask is the same, or None.
        """
        self.tiles.tiles[index].show_picture(picture, agreement)
        self.tiles.note_equal(index, equals)
        self._count()

    def show_failure(self, index: int, text: str) -> None:
        """Shows why there is no answer to one candidate; it cannot be chosen."""
        self.tiles.tiles[index].show_failure(text)
        self._count()

    def show_ranking(self, order: Sequence[int]) -> None:
        """Puts the tiles in order, the best first.

        Args:
            order: every index once.
        """
        first, tiles = order[0], self.tiles.tiles
        has_moved_focus = not tiles[0].hasFocus()
        if list(order) != self.tiles.order:
            self._since_moved.start()
        self.tiles.put_in_order(order)
        tiles[first].mark_best()
        if not has_moved_focus:
            tiles[first].setFocus()

    # -- choosing --------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move, Enter and digits choose, Escape closes."""
        key, digit = Qt.Key(event.key()), event.text()
        if key in _ARROWS:
            self.tiles.move_focus(*_ARROWS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            focused = self.tiles.focused()
            if focused is None:
                super().keyPressEvent(event)
            else:
                self._choose(focused)
        elif len(digit) == 1 and digit in "1234567890":
            place = int(digit) - 1 if digit != "0" else 9
            if place < len(self.tiles.order):
                self._choose(self.tiles.order[place])
        else:
            super().keyPressEvent(event)

    @Slot()
    def _on_clicked(self) -> None:
        sender = self.sender()
        if isinstance(sender, SheetTile):
            self._choose(self.tiles.tiles.index(sender))

    def _choose(self, index: int) -> None:
        has_just_moved = self._since_moved.isValid() and self._since_moved.elapsed() < GUARD_MS
        if has_just_moved or not self.tiles.tiles[index].can_be_chosen:
            return
        self.chosen = index
        self.accept()

    # -- building --------------------------------------------------------------------------------

    def _build_head(self) -> tuple[QLabel, QLabel]:
        heading = QLabel(self.tr("Which mask looks right?"))
        heading.setProperty("role", "heading")
        text = self.tr(
            "This is your image under each kind of input values that {model} may have been "
            "trained with. Click the mask that is right, or press its digit."
        ).format(model=self._head.model)
        if self._head.num_trusted:
            text += " " + self.tr(
                "Compared with the {count:,} pixels of it that you corrected or accepted."
            ).format(count=self._head.num_trusted)
        explanation = muted_label(text, wrap=True)
        explanation.setTextFormat(Qt.TextFormat.PlainText)
        return heading, explanation

    def _build_foot(self, num_tiles: int) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        self.progress = QProgressBar()
        self.progress.setProperty("role", "slim")
        self.progress.setTextVisible(False)
        self.progress.setRange(0, num_tiles)
        self.progress.setMaximumWidth(240)
        self._status = muted_label()
        cancel = push_button("close", self.tr("Cancel"), self.tr("Nothing is changed."))
        cancel.setObjectName("cancel_button")
        cancel.clicked.connect(self.reject)
        row.addWidget(self.progress)
        row.addWidget(self._status, 1)
        row.addWidget(cancel)
        self._count()
        return row

    def _count(self) -> None:
        tiles = self.tiles.tiles
        num_done = sum(tile.is_settled for tile in tiles)
        self.progress.setValue(num_done)
        self.progress.setVisible(num_done < len(tiles))
        text = self.tr("{done} of {count} predicted")
        self._status.setText(
            text.format(done=num_done, count=len(tiles)) if num_done < len(tiles) else ""
        )


class _TileArea(QWidget):
    """Lays the tiles out as large as the space allows, so that all are seen at once."""

    def __init__(self, tiles: list[SheetTile], aspect: float) -> None:
        super().__init__()
        self.tiles = tiles
        self.order = list(range(len(tiles)))
        self._equals: dict[int, int] = {}
        self._aspect = aspect
        self._num_columns = 1
        for tile in tiles:
            tile.setParent(self)
        self._number()

    def note_equal(self, index: int, equals: int | None) -> None:
        if equals is not None:
            self._equals[index] = equals
            self._number()

    def put_in_order(self, order: Sequence[int]) -> None:
        self.order = list(order)
        self._number()
        self._lay_out()

    def focused(self) -> int | None:
        return next((i for i, tile in enumerate(self.tiles) if tile.hasFocus()), None)

    def move_focus(self, rows: int, columns: int) -> None:
        focused = self.focused()
        place = 0 if focused is None else self.order.index(focused)
        wanted = place + columns + rows * self._num_columns
        if 0 <= wanted < len(self.order):
            self.tiles[self.order[wanted]].setFocus(Qt.FocusReason.OtherFocusReason)

    def sizeHint(self) -> QSize:
        return QSize(960, 640)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _number(self) -> None:
        """Numbers say the place. Of equal masks the later one names the earlier one."""
        place = {index: number for number, index in enumerate(self.order, 1)}
        first: dict[int, int] = {}  # place of the first of equal masks
        for index in self.order:
            first.setdefault(self._equals.get(index, index), place[index])
        for index, tile in enumerate(self.tiles):
            same = first[self._equals.get(index, index)]
            tile.set_place(place[index], same_as=same if same != place[index] else None)
        for before, after in zip(self.order, self.order[1:], strict=False):
            QWidget.setTabOrder(self.tiles[before], self.tiles[after])

    def _lay_out(self) -> None:
        """Chooses the number of columns that makes the pictures largest."""
        count, caption = len(self.tiles), self.tiles[0].caption_height
        best = (0.0, 1, 0, 0)
        for columns in range(1, count + 1):
            rows = -(-count // columns)
            width = (self.width() - _GAP * (columns - 1)) // columns
            height = (self.height() - _GAP * (rows - 1)) // rows
            fitting = min(width, (height - caption) / self._aspect)
            if fitting > best[0] and (width >= _NARROWEST or columns == 1):
                best = (fitting, columns, width, height)
        fitting, self._num_columns, width, height = best
        height = min(height, round(fitting * self._aspect) + caption)
        width = min(width, max(round(fitting) + 2 * _GAP, _MIN_WIDTH))
        used = min(self._num_columns, count) * (width + _GAP) - _GAP
        left = max(0, (self.width() - used) // 2)
        for place, index in enumerate(self.order):
            row, column = divmod(place, self._num_columns)
            self.tiles[index].setGeometry(
                QRect(left + column * (width + _GAP), row * (height + _GAP), width, height)
            )
