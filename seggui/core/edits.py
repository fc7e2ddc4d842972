"""Making a ``MaskEdit`` out of a before and an after, and applying one."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from model.data.label_sets import IGNORE
from model.errors import MaskError, StorageError
from seggui.core.records import EMPTY_RECT, MaskEdit, Provenance, Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

_LEVEL = 1  # edits are made while the user waits; level 6 takes four times as long for a third less

"""(H, W) uint8: class indices (255 = ignore) or provenance values."""


@dataclass(frozen=True, eq=False)
class EditResult:
    """What an edit leads to, worked out away from the window's thread.

    Attributes:
        mask: (rect.height, rect.width) uint8 inside of the edit's rectangle, read-only.
        provenance: the same shape, read-only.
        num_corrected_change: how many more pixels a person has decided, maybe negative.
    """

    mask: Pixels
    provenance: Pixels
    num_corrected_change: int


def make_edit(
    rect: Rect,
    mask_before: Pixels,
    mask_after: Pixels,
    provenance_before: Pixels,
    provenance_after: Pixels,
    *,
    kind: str,
    text: str,
) -> MaskEdit | None:
    """The smallest edit that turns before into after. Pure: it may run in any thread.

    Args:
        rect: where the four arrays lie in the image.
        mask_before: (rect.height, rect.width) uint8; only read, like the others.
        mask_after: the same shape.
        provenance_before: the same shape.
        provenance_after: the same shape.
        kind: see :class:`MaskEdit`.
        text: for the undo menu.

    Returns:
        The edit, cropped to the rectangle that really changed; None when nothing changed.

    Raises:
        ValueError: an array is not uint8 or not of the rectangle's size.
    """
    for array in (mask_before, mask_after, provenance_before, provenance_after):
        if array.dtype != np.uint8 or array.shape != (rect.height, rect.width):
            raise ValueError(
                f"Received {array.dtype} of shape {array.shape}; "
                f"expected uint8 of shape {(rect.height, rect.width)} for {rect}."
            )
    mask_xor = mask_before ^ mask_after
    provenance_xor = provenance_before ^ provenance_after
    crop = _changed_rect(mask_xor | provenance_xor)
    if crop.is_empty:
        return None
    return MaskEdit(
        rect=Rect(
            rect.top + crop.top, rect.left + crop.left,
            rect.top + crop.bottom, rect.left + crop.right,
        ),
        mask_xor=_packed(mask_xor[crop.slices]),
        provenance_xor=_packed(provenance_xor[crop.slices]),
        kind=kind,
        text=text,
    )  # fmt: skip


def apply_edit(edit: MaskEdit, mask: Pixels, provenance: Pixels) -> Rect:
    """Applies an edit in place, completely or not at all; a second time takes it back.

    Args:
        edit: made for arrays of this size.
        mask: (H, W) uint8, changed.
        provenance: (H, W) uint8, changed.

    Returns:
        The rectangle that changed.

    Raises:
        StorageError: the edit is damaged or belongs to an image of another size; nothing changed.
    """
    rect = edit.rect
    if rect.is_empty or rect != rect.clipped(*mask.shape):
        raise _damaged(edit, f"{rect} is not inside the image of {mask.shape} pixels")
    mask_xor = _unpacked(edit, edit.mask_xor)
    provenance_xor = _unpacked(edit, edit.provenance_xor)
    mask[rect.slices] ^= mask_xor
    provenance[rect.slices] ^= provenance_xor
    return rect


def edit_result(edit: MaskEdit, mask: Pixels, provenance: Pixels) -> EditResult:
    """Applies an edit to copies; pure, it may run in any thread on a snapshot.

    Args:
        edit: made for arrays of this size.
        mask: (H, W) uint8, only read.
        provenance: (H, W) uint8, only read.

    Raises:
        StorageError: as :func:`apply_edit`.
    """
    new_mask, new_provenance = mask.copy(), provenance.copy()
    inside = apply_edit(edit, new_mask, new_provenance).slices
    change = count_corrected(new_provenance[inside]) - count_corrected(provenance[inside])
    for array in (new_mask, new_provenance):
        array.setflags(write=False)
    return EditResult(new_mask[inside], new_provenance[inside], change)


def count_corrected(provenance: Pixels) -> int:
    """How many pixels a person has decided."""
    return int(np.count_nonzero(provenance == Provenance.CORRECTED))


def prepare_prediction(
    mask: Pixels, provenance: Pixels, classes: Pixels, *, text: str
) -> MaskEdit | None:
    """The edit that takes over a prediction where no person said anything.

    Unseen and predicted pixels get the predicted class and become predicted, or unseen where the
    prediction is 255. Corrected and accepted pixels stay. Pure: it may run in a worker, on a
    snapshot of the document.

    Args:
        mask: (H, W) uint8 class indices, 255 = ignore; only read, like the others.
        provenance: (H, W) uint8 values of :class:`Provenance`.
        classes: (H, W) uint8 predicted class indices, 255 = no class.
        text: for the undo menu.

    Returns:
        The edit, or None when the prediction changes nothing.

    Raises:
        MaskError: an array is not uint8, or they are not of one size.
    """
    check_pixels(mask, "mask")
    check_pixels(provenance, "provenance", shape=mask.shape)
    check_pixels(classes, "prediction", shape=mask.shape)
    is_free = provenance <= Provenance.PREDICTED  # UNSEEN or PREDICTED
    new_mask = np.where(is_free, classes, mask)
    new_provenance = provenance.copy()
    new_provenance[is_free] = Provenance.PREDICTED
    new_provenance[is_free & (classes == IGNORE)] = Provenance.UNSEEN
    rect = Rect(0, 0, *mask.shape)
    return make_edit(rect, mask, new_mask, provenance, new_provenance, kind="prediction", text=text)


def check_pixels(array: Pixels, name: str, *, shape: tuple[int, ...] | None = None) -> None:
    """Checks a mask or provenance that comes from outside.

    Args:
        array: should be (H, W) uint8 with at least one pixel.
        name: what it is, for the message.
        shape: what its shape should be; None means any.

    Raises:
        MaskError: it is not.
    """
    if array.dtype != np.uint8 or array.ndim != 2 or array.size == 0:
        raise MaskError(
            f"The {name} is {array.dtype} of shape {array.shape}; "
            "expected uint8 of shape (height, width) with at least one pixel."
        )
    if shape is not None and array.shape != shape:
        raise MaskError(
            f"The {name} has {array.shape[1]} x {array.shape[0]} pixels; "
            f"expected the {shape[1]} x {shape[0]} of the image.",
            remedy="Masks must have exactly the size of their image.",
        )


def _changed_rect(changed: Pixels) -> Rect:
    rows = np.flatnonzero(changed.any(axis=1))
    if rows.size == 0:
        return EMPTY_RECT
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(changed[top:bottom].any(axis=0))
    return Rect(top, int(columns[0]), bottom, int(columns[-1]) + 1)


def _packed(xor: Pixels) -> bytes:
    return zlib.compress(np.ascontiguousarray(xor).data, _LEVEL)


def _unpacked(edit: MaskEdit, data: bytes) -> Pixels:
    rect = edit.rect
    size = rect.height * rect.width
    stream = zlib.decompressobj()
    try:
        # Bounded, because a damaged stream may claim to hold gigabytes.
        pixels = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise _damaged(edit, str(error)) from error
    if len(pixels) != size or not stream.eof:
        raise _damaged(edit, f"its data does not have the {size} pixels of {rect}")
    return np.frombuffer(pixels, np.uint8).reshape(rect.height, rect.width)


def _damaged(edit: MaskEdit, reason: str) -> StorageError:
    return StorageError(
        f"The step {edit.text!r} cannot be undone or redone: {reason}.",
        remedy="The mask stays as it is; earlier steps of this image are lost.",
    )
