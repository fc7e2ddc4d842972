"""Label sets: the classes of a project, whose index, name and colour never change by image."""

from __future__ import annotations

import colorsys
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model.data.atomic import write_atomic
from model.data.resources import resource_path
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


_FORMAT = "seggui-label-set"
_VERSION = 1

_FIRST_COLORS: tuple[Color, ...] = (
    # Okabe and Ito's set (2008), made for all common kinds of colour blindness, then the five
    # that a search found farthest from these, from each other, and from the black of ignore.
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
    (204, 121, 167), (125, 0, 225), (125, 50, 25), (200, 250, 200), (0, 25, 125), (75, 50, 75),
)  # fmt: skip


def label_set_to_json(label_set: LabelSet) -> dict[str, Any]:
    """A label set as plain data that ``json.dumps`` takes and `label_set_from_json` reads."""
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "name": label_set.name,
        "classes": [
            {"index": c.index, "name": c.name, "color": list(c.color)} for c in label_set.classes
        ],
    }


def label_set_from_json(data: object) -> LabelSet:
    """Builds a label set from what a JSON file holds, checking every field.

    Raises:
        LabelSetError: names the first field that is missing, of the wrong type or out of range.
    """
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise _bad_field("format", data.get("format") if isinstance(data, dict) else data, _FORMAT)
    if data.get("version") != _VERSION:
        raise LabelSetError(
            f"This label set has version {data.get('version')!r}; version {_VERSION} was expected.",
            remedy="Update the program, or save the label set with this version.",
        )
    name, classes = data.get("name"), data.get("classes")
    if not isinstance(name, str):
        raise _bad_field("name", name, "a text")
    if not isinstance(classes, list):
        raise _bad_field("classes", classes, "a list")
    return LabelSet(name, tuple(_class_from_json(c, i) for i, c in enumerate(classes)))


def _class_from_json(data: object, position: int) -> LabelClass:
    where = f"classes[{position}]"
    if not isinstance(data, dict):
        raise _bad_field(where, data, "an object with index, name and color")
    index, name, color = data.get("index"), data.get("name"), data.get("color")
    if type(index) is not int or index != position:
        raise _bad_field(f"{where}.index", index, f"{position}, its place in the list")
    if not isinstance(name, str) or not name.strip():
        raise _bad_field(f"{where}.name", name, "a text that is not empty")
    if not isinstance(color, list) or len(color) != 3 or not all(map(_is_channel, color)):
        raise _bad_field(f"{where}.color", color, "[red, green, blue], each 0 to 255")
    return LabelClass(index, name, (color[0], color[1], color[2]))


def _is_channel(value: object) -> bool:
    return type(value) is int and 0 <= value <= 255


def _bad_field(field: str, received: object, expected: str) -> LabelSetError:
    return LabelSetError(
        f"The label set is not valid: {field} is {received!r:.80}; {expected} was expected.",
        remedy="Correct the file with a text editor, or choose another label set.",
    )


def load_label_set(path: Path) -> LabelSet:
    """Reads a label set from a JSON file.

    Raises:
        LabelSetError: missing, not JSON, or not a valid label set; names the file.
    """
    try:
        return label_set_from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise LabelSetError(
            f"The label set {path} cannot be read: {error.strerror or error}.",
            remedy="Check that the file exists and may be read.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise LabelSetError(
            f"The label set {path} is not JSON text: {error}.",
            remedy="Choose another file, or correct this one with a text editor.",
        ) from error
    except LabelSetError as error:
        raise LabelSetError(f"{path}: {error.message}", remedy=error.remedy) from error


def save_label_set(path: Path, label_set: LabelSet) -> None:
    """Writes a label set as JSON; the old file survives every failure.

    Raises:
        StorageError: disk full or no permission.
    """
    text = json.dumps(label_set_to_json(label_set), ensure_ascii=False, indent=2)
    write_atomic(path, (text + "\n").encode())


