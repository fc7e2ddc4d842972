"""What the database holds of one image, as Python values."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from model.data.label_sets import IGNORE
from seggui.core.records import ImageStatus, MaskEdit, Provenance, Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


UNWRITTEN = -1
"""``mask_seq`` of a mask whose PNG has to be written although nothing changed."""

_STATUSES = frozenset(status.value for status in ImageStatus)

COLUMNS = (
    "id, key, name, status, model_sha256, view, height, width, position, head_seq, mask_seq,"
    " provenance_seq, mask_hash, pending_hash"
)


@dataclass(frozen=True)
class StoredImage:
    """One row of the images table; see the comments in the schema."""

    id: int
    key: str
    name: str
    status: ImageStatus
    model_sha256: str
    view: dict[str, float] | None
    height: int | None
    width: int | None
    position: int
    head_seq: int
    mask_seq: int
    provenance_seq: int
    mask_hash: str | None
    pending_hash: str | None

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width), or None while no pixel was ever stored."""
        return None if self.height is None or self.width is None else (self.height, self.width)

    @property
    def is_dirty(self) -> bool:
        """Whether a PNG is behind the journal."""
        return self.head_seq > self.mask_seq or self.head_seq > self.provenance_seq

    def knows(self, content_hash: str) -> bool:
        """Whether a PNG of this content is ours."""
        return content_hash in (self.mask_hash, self.pending_hash)


@dataclass(frozen=True, eq=False)
class PixelState:
    """The pixels of an image: (H, W) uint8 class indices and ``Provenance`` values."""

    mask: Pixels
    provenance: Pixels


def blank_state(height: int, width: int) -> PixelState:
    """Nothing labelled, nothing seen."""
    return PixelState(
        np.full((height, width), IGNORE, np.uint8),
        np.full((height, width), Provenance.UNSEEN, np.uint8),
    )


def to_stored(key: str) -> str | bytes:
    """A key as the database holds it: names that are no Unicode cannot be text there."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return key.encode("utf-8", "surrogateescape")
    return key


def from_stored(key: str | bytes) -> str:
    """The reverse of `to_stored`."""
    return key if isinstance(key, str) else key.decode("utf-8", "surrogateescape")


def image_from(row: tuple[Any, ...]) -> StoredImage:
    """Makes an image of a row of ``COLUMNS``."""
    identifier, key, name, status, sha256, view, *numbers = row
    return StoredImage(
        identifier, from_stored(key), from_stored(name), status_from(status), sha256,
        _view(view), *numbers,
    )  # fmt: skip


def status_from(text: str) -> ImageStatus:
    """A damaged letter costs the status of one image, and not the opening of all."""
    return ImageStatus(text) if text in _STATUSES else ImageStatus.UNTOUCHED


def _view(text: str | None) -> dict[str, float] | None:
    try:
        view = None if text is None else json.loads(text)
    except ValueError:
        return None
    return view if isinstance(view, dict) else None


def edit_from(row: tuple[Any, ...]) -> MaskEdit:
    """Makes an edit of a whole row of the edits table."""
    _, _, top, left, bottom, right, mask_xor, provenance_xor, kind, text, _ = row
    return MaskEdit(Rect(top, left, bottom, right), mask_xor, provenance_xor, kind, text)


_INPUT_PIECE, _OUTPUT_PIECE = 2**15, 2**20


def pack(pixels: Pixels) -> bytes:
    """Compresses pixels, row by row."""
    return zlib.compress(np.ascontiguousarray(pixels).data, 1)


def unpack(data: bytes, height: int, width: int) -> Pixels:
    """The reverse of `pack`, as a new writable array.

    Raises:
        zlib.error: damaged.
        ValueError: of another size.
    """
    # Piece by piece: zlib puts a large result together, and numpy copies it, under Python's lock,
    # 20 ms for a mask of 8192 x 4096 in which no brush would move.
    pixels = np.empty(height * width, np.uint8)
    unpacker, filled = zlib.decompressobj(), 0
    for start in range(0, len(data), _INPUT_PIECE):
        piece = data[start : start + _INPUT_PIECE]
        while piece:
            part = unpacker.decompress(piece, _OUTPUT_PIECE)
            piece = unpacker.unconsumed_tail
            if filled + len(part) > pixels.size:
                raise ValueError(f"more than {height} x {width} pixels")
            pixels[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
            filled += len(part)
    if filled != pixels.size or not unpacker.eof:
        raise ValueError(f"{filled} of {height} x {width} pixels")
    return pixels.reshape(height, width)
