"""A model with Lambda layers that are not recognised: the window asks what they calculate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton

from model.digest import file_sha256
from model.engine.protocol import ModelInfo, ModelSettings
from model.errors import LambdaError, OpenLambda
from model.foreign.replacements import ReplacementStore
from seggui.panels.lambda_dialog import LambdaDialog
from seggui.settings import settings_dir
from tests.qt.program_kit import ColorEngine, Driver

LAMBDAS = (
    OpenLambda("scale", "constants 510", ("InputLayer 'image'",), ("? x ? x ? x 3",)),
    OpenLambda("join", "the function named", ("Conv2D 'a'", "Conv2D 'b'"), ()),
)


class LambdaEngine(ColorEngine):
    """Opens a model called mystery once it is known what its layers calculate."""

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        if "mystery" in path:
            digest = file_sha256(Path(path))
            missing = {"scale", "join"} - set(ReplacementStore(settings_dir()).of(digest))
            if missing:
                raise LambdaError("It has Lambdas.", lambdas=LAMBDAS, model_sha256=digest)
        return super().load(path, settings)


@pytest.fixture
def driver(make_driver: Callable[..., Driver]) -> Driver:
    made = make_driver(LambdaEngine())
    made.start()
    return made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "mystery.keras"
    path.write_bytes(b"network")
    return path


def ask(driver: Driver, model: Path) -> LambdaDialog:
    driver.program.models.load_model(model)
    return opened(driver)


def opened(driver: Driver) -> LambdaDialog:
    driver.until(lambda: driver.program.late.lambdas.dialog is not None)
    dialog = driver.program.late.lambdas.dialog
    assert dialog is not None
    return dialog


def lines(dialog: LambdaDialog) -> list[QLineEdit]:
    return dialog.findChildren(QLineEdit, "replacement")


def combos(dialog: LambdaDialog) -> list[QComboBox]:
    return dialog.findChildren(QComboBox, "calculation")


def told(dialog: LambdaDialog) -> list[str]:
    return [label.text() for label in dialog.findChildren(QLabel, "told")]


def accept_button(dialog: LambdaDialog) -> QPushButton:
    button = dialog.findChild(QPushButton, "open_with_these_button")
    assert isinstance(button, QPushButton)
    return button


def choose(combo: QComboBox, words: str) -> None:
    combo.setCurrentText(words)
    combo.activated.emit(combo.currentIndex())


def test_each_layer_shows_what_it_gets_and_what_its_code_shows(driver: Driver, model: Path) -> None:
    dialog = ask(driver, model)
    said = " ".join(label.text() for label in dialog.findChildren(QLabel))
    for expected in (
        "mystery.keras has Lambda layers", "InputLayer 'image': ? x ? x ? x 3", "constants 510",
        "Conv2D 'a'\nConv2D 'b'", "does not run it",
    ):  # fmt: skip
        assert expected in said
    one, several = ([c.itemText(i) for i in range(c.count())] for c in combos(dialog))
    assert "Divides by 255" in one
    assert "Divides by 255" not in several
    assert "Product" in several
    dialog.reject()
    assert driver.program.prediction.model is None
    assert not (settings_dir() / "replacements").exists()


def test_the_model_opens_once_every_layer_has_something_that_is_understood(
    driver: Driver, model: Path
) -> None:
    dialog = ask(driver, model)
    button = accept_button(dialog)
    assert not button.isEnabled()
    choose(combos(dialog)[0], "Divides by 255")
    assert lines(dialog)[0].text() == "x / 255"
    assert told(dialog)[0] == "Understood as x / 255"
    assert not button.isEnabled()
    lines(dialog)[1].setText("open('x')")
    assert "the function open" in told(dialog)[1]
    assert not button.isEnabled()
    lines(dialog)[1].setText("x[0]*x[1]")
    assert combos(dialog)[1].currentText() == "Something else"
    with driver.qtbot.waitSignal(driver.program.prediction.model_loaded, timeout=10_000):
        button.click()
    kept = ReplacementStore(settings_dir()).of(file_sha256(model))
    assert kept == {"scale": "x / 255", "join": "x[0]*x[1]"}


def test_what_was_chosen_can_be_seen_and_changed(driver: Driver, model: Path) -> None:
    digest = file_sha256(model)
    ReplacementStore(settings_dir()).keep(digest, {"scale": "x / 255", "join": "x[0] * x[1]"})
    driver.load_model(model)
    driver.trigger("replaced_layers_action")
    dialog = opened(driver)
    assert [line.text() for line in lines(dialog)] == ["x / 255", "x[0] * x[1]"]
    assert [combo.currentText() for combo in combos(dialog)] == ["Divides by 255", "Product"]
    lines(dialog)[0].setText("x / 127.5 - 1")
    with driver.qtbot.waitSignal(driver.program.prediction.model_loaded, timeout=10_000):
        accept_button(dialog).click()
    assert ReplacementStore(settings_dir()).of(digest)["scale"] == "x / 127.5 - 1"


def test_a_model_without_such_layers_says_so(driver: Driver, tmp_path: Path) -> None:
    plain = tmp_path / "plain.keras"
    plain.write_bytes(b"plain")
    driver.load_model(plain)
    driver.trigger("replaced_layers_action")
    bar = driver.window.message_bar
    assert bar.current is not None
    assert "no Lambda layers" in bar.current.text


def test_a_model_that_was_remembered_does_not_open_a_dialog(driver: Driver, model: Path) -> None:
    with driver.qtbot.waitSignal(driver.program.prediction.model_failed, timeout=10_000):
        driver.program.models.load_quietly(model)
    assert driver.program.late.lambdas.dialog is None
