"""Working out classes from the masks themselves, where nothing names them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model.data.datasets.codings import (
    UNKNOWN,
    MaskCoding,
    color_codes,
    color_name,
    color_of,
    colors_of_classes,
    read_stored,
    values_in_order,
)
from model.data.label_sets import (
    IGNORE,
    Color,
    LabelClass,
    LabelSet,
    builtin_label_sets,
    generic_label_set,
    suggest_label_set,
)
from model.data.masks import ignore_color
from model.errors import DatasetError, MaskError

MOST_MASKS = 1000
"""So many masks are looked at, evenly spread; what only others hold is reported as unknown."""

MOST_CLASSES = 64
"""More different values or colours than this are no classes: the masks were scaled or blurred."""

_FEW_MASKS = 20
_BINARY = {0, 255}


@dataclass(frozen=True)
class FoundPixels:
    """What some masks hold.

    Attributes:
        values: the numbers in index masks, and in colour masks that are all gray.
        colors: the colours in colour masks.
        num_read: masks that could be read.
    """

    values: frozenset[int]
    colors: frozenset[Color]
    num_read: int

    @property
    def colors_are_gray(self) -> bool:
        """Whether there are colour masks and none of them has a colour."""
        return bool(self.colors) and all(r == g == b for r, g, b in self.colors)


def look_at(masks: Sequence[Path], most: int = MOST_MASKS) -> FoundPixels:
    """Collects the values and colours of at most ``most`` masks. Unreadable ones are passed over:
    the survey names them.

    Raises:
        DatasetError: none can be read.
    """
    values: set[int] = set()
    colors: set[Color] = set()
    num_read = 0
    problem: MaskError | None = None
    for path in masks[:: max(1, math.ceil(len(masks) / most))]:
        try:
            stored = read_stored(path)
        except MaskError as error:
            problem = problem or error
            continue
        num_read += 1
        if stored.ndim == 2:
            values.update(map(int, np.flatnonzero(np.bincount(stored.reshape(-1)))))
        elif len(colors) <= MOST_CLASSES:
            colors.update(color_of(int(code)) for code in np.unique(color_codes(stored)))
    if num_read == 0 and problem is not None:
        raise DatasetError(
            f"None of the masks that were tried can be read, the first because: {problem.message}",
            remedy=problem.remedy,
        )
    return FoundPixels(frozenset(values), frozenset(colors), num_read)


def coding_for(label_set: LabelSet, masks: Sequence[Path]) -> MaskCoding:
    """What masks mean whose classes are given.

    Value i is class i and 255 is ignore, but in masks of two classes that hold nothing but 0 and
    255, where 255 is class 1. Colours are those of the classes.

    Raises:
        DatasetError: no mask can be read.
        MaskError: the masks are colours, and two classes share one.
    """
    # one mask with a foreground among many without decides what 255 means
    found = look_at(masks, MOST_MASKS if len(label_set) == 2 else _FEW_MASKS)
    own = {each.color for each in label_set.classes}
    holds_values = found.colors_are_gray and not found.colors <= own | {ignore_color(label_set)}
    needs_colors = bool(found.colors) and not holds_values
    colors: tuple[tuple[Color, int], ...] = ()
    if needs_colors or len(own) == len(label_set):
        colors = colors_of_classes(label_set)
    coding = MaskCoding(values_in_order(label_set), colors, holds_values)
    return as_black_and_white(coding, found) if len(label_set) == 2 else coding


def as_black_and_white(coding: MaskCoding, found: FoundPixels) -> MaskCoding:
    """A coding of two classes in which 255 is the second one, if masks hold only 0 and 255."""
    values = set(found.values)
    if coding.rgb_holds_values:
        values |= {red for red, _, _ in found.colors}
    if values != _BINARY:
        return coding
    return replace(coding, values=(*coding.values[:IGNORE], 1))


def classes_from(masks: Sequence[Path]) -> tuple[LabelSet, MaskCoding]:
    """Makes a label set out of the values or colours that the masks hold.

    - Colours that all belong to one label set of the program are that set.
    - Only 0 and 255: background and foreground.
    - Numbers that lie close together keep their place, and 255 is ignore.
    - Scattered numbers (0, 128, 255) and other colours become classes in order.

    Raises:
        DatasetError: no mask can be read, or there are too many different values.
    """
    found = look_at(masks)
    if found.colors and not found.colors_are_gray:
        if found.values:
            raise DatasetError(
                f"Some masks hold numbers ({_few(sorted(found.values))}) and others colours "
                f"({_few(map(color_name, sorted(found.colors)))}); one kind was expected.",
                remedy="Name the classes and their colours with a label set.",
            )
        return _from_colors(found.colors)
    values = found.values | {red for red, _, _ in found.colors}
    return _from_values(values, rgb_holds_values=found.colors_are_gray)


def _from_colors(colors: frozenset[Color]) -> tuple[LabelSet, MaskCoding]:
    known = [
        each
        for each in builtin_label_sets()
        if colors <= {c.color for c in each.classes} | {ignore_color(each)}
    ]
    if len(known) == 1:
        return known[0], MaskCoding((), colors_of_classes(known[0]))
    _refuse_too_many(len(colors), "colours")
    ordered = sorted(colors)
    classes = (LabelClass(i, f"color {color_name(c)}", c) for i, c in enumerate(ordered))
    label_set = LabelSet("Colours found", tuple(classes))
    return label_set, MaskCoding((), tuple((c, i) for i, c in enumerate(ordered)))


def _from_values(values: frozenset[int], *, rgb_holds_values: bool) -> tuple[LabelSet, MaskCoding]:
    table = [UNKNOWN] * 256
    table[IGNORE] = IGNORE
    numbers = sorted(values - {IGNORE})
    if values == _BINARY:
        label_set = suggest_label_set(2)
        table[0], table[255] = 0, 1
    elif not numbers:
        raise DatasetError(
            f"All masks hold nothing but {IGNORE}, which means ignore; class numbers from 0 on "
            "were expected.",
            remedy="Check that these are the masks.",
        )
    elif numbers[-1] < 2 * len(numbers):
        label_set = generic_label_set(numbers[-1] + 1, "Values found")
        table[: len(label_set)] = range(len(label_set))
    else:
        ordered = sorted(values)
        _refuse_too_many(len(ordered), "values")
        label_set = generic_label_set(len(ordered), "Values found")
        classes = tuple(
            LabelClass(i, f"value {value}", label_set.classes[i].color)
            for i, value in enumerate(ordered)
        )
        label_set = LabelSet(label_set.name, classes)
        for i, value in enumerate(ordered):
            table[value] = i
    _refuse_too_many(len(label_set), "values")
    return label_set, MaskCoding(tuple(table), (), rgb_holds_values)


def _refuse_too_many(number: int, what: str) -> None:
    if number > MOST_CLASSES:
        raise DatasetError(
            f"The masks hold {number} or more different {what}; at most {MOST_CLASSES} can be "
            "classes that nobody named. Masks that were resized smoothly or saved as JPEG look "
            "like this, and so do photographs.",
            remedy="Use the original masks, or name the classes with a label set.",
        )


def _few(things: Iterable[object]) -> str:
    names = [str(each) for each in things]
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
