"""How the window comes up: its first image is read while it is built, and painted with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from seggui.app import Program
from seggui.core.project import Project
from seggui.tasks import image_loader
from tests.qt.program_kit import ColorEngine, Driver, write_images


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The images that were decoded, in order."""
    keys: list[str] = []
    decode = image_loader._decode

    def noted(key: str, path: Path) -> image_loader.DecodedImage:
        keys.append(key)
        return decode(key, path)

    monkeypatch.setattr(image_loader, "_decode", noted)
    return keys


@pytest.fixture
def make_program(qtbot: QtBot) -> Iterator[Callable[[Path], Program]]:
    """Programs as ``run`` makes them: they know their first folder while they are built."""
    programs: list[Program] = []

    def make(folder: Path) -> Program:
        programs.append(Program(ColorEngine(), first_folder=folder))
        return programs[-1]

    yield make
    for program in programs:
        program.window.close()
        program.window.deleteLater()


def test_the_first_folder_is_opened_once_and_its_image_decoded_once(
    make_program: Callable[[Path], Program],
    qtbot: QtBot,
    tmp_path: Path,
    decoded: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = write_images(tmp_path, 3)
    opened: list[Path] = []
    open_project = Project.open

    def noted(folder: Path, **options: Path | None) -> Project:
        opened.append(folder)
        return open_project(folder, **options)

    monkeypatch.setattr(Project, "open", noted)
    program = make_program(tmp_path)

    program.start(tmp_path, None)
    qtbot.waitUntil(lambda: program.session.document is not None, timeout=10_000)

    assert program.session.key == names[0]
    assert opened == [tmp_path]
    assert decoded.count(names[0]) == 1


def test_another_folder_than_the_first_one_can_be_started(
    make_program: Callable[[Path], Program], qtbot: QtBot, tmp_path: Path
) -> None:
    write_images(tmp_path / "first", 1)
    names = write_images(tmp_path / "second", 2)
    program = make_program(tmp_path / "first")

    program.start(tmp_path / "second", None)
    opened = tmp_path / "second"
    qtbot.waitUntil(
        lambda: (
            program.navigation.opened is not None
            and program.navigation.opened.folder == opened
            and program.session.key == names[0]
        ),
        timeout=10_000,
    )


def test_a_broken_first_image_is_told_once_it_is_asked_for(
    make_program: Callable[[Path], Program], qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture at all")
    program = make_program(tmp_path)

    with qtbot.waitSignal(program.navigation.image_failed, timeout=10_000) as failed:
        program.start(tmp_path, None)

    assert failed.args is not None
    assert failed.args[0] == "broken.png"
    assert program.window.updatesEnabled()


def test_the_window_waits_with_painting_for_its_first_image(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)

    driver.program.start(tmp_path, None)

    assert not driver.window.updatesEnabled()
    driver.until(lambda: driver.program.session.document is not None)
    assert driver.window.updatesEnabled()


def test_a_slow_first_image_does_not_keep_the_window_from_being_painted(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path, 1)
    gate = threading.Event()
    decode = image_loader._decode

    def slow(key: str, path: Path) -> image_loader.DecodedImage:
        gate.wait(20)
        return decode(key, path)

    monkeypatch.setattr(image_loader, "_decode", slow)
    try:
        driver.program.start(tmp_path, None)
        driver.until(driver.window.updatesEnabled)
        assert driver.program.session.document is None
    finally:
        gate.set()
    driver.until(lambda: driver.program.session.document is not None)


def test_a_mask_with_a_class_that_the_project_lacks_is_told(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    (tmp_path / "masks").mkdir()
    mask = np.full((60, 80), 255, np.uint8)
    mask[10, 10] = 200
    Image.fromarray(mask).save(tmp_path / "masks" / "frame_000.png")

    driver.start(tmp_path)

    assert any("class 200" in text for text in shown_texts(driver))


def shown_texts(driver: Driver) -> list[str]:
    """What the message bar says."""
    return [label.text() for label in driver.window.message_bar.findChildren(QLabel)]


def test_the_first_image_is_read_ahead_however_late_its_thread_wakes(
    make_program: Callable[[Path], Program],
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = write_images(tmp_path, 2)
    gate, pictures = threading.Event(), []
    read_ahead = image_loader.ImageLoader.read_ahead

    def late(loader: image_loader.ImageLoader, key: str, path: Path, **options: None) -> None:
        loader.picture_ready.connect(pictures.append)
        loader._thread.submit(lambda: gate.wait(20), failed=pytest.fail, priority=-2)
        read_ahead(loader, key, path, **options)

    monkeypatch.setattr(image_loader.ImageLoader, "read_ahead", late)
    program = make_program(tmp_path)

    with qtbot.waitSignal(program.navigation.folder_opened, timeout=10_000):
        program.start(tmp_path, None)
    gate.set()
    qtbot.waitUntil(lambda: program.session.document is not None, timeout=10_000)

    assert [picture.key for picture in pictures] == [names[0]]
