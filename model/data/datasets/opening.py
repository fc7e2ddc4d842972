"""Opens a dataset: finds out by itself in which layout a folder is."""

from __future__ import annotations

import os
from pathlib import Path

from model.data.datasets import camvid, cityscapes, pairs, project
from model.data.datasets.dataset import Dataset
from model.data.datasets.folders import require_folder
from model.data.datasets.layout import Layout
from model.data.label_sets import LabelSet
from model.errors import DatasetError

LAYOUTS: tuple[Layout, ...] = (
    cityscapes.LAYOUT,
    camvid.SEGNET,
    camvid.FULL,
    camvid.ORIGINAL,
    camvid.UNFOLDED,
    project.LAYOUT,
    pairs.LAYOUT,
)
"""Every layout; what a folder is does not depend on their order."""


def open_dataset(
    folder: Path, *, layout: str | None = None, label_set: LabelSet | None = None
) -> Dataset:
    """Opens the dataset in a folder; masks are looked at only where nothing names their classes.

    Args:
        folder: holds the dataset.
        layout: name of one of `LAYOUTS`; None finds it out.
        label_set: the classes to read masks as, instead of the layout's own.

    Raises:
        DatasetError: no folder, no such layout, none or several fit, no image has a mask, or the
            classes cannot be worked out.
        LabelSetError: the classes do not fit the layout, or a file that names them is wrong.
        StorageError: a project file cannot be read.
    """
    folder = Path(os.path.abspath(folder))
    require_folder(folder)
    try:
        chosen = _find_layout(folder) if layout is None else _layout_named(layout)
        return chosen.read(folder, label_set)
    except OSError as error:
        raise DatasetError(
            f"{error.filename or folder} cannot be read: {error.strerror or error}.",
            remedy="Check the disk and the permissions, then try again.",
        ) from error


def _layout_named(name: str) -> Layout:
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    known = ", ".join(layout.name for layout in LAYOUTS)
    raise DatasetError(f"There is no layout {name!r}; one of {known} was expected.")


def _find_layout(folder: Path) -> Layout:
    for is_general in (False, True):
        fitting = [
            layout
            for layout in LAYOUTS
            if layout.is_general is is_general and layout.matches(folder)
        ]
        if len(fitting) > 1:
            names = " and ".join(layout.name for layout in fitting)
            raise DatasetError(
                f"{folder} can be read in several ways, as {names}; one was expected.",
                remedy="Choose one with --layout.",
            )
        if fitting:
            return fitting[0]
    if project.has_project(folder):
        return project.LAYOUT  # it says what is missing in it
    raise _nothing_fits(folder)


def _nothing_fits(folder: Path) -> DatasetError:
    wanted = "; ".join(
        f"{layout.title}: {layout.looks_for}" for layout in LAYOUTS if layout is not camvid.UNFOLDED
    )
    return DatasetError(
        f"{folder} is no dataset in a known layout. Looked for {wanted}.",
        remedy="Arrange the folder in one of these ways; the manual shows them.",
    )
