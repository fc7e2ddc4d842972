"""Asking the engine: each image once per network, whatever happens meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.qt.program_kit import Driver, write_images

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
