"""What the storage tests share: a folder of images, edits, and looks at the disk."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
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

    def paint(self, rect: Rect, value: int | np.ndarray, text: str = "Brush") -> MaskEdit:
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

    @property
    def promise(self) -> tuple[int, int, int, int]:
        """Names this state: steps to undo, steps to redo, checksums of the pixels."""
        pixels = zlib.crc32(self.mask), zlib.crc32(self.provenance)
        return len(self.done), len(self.undone), *pixels

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


def random_work(painter: Painter, seed: int, project: Project | None) -> Iterator[tuple[int, ...]]:
    """Paints, undoes, redoes and flushes for ever; yields the promise after every step.

    The same seed gives the same steps with and without a project: one process can know what
    another one did until it was killed.
    """
    generator = random.Random(seed)
    yield painter.promise
    while True:
        choice = generator.random()
        if choice < 0.15:
            if painter.done:
                painter.undo()
                if project is not None:
                    project.undo(KEY)
        elif choice < 0.3:
            if painter.undone:
                painter.redo()
                if project is not None:
                    project.redo(KEY)
        elif choice < 0.5:
            if project is not None:
                project.flush(KEY, painter.mask, painter.provenance)
        else:
            top, left = generator.randrange(HEIGHT), generator.randrange(WIDTH)
            rect = Rect(top, left, min(HEIGHT, top + 6), min(WIDTH, left + 6))
            edit = painter.paint(rect, (int(painter.mask[top, left]) + 1) % 200)
            dropped = int(len(painter.done) > 12)
            del painter.done[:dropped]
            if project is not None:
                project.append(KEY, edit, num_dropped=dropped)
        yield painter.promise
