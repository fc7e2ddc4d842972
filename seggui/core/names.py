"""Which mask file belongs to which image."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from model.errors import StorageError


def mask_names(keys: Iterable[str]) -> dict[str, str]:
    """Names the mask of each image.

    ``sub/a.jpg`` has ``sub/a.png``. Images of one folder that share a stem (``a.jpg`` and
    ``A.bmp``: upper and lower case are one on many disks) have ``a.jpg.png`` and ``A.bmp.png``.

    Returns:
        Key -> path relative to ``masks/``, with "/" between the parts.
    """
    names = {key: _short(key) for key in keys}
    while True:
        groups: dict[str, list[str]] = defaultdict(list)
        for key, name in names.items():
            groups[_folded(name)].append(key)
        clashing = [
            key for group in groups.values() if len(group) > 1 for key in group
            if names[key] != _long(key)
        ]  # fmt: skip
        if not clashing:
            return names
        # A long name can meet another's short one (a.jpg, a.bmp and a.jpg.png), hence the loop.
        names.update((key, _long(key)) for key in clashing)


def check_key(key: str) -> None:
    """Refuses keys that would lead out of the project.

    Raises:
        StorageError: empty, absolute or with ``..``.
    """
    parts = PurePosixPath(key).parts
    if not parts or key.startswith("/") or ".." in parts or "\0" in key:
        raise StorageError(
            f"{key!r} names no image of a project; a path relative to the folder was expected."
        )


def _short(key: str) -> str:
    folder, slash, name = key.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return f"{folder}{slash}{stem}.png"


def _long(key: str) -> str:
    return f"{key}.png"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
