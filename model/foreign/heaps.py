"""A check of HDF5 files that must come before the library reads them. No Keras, no h5py.

WORKAROUND: HDF5 (seen with 1.14.6) walks through a global heap, where
texts of changing length lie, by the sizes that the heap states, and a piece of size 0 keeps it
there for ever, inside of C code that nothing interrupts. Found by fuzzing; recheck with each h5py.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from model.errors import ModelFileError

_SIGNATURE = b"GCOL\1\0\0\0"
_HEADER, _PIECE = 16, 16
_MAX_PIECES = 1_000_000
_WRAP = 2**64


def check_heaps(path: Path, *, file_name: str) -> None:
    """Walks through all global heaps of an HDF5 file as the library will.

    Args:
        path: of the file.
        file_name: for messages.

    Raises:
        ModelFileError: the library would not come to an end.
        OSError: the file cannot be read.
    """
    if path.stat().st_size == 0:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        left = _MAX_PIECES
        start = data.find(_SIGNATURE)
        while start >= 0:
            left = _pieces_left(data, start, left)
            if left <= 0:
                raise ModelFileError(
                    f"{file_name} is a damaged HDF5 file: a heap in it has no end.",
                    remedy="Copy or download it again, or save the network again.",
                )
            start = data.find(_SIGNATURE, start + 8)


def _pieces_left(data: mmap.mmap, start: int, left: int) -> int:
    """How many pieces may still come after the heap at a place; 0 if it has no end."""
    end = start + _number(data, start + 8, 8)
    if end > len(data):  # the library refuses it
        return left
    place = start + _HEADER
    while place + _PIECE <= end:
        index, size = _number(data, place, 2), _number(data, place + 8, 8)
        taken = size if index == 0 else (_PIECE + (size + 7) // 8 * 8) % _WRAP
        left -= 1
        if taken == 0 or left <= 0:
            return 0
        place += taken
    return left


def _number(data: mmap.mmap, place: int, size: int) -> int:
    return int.from_bytes(data[place : place + size], "little")
