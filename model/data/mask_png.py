"""Reads the masks that this program wrote, in bands. Anything else is left to Pillow.

Pillow makes room for a whole mask under Python's lock, 10 ms for 8192 x 4096 in which no brush
moves; zlib and numpy let go of it. The writer is `model.data.masks.encode_mask`: 8 bits, one
channel, every row as its difference to the row above.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from model.data.image_files import MAX_PIXELS, PNG_SIGNATURE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UP = 2
_BAND_BYTES = 2**20
_GRAY, _PALETTE = 0, 3


def read_plain_mask(data: bytes) -> NDArray[np.uint8] | None:
    """Decodes a mask as `encode_mask` makes it.

    Args:
        data: the whole file.

    Returns:
        (H, W) uint8, a new array; None when the file is of any other make, or damaged.
    """
    found = _header_and_pixels(data)
    if found is None:
        return None
    width, height, packed = found
    mask = np.empty((height, width), np.uint8)
    top, above = 0, np.zeros(width, np.uint8)
    try:
        for rows in _bands(packed, width + 1, height):
            if (rows[:, 0] != _UP).any():
                return None
            for row in rows[:, 1:]:  # np.add.accumulate along the columns takes ten times as long
                np.add(row, above, out=mask[top])
                above = mask[top]
                top += 1
    except zlib.error:
        return None
    return mask if top == height else None


def _header_and_pixels(data: bytes) -> tuple[int, int, list[bytes]] | None:
    """Width, height and the compressed rows, or None where the file has anything more in it."""
    packed: list[bytes] = []
    header: tuple[int, ...] = ()
    for kind, content in _chunks(data):
        if kind == b"IHDR" and len(content) == 13:
            header = struct.unpack(">IIBBBBB", content)
        elif kind == b"IDAT" and header:
            packed.append(content)
        elif kind == b"IEND" and packed:
            width, height = header[:2]
            is_plain = header[2:] in ((8, _GRAY, 0, 0, 0), (8, _PALETTE, 0, 0, 0))
            is_sane = 0 < width * height <= MAX_PIXELS
            return (width, height, packed) if is_plain and is_sane else None
        elif kind != b"PLTE":
            return None
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG with their kinds, as far as their checksums are right."""
    position = len(PNG_SIGNATURE) if data.startswith(PNG_SIGNATURE) else len(data)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            return
        content = data[position + 8 : end]
        if zlib.crc32(content, zlib.crc32(kind)) != struct.unpack_from(">I", data, end)[0]:
            return
        yield kind, content
        position = end + 4


def _bands(packed: list[bytes], row_bytes: int, height: int) -> Iterator[NDArray[np.uint8]]:
    """(rows, row_bytes) uint8 arrays, together ``height`` rows or fewer."""
    unpacker = zlib.decompressobj()
    band_bytes = row_bytes * max(1, _BAND_BYTES // row_bytes)
    left = row_bytes * height
    rest = b""
    for part in packed:
        waiting = part
        while waiting and left > 0:
            made = unpacker.decompress(waiting, min(band_bytes, left))
            waiting = unpacker.unconsumed_tail
            left -= len(made)
            rest += made
            num_whole = len(rest) // row_bytes
            if num_whole:
                whole, rest = rest[: num_whole * row_bytes], rest[num_whole * row_bytes :]
                yield np.frombuffer(whole, np.uint8).reshape(num_whole, row_bytes)
            if not made:
                break
