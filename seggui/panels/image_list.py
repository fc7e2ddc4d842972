"""The list of images: what is there, how far it is, and the way through it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QSize,
    QSortFilterProxyModel,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QToolButton, QVBoxLayout, QWidget

from seggui.core.records import ImageRecord, ImageStatus
from seggui.icons import icon
from seggui.panels.filter_edit import FilterEdit
from seggui.panels.image_list_delegate import ImageListDelegate
from seggui.panels.image_list_model import KEY_ROLE, ImageListModel
from seggui.panels.image_list_view import ImageListView
from seggui.panels.image_status import STATUS_LOOKS
from seggui.panels.widgets import muted_label

_THUMBNAIL_DELAY_MS = 40  # scrolling past a thousand rows asks for those of some twenty frames


class ImageListPanel(QWidget):
    """Filter, list and progress.

    Signals:
        image_chosen: (key) the user wants to see this image.
        selection_changed: (tuple of keys) the selected images, in list order.
        thumbnail_requested: (key) a visible row has none; answer with `set_thumbnail`.
        filter_left: Escape in an empty filter; the focus may go back to the canvas.
    """

    image_chosen = Signal(str)
    selection_changed = Signal(tuple)
    thumbnail_requested = Signal(str)
    filter_left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._current: str | None = None
        self._is_restoring = False
        self._model = ImageListModel(self)
        self._rows = QSortFilterProxyModel(self)
        self._filter = FilterEdit()
        self._chips = {status: self._status_chip(status) for status in STATUS_LOOKS}
        self._view = ImageListView()
        self._progress_text = muted_label()
        self._progress = QProgressBar()
        self._thumbnail_timer = QTimer(self, singleShot=True, interval=_THUMBNAIL_DELAY_MS)
        self._release_timer = QTimer(self, singleShot=True, interval=0)
        self._build()
        self._connect()
        self._show_counts()

    # -- what is shown ----------------------------------------------------------------------------

    def set_keys(self, keys: tuple[str, ...]) -> None:
        """Shows another folder; the filter is cleared, nothing is current."""
        self._current = None
        self._view.has_folder = True
        self.clear_filter()
        self._model.set_keys(keys)

    def set_record(self, record: ImageRecord) -> None:
        """One image changed."""
        self._model.set_record(record)

    def set_records(self, records: Mapping[str, ImageRecord]) -> None:
        """Many images are known at once, for instance when a project was opened."""
        selected = self.selected_keys()
        self._model.set_records(records)
        self._restore(selected)

    def set_thumbnail(self, key: str, image: QImage) -> None:
        """Answers `thumbnail_requested`; a null image says that the file cannot be read."""
        self._model.set_thumbnail(key, image)

    def set_current(self, key: str | None) -> None:
        """Marks the image that is in the window, without emitting `image_chosen`."""
        shown = self._view.currentIndex().data(KEY_ROLE)
        if key == self._current == shown:
            return  # the answer to image_chosen must not undo a selection of several
        self._make_current(key)
        self._restore((key,) if key is not None else ())

    @property
    def current_key(self) -> str | None:
        """The image in the window, also when the filter hides it."""
        return self._current

    def selected_keys(self) -> tuple[str, ...]:
        """The selected images in list order."""
        rows = sorted(index.row() for index in self._view.selectionModel().selectedRows())
        return tuple(self._model.key(row) for row in rows)

    # -- the way through the list -----------------------------------------------------------------

    def neighbours(self, key: str) -> tuple[str | None, str | None]:
        """The images before and after in the list as filtered; None at its ends."""
        return self._model.neighbours(key)

    def next_with_status(
        self, key: str | None, statuses: Collection[ImageStatus], *, forward: bool = True
    ) -> str | None:
        """The nearest other image in one of ``statuses``, around the end of the filtered list."""
        return self._model.next_with_status(key, statuses, forward=forward)

    def focus_filter(self) -> None:
        """Puts the cursor into the filter, for a search shortcut."""
        self._filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._filter.selectAll()

    def focus_list(self) -> None:
        """Gives the list the keyboard."""
        self._view.setFocus(Qt.FocusReason.OtherFocusReason)

    def clear_filter(self) -> None:
        """Shows all images."""
        for chip in self._chips.values():
            chip.setChecked(False)
        self._filter.clear()
        self._apply_filter()

    # -- inside -----------------------------------------------------------------------------------

    def _build(self) -> None:
        # Filters and sorts nothing: it answers the row counts and indices that the view asks for,
        # twice for each of 10,000 rows at every layout, without calling Python (30 ms -> 2 ms).
        self._rows.setSourceModel(self._model)
        self._view.setModel(self._rows)
        self._view.setItemDelegate(ImageListDelegate(self._view))
        self._view.setAccessibleName(self.tr("Images"))
        self._filter.setPlaceholderText(self.tr("Filter by name"))
        self._filter.setAccessibleName(self.tr("Filter images by name"))
        self._filter.setToolTip(self.tr("Words that must all be in the name. Esc clears."))
        self._progress.setProperty("role", "slim")
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(self.tr("Reviewed images"))
        chips = QHBoxLayout()
        chips.setSpacing(4)
        for chip in self._chips.values():
            chips.addWidget(chip, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self._filter)
        layout.addLayout(chips)
        layout.addWidget(self._view, 1)
        layout.addWidget(self._progress_text)
        layout.addWidget(self._progress)

    def _connect(self) -> None:
        self._filter.textChanged.connect(self._apply_filter)
        self._filter.left.connect(self._on_filter_left)
        self._filter.submitted.connect(self.focus_list)
        for chip in self._chips.values():
            chip.toggled.connect(self._apply_filter)
        self._model.counts_changed.connect(self._show_counts)
        self._model.thumbnail_requested.connect(self.thumbnail_requested)
        for changed in (self._rows.modelReset, self._rows.rowsInserted, self._rows.rowsRemoved):
            changed.connect(self._thumbnail_timer.start)
        self._view.viewport_moved.connect(self._on_viewport_moved)
        self._thumbnail_timer.timeout.connect(self._request_visible_thumbnails)
        self._release_timer.timeout.connect(self._model.release_rows)
        selection = self._view.selectionModel()
        selection.currentChanged.connect(self._on_current_changed)
        selection.selectionChanged.connect(self._on_selection_changed)

    @Slot()
    def _apply_filter(self) -> None:
        selected = self.selected_keys()
        statuses = frozenset(s for s, chip in self._chips.items() if chip.isChecked())
        self._model.set_filter(self._filter.text(), statuses)
        self._view.is_filtered = bool(self._filter.text().strip() or statuses)
        self._restore(selected)

    def _restore(self, selected: tuple[str, ...]) -> None:
        """Marks the current image and ``selected`` again, as far as the filter shows them."""
        selection = self._view.selectionModel()
        row = self._model.row(self._current) if self._current is not None else None
        index = self._rows.index(row, 0) if row is not None else QModelIndex()
        flags = QItemSelectionModel.SelectionFlag
        self._is_restoring = True
        selection.setCurrentIndex(index, flags.NoUpdate)
        selection.clearSelection()
        for other in (self._model.row(key) for key in selected):
            if other is not None:
                selection.select(self._rows.index(other, 0), flags.Select)
        self._is_restoring = False
        if index.isValid():
            self._view.scrollTo(index)
        self.selection_changed.emit(self.selected_keys())

    def _make_current(self, key: str | None) -> None:
        self._current = key
        self._model.set_pinned(key)
        self._release_timer.start()

    @Slot()
    def _on_current_changed(self, current: QModelIndex) -> None:
        key = current.data(KEY_ROLE)
        if self._is_restoring or key is None or key == self._current:
            return
        self._make_current(key)
        self.image_chosen.emit(key)

    @Slot()
    def _on_selection_changed(self) -> None:
        if not self._is_restoring:
            self.selection_changed.emit(self.selected_keys())

    @Slot()
    def _on_filter_left(self) -> None:
        if self._filter.text():
            self._filter.clear()
        else:
            self.filter_left.emit()

    @Slot()
    def _on_viewport_moved(self) -> None:
        if not self._thumbnail_timer.isActive():
            self._thumbnail_timer.start()

    @Slot()
    def _request_visible_thumbnails(self) -> None:
        if self._view.isVisible() and self._model.rowCount():
            self._model.request_thumbnails(*self._view.visible_rows())

    @Slot()
    def _show_counts(self) -> None:
        total = self._model.num_images
        reviewed = self._model.count(ImageStatus.REVIEWED)
        corrected = self._model.count(ImageStatus.CORRECTED)
        text = self.tr("{reviewed} of {total} reviewed, {corrected} corrected")
        values = {"reviewed": f"{reviewed:,}", "total": f"{total:,}", "corrected": f"{corrected:,}"}
        self._progress_text.setText(text.format(**values) if total else self.tr("No images"))
        self._progress.setRange(0, max(1, total))
        self._progress.setValue(reviewed)
        for status, chip in self._chips.items():
            count = self._model.count(status)
            chip.setText(f"{count:,}")
            chip.setAccessibleName(self.tr("{status}: {count}").format(
                status=STATUS_LOOKS[status].text, count=count
            ))  # fmt: skip

    def _status_chip(self, status: ImageStatus) -> QToolButton:
        look = STATUS_LOOKS[status]
        chip = QToolButton()
        chip.setObjectName(f"status_filter_{status.value}")
        chip.setProperty("role", "chip")
        chip.setCheckable(True)
        chip.setIcon(icon(look.icon_name, look.color_role))
        chip.setIconSize(QSize(14, 14))
        chip.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        tooltip = self.tr("Show only: {status}. {hint}.")
        chip.setToolTip(tooltip.format(status=look.text, hint=look.hint))
        chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return chip
