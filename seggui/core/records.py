"""The small frozen records that the editing core hands out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum


class Provenance(IntEnum):
    """Where a pixel's class comes from. The values are what provenance PNGs store."""

    UNSEEN = 0  # nobody said anything
    PREDICTED = 1  # a network said so
    CORRECTED = 2  # a person painted it
    ACCEPTED = 3  # a person reviewed the image and left it


class ImageStatus(str, Enum):
    """How far an image is. The value is what the project stores."""

    UNTOUCHED = "untouched"
    PREDICTED = "predicted"
    CORRECTED = "corrected"
    REVIEWED = "reviewed"


TRUSTED_STATUSES = (ImageStatus.CORRECTED, ImageStatus.REVIEWED)
"""Images whose masks hold what a person said."""


@dataclass(frozen=True)
class Rect:
    """A half-open pixel rectangle: rows [top, bottom), columns [left, right)."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Rows covered, never negative."""
        return max(0, self.bottom - self.top)

    @property
    def width(self) -> int:
        """Columns covered, never negative."""
        return max(0, self.right - self.left)

    @property
    def is_empty(self) -> bool:
        """True when no pixel is covered."""
        return self.height == 0 or self.width == 0

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing an (H, W) array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def union(self, other: Rect) -> Rect:
        """The smallest rectangle that covers both; an empty one adds nothing."""
        if self.is_empty:
            return other
        if other.is_empty:
            return self
        return Rect(
            min(self.top, other.top), min(self.left, other.left),
            max(self.bottom, other.bottom), max(self.right, other.right),
        )  # fmt: skip

    def clipped(self, height: int, width: int) -> Rect:
        """The part inside an (height, width) image; may be empty."""
        return Rect(
            max(0, self.top), max(0, self.left), min(height, self.bottom), min(width, self.right)
        )


EMPTY_RECT = Rect(0, 0, 0, 0)


@dataclass(frozen=True)
class MaskEdit:
    """One undoable change: applying it twice changes nothing, so undo and redo are one function.

    Attributes:
        rect: where; everything outside is untouched.
        mask_xor: zlib-compressed XOR of the mask bytes inside ``rect``, row by row.
        provenance_xor: the same for the provenance bytes.
        kind: ``"stroke"``, ``"fill"``, ``"polygon"``, ``"prediction"``, ``"review"``, ``"import"``.
        text: for the undo menu, e.g. ``"Brush: Road"``.
    """

    rect: Rect
    mask_xor: bytes
    provenance_xor: bytes
    kind: str
    text: str


@dataclass(frozen=True)
class DocumentStatus:
    """What others may know about a document at one moment.

    Attributes:
        revision: grows with every committed change, undo and redo included.
        can_undo: whether there is a step to undo.
        can_redo: whether there is a step to redo.
        undo_text: text of the step that undo would take back, or an empty string.
        redo_text: the same for redo.
        num_corrected_pixels: pixels a person painted.
    """

    revision: int
    can_undo: bool
    can_redo: bool
    undo_text: str
    redo_text: str
    num_corrected_pixels: int


@dataclass(frozen=True)
class ImageRecord:
    """One image of a project.

    Attributes:
        key: path relative to the folder, with "/" on every system; names the image everywhere.
        status: how far it is.
        model_sha256: which network predicted it last, or an empty string.
        is_held_out: its role in training, decided once and for ever; None until asked for.
    """

    key: str
    status: ImageStatus = ImageStatus.UNTOUCHED
    model_sha256: str = ""
    is_held_out: bool | None = None
