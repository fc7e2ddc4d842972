"""The window program as a whole: what a user does, and what is on disk afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seggui.core.records import ImageStatus
from tests.qt.program_kit import DIED, ColorEngine, Driver, saved_mask, write_images

MODEL = Path("net.keras")


def _predicted(driver: Driver) -> bool:
    return bool((driver.mask() != 255).all())


def test_opening_a_folder_shows_its_first_image_with_a_usable_brush(
    driver: Driver, tmp_path: Path
) -> None:
    names = write_images(tmp_path, 3)
    driver.start(tmp_path)
    assert driver.program.session.key == names[0]
    assert driver.window.canvas.tool == "brush"
    driver.stroke((30, 20), (30, 40))
    driver.until_saved()
    assert saved_mask(tmp_path, names[0])[30, 30] == 0


def test_a_loaded_model_predicts_the_image_on_view(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    driver.start(tmp_path)
    driver.load_model(MODEL)
    driver.until(lambda: _predicted(driver))
    assert set(np.unique(driver.mask()[1:])) == {0, 1}
    assert driver.program.session.image_status is ImageStatus.PREDICTED


def test_a_prediction_can_be_undone(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    driver.load_model(MODEL)
    driver.until(lambda: _predicted(driver))
    assert driver.window.actions_by_name["undo_action"].isEnabled()
    driver.trigger("undo_action")
    assert (driver.mask() == 255).all()


def test_predictions_never_change_what_the_user_painted(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    driver.program.session.set_label(2)
    driver.stroke((20, 10), (20, 30))
    painted = driver.mask() == 2
    driver.load_model(MODEL)
    driver.until(lambda: _predicted(driver))
    assert (driver.mask()[painted] == 2).all()
    assert painted.sum() > 100


def test_everything_is_as_it_was_when_one_comes_back(driver: Driver, tmp_path: Path) -> None:
    names = write_images(tmp_path, 3)
    driver.start(tmp_path)
    driver.stroke((30, 20), (30, 40))
    driver.window.canvas.zoom_in()
    view, mask = driver.window.canvas.view_state(), driver.mask()
    driver.show(names[2])
    driver.show(names[0])
    assert np.array_equal(driver.mask(), mask)
    assert driver.window.canvas.view_state() == view
    driver.trigger("undo_action")
    assert (driver.mask() == 255).all()


def test_folder_image_view_and_undo_are_restored_at_the_next_start(
    make_driver: Callable[..., Driver], tmp_path: Path
) -> None:
    names = write_images(tmp_path, 3)
    first = make_driver()
    first.start(tmp_path)
    first.show(names[1])
    first.program.session.set_label(2)
    first.stroke((30, 20), (30, 40))
    mask = first.mask()
    first.window.canvas.zoom_in()
    view = first.window.canvas.view_state()
    first.close()
    second = make_driver()
    second.start(tmp_path)
    assert second.program.session.key == names[1]
    assert np.array_equal(second.mask(), mask)
    assert second.window.canvas.view_state() == pytest.approx(view)
    assert second.program.session.label == 2
    second.trigger("undo_action")
    assert (second.mask() == 255).all()


def test_reviewed_images_are_never_predicted_again(driver: Driver, tmp_path: Path) -> None:
    names = write_images(tmp_path, 2)
    driver.start(tmp_path)
    driver.load_model(MODEL)
    driver.until(lambda: _predicted(driver))
    driver.trigger("reviewed_action")
    assert driver.program.navigation.record(names[0]).status is ImageStatus.REVIEWED
    driver.engine.shift = 1
    before = driver.mask()
    driver.load_model(Path("other.keras"))
    driver.show(names[1])
    driver.until(lambda: driver.program.navigation.current.predicted_by == "sha-other.keras")
    driver.show(names[0])
    assert np.array_equal(driver.mask(), before)


def test_neighbours_are_predicted_ahead(driver: Driver, tmp_path: Path) -> None:
    names = write_images(tmp_path, 5)
    driver.start(tmp_path)
    driver.load_model(MODEL)
    driver.until(lambda: driver.engine.num_predicted >= 3)
    bundle = driver.program.navigation.bundle(names[1])
    assert bundle is not None
    driver.until(lambda: bundle.prepared is not None)
    driver.show(names[1])
    assert _predicted(driver)  # without waiting for anything
    assert driver.window.actions_by_name["undo_action"].isEnabled()


def test_a_stroke_while_the_network_works_is_kept(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    driver.engine.gate.clear()
    driver.load_model(MODEL)
    driver.program.session.set_label(2)
    driver.stroke((30, 20), (30, 40))
    painted = driver.mask() == 2
    driver.engine.gate.set()
    driver.until(lambda: _predicted(driver))
    assert (driver.mask()[painted] == 2).all()


def test_predicting_happens_off_the_gui_thread(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    driver.load_model(MODEL)
    driver.until(lambda: _predicted(driver))
    assert "MainThread" not in driver.engine.thread_names


def test_an_engine_that_dies_is_used_again_and_the_user_is_told(
    driver: Driver, tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    driver.engine.error = DIED
    driver.load_model(MODEL)
    driver.until(lambda: _predicted(driver))
    message = driver.window.message_bar.current
    assert message is not None
    assert "started again" in message.text


def test_a_broken_model_is_refused_and_the_one_before_stays(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    driver.load_model(MODEL)
    with driver.qtbot.waitSignal(driver.program.prediction.model_failed):
        driver.program.models.load_model(Path("broken.keras"))
    assert driver.program.prediction.model is not None
    assert driver.program.prediction.model.path == str(MODEL)
    assert "no model" in driver.window.message_bar.current.text


def test_a_model_with_too_many_classes_is_explained_and_can_be_matched(
    driver: Driver, tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    driver.load_model(MODEL)
    driver.until(lambda: _predicted(driver))
    assert len(driver.program.session.label_set) == 3
    driver.engine.num_classes = 5
    driver.load_model(Path("five.keras"))
    message = driver.window.message_bar.current
    assert "5 classes" in message.text
    assert message.action_text == "Add classes"
    driver.program.messages._on_action(message.name)
    assert len(driver.program.session.label_set) == 5


def test_a_broken_image_is_explained_and_the_next_one_works(driver: Driver, tmp_path: Path) -> None:
    names = write_images(tmp_path, 2)
    (tmp_path / names[0]).write_bytes(b"no image at all")
    driver.program.start(tmp_path, None)
    driver.until(lambda: names[0] in driver.window.windowTitle())
    driver.until(lambda: names[0] in driver.window.canvas.accessibleDescription())
    driver.show(names[1])
    assert driver.program.session.can_edit


def test_an_empty_folder_says_what_seggui_reads(driver: Driver, tmp_path: Path) -> None:
    with driver.qtbot.waitSignal(driver.program.navigation.folder_opened):
        driver.program.start(tmp_path, None)
    assert "JPEG" in driver.window.canvas.accessibleDescription()


def test_painting_goes_on_while_the_disk_is_full_and_is_saved_later(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.errors import StorageError
    from seggui.core.project import Project

    names = write_images(tmp_path, 2)
    driver.start(tmp_path)
    driver.until_saved()
    real = Project.append

    def full(*_: object, **__: object) -> None:
        raise StorageError("The disk is full.", remedy="Make room.")

    monkeypatch.setattr(Project, "append", full)
    with driver.qtbot.waitSignal(driver.program.project.save_failed):
        driver.stroke((30, 20), (30, 40))
    driver.stroke((10, 20), (10, 40))
    mask = driver.mask()
    assert "disk is full" in driver.window.message_bar.current.text
    driver.show(names[1])
    driver.show(names[0])
    assert np.array_equal(driver.mask(), mask)
    monkeypatch.setattr(Project, "append", real)
    with driver.qtbot.waitSignal(driver.program.project.save_recovered):
        driver.program.project.retry()
    driver.until_saved()
    assert np.array_equal(saved_mask(tmp_path, names[0]), mask)


def test_predicting_the_folder_writes_every_mask(driver: Driver, tmp_path: Path) -> None:
    names = write_images(tmp_path, 8)
    driver.start(tmp_path)
    driver.load_model(MODEL)
    with driver.qtbot.waitSignal(driver.program.batch.finished, timeout=20_000) as signal:
        driver.trigger("predict_all_action")
    driver.until_saved()
    assert signal.args[0].num_failed == 0
    for name in names:
        expected = np.asarray(Image.open(tmp_path / name)).argmax(axis=2)
        assert np.array_equal(saved_mask(tmp_path, name), expected)


def test_a_locked_class_is_never_painted_over(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    session = driver.program.session
    session.set_label(1)
    driver.stroke((30, 20), (30, 40))
    before = driver.mask() == 1
    driver.trigger("lock_class_action")
    session.set_label(2)
    driver.stroke((30, 20), (30, 60))
    assert ((driver.mask() == 1) == before).all()
    assert (driver.mask() == 2).any()


def test_a_second_window_on_the_folder_is_read_only_and_says_so(
    make_driver: Callable[..., Driver], tmp_path: Path
) -> None:
    write_images(tmp_path, 1)
    make_driver().start(tmp_path)
    second = make_driver(ColorEngine())
    second.start(tmp_path)
    assert not second.program.session.can_edit
    assert second.window.message_bar.current is not None
    second.stroke((30, 20), (30, 40))
    assert (second.mask() == 255).all()
