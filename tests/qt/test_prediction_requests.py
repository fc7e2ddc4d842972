"""Asking the engine: each image once per network, whatever happens meanwhile."""

from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
import pytest

from seggui.navigation import Bundle
from tests.qt.program_kit import Driver, saved_mask, write_images

MODEL = Path("net.keras")


def is_predicted(driver: Driver) -> bool:
    return bool((driver.mask() != 255).all())


def until_working(driver: Driver) -> None:
    """Waits until the engine has begun with an image; it goes on when its gate is opened."""
    driver.until(lambda: bool(driver.engine.thread_names))


def test_an_image_at_work_is_not_predicted_a_second_time(driver: Driver, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    driver.start(tmp_path)
    driver.engine.gate.clear()
    driver.load_model(MODEL)
    until_working(driver)

    driver.program.prediction.set_automatic(True)  # as when the classes of a network are adopted
    driver.engine.gate.set()
    driver.until(lambda: is_predicted(driver))
    driver.until(lambda: driver.program.prediction.thread_of_engine.is_idle)

    assert driver.engine.num_predicted == 1


def test_an_image_left_and_shown_again_while_at_work_gets_its_prediction(
    driver: Driver, tmp_path: Path
) -> None:
    names = write_images(tmp_path, 12)
    driver.start(tmp_path)
    driver.engine.gate.clear()
    driver.load_model(MODEL)
    until_working(driver)

    driver.show(names[8])
    driver.show(names[0])
    driver.engine.gate.set()

    driver.until(lambda: driver.program.session.key == names[0] and is_predicted(driver))
    assert set(np.unique(driver.mask()[1:])) == {0, 1}


def test_images_passed_by_are_let_go_while_the_engine_is_busy(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seggui.navigation.CACHE_BYTES", 0)  # as if the images were large
    names = write_images(tmp_path, 30)
    driver.start(tmp_path)
    driver.engine.gate.clear()
    driver.load_model(MODEL)
    until_working(driver)
    seen: list[weakref.ref[np.ndarray]] = []

    def note(bundle: Bundle) -> None:
        seen.append(weakref.ref(bundle.decoded.pixels))

    driver.program.navigation.image_shown.connect(note)
    for name in names:
        driver.show(name)
        driver.until(lambda: not driver.program.project.waiting_keys)

    alive = sum(reference() is not None for reference in seen)
    driver.engine.gate.set()

    assert len(seen) == 29  # the first one was on view already
    assert alive < 10


@pytest.fixture
def endless_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written because the user paused; asked for before the program is built."""
    monkeypatch.setattr("seggui.tasks.project_thread.FLUSH_DELAY_MS", 3_600_000)


def test_masks_of_images_passed_by_are_written_while_the_user_walks_on(
    endless_pause: None, driver: Driver, tmp_path: Path
) -> None:
    names = write_images(tmp_path, 3)
    driver.start(tmp_path)
    driver.stroke((30, 20), (30, 40))

    driver.show(names[1])
    driver.stroke((30, 20), (30, 40))  # pushes back what is due for this image only

    driver.until(lambda: names[0] not in driver.program.project.waiting_keys)
    assert saved_mask(tmp_path, names[0])[30, 30] == 0
