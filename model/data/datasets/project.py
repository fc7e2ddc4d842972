"""Layout: a project of this program; only what a person corrected or reviewed counts.

The files are read as they are on disk (see docs/architecture.md): nothing of the window's code is
needed, nothing is written, and a window may have the project open meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from model.data.datasets.codings import MaskCoding, values_in_order
from model.data.datasets.dataset import Dataset, DatasetItem, Split
from model.data.datasets.folders import list_tree, natural_key, sequence_of, stem_of
from model.data.datasets.found_classes import classes_from
from model.data.datasets.layout import Layout
from model.data.label_sets import LabelSet, label_set_from_json
from model.errors import DatasetError, LabelSetError, StorageError

_HOME = ".seggui"
_MASKS = "masks"
_DATABASE = "project.sqlite"
_VERSION = 1
_TRUSTED = ("corrected", "reviewed")


@dataclass(frozen=True)
class _Row:
    """One image of which the project knows something."""

    key: str
    mask_name: str
    status: str
    has_pixels: bool
    is_behind: bool


@dataclass(frozen=True)
class _Content:
    """What of a project concerns a dataset."""

    rows: tuple[_Row, ...]
    roles: dict[str, bool]
    label_set: LabelSet | None
    images: Path


def has_project(folder: Path) -> bool:
    """Whether the folder was opened in the window before."""
    return (folder / _HOME / _DATABASE).is_file()


def matches(folder: Path) -> bool:
    """Whether it is a project with something that a person stands for."""
    return has_project(folder) and bool(_trusted_masks(folder, _read_content(folder)))


def read(folder: Path, label_set: LabelSet | None) -> Dataset:
    """Opens the project. Images held out of fine-tuning are its validation part.

    Raises:
        DatasetError: no project, or nothing in it is corrected or reviewed.
        StorageError: the project file is damaged, or of a newer version.
    """
    if not has_project(folder):
        raise DatasetError(
            f"{folder} holds no project ({_HOME}/{_DATABASE} was expected).",
            remedy="Open the folder in the window once, or leave --layout out.",
        )
    content = _read_content(folder)
    masks = _trusted_masks(folder, content)
    items = tuple(
        _item(folder, content, key, mask)
        for key, mask in sorted(masks.items(), key=lambda pair: natural_key(pair[0]))
    )
    if not items:
        raise DatasetError(
            f"The project in {folder} has {len(content.rows)} images with something painted or "
            "predicted, but none is corrected or reviewed; at least one was expected.",
            remedy="Correct some images with the brush, or mark them as reviewed.",
        )
    classes, coding = _classes(content, label_set, items)
    return Dataset(
        folder.name or str(folder), LAYOUT.name, folder, classes, items, (coding,),
        tuple(content.images / key for key in _without_file(folder, content)),
        tuple(item.mask for item in items if not item.image.is_file()),
        notes=_notes(content, masks),
    )  # fmt: skip


def _classes(
    content: _Content, label_set: LabelSet | None, items: tuple[DatasetItem, ...]
) -> tuple[LabelSet, MaskCoding]:
    chosen = label_set or content.label_set
    if chosen is None:
        return classes_from([item.mask for item in items])
    return chosen, MaskCoding(values_in_order(chosen))


def _item(folder: Path, content: _Content, key: str, mask: Path) -> DatasetItem:
    is_held_out = content.roles.get(key)
    split: Split | None = None
    if is_held_out is not None:
        split = "validation" if is_held_out else "train"
    provenance = folder / _HOME / "provenance" / mask.relative_to(folder / _MASKS)
    return DatasetItem(
        key, content.images / key, mask, split, sequence_of(key),
        provenance=provenance if provenance.is_file() else None,
    )  # fmt: skip


def _trusted_masks(folder: Path, content: _Content) -> dict[str, Path]:
    """Key -> mask file of what a person painted or accepted, or brought from elsewhere."""
    trusted = {
        row.key: folder / _MASKS / row.mask_name
        for row in content.rows
        if row.status in _TRUSTED and (folder / _MASKS / row.mask_name).is_file()
    }
    return trusted | _foreign_masks(folder, content)


def _foreign_masks(folder: Path, content: _Content) -> dict[str, Path]:
    """Masks that lay in the folder before it was opened, of images that nobody touched yet.

    With a provenance file they are left from a project whose database was lost: guesses of the
    network may be among them.
    """
    if not (folder / _MASKS).is_dir():
        return {}
    known = {row.mask_name for row in content.rows if row.has_pixels}
    names = {
        PurePosixPath(subfolder, name).as_posix()
        for subfolder, files in list_tree(folder / _MASKS).files.items()
        for name in files
        if name.lower().endswith(".png")
    } - known
    names = {n for n in names if not (folder / _HOME / "provenance" / n).is_file()}
    if not names:
        return {}
    found: dict[str, Path] = {}
    for subfolder, files in list_tree(content.images).files.items():
        if subfolder.partition("/")[0] == _MASKS:
            continue
        for file in files:
            key = PurePosixPath(subfolder, file).as_posix()
            short = PurePosixPath(subfolder, f"{stem_of(file)}.png").as_posix()
            mask = next((name for name in (f"{key}.png", short) if name in names), None)
            if mask is not None:
                found[key] = folder / _MASKS / mask
    return found


def _without_file(folder: Path, content: _Content) -> list[str]:
    return [
        row.key
        for row in content.rows
        if row.status in _TRUSTED and not (folder / _MASKS / row.mask_name).is_file()
    ]


def _notes(content: _Content, masks: dict[str, Path]) -> tuple[str, ...]:
    notes = []
    num_left = sum(row.key not in masks and row.has_pixels for row in content.rows)
    if num_left:
        notes.append(f"Images that nobody corrected or reviewed, left out: {num_left}.")
    num_behind = sum(row.key in masks and row.is_behind for row in content.rows)
    if num_behind:
        notes.append(
            f"Mask files that are older than what was painted last: {num_behind}. Close the "
            "window, or open the folder in it once, and they are written."
        )
    return tuple(notes)


def _read_content(folder: Path) -> _Content:
    path = folder / _HOME / _DATABASE
    try:
        with _connected(path) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version != _VERSION:
                raise StorageError(
                    f"The project {path} has format {version}; format {_VERSION} was expected.",
                    remedy="Update seggui to read it.",
                )
            return _content(folder, connection)
    except sqlite3.Error as error:
        raise StorageError(
            f"The project {path} cannot be read: {error}.",
            remedy="Open the folder in the window: it repairs what can be repaired.",
        ) from error


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    """Without a journal beside it nobody has the file open, and as "immutable" nothing is written
    beside it either; else SQLite has to see the journal of the window that writes it.
    """
    uri = path.resolve().as_uri()
    has_journal = path.with_name(f"{path.name}-wal").exists()
    connection = sqlite3.connect(
        f"{uri}?mode=ro{'' if has_journal else '&immutable=1'}", uri=True, timeout=5.0
    )
    try:
        yield connection
    finally:
        connection.close()


def _content(folder: Path, connection: sqlite3.Connection) -> _Content:
    rows = connection.execute(
        "SELECT key, name, status, height IS NOT NULL, mask_seq <> head_seq FROM images"
    )
    internals = dict(connection.execute("SELECT name, value FROM internals"))
    images = json.loads(internals.get("folder", "null"))
    return _Content(
        tuple(_Row(os.fsdecode(r[0]), os.fsdecode(r[1]), r[2], bool(r[3]), bool(r[4]))
              for r in rows),
        {os.fsdecode(key): bool(role)
         for key, role in connection.execute("SELECT key, is_held_out FROM roles")},
        _stored_label_set(folder, internals.get("label_set")),
        folder if images is None else Path(images),
    )  # fmt: skip


def _stored_label_set(folder: Path, text: str | None) -> LabelSet | None:
    try:
        return None if text is None else label_set_from_json(json.loads(text))
    except (ValueError, LabelSetError) as error:
        raise StorageError(
            f"The classes of the project in {folder} cannot be used: {error}",
            remedy="Choose them again in the window, or name them with a label set.",
        ) from error


LAYOUT = Layout(
    "project",
    "Project of this program",
    f"'{_HOME}/{_DATABASE}' with images that are corrected or reviewed",
    matches,
    read,
)
