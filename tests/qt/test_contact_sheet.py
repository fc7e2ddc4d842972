"""The image under every kind of input values: shown one by one, ranked, chosen, or left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from model.engine.protocol import (
    CancelToken,
    ModelInfo,
    ModelSettings,
    Prediction,
    Scaling,
)
from model.errors import EngineDiedError, EngineError
from model.model_settings import load_settings, settings_path
from seggui.core.contact_sheet import candidates
from seggui.panels import contact_sheet
from seggui.panels.contact_sheet import ContactSheet, SheetHead
from seggui.panels.sheet_tile import TileText
from tests.qt.program_kit import ColorEngine, Driver, write_images


class PickyEngine(ColorEngine):
    """Right only with values of -1 to 1 in the order of RGB; guesses 0 to 1; counts what it tries.

    Attributes:
        failing: what is raised for a scaling.
        tried: in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[ModelSettings] = []
        self.failing: dict[Scaling, Exception] = {}

    def load(self, path: str, settings: ModelSettings | None = None) -> ModelInfo:
        info = super().load(path, settings)
        if settings is None:
            stored = load_settings(Path(path))
            guess = replace(info.settings, scaling=Scaling.UNIT)
            info = replace(info, settings=stored or guess, settings_are_guessed=stored is None)
        self.model = info
        self.shift = 0 if info.settings.scaling is Scaling.SIGNED else 1
        return info

    def try_settings(
        self,
        pixels: np.ndarray,
        settings: ModelSettings,
        *,
        is_cancelled: CancelToken | None = None,
    ) -> Prediction:
        self.tried.append(settings)
        if settings.scaling in self.failing:
            raise self.failing[settings.scaling]
        before, self.shift = self.shift, 0 if settings.scaling is Scaling.SIGNED else 1
        try:
            return super().try_settings(pixels, settings, is_cancelled=is_cancelled)
        finally:
            self.shift = before


@pytest.fixture
def engine() -> PickyEngine:
    return PickyEngine()


@pytest.fixture
def opened(make_driver: Callable[..., Driver], engine: PickyEngine, tmp_path: Path) -> Driver:
    """An image on view, and a network whose input values are guessed wrongly."""
    driver = make_driver(engine)
    write_images(tmp_path / "images", 1)
    model = tmp_path / "net.keras"
    model.write_bytes(b"network")
    driver.start(tmp_path / "images")
    driver.load_model(model)
    driver.until(lambda: bool((driver.mask() != 255).all()))
    return driver


def sheet(driver: Driver) -> ContactSheet:
    dialog = driver.program.models.contact_sheet.dialog
    assert dialog is not None
    return dialog


def open_sheet(driver: Driver) -> ContactSheet:
    """Opens the sheet and waits for all of its tiles."""
    driver.trigger("compare_action")
    dialog = sheet(driver)
    driver.until(lambda: all(tile.is_settled for tile in dialog.tiles.tiles))
    return dialog


def until_closed(driver: Driver) -> None:
    driver.until(lambda: driver.program.models.contact_sheet.dialog is None)


def index_of(engine: PickyEngine, scaling: Scaling, order: str = "rgb") -> int:
    found = [(s.scaling, s.channel_order) for s in engine.tried]
    return found.index((scaling, order))


def settings_in_force(driver: Driver) -> ModelSettings:
    assert driver.program.prediction.model is not None
    return driver.program.prediction.model.settings


def message(driver: Driver) -> str:
    current = driver.window.message_bar.current
    return "" if current is None else current.text


def test_each_kind_of_input_has_a_tile_and_the_guess_is_first_and_marked(
    opened: Driver, engine: PickyEngine
) -> None:
    dialog = open_sheet(opened)
    names = [tile.accessibleName() for tile in dialog.tiles.tiles]

    assert len(names) == len(candidates(settings_in_force(opened), channels=3)) > len(Scaling)
    assert engine.tried[0].scaling is Scaling.UNIT
    assert "0 to 1" in names[0]
    assert "guessed" in names[0]
    assert not [name for name in names[1:] if "guessed" in name]
    assert not [name for name in names if "agrees" in name]


def test_tiles_with_the_very_same_mask_say_so_and_stay(opened: Driver, engine: PickyEngine) -> None:
    dialog = open_sheet(opened)
    raw = dialog.tiles.tiles[index_of(engine, Scaling.RAW)]
    signed = dialog.tiles.tiles[index_of(engine, Scaling.SIGNED)]
    assert "same mask as 1" in raw.accessibleName()
    assert "same mask" not in signed.accessibleName()
    assert raw.can_be_chosen


