"""The status bar: its fields show what they are told, and stay where they are."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow
from pytestqt.qtbot import QtBot

from seggui.status_bar import StatusBar


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(1000, 200)
    window.setStatusBar(StatusBar(window))
    with qtbot.waitExposed(window):
        window.show()
    return window


@pytest.fixture
def bar(window: QMainWindow) -> StatusBar:
    bar = window.statusBar()
    assert isinstance(bar, StatusBar)
    return bar


class Layouts(QObject):
    """Counts how often the bar is laid out."""

    def __init__(self, bar: StatusBar) -> None:
        super().__init__(bar)
        self.number = 0
        bar.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802
        self.number += event.type() == QEvent.Type.LayoutRequest
        return False


def field(bar: StatusBar, name: str) -> QLabel:
    label = bar.findChild(QLabel, name)
    assert isinstance(label, QLabel)
    return label


def test_a_text_that_fits_moves_nothing(bar: StatusBar) -> None:
    bar.show_pointer(1023, 2047, "Vegetation", 0.97)
    bar.show_saved("Saving...")
    QApplication.processEvents()
    places = [label.geometry() for label in bar.findChildren(QLabel)]
    layouts = Layouts(bar)

    bar.show_pointer(4, 5, "Car", None)
    bar.show_saved("Saved")
    bar.clear_pointer()
    QApplication.processEvents()

    assert layouts.number == 0
    assert [label.geometry() for label in bar.findChildren(QLabel)] == places
    assert field(bar, "status_saved").text() == "Saved"
    assert field(bar, "status_class").text() == ""


def test_room_that_is_there_is_not_made_again(
    bar: StatusBar, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar.reserve_pointer(1024, 2048, ["Car", "Vegetation"])
    texts: list[str] = []
    monkeypatch.setattr(type(field(bar, "status_class")), "setText", lambda _, t: texts.append(t))

    bar.reserve_pointer(1024, 2048, ["Car", "Vegetation"])

    assert texts == []


def test_reserved_room_moves_nothing_later(bar: StatusBar) -> None:
    bar.reserve_pointer(1024, 2048, ["Car", "Vegetation"])
    QApplication.processEvents()
    layouts = Layouts(bar)

    bar.show_pointer(1023, 2047, "Vegetation", 1.0)
    QApplication.processEvents()

    assert layouts.number == 0


def test_a_longer_text_gets_its_room(bar: StatusBar) -> None:
    bar.show_saved("Saved")
    bar.show_saved("NOT SAVED, and the disk is full")
    QApplication.processEvents()

    label = field(bar, "status_saved")
    assert label.width() >= label.sizeHint().width()


def test_a_smaller_font_takes_less_room(bar: StatusBar) -> None:
    bar.show_pointer(1023, 2047, "Vegetation", 0.97)
    QApplication.processEvents()
    label = field(bar, "status_class")
    before = label.width()
    font = QFont(label.font())
    font.setPointSizeF(font.pointSizeF() / 2)

    label.setFont(font)
    QApplication.processEvents()

    assert label.sizeHint().width() <= label.width() < before
