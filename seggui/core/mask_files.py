"""The PNGs of a project as files: read without trusting them, recognised by their content."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.data.label_sets import LabelClass, LabelSet
from model.data.masks import encode_mask, read_mask
from model.errors import MaskError, StorageError
from seggui.core.records import Provenance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


_LEFTOVER = re.compile(r"\.[a-z0-9_]{8}\.part")

_PROVENANCE_COLORS = LabelSet(
    "Provenance",
    (
        LabelClass(Provenance.UNSEEN, "Unseen", (0, 0, 0)),
        LabelClass(Provenance.PREDICTED, "Predicted", (86, 180, 233)),
        LabelClass(Provenance.CORRECTED, "Corrected", (230, 159, 0)),
        LabelClass(Provenance.ACCEPTED, "Accepted", (0, 158, 115)),
    ),
)


class FileState(Enum):
    """What stands at the place of a mask."""

    MISSING = "missing"
    READABLE = "readable"
    BROKEN = "broken"


@dataclass(frozen=True, eq=False)
class MaskFile:
    """A mask file at one moment.

    Attributes:
        state: whether it is there and can be read.
        mask: (H, W) uint8 when it is readable, else None.
        content_hash: of the mask when readable, else an empty string.
        problem: why it is broken, else an empty string.
    """

    state: FileState
    mask: Pixels | None = None
    content_hash: str = ""
    problem: str = ""

    def has_size(self, height: int, width: int) -> bool:
        """True when the file is readable and (height, width) pixels large."""
        return self.mask is not None and self.mask.shape == (height, width)


def content_hash(pixels: Pixels) -> str:
    """Names the content of a mask, whatever the file around it looks like."""
    import hashlib  # loads OpenSSL: not before there is a mask

    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def read_mask_file(path: Path) -> MaskFile:
    """Reads a mask file.

    Raises:
        StorageError: the disk does not let us read it: that says nothing about the file.
    """
    try:
        with path.open("rb") as file:
            file.read(1)
    except (FileNotFoundError, NotADirectoryError):
        return MaskFile(FileState.MISSING)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"{path} cannot be read: {reason}.", remedy="Check the disk and the permissions."
        ) from error
    try:
        mask = read_mask(path)
    except MaskError as error:
        return MaskFile(FileState.BROKEN, problem=error.message)
    return MaskFile(FileState.READABLE, mask, content_hash(mask))


def encode_provenance(provenance: Pixels) -> bytes:
    """A palette PNG of ``Provenance`` values, so that any viewer tells them apart."""
    return encode_mask(provenance, _PROVENANCE_COLORS)


def read_provenance(path: Path, height: int, width: int) -> Pixels | None:
    """(height, width) uint8 ``Provenance`` values; None when the file is missing.

    Raises:
        MaskError: damaged, of another size, or with other values.
        StorageError: the disk does not let us read it.
    """
    file = read_mask_file(path)
    if file.state is FileState.MISSING:
        return None
    if file.mask is None:
        raise MaskError(file.problem)
    if not file.has_size(height, width):
        raise MaskError(f"{path} has {file.mask.shape} pixels instead of {(height, width)}.")
    if file.mask.max() > max(Provenance):
        raise MaskError(f"{path} holds values that are no provenance.")
    return file.mask


def list_files(folder: Path) -> frozenset[str]:
    """All PNGs below ``folder``, relative with "/"; empty when there is no such folder."""
    return frozenset(name for name in _walk(folder) if name.lower().endswith(".png"))


def remove_leftovers(folder: Path) -> None:
    """Removes what a process that was killed while writing left behind."""
    for name in _walk(folder):
        if _LEFTOVER.fullmatch(name.rpartition("/")[2]):
            (folder / name).unlink(missing_ok=True)


def _walk(folder: Path) -> list[str]:
    found: list[str] = []
    pending = [(os.fspath(folder), "")]
    while pending:
        path, prefix = pending.pop()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append((entry.path, f"{prefix}{entry.name}/"))
                    else:
                        found.append(prefix + entry.name)
        except OSError:  # nobody wrote there, or nobody may look: for a listing the same
            continue
    return found
