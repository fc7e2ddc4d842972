"""The first image can be painted on as soon as it is seen, before its mask is there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from model.data.masks import read_mask
from seggui.app import Program
from seggui.canvas.canvas import Canvas
from seggui.navigation import Navigation
from seggui.tasks import image_loader
from tests.qt.canvas_kit import drag, move, painted, press, release
from tests.qt.program_kit import ColorEngine, write_images

UNLABELLED = 255


class Start:
    """A program whose first image is seen, but held back until ``let_go``."""

    def __init__(self, qtbot: QtBot, folder: Path, gate: threading.Event) -> None:
        self.qtbot, self.folder, self._gate = qtbot, folder, gate
        self.program = Program(ColorEngine(), first_folder=folder)
        self.program.window.resize(1200, 800)
        self.canvas: Canvas = self.program.window.canvas
        self.program.start(folder, None)
        qtbot.waitUntil(self._can_be_painted_on, timeout=10_000)

    def _can_be_painted_on(self) -> bool:
        return self.canvas.has_picture and self.program.session.can_stroke

    def at(self, row: float, column: float) -> tuple[int, int]:
        """Where an image point is in the canvas."""
        place = self.canvas.widget_position((row, column))
        return round(place.x()), round(place.y())

    def dab(self, row: float = 30, column: float = 40) -> None:
        drag(self.canvas, [self.at(row, column)])

    def let_go(self) -> None:
        """The image comes."""
        self._gate.set()

    def until_there(self, key: str = "frame_000.png") -> None:
        session = self.program.session
        self.qtbot.waitUntil(
            lambda: session.key == key and session.document is not None, timeout=10_000
        )

    def close(self) -> None:
        self.program.window.close()

    def saved(self, name: str = "frame_000.png") -> np.ndarray:
        """The mask on disk."""
        return read_mask(self.folder / "masks" / name)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    opened = threading.Event()
    decode = image_loader._decode

    def held(key: str, path: Path) -> image_loader.DecodedImage:
        opened.wait(20)
        return decode(key, path)

    monkeypatch.setattr(image_loader, "_decode", held)
    return opened


@pytest.fixture
def start(qtbot: QtBot, tmp_path: Path, gate: threading.Event) -> Iterator[Start]:
    write_images(tmp_path, 3)
    started = Start(qtbot, tmp_path, gate)
    yield started
    gate.set()
    started.close()
    qtbot.waitUntil(lambda: started.program._is_closed, timeout=10_000)
    started.program.window.deleteLater()


def test_a_dab_is_seen_at_once_and_saved_once_the_image_is_there(start: Start) -> None:
    assert not start.canvas.has_image
    before = painted(start.canvas)
    start.program.session.set_brush_radius(6)
    start.program.session.set_label(2)

    start.dab(30, 40)

    x, y = start.at(30, 40)
    assert not np.array_equal(painted(start.canvas)[y, x], before[y, x])
    start.let_go()
    start.until_there()
    mask = start.program.session.mask_view()
    assert mask is not None
    assert mask[30, 40] == 2
    assert (mask == 2).sum() > 90
    start.close()
    saved = start.saved()
    assert saved[30, 40] == 2
    assert saved[5, 5] == UNLABELLED


def test_it_looks_the_same_before_and_after(start: Start) -> None:
    start.program.session.set_brush_radius(9)
    start.dab(30, 40)
    start.canvas.leaveEvent(None)  # type: ignore[arg-type]  # no brush in the way
    early = painted(start.canvas).astype(int)
    start.let_go()
    start.until_there()
    late = painted(start.canvas).astype(int)
    different = (np.abs(early - late) > 12).any(axis=2)
    assert different.mean() < 0.01  # the border only: the mask is exact, the preview round


def test_a_stroke_goes_on_when_the_image_comes_under_it(start: Start) -> None:
    start.program.session.set_brush_radius(2)
    press(start.canvas, *start.at(20, 20))
    move(start.canvas, *start.at(20, 30))
    start.let_go()
    start.until_there()
    move(start.canvas, *start.at(20, 60))
    release(start.canvas, *start.at(20, 60))

    session = start.program.session
    mask = session.mask_view()
    assert mask is not None
    assert (mask[20, 20:60] == 0).all()
    session.undo()
    assert (mask == UNLABELLED).all()
    assert not session.status.can_undo


def test_escape_takes_an_early_stroke_back(start: Start) -> None:
    before = painted(start.canvas)
    press(start.canvas, *start.at(20, 20))
    QTest.keyClick(start.canvas, Qt.Key.Key_Escape)
    release(start.canvas, *start.at(20, 20))
    start.canvas.leaveEvent(None)  # type: ignore[arg-type]
    assert np.array_equal(painted(start.canvas), before)
    start.let_go()
    start.until_there()
    assert not start.program.session.status.can_undo


def test_zoom_and_position_stay_when_the_image_comes(start: Start) -> None:
    start.canvas.zoom_to(20.0)
    start.canvas.pan(-30, 17)
    view = start.canvas.view
    start.dab(30, 40)
    start.let_go()
    start.until_there()
    assert start.canvas.view == view


def test_going_on_waits_until_the_stroke_has_its_image(start: Start) -> None:
    start.dab(30, 40)
    start.program.window.actions_by_name["next_image_action"].trigger()
    assert start.program.navigation.key == "frame_000.png"
    start.let_go()
    start.until_there("frame_001.png")
    start.close()
    assert start.saved()[30, 40] == 0
    assert not (start.folder / "masks" / "frame_001.png").exists()


def test_closing_waits_until_the_stroke_is_saved(start: Start) -> None:
    start.dab(30, 40)
    start.close()
    assert start.program.window.isVisible()
    start.let_go()
    start.qtbot.waitUntil(lambda: not start.program.window.isVisible(), timeout=10_000)
    assert start.saved()[30, 40] == 0


def test_without_a_stroke_another_image_takes_the_place_of_the_picture(start: Start) -> None:
    start.program.navigation.show("frame_001.png")
    assert not start.canvas.has_picture
    press(start.canvas, 400, 300)
    release(start.canvas, 400, 300)
    assert not start.program.session.early_strokes
    start.let_go()
    start.until_there("frame_001.png")
    assert not start.program.session.status.can_undo


def test_other_tools_wait_for_the_image(start: Start) -> None:
    for name in ("fill", "polygon", "pick"):
        start.canvas.set_tool(name)
        QTest.mouseClick(start.canvas, Qt.MouseButton.LeftButton, pos=QPoint(*start.at(30, 40)))
    start.let_go()
    start.until_there()
    assert not start.program.session.status.can_undo


def test_the_eraser_removes_what_was_painted_in_an_earlier_session(
    qtbot: QtBot, tmp_path: Path, gate: threading.Event
) -> None:
    write_images(tmp_path, 1)
    for erases in (False, True):
        gate.clear()
        start = Start(qtbot, tmp_path, gate)
        start.program.session.set_brush_radius(4)
        button = Qt.MouseButton.RightButton if erases else Qt.MouseButton.LeftButton
        drag(start.canvas, [start.at(30, 40)], button)
        start.let_go()
        start.until_there()
        start.close()
        start.program.window.deleteLater()
    assert (start.saved() == UNLABELLED).all()


def test_a_stroke_on_an_image_that_cannot_be_read_ends_with_the_error(
    qtbot: QtBot, tmp_path: Path, gate: threading.Event
) -> None:
    write_images(tmp_path, 1)
    start = Start(qtbot, tmp_path, gate)
    start.dab()
    (tmp_path / "frame_000.png").write_bytes(b"no image any more")

    with qtbot.waitSignal(start.program.navigation.image_failed, timeout=10_000):
        gate.set()

    assert not start.program.session.early_strokes
    assert not start.canvas.is_shown
    start.close()
    start.program.window.deleteLater()


def test_zoom_and_place_come_back_when_the_picture_is_faster_than_its_folder(
    qtbot: QtBot, tmp_path: Path, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path, 1)
    gate.set()
    before = Start(qtbot, tmp_path, gate)
    before.until_there()
    before.canvas.zoom_to(9.0)
    before.canvas.pan(-40, 25)
    view = before.canvas.view
    before.close()

    gate.clear()
    has_picture, read_first = threading.Event(), Navigation._read_first

    def held(*args: Any) -> None:
        read_first(*args)
        assert has_picture.wait(20)

    monkeypatch.setattr(Navigation, "_read_first", held)
    program = Program(ColorEngine(), first_folder=tmp_path)
    program.window.resize(1200, 800)
    canvas = program.window.canvas
    canvas.picture_painted.connect(has_picture.set)
    program.start(tmp_path, None)
    qtbot.waitUntil(lambda: program.session.can_stroke, timeout=10_000)  # the folder is open
    assert canvas.has_picture
    assert canvas.view == view
    gate.set()
    qtbot.waitUntil(lambda: canvas.has_image, timeout=10_000)
    assert canvas.view == view
    program.window.close()
    qtbot.waitUntil(lambda: program._is_closed, timeout=10_000)
    program.window.deleteLater()
    before.program.window.deleteLater()
