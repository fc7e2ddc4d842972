"""Export, restored options, refusals and drops: the rest of what a user does with the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QDialog

from model.data.masks import read_mask
from seggui.core.records import ImageStatus
from seggui.panels.export_dialog import ExportDialog
from seggui.panels.model_dialog import ModelDialog
from tests.qt.program_kit import Driver, write_images

MODEL = Path("net.keras")


def test_exported_masks_equal_what_was_seen(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, target = tmp_path / "images", tmp_path / "export"
    names = write_images(folder, 2)
    driver.start(folder)
    driver.program.session.set_label(2)
    driver.stroke((30, 20), (30, 40))
    mask = driver.mask()

    def accept(dialog: ExportDialog) -> int:
        dialog._folder.setText(str(target))
        return int(QDialog.DialogCode.Accepted)

    monkeypatch.setattr(ExportDialog, "exec", accept)
    with driver.qtbot.waitSignal(driver.program.export.finished, timeout=10_000) as signal:
        driver.trigger("export_action")
    assert signal.args[0].num_written == 1
    assert signal.args[0].num_skipped == 1
    assert np.array_equal(read_mask(target / names[0]), mask)


def test_brush_and_opacity_are_restored_at_the_next_start(
    make_driver: Callable[..., Driver], tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    first = make_driver()
    first.start(tmp_path)
    first.program.session.set_brush_radius(33)
    first.window.tool_options.opacity_changed.emit(0.8)
    first.trigger("wheel_scrolls_action")
    first.close()
    second = make_driver()
    second.start(tmp_path)
    assert second.program.session.brush_radius_px == 33
    assert second.window.canvas._mask.opacity == pytest.approx(0.8)
    assert second.window.actions_by_name["wheel_scrolls_action"].isChecked()


def test_trying_to_paint_in_a_read_only_folder_says_why(
    make_driver: Callable[..., Driver], tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    make_driver().start(tmp_path)
    second = make_driver()
    second.start(tmp_path)
    for message in list(second.window.message_bar._messages):
        second.window.message_bar.dismiss(message.name)
    second.stroke((30, 20), (30, 40))
    assert "read-only" in second.window.message_bar.current.text


def test_dropping_an_image_opens_its_folder_at_that_image(driver: Driver, tmp_path: Path) -> None:
    names = write_images(tmp_path, 3)
    driver.program.start(None, None)
    driver.window.path_dropped.emit(str(tmp_path / names[2]))
    driver.until(lambda: driver.program.session.key == names[2])


def test_dropping_something_else_says_what_can_be_dropped(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    driver.program.start(None, None)
    driver.window.path_dropped.emit(str(tmp_path / "notes.txt"))
    assert "folder of images" in driver.window.message_bar.current.text


def test_review_and_next_accepts_the_rest_and_moves_on(driver: Driver, tmp_path: Path) -> None:
    names = write_images(tmp_path, 3)
    driver.start(tmp_path)
    driver.load_model(MODEL)
    driver.until(lambda: bool((driver.mask() != 255).all()))
    driver.trigger("review_and_next_action")
    driver.until(lambda: driver.program.session.key == names[1])
    assert driver.program.navigation.record(names[0]).status is ImageStatus.REVIEWED
    driver.until_saved()
    provenance = read_mask(tmp_path / ".seggui" / "provenance" / names[0])
    assert set(np.unique(provenance)) == {3}


def test_undoing_a_review_takes_it_back(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    driver.load_model(MODEL)
    driver.until(lambda: bool((driver.mask() != 255).all()))
    driver.trigger("reviewed_action")
    driver.trigger("undo_action")
    assert driver.program.session.image_status is ImageStatus.PREDICTED
    assert not driver.window.actions_by_name["reviewed_action"].isChecked()


def test_corrected_model_settings_are_used_and_remembered(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.model_settings import load_settings

    model = tmp_path / "net.keras"
    model.write_bytes(b"pretended")
    write_images(tmp_path / "images", 1)
    driver.start(tmp_path / "images")
    driver.load_model(model)

    def accept(dialog: ModelDialog) -> int:
        dialog._table.item(0, 1).setText("asphalt")
        return int(QDialog.DialogCode.Accepted)

    monkeypatch.setattr(ModelDialog, "exec", accept)
    with driver.qtbot.waitSignal(driver.program.prediction.model_loaded, timeout=10_000):
        driver.trigger("model_settings_action")
    assert driver.program.prediction.model.settings.class_names[0] == "asphalt"
    assert load_settings(model).class_names[0] == "asphalt"


def test_undo_in_the_middle_of_a_stroke_takes_the_whole_stroke_back(
    driver: Driver, tmp_path: Path
) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    write_images(tmp_path, 1)
    driver.start(tmp_path)
    canvas = driver.window.canvas
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=driver.point(30, 20).toPoint())
    QTest.mouseMove(canvas, driver.point(30, 40).toPoint())
    assert (driver.mask() == 0).any()
    driver.trigger("undo_action")
    QTest.mouseMove(canvas, driver.point(30, 60).toPoint())
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=driver.point(30, 60).toPoint())
    assert (driver.mask() == 255).all()


def test_a_missing_project_model_is_explained(
    make_driver: Callable[..., Driver], tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    model = tmp_path / "net.keras"
    model.write_bytes(b"pretended")
    first = make_driver()
    first.start(tmp_path)
    first.load_model(model)
    first.until_saved()
    first.close()
    model.unlink()
    second = make_driver()
    second.start(tmp_path)
    second.until(lambda: second.window.message_bar.current is not None)
    assert "net.keras" in second.window.message_bar.current.text


def test_a_message_does_not_move_the_image_under_the_pointer(
    driver: Driver, tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    canvas = driver.window.canvas
    before = canvas.mapTo(driver.window, canvas.image_rect.topLeft()), canvas.size()
    driver.program.messages.warn("Something to tell. " * 5)
    driver.qtbot.waitUntil(driver.window.message_bar.isVisible)
    driver.qtbot.wait(50)
    assert (canvas.mapTo(driver.window, canvas.image_rect.topLeft()), canvas.size()) == before
    bar = driver.window.message_bar
    assert bar.width() == driver.window.centralWidget().width()
    assert bar.height() == bar.layout().totalHeightForWidth(bar.width())


def test_a_folder_that_goes_away_and_comes_back_loses_nothing(
    driver: Driver, tmp_path: Path
) -> None:
    folder, away = tmp_path / "stick", tmp_path / "unplugged"
    names = write_images(folder, 6)
    driver.start(folder)
    driver.stroke((10, 20), (10, 40))
    driver.until_saved()
    folder.rename(away)
    with driver.qtbot.waitSignal(driver.program.project.save_failed, timeout=10_000):
        driver.stroke((30, 20), (30, 40))
    mask = driver.mask()
    driver.program.navigation.show(names[5])
    driver.until(lambda: names[5] in driver.window.canvas.accessibleDescription())
    assert not folder.exists()  # nothing was made where the stick was
    away.rename(folder)
    with driver.qtbot.waitSignal(driver.program.project.save_recovered, timeout=15_000):
        driver.program.project.retry()
    driver.show(names[0])
    assert np.array_equal(driver.mask(), mask)
    driver.until_saved()
    assert np.array_equal(read_mask(folder / "masks" / names[0]), mask)