def test_a_click_puts_the_settings_in_force_saves_them_and_predicts_anew(
    opened: Driver, engine: PickyEngine, tmp_path: Path
) -> None:
    assert "input values" in message(opened)
    dialog = open_sheet(opened)
    tile = dialog.tiles.tiles[index_of(engine, Scaling.SIGNED)]

    with opened.qtbot.waitSignal(opened.program.prediction.model_loaded):
        QTest.mouseClick(tile, Qt.MouseButton.LeftButton)

    assert settings_in_force(opened).scaling is Scaling.SIGNED
    stored = load_settings(tmp_path / "net.keras")
    assert stored is not None
    assert stored.scaling is Scaling.SIGNED
    opened.until(lambda: set(np.unique(opened.mask()[1:])) == {0, 1})
    assert "input values" not in message(opened)


@pytest.mark.parametrize("how", ["digit", "arrows"])
def test_keys_choose_as_a_click_does(opened: Driver, engine: PickyEngine, how: str) -> None:
    dialog = open_sheet(opened)
    index = index_of(engine, Scaling.SIGNED)
    with opened.qtbot.waitSignal(opened.program.prediction.model_loaded):
        if how == "digit":
            QTest.keyClick(dialog, str(index + 1))
        else:
            for _ in range(index):
                focused = QApplication.focusWidget() or dialog.tiles.tiles[0]
                QTest.keyClick(focused if dialog.isAncestorOf(focused) else dialog,
                               Qt.Key.Key_Right)  # fmt: skip
            QTest.keyClick(dialog, Qt.Key.Key_Return)
    assert settings_in_force(opened).scaling is Scaling.SIGNED


def test_cancelling_changes_nothing(opened: Driver, tmp_path: Path) -> None:
    before, mask = opened.program.prediction.model, opened.mask()
    dialog = open_sheet(opened)

    QTest.keyClick(dialog, Qt.Key.Key_Escape)

    until_closed(opened)
    assert opened.program.prediction.model is before
    assert not settings_path(tmp_path / "net.keras").exists()
    np.testing.assert_array_equal(opened.mask(), mask)


def test_trusted_pixels_rank_the_tiles_and_show_the_number(
    opened: Driver, engine: PickyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_sheet, "GUARD_MS", -1)
    opened.program.session.set_label(0)
    opened.stroke((20, 10), (30, 20))
    opened.program.session.set_label(1)
    opened.stroke((20, 60), (30, 70))
    opened.program.session.commit_stroke()

    dialog = open_sheet(opened)

    signed = index_of(engine, Scaling.SIGNED)
    assert dialog.tiles.order[0] == signed
    assert "agrees 100 %" in dialog.tiles.tiles[signed].accessibleName()
    assert "best" in dialog.tiles.tiles[signed].accessibleName()
    assert "agrees 0 %" in dialog.tiles.tiles[0].accessibleName()
    with opened.qtbot.waitSignal(opened.program.prediction.model_loaded):
        QTest.keyClick(dialog, "1")
    assert settings_in_force(opened).scaling is Scaling.SIGNED


def test_a_click_that_was_on_its_way_when_the_tiles_moved_chooses_nothing(
    opened: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_sheet, "GUARD_MS", 3_600_000)
    opened.stroke((20, 10), (30, 20))
    opened.program.session.commit_stroke()
    dialog = open_sheet(opened)

    QTest.keyClick(dialog, "1")
    QTest.mouseClick(dialog.tiles.tiles[0], Qt.MouseButton.LeftButton)

    assert dialog.chosen is None
    assert dialog.isVisible()
    dialog.reject()


def test_closing_while_it_predicts_drops_what_is_queued(
    opened: Driver, engine: PickyEngine
) -> None:
    engine.gate.clear()
    opened.trigger("compare_action")
    dialog = sheet(opened)
    opened.until(lambda: len(engine.tried) == 1)
    assert not dialog.tiles.tiles[0].is_settled

    QTest.keyClick(dialog, "1")  # there is nothing to choose yet
    assert dialog.chosen is None
    dialog.reject()
    engine.gate.set()

    opened.until(lambda: opened.program.prediction.thread_of_engine.is_idle)
    assert len(engine.tried) == 1


