"""Colour PNG: 8-bit RGB, every pixel has the colour of its class; exact in both directions."""

from __future__ import annotations

import io
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.data.image_files import opened_bytes
from model.data.label_sets import IGNORE, Color, LabelSet
from model.data.masks import ignore_color, palette, unknown_values
from model.errors import LabelSetError, MaskError
from model.formats.mask_format import MaskFormat, Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

_NAMED_COLORS = 5


def _encode(mask: Pixels, _image: Pixels | None, label_set: LabelSet) -> bytes:
    from PIL import Image as PillowImage

    _refuse_shared_colors(label_set)
    unknown = unknown_values(mask, label_set)
    if unknown:
        raise MaskError(
            f"The mask has values without a class (value: pixels): {unknown}; "
            f"0 to {len(label_set) - 1} and {IGNORE} have a colour.",
            remedy="Correct these pixels, or choose the label set that the mask was made with.",
        )
    buffer = io.BytesIO()
    PillowImage.fromarray(palette(label_set)[mask]).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _decode(data: bytes, label_set: LabelSet) -> Pixels:
    _refuse_shared_colors(label_set)
    codes = _codes(_pixels(data))
    values = np.zeros(1 << 24, np.uint16)  # by colour: 0 = unknown, else mask value + 1
    for label_class in label_set.classes:
        values[_code(label_class.color)] = label_class.index + 1
    values[_code(ignore_color(label_set))] = IGNORE + 1
    found = values[codes]
    if not found.all():
        raise _unknown_colors(codes[found == 0])
    return (found - 1).astype(np.uint8)


def _pixels(data: bytes) -> Pixels:
    with opened_bytes(data, "in memory", error_type=MaskError) as image:
        opaque = not image.has_transparency_data or _is_opaque(image)
        if image.format == "JPEG" or image.mode not in ("RGB", "RGBA", "P") or not opaque:
            raise MaskError(
                f"A {image.format} file of mode {image.mode} is no colour mask; "
                "an opaque 8-bit RGB PNG was expected.",
                remedy="If its pixels are class indices, import it as an index PNG.",
            )
        return np.asarray(image.convert("RGB"))


def _is_opaque(image: Image) -> bool:
    return image.convert("RGBA").getchannel("A").getextrema() == (255, 255)


def _codes(pixels: Pixels) -> NDArray[np.uint32]:
    wide = pixels.astype(np.uint32)
    return ((wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]).astype(np.uint32, copy=False)


def _code(color: Color) -> int:
    return color[0] << 16 | color[1] << 8 | color[2]


def _unknown_colors(codes: NDArray[np.uint32]) -> MaskError:
    colors, counts = np.unique(codes, return_counts=True)
    largest = np.argsort(counts)[::-1][:_NAMED_COLORS]
    listed = ", ".join(
        f"({c >> 16}, {c >> 8 & 255}, {c & 255}): {n} pixels"
        for c, n in ((int(colors[i]), int(counts[i])) for i in largest)
    )
    more = f", and {len(colors) - _NAMED_COLORS} more" if len(colors) > _NAMED_COLORS else ""
    return MaskError(
        f"The mask has {len(colors)} colours that are no class of the label set: {listed}{more}.",
        remedy="Add these classes to the label set, or choose the one that the mask was made with.",
    )


def _refuse_shared_colors(label_set: LabelSet) -> None:
    by_color: dict[Color, list[str]] = defaultdict(list)
    for label_class in label_set.classes:
        by_color[label_class.color].append(label_class.name)
    shared = [names for names in by_color.values() if len(names) > 1]
    if shared:
        raise LabelSetError(
            f"In {label_set.name!r} these classes share a colour: {shared}; "
            "a colour mask needs a colour for each.",
            remedy="Give them different colours, or export index PNG.",
        )


COLOR_PNG = MaskFormat(
    "color-png",
    "Colour PNG",
    "The colour of the class per pixel, as CamVid and Cityscapes ship it; keep the label set.",
    ".png",
    _encode,
    _decode,
)
