"""The classes that a network brings, as a label set. Imports no Keras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from model.data.label_sets import Color, LabelClass, LabelSet

if TYPE_CHECKING:
    from model.engine.protocol import ModelInfo


def label_set_of(info: ModelInfo) -> LabelSet:
    """The classes that a network predicts, called like its file.

    Without those behind the last one that it may answer, such as a void that was trained.
    """
    settings, size = info.settings, num_answered(info)
    names, colors = settings.class_names[:size], settings.class_colors[:size]
    return label_set_from(names, colors, title=Path(info.path).stem or "Model")


def num_answered(info: ModelInfo) -> int:
    """How many classes a label set needs for all answers: the highest of them, and one."""
    excluded = info.settings.excluded_classes
    return 1 + max((c for c in range(info.num_classes) if c not in excluded), default=0)


def label_set_from(
    names: Sequence[str], colors: Sequence[Color], *, title: str = "Model"
) -> LabelSet:
    """A label set of names and colours in order; repeated names get their number.

    Raises:
        ValueError: not as many colours as names.
        LabelSetError: no class at all, or too many.
    """
    classes = []
    for index, (name, color) in enumerate(zip(names, colors, strict=True)):
        text = f"{name} ({index})" if name in names[:index] else name
        classes.append(LabelClass(index, text, color))
    return LabelSet(title, tuple(classes))
