"""What a model file is known by: its content. Nothing heavy is imported, unlike in inspection."""

from __future__ import annotations

import hashlib
from pathlib import Path

from model.errors import ModelFileError

_BLOCK_BYTES = 1 << 20


def file_sha256(path: Path) -> str:
    """The hexadecimal SHA-256 digest of a file.

    Raises:
        ModelFileError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
            return digest.hexdigest()
    except OSError as error:
        raise unreadable_model(path, error) from error


def unreadable_model(path: Path, error: OSError) -> ModelFileError:
    """The error for a model file that the system does not let us read."""
    return ModelFileError(
        f"{path} could not be read: {error.strerror or error}.",
        remedy="Check that the file exists and that you may read it.",
    )
