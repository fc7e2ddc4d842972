"""The manual in the window: chapters, links, search, pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from model.data.resources import resource_path
from seggui.panels.manual_dialog import ManualDialog, heading_anchor
from tests.qt.program_kit import Driver

LINE = "Some words that fill a line.\n\n"
TEXT = (
    "# Handbook\n\nSee [painting](#painting-a-mask) or [the world](https://example.org/x).\n\n"
    "![A picture](images/wide.png)\n\n## First steps\n\n" + 40 * LINE + "## Painting a mask\n\n"
    "A rare zebra.\n\n### Detail\n\n" + 40 * LINE + "Another Zebra.\n"
)


@pytest.fixture
def dialog(qtbot: QtBot, tmp_path: Path) -> ManualDialog:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (2000, 500), (200, 0, 0)).save(tmp_path / "images" / "wide.png")
    path = tmp_path / "manual.md"
    path.write_text(TEXT, encoding="utf-8")
    made = ManualDialog(path)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def first_visible_text(dialog: ManualDialog) -> str:
    return (
        dialog.browser.cursorForPosition(dialog.browser.viewport().rect().topLeft()).block().text()
    )


def search(dialog: ManualDialog, text: str) -> None:
    field = dialog.findChild(QLineEdit)
    field.clear()
    QTest.keyClicks(field, text)


def marked(dialog: ManualDialog) -> str:
    return dialog.browser.textCursor().selectedText()


def test_chapters_are_listed_without_their_details(dialog: ManualDialog) -> None:
    titles = [dialog.chapters.item(i).text() for i in range(dialog.chapters.count())]
    assert titles == ["Handbook", "First steps", "Painting a mask"]


def test_a_chapter_that_is_chosen_stands_at_the_top(dialog: ManualDialog) -> None:
    item = dialog.chapters.item(2)
    place = dialog.chapters.visualItemRect(item).center()
    QTest.mouseClick(dialog.chapters.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert dialog.browser.verticalScrollBar().value() > 0
    assert first_visible_text(dialog) == "Painting a mask"


def test_a_link_to_a_chapter_leads_there(dialog: ManualDialog) -> None:
    dialog.browser.anchorClicked.emit(QUrl("#painting-a-mask"))
    assert first_visible_text(dialog) == "Painting a mask"


def test_a_link_to_the_world_opens_outside_and_leaves_the_page(
    dialog: ManualDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    dialog.browser.anchorClicked.emit(QUrl("https://example.org/x"))
    assert opened == ["https://example.org/x"]
    assert first_visible_text(dialog) == "Handbook"


def test_search_marks_each_place_in_turn_and_starts_again(dialog: ManualDialog) -> None:
    search(dialog, "zebra")
    assert marked(dialog) == "zebra"
    field = dialog.findChild(QLineEdit)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert marked(dialog) == "Zebra"
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert marked(dialog) == "zebra"


def test_search_goes_backwards(dialog: ManualDialog) -> None:
    search(dialog, "zebra")
    dialog.find_next(backward=True)
    assert marked(dialog) == "Zebra"


def test_search_says_when_nothing_is_found(dialog: ManualDialog) -> None:
    search(dialog, "rhinoceros")
    result = dialog.findChild(QLabel, "manual_search_result")
    assert result.text() == "Not found"
    search(dialog, "zebra")
    assert result.text() == ""


def test_escape_clears_the_search_and_then_closes(dialog: ManualDialog) -> None:
    search(dialog, "zebra")
    field = dialog.findChild(QLineEdit)
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""
    assert dialog.isVisible()
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_wide_pictures_fit_the_page(dialog: ManualDialog) -> None:
    assert dialog.browser.document().size().width() <= dialog.browser.viewport().width()
    assert "\ufffc" in dialog.browser.toPlainText()


def test_anchors_are_those_of_code_hosts() -> None:
    assert heading_anchor("Saving, and after a crash") == "saving-and-after-a-crash"
    assert heading_anchor("What is held out") == "what-is-held-out"


def test_help_opens_the_manual_that_ships_once(driver: Driver) -> None:
    driver.start()
    driver.trigger("manual_action")
    driver.trigger("manual_action")
    (shown,) = driver.window.findChildren(ManualDialog)
    assert shown.isVisible()
    assert not shown.isModal()
    assert shown.browser.source() == QUrl.fromLocalFile(str(resource_path("manual", "manual.md")))
    assert shown.chapters.count() > 10
    shown.close()
