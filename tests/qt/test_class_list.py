"""The list of classes: choose, rename, recolour, hide, protect; it asks and changes nothing."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QLabel, QLineEdit, QListView, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from model.data.label_sets import IGNORE, LabelClass, LabelSet
from seggui.panels.class_list import ClassListPanel
from seggui.panels.class_list_delegate import eye_rect, lock_rect, name_rect, swatch_rect
from seggui.panels.class_list_model import ROW_ROLE, ClassRow, share_text

NAMES = ("Sky", "Building", "Road", "Car")


def label_set(num_classes: int = 4) -> LabelSet:
    names = [*NAMES, *(f"Class {i}" for i in range(len(NAMES), num_classes))][:num_classes]
    classes = (LabelClass(i, name, (10 * i, 20, 30)) for i, name in enumerate(names))
    return LabelSet("test", tuple(classes))


@pytest.fixture
def panel(qtbot: QtBot) -> ClassListPanel:
    panel = ClassListPanel()
    qtbot.addWidget(panel)
    panel.resize(280, 400)
    panel.set_label_set(label_set())
    panel.set_current(0)
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def view_of(panel: ClassListPanel) -> QListView:
    view = panel.findChild(QListView, "class_list")
    assert isinstance(view, QListView)
    return view


def row_of(panel: ClassListPanel, index: int) -> ClassRow:
    row = view_of(panel).model().index(index, 0).data(ROW_ROLE)
    assert isinstance(row, ClassRow)
    return row


def center(panel: ClassListPanel, index: int, part: object) -> QPoint:
    rect = view_of(panel).visualRect(view_of(panel).model().index(index, 0))
    return part(rect).center()  # type: ignore[operator, no-any-return]


def click(panel: ClassListPanel, qtbot: QtBot, index: int, part: object) -> None:
    viewport = view_of(panel).viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=center(panel, index, part))


def double_click(panel: ClassListPanel, qtbot: QtBot, index: int, part: object) -> None:
    viewport = view_of(panel).viewport()
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=center(panel, index, part))


@pytest.mark.parametrize("part", [name_rect, swatch_rect])
def test_a_click_on_name_or_colour_chooses_the_class(
    panel: ClassListPanel, qtbot: QtBot, part: object
) -> None:
    with qtbot.waitSignal(panel.class_chosen, timeout=1000) as chosen:
        click(panel, qtbot, 2, part)
    assert chosen.args == [2]


def test_setting_the_current_class_marks_it_and_chooses_nothing(
    panel: ClassListPanel, qtbot: QtBot
) -> None:
    with qtbot.assertNotEmitted(panel.class_chosen):
        panel.set_current(3)
    assert [row_of(panel, i).is_current for i in range(4)] == [False, False, False, True]


def test_arrow_keys_choose_classes(panel: ClassListPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.class_chosen, timeout=1000) as chosen:
        qtbot.keyClick(view_of(panel), Qt.Key.Key_Down)
    assert chosen.args == [1]


def test_the_eye_asks_to_hide_without_choosing_the_class(
    panel: ClassListPanel, qtbot: QtBot
) -> None:
    panel.set_hidden(frozenset({0}))
    with (
        qtbot.assertNotEmitted(panel.class_chosen),
        qtbot.waitSignal(panel.hidden_requested, timeout=1000) as asked,
    ):
        click(panel, qtbot, 2, eye_rect)
    assert asked.args == [frozenset({0, 2})]
    assert row_of(panel, 2).is_visible  # until the owner agrees


def test_the_lock_asks_to_protect_and_to_release(panel: ClassListPanel, qtbot: QtBot) -> None:
    asked: list[frozenset[int]] = []
    panel.locked_requested.connect(asked.append)
    panel.locked_requested.connect(panel.set_locked)
    click(panel, qtbot, 1, lock_rect)
    assert row_of(panel, 1).is_locked
    click(panel, qtbot, 1, lock_rect)
    assert asked == [frozenset({1}), frozenset()]


def test_space_toggles_visibility_from_the_keyboard(panel: ClassListPanel, qtbot: QtBot) -> None:
    panel.set_current(3)
    with qtbot.waitSignal(panel.hidden_requested, timeout=1000) as asked:
        qtbot.keyClick(view_of(panel), Qt.Key.Key_Space)
    assert asked.args == [frozenset({3})]


@pytest.mark.parametrize("how", ["double click", "F2"])
def test_a_new_name_is_asked_for_and_not_taken(
    panel: ClassListPanel, qtbot: QtBot, how: str
) -> None:
    panel.set_current(1)
    if how == "F2":
        qtbot.keyClick(view_of(panel), Qt.Key.Key_F2)
    else:
        double_click(panel, qtbot, 1, name_rect)
    editor = view_of(panel).findChild(QLineEdit)
    assert isinstance(editor, QLineEdit)
    editor.setText("  House ")
    with qtbot.waitSignal(panel.renamed, timeout=1000) as renamed:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert renamed.args == [1, "House"]
    assert row_of(panel, 1).name == "Building"


@pytest.mark.parametrize("text", ["", "   ", "Sky"])
def test_an_empty_or_unchanged_name_asks_for_nothing(
    panel: ClassListPanel, qtbot: QtBot, text: str
) -> None:
    model = view_of(panel).model()
    with qtbot.assertNotEmitted(panel.renamed):
        assert not model.setData(model.index(0, 0), text)


def test_a_double_click_on_the_swatch_offers_colours(panel: ClassListPanel, qtbot: QtBot) -> None:
    double_click(panel, qtbot, 2, swatch_rect)
    dialog = panel.findChild(QColorDialog)
    assert isinstance(dialog, QColorDialog)
    assert dialog.currentColor() == QColor(20, 20, 30)
    dialog.setCurrentColor(QColor(1, 2, 3))
    with qtbot.waitSignal(panel.recolored, timeout=1000) as recolored:
        dialog.accept()
    assert recolored.args == [2, (1, 2, 3)]


@pytest.mark.parametrize(
    ("text", "signal", "wanted"),
    [
        ("Show only this class", "hidden_requested", {0, 2, 3}),
        ("Show all classes", "hidden_requested", set()),
        ("Hide", "hidden_requested", {1, 3}),
        ("Lock all other classes", "locked_requested", {0, 2, 3}),
        ("Unlock all classes", "locked_requested", set()),
        ("Lock", "locked_requested", {1, 2}),
    ],
)
def test_the_menu_asks_for_whole_sets(
    panel: ClassListPanel, qtbot: QtBot, text: str, signal: str, wanted: set[int]
) -> None:
    panel.set_hidden(frozenset({3}))
    panel.set_locked(frozenset({2}))
    menu = panel.context_menu(1)
    action = next(a for a in menu.actions() if a.text() == text)
    with qtbot.waitSignal(getattr(panel, signal), timeout=1000) as asked:
        action.trigger()
    assert asked.args == [frozenset(wanted)]


def test_buttons_show_and_unlock_all_when_there_is_something_to_do(
    panel: ClassListPanel, qtbot: QtBot
) -> None:
    show, unlock = (
        next(b for b in panel.findChildren(QToolButton) if b.accessibleName() == name)
        for name in ("Show all classes", "Unlock all classes")
    )
    assert not show.isEnabled()
    assert not unlock.isEnabled()
    panel.set_hidden(frozenset({1}))
    with qtbot.waitSignal(panel.hidden_requested, timeout=1000) as asked:
        qtbot.mouseClick(show, Qt.MouseButton.LeftButton)
    assert asked.args == [frozenset()]


def test_a_class_can_be_asked_for_only_while_there_is_a_project(
    panel: ClassListPanel, qtbot: QtBot
) -> None:
    button = panel.findChild(QPushButton)
    assert isinstance(button, QPushButton)
    with qtbot.waitSignal(panel.class_added, timeout=1000):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    panel.set_label_set(None)
    assert not button.isEnabled()
    assert view_of(panel).model().rowCount() == 0


def test_the_first_ten_classes_have_digits(panel: ClassListPanel) -> None:
    panel.set_label_set(label_set(12))
    digits = [row_of(panel, i).shortcut for i in range(12)]
    assert digits == [*"1234567890", "", ""]


def test_another_label_set_of_equal_length_keeps_the_current_class(panel: ClassListPanel) -> None:
    panel.set_current(2)
    classes = label_set().classes
    renamed = LabelSet("test", (LabelClass(0, "Heaven", (1, 1, 1)), *classes[1:]))
    panel.set_label_set(renamed)
    assert row_of(panel, 0).name == "Heaven"
    assert view_of(panel).currentIndex().row() == 2


def test_shares_tell_absent_from_rare_and_unlabelled(panel: ClassListPanel) -> None:
    panel.set_shares({0: 0.5, 1: 0.0002, IGNORE: 0.031})
    assert share_text(row_of(panel, 0).share or 0) == "50 %"
    assert share_text(row_of(panel, 1).share or 0) == "< 0.1 %"
    assert share_text(row_of(panel, 2).share or 0) == "0 %"
    assert "Unlabelled: 3.1 %" in [label.text() for label in panel.findChildren(QLabel)]
    panel.set_shares({})
    assert row_of(panel, 0).share is None


def test_a_screen_reader_hears_key_share_and_state(panel: ClassListPanel) -> None:
    panel.set_shares({0: 0.5})
    panel.set_hidden(frozenset({0}))
    panel.set_locked(frozenset({0}))
    index = view_of(panel).model().index(0, 0)
    spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Sky, key 1, 50 % of the image, current, hidden, locked"


def test_the_swatch_has_exactly_the_colour_of_the_class(panel: ClassListPanel) -> None:
    panel.set_label_set(LabelSet("one", (LabelClass(0, "Car", (12, 200, 77)),)))
    shot = view_of(panel).viewport().grab().toImage()
    assert shot.pixelColor(center(panel, 0, swatch_rect)) == QColor(12, 200, 77)
