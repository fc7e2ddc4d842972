"""Datasets that cannot be opened are told in the window's words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.data.datasets.dataset import Dataset
from model.data.datasets.layout import Layout
from model.data.label_sets import LabelSet
from model.errors import DatasetError
from seggui.core import dataset_opening
from seggui.core.dataset_opening import open_chosen


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8)).save(path)


def test_what_can_be_opened_is_opened(tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.png")
    write(tmp_path / "masks" / "a.png")
    assert [item.key for item in open_chosen(tmp_path).items] == ["images/a.png"]


def test_a_folder_without_masks_is_told_in_a_few_lines_with_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "photos" / "a.png")
    with pytest.raises(DatasetError, match="No images with masks were found in photos") as caught:
        open_chosen(tmp_path / "photos")
    assert "named masks" in caught.value.remedy
    assert len(str(caught.value)) < 320


def test_several_ways_are_told_without_the_options_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(folder: Path, label_set: LabelSet | None) -> Dataset:
        raise AssertionError("nothing is read before it is known as what")

    twice = tuple(Layout(name, name, "a.png", lambda folder: True, read) for name in ("one", "two"))
    monkeypatch.setattr("model.data.datasets.opening.LAYOUTS", twice)
    monkeypatch.setattr(dataset_opening, "LAYOUTS", twice)
    with pytest.raises(DatasetError, match="as one and two") as caught:
        open_chosen(tmp_path)
    assert "--" not in str(caught.value)


def test_a_folder_that_is_gone_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        open_chosen(tmp_path / "gone")


def test_a_dataset_with_a_mistake_in_it_keeps_its_own_error(tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.png")
    write(tmp_path / "masks" / "a.png")
    write(tmp_path / "labels" / "a.png")
    with pytest.raises(DatasetError, match="several folders of masks"):
        open_chosen(tmp_path)
