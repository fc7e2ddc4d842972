"""The images that a network predicts worst: of all classes, or of one."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from seggui.panels.widgets import push_button
from seggui.theme import current_colors

if TYPE_CHECKING:
    from model.evaluation_result import Evaluation, ImageScore

MOST_IMAGES = 200
KEY_ROLE = int(Qt.ItemDataRole.UserRole)
_NUMBERS = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class WorstImages(QWidget):
    """A list, worst first. Images of the open folder open when they are clicked.

    Signals:
        image_chosen: (str) key of the image in what was scored.
        all_requested: the filter by class is no longer wanted.
    """

    image_chosen = Signal(str)
    all_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = QLabel()
        self._title.setProperty("role", "heading")
        self.all_button = push_button(
            "close", self.tr("All classes"), self.tr("Rank the images by all classes again"),
            role="flat",
        )  # fmt: skip
        self.all_button.clicked.connect(self.all_requested)
        policy = self.all_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # or the list would jump when a class is chosen
        self.all_button.setSizePolicy(policy)
        self.all_button.hide()
        row = QHBoxLayout()
        row.addWidget(self._title, 1)
        row.addWidget(self.all_button)
        self.table = self._build_table()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.table, 1)
        self.setMinimumWidth(250)
        self._openable: Collection[str] = frozenset()
        self._folder = self._ending = ""
        self._shown: tuple[Evaluation, tuple[ImageScore, ...], int | None] | None = None

    def set_openable(self, keys: Collection[str]) -> None:
        """Says which images can be shown; the list on view follows."""
        self._openable = keys
        self._show_again()

    def show_images(
        self, evaluation: Evaluation, worst: tuple[ImageScore, ...], class_index: int | None
    ) -> None:
        """Shows images in this order; of one class when an index is given."""
        self._shown = (evaluation, worst, class_index)
        is_all = class_index is None
        name = "" if class_index is None else evaluation.class_names[class_index]
        self._title.setText(
            self.tr("Worst images") if is_all else self.tr("Worst images for {name}").format(
                name=name)
        )  # fmt: skip
        self.all_button.setVisible(not is_all)
        self.table.setHorizontalHeaderLabels(
            [self.tr("Image"), self.tr("Mean IoU"), self.tr("Accuracy")]
            if is_all
            else [self.tr("Image"), self.tr("IoU"), self.tr("Wrong px")]
        )
        for column in (1, 2):
            title = self.table.horizontalHeaderItem(column)
            if title is not None:
                title.setTextAlignment(_NUMBERS)
        keys = [score.key for score in worst]
        self._folder, self._ending = common_folder(keys), common_ending(keys)
        chosen = self.chosen_key()
        self.table.setRowCount(min(len(worst), MOST_IMAGES))
        for row, score in enumerate(worst[:MOST_IMAGES]):
            self._set_row(row, score, class_index)
            if score.key == chosen:
                self.table.selectRow(row)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: names that cannot be opened are muted by the item."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_again()

    def chosen_key(self) -> str:
        """Key of the selected row, or empty."""
        items = self.table.selectedItems()
        return str(items[0].data(KEY_ROLE)) if items else ""

    def _build_table(self) -> QTableWidget:
        table = QTableWidget(0, 3)
        table.setObjectName("worst_images")
        table.setAccessibleName(self.tr("Worst images"))
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setTextElideMode(Qt.TextElideMode.ElideLeft)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.verticalHeader().setMinimumSectionSize(22)
        table.verticalHeader().setDefaultSectionSize(22)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(60)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.cellClicked.connect(self._on_row)
        table.cellActivated.connect(self._on_row)
        return table

    def _set_row(self, row: int, score: ImageScore, class_index: int | None) -> None:
        if class_index is None:
            texts = (_percent(score.mean_iou), _percent(score.accuracy))
        else:
            texts = (
                _percent(score.iou[class_index]), f"{score.wrong_pixels[class_index]:,}",
            )  # fmt: skip
        is_openable = score.key in self._openable
        tip = score.key if is_openable else self.tr("{key}\nnot in the open folder").format(
            key=score.key)  # fmt: skip
        name = score.key.removeprefix(self._folder).removesuffix(self._ending)
        for column, text in enumerate((name, *texts)):
            item = QTableWidgetItem(text)
            item.setData(KEY_ROLE, score.key)
            item.setToolTip(tip)
            if column:
                item.setTextAlignment(_NUMBERS)
            elif not is_openable:
                item.setForeground(current_colors().text_muted)
            self.table.setItem(row, column, item)

    def _show_again(self) -> None:
        if self._shown is not None:
            self.show_images(*self._shown)

    @Slot(int, int)
    def _on_row(self, row: int, _: int) -> None:
        item = self.table.item(row, 0)
        if item is not None:
            self.image_chosen.emit(str(item.data(KEY_ROLE)))


def common_folder(keys: Sequence[str]) -> str:
    """The folder that all keys begin with, with its slash; every row would only repeat it."""
    folders = {key.rpartition("/")[0] for key in keys}
    common = posixpath.commonpath(folders) if folders else ""
    return f"{common}/" if common else ""


def common_ending(keys: Sequence[str]) -> str:
    """What all names end with after their number, such as ``_leftImg8bit.png``; else empty.

    A name that is cut off must not lose what tells it from the others. A bare ``.png`` stays.
    """
    if len(keys) < 2:
        return ""
    shared = posixpath.commonprefix([key[::-1] for key in keys])[::-1]
    marks = [place for place, letter in enumerate(shared) if letter in "_-"]
    ending = shared[marks[0] :] if marks and "/" not in shared else ""
    return "" if any(key.rpartition("/")[2] == ending for key in keys) else ending


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
