"""A file that holds weights only: the window asks for its network, and remembers it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QPushButton

from model.digest import file_sha256
from model.engine.protocol import ModelInfo, ModelSettings
from model.errors import WeightsOnlyError
from model.foreign.architectures import ArchitectureStore
from model.trust import TrustStore
from seggui.panels.weights_dialog import WeightsDialog
from seggui.settings import settings_dir
from tests.qt.program_kit import ColorEngine, Driver

REASON = "mine.h5 holds weights only, without the network they belong to."


class WeightsEngine(ColorEngine):
    """Opens a file of weights once its network is known, as the real engine does."""

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        if path.endswith("mine.h5"):
            digest = file_sha256(Path(path))
            is_known = ArchitectureStore(settings_dir()).of(digest) is not None
            if not is_known and TrustStore(settings_dir()).allowed(digest) is None:
                raise WeightsOnlyError(REASON, model_sha256=digest, remedy="Name it.")
        return super().load(path, settings)


@pytest.fixture
def driver(make_driver: Callable[..., Driver]) -> Driver:
    made = make_driver(WeightsEngine())
    made.start()
    return made


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "mine.h5"
    path.write_bytes(b"numbers")
    return path


def ask(driver: Driver, weights: Path) -> WeightsDialog:
    driver.program.models.load_model(weights)
    driver.until(lambda: driver.program.late.weights.dialog is not None)
    dialog = driver.program.late.weights.dialog
    assert dialog is not None
    return dialog


def choose(
    dialog: WeightsDialog, button: str, path: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "seggui.panels.weights_dialog.QFileDialog.getOpenFileName",
        lambda *_: (str(path) if path else "", ""),
    )
    found = dialog.findChild(QPushButton, button)
    assert isinstance(found, QPushButton)
    found.click()


def test_the_question_says_what_is_missing_and_what_a_python_file_means(
    driver: Driver, weights: Path
) -> None:
    dialog = ask(driver, weights)
    said = " ".join(label.text() for label in dialog.findChildren(QLabel))
    for expected in (REASON, "a whole model", "model.to_json()", "can do anything you can do"):
        assert expected in said
    dialog.reject()
    assert driver.program.prediction.model is None
    assert not (settings_dir() / "architectures").exists()
    assert TrustStore(settings_dir()).entries() == {}


def test_a_network_that_is_chosen_opens_the_weights_and_is_remembered(
    driver: Driver, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "network.json"
    text.write_text('{"class_name": "Functional", "config": {}}')
    with driver.qtbot.waitSignal(driver.program.prediction.model_loaded, timeout=10_000):
        choose(ask(driver, weights), "choose_network_button", text, monkeypatch)
    known = ArchitectureStore(settings_dir()).of(file_sha256(weights))
    assert known is not None
    assert known.source == "network.json"
    driver.load_model(weights)
    assert driver.program.late.weights.dialog is None


def test_a_python_file_is_trusted_for_these_weights_only(
    driver: Driver, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "mine.py"
    code.write_text("import keras\n")
    with driver.qtbot.waitSignal(driver.program.prediction.model_loaded, timeout=10_000):
        choose(ask(driver, weights), "choose_python_button", code, monkeypatch)
    assert list(TrustStore(settings_dir()).entries()) == [file_sha256(weights)]


def test_a_file_without_a_network_is_told_and_another_one_can_be_chosen(
    driver: Driver, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.json"
    page.write_text("<html>")
    choose(ask(driver, weights), "choose_network_button", page, monkeypatch)
    bar = driver.window.message_bar
    driver.until(lambda: bar.current is not None and "saved web page" in bar.current.text)
    assert driver.program.prediction.model is None
    offered = [
        each for each in driver.window.message_bar.findChildren(QPushButton)
        if each.text().startswith("Choose network")
    ]  # fmt: skip
    offered[0].click()
    dialog = driver.program.late.weights.dialog
    assert dialog is not None
    choose(dialog, "choose_network_button", None, monkeypatch)
    assert driver.program.late.weights.dialog is dialog  # nothing was chosen: the question stays
    dialog.reject()


def test_weights_that_were_remembered_do_not_open_a_dialog(driver: Driver, weights: Path) -> None:
    with driver.qtbot.waitSignal(driver.program.prediction.model_failed, timeout=10_000):
        driver.program.models.load_quietly(weights)
    assert driver.program.late.weights.dialog is None


def test_a_checkpoint_without_a_known_ending_is_opened_by_what_it_begins_with(
    driver: Driver, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "vgg_unet.0"
    checkpoint.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with driver.qtbot.waitSignal(driver.program.prediction.model_loaded, timeout=10_000):
        driver.window.path_dropped.emit(str(checkpoint))
    text = tmp_path / "notes.0"
    text.write_text("no model")
    driver.window.path_dropped.emit(str(text))
    bar = driver.window.message_bar
    assert bar.current is not None
    assert "neither a folder" in bar.current.text
