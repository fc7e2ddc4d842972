"""The welcome page leads to the first image."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from seggui.panels.welcome import MAX_RECENT_SHOWN, WelcomePage


@pytest.fixture
def page(qtbot: QtBot) -> WelcomePage:
    page = WelcomePage()
    qtbot.addWidget(page)
    page.resize(900, 700)
    page.show()
    return page


def button(page: WelcomePage, name: str) -> QPushButton:
    found = [b for b in page.findChildren(QPushButton) if b.accessibleName() == name]
    assert len(found) == 1
    return found[0]


def data_of(*urls: QUrl) -> QMimeData:
    data = QMimeData()
    data.setUrls(list(urls))
    return data


def drop(page: WelcomePage, data: QMimeData) -> bool:
    """Drags and drops; tells whether the page took it."""
    action, no_key = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    left = Qt.MouseButton.LeftButton
    with warnings.catch_warnings():
        # Deprecated in 6.12 in favour of QPointF, which 6.8 does not take.
        warnings.simplefilter("ignore", DeprecationWarning)
        enter = QDragEnterEvent(QPoint(50, 50), action, data, left, no_key)
    QApplication.sendEvent(page, enter)
    if not enter.isAccepted():
        return False
    QApplication.sendEvent(page, QDropEvent(QPointF(50, 50), action, data, left, no_key))
    return True


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("Open folder…", "open_folder_requested"),
        ("Try the sample", "sample_requested"),
        ("Load model…", "load_model_requested"),
    ],
)
def test_each_button_asks_for_its_thing(
    page: WelcomePage, qtbot: QtBot, name: str, signal: str
) -> None:
    with qtbot.waitSignal(getattr(page, signal), timeout=1000):
        qtbot.mouseClick(button(page, name), Qt.MouseButton.LeftButton)


def test_a_recent_folder_is_chosen_by_mouse_and_keyboard(
    page: WelcomePage, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = tmp_path / "street"
    folder.mkdir()
    page.set_recent([folder])
    with qtbot.waitSignal(page.recent_chosen, timeout=1000) as chosen:
        qtbot.mouseClick(button(page, "street"), Qt.MouseButton.LeftButton)
    assert chosen.args == [folder]
    with qtbot.waitSignal(page.recent_chosen, timeout=1000):
        qtbot.keyClick(button(page, "street"), Qt.Key.Key_Space)


def test_a_missing_folder_is_shown_but_cannot_be_chosen(page: WelcomePage, tmp_path: Path) -> None:
    page.set_recent([tmp_path / "gone"])
    assert not button(page, "gone").isEnabled()
    assert "Not found" in button(page, "gone").toolTip()


def test_told_what_is_missing_the_disk_is_not_asked(page: WelcomePage, tmp_path: Path) -> None:
    page.set_recent([tmp_path / "elsewhere"], missing=())
    assert button(page, "elsewhere").isEnabled()


def test_recent_folders_are_replaced_and_limited(
    page: WelcomePage, qtbot: QtBot, tmp_path: Path
) -> None:
    page.set_recent([tmp_path / str(i) for i in range(MAX_RECENT_SHOWN + 3)])
    page.set_recent([tmp_path / "only"])
    qtbot.waitUntil(lambda: len(page.findChildren(QPushButton)) == 4, timeout=1000)
    assert button(page, "only")


def test_a_folder_can_be_dropped(page: WelcomePage, qtbot: QtBot, tmp_path: Path) -> None:
    with qtbot.waitSignal(page.folder_dropped, timeout=1000) as dropped:
        assert drop(page, data_of(QUrl.fromLocalFile(str(tmp_path))))
    assert dropped.args == [tmp_path]


def test_a_file_can_be_dropped(page: WelcomePage, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "net.keras"
    file.write_bytes(b"")
    with qtbot.waitSignal(page.file_dropped, timeout=1000) as dropped:
        assert drop(page, data_of(QUrl.fromLocalFile(str(file))))
    assert dropped.args == [file]


def test_text_and_web_addresses_are_not_taken(page: WelcomePage) -> None:
    text = QMimeData()
    text.setText("hello")
    assert not drop(page, text)
    assert not drop(page, data_of(QUrl("https://example.org/a.png")))
