"""A model with layers of its own: the window asks, no is the default, and yes can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QTableWidget, QWidget

from model.digest import file_sha256
from model.engine.protocol import ModelInfo, ModelSettings
from model.errors import OwnLayersError
from model.trust import TrustStore
from seggui.own_layers_wiring import OwnLayersWiring
from seggui.settings import settings_dir
from tests.qt.program_kit import ColorEngine, Driver


class CustomEngine(ColorEngine):
    """Opens a model called custom with consent only, as the real engine does."""

    def __init__(self) -> None:
        super().__init__()
        self.num_run = 0

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        if "custom" in path:
            digest = file_sha256(Path(path))
            if TrustStore(settings_dir()).allowed(digest) is None:
                known = TrustStore(settings_dir()).entry(digest) is not None
                raise OwnLayersError(
                    "The file has changed." if known else "It uses its own.",
                    names=("Twirl", "my>Swirl"), model_sha256=digest, remedy="Name it.",
                )  # fmt: skip
            self.num_run += 1
        return super().load(path, settings)


@pytest.fixture
def custom(make_driver: Callable[..., Driver]) -> Driver:
    driver = make_driver(CustomEngine())
    driver.start()
    return driver


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "custom.keras"
    path.write_bytes(b"network")
    return path


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text("class Twirl: ...\n")
    return path


def wiring(driver: Driver) -> OwnLayersWiring:
    return driver.program.late.own_layers


def ask(driver: Driver, model: Path) -> QWidget:
    """Loads the model and waits for the question."""
    driver.program.models.load_model(model)
    driver.until(lambda: wiring(driver).dialog is not None)
    dialog = wiring(driver).dialog
    assert dialog is not None
    return dialog


def button(dialog: QWidget, name: str) -> QPushButton:
    found = dialog.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    return found


def choose(
    driver: Driver, dialog: QWidget, path: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "seggui.panels.own_layers_dialog.QFileDialog.getOpenFileName",
        lambda *_: (str(path) if path else "", ""),
    )
    button(dialog, "choose_python_button").click()


def engine_of(driver: Driver) -> CustomEngine:
    assert isinstance(driver.engine, CustomEngine)
    return driver.engine


def test_the_question_names_all_layers_both_files_and_the_danger(
    custom: Driver, model: Path
) -> None:
    dialog = ask(custom, model)
    names = dialog.findChild(QPlainTextEdit, "own_layers_names")
    assert isinstance(names, QPlainTextEdit)
    assert names.toPlainText().splitlines() == ["Twirl", "my>Swirl"]
    said = " ".join(label.text() for label in dialog.findChildren(QLabel))
    for expected in (
        "custom.keras", "Python file: none yet", "This runs the Python file on this computer.",
        "It can do anything you can do.", "Choose it only if you know where it comes from.",
    ):  # fmt: skip
        assert expected in said


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_the_default_is_no_and_nothing_is_run_or_remembered(
    custom: Driver, model: Path, key: Qt.Key
) -> None:
    dialog = ask(custom, model)
    assert button(dialog, "do_not_open_button").isDefault()
    QTest.keyClick(dialog, key)
    custom.until(lambda: wiring(custom).dialog is None)
    assert TrustStore(settings_dir()).entries() == {}
    assert engine_of(custom).num_run == 0
    assert custom.program.prediction.model is None


def test_a_file_dialog_that_is_cancelled_leaves_the_question_open(
    custom: Driver, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = ask(custom, model)
    choose(custom, dialog, None, monkeypatch)
    assert wiring(custom).dialog is dialog
    assert TrustStore(settings_dir()).entries() == {}
    dialog.close()


def test_consent_opens_the_model_and_is_not_asked_again(
    custom: Driver, model: Path, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = ask(custom, model)
    with custom.qtbot.waitSignal(custom.program.prediction.model_loaded, timeout=10_000):
        choose(custom, dialog, code, monkeypatch)
    consent = TrustStore(settings_dir()).allowed(file_sha256(model))
    assert consent is not None
    assert (consent.path, consent.model_name) == (code, "custom.keras")
    custom.load_model(model)
    assert wiring(custom).dialog is None
    assert engine_of(custom).num_run == 2


def test_a_changed_file_asks_again_and_says_why(custom: Driver, model: Path, code: Path) -> None:
    TrustStore(settings_dir()).allow(file_sha256(model), code)
    code.write_text("class Twirl: 'other'\n")
    dialog = ask(custom, model)
    reason = dialog.findChild(QLabel, "own_layers_reason")
    assert isinstance(reason, QLabel)
    assert reason.text() == "The file has changed."
    assert engine_of(custom).num_run == 0
    dialog.close()


def test_another_model_asks_for_the_same_file_again(
    custom: Driver, model: Path, code: Path, tmp_path: Path
) -> None:
    TrustStore(settings_dir()).allow(file_sha256(model), code)
    other = tmp_path / "custom-2.keras"
    other.write_bytes(b"another network")
    ask(custom, other).close()
    assert engine_of(custom).num_run == 0


def test_a_model_that_was_remembered_does_not_open_a_dialog(custom: Driver, model: Path) -> None:
    with custom.qtbot.waitSignal(custom.program.prediction.model_failed, timeout=10_000):
        custom.program.models.load_quietly(model)
    assert wiring(custom).dialog is None
    offered = [
        each for each in custom.window.message_bar.findChildren(QPushButton)
        if each.text().startswith("Choose Python file")
    ]  # fmt: skip
    offered[0].click()
    dialog = wiring(custom).dialog
    assert dialog is not None
    dialog.close()


def test_trust_that_is_removed_from_the_list_asks_again(
    custom: Driver, model: Path, code: Path
) -> None:
    TrustStore(settings_dir()).allow(file_sha256(model), code, model_name=model.name)
    custom.load_model(model)
    custom.trigger("trusted_files_action")
    dialog = wiring(custom).list_dialog
    assert dialog is not None
    table = dialog.findChild(QTableWidget, "trusted_files_table")
    assert isinstance(table, QTableWidget)
    assert [table.item(0, column).text() for column in (0, 1)] == ["custom.keras", str(code)]
    remove = button(dialog, "remove_trust_button")
    assert not remove.isEnabled()
    table.selectRow(0)
    remove.click()
    assert table.rowCount() == 0
    assert TrustStore(settings_dir()).entries() == {}
    dialog.close()
    ask(custom, model).close()
    assert engine_of(custom).num_run == 1
