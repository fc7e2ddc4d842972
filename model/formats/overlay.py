"""Overlay: the image with the classes laid over it, to look at; classes cannot be read back."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from model.data.label_sets import IGNORE, LabelSet
from model.data.masks import palette
from model.errors import MaskError
from model.formats.mask_format import MaskFormat, Pixels

DEFAULT_OPACITY = 0.5

_BOUNDARY_OPACITY = 1.0


def blend(
    mask: Pixels, image: Pixels, label_set: LabelSet, *, opacity: float = DEFAULT_OPACITY
) -> Pixels:
    """Lays the colours of the classes over an image; borders between classes stay visible.

    Args:
        mask: (H, W) uint8 class indices; ignore shows the plain image.
        image: (H, W, 3) uint8 RGB.
        label_set: gives the colours.
        opacity: 0 shows the image, 1 the colours.

    Returns:
        (H, W, 3) uint8 RGB, a new array.

    Raises:
        MaskError: image and mask differ in size.
    """
    if image.shape != (*mask.shape, 3):
        raise MaskError(
            f"The image has shape {image.shape}, the mask {mask.shape}; "
            "the same height and width were expected.",
            remedy="Check that the mask belongs to this image.",
        )
    share = np.full(mask.shape, round(opacity * 256), np.uint16)
    share[_is_boundary(mask)] = round(_BOUNDARY_OPACITY * 256)
    share[mask == IGNORE] = 0
    weight = share[..., None]
    # 8-bit values times 256 just fit 16 bits: four times less memory than floats.
    mixed = palette(label_set)[mask] * weight + image * (np.uint16(256) - weight)
    result: Pixels = (mixed >> 8).astype(np.uint8)
    return result


def _is_boundary(mask: Pixels) -> NDArray[np.bool_]:
    """(H, W) True where the pixel above or to the left is of another class."""
    boundary = np.zeros(mask.shape, np.bool_)
    boundary[1:] |= mask[1:] != mask[:-1]
    boundary[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    return boundary


def _encode(mask: Pixels, image: Pixels | None, label_set: LabelSet) -> bytes:
    from PIL import Image

    if image is None:
        raise MaskError("An overlay needs the image; only the mask was given.")
    buffer = io.BytesIO()
    # Full colour resolution: with the usual halving, borders of the classes would bleed.
    picture = Image.fromarray(blend(mask, image, label_set))
    picture.save(buffer, "JPEG", quality=90, subsampling=0)
    return buffer.getvalue()


OVERLAY = MaskFormat(
    "overlay",
    "Overlay JPEG",
    "The image with the colours of the classes over it, for slides and quick checks.",
    ".jpg",
    _encode,
    None,
    needs_image=True,
)
