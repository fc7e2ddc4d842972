"""Index PNG: one byte per pixel is the class index, 255 = ignore; with the palette or gray."""

from __future__ import annotations

from model.data.label_sets import LabelSet
from model.data.masks import decode_mask, encode_mask
from model.formats.mask_format import MaskFormat, Pixels


def _encode_palette(mask: Pixels, _image: Pixels | None, label_set: LabelSet) -> bytes:
    return encode_mask(mask, label_set)


def _encode_gray(mask: Pixels, _image: Pixels | None, _label_set: LabelSet) -> bytes:
    return encode_mask(mask, None)


def _decode(data: bytes, _label_set: LabelSet) -> Pixels:
    return decode_mask(data)


INDEX_PNG = MaskFormat(
    "index-png",
    "Index PNG",
    "Class index per pixel, 255 = ignore, with a palette: viewers show the colours.",
    ".png",
    _encode_palette,
    _decode,
)

GRAY_PNG = MaskFormat(
    "gray-png",
    "Gray index PNG",
    "Class index per pixel, 255 = ignore, without a palette: looks black, for strict readers.",
    ".png",
    _encode_gray,
    _decode,
)
