"""A dataset whose folders of images were opened in the window is still the same dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.data.datasets.dataset import Dataset
from model.data.datasets.opening import open_dataset
from model.data.images import image_size
from model.data.label_sets import generic_label_set
from seggui.core.predictions import store_prediction
from seggui.core.project import Project
from tests.unit.dataset_folders import write_frame, write_pairs, write_segnet


def open_in_window(folder: Path) -> None:
    """Predicts every image of a folder, as the window does: masks of the same names appear."""
    with Project.open(folder) as project:
        project.set_label_set(generic_label_set(2))
        for key in project.keys:
            store_prediction(project, key, np.ones(image_size(folder / key), np.uint8), "network")
        project.flush_all_from_journal()
    assert list((folder / "masks").rglob("*.png"))


def _segnet(folder: Path) -> Path:
    write_segnet(folder, {"train": ["0001TP_000001", "0001TP_000002"]})
    return folder / "train"


def _pairs(folder: Path) -> Path:
    write_pairs(folder, {"a": (0, 1), "b": (0, 1)}, "images", "masks")
    return folder / "images"


def _cityscapes(folder: Path) -> Path:
    write_frame(folder, "train", "aachen_000000_000019", (7, 8))
    return folder / "leftImg8bit" / "train" / "aachen"


def files(dataset: Dataset) -> list[tuple[Path, Path]]:
    return [(item.image, item.mask) for item in dataset.items]


@pytest.mark.parametrize("write", [_segnet, _pairs, _cityscapes])
def test_masks_of_the_network_are_neither_images_nor_truth(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    opened = write(tmp_path)
    before = open_dataset(tmp_path)
    open_in_window(opened)
    after = open_dataset(tmp_path)
    assert files(after) == files(before)
    assert after.label_set == before.label_set
    assert not after.images_without_mask
