"""Opening a dataset from the window: the same as everywhere, with errors in the window's words."""

from __future__ import annotations

from pathlib import Path

from model.data.datasets.dataset import Dataset
from model.data.datasets.opening import LAYOUTS, open_dataset
from model.data.datasets.project import has_project
from model.errors import DatasetError


def open_chosen(folder: Path) -> Dataset:
    """Opens the dataset in a folder that somebody chose, in the layout that fits.

    Raises:
        DatasetError: as of `open_dataset`. A folder without masks, and one that could be read in
            several ways, are told in a sentence or two: in the window there is no ``--layout``, and
            few have the room to read of every layout that was looked for.
        LabelSetError: the classes do not fit, or a file that names them is wrong.
        StorageError: a project file cannot be read.
    """
    try:
        return open_dataset(folder)
    except DatasetError as error:
        if not folder.is_dir() or has_project(folder):
            raise
        num_fitting = _num_fitting(folder)
        if num_fitting == 0:
            raise DatasetError(
                f"No images with masks were found in {folder.name or folder}.",
                remedy=(
                    "Put the images into a folder named images and their masks, with the same "
                    "names, into one named masks. CamVid and Cityscapes are read as they are; "
                    "all other ways are in the manual (Shift+F1), chapter Datasets."
                ),
            ) from error
        if "--layout" in error.remedy:
            raise DatasetError(
                error.message, remedy="Choose a folder that holds only one of them."
            ) from error
        raise


def _num_fitting(folder: Path) -> int:
    """How many layouts a folder looks like."""
    try:
        return sum(layout.matches(folder) for layout in LAYOUTS)
    except (OSError, DatasetError):
        return 1  # it cannot be looked at: what went wrong first says more
