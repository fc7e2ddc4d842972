"""A network that gives other numbers than when it was last used: said once, accepted, or left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QPushButton

from model.engine.protocol import ModelInfo, ModelSettings
from model.model_settings import load_test, save_settings, settings_path
from model.remembered_test import KnownInput, Libraries, change_words, remember
from seggui.settings import settings_dir
from seggui.version import VERSION
from tests.qt.program_kit import ColorEngine, Driver

LIBRARIES = Libraries("3.15.1", "test 1.0", "cpu")
SOURCE = KnownInput(1, (64, 65), 3, 1.0)
NOW = remember(
    SOURCE, np.linspace(0, 1, 400), output_index=0, precision="float32", libraries=LIBRARIES
)
BEFORE = remember(
    SOURCE, np.linspace(0.1, 1.1, 400), output_index=0, precision="float32",
    libraries=replace(LIBRARIES, keras="2.15.0"),
)  # fmt: skip


class RememberingEngine(ColorEngine):
    """Compares as the real engine does, with an answer that is always the same."""

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        info = super().load(path, settings)
        before, _ = load_test(Path(path), sha256=info.sha256, settings_dir=settings_dir())
        change = change_words(Path(path).name, before, NOW) if before is not None else ""
        self.model = replace(info, test=NOW, change=change)
        return self.model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.keras"
    path.write_bytes(b"network")
    return path


@pytest.fixture
def driver(make_driver: Callable[..., Driver]) -> Driver:
    made = make_driver(RememberingEngine())
    made.start()
    return made


def message(driver: Driver) -> str:
    current = driver.window.message_bar.current
    return "" if current is None else current.text


def loaded(driver: Driver, model: Path) -> ModelInfo:
    driver.load_model(model)
    info = driver.program.prediction.model
    assert info is not None
    return info


def remember_before(driver: Driver, model: Path) -> None:
    info = loaded(driver, model)
    save_settings(model, info.settings, sha256=info.sha256, test=BEFORE)


def test_settings_are_saved_with_the_answer_and_the_version_of_the_program(
    driver: Driver, model: Path
) -> None:
    info = loaded(driver, model)
    driver.program.prediction.apply_settings(
        replace(info.settings, channel_order="bgr"), settings_dir()
    )
    test, problem = load_test(model, sha256=info.sha256)
    assert problem == ""
    assert test == replace(NOW, libraries=replace(LIBRARIES, program=VERSION))


def test_other_numbers_are_told_with_both_versions(driver: Driver, model: Path) -> None:
    remember_before(driver, model)
    assert message(driver) == ""
    loaded(driver, model)
    assert "net.keras gives other numbers" in message(driver)
    assert "Keras 2.15.0" in message(driver)
    assert "Keras 3.15.1" in message(driver)


def test_accepted_numbers_are_remembered_and_not_told_again(driver: Driver, model: Path) -> None:
    remember_before(driver, model)
    loaded(driver, model)
    button = driver.window.message_bar.findChild(QPushButton, "message_action")
    assert button is not None
    assert button.text() == "Accept as they are"

    button.click()

    test, _ = load_test(model, sha256=loaded(driver, model).sha256)
    assert test is not None
    assert test.values == NOW.values
    assert "other numbers" not in message(driver)


def test_another_model_takes_the_warning_away_and_left_alone_it_stays_on_disk(
    driver: Driver, model: Path, tmp_path: Path
) -> None:
    remember_before(driver, model)
    before = settings_path(model).read_bytes()
    loaded(driver, model)
    other = tmp_path / "other.keras"
    other.write_bytes(b"another")
    loaded(driver, other)
    assert "other numbers" not in message(driver)
    assert settings_path(model).read_bytes() == before
