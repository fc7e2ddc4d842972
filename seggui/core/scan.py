"""Finds the images of a folder: names only, nothing is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model.data.images import is_image_name
from model.errors import StorageError

MASKS_FOLDER = "masks"
PROJECT_FOLDER = ".seggui"

_DIGITS = re.compile(r"[0-9]+")


def natural_key(name: str) -> tuple[str, str]:
    """For sorting names as people count: ``frame2`` before ``frame10``, case aside.

    Names that differ only in case or leading zeros keep one fixed order.
    """
    return _DIGITS.sub(_countable, name.casefold()), name


def _countable(digits: re.Match[str]) -> str:
    """A number as text that sorts by its size: its length first. Texts sort faster than lists."""
    number = digits.group().lstrip("0")
    return f"0{chr(len(number))}{number}"


def scan_images(folder: Path) -> tuple[str, ...]:
    """Lists the images of a folder and its subfolders.

    Left out are hidden folders, masks (``masks/`` of the folder itself and of every project inside
    it), and folders reached a second time over a symbolic link.

    Returns:
        Paths relative to ``folder`` with "/" between the parts, in natural order: the images of a
        folder first, then its subfolders.

    Raises:
        StorageError: ``folder`` is missing, is no folder or may not be read. Unreadable
            subfolders are passed over.
    """
    keys: list[str] = []
    seen: set[tuple[int, int]] = set()
    links: list[_Folder] = []
    pending = [_Folder(os.fspath(folder), "")]
    while pending or links:
        # Links wait until all real folders are known, so that an image is named by its real place.
        current = pending.pop() if pending else links.pop(0)
        listing = _list(current, seen)
        if listing is None:
            continue
        keys.extend(current.prefix + name for name in listing.images)
        pending.extend(reversed(listing.folders))
        links.extend(listing.links)
    return tuple(keys)


@dataclass(frozen=True)
class _Folder:
    path: str
    prefix: str


@dataclass(frozen=True)
class _Listing:
    images: list[str]
    folders: list[_Folder]
    links: list[_Folder]


def _list(folder: _Folder, seen: set[tuple[int, int]]) -> _Listing | None:
    """None when the folder was listed before, or is a subfolder that cannot be read."""
    try:
        status = os.stat(folder.path)
        if (status.st_dev, status.st_ino) in seen:
            return None
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder.path) as entries:
            return _sorted_listing(folder, entries)
    except OSError as error:
        if folder.prefix:
            return None
        reason = error.strerror or str(error)
        raise StorageError(
            f"The folder {folder.path} cannot be read: {reason}.",
            remedy="Check that it exists and that your user may read it, then open it again.",
        ) from error


def _sorted_listing(folder: _Folder, entries: Iterator[os.DirEntry[str]]) -> _Listing:
    images: list[str] = []
    real: set[str] = set()
    linked: set[str] = set()
    is_project = not folder.prefix
    for entry in entries:
        if is_image_name(entry.name) and entry.is_file():
            images.append(entry.name)
        elif entry.name == PROJECT_FOLDER:
            is_project = True
        elif not entry.name.startswith(".") and entry.is_dir():
            (linked if entry.is_symlink() else real).add(entry.name)
    if is_project:
        masks = {name for name in real | linked if os.path.normcase(name) == MASKS_FOLDER}
        real -= masks
        linked -= masks
    images.sort(key=natural_key)
    return _Listing(images, _subfolders(folder, real), _subfolders(folder, linked))


def _subfolders(folder: _Folder, names: set[str]) -> list[_Folder]:
    return [
        _Folder(os.path.join(folder.path, name), f"{folder.prefix}{name}/")
        for name in sorted(names, key=natural_key)
    ]
