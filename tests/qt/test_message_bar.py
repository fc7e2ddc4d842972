"""The message bar tells the gravest thing first, once, and lets go of what is no longer true."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from seggui.panels.message_bar import MessageBar


@pytest.fixture
def bar(qtbot: QtBot) -> Iterator[MessageBar]:
    window = QWidget()
    bar = MessageBar()
    QVBoxLayout(window).addWidget(bar)
    window.resize(500, 300)
    qtbot.addWidget(window)
    window.show()
    yield bar
    window.hide()  # and the window lives until here


def text(bar: MessageBar) -> str:
    label = bar.findChild(QLabel, "message_text")
    assert isinstance(label, QLabel)
    return label.text()


def close(bar: MessageBar, qtbot: QtBot) -> None:
    button = bar.findChild(QToolButton, "message_close")
    assert isinstance(button, QToolButton)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def action(bar: MessageBar) -> QPushButton:
    button = bar.findChild(QPushButton, "message_action")
    assert isinstance(button, QPushButton)
    return button


def test_it_takes_no_room_until_there_is_something_to_tell(bar: MessageBar, qtbot: QtBot) -> None:
    assert not bar.isVisible()
    bar.show_message("info", "Saved.")
    assert bar.isVisible()
    close(bar, qtbot)
    assert not bar.isVisible()


def test_the_same_message_twice_is_closed_once(bar: MessageBar, qtbot: QtBot) -> None:
    bar.show_message("error", "The disk is full.")
    bar.show_message("error", "The disk is full.")
    close(bar, qtbot)
    assert not bar.isVisible()


def test_an_error_goes_before_what_is_on_screen_and_comes_back_to_it(
    bar: MessageBar, qtbot: QtBot
) -> None:
    bar.show_message("info", "first")
    bar.show_message("info", "second")
    bar.show_message("error", "broken")
    seen = [text(bar)]
    for _ in range(2):
        close(bar, qtbot)
        seen.append(text(bar))
    assert seen == ["broken", "first", "second"]


def test_a_message_of_the_same_name_replaces_the_older_text(bar: MessageBar, qtbot: QtBot) -> None:
    bar.show_message("info", "1 of 9", name="progress")
    bar.show_message("info", "other")
    bar.show_message("info", "2 of 9", name="progress")
    assert text(bar) == "2 of 9"
    bar.show_message("error", "stopped", name="progress")
    assert text(bar) == "stopped"
    close(bar, qtbot)
    assert text(bar) == "other"


def test_the_action_tells_whose_it_was_and_closes(bar: MessageBar, qtbot: QtBot) -> None:
    bar.show_message("warning", "The engine stopped.", action_text="Restart", name="engine")
    assert action(bar).text() == "Restart"
    with (
        qtbot.assertNotEmitted(bar.closed),
        qtbot.waitSignal(bar.action_clicked, timeout=1000) as clicked,
    ):
        qtbot.mouseClick(action(bar), Qt.MouseButton.LeftButton)
    assert clicked.args == ["engine"]
    assert not bar.isVisible()


def test_a_message_without_action_has_no_button(bar: MessageBar) -> None:
    bar.show_message("warning", "with", action_text="Do")
    bar.show_message("error", "without")
    assert not action(bar).isVisible()


def test_a_message_with_a_time_closes_by_itself(bar: MessageBar, qtbot: QtBot) -> None:
    with qtbot.waitSignal(bar.closed, timeout=5000) as closed:
        bar.show_message("success", "Exported.", timeout_ms=1, name="export")
    assert closed.args == ["export"]
    assert not bar.isVisible()


def test_a_waiting_message_keeps_its_time_until_it_is_seen(bar: MessageBar, qtbot: QtBot) -> None:
    bar.show_message("error", "broken")
    bar.show_message("info", "later", timeout_ms=1)
    with qtbot.waitSignal(bar.closed, timeout=5000, check_params_cb=lambda name: name == "later"):
        close(bar, qtbot)
        assert text(bar) == "later"


def test_what_is_no_longer_true_is_taken_back_in_silence(bar: MessageBar, qtbot: QtBot) -> None:
    bar.show_message("warning", "Offline.", name="net")
    bar.show_message("warning", "Read-only.", name="lock")
    with qtbot.assertNotEmitted(bar.closed):
        bar.dismiss("net")
        bar.dismiss("unknown")
    assert text(bar) == "Read-only."


def test_a_file_name_is_never_read_as_markup(bar: MessageBar) -> None:
    bar.show_message("error", "<b>a&amp;b</b>.png cannot be read.")
    label = bar.findChild(QLabel, "message_text")
    assert isinstance(label, QLabel)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse


def test_a_long_message_wraps_and_stays_inside_the_window(bar: MessageBar) -> None:
    bar.show_message("info", "short")
    low = bar.sizeHint().height()
    bar.show_message("error", "a long sentence that goes on " * 10, action_text="Details")
    assert bar.heightForWidth(480) > low
    assert bar.minimumSizeHint().width() <= 200


def test_a_screen_reader_hears_kind_and_text(bar: MessageBar) -> None:
    bar.show_message("error", "The disk is full.")
    assert bar.accessibleName() == "Error: The disk is full."


def test_escape_closes_it_from_the_keyboard(bar: MessageBar, qtbot: QtBot) -> None:
    bar.show_message("info", "Saved.")
    qtbot.keyClick(bar, Qt.Key.Key_Escape)
    assert not bar.isVisible()
