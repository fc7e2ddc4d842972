"""What the storage tests share: a folder of images, edits, and looks at the disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from model.data.label_sets import IGNORE
from model.data.masks import read_mask
from seggui.core.edits import apply_edit, make_edit
from seggui.core.project import Project
from seggui.core.records import MaskEdit, Provenance, Rect

HEIGHT, WIDTH = 24, 32
KEY = "street.jpg"


def make_images(folder: Path, *names: str, height: int = HEIGHT, width: int = WIDTH) -> Path:
    for name in names or (KEY,):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (width, height), (90, 90, 90)).save(path)
    return folder


@dataclass
class Painter:
    """A document as naive as can be: full copies of every state."""

    mask: np.ndarray
    provenance: np.ndarray
    done: list[MaskEdit] = field(default_factory=list)
    undone: list[MaskEdit] = field(default_factory=list)

    @classmethod
    def of(cls, project: Project, key: str = KEY) -> Painter:
        loaded = project.load(key, HEIGHT, WIDTH)
        edits, position = list(loaded.edits), loaded.position
        return cls(loaded.mask, loaded.provenance, edits[:position], edits[position:][::-1])

    def paint(self, rect: Rect, value: int, text: str = "Brush") -> MaskEdit:
        """Makes and applies an edit; the rectangle must change."""
        mask, provenance = self.mask.copy(), self.provenance.copy()
        mask[rect.slices] = value
        provenance[rect.slices] = Provenance.CORRECTED
        edit = make_edit(
            Rect(0, 0, *mask.shape), self.mask, mask, self.provenance, provenance,
            kind="stroke", text=text,
        )  # fmt: skip
        assert edit is not None
        self.mask, self.provenance = mask, provenance
        self.done.append(edit)
        self.undone.clear()
        return edit

    def undo(self) -> None:
        edit = self.done.pop()
        apply_edit(edit, self.mask, self.provenance)
        self.undone.append(edit)

    def redo(self) -> None:
        edit = self.undone.pop()
        apply_edit(edit, self.mask, self.provenance)
        self.done.append(edit)


def paint(project: Project, rect: Rect, value: int, key: str = KEY) -> Painter:
    """Loads, paints one rectangle and journals it."""
    painter = Painter.of(project, key)
    project.append(key, painter.paint(rect, value))
    return painter


def assert_shows(project: Project, painter: Painter, key: str = KEY) -> None:
    """The project has exactly the pixels and the history of ``painter``."""
    loaded = project.load(key, HEIGHT, WIDTH)
    np.testing.assert_array_equal(loaded.mask, painter.mask)
    np.testing.assert_array_equal(loaded.provenance, painter.provenance)
    assert loaded.edits == (*painter.done, *painter.undone[::-1])
    assert loaded.position == len(painter.done)


def png(project: Project, key: str = KEY) -> np.ndarray:
    return read_mask(project.mask_path(key))


def blank() -> np.ndarray:
    return np.full((HEIGHT, WIDTH), IGNORE, np.uint8)
