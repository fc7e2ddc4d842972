"""Every action can be found, understood and reached by a key; keys do not collide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from seggui.actions import ACTIONS
from seggui.main_window import tool_actions
from seggui.tool_hold import HOLD_MS
from tests.qt.program_kit import Driver, write_images

SPECS = tool_actions() + ACTIONS


def test_every_action_has_icon_tooltip_shortcut_and_menu_entry(driver: Driver) -> None:
    in_menus = {
        action for menu in driver.window.menuBar().actions() for action in menu.menu().actions()
    }
    for spec, action in driver.window.actions_by_name:
        assert not action.icon().isNull(), spec.name
        assert spec.tip in action.toolTip(), spec.name
        assert action.shortcuts(), spec.name
        assert action in in_menus, spec.name


def test_no_key_has_two_meanings() -> None:
    keys = Counter(key for spec in SPECS for key in spec.shortcuts)
    assert [key for key, count in keys.items() if count > 1] == []
    assert not set(keys) & {str(digit) for digit in range(10)} - {"0"}


def test_menu_letters_are_unique_within_a_menu() -> None:
    for menu in {spec.menu for spec in SPECS}:
        letters = Counter(
            spec.text[spec.text.index("&") + 1].lower() for spec in SPECS if spec.menu == menu
        )
        assert [letter for letter, count in letters.items() if count > 1] == [], menu


def test_a_tool_key_that_is_held_switches_for_as_long_as_it_is_down(
    driver: Driver, tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    canvas = driver.window.canvas
    driver.trigger("eraser_tool")
    assert canvas.tool == "eraser"
    QTest.qWait(HOLD_MS + 50)  # a held key is a matter of time
    QTest.keyRelease(canvas, Qt.Key.Key_E)
    assert canvas.tool == "brush"
    driver.trigger("fill_tool")
    QTest.keyRelease(canvas, Qt.Key.Key_F)
    assert canvas.tool == "fill"


def test_the_folder_that_was_open_is_opened_at_the_next_start(
    make_driver: Callable[..., Driver], tmp_path: Path
) -> None:
    names = write_images(tmp_path, 2)
    first = make_driver()
    first.start(tmp_path)
    first.show(names[1])
    first.close()
    second = make_driver()
    second.start()
    second.until(lambda: second.program.session.key == names[1])


def test_a_closed_folder_leads_back_to_the_start_page(
    make_driver: Callable[..., Driver], tmp_path: Path
) -> None:
    names = write_images(tmp_path, 1)
    first = make_driver()
    first.start(tmp_path)
    first.stroke((30, 20), (30, 40))
    first.trigger("close_folder_action")
    assert first.window.welcome.isVisible()
    first.until((tmp_path / "masks" / names[0]).exists)
    first.close()
    second = make_driver()
    second.start()
    assert second.window.welcome.isVisible()


def test_docks_are_remembered(make_driver: Callable[..., Driver], tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    first = make_driver()
    first.start(tmp_path)
    first.window._image_dock.setFloating(True)
    first.window._class_dock.hide()
    first.close()
    second = make_driver()
    second.start(tmp_path)
    assert second.window._image_dock.isFloating()
    assert not second.window._class_dock.isVisible()
