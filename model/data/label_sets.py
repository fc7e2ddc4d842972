"""Label sets: the classes of a project, with the index, name and colour that never change by image."""

from __future__ import annotations

from dataclasses import dataclass

from model.errors import LabelSetError

IGNORE = 255
"""Mask value of a pixel that belongs to no class: unlabelled, void or don't care."""

MAX_CLASSES = 255

Color = tuple[int, int, int]
"""(red, green, blue), each 0..255."""


@dataclass(frozen=True)
class LabelClass:
    """One class of a label set.

    Attributes:
        index: the pixel value in masks, 0..254.
        name: what the user calls it; not empty.
        color: (red, green, blue), each 0..255.
    """

    index: int
    name: str
    color: Color


@dataclass(frozen=True)
class LabelSet:
    """The classes of a project. Class ``i`` stands at position ``i``.

    Attributes:
        name: of the set as a whole, e.g. ``"CamVid 11"``.
        classes: at least one class, indices 0, 1, 2, ... without gaps, names unique.
    """

    name: str
    classes: tuple[LabelClass, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.classes) <= MAX_CLASSES:
            raise LabelSetError(
                f"The label set {self.name!r} has {len(self.classes)} classes; "
                f"1 to {MAX_CLASSES} are possible."
            )
        if [c.index for c in self.classes] != list(range(len(self.classes))):
            raise LabelSetError(f"The classes of {self.name!r} are not numbered 0, 1, 2, ...")
        names = [c.name for c in self.classes]
        doubles = sorted({n for n in names if names.count(n) > 1})
        if doubles or not all(names):
            raise LabelSetError(
                f"Class names of {self.name!r} must be unique and not empty; repeated: {doubles}."
            )

    def __len__(self) -> int:
        return len(self.classes)
