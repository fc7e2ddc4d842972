"""The overview of shortcuts can be searched by action and by key."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QListView
from pytestqt.qtbot import QtBot

from seggui.panels.shortcuts_dialog import ShortcutRow, ShortcutsDialog, key_caps

ROWS = (
    ShortcutRow("Tools", "Brush", "B"),
    ShortcutRow("Edit", "Undo", "Ctrl+Z"),
    ShortcutRow("Edit", "Redo", "Ctrl+Y, Ctrl+Shift+Z"),
    ShortcutRow("Tools", "Pan", ""),
)


@pytest.fixture
def dialog(qtbot: QtBot) -> ShortcutsDialog:
    dialog = ShortcutsDialog(ROWS)
    qtbot.addWidget(dialog)
    with qtbot.waitExposed(dialog):
        dialog.show()
    return dialog


def lines(dialog: ShortcutsDialog) -> list[str]:
    view = dialog.findChild(QListView, "shortcut_list")
    assert isinstance(view, QListView)
    model = view.model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def search(dialog: ShortcutsDialog) -> QLineEdit:
    edit = dialog.findChild(QLineEdit)
    assert isinstance(edit, QLineEdit)
    return edit


def test_actions_stand_under_their_group_in_the_given_order(dialog: ShortcutsDialog) -> None:
    assert lines(dialog) == [
        "Tools", "Brush: B", "Pan: ", "Edit", "Undo: Ctrl+Z", "Redo: Ctrl+Y, Ctrl+Shift+Z",
    ]  # fmt: skip
    assert not dialog.grab().isNull()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("shift", ["Edit", "Redo: Ctrl+Y, Ctrl+Shift+Z"]),
        ("BRUSH", ["Tools", "Brush: B"]),
        ("edit undo", ["Edit", "Undo: Ctrl+Z"]),
        ("nothing", []),
    ],
)
def test_search_finds_title_group_and_key(
    dialog: ShortcutsDialog, qtbot: QtBot, text: str, wanted: list[str]
) -> None:
    qtbot.keyClicks(search(dialog), text)
    assert lines(dialog) == wanted


def test_escape_clears_the_search_and_then_closes(dialog: ShortcutsDialog, qtbot: QtBot) -> None:
    qtbot.keyClicks(search(dialog), "undo")
    qtbot.keyClick(search(dialog), Qt.Key.Key_Escape)
    assert dialog.isVisible()
    assert len(lines(dialog)) == 6
    qtbot.keyClick(search(dialog), Qt.Key.Key_Escape)
    assert not dialog.isVisible()


@pytest.mark.parametrize(
    ("chord", "caps"),
    [
        ("B", ["B"]),
        ("Ctrl+Shift+Z", ["Ctrl", "Shift", "Z"]),
        ("Ctrl++", ["Ctrl", "+"]),
        ("+", ["+"]),
        ("hold H", ["hold H"]),
    ],
)
def test_chords_are_split_into_keys(chord: str, caps: list[str]) -> None:
    assert key_caps(chord) == caps
