"""The image list marks held-out images from the first minute on: people have to correct some."""

from __future__ import annotations

from pathlib import Path

from seggui.core.project import Project
from tests.qt.program_kit import Driver, write_images


def held_out_on_disk(folder: Path) -> set[str]:
    with Project.open(folder, read_only=True) as project:
        return {key for key, is_held_out in project.roles(project.keys).items() if is_held_out}


def marked(driver: Driver) -> set[str]:
    model = driver.window.image_list._model
    keys = driver.program.navigation.keys
    return {key for key in keys if model.record(key).is_held_out}


def test_a_new_folder_shows_its_held_out_images_without_being_opened_again(
    driver: Driver, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    write_images(folder, 12)
    driver.start(folder)
    driver.until(lambda: bool(marked(driver)))
    shown = marked(driver)
    driver.close()
    assert shown == held_out_on_disk(folder)


def test_marks_come_with_the_image_on_view_still_chosen(driver: Driver, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    names = write_images(folder, 12)
    driver.start(folder)
    driver.show(names[5])
    driver.until(lambda: bool(marked(driver)))
    assert driver.window.image_list.current_key == names[5]
    assert driver.window.image_list.selected_keys() == (names[5],)


def test_another_folder_gets_its_own_marks(driver: Driver, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write_images(first, 12)
    write_images(second, 3)
    driver.start(first)
    driver.until(lambda: bool(marked(driver)))
    driver.program.folders.open_folder(second)
    driver.until(lambda: len(driver.program.navigation.keys) == 3 and bool(marked(driver)))
    shown = marked(driver)
    driver.close()
    assert shown == held_out_on_disk(second)
