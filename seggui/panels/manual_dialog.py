"""The user manual: its chapters at the left, its pages at the right, a search over both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, QUrl, Slot
from PySide6.QtGui import (
    QColor,
    QDesktopServices,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QTextBlock,
    QTextCursor,
    QTextDocument,
    QTextTable,
)
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from seggui.panels.filter_edit import FilterEdit
from seggui.panels.widgets import muted_label, tool_button

_FIRST_SIZE = QSize(1000, 760)
_PICTURE_WIDTH = 680
_DEEPEST_CHAPTER = 2
_TABLE_LINE = QColor(128, 128, 128, 110)  # on dark and on light
_POSITION_ROLE = int(Qt.ItemDataRole.UserRole) + 1


class ManualDialog(QDialog):
    """Shows a Markdown file with pictures; it stays open beside the window."""

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        """Makes the dialog.

        Args:
            path: the manual; pictures are named relative to it.
            parent: window that it belongs to.
        """
        super().__init__(parent)
        self.setObjectName("manual_dialog")
        self.setWindowTitle(self.tr("User manual"))
        self.resize(_FIRST_SIZE)
        self.browser = ManualBrowser(path)
        self._search = FilterEdit()
        self._search.setPlaceholderText(self.tr("Search the manual"))
        self._search.setAccessibleName(self.tr("Search the manual"))
        self._previous = tool_button("previous", self.tr("Previous place (Shift+Enter)"))
        self._next = tool_button("next", self.tr("Next place (Enter)"))
        self._result = muted_label()
        self._result.setObjectName("manual_search_result")
        self.chapters = QListWidget()
        self._build()
        self._connect()
        self._fill_chapters()
        self._search.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Shift+Enter in the search field goes backwards; plain Enter must not close anything."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.find_next(backward=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            super().keyPressEvent(event)

    def find_next(self, *, backward: bool = False) -> bool:
        """Marks the next place with the searched words, around the end; False when none has."""
        text = self._search.text().strip()
        if not text:
            self._result.clear()
            return False
        is_found = self.browser.find_around(text, backward=backward)
        self._result.setText("" if is_found else self.tr("Not found"))
        return is_found

    # -- inside ----------------------------------------------------------------------------------

    def _build(self) -> None:
        self.chapters.setObjectName("manual_chapters")
        self.chapters.setAccessibleName(self.tr("Chapters"))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self._search, 1)
        for widget in (self._result, self._previous, self._next):
            row.addWidget(widget)
        splitter = QSplitter()
        splitter.addWidget(self.chapters)
        splitter.addWidget(self.browser)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([230, _FIRST_SIZE.width() - 230])
        splitter.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addLayout(row)
        layout.addWidget(splitter, 1)

    def _connect(self) -> None:
        self._search.textChanged.connect(self._on_search_changed)
        self._search.left.connect(self._on_search_left)
        self._search.submitted.connect(self._on_next)
        self._next.clicked.connect(self._on_next)
        self._previous.clicked.connect(self._on_previous)
        self.chapters.itemClicked.connect(self._on_chapter_chosen)
        self.chapters.itemActivated.connect(self._on_chapter_chosen)

    def _fill_chapters(self) -> None:
        for level, title, position in self.browser.headings():
            if level <= _DEEPEST_CHAPTER:
                item = QListWidgetItem(title)
                item.setData(_POSITION_ROLE, position)
                self.chapters.addItem(item)

    @Slot()
    def _on_search_changed(self) -> None:
        self.browser.go_to(0)
        self.find_next()

    @Slot()
    def _on_search_left(self) -> None:
        if self._search.text():
            self._search.clear()
        else:
            self.reject()

    @Slot()
    def _on_next(self) -> None:
        self.find_next()

    @Slot()
    def _on_previous(self) -> None:
        self.find_next(backward=True)

    @Slot(QListWidgetItem)
    def _on_chapter_chosen(self, item: QListWidgetItem) -> None:
        self.browser.go_to(item.data(_POSITION_ROLE))


class ManualBrowser(QTextBrowser):
    """The pages. Links between chapters stay here, links to the world open in the browser."""

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("manual_text")
        self.setAccessibleName(self.tr("Text of the manual"))
        self.setOpenLinks(False)
        self.anchorClicked.connect(self._on_link_clicked)
        self.setSource(
            QUrl.fromLocalFile(str(path.absolute())), QTextDocument.ResourceType.MarkdownResource
        )
        self._lay_out()

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        """Pictures are brought to the width of a page, once and smoothly."""
        if kind != QTextDocument.ResourceType.ImageResource.value:
            return super().loadResource(kind, name)
        picture = QImage(self.source().resolved(QUrl(name)).toLocalFile())
        if picture.isNull():
            return None
        ratio = self.devicePixelRatioF()
        width = min(picture.width(), round(_PICTURE_WIDTH * ratio))
        scaled = picture.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation)
        scaled.setDevicePixelRatio(ratio)
        return scaled

    def headings(self) -> list[tuple[int, str, int]]:
        """Level, title and position of every heading, in order."""
        return [
            (block.blockFormat().headingLevel(), block.text(), block.position())
            for block in self._blocks()
            if block.blockFormat().headingLevel() > 0
        ]

    def go_to(self, position: int) -> None:
        """Scrolls so that the text at a position of the document is at the top."""
        cursor = QTextCursor(self.document())
        cursor.setPosition(position)
        self.setTextCursor(cursor)
        block = self.document().findBlock(position)
        top = self.document().documentLayout().blockBoundingRect(block).top()
        self.verticalScrollBar().setValue(round(top) if position else 0)

    def find_around(self, text: str, *, backward: bool) -> bool:
        """Marks the next place of a text, going on at the other end; False when there is none."""
        flag = QTextDocument.FindFlag.FindBackward if backward else QTextDocument.FindFlag(0)
        if self.find(text, flag):
            return True
        before = self.textCursor()
        end = QTextCursor.MoveOperation.End
        self.moveCursor(end if backward else QTextCursor.MoveOperation.Start)
        if self.find(text, flag):
            return True
        self.setTextCursor(before)
        return False

    @Slot(QUrl)
    def _on_link_clicked(self, url: QUrl) -> None:
        if url.scheme() in ("http", "https"):
            QDesktopServices.openUrl(url)
            return
        for _, title, position in self.headings():
            if heading_anchor(title) == url.fragment():
                self.go_to(position)
                return

    def _blocks(self) -> Iterator[QTextBlock]:
        block = self.document().begin()
        while block.isValid():
            yield block
            block = block.next()

    def _lay_out(self) -> None:
        """Markdown says what things are; air around them makes a page of it."""
        line = QFontMetricsF(self.font()).height()
        root = self.document().rootFrame()
        page = root.frameFormat()
        page.setMargin(line)
        root.setFrameFormat(page)
        for frame in root.childFrames():
            if isinstance(frame, QTextTable):
                table = frame.format()
                table.setCellPadding(line / 4)
                table.setBorderBrush(_TABLE_LINE)
                table.setTopMargin(line / 3)
                table.setBottomMargin(line / 2)
                frame.setFormat(table)
        for block in self._blocks():
            if block.blockFormat().headingLevel() > 1:
                form = block.blockFormat()
                form.setTopMargin(line)
                form.setBottomMargin(line / 3)
                QTextCursor(block).setBlockFormat(form)


def heading_anchor(title: str) -> str:
    """The name under which links find a heading, as code hosts make it."""
    kept = "".join(c for c in title.casefold() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")
