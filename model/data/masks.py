"""The one reader and writer of masks: 8-bit PNG, class index per pixel, 255 = ignore."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.data.atomic import write_atomic
from model.data.image_files import PNG_SIGNATURE, array_of, opened_bytes, opened_image
from model.data.label_sets import IGNORE, Color, LabelSet
from model.data.mask_png import read_plain_mask
from model.errors import MaskError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_VOID_COLORS: tuple[Color, ...] = ((0, 0, 0), (224, 224, 192), (255, 255, 255))
_STRAY_COLOR: Color = (255, 0, 255)
_COUNTED_AT_ONCE = 2**20


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Reads the class indices of a mask file as they are stored; nothing is scaled or folded.

    Args:
        path: 8-bit gray or palette (the index counts, not the colour), or 1-bit (0 and 1).

    Returns:
        (H, W) uint8, a new array; 255 = ignore.

    Raises:
        MaskError: missing, damaged, or a picture that stores no indices: colour, 16-bit,
            transparency, or JPEG.
    """
    mask = _read_plain(path)
    if mask is not None:
        return mask
    with opened_image(path, error_type=MaskError) as image:
        return _indices(image, path.name)


def _read_plain(path: Path) -> NDArray[np.uint8] | None:
    """The quick way for files of this program's make; None leaves the file to Pillow."""
    try:
        with path.open("rb") as file:
            head = file.read(len(PNG_SIGNATURE))
            return read_plain_mask(head + file.read()) if head == PNG_SIGNATURE else None
    except OSError:
        return None  # the other way says what is wrong


def decode_mask(data: bytes, name: str = "in memory") -> NDArray[np.uint8]:
    """As `read_mask`, from the bytes of a file; errors call it ``name``."""
    with opened_bytes(data, name, error_type=MaskError) as image:
        return _indices(image, name)


def _indices(image: Image, name: str) -> NDArray[np.uint8]:
    if image.format == "JPEG":
        raise MaskError(
            f"The mask {name!r} is a JPEG, which changes pixel values; PNG was expected.",
            remedy="Go back to the original masks: the exact classes are lost in this file.",
        )
    if image.mode not in ("L", "P", "1"):
        raise _wrong_mode(name, image.mode)
    return array_of(image)


def _wrong_mode(name: str, mode: str) -> MaskError:
    if mode.startswith("I") or mode == "F":
        return MaskError(
            f"The mask {name!r} has 16 or more bits per pixel; "
            "8 bits with the class index were expected.",
            remedy="If it holds Cityscapes instance ids, use the labelIds file instead.",
        )
    return MaskError(
        f"The mask {name!r} holds colours ({mode}); "
        "one 8-bit channel with the class index was expected.",
        remedy="Import it as a colour PNG, with the label set that names its colours.",
    )


def ignore_color(label_set: LabelSet) -> Color:
    """The colour that stands for ignore: black as in street scenes, unless a class is black."""
    taken = {c.color for c in label_set.classes}
    grays = ((i, i, i) for i in range(1, 255))  # 254 of them: one is free with at most 255 classes
    return next(color for color in (*_VOID_COLORS, *grays) if color not in taken)


def palette(label_set: LabelSet) -> NDArray[np.uint8]:
    """(256, 3) uint8 colours by mask value; values that are no class are magenta."""
    colors = np.full((256, 3), _STRAY_COLOR, np.uint8)
    colors[: len(label_set)] = [c.color for c in label_set.classes]
    colors[IGNORE] = ignore_color(label_set)
    return colors


def encode_mask(mask: NDArray[np.uint8], label_set: LabelSet | None) -> bytes:
    """Encodes a mask as an 8-bit PNG without gamma, colour profile, text or time.

    Args:
        mask: (H, W) uint8 class indices, 255 = ignore.
        label_set: gives the palette, so that any viewer shows the colours; None writes gray.

    Raises:
        MaskError: ``mask`` is not a (H, W) uint8 array with at least one pixel.
    """
    if mask.dtype != np.uint8 or mask.ndim != 2 or mask.size == 0:
        raise MaskError(
            f"A mask of shape {mask.shape} and type {mask.dtype} cannot be stored; "
            "(height, width) of uint8 was expected."
        )
    height, width = mask.shape
    color_type = 0 if label_set is None else 3
    header = struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), _chunk(b"IDAT", _packed(mask)), _chunk(b"IEND", b"")]
    if label_set is not None:
        chunks.insert(1, _chunk(b"PLTE", palette(label_set).tobytes()))
    return b"".join((PNG_SIGNATURE, *chunks))


def _packed(mask: NDArray[np.uint8]) -> bytes:
    """Compresses the rows of a PNG, each as its difference to the row above ("up", type 2).

    Masks change little from row to row, so runs of zeros remain. Measured on CamVid masks this
    takes as long as Pillow's writer at level 3 with a palette, half as long as its writer for
    gray, and gives half the size.
    """
    rows = np.empty((mask.shape[0], mask.shape[1] + 1), np.uint8)
    rows[:, 0] = 2
    rows[0, 1:] = mask[0]
    np.subtract(mask[1:], mask[:-1], out=rows[1:, 1:])
    packer = zlib.compressobj(3, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)
    return packer.compress(rows.data) + packer.flush()


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", checksum)))


def write_mask(path: Path, mask: NDArray[np.uint8], label_set: LabelSet | None) -> None:
    """Writes a mask as `encode_mask` makes it; the old file survives every failure.

    Raises:
        MaskError: ``mask`` is no mask.
        StorageError: disk full or no permission.
    """
    write_atomic(path, encode_mask(mask, label_set))


def count_values(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each value occurs: (256,) int64.

    In bands: ``np.bincount`` makes eight bytes of each and keeps Python's lock, 30 ms for a mask of
    8192 x 4096, in which no other thread could move a brush.
    """
    flat = values.reshape(-1)
    counts = np.zeros(256, np.int64)
    for start in range(0, flat.size, _COUNTED_AT_ONCE):
        counts += np.bincount(flat[start : start + _COUNTED_AT_ONCE], minlength=256)
    return counts


def unknown_values(mask: NDArray[np.uint8], label_set: LabelSet) -> dict[int, int]:
    """Counts the pixels whose value is neither a class nor ignore.

    Returns:
        Mask value -> number of pixels, ascending; empty when all is well.
    """
    counts = count_values(mask)
    counts[: len(label_set)] = 0
    counts[IGNORE] = 0
    return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