def builtin_label_sets() -> tuple[LabelSet, ...]:
    """The label sets that ship with the program, by file name: CamVid 11, Cityscapes 19, VOC 21."""
    return tuple(load_label_set(p) for p in sorted(resource_path("label_sets").glob("*.json")))


def generic_label_set(num_classes: int, name: str = "Classes") -> LabelSet:
    """Classes named by number, with colours that stay apart for colour-blind people up to twelve.

    Raises:
        LabelSetError: ``num_classes`` is not 1 to 255.
    """
    return LabelSet(
        name,
        tuple(LabelClass(i, f"class {i}", _distinct_color(i)) for i in range(num_classes)),
    )


def suggest_label_set(num_classes: int) -> LabelSet:
    """The label set that a network with so many outputs most likely means; the user may change it.

    Raises:
        LabelSetError: ``num_classes`` is not 1 to 255.
    """
    if num_classes == 2:
        return LabelSet(
            "Background and foreground",
            (LabelClass(0, "background", (0, 0, 0)), LabelClass(1, "foreground", (230, 159, 0))),
        )
    known = {len(s): s for s in builtin_label_sets()}
    if num_classes == 12 and 11 in known:  # SegNet's twelfth output is the void of CamVid
        return replace(with_class_added(known[11], "Void", (0, 0, 0)), name="CamVid 11 and Void")
    return known.get(num_classes) or generic_label_set(num_classes)


def renamed(label_set: LabelSet, index: int, name: str) -> LabelSet:
    """A copy in which class ``index`` has another name.

    Raises:
        LabelSetError: the name is empty or taken, or there is no such class.
    """
    return _with_class(label_set, replace(_class_at(label_set, index), name=name.strip()))


def recolored(label_set: LabelSet, index: int, color: Color) -> LabelSet:
    """A copy in which class ``index`` has another colour.

    Raises:
        LabelSetError: the colour is out of range, or there is no such class.
    """
    return _with_class(label_set, replace(_class_at(label_set, index), color=_checked(color)))


def with_class_added(label_set: LabelSet, name: str, color: Color | None = None) -> LabelSet:
    """A copy with one more class at the end; the others keep their index.

    Args:
        label_set: the set to extend.
        name: of the new class.
        color: None takes the first distinct colour that is still free.

    Raises:
        LabelSetError: the name is empty or taken, the colour out of range, or the set full.
    """
    taken = {c.color for c in label_set.classes}
    free = (c for c in map(_distinct_color, range(MAX_CLASSES + 1)) if c not in taken)
    chosen = next(free, _FIRST_COLORS[0]) if color is None else _checked(color)
    new = LabelClass(len(label_set), name.strip(), chosen)
    return replace(label_set, classes=(*label_set.classes, new))


def _class_at(label_set: LabelSet, index: int) -> LabelClass:
    if not 0 <= index < len(label_set):
        raise LabelSetError(
            f"{label_set.name!r} has no class {index}; 0 to {len(label_set) - 1} exist."
        )
    return label_set.classes[index]


def _with_class(label_set: LabelSet, new: LabelClass) -> LabelSet:
    classes = tuple(new if c.index == new.index else c for c in label_set.classes)
    return replace(label_set, classes=classes)


def _checked(color: Color) -> Color:
    if len(color) != 3 or not all(map(_is_channel, color)):
        raise LabelSetError(f"{color!r} is no colour; three whole numbers 0 to 255 were expected.")
    return color


def _distinct_color(index: int) -> Color:
    if index < len(_FIRST_COLORS):
        return _FIRST_COLORS[index]
    # The golden angle keeps neighbouring numbers apart; the three shades change at every step.
    hue = index * 0.618034 % 1.0
    red, green, blue = colorsys.hsv_to_rgb(
        hue, (0.55, 0.8, 1.0)[index % 3], (0.95, 0.7, 0.5)[index // 3 % 3]
    )
    return round(red * 255), round(green * 255), round(blue * 255)
