"""A SavedModel that is a program: the window asks, no is the default, and yes is remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from model.digest import file_sha256
from model.engine.protocol import ModelInfo, ModelSettings
from model.errors import ProgramError
from model.trust import TrustStore
from seggui.panels.program_dialog import ProgramDialog
from seggui.settings import settings_dir
from tests.qt.program_kit import ColorEngine, Driver, write_images


class ProgramEngine(ColorEngine):
    """Opens a folder called program with consent only, as the real engine does."""

    def __init__(self) -> None:
        super().__init__()
        self.num_run = 0

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        if "program" in Path(path).name:
            digest = file_sha256(Path(path))
            if TrustStore(settings_dir()).allowed(digest) is None:
                raise ProgramError("It is a program.", model_sha256=digest, remedy="Agree.")
            self.num_run += 1
        return replace(super().load(path, settings), is_program="program" in Path(path).name)


@pytest.fixture
def driver(make_driver: Callable[..., Driver]) -> Driver:
    made = make_driver(ProgramEngine())
    made.start()
    return made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"graph")
    return folder


def ask(driver: Driver, model: Path) -> ProgramDialog:
    """Loads the model and waits for the question."""
    wiring = driver.program.late.own_layers
    driver.program.models.load_model(model)
    driver.until(lambda: wiring.program_dialog is not None)
    dialog = wiring.program_dialog
    assert dialog is not None
    return dialog


def num_run(driver: Driver) -> int:
    assert isinstance(driver.engine, ProgramEngine)
    return driver.engine.num_run


def test_the_question_names_the_folder_and_the_danger(driver: Driver, model: Path) -> None:
    dialog = ask(driver, model)
    said = " ".join(label.text() for label in dialog.findChildren(QLabel))
    for expected in (
        "program holds a program for TensorFlow and no layers", "cannot be fine-tuned",
        "This runs the program on this computer.", "read and write files",
    ):  # fmt: skip
        assert expected in said
    dialog.reject()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_the_default_is_no_and_nothing_is_run_or_remembered(
    driver: Driver, model: Path, key: Qt.Key
) -> None:
    QTest.keyClick(ask(driver, model), key)
    driver.until(lambda: driver.program.late.own_layers.program_dialog is None)
    assert num_run(driver) == 0
    assert not TrustStore(settings_dir()).entries()


def test_with_a_program_the_panel_says_that_it_cannot_be_fine_tuned(
    make_driver: Callable[..., Driver], model: Path, tmp_path: Path
) -> None:
    TrustStore(settings_dir()).allow(file_sha256(model), model)
    write_images(tmp_path / "images", 2)
    driver = make_driver(ProgramEngine())
    driver.start(tmp_path / "images")
    driver.load_model(model)
    training = driver.program.training
    driver.until(lambda: training.overview is not None)
    driver.until(lambda: "cannot be fine-tuned" in training.overview.problem)
    assert not driver.window.training_panel.overview.start_button.isEnabled()


def test_yes_opens_it_is_listed_and_not_asked_again(driver: Driver, model: Path) -> None:
    button = ask(driver, model).findChild(QPushButton, "run_program_button")
    button.click()
    driver.until(lambda: num_run(driver) == 1)
    (code,) = TrustStore(settings_dir()).entries().values()
    assert code.path == model

    driver.program.models.load_model(model)
    driver.until(lambda: num_run(driver) == 2)
    assert driver.program.late.own_layers.program_dialog is None