def test_the_image_on_view_is_predicted_before_the_tiles(
    opened: Driver, engine: PickyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    predict = engine.predict
    engine.gate.clear()
    opened.trigger("compare_action")
    opened.until(lambda: len(engine.tried) == 1)

    def predict_and_note(pixels, *, is_cancelled=None):
        order.append("image")
        return predict(pixels, is_cancelled=is_cancelled)

    def try_and_note(pixels, settings, *, is_cancelled=None):
        order.append("tile")
        return ColorEngine.predict(engine, pixels, is_cancelled=is_cancelled)

    monkeypatch.setattr(engine, "try_settings", try_and_note)
    opened.program.prediction.predict_current()
    monkeypatch.setattr(engine, "predict", predict_and_note)
    engine.gate.set()
    opened.until(lambda: len(order) >= 2)
    assert order[:2] == ["image", "tile"]
    sheet(opened).reject()


def test_another_model_closes_the_sheet(opened: Driver, tmp_path: Path) -> None:
    open_sheet(opened)
    other = tmp_path / "other.keras"
    other.write_bytes(b"another")
    opened.load_model(other)
    until_closed(opened)
    assert settings_in_force(opened).scaling is Scaling.UNIT


def test_a_kind_that_fails_says_why_and_the_others_go_on(
    opened: Driver, engine: PickyEngine
) -> None:
    engine.failing[Scaling.L2] = EngineError("The network failed on this image.")
    dialog = open_sheet(opened)
    failed = dialog.tiles.tiles[index_of(engine, Scaling.L2)]
    assert "failed on this image" in failed.accessibleName()
    assert not failed.can_be_chosen
    QTest.mouseClick(failed, Qt.MouseButton.LeftButton)
    assert dialog.chosen is None
    num_failed = sum(not tile.can_be_chosen for tile in dialog.tiles.tiles)
    assert num_failed == sum(s.scaling is Scaling.L2 for s in engine.tried)


def test_an_engine_that_dies_is_not_asked_for_the_rest(opened: Driver, engine: PickyEngine) -> None:
    engine.failing[Scaling.RAW] = EngineDiedError("The engine process ended unexpectedly.")
    dialog = open_sheet(opened)
    opened.until(lambda: opened.program.prediction.thread_of_engine.is_idle)
    assert dialog.tiles.tiles[0].can_be_chosen
    assert not dialog.tiles.tiles[-1].can_be_chosen
    assert engine.tried[-1].scaling is Scaling.RAW
    assert len(engine.tried) == 2
    dialog.reject()


def test_from_the_settings_a_choice_fills_the_fields_and_nothing_is_in_force_yet(
    opened: Driver, engine: PickyEngine, tmp_path: Path
) -> None:
    seen: list[str] = []

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QWidget)
        button = dialog.findChild(QPushButton, "compare_button")
        assert button is not None
        button.click()
        inner = sheet(opened)
        opened.until(lambda: all(tile.is_settled for tile in inner.tiles.tiles))
        inner._choose(index_of(engine, Scaling.SIGNED))
        scaling = dialog.findChild(QComboBox, "scaling")
        assert scaling is not None
        seen.append(scaling.currentText())
        dialog.close()

    QTimer.singleShot(0, opened.window, answer)
    opened.program.models.show_settings()

    assert seen == ["-1 to 1"]
    assert settings_in_force(opened).scaling is Scaling.UNIT
    assert not settings_path(tmp_path / "net.keras").exists()


def test_the_message_after_loading_opens_the_sheet(opened: Driver) -> None:
    bar = opened.window.message_bar
    assert bar.current is not None
    assert bar.current.action_text == "Compare..."
    button = bar.findChild(QPushButton, "message_action")
    assert button is not None
    button.click()
    assert sheet(opened).isVisible()
    sheet(opened).reject()


def test_the_action_needs_an_image_and_a_network(driver: Driver, tmp_path: Path) -> None:
    action = driver.window.actions_by_name["compare_action"]
    driver.start()
    assert not action.isEnabled()
    driver.load_model(tmp_path / "a.keras")
    assert not action.isEnabled()
    write_images(tmp_path / "images", 1)
    driver.program.folders.open_folder(tmp_path / "images")
    driver.until(lambda: driver.program.session.document is not None)
    assert action.isEnabled()


@pytest.mark.parametrize("aspect", [0.3, 0.75, 1.4, 5.0])
@pytest.mark.parametrize("count", [1, 7, 14])
def test_all_tiles_are_seen_at_once_and_do_not_overlap(
    qtbot: QtBot, aspect: float, count: int
) -> None:
    texts = [TileText(f"kind {number}") for number in range(count)]
    dialog = ContactSheet(SheetHead("net.keras", 0), texts, aspect=aspect)
    qtbot.addWidget(dialog)
    dialog.resize(1200, 740)
    dialog.show()
    boxes = [tile.geometry() for tile in dialog.tiles.tiles]
    for number, box in enumerate(boxes):
        assert dialog.tiles.rect().contains(box)
        assert box.width() > 100
        assert box.height() > 100
        assert not [other for other in boxes[:number] if other.intersects(box)]
