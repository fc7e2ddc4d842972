"""What waits while somebody paints: the status bar's texts, the shares of the classes, the PNG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from seggui import edit_wiring
from seggui.pointer_readout import READOUT_DELAY_MS
from seggui.status_bar import StatusBar
from tests.qt.program_kit import Driver, write_images

LEFT = Qt.MouseButton.LeftButton


def text(driver: Driver, name: str) -> str:
    label = driver.window.status.findChild(QLabel, name)
    assert isinstance(label, QLabel)
    return label.text()


def place(driver: Driver, row: float, col: float) -> QPoint:
    return driver.point(row + 0.5, col + 0.5).toPoint()


def let_timers_pass(driver: Driver) -> None:
    """Goes on once every timer that is due by now had its turn, some of them several times."""
    turns = []
    timer = QTimer(driver.window, interval=0)
    timer.timeout.connect(lambda: turns.append(1))
    timer.start()
    driver.until(lambda: len(turns) > 20)
    timer.stop()


def test_many_moves_are_told_once_and_the_last_counts(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    told: list[tuple[int, int]] = []
    show = StatusBar.show_pointer

    def remember(bar: StatusBar, row: int, col: int, name: str, share: float | None) -> None:
        told.append((row, col))
        show(bar, row, col, name, share)

    monkeypatch.setattr(StatusBar, "show_pointer", remember)

    for col in range(20, 40):
        QTest.mouseMove(driver.window.canvas, place(driver, 30, col))
    moved = list(told)
    driver.until(lambda: bool(told))

    assert moved == []
    assert told == [(30, 39)]
    assert text(driver, "status_position") == "x 39  y 30"
    assert text(driver, "status_class") == "Unlabelled"


def test_a_pointer_that_left_is_not_told_any_more(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    canvas = driver.window.canvas
    QTest.mouseMove(canvas, place(driver, 30, 30))
    driver.until(lambda: bool(text(driver, "status_position")))
    QTest.mouseMove(canvas, place(driver, 30, 31))

    canvas.leaveEvent(QEvent(QEvent.Type.Leave))
    left = text(driver, "status_position")
    QTest.qWait(2 * READOUT_DELAY_MS)

    assert left == ""
    assert text(driver, "status_position") == ""


def test_no_pixel_of_the_image_moves_the_fields(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1, size=(1024, 2048))
    driver.start(tmp_path)
    bar = driver.window.status
    QTest.mouseMove(driver.window.canvas, place(driver, 5, 5))
    driver.until(lambda: text(driver, "status_position") != "")
    let_timers_pass(driver)
    layouts: list[QEvent.Type] = []

    class Watch(QObject):
        def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802
            if event.type() == QEvent.Type.LayoutRequest:
                layouts.append(event.type())
            return False

    watch = Watch(bar)
    bar.installEventFilter(watch)
    QTest.mouseMove(driver.window.canvas, place(driver, 1010, 2020))
    driver.until(lambda: len(text(driver, "status_position")) > len("x 55  y 55"))
    let_timers_pass(driver)

    assert layouts == []


def test_shares_are_counted_after_the_stroke(
    make_driver: Callable[..., Driver], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit_wiring, "SHARES_DELAY_MS", 0)
    driver = make_driver()
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    let_timers_pass(driver)
    counted: list[Mapping[int, float]] = []
    monkeypatch.setattr(driver.window.class_list, "set_shares", counted.append)
    canvas = driver.window.canvas

    QTest.mousePress(canvas, LEFT, pos=place(driver, 30, 20))
    let_timers_pass(driver)
    QTest.mouseMove(canvas, place(driver, 30, 40))
    let_timers_pass(driver)
    during = list(counted)
    QTest.mouseRelease(canvas, LEFT, pos=place(driver, 30, 40))
    driver.until(lambda: bool(counted))

    assert during == []
    assert counted[-1][0] > 0


def test_a_mask_is_written_after_the_stroke_in_the_hand(driver: Driver, tmp_path: Path) -> None:
    (name,) = write_images(tmp_path, 1)
    driver.start(tmp_path)
    timer = driver.program.project.findChild(QTimer, "flush_timer")
    assert isinstance(timer, QTimer)
    canvas, mask = driver.window.canvas, tmp_path / "masks" / name
    driver.stroke((30, 20), (30, 40))
    QTest.mousePress(canvas, LEFT, pos=place(driver, 10, 20))

    timer.setInterval(0)
    let_timers_pass(driver)
    is_idle: list[object] = []
    driver.program.project.run(lambda _: None, done=is_idle.append, failed=is_idle.append)
    driver.until(lambda: bool(is_idle))
    was_written = mask.exists()
    QTest.mouseRelease(canvas, LEFT, pos=place(driver, 10, 20))
    driver.until(mask.exists)

    assert not was_written
