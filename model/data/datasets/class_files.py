"""Files beside masks that name their classes, as other tools write them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.data.datasets.codings import UNKNOWN, VOID_NAMES, MaskCoding
from model.data.label_sets import (
    IGNORE,
    MAX_CLASSES,
    Color,
    LabelClass,
    LabelSet,
    generic_label_set,
    load_label_set,
)
from model.errors import DatasetError


@dataclass(frozen=True)
class ClassEntry:
    """One line of a table of classes.

    Attributes:
        value: the number in index masks: the place in the table.
        name: the class.
        color: its colour in colour masks, or None.
    """

    value: int
    name: str
    color: Color | None

    @property
    def is_void(self) -> bool:
        """Whether it stands for pixels of no class."""
        return self.name.casefold() in VOID_NAMES


@dataclass(frozen=True)
class ClassTable:
    """Classes as a file names them.

    Attributes:
        path: of the file.
        entries: its lines, void ones too.
    """

    path: Path
    entries: tuple[ClassEntry, ...]

    def label_set(self) -> LabelSet:
        """The classes without void, numbered without gaps.

        Raises:
            LabelSetError: a name is there twice, or there are no or too many classes.
        """
        real = [entry for entry in self.entries if not entry.is_void]
        colors = generic_label_set(min(MAX_CLASSES, max(1, len(real)))).classes
        return LabelSet(
            self.path.stem,
            tuple(
                LabelClass(i, entry.name, entry.color or colors[i % len(colors)].color)
                for i, entry in enumerate(real)
            ),
        )

    def coding(self, *, rgb_holds_values: bool) -> MaskCoding:
        """What numbers and colours mean by this table."""
        table = [UNKNOWN] * 256
        table[IGNORE] = IGNORE
        colors: dict[Color, int] = {}
        num_real = 0
        for entry in self.entries:
            index = IGNORE if entry.is_void else num_real
            num_real += not entry.is_void
            table[entry.value] = index
            if entry.color is not None and colors.setdefault(entry.color, index) != index:
                raise DatasetError(
                    f"{self.path} gives the colour {entry.color} to two classes; each class "
                    "needs its own.",
                    remedy="Correct the file.",
                )
        return MaskCoding(tuple(table), tuple(colors.items()), rgb_holds_values)


def find_class_table(folder: Path) -> ClassTable | None:
    """Reads the first file of a known name that tells the classes, or None.

    Raises:
        DatasetError: there is one, but it is not as it should be; names the line.
        LabelSetError: the same for ``label_set.json``.
    """
    for name, reader in _READERS.items():
        path = folder / name
        if path.is_file():
            entries = reader(path)
            if not 1 <= len(entries) <= MAX_CLASSES:
                raise DatasetError(
                    f"{path} names {len(entries)} classes; 1 to {MAX_CLASSES} were expected.",
                    remedy="Correct the file, or name the classes with a label set.",
                )
            return ClassTable(path, tuple(entries))
    return None


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from error
    numbered = enumerate(text.splitlines(), 1)
    return [(number, line.strip()) for number, line in numbered if line.strip()]


def _read_label_set(path: Path) -> list[ClassEntry]:
    return [ClassEntry(c.index, c.name, c.color) for c in load_label_set(path).classes]


def read_label_colors(path: Path) -> list[ClassEntry]:
    """``label_colors.txt`` of CamVid: red, green, blue and the name, separated by blanks.

    Raises:
        DatasetError: names the first line that is different.
    """
    entries: list[ClassEntry] = []
    for number, line in _lines(path):
        words = line.split(maxsplit=3)
        color = _color(words[:3])
        if line.startswith("#"):
            continue
        if len(words) != 4 or color is None:
            raise _bad_line(path, number, line, "red green blue and a name")
        entries.append(ClassEntry(len(entries), words[3].strip(), color))
    return entries


def _read_label_map(path: Path) -> list[ClassEntry]:
    entries: list[ClassEntry] = []
    for number, line in _lines(path):
        if line.startswith("#"):
            continue
        parts = line.split(":")
        color = _color(parts[1].split(",")) if len(parts) > 1 else None
        if color is None:
            raise _bad_line(path, number, line, "name:red,green,blue::")
        entries.append(ClassEntry(len(entries), parts[0].strip(), color))
    return entries


def _read_class_dict(path: Path) -> list[ClassEntry]:
    entries: list[ClassEntry] = []
    for number, line in _lines(path):
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        color = _color(cells[1:4])
        if color is None and number == 1:
            continue  # the heading
        if color is None:
            raise _bad_line(path, number, line, "name,red,green,blue")
        entries.append(ClassEntry(len(entries), cells[0], color))
    return entries


def _read_names(path: Path) -> list[ClassEntry]:
    names = [line for _, line in _lines(path) if line != "__ignore__"]  # labelme's value -1
    return [ClassEntry(value, name, None) for value, name in enumerate(names)]


def _color(words: Sequence[str]) -> Color | None:
    try:
        red, green, blue = (int(word) for word in words)
    except ValueError:
        return None
    return (red, green, blue) if all(0 <= c <= 255 for c in (red, green, blue)) else None


def _bad_line(path: Path, number: int, line: str, expected: str) -> DatasetError:
    return DatasetError(
        f"Line {number} of {path} is {line!r:.80}; {expected} was expected.",
        remedy="Correct the file, or name the classes with a label set.",
    )


_READERS: dict[str, Callable[[Path], list[ClassEntry]]] = {
    "label_set.json": _read_label_set,  # as this program exports it
    "label_colors.txt": read_label_colors,  # CamVid
    "labelmap.txt": _read_label_map,  # CVAT
    "class_dict.csv": _read_class_dict,
    "codes.txt": _read_names,
    "classes.txt": _read_names,
    "class_names.txt": _read_names,
    "labels.txt": _read_names,
}
