"""What a model looks like in a folder, as far as the window has to know. Nothing is imported."""

from __future__ import annotations

from pathlib import Path

SAVED_MODEL_FILES = ("saved_model.pb", "keras_metadata.pb")
"""Files that lie in every SavedModel folder of Keras 2; only the first in others."""


def holds_saved_model(folder: Path) -> bool:
    """Whether a folder is a SavedModel."""
    return (folder / SAVED_MODEL_FILES[0]).is_file()


def begins_like_a_model(path: Path) -> bool:
    """Whether a file of any name begins as HDF5 and zip archives do: checkpoints end in anything.

    A file that cannot be read does not; whoever opens it says why.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError:
        return False
    return start.startswith((b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"))


def model_of(path: Path) -> Path:
    """The model that a chosen path means: the folder, for a file that is a part of one."""
    return path.parent if path.name in SAVED_MODEL_FILES and path.is_file() else path
