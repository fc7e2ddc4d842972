"""What a model file is known by: its content. Nothing heavy is imported, unlike in inspection."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from model.errors import ModelFileError

_BLOCK_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")


def file_sha256(path: Path) -> str:
    """The hexadecimal SHA-256 digest of a file; of a folder, over names and contents in it.

    Raises:
        ModelFileError: the file cannot be read.
    """
    try:
        digest = hashlib.sha256()
        if path.is_dir():
            for inside in sorted(path.rglob("*"), key=lambda each: each.as_posix()):
                if inside.is_file() and not inside.is_symlink():
                    digest.update(inside.relative_to(path).as_posix().encode() + b"\0")
                    _add(digest, inside)
        else:
            _add(digest, path)
        return digest.hexdigest()
    except OSError as error:
        raise unreadable_model(path, error) from error


def bytes_sha256(content: bytes) -> str:
    """The hexadecimal SHA-256 digest of what was read already."""
    return hashlib.sha256(content).hexdigest()


def is_sha256(text: str) -> bool:
    """Whether a text is a hexadecimal SHA-256 digest, in lower case as everywhere here."""
    return _DIGEST.fullmatch(text) is not None


def _add(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)


def unreadable_model(path: Path, error: OSError) -> ModelFileError:
    """The error for a model file that the system does not let us read."""
    return ModelFileError(
        f"{path} could not be read: {error.strerror or error}.",
        remedy="Check that the file exists and that you may read it.",
    )
