"""Looking through the folders of a dataset: names only, nothing is opened."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from model.data.datasets.dataset import SPLITS, Split
from model.data.images import is_image_name
from model.errors import DatasetError

SPLIT_NAMES: Mapping[str, Split] = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
"""How folders and lists call the parts of a dataset, in lower case."""

PROJECT_FILE = Path(".seggui", "project.sqlite")
PROJECT_MASKS = "masks"
_DEEPEST = 6
_DIGITS = re.compile(r"[0-9]+")
_TRAILING_NUMBER = re.compile(r"[0-9]+$")


@dataclass(frozen=True)
class ImageTree:
    """The image files below a folder.

    Attributes:
        root: the folder.
        files: subfolder relative to ``root`` (``""`` is itself, parts joined by "/") -> names of
            its image files in natural order; folders without any are there as well.
    """

    root: Path
    files: Mapping[str, tuple[str, ...]]

    def path(self, subfolder: str, name: str) -> Path:
        """The path of one file."""
        return self.root / subfolder / name


def natural_key(name: str) -> tuple[str, str]:
    """For sorting names as people count: ``frame2`` before ``frame10``, case aside."""
    return _DIGITS.sub(_countable, name.casefold()), name


def _countable(digits: re.Match[str]) -> str:
    number = digits.group().lstrip("0")
    return f"0{chr(len(number))}{number}"  # its length first


def require_folder(folder: Path) -> None:
    """Refuses what is no folder.

    Raises:
        DatasetError: says what is there instead.
    """
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise DatasetError(
            f"{folder} {found}; a folder with images and masks was expected.",
            remedy="Check the path.",
        )


def list_tree(root: Path) -> ImageTree:
    """Lists the image files below a folder; hidden folders are passed over.

    So are the masks of projects in its subfolders: what a network said there is no truth, and its
    files are named like the images. Those of a project in ``root`` itself are listed.

    Raises:
        DatasetError: a folder may not be read.
    """
    files: dict[str, tuple[str, ...]] = {}
    seen: set[tuple[int, int]] = set()
    pending = [""]
    while pending:
        subfolder = pending.pop()
        path = root / subfolder
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen:  # links that lead round in a circle
                continue
            seen.add((status.st_dev, status.st_ino))
            folders, names = _listing(path)
        except OSError as error:
            raise DatasetError(
                f"The folder {path} cannot be read: {error.strerror or error}.",
                remedy="Allow your user to read it, then try again.",
            ) from error
        if subfolder and _is_project(path):
            folders = [name for name in folders if name != PROJECT_MASKS]
        files[subfolder] = tuple(sorted(names, key=natural_key))
        if subfolder.count("/") < _DEEPEST:
            pending.extend(f"{subfolder}/{name}".lstrip("/") for name in folders)
    return ImageTree(root, dict(sorted(files.items(), key=lambda pair: natural_key(pair[0]))))


def list_images(root: Path) -> ImageTree:
    """As `list_tree`, also without the masks of a project in ``root`` itself.

    Raises:
        DatasetError: a folder may not be read.
    """
    tree = list_tree(root)
    if not _is_project(root):
        return tree
    files = {k: v for k, v in tree.files.items() if k.partition("/")[0] != PROJECT_MASKS}
    return ImageTree(root, files)


def _is_project(folder: Path) -> bool:
    return (folder / PROJECT_FILE).is_file()


def _listing(path: Path) -> tuple[list[str], list[str]]:
    folders, names = [], []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.append(entry.name)
            elif is_image_name(entry.name):
                names.append(entry.name)
    return sorted(folders, reverse=True), names


def stem_of(name: str) -> str:
    """A file's name without its ending."""
    return os.path.splitext(name)[0]


def sequence_of(key: str) -> str:
    """Folder and name without the running number: what frames of one video have in common."""
    path = PurePosixPath(key)
    without = _TRAILING_NUMBER.sub("", path.stem)
    if without == path.stem:  # the number stands inside, as in aachen_000000_000019_leftImg8bit
        without = _DIGITS.sub("#", path.stem)
    return f"{path.parent.as_posix()}/{without.casefold()}".removeprefix("./")


def listed_splits(folders: Iterable[Path]) -> dict[str, Split]:
    """Reads which images belong to which part from ``train.txt``, ``camvid_val.txt`` and the like.

    Each line begins with a name or path of an image, with or without its ending.

    Returns:
        Stem of the image -> part. A stem in several lists belongs to the last of train,
        validation, test that names it, so that nothing tested is trained on.
    """
    found: dict[Split, set[str]] = defaultdict(set)
    for folder in folders:
        for path in sorted(folder.glob("*.txt")) if folder.is_dir() else ():
            split = SPLIT_NAMES.get(path.stem.casefold().rpartition("_")[2])
            if split is not None:
                text = path.read_text(encoding="utf-8", errors="replace")
                lines = (line.split() for line in text.splitlines())
                found[split] |= {_listed_stem(words[0]) for words in lines if words}
    return {stem: split for split in SPLITS for stem in found[split]}


def _listed_stem(word: str) -> str:
    name = word.replace("\\", "/").rpartition("/")[2]
    return stem_of(name) if is_image_name(name) else name
