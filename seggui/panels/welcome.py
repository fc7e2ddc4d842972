"""What is seen while nothing is open."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QIcon,
    QPainter,
    QPaintEvent,
    QPen,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from seggui.panels.widgets import ICON_GAP_PX, IconLabel, muted_label, push_button
from seggui.theme import blend, current_colors, resources_folder

MAX_RECENT_SHOWN = 6
_WIDTH = 560
_NAME_WIDTH = 220


class WelcomePage(QWidget):
    """The first click: open a folder, try the sample, or go on with a recent folder.

    Signals:
        open_folder_requested, sample_requested, load_model_requested: a button was pressed.
        recent_chosen: (Path) a recent folder was pressed.
        folder_dropped: (Path) a folder was dropped on the page.
        file_dropped: (Path) a file was dropped: an image or a model.
    """

    open_folder_requested = Signal()
    sample_requested = Signal()
    load_model_requested = Signal()
    recent_chosen = Signal(Path)
    folder_dropped = Signal(Path)
    file_dropped = Signal(Path)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome_page")
        self.setAcceptDrops(True)
        self._is_dragged_over = False
        self._is_built = False
        self._shown_at_first: tuple[Sequence[Path], Collection[Path] | None] = ((), None)

    def showEvent(self, event: QShowEvent) -> None:
        """Builds the page when it is seen first: who starts with a folder does not wait for it."""
        super().showEvent(event)
        if not self._is_built:
            self._is_built = True
            self._recent_title = QLabel(self.tr("Recent folders"))
            self._recent = QVBoxLayout()
            self._build()
            folders, missing = self._shown_at_first
            self.set_recent(folders, missing=missing)

    def set_recent(
        self, folders: Sequence[Path], *, missing: Collection[Path] | None = None
    ) -> None:
        """Shows recent folders, newest first; those that are missing can be seen but not chosen.

        Args:
            folders: the first few are shown.
            missing: which of them are not there; None looks at the disk, here and now.
        """
        if not self._is_built:
            self._shown_at_first = folders, missing
            return
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        shown = folders[:MAX_RECENT_SHOWN]
        gone = {f for f in shown if not f.is_dir()} if missing is None else set(missing)
        for folder in shown:
            self._recent.addWidget(self._recent_row(folder, is_missing=folder in gone))
        self._recent_title.setVisible(bool(shown))

    # -- inside -----------------------------------------------------------------------------------

    def _build(self) -> None:
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addLayout(self._heading())
        column.addSpacing(16)
        column.addLayout(self._buttons())
        column.addSpacing(4)
        hint = muted_label(self.tr("or drop a folder of images anywhere on this page"))
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(hint)
        column.addSpacing(20)
        self._recent_title.setProperty("role", "heading")
        column.addWidget(self._recent_title)
        self._recent.setSpacing(2)
        column.addLayout(self._recent)
        body = QWidget()
        body.setMaximumWidth(_WIDTH)
        body.setLayout(column)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        center = QHBoxLayout()
        center.addStretch(1)
        center.addWidget(body, 100)
        center.addStretch(1)
        outer.addLayout(center)
        outer.addStretch(3)

    def _heading(self) -> QHBoxLayout:
        mark = IconLabel("layers", color="accent", size_px=72)
        file = resources_folder() / "icons" / "seggui.svg"
        if file.is_file():
            mark.set_fixed_icon(QIcon(str(file)))
        title = QLabel("seggui")
        title.setProperty("role", "title")
        sentence = muted_label(
            self.tr(
                "See the masks of your network, correct them with a brush, fine-tune: "
                "the next image is already better."
            ),
            wrap=True,
        )
        texts = QVBoxLayout()
        texts.setSpacing(4)
        texts.addWidget(title)
        texts.addWidget(sentence)
        row = QHBoxLayout()
        row.setSpacing(20)
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addLayout(texts, 1)
        return row

    def _buttons(self) -> QHBoxLayout:
        folder = push_button(
            "open_folder", self.tr("Open folder…"), self.tr("Open a folder of images"),
            role="primary", color="accent_text",
        )  # fmt: skip
        sample = push_button(
            "sample", self.tr("Try the sample"), self.tr("Open street images that come along")
        )
        model = push_button(
            "load_model", self.tr("Load model…"), self.tr("Load a Keras model (.keras, .h5)")
        )
        folder.clicked.connect(self._on_open_folder_clicked)
        sample.clicked.connect(self._on_sample_clicked)
        model.clicked.connect(self._on_load_model_clicked)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (folder, sample, model):
            button.setProperty("extent", "large")
            button.setIconSize(QSize(20 + ICON_GAP_PX, 20))
            row.addWidget(button, 1)
        return row

    def _recent_row(self, folder: Path, *, is_missing: bool) -> QWidget:
        tooltip = self.tr("Not found: {path}") if is_missing else "{path}"
        elide = self.fontMetrics().elidedText
        name = folder.name or str(folder)
        shown_name = elide(name, Qt.TextElideMode.ElideMiddle, _NAME_WIDTH - 60)
        row = push_button("folder", shown_name, tooltip.format(path=folder), role="flat")
        row.setAccessibleName(name)
        row.setAccessibleDescription(tooltip.format(path=folder))
        row.setEnabled(not is_missing)
        text = self.tr("not found") if is_missing else _short(folder.parent)
        width = _WIDTH - _NAME_WIDTH - 40
        place = muted_label(elide(text, Qt.TextElideMode.ElideMiddle, width))
        place.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        inner = QHBoxLayout(row)
        inner.setContentsMargins(_NAME_WIDTH, 0, 12, 0)
        inner.addWidget(place, 1)
        place.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.clicked.connect(lambda _checked: self.recent_chosen.emit(folder))
        return row

    @Slot()
    def _on_open_folder_clicked(self) -> None:
        self.open_folder_requested.emit()

    @Slot()
    def _on_sample_clicked(self) -> None:
        self.sample_requested.emit()

    @Slot()
    def _on_load_model_clicked(self) -> None:
        self.load_model_requested.emit()

    # -- drag and drop ----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes folders and files of this machine."""
        if dropped_paths(event.mimeData()):
            event.acceptProposedAction()
            self._set_dragged_over(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Nothing will be dropped."""
        self._set_dragged_over(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Tells of the first thing that was dropped."""
        self._set_dragged_over(False)
        path = dropped_paths(event.mimeData())[0]
        event.acceptProposedAction()
        (self.folder_dropped if path.is_dir() else self.file_dropped).emit(path)

    def _set_dragged_over(self, is_dragged_over: bool) -> None:
        self._is_dragged_over = is_dragged_over
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Shows that the page takes what is dragged over it."""
        if not self._is_dragged_over:
            return
        colors = current_colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(blend(colors.accent, colors.window, 0.1))
        painter.setPen(QPen(colors.accent, 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().adjusted(12, 12, -12, -12), 8, 8)
        painter.end()


def dropped_paths(data: QMimeData) -> list[Path]:
    """The local files and folders in a drag."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def _short(folder: Path) -> str:
    """A path as people write it, with ``~`` for their own folder."""
    try:
        return str(Path("~") / folder.relative_to(Path.home()))
    except ValueError:
        return str(folder)
