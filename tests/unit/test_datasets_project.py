"""A project folder as a dataset: only what a person stands for counts."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from model.data.datasets.opening import open_dataset
from model.data.label_sets import IGNORE, LabelClass, LabelSet
from model.data.masks import write_mask
from model.errors import DatasetError
from seggui.core.edits import make_edit
from seggui.core.project import Project
from seggui.core.records import ImageStatus, Provenance, Rect
from tests.unit.dataset_folders import SIZE, write_photo

LABELS = LabelSet("two", (LabelClass(0, "dark", (0, 0, 0)), LabelClass(1, "bright", (9, 9, 250))))
WHOLE = Rect(0, 0, *SIZE)


def paint(
    project: Project, key: str, mask: np.ndarray, provenance: np.ndarray, status: ImageStatus
) -> None:
    loaded = project.load(key, *SIZE)
    edit = make_edit(
        WHOLE, loaded.mask, mask.astype(np.uint8), loaded.provenance, provenance.astype(np.uint8),
        kind="stroke", text="Brush",
    )  # fmt: skip
    assert edit is not None
    project.append(key, edit, status=status)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reviewed, a corrected, a predicted and an untouched image; one half painted."""
    folder = tmp_path / "photos"
    for name in ("a.png", "b.png", "c.png", "sub/d.png"):
        write_photo(folder / name)
    ones = np.ones(SIZE)
    half = np.where(np.arange(SIZE[1]) < 4, Provenance.CORRECTED, Provenance.PREDICTED)
    with Project.open(folder) as project:
        project.set_label_set(LABELS)
        paint(project, "a.png", ones, ones * Provenance.ACCEPTED, ImageStatus.REVIEWED)
        paint(project, "b.png", ones, half * ones, ImageStatus.CORRECTED)
        paint(project, "c.png", ones, ones * Provenance.PREDICTED, ImageStatus.PREDICTED)
        project.flush_all_from_journal()
    return folder


def test_only_corrected_and_reviewed_images_are_items(folder: Path) -> None:
    dataset = open_dataset(folder)
    assert dataset.layout == "project"
    assert dataset.label_set == LABELS
    assert [item.key for item in dataset.items] == ["a.png", "b.png"]
    assert "left out: 1." in dataset.notes[0]


def test_what_only_the_network_said_is_ignore(folder: Path) -> None:
    dataset = open_dataset(folder)
    reviewed, corrected = map(dataset.read_mask, dataset.items)
    assert (reviewed == 1).all()
    assert (corrected[:, :4] == 1).all()
    assert (corrected[:, 4:] == IGNORE).all()


def test_reading_writes_nothing(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    dataset = open_dataset(folder)
    dataset.read_mask(dataset.items[0])
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert after == before


def test_a_project_can_be_read_while_a_window_has_it_open(folder: Path) -> None:
    with Project.open(folder) as project:
        paint(
            project, "sub/d.png", np.zeros(SIZE), np.full(SIZE, Provenance.CORRECTED),
            ImageStatus.CORRECTED,
        )  # fmt: skip
        project.flush_all_from_journal()
        assert len(open_dataset(folder).items) == 3


def test_masks_that_are_behind_the_journal_are_told(folder: Path) -> None:
    with Project.open(folder) as project:
        paint(
            project, "a.png", np.zeros(SIZE), np.full(SIZE, Provenance.CORRECTED),
            ImageStatus.CORRECTED,
        )  # fmt: skip
        dataset = open_dataset(folder)
    assert any("older than what was painted last: 1." in note for note in dataset.notes)


def test_images_held_out_of_fine_tuning_are_the_validation_part(folder: Path) -> None:
    with Project.open(folder) as project:
        roles = project.roles(["a.png", "b.png"])
    splits = {item.key: item.split for item in open_dataset(folder).items}
    assert splits == {key: "validation" if held else "train" for key, held in roles.items()}


def test_masks_that_lay_there_before_count_as_corrected(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    write_photo(folder / "a.png")
    write_photo(folder / "sub" / "b.png")
    write_mask(folder / "masks" / "sub" / "b.png", np.ones(SIZE, np.uint8), LABELS)
    with Project.open(folder) as project:
        project.set_label_set(LABELS)
    dataset = open_dataset(folder)
    assert dataset.layout == "project"
    assert [item.key for item in dataset.items] == ["sub/b.png"]
    assert (dataset.read_mask(dataset.items[0]) == 1).all()


def test_a_project_with_predictions_only_says_what_is_missing(folder: Path) -> None:
    with Project.open(folder) as project:
        for key in ("a.png", "b.png"):
            project.set_status(key, ImageStatus.PREDICTED)
    with pytest.raises(DatasetError, match="none is corrected or reviewed"):
        open_dataset(folder)


def test_a_dataset_that_was_only_looked_at_in_the_window_is_still_that_dataset(
    tmp_path: Path,
) -> None:
    write_photo(tmp_path / "images" / "a.png")
    write_mask(tmp_path / "labels" / "a.png", np.ones(SIZE, np.uint8), None)
    Project.open(tmp_path).close()
    assert open_dataset(tmp_path).layout == "pairs"


def test_masks_of_a_dataset_are_told_from_those_of_a_project_around_it(tmp_path: Path) -> None:
    write_photo(tmp_path / "images" / "a.png")
    write_mask(tmp_path / "masks" / "a.png", np.ones(SIZE, np.uint8), None)
    with Project.open(tmp_path) as project:
        paint(
            project, "images/a.png", np.zeros(SIZE), np.full(SIZE, Provenance.PREDICTED),
            ImageStatus.PREDICTED,
        )  # fmt: skip
        project.flush_all_from_journal()
    assert (tmp_path / "masks" / "images" / "a.png").is_file()
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "pairs"
    assert [item.mask for item in dataset.items] == [tmp_path / "masks" / "a.png"]


def test_a_project_that_is_kept_elsewhere_finds_its_images(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.rmtree(folder / ".seggui")
    shutil.rmtree(folder / "masks")
    with Project.open(folder, home=home) as project:
        project.set_label_set(LABELS)
        paint(
            project, "a.png", np.ones(SIZE), np.full(SIZE, Provenance.CORRECTED),
            ImageStatus.CORRECTED,
        )  # fmt: skip
        project.flush_all_from_journal()
    dataset = open_dataset(home)
    assert dataset.items[0].image == folder / "a.png"
    assert dataset.read_pair(dataset.items[0])[1].shape == SIZE
